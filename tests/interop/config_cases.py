"""What a configuration can say beyond the usual arrangement, shown in traffic."""

import re
import socket
from functools import partial

import configs
import entries
from cases import Case, Skip
from configs import LOOPBACK
from entries import Refused
from lab import wait_for_access, wait_until
from streams import Ended, Payload, alive, dial, echoes, receive_to_end
from targets import Origin, Target, echo
from tunnel import Pair, Tunnel, crowd_alter_id

_REQUESTS = 40
_ACCOUNT = ("anna", "pass word")


def cases(bench):
    for pair in bench.pairs:
        for name, run in (
            ("two-servers/one-dead", one_dead),
            ("two-servers/take-turns", take_turns),
            ("two-users", two_users),
            ("ipv6", ipv6),
            ("localhost-by-name", localhost),
            ("freedom-redirect", redirect),
            ("freedom-domain-strategy", domain_strategy),
            ("blackhole-http", blackhole_http),
            ("blackhole-none", blackhole_none),
            ("chain-of-two", chain),
        ):
            yield Case(f"config/{pair}/{name}", partial(run, pair=pair))
    for program in bench.programs:
        for name, run in (
            ("socks-account", socks_account),
            ("http-account", http_account),
            ("socks4", socks4),
            ("inbound-tag-rule", tag_rule),
            ("socks-refuses-nonsense", socks_nonsense),
        ):
            yield Case(f"config/{program.kind}/{name}", partial(run, program=program))
        if program.is_ours:
            for security in ("aes-128-gcm", "zero"):
                yield Case(
                    f"config/ours/engine-switches/{security}",
                    partial(engine_switches, program=program, security=security),
                )


def client_of(lab, program, servers, inbound=None, **vmess):
    """A client with SOCKS in front of the given servers; gives its port."""
    port = lab.free_port()
    inbound = inbound or configs.socks_in(port)
    lab.start(program, configs.config([inbound], [configs.vmess_out(servers, **vmess)]), "client")
    return port


def server_of(lab, program, name="server", listen=LOOPBACK, **fields):
    """A VMess server with freedom behind it and an access log of its own; gives its port."""
    port = lab.free_port(listen)
    log = {"loglevel": "info", "access": lab.path(f"{name}.access")}
    inbound = configs.vmess_in(port, listen, **fields)
    lab.start(program, configs.config([inbound], [configs.freedom_out()], log=log), name)
    return port


def direct(lab, program, inbound, outbound=None, name="direct"):
    """One program from an inbound straight to its targets."""
    return lab.start(program, configs.config([inbound], [outbound or configs.freedom_out()]), name)


def one_dead(lab, pair):
    """Of two servers one does not listen: no request fails."""
    target = lab.closing(Target(echo))
    alter_id = crowd_alter_id(pair)
    living = server_of(lab, pair.server, alter_id=alter_id)
    port = client_of(lab, pair.client, [(LOOPBACK, lab.free_port()), (LOOPBACK, living)], alter_id=alter_id)
    all_served(port, target, _REQUESTS)


def all_served(port, target, count):
    """So many connections, one after the other, and none of them fails."""
    for number in range(count):
        with entries.socks5(port, LOOPBACK, target.port) as connection:
            alive(connection, b"request %d" % number)


def take_turns(lab, pair):
    """Two servers are used in turn, one connection each."""
    target = lab.closing(Target(echo))
    ports = [server_of(lab, pair.server, name) for name in ("first", "second")]
    client = client_of(lab, pair.client, [(LOOPBACK, port) for port in ports])
    used_in_turns(lab, client, target, 5)


def used_in_turns(lab, port, target, turns):
    """Each of the two servers, `first` and `second`, has every other connection."""
    order = []
    for number in range(2 * turns):
        with entries.socks5(port, LOOPBACK, target.port) as connection:
            alive(connection)
            order.append(wait_until(lambda: _newly_used(lab, order), f"line {number} in a log"))
    assert order in (["first", "second"] * turns, ["second", "first"] * turns), order


def _newly_used(lab, order):
    """The server whose access log has grown by a line since the last look."""
    for name in ("first", "second"):
        try:
            with open(lab.path(f"{name}.access")) as file:
                lines = file.read().count(" accepted ")
        except FileNotFoundError:
            lines = 0
        if lines > order.count(name):
            return name
    return None


