"""Mux connections that do not speak as they should: each gets the specification's answer (vmess.md 13),
and nobody else notices."""

import socket
import struct
from functools import partial

import wire
from cases import Case
from configs import LOOPBACK
from count_cases import counters, wait_for_counter
from lab import wait_until
from mux_wire import END, ERROR, KEEP, KEEP_ALIVE, NEW, MuxClient, end, frame, keep, new, read
from peers import Server
from rows import is_sanitized
from streams import Payload, receive_to_end
from targets import Recorder, Target, answers_after_end, echo, leave_alone
from tunnel import ClientAlone, ServerAlone, on_one_core

_STREAMS_MAX = 128
_FLOOD = 200
_GROWTH_KIB = 64 << 10


def cases(bench):
    for program in bench.programs:
        if not program.is_ours:
            continue
        for name, run in (
            ("asked-for-by-name", by_name),
            ("unknown-session", unknown_session),
            ("number-in-use", number_in_use),
            ("keep-alive", keep_alive),
            ("end-with-error", end_with_error),
            ("half-close", half_close),
            ("any-cut", any_cut),
            ("large-frame", large_frame),
            ("cut-frame", cut_frame),
            ("end-with-open-streams", end_with_open_streams),
            ("flood", flood),
            ("answers-unread", answers_unread),
        ):
            yield Case(f"mux-hostile/server/{name}", partial(run, program=program))
        for name, bad in bad_frames().items():
            run = partial(over, program=program, bad=bad)
            yield Case(f"mux-hostile/server/bad-frame/{name}", run)
            if name.startswith(("metadata", "status")):
                run = partial(over_at_client, program=program, bad=bad)
                yield Case(f"mux-hostile/client/bad-frame/{name}", run)
        for name, run in (
            ("server-opens", server_opens),
            ("server-opens-a-number-in-use", server_opens_again),
            ("unknown-session", unknown_at_client),
            ("ends", ends_at_client),
        ):
            yield Case(f"mux-hostile/client/{name}", partial(run, program=program))


def bad_frames():
    """Frames that end their connection; the session is one that is open."""
    place = struct.pack(">H", 80)
    return {
        "metadata-0": struct.pack(">H", 0),
        "metadata-3": struct.pack(">H", 3) + bytes(3),
        "metadata-513": struct.pack(">H", 513) + struct.pack(">HBB", 1, KEEP, 0) + bytes(509),
        "metadata-65535": b"\xff\xff" + bytes(1000),
        "status-0": frame(1, 0),
        "status-5": frame(1, 5),
        "status-255": frame(1, 255),
        "new-without-a-target": frame(7, NEW),
        "new-with-a-cut-target": frame(7, NEW, rest=b"\x01" + place + b"\x01\x7f\x00"),
        "network-0": frame(7, NEW, rest=b"\x00" + place + b"\x01" + bytes(4)),
        "network-3": frame(7, NEW, rest=b"\x03" + place + b"\x01" + bytes(4)),
        "address-0": frame(7, NEW, rest=b"\x01" + place + b"\x00" + bytes(16)),
        "address-4": frame(7, NEW, rest=b"\x01" + place + b"\x04" + bytes(16)),
        "name-of-0-bytes": frame(7, NEW, rest=b"\x01" + place + b"\x02\x00"),
    }


class _Served:
    """A server of ours, an echo, and one mux connection with stream 1 open to it."""

    def __init__(self, lab, program, **times):
        wire.need_cryptography()
        self.target = lab.closing(Target(echo))
        self.server = ServerAlone(lab, program, **times)
        self.client = self.connect()
        lab.closing(self.client.connection)
        self.client.say(new(1, self.target.port, data=b"hello"))
        assert self.client.heard(1, 5) == b"hello"

    def connect(self):
        return MuxClient(self.server.port)

    def counter(self, name):
        return counters(self.server.process)[name]


def recorded(lab, client, session):
    """Opens a stream to a target of its own; gives the target's recorder once the first word is there."""
    recorder = Recorder()
    target = lab.closing(Target(recorder))
    client.say(new(session, target.port, data=b"begun"))
    wait_until(lambda: recorder.received == b"begun", "the first frame")
    return recorder


def by_name(lab, program):
    """The name that stands for a mux makes one of a request for a stream, whatever the port."""
    served = _Served(lab, program)
    with MuxClient(served.server.port, command=wire.TCP, host="v1.mux.cool", port=9527) as client:
        client.say(new(1, served.target.port, data=b"by name"))
        assert client.heard(1, 7) == b"by name"


def unknown_session(lab, program):
    """Data for nobody is dropped and answered with an end; an end for nobody is nothing."""
    served = _Served(lab, program)
    client = served.client
    for session in (0, 2, 65535):
        client.say(keep(session, b"for nobody"))
        answer = client.next_of(session)
        assert (answer.status, answer.error, answer.data) == (END, False, b""), answer
    client.say(end(9), end(10, error=True), frame(11, END, data=b"the end of nobody"))
    client.echoes(1)


