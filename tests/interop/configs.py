"""V2Ray's JSON, made from pieces: every function gives one object of a configuration file."""

LOOPBACK = "127.0.0.1"
USER_ID = "b831381d-6324-4d53-ad4f-8cda48b30811"
OTHER_USER_ID = "4a1e3b0c-55aa-4c1e-9d7e-0a2f6f0c1b77"
EMAIL = "anna@example.org"


def vmess_in(port, listen=LOOPBACK, tag="vmess-in", clients=None, alter_id=0):
    clients = clients or [{"id": USER_ID, "alterId": alter_id, "email": EMAIL}]
    return _inbound("vmess", port, listen, tag, {"clients": clients})


def socks_in(port, listen=LOOPBACK, tag="socks-in", accounts=None):
    settings = {"auth": "noauth", "udp": False}
    if accounts:
        settings = {"auth": "password", "accounts": _accounts(accounts)}
    return _inbound("socks", port, listen, tag, settings)


def http_in(port, listen=LOOPBACK, tag="http-in", accounts=None):
    settings = {"accounts": _accounts(accounts)} if accounts else {}
    return _inbound("http", port, listen, tag, settings)


def door_in(port, host, target_port, listen=LOOPBACK, tag="door-in"):
    settings = {"address": host, "port": target_port, "network": "tcp"}
    return _inbound("dokodemo-door", port, listen, tag, settings)


def vmess_out(servers, security="auto", tag="proxy", user_id=USER_ID, alter_id=0):
    """servers: (host, port) pairs, each becomes one entry of `vnext`."""
    user = {"id": user_id, "alterId": alter_id, "security": security}
    vnext = [{"address": host, "port": port, "users": [user]} for host, port in servers]
    return {"protocol": "vmess", "tag": tag, "settings": {"vnext": vnext}}


def freedom_out(tag="direct", **settings):
    return {"protocol": "freedom", "tag": tag, "settings": settings}


def blackhole_out(response, tag="blocked"):
    return {"protocol": "blackhole", "tag": tag, "settings": {"response": {"type": response}}}


def policy(**seconds):
    """The times of level 0: handshake, connIdle, uplinkOnly, downlinkOnly."""
    return {"levels": {"0": seconds}}


def tag_rule(inbound_tag, outbound_tag):
    return {"type": "field", "inboundTag": [inbound_tag], "outboundTag": outbound_tag}


def config(inbounds, outbounds, log=None, times=None, rules=None):
    whole = {
        "log": log or {"loglevel": "info"},
        "inbounds": inbounds,
        "outbounds": outbounds,
    }
    if times:
        whole["policy"] = times
    if rules:
        whole["routing"] = {"rules": rules}
    return whole


def _inbound(protocol, port, listen, tag, settings):
    return {
        "protocol": protocol,
        "tag": tag,
        "listen": listen,
        "port": port,
        "settings": settings,
    }


def _accounts(accounts):
    return [{"user": user, "pass": word} for user, word in accounts]
