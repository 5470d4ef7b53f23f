"""Bodies that were changed on the way, or cut: both ends are cut, no byte behind the fault is delivered.

V2Ray 4 drops broken chunks of up to 2048 bytes in silence and takes any cut for an end, so these are
promises of our own ends only.
"""

import socket
from functools import partial

import wire
from cases import Case
from configs import LOOPBACK
from lab import wait_until
from peers import Client, Server
from streams import Payload, abort, receive_exactly, receive_to_end
from targets import Recorder, Target, endless
from tunnel import ClientAlone, ServerAlone
from wire import AES_128_GCM, CHACHA20_POLY1305, A, M, NONE, P, S, Request

_GOOD = Payload(500, seed=9).bytes()
_BETTER_NOT = b"never to be delivered" * 20
_NAMES = {AES_128_GCM: "aes-128-gcm", CHACHA20_POLY1305: "chacha20-poly1305"}


def cases(bench):
    for program in bench.programs:
        if not program.is_ours:
            yield Case("tamper/v2ray-client/broken-header", partial(broken_answers, program=program))
            continue
        for security, name in _NAMES.items():
            for damage in DAMAGES:
                with_these = {"program": program, "security": security, "damage": damage}
                yield Case(f"tamper/server/{name}/{damage}", partial(upload, **with_these))
                yield Case(f"tamper/client/{name}/{damage}", partial(download, **with_these))
        for name, (option, count) in CUTS.items():
            with_these = {"program": program, "option": option, "count": count}
            yield Case(f"tamper/server/cut-in-{name}", partial(cut_upload, **with_these))
            if not option & A:
                yield Case(f"tamper/client/cut-in-{name}", partial(cut_download, program=program, count=count))
        yield Case("tamper/server/target-busy", partial(busy_target, program=program))
        yield Case("tamper/server/client-resets", partial(client_resets, program=program))
        yield Case("tamper/client/server-resets", partial(server_resets, program=program))
        yield Case("tamper/client/end-without-chunk", partial(bare_end, program=program))
        yield Case("tamper/client/broken-header", partial(broken_answers, program=program))


def _flipped(chunk, place):
    chunk = bytearray(chunk)
    chunk[place] ^= 1
    return bytes(chunk)


# Each gives a broken chunk, made by the sealing body so that all counters are right. The padding is
# not authenticated, so places are counted from the front. Where the announced length becomes a wrong
# one, enough follows to complete even the longest chunk: the fault is to be found, not waited for.
DAMAGES = {
    "first-byte": lambda body: _flipped(body.seal(_BETTER_NOT), 2),
    "tag": lambda body: _flipped(body.seal(_BETTER_NOT), 2 + len(_BETTER_NOT) + 15),
    "length": lambda body: _flipped(body.seal(_BETTER_NOT), 1) + bytes(70_000),
    "length-too-short": lambda body: body.seal(_BETTER_NOT, lie=1),
    "large-chunk": lambda body: _flipped(body.seal(bytes(40_000)), 20_000),
    "end-chunk": lambda body: _flipped(body.seal(b""), 2),
    "lost-chunk": lambda body: (body.seal(_GOOD), body.seal(_BETTER_NOT))[1] + bytes(70_000),
}


# Options, and so many bytes of a chunk: its length has 2, or sealed 18.
CUTS = {
    "chunk": (S | M | P, 100),
    "length": (S | M | P, 1),
    "sealed-length": (S | M | P | A, 17),
}


def upload(lab, program, security, damage):
    """A broken chunk at the server: the target's connection is reset, the client's is closed."""
    recorder = Recorder()
    target = lab.closing(Target(recorder))
    server = ServerAlone(lab, program)
    with Client(server.port, Request(LOOPBACK, target.port, security, S | M | P)) as client:
        client.send(client.header() + client.chunk(_GOOD))
        wait_until(lambda: recorder.received == _GOOD, "the good chunk")
        client.send(DAMAGES[damage](client.up) + client.chunk(_BETTER_NOT))
        assert recorder.wait() == "reset", "the target took the cut for an end"
        receive_to_end(client.connection)
    assert bytes(recorder.received) == _GOOD, "bytes behind the fault reached the target"


def download(lab, program, security, damage):
    """A broken chunk at the client: the application's connection is reset."""
    server = lab.closing(Server())
    client = ClientAlone(lab, program, server.port, _NAMES[security])
    with client.enter() as connection:
        connection.sendall(b"x")
        server.accept()
        server.send(server.answer() + server.down.seal(_GOOD))
        assert receive_exactly(connection, len(_GOOD)) == _GOOD
        server.send(DAMAGES[damage](server.down) + server.down.seal(_BETTER_NOT))
        assert receive_to_end(connection) == (b"", "reset")
        receive_to_end(server.connection)