def number_in_use(lab, program):
    """A number that is opened again means two things: neither is served, everybody else is."""
    served = _Served(lab, program)
    client = served.client
    recorder = recorded(lab, client, 2)
    client.say(new(2, served.target.port, data=b"second"))
    answer = client.next_of(2)
    assert (answer.status, answer.error) == (END, True), answer
    assert recorder.wait() == "reset", recorder.ending
    assert served.target.accepted == 1, "the second use was served"
    assert served.counter("core.mux_refusals") == 1
    client.echoes(1)
    # Once it is over on both sides, the number is a number like any other.
    client.say(new(2, served.target.port, data=b"third"))
    assert client.heard(2, 5) == b"third"


def keep_alive(lab, program):
    """Ignored, whatever the session; its data is discarded."""
    client = _Served(lab, program).client
    for session in (0, 1, 77):
        client.say(frame(session, KEEP_ALIVE), frame(session, KEEP_ALIVE, data=b"not for the echo"))
    client.echoes(1)


def end_with_error(lab, program):
    """Both directions are over at once, and the target is told of a cut."""
    served = _Served(lab, program)
    client = served.client
    recorder = recorded(lab, client, 2)
    client.say(end(2, error=True))
    assert recorder.wait() == "reset", recorder.ending
    client.say(keep(2, b"more"))
    assert client.next_of(2).status == END
    client.echoes(1)


def half_close(lab, program):
    """An end is passed on, and what comes back afterwards arrives; so does its end."""
    payload = Payload(100_000).bytes()
    target = lab.closing(Target(answers_after_end(1)))
    client = _Served(lab, program).client
    client.say(new(2, target.port))
    for place in range(0, len(payload), 8192):
        client.say(keep(2, payload[place : place + 8192]))
    client.say(frame(2, END, data=b"discarded"))
    assert client.heard(2, 64).decode() == Payload(100_000).digest()
    last = client.next_of(2)
    assert (last.status, last.error) == (END, False), last
    client.echoes(1)


def any_cut(lab, program):
    """Frames may be cut into chunks anywhere."""
    served = _Served(lab, program)
    client = served.client
    stream = new(2, served.target.port, data=b"a") + keep(2, b"b") + keep(2, b"") + keep(1, b"c")
    for byte in stream:
        client.send(client.chunk(bytes([byte])))
    assert client.heard(2, 2) == b"ab"
    assert client.heard(1, 1) == b"c"


def large_frame(lab, program):
    """A frame may have 65535 bytes; it takes several chunks."""
    payload = Payload(65535).bytes()
    client = _Served(lab, program).client
    whole = keep(1, payload)
    for place in range(0, len(whole), 16000):
        client.send(client.chunk(whole[place : place + 16000]))
    assert client.heard(1, len(payload)) == payload


def cut_frame(lab, program):
    """A connection that ends inside a frame is no end of anything: all targets are told of a cut."""
    served = _Served(lab, program)
    cuts = {"length": b"\x00", "metadata": new(3, 1)[:7], "data": keep(2, b"whole")[:-2]}
    for name, rest in cuts.items():
        for finish in (MuxClient.finish, close_writing):
            with served.connect() as client:
                recorder = recorded(lab, client, 2)
                client.say(rest)
                finish(client)
                assert recorder.wait() == "reset", f"cut in {name}: {recorder.ending}"
    served.client.echoes(1)


def close_writing(client):
    client.connection.shutdown(socket.SHUT_WR)


def end_with_open_streams(lab, program):
    """Nor is it one if streams are open; the connection itself has ended properly."""
    served = _Served(lab, program)
    with served.connect() as client:
        recorder = recorded(lab, client, 1)
        client.finish()
        assert recorder.wait() == "reset", recorder.ending
        receive_to_end(client.connection)
    served.client.echoes(1)


def flood(lab, program):
    """One connection has 128 streams at a time; the next one is refused, and counted."""
    served = _Served(lab, program)
    client = served.client
    for session in range(2, _FLOOD + 1):
        client.say(new(session, served.target.port, data=b"%5d" % session))
    for session in range(_STREAMS_MAX + 1, _FLOOD + 1):
        answer = client.next_of(session)
        assert (answer.status, answer.error) == (END, True), answer
    for session in range(2, _STREAMS_MAX + 1):
        assert client.heard(session, 5) == b"%5d" % session
    assert served.target.accepted == _STREAMS_MAX, served.target.accepted
    assert served.counter("core.mux_refusals") == _FLOOD - _STREAMS_MAX
    client.say(end(5, error=True))
    wait_for_counter(served.server.process, "core.open_sessions", _STREAMS_MAX)
    client.say(new(300, served.target.port, data=b"again"))
    assert client.heard(300, 5) == b"again"
    client.echoes(1)


