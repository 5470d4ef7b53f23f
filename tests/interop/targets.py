"""The little servers that stand where the wide world would be."""

import hashlib
import socket
import threading

from streams import (
    TIMEOUT_SECONDS,
    abort,
    receive_digest,
    receive_exactly,
    receive_until,
    send_payload,
)

_PIECE_BYTES = 1 << 20


class Target:
    """A listener that serves each connection in a thread of its own.

    serve  called with the connection; what it raises is a broken connection and ends only this one

    A scenario may reach the sockets: `accepted` counts them, `connection` waits for the n-th.
    """

    def __init__(self, serve, host="127.0.0.1", backlog=512):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family, backlog=backlog)
        self.port = self._listener.getsockname()[1]
        self._serve = serve
        self._changed = threading.Condition()
        self._connections = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def accepted(self) -> int:
        with self._changed:
            return len(self._connections)

    def connection(self, index=0, seconds=TIMEOUT_SECONDS):
        with self._changed:
            there = self._changed.wait_for(lambda: len(self._connections) > index, seconds)
            assert there, f"connection {index} never reached the target"
            return self._connections[index]

    def close(self) -> None:
        self._listener.close()
        with self._changed:
            for connection in self._connections:
                connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.settimeout(TIMEOUT_SECONDS)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._changed:
                self._connections.append(connection)
                self._changed.notify_all()
            threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection) -> None:
        try:
            self._serve(connection)
        except (OSError, AssertionError):
            pass


def leave_alone(_connection) -> None:
    """For targets that the case drives by hand."""


def echo(connection) -> None:
    room = memoryview(bytearray(_PIECE_BYTES))
    # An idle connection may stay silent for as long as its case likes.
    connection.settimeout(None)
    while got := connection.recv_into(room):
        connection.sendall(room[:got])
    connection.shutdown(socket.SHUT_WR)


def digest_of(total_bytes):
    """Answers with the digest of exactly so many bytes, as text."""

    def serve(connection):
        connection.sendall(receive_digest(connection, total_bytes).encode())
        connection.close()

    return serve


def source_of(payload):
    """Sends the payload at once, unasked, and ends."""

    def serve(connection):
        send_payload(connection, payload)
        connection.shutdown(socket.SHUT_WR)

    return serve


def endless(connection) -> None:
    """Sends until it is cut."""
    block = bytes(65536)
    while True:
        connection.sendall(block)


def speaks_first(greeting, after_seconds=0.0):
    """Greets, after a silence if wanted, and is an echo from then on."""

    def serve(connection):
        # The silence is the scenario, not a wait for something.
        threading.Event().wait(after_seconds)
        connection.sendall(greeting)
        echo(connection)

    return serve


def answers_after_end(after_seconds):
    """Reads to the end, is silent, and then answers with the digest of what it read."""

    def serve(connection):
        whole = hashlib.sha256()
        while got := connection.recv(_PIECE_BYTES):
            whole.update(got)
        threading.Event().wait(after_seconds)
        connection.sendall(whole.hexdigest().encode())
        connection.close()

    return serve


def resets_after(count):
    """Reads `count` bytes and resets."""

    def serve(connection):
        left = count
        while left > 0:
            left -= len(connection.recv(left)) or left
        abort(connection)

    return serve


class Recorder:
    """A `serve` that keeps what it reads and how that ended, for the case to look at."""

    def __init__(self):
        self._done = threading.Event()
        self.received = bytearray()
        self.ending = None

    def __call__(self, connection) -> None:
        try:
            while got := connection.recv(_PIECE_BYTES):
                self.received += got
            self.ending = "end"
        except ConnectionResetError:
            self.ending = "reset"
        except TimeoutError:
            self.ending = "timeout"
        self._done.set()
        connection.close()

    def wait(self, seconds=TIMEOUT_SECONDS) -> str:
        """How it ended; raises when for so long neither an end nor another byte came."""
        seen = -1
        while not self._done.wait(seconds):
            assert len(self.received) > seen, f"the target still waits after {seen} bytes"
            seen = len(self.received)
        return self.ending


class Origin:
    """An HTTP/1.1 server with kept connections. It remembers the heads of the requests it got."""

    def __init__(self, name, body=b""):
        self.heads = []
        self.name = name
        self._body = body or f"this is {name}".encode()

    def __call__(self, connection) -> None:
        while True:
            head = receive_until(connection, b"\r\n\r\n").decode("latin-1")
            sent = receive_exactly(connection, int(header_of(head, "content-length") or 0))
            self.heads.append(head)
            body = hashlib.sha256(sent).hexdigest().encode() if sent else self._body
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nServer: %s\r\nContent-Length: %d\r\n\r\n%s"
                % (self.name.encode(), len(body), body)
            )


def header_of(head: str, name: str):
    """The value of a header field, or None."""
    for line in head.split("\r\n")[1:]:
        field, _, value = line.partition(":")
        if field.strip().lower() == name:
            return value.strip()
    return None
