"""The wire format against an implementation of its own: every option set, any chunk size, any cut."""

import fcntl
import json
import os
import struct
import termios
from functools import partial

import wire
import wire_older
from cases import Case, Skip
from configs import LOOPBACK
from peers import Client, Server
from streams import Payload, receive_exactly, receive_to_end
from targets import Recorder, Target, answers_after_end, echo, speaks_first
from tunnel import ClientAlone, ServerAlone
from wire import A, AES_128_GCM, CHACHA20_POLY1305, NONE, M, P, S, Request

SECURITY_NAMES = {AES_128_GCM: "aes-128-gcm", CHACHA20_POLY1305: "chacha20-poly1305", NONE: "none"}
_OPTIONS = (0, S, S | M, S | M | P, S | A, S | M | A, S | M | P | A, M, M | P)
_CHUNK_BYTES = (1, 2, 15, 16, 17, 255, 256, 1966, 2048, 8192, 16384, 32768, 65535 - 16 - 63)
_WRAPPING_CHUNKS = 66_000
_EARLY_END_SECONDS = 10


def cases(bench):
    yield Case("wire/vectors/headers", vectors_of_headers)
    yield Case("wire/vectors/bodies", vectors_of_bodies)
    yield Case("wire/vectors/older", vectors_of_the_older_way)
    for program in bench.programs:
        kind = program.kind
        for security, name in SECURITY_NAMES.items():
            for option in _OPTIONS:
                # V2Ray 4 does not know authenticated lengths.
                if not option & A or program.is_ours:
                    run = partial(option_set, program=program, security=security, option=option)
                    yield Case(f"wire/{kind}-server/{name}/0x{option:02x}", run)
            run = partial(counter_wraps, program=program, security=security)
            yield Case(f"wire/{kind}-server/{name}/counter-wraps", run)
            run = partial(one_byte_header, program=program, security=security)
            yield Case(f"wire/{kind}-server/{name}/byte-by-byte", run)
            run = partial(all_at_once, program=program, security=security)
            yield Case(f"wire/{kind}-server/{name}/one-segment", run)
            run = partial(client_speaks, program=program, security=security)
            yield Case(f"wire/{kind}-client/{name}/conversation", run)
        yield Case(f"wire/{kind}-server/end-without-chunk", partial(bare_end, program=program))
        if program.is_ours:
            run = partial(client_speaks, program=program, security=None)
            yield Case("wire/ours-client/zero/conversation", run)
            for name, run, long in (
                ("data-follows", early_end_then_data, False),
                ("target-speaks-first", early_end_greeted, False),
                ("then-fin", early_end_then_fin, False),
                ("then-silence", early_end_then_silence, True),
                ("later-end-is-the-end", data_after_end, False),
            ):
                yield Case(f"early-end/{name}", partial(run, program=program), long=long)


def echo_server(lab, program, security, option):
    """A client of ours in front of the program, with an echo behind it."""
    target = lab.closing(Target(echo))
    server = ServerAlone(lab, program)
    request = Request(LOOPBACK, target.port, security, option)
    return Client(server.port, request)


def option_set(lab, program, security, option):
    """Chunks of all sizes come back through an echo, under one option set."""
    with echo_server(lab, program, security, option) as client:
        chunks_come_back(client, program, _CHUNK_BYTES)


def chunks_come_back(client, program, sizes):
    """Of these sizes, through the program and an echo behind it."""
    client.send(client.header())
    for number, size in enumerate(sizes):
        payload = Payload(size, seed=number).bytes()
        client.send(client.chunk(payload))
        assert client.receive(size) == payload, f"the echo of {size} bytes differs"
    if program.is_ours:
        # V2Ray does not pass the end on to the target.
        client.finish()
        assert client.receive_to_end() == b""


def counter_wraps(lab, program, security):
    """More chunks than the 16-bit counter has values, in one stream."""
    recorder = Recorder()
    target = lab.closing(Target(recorder))
    server = ServerAlone(lab, program)
    with Client(server.port, Request(LOOPBACK, target.port, security, S | M)) as client:
        client.send(client.header())
        batch = bytearray()
        for number in range(_WRAPPING_CHUNKS):
            batch += client.chunk(bytes([number & 0xFF]))
            if len(batch) > 65536:
                client.send(batch)
                batch.clear()
        client.send(batch + client.end())
        assert recorder.wait() == "end"
    assert len(recorder.received) == _WRAPPING_CHUNKS
    assert recorder.received == bytes(number & 0xFF for number in range(_WRAPPING_CHUNKS))


