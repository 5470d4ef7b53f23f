"""Datagrams: targets that answer them, and the ways an application sends them through a client."""

import ipaddress
import os
import socket
import struct
import threading
import time

from streams import TIMEOUT_SECONDS, dial, receive_exactly

_LARGEST = 65535


class UdpTarget:
    """A socket that answers each datagram with `answer(datagram)`, in a thread of its own.

    peers  whom datagrams came from, in order of their first
    """

    def __init__(self, answer=lambda datagram: datagram, host="127.0.0.1"):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.port = self.socket.getsockname()[1]
        self.host = host
        self.peers = []
        self.heard = []
        self._answer = answer
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        self.socket.close()

    def _serve(self):
        while True:
            try:
                datagram, peer = self.socket.recvfrom(_LARGEST)
            except OSError:
                return
            if peer not in self.peers:
                self.peers.append(peer)
            self.heard.append(datagram)
            answer = self._answer(datagram)
            if answer is not None:
                self.socket.sendto(answer, peer)


class Refused(Exception):
    """The proxy said no."""


class SocksAssociation:
    """UDP ASSOCIATE of SOCKS5: the TCP connection that it lives with, and a socket."""

    def __init__(self, port, listen="127.0.0.1", named_port=0):
        self.tcp = dial(port, listen)
        self.tcp.sendall(b"\x05\x01\x00")
        assert receive_exactly(self.tcp, 2) == b"\x05\x00"
        self.udp = socket.socket(socket.AF_INET6 if ":" in listen else socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((listen, 0))
        self.udp.settimeout(TIMEOUT_SECONDS)
        ours = self.udp.getsockname()[1] if named_port is None else named_port
        self.tcp.sendall(b"\x05\x03\x00\x01\x00\x00\x00\x00" + struct.pack(">H", ours))
        answer = receive_exactly(self.tcp, 4)
        if answer[:3] != b"\x05\x00\x00":
            raise Refused(answer.hex())
        host = receive_exactly(self.tcp, {1: 4, 4: 16}[answer[3]])
        self.relay = (str(ipaddress.ip_address(host)), struct.unpack(">H", receive_exactly(self.tcp, 2))[0])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tcp.close()
        self.udp.close()

    def send(self, datagram, host, port, fragment=0, through=None):
        head = bytes([0, 0, fragment]) + socks_address(host) + struct.pack(">H", port)
        (through or self.udp).sendto(head + datagram, self.relay)

    def receive(self, seconds=TIMEOUT_SECONDS):
        """The next answer, and where it says that it is from."""
        self.udp.settimeout(seconds)
        packet = self.udp.recv(_LARGEST)
        assert packet[:3] == b"\x00\x00\x00", packet[:3].hex()
        if packet[3] == 3:
            size = packet[4]
            host, rest = packet[5 : 5 + size].decode(), packet[5 + size :]
        else:
            size = {1: 4, 4: 16}[packet[3]]
            host, rest = str(ipaddress.ip_address(packet[4 : 4 + size])), packet[4 + size :]
        return rest[2:], (host, struct.unpack(">H", rest[:2])[0])


class DoorAssociation:
    """A socket that sends to a dokodemo-door."""

    def __init__(self, port, host="127.0.0.1"):
        self.udp = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.connect((host, port))
        self.udp.settimeout(TIMEOUT_SECONDS)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.udp.close()

    def send(self, datagram, *_):
        self.udp.send(datagram)

    def receive(self, seconds=TIMEOUT_SECONDS):
        self.udp.settimeout(seconds)
        return self.udp.recv(_LARGEST), None


def socks_address(host) -> bytes:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return b"\x03" + bytes([len(host)]) + host.encode()
    return (b"\x01" if address.version == 4 else b"\x04") + address.packed


def noise(count) -> bytes:
    return os.urandom(count)


# On loopback ours lose nothing, and a second try would hide a bug.
_ONE_TRY = (TIMEOUT_SECONDS,)
# V2Ray 4.34 loses answers now and then (vmess.md 18). It keeps what it has opened for a target until 4 to 8 s
# have passed in silence: one more try meets that, and one after the silence gets a new one.
_SEVERAL_TRIES = (2, 9, 2, 9)


def tries_of(pair) -> tuple:
    """How many seconds to wait for an answer before sending again, for each try."""
    return _ONE_TRY if pair.both_ours else _SEVERAL_TRIES


def echoes(association, target, datagram, host=None, tries=_ONE_TRY):
    """One datagram there and back."""
    answered(association, datagram, datagram, host or target.host, target.port, tries)


def answered(association, datagram, wanted, host, port, tries=_ONE_TRY):
    """One datagram there, and the answer to it; gives where that says that it is from."""
    for seconds in tries:
        association.send(datagram, host, port)
        for answer, source in _heard(association, seconds):
            if answer == wanted:
                return source
            # Where there are several tries, this one may be late, to a datagram before.
            assert len(tries) > 1, f"{len(answer)} bytes in place of {len(wanted)}"
    raise TimeoutError(f"no answer to a datagram of {len(datagram)} bytes, tried for {tries} seconds")


def burst_echoes(association, target, datagrams, tries=_ONE_TRY):
    """Different datagrams at once, and each comes back; where one try must do, nothing else comes."""
    missing = set(datagrams)
    for seconds in tries:
        for datagram in datagrams:
            if datagram in missing:
                association.send(datagram, target.host, target.port)
        for answer, _ in _heard(association, seconds):
            assert len(tries) > 1 or answer in missing, f"{len(answer)} bytes that nobody waits for"
            missing.discard(answer)
            if not missing:
                return
    raise TimeoutError(f"{len(missing)} of {len(datagrams)} did not come back, tried for {tries} seconds")


def _heard(association, seconds):
    """What comes within a time, and where from."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        try:
            yield association.receive(left)
        except TimeoutError:
            return


# ---- the smallest DNS server (RFC 1035): one name, one address


def dns_query(name, identifier) -> bytes:
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return struct.pack(">HHHHHH", identifier, 0x0100, 1, 0, 0, 0) + labels + b"\x00\x00\x01\x00\x01"


def dns_answer(query, address="192.0.2.77") -> bytes:
    head = query[:2] + struct.pack(">HHHHH", 0x8180, 1, 1, 0, 0)
    record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + ipaddress.ip_address(address).packed
    return head + query[12:] + record


def dns_address(answer, query) -> str:
    """The address in an answer to exactly this query."""
    assert answer[:2] == query[:2], "an answer to another question"
    assert struct.unpack(">HH", answer[4:8]) == (1, 1), answer.hex()
    assert answer[12 : len(query)] == query[12:], "another question"
    return str(ipaddress.ip_address(answer[-4:]))
