"""The times of policy level 0, at each end: what they cut, and what they leave alone.

No case measures a time. Each shows that traffic with pauses shorter than the limit lives on well past
the limit, and that silence, some time after it, is cut. Where the machine makes a pause of its own that is as
long as the limit, the case is tried anew.
"""

import socket
import threading
from functools import partial

import configs
import entries
from cases import Case
from standstill import Conversation, tried_anew
from streams import alive, dial, receive_exactly, receive_to_end
from targets import Recorder, Target, echo, leave_alone, speaks_first
from tunnel import Tunnel

_LIMIT_SECONDS = 2
_PAUSE_SECONDS = 0.5
_TURNS = 6  # longer than the limit in all


def cases(bench):
    for pair in bench.pairs:
        for end in ("client", "server"):
            if getattr(pair, end).is_ours or pair.client.kind == pair.server.kind:
                yield Case(f"policy/{pair}/idle-at-{end}", partial(idle, pair=pair, end=end))
        if pair.client.is_ours or not pair.server.is_ours:
            yield Case(f"policy/{pair}/socks-handshake", partial(silent_application, pair=pair))
        if pair.server.is_ours or not pair.client.is_ours:
            yield Case(f"policy/{pair}/vmess-handshake", partial(silent_peer, pair=pair))
            yield Case(f"policy/{pair}/handshake-only", partial(greeting_after_limit, pair=pair))
        if pair.server.is_ours:
            yield Case(f"policy/{pair}/level-of-each-user", partial(user_levels, pair=pair))
        if pair.client.is_ours:
            yield Case(f"policy/{pair}/level-at-the-outbound", partial(outbound_level, pair=pair))
        if pair.both_ours:
            for end in ("client", "server"):
                yield Case(f"policy/{pair}/downlink-only-at-{end}", partial(downlink, pair=pair, end=end))
                yield Case(f"policy/{pair}/uplink-only-at-{end}", partial(uplink, pair=pair, end=end))
            yield Case(f"policy/{pair}/downlink-only-zero", partial(downlink_zero, pair=pair))


def times(end, **seconds):
    return {f"{end}_times": configs.policy(**seconds)}


def talk(conversation, say) -> None:
    """Words with silences between them that are shorter than the limit, and longer than it in all."""
    for _ in range(_TURNS):
        with conversation.word():
            say()
        threading.Event().wait(_PAUSE_SECONDS)


@tried_anew
def idle(lab, pair, end):
    """connIdle: a slow conversation goes on, a silent one is cut, on both sides."""
    target = lab.closing(Target(echo))
    tunnel = Tunnel(lab, pair, **times(end, connIdle=_LIMIT_SECONDS))
    conversation = Conversation(_LIMIT_SECONDS)
    with tunnel.socks(target.port) as connection:
        talk(conversation, lambda: alive(connection))
        received, _ = receive_to_end(connection)
        assert received == b"", received
        far = target.connection(0)
        received, _ = receive_to_end(far)
        assert received == b"", received


def silent_application(lab, pair):
    """handshake at the client: who does not say where to is let go, without a byte that was not asked for."""
    tunnel = Tunnel(lab, pair, **times("client", handshake=_LIMIT_SECONDS))
    beginnings = [
        (tunnel.socks_port, b""),
        (tunnel.socks_port, b"\x05"),
        (tunnel.http_port, b""),
        (tunnel.http_port, b"CONN"),
    ]
    for beginning, received in _let_go(beginnings):
        assert received == b"" or received.startswith(b"HTTP/1.1 4"), (beginning, received)


def silent_peer(lab, pair):
    """handshake at the server: a VMess peer that does not finish its header is let go in silence."""
    tunnel = Tunnel(lab, pair, **times("server", handshake=_LIMIT_SECONDS))
    beginnings = [(tunnel.vmess_port, beginning) for beginning in (b"", b"x", bytes(40))]
    for beginning, received in _let_go(beginnings):
        assert received == b"", (beginning, received)


def _let_go(beginnings):
    """Opens all at the same time, then waits for the end of each; gives what came back."""
    connections = [dial(port) for port, _ in beginnings]
    for connection, (_, beginning) in zip(connections, beginnings):
        connection.sendall(beginning)
    for connection, (_, beginning) in zip(connections, beginnings):
        with connection:
            yield beginning, receive_to_end(connection)[0]


def greeting_after_limit(lab, pair):
    """handshake ends with the header: a target that stays silent for longer than it is not cut."""
    target = lab.closing(Target(speaks_first(b"hello", after_seconds=_LIMIT_SECONDS + 1)))
    tunnel = Tunnel(lab, pair, **times("server", handshake=_LIMIT_SECONDS))
    with tunnel.socks(target.port) as connection:
        assert receive_exactly(connection, 5) == b"hello"
        alive(connection)


