"""Peers that are not who they say, or do not speak as they should: nothing comes back to them.

A peer that fails to authenticate gets silence until the handshake deadline and then a close, wherever
it failed; no byte, and from a server of ours no earlier close that would tell where. V2Ray closes after
a number of bytes that depends on its users, so only the silence is asked of it.
"""

import os
import time
from functools import partial

import configs
import wire
from cases import Case
from configs import LOOPBACK, OTHER_USER_ID
from peers import Client
from streams import dial, receive_to_end
from targets import Target, echo
from tunnel import ServerAlone
from wire import A, P, S, Request

# So long that the honest get in even though the machine stands still for a while.
_HANDSHAKE_SECONDS = 4
_GARBAGE_BYTES = (0, 1, 15, 16, 17, 42, 60, 100, 400, 5000, 100_000)
_CROWD = 40


def cases(bench):
    for program in bench.programs:
        kind = program.kind
        groups = {
            "garbage": garbage,
            "cut-header": cut_headers,
            "damaged-header": damaged_headers,
            "wrong-time": wrong_times,
            "wrong-user": wrong_user,
            "refused-fields": refused_fields,
        }
        for name, messages in groups.items():
            run = partial(silence, program=program, messages=messages)
            yield Case(f"hostile/{kind}-server/{name}", run)
        yield Case(f"hostile/{kind}-server/replay", partial(replay, program=program))
        yield Case(f"hostile/{kind}-server/time-in-window", partial(right_times, program=program))
        yield Case(f"hostile/{kind}-server/crowd", partial(crowd, program=program))
        yield Case(f"hostile/{kind}-server/garbage-at-once-then-more", partial(dribble, program=program))


class _Prober:
    """Makes messages to one server and its target."""

    def __init__(self, port):
        self.port = port
        self.key = wire.command_key(configs.USER_ID)

    def request(self, **fields):
        return Request(LOOPBACK, self.port, **fields)

    def header(self, **fields):
        return wire.seal_request(self.key, self.request().plain(), **fields)

    def sealed(self, plain):
        return wire.seal_request(self.key, plain)


def silence(lab, program, messages):
    """Each message, from an address of its own, is met with silence and then a close."""
    wire.need_cryptography()
    target = lab.closing(Target(echo))
    server = _server(lab, program)
    open_connections = []
    for number, (name, message) in enumerate(messages(_Prober(target.port), program)):
        started = time.monotonic()
        # Limits count by address; each of these is to be seen as the only one of its kind.
        connection = dial(server.port, source=f"127.1.{number // 200}.{number % 200 + 1}")
        connection.sendall(message)
        open_connections.append((name, connection, started))
    for name, connection, started in open_connections:
        _expect_silence(program, name, connection, started)
    assert target.accepted == 0, "a connection reached the target"
    _honest(server, target)


def _expect_silence(program, name, connection, started):
    with connection:
        try:
            received, _ = receive_to_end(connection)
        except TimeoutError:
            raise AssertionError(f"{name}: never closed") from None
    assert received == b"", f"{name}: {len(received)} bytes came back"
    if program.is_ours:
        seconds = time.monotonic() - started
        assert seconds >= 0.9 * _HANDSHAKE_SECONDS, f"{name}: closed after {seconds:.2f} s already"


def _server(lab, program):
    return ServerAlone(lab, program, times=configs.policy(handshake=_HANDSHAKE_SECONDS))


def _honest(server, target):
    with Client(server.port, Request(LOOPBACK, target.port)) as client:
        client.send(client.header() + client.chunk(b"honest"))
        assert client.receive(6) == b"honest"


def garbage(_prober, _program):
    for size in _GARBAGE_BYTES:
        yield f"{size} bytes of noise", os.urandom(size)
        yield f"{size} zero bytes", bytes(size)
    yield "HTTP", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    yield "TLS", bytes.fromhex("16030100c8010000c40303") + os.urandom(200)


def cut_headers(prober, _program):
    whole = prober.header()
    for size in (15, 16, 17, 33, 34, 41, 42, 43, len(whole) - 1):
        yield f"header cut after {size} bytes", prober.header()[:size]


def damaged_headers(prober, _program):
    """One flipped bit in each part of the header."""
    size = len(prober.header())
    for place in (0, 15, 16, 17, 33, 34, 41, 42, 60, size - 16, size - 1):
        message = bytearray(prober.header())
        message[place] ^= 0x80
        yield f"bit flipped in byte {place}", bytes(message) + os.urandom(100)
    yield "announced length too large", _announcing(prober, 65535)
    yield "announced length wraps", _announcing(prober, 65520)
    yield "announced length zero", _announcing(prober, 0)
    yield "announced length one", _announcing(prober, 1)


