"""VMess peers driven by hand, one byte or one chunk at a time: a client, and a server."""

import socket

import wire
from configs import LOOPBACK, USER_ID
from streams import TIMEOUT_SECONDS, Ended, dial, receive_exactly


class Client:
    """A VMess client towards the program under test.

    request  where to and how; a test may hold it against the rules
    user_id  whose request it is
    source   local address, as limits count by address
    """

    def __init__(self, port, request, user_id=USER_ID, source=None):
        wire.need_cryptography()
        self.request = request
        self.cmd_key = wire.command_key(user_id)
        self.connection = dial(port, source=source)
        self.up = wire.Body(request)
        self._down = wire.Body(request, response=True)
        self.head = None  # of the answer, in plain, once it has come
        self._rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def header(self, **fields) -> bytes:
        return wire.seal_request(self.cmd_key, self.request.plain(), **fields)

    def chunk(self, payload) -> bytes:
        return self.up.seal(payload)

    def end(self) -> bytes:
        return self.up.end()

    def send(self, data) -> None:
        self.connection.sendall(data)

    def finish(self) -> None:
        """The end of the request: the chunk that says so, where there is one, and a FIN where not."""
        end = self.end()
        if end:
            self.send(end)
        else:
            self.connection.shutdown(socket.SHUT_WR)

    def receive(self, count) -> bytes:
        """Exactly so many bytes of the answer."""
        while len(self._rest) < count:
            piece = self._piece(count - len(self._rest))
            if not piece:
                raise Ended(f"the answer ended after {len(self._rest)} of {count} bytes")
            self._rest += piece
        data, self._rest = self._rest[:count], self._rest[count:]
        return data

    def receive_to_end(self) -> bytes:
        data, self._rest = self._rest, b""
        while piece := self._piece(65536):
            data += piece
        return data

    def _piece(self, count) -> bytes:
        if self.head is None:
            self.head = self._read_head()
        if self._down.raw:
            return self._down.open_raw(self.connection.recv(count))
        # A close between chunks ends a stream as well as the end chunk does.
        if not self.connection.recv(1, socket.MSG_PEEK):
            return b""
        return self._down.open(self._receive)

    def _read_head(self) -> bytes:
        return wire.open_response(self.request, self._receive)

    def _receive(self, count) -> bytes:
        return receive_exactly(self.connection, count)


class Server:
    """A VMess server that accepts one connection at a time from the program under test."""

    def __init__(self, user_id=USER_ID):
        wire.need_cryptography()
        self._cmd_key = wire.command_key(user_id)
        self._listener = socket.create_server((LOOPBACK, 0))
        self._listener.settimeout(TIMEOUT_SECONDS)
        self.port = self._listener.getsockname()[1]
        self.connection = None

    def close(self) -> None:
        self._listener.close()
        if self.connection:
            self.connection.close()

    def fileno(self) -> int:
        """Of the listener, for `select`."""
        return self._listener.fileno()

    def take(self):
        """Takes the next connection and reads nothing from it."""
        self.connection, _ = self._listener.accept()
        self.connection.settimeout(TIMEOUT_SECONDS)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.connection

    def accept(self):
        """Takes the next connection and reads its request."""
        self.take()
        return self.read_request()

    def read_request(self):
        """Reads the request of the connection that was taken."""
        self.request = wire.open_request(self._cmd_key, self._receive)
        self.up = wire.Body(self.request)
        self.down = wire.Body(self.request, response=True)
        return self.request

    def answer(self, **fields) -> bytes:
        return wire.seal_response(self.request, **fields)

    def send(self, data) -> None:
        self.connection.sendall(data)

    def receive_chunk(self) -> bytes:
        if self.up.raw:
            return self.connection.recv(65536)
        return self.up.open(self._receive)

    def _receive(self, count) -> bytes:
        return receive_exactly(self.connection, count)