def one_byte_header(lab, program, security):
    """Every byte in a segment of its own, the next one not before the last has arrived."""
    with echo_server(lab, program, security, S | M | P) as client:
        for byte in client.header() + client.chunk(b"hello"):
            client.send(bytes([byte]))
            while _unsent(client.connection):
                pass
        assert client.receive(5) == b"hello"


def _unsent(connection) -> int:
    """Bytes that the other side's kernel has not taken yet."""
    return struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)))[0]


def all_at_once(lab, program, security):
    """Header, chunks and end in one write."""
    recorder = Recorder()
    target = lab.closing(Target(recorder))
    server = ServerAlone(lab, program)
    with Client(server.port, Request(LOOPBACK, target.port, security, S | M | P)) as client:
        parts = [client.header(), client.chunk(b"one"), client.chunk(b"two"), client.end()]
        client.send(b"".join(parts))
        assert recorder.wait() == "end"
    assert bytes(recorder.received) == b"onetwo"


def bare_end(lab, program):
    """A FIN between two chunks is an end too."""
    recorder = Recorder()
    target = lab.closing(Target(recorder))
    server = ServerAlone(lab, program)
    with Client(server.port, Request(LOOPBACK, target.port)) as client:
        client.send(client.header() + client.chunk(b"all"))
        client.connection.shutdown(1)
        assert recorder.wait() == "end"
    assert bytes(recorder.received) == b"all"


def client_speaks(lab, program, security):
    """The program as client: what it announces, that it keeps to it, and that it takes any chunk."""
    server = lab.closing(Server())
    name = SECURITY_NAMES.get(security, "zero")
    client = ClientAlone(lab, program, server.port, name)
    with client.enter(port=4711) as connection:
        request_payload = Payload(100_000).bytes()
        connection.sendall(request_payload)
        request = server.accept()
        wanted = {None: (NONE, 0), NONE: (NONE, S | M)}.get(security, (security, S | M | P))
        assert (request.security, request.option) == wanted, request
        assert (request.command, request.port, request.version) == (1, 4711, 1), request
        received = b""
        while len(received) < len(request_payload):
            received += server.receive_chunk()
        assert received == request_payload
        server.send(server.answer())
        for number, size in enumerate(_CHUNK_BYTES):
            payload = Payload(size, seed=number).bytes()
            server.send(server.down.seal(payload))
            assert receive_exactly(connection, size) == payload, f"{size} bytes differ"
        server.send(server.down.end())
        if not server.down.ends:
            server.connection.close()
        assert receive_to_end(connection) == (b"", "end")


def early_end_then_data(lab, program):
    """An end chunk in first place is no end if data follows it."""
    with echo_server(lab, program, AES_128_GCM, S | M | P) as client:
        client.send(client.header() + client.end())
        payload = Payload(5000).bytes()
        client.send(client.chunk(payload))
        assert client.receive(len(payload)) == payload
        client.finish()
        assert client.receive_to_end() == b""


def early_end_greeted(lab, program):
    """The target speaks first; the client's early end does not close the way to it."""
    target = lab.closing(Target(speaks_first(b"hello", after_seconds=1)))
    server = ServerAlone(lab, program)
    with Client(server.port, Request(LOOPBACK, target.port)) as client:
        client.send(client.header() + client.end())
        assert client.receive(5) == b"hello"
        client.send(client.chunk(b"and you"))
        assert client.receive(7) == b"and you"


def early_end_then_fin(lab, program):
    """With the client's FIN the early end is one: the target sees it and may still answer."""
    target = lab.closing(Target(answers_after_end(after_seconds=1)))
    server = ServerAlone(lab, program)
    with Client(server.port, Request(LOOPBACK, target.port)) as client:
        client.send(client.header() + client.end())
        client.connection.shutdown(1)
        assert client.receive_to_end().decode() == Payload(0).digest()