def answers_unread(lab, program):
    """Who makes the server answer and does not read is not read any more; memory does not grow."""
    served = _Served(lab, program)
    before = resident_kib(served.server.process)
    with served.connect() as greedy:
        greedy.connection.settimeout(2)
        try:
            for _ in range(6000):
                greedy.say(end(1), *[keep(2, b"")] * 1000)
        except TimeoutError:
            pass  # The silence that is wanted.
        else:
            raise AssertionError("the server reads without end")
        if not is_sanitized(program):  # which keeps what was freed
            grown = resident_kib(served.server.process) - before
            assert grown < _GROWTH_KIB, f"{grown} KiB more"
        served.client.echoes(1)


def resident_kib(process) -> int:
    with open(f"/proc/{process.pid}/status") as file:
        for line in file:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    raise AssertionError("no VmRSS")


def over(lab, program, bad):
    """The connection is over: closed, its targets told of a cut, and the next one is served."""
    served = _Served(lab, program)
    with served.connect() as client:
        recorder = recorded(lab, client, 1)
        client.say(bad)
        assert recorder.wait() == "reset", recorder.ending
        receive_to_end(client.connection)
    served.client.echoes(1)


class _Dialed:
    """A client of ours whose server is played here, with two streams open and their first frames read."""

    def __init__(self, lab, program):
        self.peer = lab.closing(Server())
        # Each core has connections of its own.
        program = on_one_core(program)
        self.client = ClientAlone(lab, program, self.peer.port, mux={"enabled": True})
        self.streams = []
        for number in (1, 2):
            self.streams.append(lab.closing(self.client.enter(port=number)))
            self.streams[-1].sendall(b"word %d" % number)
            first = self.accept() if number == 1 else self.next()
            self.opens(first, number, b"word %d" % number)
            assert first.rest == b"\x01" + struct.pack(">H", number) + wire.address(LOOPBACK)

    def opens(self, first, session, word):
        """Is this the first frame of a stream with that word? It is in the next one if it came late."""
        assert (first.session, first.status) == (session, NEW), first
        if not first.data:
            first = self.next()
            assert (first.session, first.status) == (session, KEEP), first
        assert first.data == word, first

    def accept(self):
        """The next connection, and its first frame."""
        assert self.peer.accept().command == wire.MUX
        self.peer.send(self.peer.answer())
        self._rest = b""
        return self.next()

    def next(self):
        return read(self._receive)

    def _receive(self, count):
        while len(self._rest) < count:
            chunk = self.peer.receive_chunk()
            assert chunk, "the client ended the connection"
            self._rest += chunk
        data, self._rest = self._rest[:count], self._rest[count:]
        return data

    def say(self, *frames):
        self.peer.send(self.peer.down.seal(b"".join(frames)))

    def goes_on(self, number):
        """A word each way on one of the streams."""
        stream = self.streams[number - 1]
        self.say(keep(number, b"down"))
        assert stream.recv(4) == b"down"
        stream.sendall(b"up")
        heard = self.next()
        assert (heard.session, heard.status, heard.data) == (number, KEEP, b"up"), heard


def server_opens(lab, program):
    """Only clients open streams: it is not served, nor its data."""
    dialed = _Dialed(lab, program)
    target = lab.closing(Target(leave_alone))
    dialed.say(new(9, target.port, data=b"from the wrong side"))
    for number in (1, 2):
        dialed.goes_on(number)
    assert target.accepted == 0


def server_opens_again(lab, program):
    """Of a stream that is open: that one is over, the other is not."""
    dialed = _Dialed(lab, program)
    dialed.say(new(1, 80, data=b"from the wrong side"))
    assert receive_to_end(dialed.streams[0]) == (b"", "reset")
    dialed.goes_on(2)


def unknown_at_client(lab, program):
    """Data for nobody is answered with an end here, too."""
    dialed = _Dialed(lab, program)
    dialed.say(keep(9, b"for nobody"))
    answer = dialed.next()
    assert (answer.session, answer.status) == (9, END), answer
    for number in (1, 2):
        dialed.goes_on(number)


def ends_at_client(lab, program):
    """An end is an end, an end with the error flag is none; data behind an end is dropped."""
    dialed = _Dialed(lab, program)
    dialed.say(keep(1, b"last"), end(1), keep(1, b"behind the end"))
    assert receive_to_end(dialed.streams[0]) == (b"last", "end")
    dialed.say(frame(2, END, ERROR))
    assert receive_to_end(dialed.streams[1]) == (b"", "reset")


def over_at_client(lab, program, bad):
    """All streams are cut, and the next one has a new connection."""
    dialed = _Dialed(lab, program)
    dialed.say(bad)
    for stream in dialed.streams:
        assert receive_to_end(stream) == (b"", "reset")
    again = lab.closing(dialed.client.enter(port=3))
    again.sendall(b"word 3")
    dialed.opens(dialed.accept(), 1, b"word 3")
