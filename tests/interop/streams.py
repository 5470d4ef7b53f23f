"""Bytes that can be recognised, and how they are moved and compared."""

import hashlib
import random
import socket
import struct
import threading

TIMEOUT_SECONDS = 20
_PIECE_BYTES = 1 << 20

_END = "end"
_RESET = "reset"


class Ended(AssertionError):
    """The stream ended before what was asked for had come."""


class Payload:
    """Reproducible bytes of any length, never held in memory as a whole.

    Each piece is the same noise behind its own number, so that a lost, repeated or moved piece changes
    the digest.
    """

    def __init__(self, total_bytes, seed=1):
        self.total_bytes = total_bytes
        self._noise = random.Random(seed).randbytes(min(total_bytes, _PIECE_BYTES))

    def pieces(self):
        left = self.total_bytes
        number = 0
        while left > 0:
            piece = bytearray(self._noise)
            if len(piece) >= 8:
                struct.pack_into(">Q", piece, 0, number)
            view = memoryview(piece)[: min(left, len(piece))]
            yield view
            left -= len(view)
            number += 1

    def digest(self) -> str:
        whole = hashlib.sha256()
        for piece in self.pieces():
            whole.update(piece)
        return whole.hexdigest()

    def bytes(self) -> bytes:
        return b"".join(bytes(piece) for piece in self.pieces())


def dial(port, host="127.0.0.1", source=None) -> socket.socket:
    """Connects. Every later call on the socket has a time limit, so that no case can hang in one."""
    connection = socket.create_connection(
        (host, port), TIMEOUT_SECONDS, source_address=(source, 0) if source else None
    )
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def send_payload(connection, payload) -> None:
    for piece in payload.pieces():
        connection.sendall(piece)


def receive_digest(connection, total_bytes) -> str:
    """The digest of exactly `total_bytes` bytes; raises if the stream ends before."""
    whole = hashlib.sha256()
    room = memoryview(bytearray(_PIECE_BYTES))
    left = total_bytes
    while left > 0:
        got = connection.recv_into(room[: min(left, len(room))])
        if not got:
            raise Ended(f"the stream ended {left} bytes early")
        whole.update(room[:got])
        left -= got
    return whole.hexdigest()


def receive_exactly(connection, count) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        got = connection.recv(count - len(parts))
        if not got:
            raise Ended(f"the stream ended after {len(parts)} of {count} bytes: {bytes(parts)[:80]!r}")
        parts += got
    return bytes(parts)


def receive_until(connection, mark, limit=65536) -> bytes:
    """Up to and with `mark`, byte by byte: what follows belongs to somebody else."""
    parts = bytearray()
    while not parts.endswith(mark):
        assert len(parts) < limit, f"no {mark!r} in {limit} bytes"
        got = connection.recv(1)
        if not got:
            raise Ended(f"the stream ended before {mark!r}: {bytes(parts)[:200]!r}")
        parts += got
    return bytes(parts)


def say(connection, word) -> None:
    """Sends to somebody who may have gone already."""
    try:
        connection.sendall(word)
    except OSError:
        pass


def receive_some(connection) -> bytes:
    """What comes next; nothing if the connection has ended, in whatever way."""
    try:
        return connection.recv(4096)
    except ConnectionError:
        return b""


def receive_to_end(connection) -> tuple[bytes, str]:
    """Everything that still comes, and how it ended: "end" or "reset". Raises when it does not end."""
    parts = bytearray()
    while True:
        try:
            got = connection.recv(_PIECE_BYTES)
        except ConnectionError:
            return bytes(parts), _RESET
        if not got:
            return bytes(parts), _END
        parts += got


def echoes(connection, payload) -> None:
    """Sends the payload to an echo and checks what comes back, both at the same time."""
    expected = payload.digest()
    failures = []

    def send():
        try:
            send_payload(connection, payload)
        except OSError as problem:
            failures.append(problem)

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    digest = receive_digest(connection, payload.total_bytes)
    sender.join()
    assert not failures, f"sending failed: {failures[0]}"
    assert digest == expected, "the echo differs from what was sent"


def alive(connection, word=b"still here?") -> None:
    """A short word to an echo and back."""
    connection.sendall(word)
    answer = receive_exactly(connection, len(word))
    assert answer == word, f"{answer!r} came back for {word!r}"


def abort(connection) -> None:
    """Closes with a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