def two_users(lab, pair):
    """Both users of a server are served, in any spelling of their ids."""
    target = lab.closing(Target(echo))
    clients = [
        {"id": configs.OTHER_USER_ID.upper(), "email": "ben@example.org"},
        {"id": configs.USER_ID.replace("-", ""), "email": configs.EMAIL},
    ]
    server = server_of(lab, pair.server, clients=clients)
    for user_id in (configs.USER_ID, configs.OTHER_USER_ID):
        inbound_port = lab.free_port()
        outbound = configs.vmess_out([(LOOPBACK, server)], user_id=user_id)
        config = configs.config([configs.socks_in(inbound_port)], [outbound])
        lab.start(pair.client, config, f"client-{user_id[:4]}")
        with entries.socks5(inbound_port, LOOPBACK, target.port) as connection:
            alive(connection)
    for email in (configs.EMAIL, "ben@example.org"):
        wait_for_access(lab, lambda text: f"email: {email}" in text)


def ipv6(lab, pair):
    """IPv6 at every place: the way in, the server (with and without brackets), the target."""
    need_ipv6()
    target = lab.closing(Target(echo, host="::1"))
    server = server_of(lab, pair.server, listen="::1")
    for spelling in ("::1", "[::1]"):
        port = lab.free_port("::1")
        outbound = configs.vmess_out([(spelling, server)])
        config = configs.config([configs.socks_in(port, listen="::1")], [outbound])
        lab.start(pair.client, config, "client-bare" if spelling == "::1" else "client-brackets")
        with entries.socks5(port, "::1", target.port, listen="::1") as connection:
            echoes(connection, Payload(10_000))


def need_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as problem:
        raise Skip(f"no IPv6 loopback here: {problem}")


def localhost(lab, pair):
    """Names are resolved: the server's own, and the target's in every way that can carry one."""
    target = lab.closing(Target(echo))
    server = server_of(lab, pair.server)
    socks, http = lab.free_port(), lab.free_port()
    inbounds = [configs.socks_in(socks), configs.http_in(http)]
    outbound = configs.vmess_out([("localhost", server)])
    lab.start(pair.client, configs.config(inbounds, [outbound]), "client")
    for enter, port in (
        (entries.socks5, socks),
        (entries.socks4a, socks),
        (entries.http_connect, http),
    ):
        with enter(port, "localhost", target.port) as connection:
            alive(connection)


def redirect(lab, pair):
    """`redirect` of freedom leads every connection to one place."""
    target = lab.closing(Target(echo))
    out = configs.freedom_out(redirect=f"{LOOPBACK}:{target.port}")
    tunnel = Tunnel(lab, pair, server_out=[out])
    with tunnel.socks(1, host="192.0.2.1") as connection:
        alive(connection)


def domain_strategy(lab, pair):
    """`UseIPv4` resolves a name before dialling."""
    target = lab.closing(Target(echo))
    tunnel = Tunnel(lab, pair, server_out=[configs.freedom_out(domainStrategy="UseIPv4")])
    with tunnel.socks(target.port, host="localhost") as connection:
        alive(connection)


def blackhole_http(lab, pair):
    """blackhole answers with a 403 and ends."""
    tunnel = Tunnel(lab, pair, server_out=[configs.blackhole_out("http")])
    with tunnel.socks(80) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n")
        received, _ = receive_to_end(connection)
    # V2Ray ends its lines with a bare line feed here.
    assert re.match(rb"HTTP/1\.1 403 Forbidden\r?\n", received), received


def blackhole_none(lab, pair):
    """blackhole without a response ends without a byte."""
    tunnel = Tunnel(lab, pair, server_out=[configs.blackhole_out("none")])
    with tunnel.socks(80) as connection:
        connection.sendall(b"anybody?")
        received, _ = receive_to_end(connection)
    assert received == b"", received


def tag_rule(lab, program):
    """A rule on the inbound's tag chooses the outbound; the first outbound is for everything else."""
    named, other = Origin("named"), Origin("other")
    ports = {origin.name: lab.closing(Target(origin)).port for origin in (named, other)}
    doors = {"door-a": lab.free_port(), "door-b": lab.free_port()}
    inbounds = [configs.door_in(port, LOOPBACK, 9, tag=tag) for tag, port in doors.items()]
    outbounds = [
        configs.freedom_out(f"to-{name}", redirect=f"{LOOPBACK}:{ports[name]}")
        for name in ("other", "named")
    ]
    rules = [configs.tag_rule("door-b", "to-named")]
    lab.start(program, configs.config(inbounds, outbounds, rules=rules), "ruled")
    for tag, expected in (("door-a", b"this is other"), ("door-b", b"this is named")):
        with dial(doors[tag]) as connection:
            _, body = entries.http_request(connection, "GET", "http://example.org/")
            assert body == expected, (tag, body)