def _announcing(prober, length):
    """A header whose sealed length is authentic and absurd."""
    honest = prober.header()
    identifier, nonce = honest[:16], honest[34:42]
    key = wire.kdf16(prober.key, b"VMess Header AEAD Key_Length", identifier, nonce)
    iv = wire.kdf12(prober.key, b"VMess Header AEAD Nonce_Length", identifier, nonce)
    sealed = wire.AESGCM(key).encrypt(iv, length.to_bytes(2, "big"), identifier)
    return identifier + sealed + nonce + os.urandom(2000)


def wrong_times(prober, _program):
    now = int(time.time())
    for offset in (-86400, -3600, -135, 135, 3600, 86400):
        yield f"clock {offset:+} s", prober.header(timestamp=now + offset)
    for timestamp in (0, -1, -(1 << 63), (1 << 63) - 1):
        yield f"timestamp {timestamp}", prober.header(timestamp=timestamp)


def wrong_user(prober, _program):
    key = wire.command_key(OTHER_USER_ID)
    yield "another user", wire.seal_request(key, prober.request().plain())


def refused_fields(prober, program):
    """Headers that are authentic and say what no server may do."""
    for command in (0, 4, 9, 255):
        yield f"command {command}", prober.sealed(prober.request(command=command).plain())
    for security in (2, 6, 7, 15):
        yield f"security {security}", prober.sealed(prober.request(security=security).plain())
    yield "bad checksum", prober.sealed(prober.request().plain(checksum=b"\0\0\0\0"))

    def plain(count):
        # Fresh keys each time, or it would be refused as a repeated session and not for what it says.
        return prober.request().plain()[:count]

    for size in (0, 1, 38, 41, 44):
        yield f"plain header of {size} bytes", prober.sealed(_checked(plain(size)))
    for kind in (0, 4, 255):
        address = bytes([kind]) + bytes(16)
        yield f"address type {kind}", prober.sealed(_checked(plain(40) + address))
    for name in (b"", b"a b", b"a\0b", b"a/b"):
        address = b"\x02" + bytes([len(name)]) + name
        yield f"domain {name!r}", prober.sealed(_checked(plain(40) + address))
    yield "domain longer than the header", prober.sealed(_checked(plain(40) + b"\x02\xffabc"))
    if program.is_ours:
        # V2Ray 4 takes any version, and crashes on padding without masking.
        for version in (0, 2, 255):
            yield f"version {version}", prober.sealed(prober.request(version=version).plain())
        for option in (P, S | P, S | P | A):
            yield f"option 0x{option:02x}", prober.sealed(prober.request(option=option).plain())


def _checked(head):
    return head + wire.fnv1a(head)


def replay(lab, program):
    """The same bytes a second time are met with silence, however often; the first goes on undisturbed."""
    target = lab.closing(Target(echo))
    server = _server(lab, program)
    with Client(server.port, Request(LOOPBACK, target.port)) as client:
        message = client.header() + client.chunk(b"once")
        client.send(message)
        assert client.receive(4) == b"once"
        again = [("replay", message, f"127.2.0.{number}") for number in (1, 2, 3)]
        # The same keys under a new auth id are a repeated session.
        again.append(("repeated session", client.header(), "127.2.1.1"))
        started = time.monotonic()
        connections = []
        for name, data, source in again:
            connections.append((name, dial(server.port, source=source)))
            connections[-1][1].sendall(data)
        for name, connection in connections:
            _expect_silence(program, name, connection, started)
        client.send(client.chunk(b"still"))
        assert client.receive(5) == b"still"
    assert target.accepted == 1, "a replay reached the target"


def right_times(lab, program):
    """A clock that is less than two minutes off is good enough."""
    target = lab.closing(Target(echo))
    server = _server(lab, program)
    for offset in (-110, -60, 0, 60, 110):
        with Client(server.port, Request(LOOPBACK, target.port)) as client:
            client.send(client.header(timestamp=int(time.time()) + offset) + client.chunk(b"x"))
            assert client.receive(1) == b"x", f"clock {offset:+} s"


def crowd(lab, program):
    """Many strangers from one address: all are met with silence, and the honest are served meanwhile."""
    wire.need_cryptography()
    target = lab.closing(Target(echo))
    server = _server(lab, program)
    strangers = []
    for _ in range(_CROWD):
        stranger = dial(server.port)
        stranger.sendall(os.urandom(100))
        strangers.append(stranger)
    _honest(server, target)
    for stranger in strangers:
        with stranger:
            received, _ = receive_to_end(stranger)
            assert received == b"", f"{len(received)} bytes came back"
    _honest(server, target)


def dribble(lab, program):
    """A stranger that keeps on sending is not read for ever."""
    wire.need_cryptography()
    target = lab.closing(Target(echo))
    server = _server(lab, program)
    deadline = time.monotonic() + 15
    with dial(server.port) as stranger:
        try:
            while True:
                stranger.sendall(os.urandom(1000))
                assert time.monotonic() < deadline, "still read after 15 s"
                time.sleep(0.01)
        except ConnectionError:
            pass
    _honest(server, target)