def cut_upload(lab, program, option, count):
    """A FIN inside a chunk, its length included, is not an end."""
    recorder = Recorder()
    target = lab.closing(Target(recorder))
    server = ServerAlone(lab, program)
    with Client(server.port, Request(LOOPBACK, target.port, AES_128_GCM, option)) as client:
        client.send(client.header() + client.chunk(_GOOD))
        wait_until(lambda: recorder.received == _GOOD, "the good chunk")
        client.send(client.chunk(_BETTER_NOT)[:count])
        client.connection.shutdown(socket.SHUT_WR)
        assert recorder.wait() == "reset", "the target took the cut for an end"
    assert bytes(recorder.received) == _GOOD


def cut_download(lab, program, count):
    server = lab.closing(Server())
    client = ClientAlone(lab, program, server.port)
    with client.enter() as connection:
        connection.sendall(b"x")
        server.accept()
        server.send(server.answer() + server.down.seal(_GOOD))
        assert receive_exactly(connection, len(_GOOD)) == _GOOD
        server.send(server.down.seal(_BETTER_NOT)[:count])
        server.connection.shutdown(socket.SHUT_WR)
        assert receive_to_end(connection) == (b"", "reset")


def busy_target(lab, program):
    """A fault on the way up also stops a download that is under way."""
    target = lab.closing(Target(endless))
    server = ServerAlone(lab, program)
    with Client(server.port, Request(LOOPBACK, target.port)) as client:
        client.send(client.header() + client.chunk(_GOOD))
        client.receive(100_000)
        client.send(DAMAGES["tag"](client.up))
        wait_until(lambda: _ended(client.connection), "the client's connection to end")


def _ended(connection) -> bool:
    try:
        return connection.recv(1 << 20) == b""
    except ConnectionResetError:
        return True


def client_resets(lab, program):
    """A reset of the client's connection reaches the target as one."""
    recorder = Recorder()
    target = lab.closing(Target(recorder))
    server = ServerAlone(lab, program)
    with Client(server.port, Request(LOOPBACK, target.port, NONE, S | M)) as client:
        client.send(client.header() + client.chunk(_GOOD))
        wait_until(lambda: recorder.received == _GOOD, "the good chunk")
        abort(client.connection)
        assert recorder.wait() == "reset"


def server_resets(lab, program):
    server = lab.closing(Server())
    client = ClientAlone(lab, program, server.port)
    with client.enter() as connection:
        connection.sendall(b"x")
        server.accept()
        server.send(server.answer() + server.down.seal(_GOOD))
        assert receive_exactly(connection, len(_GOOD)) == _GOOD
        abort(server.connection)
        assert receive_to_end(connection) == (b"", "reset")


def bare_end(lab, program):
    """A FIN between two chunks is an end, even where an end chunk could be expected."""
    server = lab.closing(Server())
    client = ClientAlone(lab, program, server.port)
    with client.enter() as connection:
        connection.sendall(b"x")
        server.accept()
        # Closing with something unread would be a reset.
        server.receive_chunk()
        server.send(server.answer() + server.down.seal(_GOOD))
        server.connection.close()
        assert receive_to_end(connection) == (_GOOD, "end")


def broken_answers(lab, program):
    """Answer headers that do not open, or answer another request: nothing reaches the application."""
    breaks = {
        "wrong V": lambda server: server.answer(v=server.request.v ^ 1),
        "length": lambda server: _flipped(server.answer(), 0),
        "header": lambda server: _flipped(server.answer(), 20),
        "tag": lambda server: _flipped(server.answer(), 37),
        "noise": lambda server: bytes(5000),
        "another request's keys": lambda server: wire.seal_response(Request()),
    }
    server = lab.closing(Server())
    client = ClientAlone(lab, program, server.port)
    for name, broken in breaks.items():
        with client.enter() as connection:
            connection.sendall(b"x")
            server.accept()
            try:
                server.send(broken(server) + server.down.seal(_BETTER_NOT))
                # V2Ray goes on reading such an answer for a while; its peer's end lets go of it.
                server.connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # The client has cut it already.
            received, ending = receive_to_end(connection)
            assert received == b"", f"{name}: {len(received)} bytes reached the application"
            assert ending == "reset" or not program.is_ours, f"{name}: looks like an end"
            server.connection.close()