_LEVELS = {"levels": {"1": {"connIdle": _LIMIT_SECONDS}}}


@tried_anew
def user_levels(lab, pair):
    """Two users on one port: the one of the short level is cut when silent, the other is not."""
    target = lab.closing(Target(echo))
    server_port = lab.free_port()
    clients = [
        {"id": configs.USER_ID, "email": "short@x", "level": 1},
        {"id": configs.OTHER_USER_ID, "email": "long@x", "level": 2},
    ]
    server = configs.config(
        [configs.vmess_in(server_port, clients=clients)], [configs.freedom_out()], times=_LEVELS
    )
    lab.start(pair.server, server, "server")
    ports = []
    for user in (configs.USER_ID, configs.OTHER_USER_ID):
        ports.append(lab.free_port())
        out = configs.vmess_out([(configs.LOOPBACK, server_port)], user_id=user)
        lab.start(pair.client, configs.config([configs.socks_in(ports[-1])], [out]), f"client-{user[:4]}")
    conversation = Conversation(_LIMIT_SECONDS)
    with (
        entries.socks5(ports[0], configs.LOOPBACK, target.port) as short,
        entries.socks5(ports[1], configs.LOOPBACK, target.port) as long,
    ):
        with conversation.word():
            alive(short)
        alive(long)
        received, _ = receive_to_end(short)
        assert received == b"", received
        alive(long)


@tried_anew
def outbound_level(lab, pair):
    """`level` of the outbound's user: its connIdle cuts, although the way in has a long one."""
    target = lab.closing(Target(echo))
    server_port, port = lab.free_port(), lab.free_port()
    server = configs.config([configs.vmess_in(server_port)], [configs.freedom_out()])
    lab.start(pair.server, server, "server")
    out = configs.vmess_out([(configs.LOOPBACK, server_port)])
    out["settings"]["vnext"][0]["users"][0]["level"] = 1
    client = configs.config([configs.socks_in(port)], [out], times=_LEVELS)
    lab.start(pair.client, client, "client")
    conversation = Conversation(_LIMIT_SECONDS)
    with entries.socks5(port, configs.LOOPBACK, target.port) as connection:
        talk(conversation, lambda: alive(connection))
        received, _ = receive_to_end(connection)
        assert received == b"", received


@tried_anew
def downlink(lab, pair, end):
    """downlinkOnly, after the application's end: a slow answer goes on, a silent one is cut."""
    target = lab.closing(Target(leave_alone))
    tunnel = Tunnel(lab, pair, **times(end, downlinkOnly=_LIMIT_SECONDS))
    with tunnel.socks(target.port) as connection:
        connection.sendall(b"x")
        conversation = Conversation(_LIMIT_SECONDS)
        connection.shutdown(socket.SHUT_WR)
        far = target.connection(0)

        def piece():
            far.sendall(b"piece")
            assert receive_exactly(connection, 5) == b"piece"

        with conversation.word():
            assert receive_exactly(far, 1) == b"x"
            assert far.recv(1) == b""
            piece()
        talk(conversation, piece)
        received, _ = receive_to_end(connection)
        assert received == b"", received
        receive_to_end(far)


@tried_anew
def uplink(lab, pair, end):
    """uplinkOnly, after the target's end: a slow upload goes on, a silent one is cut."""
    target = lab.closing(Target(leave_alone))
    tunnel = Tunnel(lab, pair, **times(end, uplinkOnly=_LIMIT_SECONDS))
    with tunnel.socks(target.port) as connection:
        connection.sendall(b"x")
        far = target.connection(0)
        assert receive_exactly(far, 1) == b"x"
        conversation = Conversation(_LIMIT_SECONDS)
        far.shutdown(socket.SHUT_WR)

        def piece():
            connection.sendall(b"piece")
            assert receive_exactly(far, 5) == b"piece"

        with conversation.word():
            assert connection.recv(1) == b""
            piece()
        talk(conversation, piece)
        received, _ = receive_to_end(far)
        assert received == b"", received


def downlink_zero(lab, pair):
    """downlinkOnly 0: the application's end ends everything, as soon as it has reached the target."""
    recorder = Recorder()
    target = lab.closing(Target(recorder))
    tunnel = Tunnel(lab, pair, **times("server", downlinkOnly=0))
    with tunnel.socks(target.port) as connection:
        connection.sendall(b"last words")
        target.connection(0)
        connection.shutdown(socket.SHUT_WR)
        received, _ = receive_to_end(connection)
        assert received == b"", received
        assert recorder.wait() in ("end", "reset")