def chain(lab, pair):
    """VMess in and VMess out in one program: a relay between two others."""
    target = lab.closing(Target(echo))
    last = server_of(lab, pair.server, "last")
    middle = lab.free_port()
    config = configs.config(
        [configs.vmess_in(middle)], [configs.vmess_out([(LOOPBACK, last)], "chacha20-poly1305")]
    )
    lab.start(pair.server, config, "middle")
    port = client_of(lab, pair.client, [(LOOPBACK, middle)], security="aes-128-gcm")
    with entries.socks5(port, LOOPBACK, target.port) as connection:
        echoes(connection, Payload(3_000_000))


def socks_account(lab, program):
    """user/password: the right one is served, anything else is refused."""
    target = lab.closing(Target(echo))
    port = lab.free_port()
    direct(lab, program, configs.socks_in(port, accounts=[("ben", "x"), _ACCOUNT]))
    with entries.socks5(port, LOOPBACK, target.port, account=_ACCOUNT) as connection:
        alive(connection)
    for account in (("anna", "wrong"), ("nobody", "pass word"), None):
        try:
            entries.socks5(port, LOOPBACK, target.port, account=account)
        except (Refused, Ended, ConnectionError):
            continue
        raise AssertionError(f"{account} was served")
    assert target.accepted == 1


def http_account(lab, program):
    """Basic credentials: the right ones are served, anything else gets a 407."""
    target = lab.closing(Target(echo))
    port = lab.free_port()
    direct(lab, program, configs.http_in(port, accounts=[("anna", "secret")]))
    good = "Proxy-Authorization: Basic YW5uYTpzZWNyZXQ="
    with entries.http_connect(port, LOOPBACK, target.port, headers=[good]) as connection:
        alive(connection)
    for headers in ([], ["Proxy-Authorization: Basic YW5uYTp3cm9uZw=="]):
        try:
            entries.http_connect(port, LOOPBACK, target.port, headers=headers)
        except Refused as answer:
            assert re.match(r"HTTP/1\.[01] 407 ", str(answer)), answer
            continue
        raise AssertionError(f"served with {headers}")


def socks4(lab, program):
    target = lab.closing(Target(echo))
    port = lab.free_port()
    direct(lab, program, configs.socks_in(port))
    with entries.socks4(port, LOOPBACK, target.port) as connection:
        alive(connection)


def socks_nonsense(lab, program):
    """What is not SOCKS is let go without harm to anybody else."""
    target = lab.closing(Target(echo))
    port = lab.free_port()
    direct(lab, program, configs.socks_in(port))
    for nonsense in (b"\x06\x01\x00", b"\x05\x00", b"\x05\x01\x00\x05\x09\x00\x01" + bytes(6), b"\xff" * 500):
        with dial(port) as connection:
            connection.sendall(nonsense)
            connection.shutdown(socket.SHUT_WR)
            receive_to_end(connection)
    with entries.socks5(port, LOOPBACK, target.port) as connection:
        alive(connection)


_SWITCHES = {"zeroCopySend": True, "busyPollMicroseconds": 20, "submissionPolling": True}


def engine_switches(lab, program, security):
    """All switches of the engine on at both ends: bytes arrive, and each is on or was refused aloud."""
    target = lab.closing(Target(echo))
    extra = {"engine": _SWITCHES}
    tunnel = Tunnel(lab, Pair(program, program), security, server_extra=extra, client_extra=extra)
    with tunnel.socks(target.port) as connection:
        echoes(connection, Payload(4 << 20))
    wait_until(lambda: " started\n" in tunnel.server.output(), "the line behind those about the engine")
    said = tunnel.server.output()
    engine, switches = re.search(r"engine: (\w+), (zeroCopySend: .*)", said).groups()
    on = dict(part.split(": ") for part in switches.strip().split(", "))
    for name, wanted in (("zeroCopySend", "on"), ("busyPollMicroseconds", "20"), ("submissionPolling", "on")):
        is_refused = f"engine.{name} is refused, and off: " in said
        assert (on[name] == wanted) != is_refused, (name, said)
        assert is_refused or engine == "io_uring", (name, said)
