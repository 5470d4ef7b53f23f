"""How connections end: half-closed, refused, reset, and with one of the programs killed.

What V2Ray itself does not do (vmess.md sections 16 and 18) is asked only of pairings of our own ends.
"""

import socket
from functools import partial

import configs
import entries
from cases import Case
from configs import LOOPBACK
from entries import Refused
from lab import wait_until
from streams import (
    Ended,
    Payload,
    abort,
    alive,
    dial,
    receive_digest,
    receive_exactly,
    receive_to_end,
    send_payload,
)
from targets import Recorder, Target, answers_after_end, echo, endless, leave_alone, resets_after
from tunnel import ENTRIES, Tunnel, securities_of

# The silence before a late answer, and as long a one of the machine's own, must not be one too long.
PATIENT = {f"{end}_times": configs.policy(downlinkOnly=30) for end in ("client", "server")}


def cases(bench):
    for pair in bench.pairs:
        yield Case(f"ends/{pair}/target-ends", partial(target_ends, pair=pair))
        yield Case(f"ends/{pair}/application-ends", partial(application_ends, pair=pair))
        for entry in ENTRIES + ("http-plain",):
            yield Case(f"ends/{pair}/target-refuses/{entry}", partial(refused, pair=pair, entry=entry))
        yield Case(f"ends/{pair}/server-killed/down", partial(server_killed_down, pair=pair))
        yield Case(f"ends/{pair}/server-killed/up", partial(server_killed_up, pair=pair))
        yield Case(f"ends/{pair}/client-killed/down", partial(client_killed_down, pair=pair))
        yield Case(f"ends/{pair}/client-killed/up", partial(client_killed_up, pair=pair))
        yield Case(f"ends/{pair}/server-comes-back", partial(server_comes_back, pair=pair))
        if pair.server.is_ours:
            yield Case(f"ends/{pair}/application-resets", partial(application_resets, pair=pair))
        if not pair.both_ours:
            continue
        for entry in ("http-connect", "dokodemo"):
            run = partial(late_answer, pair=pair, security="auto", seconds=1, entry=entry)
            yield Case(f"half-close/{pair}/{entry}", run)
        for security in securities_of(pair):
            with_these = {"pair": pair, "security": security}
            for seconds in (0, 3):
                yield Case(
                    f"half-close/{pair}/{security}/answer-after-{seconds}-s",
                    partial(late_answer, seconds=seconds, **with_these),
                    long=bool(seconds) and security != "auto",
                )
            yield Case(
                f"half-close/{pair}/{security}/target-first",
                partial(target_half_closes, **with_these),
            )
            yield Case(f"ends/{pair}/{security}/target-resets", partial(reset, **with_these))


def target_ends(lab, pair):
    whole_to_application(lab, Tunnel(lab, pair), Payload(100_000))


def whole_to_application(lab, tunnel, payload):
    """What the target sent before its end arrives whole, and the end arrives too."""

    def serve(connection):
        send_payload(connection, payload)
        connection.close()

    target = lab.closing(Target(serve))
    with tunnel.socks(target.port) as connection:
        assert receive_digest(connection, payload.total_bytes) == payload.digest()
        assert receive_to_end(connection) == (b"", "end")


def application_ends(lab, pair):
    whole_to_target(lab, Tunnel(lab, pair), Payload(100_000))


def whole_to_target(lab, tunnel, payload):
    """What the application sent before its end arrives whole, and the end arrives too."""
    recorder = Recorder()
    target = lab.closing(Target(recorder))
    with tunnel.socks(target.port) as connection:
        send_payload(connection, payload)
        connection.shutdown(socket.SHUT_WR)
        assert recorder.wait() == "end"
    assert bytes(recorder.received) == payload.bytes()


def application_resets(lab, pair):
    """An application that vanishes takes its connection to the target with it."""
    recorder = Recorder()
    target = lab.closing(Target(recorder))
    tunnel = Tunnel(lab, pair)
    connection = tunnel.socks(target.port)
    connection.sendall(b"x")
    wait_until(lambda: recorder.received == b"x", "the first byte")
    abort(connection)
    assert recorder.wait() in ("end", "reset")


def refused(lab, pair, entry):
    """A target that refuses: the application gets an end or an error, promptly and without a byte."""
    port = lab.free_port()
    tunnel = Tunnel(lab, pair, target=(LOOPBACK, port))
    if entry == "http-plain":
        with dial(tunnel.http_port) as connection:
            try:
                head, _ = entries.http_request(connection, "GET", f"http://{LOOPBACK}:{port}/")
            except (Ended, ConnectionError):
                return  # An end without an answer is one too.
            assert head.split(" ")[1].startswith("5"), head
        return
    try:
        connection = tunnel.enter(entry, LOOPBACK, port)
    except (Refused, Ended, ConnectionError):
        return
    with connection:
        hears_nothing(connection)


