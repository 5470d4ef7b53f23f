"""alterId: the older header, signed by one of so many alternative ids, in both roles."""

from functools import partial

import configs
import entries
from cases import Case
from configs import EMAIL, LOOPBACK, OTHER_USER_ID, USER_ID
from lab import wait_for_access
from streams import Payload, alive, echoes, receive_some, receive_to_end, say
from targets import Target, echo
from tunnel import SECURITIES

_BYTES = 200_000


def cases(bench):
    for pair in bench.pairs:
        for ours, theirs in ((4, 4), (16, 16), (64, 64), (16, 64), (4, 16)):
            name = f"alter/{pair}/client-{ours}-server-{theirs}"
            yield Case(name, partial(relays, pair=pair, client_ids=ours, server_ids=theirs))
        for security in SECURITIES:
            yield Case(f"alter/{pair}/{security}", partial(relays, pair=pair, security=security))
        yield Case(f"alter/{pair}/newer-header-beside-older", partial(both_headers, pair=pair))
        yield Case(f"alter/{pair}/client-has-more-than-server", partial(too_many, pair=pair))
        yield Case(f"alter/{pair}/two-users", partial(two_users, pair=pair))
        if pair.server.is_ours:
            yield Case(f"alter/{pair}/refused-at-0", partial(refused_at_zero, pair=pair))


def _server(lab, program, clients, times=None):
    port = lab.free_port()
    log = {"loglevel": "info", "access": lab.path("server.access")}
    server = configs.config([configs.vmess_in(port, clients=clients)], [configs.freedom_out()], log, times)
    lab.start(program, server, "server")
    return port


def _client(lab, program, server_port, alter_id, security="auto", user_id=USER_ID, name="client"):
    port = lab.free_port()
    out = configs.vmess_out([(LOOPBACK, server_port)], security, user_id=user_id)
    out["settings"]["vnext"][0]["users"][0]["alterId"] = alter_id
    lab.start(program, configs.config([configs.socks_in(port)], [out]), name)
    return port


def _user(alter_id, user_id=USER_ID, email=EMAIL):
    return {"id": user_id, "alterId": alter_id, "email": email}


def relays(lab, pair, client_ids=16, server_ids=16, security="auto"):
    """A client that knows as many ids as the server, or fewer, gets through with every one of them."""
    target = lab.closing(Target(echo))
    server_port = _server(lab, pair.server, [_user(server_ids)])
    port = _client(lab, pair.client, server_port, client_ids, security)
    for _ in range(2 * client_ids if client_ids < 16 else 8):
        with entries.socks5(port, LOOPBACK, target.port) as connection:
            alive(connection)
    with entries.socks5(port, LOOPBACK, target.port) as connection:
        echoes(connection, Payload(_BYTES))


def both_headers(lab, pair):
    """A server that knows alternative ids takes the newer header of the same user all the same."""
    target = lab.closing(Target(echo))
    server_port = _server(lab, pair.server, [_user(16)])
    for number, alter_id in enumerate((0, 16)):
        port = _client(lab, pair.client, server_port, alter_id, name=f"client-{number}")
        with entries.socks5(port, LOOPBACK, target.port) as connection:
            alive(connection)


def too_many(lab, pair):
    """Of 64 ids the server knows 4: some connections pass, and most are let go."""
    target = lab.closing(Target(echo))
    server_port = _server(lab, pair.server, [_user(4)], configs.policy(handshake=1))
    port = _client(lab, pair.client, server_port, 64)
    passed = passed_of(80, port, target)
    # By chance, 80 times a sixteenth; the odds of 40 or more are none.
    assert passed < 40, passed


def passed_of(count, port, target) -> int:
    """How many of so many connections at the same time reach an echo."""
    connections = [entries.socks5(port, LOOPBACK, target.port) for _ in range(count)]
    for connection in connections:
        say(connection, b"x")
    passed = 0
    for connection in connections:
        with connection:
            passed += receive_some(connection) == b"x"
    return passed


def refused_at_zero(lab, pair):
    """A server that is given no alternative ids takes no older header, and says nothing."""
    target = lab.closing(Target(echo))
    server_port = _server(lab, pair.server, [_user(0)], configs.policy(handshake=1))
    port = _client(lab, pair.client, server_port, 16)
    with entries.socks5(port, LOOPBACK, target.port) as connection:
        say(connection, b"x")
        received, _ = receive_to_end(connection)
        assert received == b"", received
    assert target.accepted == 0


def two_users(lab, pair):
    """Each user's tokens are their own."""
    target = lab.closing(Target(echo))
    clients = [_user(8), _user(8, OTHER_USER_ID, "ben@example.org")]
    server_port = _server(lab, pair.server, clients)
    for number, user_id in enumerate((USER_ID, OTHER_USER_ID)):
        port = _client(lab, pair.client, server_port, 8, user_id=user_id, name=f"client-{number}")
        for _ in range(8):
            with entries.socks5(port, LOOPBACK, target.port) as connection:
                alive(connection)
    wait_for_access(lab, lambda text: text.count(EMAIL) >= 8 and text.count("ben@example.org") >= 8)
