"""Datagrams in Mux.Cool frames that are written by hand, as other clients than ours write them: who says where
each one goes, and who does not (vmess.md 13 to 15)."""

import struct
from functools import partial

import configs
import wire
from cases import Case
from configs import LOOPBACK
from count_cases import wait_for_counter
from datagrams import UdpTarget
from lab import wait_until
from mux_wire import KEEP, NEW, MuxClient, frame
from tunnel import ServerAlone

_ID = b"\x01\x02\x03\x04\x05\x06\x07\x08"
# Of the first frame: its session, and what stands behind the target. Whoever has nothing to put into the place of
# the global id still writes its eight bytes, if it speaks XUDP.
_FORMS = {
    "global-id": (1, _ID),
    "id-of-zeros": (1, bytes(8)),
    "no-id": (1, b""),
    "session-0": (0, b""),
}


def cases(bench):
    for program in bench.programs:
        if not program.is_ours:
            continue
        for name, (session, behind) in _FORMS.items():
            run = partial(addressed, program=program, session=session, behind=behind)
            yield Case(f"mux-frames/ours/{name}/goes-where-it-says", run)
        yield Case("mux-frames/ours/no-address/hears-its-target-alone", partial(alone, program=program))
        yield Case("mux-frames/ours/chain/goes-nowhere-else", partial(chained, program=program))
        yield Case("mux-frames/ours/packet-addresses", partial(packet_addresses, program=program))


def _place(target) -> bytes:
    return bytes([wire.UDP]) + struct.pack(">H", target.port) + wire.address(target.host)


def addressed(lab, program, session, behind):
    """Each datagram goes where it says, from one socket, and anybody may answer."""
    first, second, third = (lab.closing(UdpTarget()) for _ in range(3))
    server = ServerAlone(lab, program)
    with MuxClient(server.port) as client:
        client.say(frame(session, NEW, rest=_place(first) + behind, data=b"one"))
        assert client.next_of(session).data == b"one"
        client.say(frame(session, KEEP, rest=_place(second), data=b"two"))
        _hears(client, session, second, b"two")
        assert first.heard == [b"one"] and second.heard == [b"two"], (first.heard, second.heard)
        assert first.peers == second.peers, "two sockets"
        client.say(frame(session, KEEP, data=b"three"))
        _hears(client, session, first, b"three")
        third.socket.sendto(b"unasked", first.peers[0])
        _hears(client, session, third, b"unasked")


def _hears(client, session, target, datagram):
    """The next one is this datagram, and says that it is from there."""
    answer = client.next_of(session)
    assert (answer.status, answer.data, answer.rest) == (KEEP, datagram, _place(target)), answer


def alone(lab, program):
    """Who never says where a datagram goes hears nobody but the one target, and is told no addresses."""
    target, stranger = (lab.closing(UdpTarget()) for _ in range(2))
    server = ServerAlone(lab, program)
    with MuxClient(server.port) as client:
        client.say(frame(1, NEW, rest=_place(target), data=b"one"))
        first = client.next_of(1)
        stranger.socket.sendto(b"unasked", target.peers[0])
        wait_for_counter(server.process, "core.datagrams_strange", 1)
        client.say(frame(1, KEEP, data=b"two"))
        second = client.next_of(1)
        assert [(one.data, one.rest) for one in (first, second)] == [(b"one", b""), (b"two", b"")]


def chained(lab, program):
    """Where the way out has one target, what goes elsewhere is dropped and counted: never sent to the wrong one."""
    first, second = (lab.closing(UdpTarget()) for _ in range(2))
    far = ServerAlone(lab, program)
    port = lab.free_port()
    through = configs.vmess_out([(LOOPBACK, far.port)])
    near = lab.start(program, configs.config([configs.vmess_in(port)], [through]), "near")
    with MuxClient(port) as client:
        client.say(frame(1, NEW, rest=_place(first), data=b"one"))
        assert client.next_of(1).data == b"one"
        client.say(frame(1, KEEP, rest=_place(second), data=b"two"))
        wait_for_counter(near, "core.datagrams_unsent", 1)
        client.say(frame(1, KEEP, rest=_place(first), data=b"three"))
        assert client.next_of(1).data == b"three"
    assert first.heard == [b"one", b"three"] and second.heard == [], (first.heard, second.heard)


def packet_addresses(lab, program):
    """Addresses in front of the datagrams, in both directions; what has none is dropped alone."""
    first, second = (lab.closing(UdpTarget()) for _ in range(2))
    server = ServerAlone(lab, program)
    name = bytes([wire.UDP]) + bytes(2) + wire.address("sp.packet-addr.v2fly.arpa")
    with MuxClient(server.port) as client:
        client.say(frame(1, NEW, rest=name, data=_packet(first, b"one")))
        assert client.next_of(1).data == _packet(first, b"one")
        client.say(frame(1, KEEP, data=b"\x07no address"), frame(1, KEEP, data=_packet(second, b"two")))
        assert client.next_of(1).data == _packet(second, b"two")
        # The largest that a peer's buffer holds.
        largest = bytes(2048 - len(_packet(first, b"")))
        client.say(frame(1, KEEP, data=_packet(first, largest)))
        assert client.next_of(1).data == _packet(first, largest)
    wait_for_counter(server.process, "core.datagrams_malformed", 1)
    wait_until(lambda: len(first.heard) == 2, "both")
    assert first.peers == second.peers, "two sockets"


def _packet(target, payload) -> bytes:
    return b"\x01" + wire.address(target.host)[1:] + struct.pack(">H", target.port) + payload