def hears_nothing(connection):
    """Says something, and is let go without a byte."""
    try:
        connection.sendall(b"hello")
        received, _ = receive_to_end(connection)
    except ConnectionError:
        received = b""
    assert received == b"", received


def reset(lab, pair, security):
    """A target that resets: the application's connection is cut, it does not look like an end."""
    target = lab.closing(Target(resets_after(5)))
    tunnel = Tunnel(lab, pair, security)
    with tunnel.socks(target.port) as connection:
        connection.sendall(b"12345")
        received, ending = receive_to_end(connection)
    assert received == b"", received
    assert ending == "reset", "the target's reset reached the application as an orderly end"


def late_answer(lab, pair, security, seconds, entry="socks5"):
    """The application has finished; the answer comes later and still arrives, then the end."""
    payload = Payload(100_000)
    target = lab.closing(Target(answers_after_end(seconds)))
    tunnel = Tunnel(lab, pair, security, target=(LOOPBACK, target.port), **PATIENT)
    with tunnel.enter(entry, LOOPBACK, target.port) as connection:
        answered_after_end(connection, payload)


def answered_after_end(connection, payload):
    send_payload(connection, payload)
    connection.shutdown(socket.SHUT_WR)
    received, ending = receive_to_end(connection)
    assert received.decode() == payload.digest(), f"{len(received)} bytes of an answer"
    assert ending == "end", ending


def target_half_closes(lab, pair, security):
    """The target has finished; what the application sends afterwards still arrives."""
    recorder = Recorder()

    def serve(connection):
        connection.sendall(b"that is all")
        connection.shutdown(socket.SHUT_WR)
        recorder(connection)

    target = lab.closing(Target(serve))
    tunnel = Tunnel(lab, pair, security)
    payload = Payload(100_000)
    with tunnel.socks(target.port) as connection:
        assert receive_to_end(connection) == (b"that is all", "end")
        send_payload(connection, payload)
        connection.shutdown(socket.SHUT_WR)
        assert recorder.wait() == "end"
    assert bytes(recorder.received) == payload.bytes(), f"{len(recorder.received)} bytes arrived"


def server_killed_down(lab, pair):
    """The application sees an end or a reset, promptly, when the server dies while it is receiving."""
    target = lab.closing(Target(endless))
    tunnel = Tunnel(lab, pair)
    with tunnel.socks(target.port) as connection:
        receive_exactly(connection, 1 << 20)
        tunnel.server.kill()
        _drain(connection)


def server_killed_up(lab, pair):
    target = lab.closing(Target(leave_alone))
    tunnel = Tunnel(lab, pair)
    with tunnel.socks(target.port) as connection:
        connection.sendall(b"x")
        target.connection(0)
        tunnel.server.kill()
        _push(connection)


def client_killed_down(lab, pair):
    """The target sees an end or a reset, promptly, when the client dies while the target is sending."""
    target = lab.closing(Target(leave_alone))
    tunnel = Tunnel(lab, pair)
    with tunnel.socks(target.port) as connection:
        connection.sendall(b"x")
        far = target.connection(0)
        receive_exactly(far, 1)
        far.sendall(bytes(1 << 16))
        receive_exactly(connection, 1 << 16)
        tunnel.client.kill()
        _push(far)


def client_killed_up(lab, pair):
    recorder = Recorder()
    target = lab.closing(Target(recorder))
    tunnel = Tunnel(lab, pair)
    with tunnel.socks(target.port) as connection:
        connection.sendall(bytes(1 << 16))
        wait_until(lambda: len(recorder.received) == 1 << 16, "the bytes to arrive")
        tunnel.client.kill()
        assert recorder.wait() in ("end", "reset")


def server_comes_back(lab, pair):
    """A client outlives its server: what fails meanwhile fails promptly, what comes after works."""
    target = lab.closing(Target(echo))
    tunnel = Tunnel(lab, pair)
    with tunnel.socks(target.port) as connection:
        alive(connection)
        tunnel.server.kill()
        _drain(connection)
    try:
        with tunnel.socks(target.port) as connection:
            connection.sendall(b"anybody?")
            assert receive_to_end(connection)[0] == b""
    except (Refused, Ended, ConnectionError):
        pass
    tunnel.restart_server()
    with tunnel.socks(target.port) as connection:
        alive(connection)


def _drain(connection) -> None:
    """Reads to the end without keeping anything; the socket's time limit is the deadline."""
    try:
        while connection.recv(1 << 20):
            pass
    except ConnectionError:
        pass


def _push(connection) -> None:
    """Sends until the other side is gone; the socket's time limit is the deadline."""
    try:
        while True:
            connection.sendall(bytes(65536))
    except ConnectionError:
        pass
