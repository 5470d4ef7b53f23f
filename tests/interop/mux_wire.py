"""Frames of Mux.Cool (vmess.md 13), written and read by hand, right or wrong."""

import struct
from dataclasses import dataclass

import wire
from peers import Client
from streams import Ended
from wire import Request

NEW, KEEP, END, KEEP_ALIVE = 1, 2, 3, 4
HAS_DATA, ERROR = 1, 2


@dataclass(frozen=True)
class Frame:
    session: int
    status: int
    option: int = 0
    rest: bytes = b""
    data: bytes = b""

    @property
    def error(self) -> bool:
        return bool(self.option & ERROR)


def frame(session, status, option=0, rest=b"", data=None) -> bytes:
    """One frame; `rest` is the metadata behind the option, `data` sets its bit of the option."""
    option |= HAS_DATA if data is not None else 0
    metadata = struct.pack(">HBB", session, status, option) + rest
    body = b"" if data is None else struct.pack(">H", len(data)) + data
    return struct.pack(">H", len(metadata)) + metadata + body


def new(session, port, host="127.0.0.1", data=None, network=wire.TCP) -> bytes:
    rest = bytes([network]) + struct.pack(">H", port) + wire.address(host)
    return frame(session, NEW, rest=rest, data=data)


def keep(session, data) -> bytes:
    return frame(session, KEEP, data=data)


def end(session, error=False) -> bytes:
    return frame(session, END, ERROR if error else 0)


def read(receive) -> Frame:
    """The next frame; receive(count) gives the next bytes of the stream of frames."""
    (size,) = struct.unpack(">H", receive(2))
    metadata = receive(size)
    session, status, option = struct.unpack(">HBB", metadata[:4])
    data = b""
    if option & HAS_DATA:
        (size,) = struct.unpack(">H", receive(2))
        data = receive(size)
    return Frame(session, status, option, metadata[4:], data)


class MuxClient(Client):
    """The client's side of a mux connection, frame by frame."""

    def __init__(self, server_port, command=wire.MUX, **fields):
        super().__init__(server_port, Request(command=command, **fields))
        self.send(self.header())
        self._frames = []

    def say(self, *frames) -> None:
        """Frames in one chunk."""
        self.send(self.chunk(b"".join(frames)))

    def next(self) -> Frame:
        return read(self.receive)

    def heard(self, session, count) -> bytes:
        """So many bytes of one stream; what comes for others is kept for them."""
        data = b""
        while len(data) < count:
            found = self.next_of(session)
            if found.status == END:
                raise Ended(f"stream {session} ended after {len(data)} of {count} bytes")
            data += found.data
        assert len(data) == count, f"{len(data)} bytes instead of {count}"
        return data

    def next_of(self, session) -> Frame:
        """The next frame of one stream."""
        for index, kept in enumerate(self._frames):
            if kept.session == session:
                return self._frames.pop(index)
        while True:
            frame_read = self.next()
            if frame_read.session == session:
                return frame_read
            self._frames.append(frame_read)

    def echoes(self, session, word=b"still here?") -> None:
        """A word to an echo and back."""
        self.say(keep(session, word))
        assert self.heard(session, len(word)) == word
