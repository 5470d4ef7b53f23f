"""disableInsecureEncryption: bodies that anybody can read or change end before anything is dialled."""

import re
from functools import partial

import configs
import entries
from cases import Case
from configs import EMAIL, LOOPBACK
from lab import wait_until
from streams import alive, receive_to_end, say
from targets import Target, echo


def cases(bench):
    for pair in bench.pairs:
        if pair.server.is_ours:
            for security in ("none", "zero") if pair.both_ours else ("none",):
                yield Case(f"insecure/{pair}/{security}", partial(cut, pair=pair, security=security))
            for security in ("aes-128-gcm", "chacha20-poly1305"):
                yield Case(f"insecure/{pair}/{security}", partial(passes, pair=pair, security=security))


def _start(lab, pair, security):
    server_port, port = lab.free_port(), lab.free_port()
    inbound = configs.vmess_in(server_port)
    inbound["settings"]["disableInsecureEncryption"] = True
    log = {"loglevel": "info", "access": lab.path("server.access")}
    lab.start(pair.server, configs.config([inbound], [configs.freedom_out()], log), "server")
    out = configs.vmess_out([(LOOPBACK, server_port)], security)
    lab.start(pair.client, configs.config([configs.socks_in(port)], [out]), "client")
    return port


def cut(lab, pair, security):
    """Cut at once, with a line that says so, and the target hears nothing."""
    target = lab.closing(Target(echo))
    port = _start(lab, pair, security)
    with entries.socks5(port, LOOPBACK, target.port) as connection:
        say(connection, b"x")
        received, _ = receive_to_end(connection)
        assert received == b"", received
    line = re.compile(rf" rejected  Insecure encryption email: {re.escape(EMAIL)}$", re.MULTILINE)

    def logged():
        with open(lab.path("server.access")) as file:
            return line.search(file.read())

    wait_until(logged, "the rejection in the access log")
    assert target.accepted == 0


def passes(lab, pair, security):
    """The AEAD bodies are served as ever."""
    target = lab.closing(Target(echo))
    port = _start(lab, pair, security)
    with entries.socks5(port, LOOPBACK, target.port) as connection:
        alive(connection)