def early_end_then_silence(lab, program):
    """Ten seconds in which neither side sends make the early end one."""
    recorder = Recorder()
    target = lab.closing(Target(recorder))
    server = ServerAlone(lab, program)
    with Client(server.port, Request(LOOPBACK, target.port)) as client:
        client.send(client.header() + client.end())
        assert recorder.wait(seconds=3 * _EARLY_END_SECONDS) == "end"


def data_after_end(lab, program):
    """An end chunk behind data is the end; what follows it is a fault and never delivered."""
    recorder = Recorder()
    target = lab.closing(Target(recorder))
    server = ServerAlone(lab, program)
    with Client(server.port, Request(LOOPBACK, target.port)) as client:
        client.send(client.header() + client.chunk(b"data"))
        client.send(client.end() + client.chunk(b"more"))
        assert recorder.wait() in ("end", "reset")
    assert bytes(recorder.received) in (b"", b"data"), bytes(recorder.received)


def _vectors(name):
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "vectors")
    for folder, _, files in os.walk(root):
        if name in files:
            with open(os.path.join(folder, name)) as file:
                return json.load(file)
    raise Skip(f"no {name} in tests/vectors")


class _Bytes:
    """Gives out a recorded stream piece by piece."""

    def __init__(self, text):
        self.left = bytes.fromhex(text)

    def __call__(self, count):
        data, self.left = self.left[:count], self.left[count:]
        assert len(data) == count, "the recorded stream is too short"
        return data


def vectors_of_headers(_lab):
    wire.need_cryptography()
    for case in _vectors("request_header_aead.json")["cases"]:
        sealed = wire.seal_request(
            bytes.fromhex(case["cmd_key"]),
            bytes.fromhex(case["plain"]),
            case["timestamp"],
            bytes.fromhex(case["auth_id_random"]),
            bytes.fromhex(case["connection_nonce"]),
        )
        assert sealed.hex() == case["wire"], case["name"]
    for case in _vectors("response_header_aead.json")["cases"]:
        request = Request(
            key=bytes.fromhex(case["request_key"]),
            iv=bytes.fromhex(case["request_iv"]),
            v=case["response_v"],
        )
        plain = wire.open_response(request, _Bytes(case["wire"]))
        assert plain.hex() == case["plain"], case["name"]
        if case["name"] == "no command":
            assert wire.seal_response(request).hex() == case["wire"]


def vectors_of_bodies(_lab):
    wire.need_cryptography()
    for name in ("body_stream_request.json", "body_stream_response.json"):
        for case in _vectors(name)["cases"]:
            if case["security"] not in SECURITY_NAMES or "legacy" in case["name"]:
                continue
            _check_body(case)


def vectors_of_the_older_way(_lab):
    wire.need_cryptography()
    for case in _vectors("identity.json")["cases"]:
        known = case.get("alternative_ids", [])
        found = [one.hex() for one in wire_older.alternative_ids(case["uuid"], len(known))]
        assert found == known, case["name"]
    for case in _vectors("request_header_legacy.json")["cases"]:
        signer, key, plain = (bytes.fromhex(case[name]) for name in ("signing_id", "cmd_key", "plain"))
        sealed = wire_older.seal_request(signer, key, plain, case["timestamp"])
        assert sealed.hex() == case["wire"], case["name"]
    for case in _vectors("switch_account.json")["cases"]:
        switch = wire_older.switch_in(bytes(2) + bytes.fromhex(case["encoded"]))
        assert (switch.port, switch.minutes) == (case["port"], case["valid_minutes"]), case["name"]
        assert switch.encoded().hex() == case["encoded"], case["name"]


def _check_body(case):
    request = Request(
        security=case["security"],
        option=case["option"],
        key=bytes.fromhex(case["request_key"]),
        iv=bytes.fromhex(case["request_iv"]),
    )
    body = wire.Body(request, response=case["direction"] == "response")
    if body.raw:
        return
    for chunk in case["chunks"]:
        index, size = chunk["payload_index"], chunk["payload_size"]
        expected = bytes((31 * index + j) & 0xFF for j in range(size))
        assert body.open(_Bytes(chunk["wire"])) == expected, f"{case['name']}: chunk {index}"
    if case["end_of_stream"]:
        assert body.open(_Bytes(case["end_of_stream"])) == b"", case["name"]
