"""Datagrams: command 2 with every security through SOCKS5 and dokodemo-door, DNS, ends, and what must not pass."""

import socket
import struct
from functools import partial

import configs
import wire
from cases import Case
from configs import LOOPBACK
from count_cases import counters
from datagrams import (
    DoorAssociation,
    Refused,
    SocksAssociation,
    UdpTarget,
    answered,
    burst_echoes,
    dns_address,
    dns_answer,
    dns_query,
    echoes,
    noise,
    tries_of,
)
from lab import udp_ports, wait_for_access, wait_until
from peers import Client
from streams import dial
from tunnel import SECURITIES, ServerAlone, securities_of

# What every peer carries; V2Ray 4.34 drops or cuts what is over about 1960 bytes, and with padding loses the
# stream then (vmess.md 12, 19), so larger ones are for our own ends.
_COMMON_SIZES = (1, 15, 16, 17, 512, 1350)
# The largest chunk less 16 of the tag, 63 of padding; a SOCKS head of 10 bytes still fits a datagram of 65 507.
_OUR_SIZES = (8192, 65456)
_ASSOCIATIONS = 8
_BY_HAND = (
    ("cfb", wire.AES_128_CFB, 0x00),
    ("cfb", wire.AES_128_CFB, 0x01),
    ("cfb", wire.AES_128_CFB, 0x05),
    ("cfb", wire.AES_128_CFB, 0x0D),
    ("none", wire.NONE, 0x00),
    ("none", wire.NONE, 0x01),
    ("none", wire.NONE, 0x0D),
    ("gcm", wire.AES_128_GCM, 0x00),
    ("gcm", wire.AES_128_GCM, 0x1D),
)


def cases(bench):
    for pair in bench.pairs:
        for security in securities_of(pair):
            for entry in ("socks5", "dokodemo"):
                run = partial(sizes, pair=pair, security=security, entry=entry)
                yield Case(f"udp/{pair}/{security}/{entry}", run)
        run = partial(sizes, pair=pair, security="auto", entry="socks5", alter_id=16)
        yield Case(f"udp/{pair}/older-header", run)
        yield Case(f"udp/{pair}/dns", partial(dns, pair=pair))
        yield Case(f"udp/{pair}/ipv6", partial(over_ipv6, pair=pair))
        yield Case(f"udp/{pair}/many", partial(many, pair=pair))
        yield Case(f"udp/{pair}/detour", partial(detour, pair=pair))
        if pair.client.is_ours:
            yield Case(f"udp/{pair}/ends-with-tcp", partial(ends_with_tcp, pair=pair))
            yield Case(f"udp/{pair}/strangers", partial(strangers, pair=pair))
        if pair.both_ours:
            yield Case(f"udp/{pair}/packet-addresses", partial(full_cone, pair=pair))
            yield Case(f"udp/{pair}/idle", partial(idle, pair=pair))
    for program in bench.programs:
        if program.is_ours:
            for name, security, option in _BY_HAND:
                run = partial(by_hand, program=program, security=security, option=option)
                yield Case(f"udp/{program.kind}/{name}-{option:02x}", run)
            yield Case(f"udp/{program.kind}/direct", partial(direct, program=program))
            yield Case(f"udp/{program.kind}/switched-off", partial(switched_off, program=program))
            yield Case(f"udp/{program.kind}/only-udp", partial(only_udp, program=program))
            yield Case(f"udp/{program.kind}/blackhole", partial(blackhole, program=program))


class UdpTunnel:
    """A client and a server, with ways in for datagrams."""

    def __init__(self, lab, pair, target, security="auto", alter_id=0, client_times=None, settings=None, mux=None):
        self.vmess_port = lab.free_port()
        self.socks_port = lab.free_port()
        self.door_port = lab.free_port()
        socks = configs.socks_in(self.socks_port)
        socks["settings"]["udp"] = True
        door = configs.door_in(self.door_port, target.host, target.port)
        door["settings"]["network"] = "tcp,udp"
        vmess = configs.vmess_in(self.vmess_port, alter_id=alter_id)
        out = configs.vmess_out([(LOOPBACK, self.vmess_port)], security, alter_id=alter_id)
        out["settings"].update(settings or {})
        if mux:
            out["mux"] = mux
        log = {"loglevel": "info", "access": lab.path("server.access")}
        self.server = lab.start(pair.server, configs.config([vmess], [configs.freedom_out()], log), "server")
        log = {"loglevel": "info", "access": lab.path("client.access")}
        client = configs.config([socks, door], [out], log, times=client_times)
        self.client = lab.start(pair.client, client, "client")

    def enter(self, entry):
        if entry == "socks5":
            return SocksAssociation(self.socks_port)
        return DoorAssociation(self.door_port)


def sizes(lab, pair, security, entry, alter_id=0):
    """Datagrams of every size come back as they were sent, one by one and then several at a time."""
    target = lab.closing(UdpTarget())
    tunnel = UdpTunnel(lab, pair, target, security, alter_id)
    with tunnel.enter(entry) as association:
        tries = tries_of(pair)
        for size in _COMMON_SIZES + (_OUR_SIZES if pair.both_ours else ()):
            echoes(association, target, noise(size), tries=tries)
        burst = [struct.pack(">H", number) + noise(number) for number in range(1, 60)]
        burst_echoes(association, target, burst, tries)
    wait_for_access(lab, lambda text: f"accepted udp:{target.host}:{target.port}" in text)


def dns(lab, pair):
    """A real question and its answer, by address and by name."""
    server = lab.closing(UdpTarget(dns_answer))
    tunnel = UdpTunnel(lab, pair, server)
    for entry in ("socks5", "dokodemo"):
        with tunnel.enter(entry) as association:
            for host in (LOOPBACK, "localhost"):
                query = dns_query("www.example.org", len(server.heard) + 1)
                wanted = dns_answer(query)
                assert dns_address(wanted, query) == "192.0.2.77"
                answered(association, query, wanted, host, server.port, tries_of(pair))


def blackhole(lab, program):
    """What goes nowhere is counted, and the association stays."""
    target = lab.closing(UdpTarget())
    port = lab.free_port()
    socks = configs.socks_in(port)
    socks["settings"]["udp"] = True
    client = lab.start(program, configs.config([socks], [configs.blackhole_out("none")]), "client")
    with SocksAssociation(port) as association:
        for count in (1, 2):
            association.send(noise(100), target.host, target.port)
            wait_until(lambda: counters(client)["core.datagrams_unsent"] == count, "the datagram to be swallowed")
    assert target.heard == []


def over_ipv6(lab, pair):
    target = lab.closing(UdpTarget(host="::1"))
    tunnel = UdpTunnel(lab, pair, target)
    with tunnel.enter("socks5") as association:
        echoes(association, target, noise(700), tries=tries_of(pair))


def many(lab, pair):
    """Several associations, several targets: nobody gets what is another's."""
    targets = [lab.closing(UdpTarget(lambda datagram, n=n: bytes([n]) + datagram)) for n in range(3)]
    tunnel = UdpTunnel(lab, pair, targets[0])
    associations = [SocksAssociation(tunnel.socks_port) for _ in range(_ASSOCIATIONS)]
    # One at a time: V2Ray 4.34 mixes up the answers of concurrent associations now and then (vmess.md 18).
    for round_number in range(3):
        for association in associations:
            for number, target in enumerate(targets):
                datagram = noise(100 + round_number)
                wanted = bytes([number]) + datagram
                source = answered(association, datagram, wanted, LOOPBACK, target.port, tries_of(pair))
                assert source[1] == target.port, source
    for association in associations:
        association.__exit__()


def ends_with_tcp(lab, pair):
    """Where the TCP connection ends, nothing comes back any more, and the port is gone."""
    target = lab.closing(UdpTarget())
    tunnel = UdpTunnel(lab, pair, target)
    with SocksAssociation(tunnel.socks_port) as association:
        echoes(association, target, noise(100), tries=tries_of(pair))
        assert association.relay[1] in udp_ports()
        association.tcp.close()
        wait_until(lambda: association.relay[1] not in udp_ports(), "the association to end")


def strangers(lab, pair):
    """Only the client's own datagrams are taken, and only whole ones; only the target's answers come back."""
    target = lab.closing(UdpTarget())
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stranger.bind(("127.0.0.9", 0))
    lab.closing(stranger)
    tunnel = UdpTunnel(lab, pair, target)
    with SocksAssociation(tunnel.socks_port) as association:
        association.send(b"from another address", LOOPBACK, target.port, through=stranger)
        association.send(b"a piece", LOOPBACK, target.port, fragment=1)
        association.udp.sendto(b"\x00\x00\x00\x09no address", association.relay)
        association.udp.sendto(b"\x00\x00", association.relay)
        echoes(association, target, b"good", tries=tries_of(pair))
        other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        other.bind((LOOPBACK, 0))
        lab.closing(other)
        association.send(b"from another port", LOOPBACK, target.port, through=other)
        if pair.server.is_ours:  # V2Ray passes on what anybody sends to its socket
            other.sendto(b"not the target", target.peers[-1])
        echoes(association, target, b"better", tries=tries_of(pair))
        assert set(target.heard) == {b"good", b"better"}, target.heard
    with SocksAssociation(tunnel.socks_port, named_port=None) as association:
        association.send(b"before", LOOPBACK, target.port, through=other)
        echoes(association, target, b"named", tries=tries_of(pair))
        assert b"before" not in target.heard


def full_cone(lab, pair):
    """With packet addresses, one connection and one socket for all targets, and anybody may answer."""
    first, second = (lab.closing(UdpTarget()) for _ in range(2))
    tunnel = UdpTunnel(lab, pair, first, settings={"packetEncoding": "packet"})
    with SocksAssociation(tunnel.socks_port) as association:
        echoes(association, first, noise(1350))
        echoes(association, second, noise(8192))
        assert first.peers == second.peers, "two sockets"
        third = lab.closing(UdpTarget())
        third.socket.sendto(b"unasked", first.peers[0])
        answer, source = association.receive()
        assert (answer, source) == (b"unasked", (LOOPBACK, third.port))
    with tunnel.enter("dokodemo") as association:
        echoes(association, first, noise(512))


def idle(lab, pair):
    """An association with nothing to say ends by its policy, although its TCP connection stays."""
    target = lab.closing(UdpTarget())
    tunnel = UdpTunnel(lab, pair, target, client_times=configs.policy(connIdle=4))
    with SocksAssociation(tunnel.socks_port) as association:
        echoes(association, target, noise(100))
        association.tcp.settimeout(15)
        assert association.tcp.recv(1) == b""


def detour(lab, pair):
    """Servers send associations on, too; V2Ray's clients use the older cipher then."""
    target = lab.closing(UdpTarget())
    main_port, socks_port = lab.free_port(), lab.free_port()
    main = configs.vmess_in(main_port)
    main["settings"]["detour"] = {"to": "dynamic"}
    dynamic = configs.vmess_in(lab.free_port(), tag="dynamic")
    dynamic["settings"] = {"clients": [], "default": {"level": 0, "alterId": 0}}
    server = lab.start(pair.server, configs.config([main, dynamic], [configs.freedom_out()]), "server")
    socks = configs.socks_in(socks_port)
    socks["settings"]["udp"] = True
    lab.start(pair.client, configs.config([socks], [configs.vmess_out([(LOOPBACK, main_port)])]), "client")
    for number in range(_ASSOCIATIONS):
        with SocksAssociation(socks_port) as association:
            echoes(association, target, noise(100 + number), tries=tries_of(pair))
    if pair.server.is_ours:
        seen = counters(server)
        assert seen["core.made_callers"] >= _ASSOCIATIONS // 3, seen
        assert seen["core.uplink_datagrams"] >= _ASSOCIATIONS, seen


def by_hand(lab, program, security, option):
    """Every framing that a client may ask for, the older cipher's among them (V2Ray's behind a detour)."""
    target = lab.closing(UdpTarget())
    server = ServerAlone(lab, program)
    request = wire.Request(LOOPBACK, target.port, security=security, option=option, command=2)
    with Client(server.port, request) as client:
        client.send(client.header())
        for size in _COMMON_SIZES + (8192,):
            datagram = noise(size)
            client.send(client.chunk(datagram))
            assert client.receive(size) == datagram


def direct(lab, program):
    """Through one program alone: freedom, full cone."""
    target = lab.closing(UdpTarget())
    port = lab.free_port()
    socks = configs.socks_in(port)
    socks["settings"]["udp"] = True
    log = {"loglevel": "info", "access": lab.path("client.access")}
    lab.start(program, configs.config([socks], [configs.freedom_out()], log), "client")
    with SocksAssociation(port) as association:
        for size in _COMMON_SIZES + (8192, 65497):
            echoes(association, target, noise(size))
        echoes(association, target, b"by name", host="localhost")
        association.send(b"nowhere", "does-not-exist.invalid", 9)
        echoes(association, target, b"still there")
        other = lab.closing(UdpTarget())
        other.socket.sendto(b"unasked", target.peers[0])
        answer, source = association.receive()
        assert (answer, source) == (b"unasked", (LOOPBACK, other.port))
    wait_for_access(lab, lambda text: f"udp:{LOOPBACK}:{target.port}" in text, "client")


def switched_off(lab, program):
    port = lab.free_port()
    lab.start(program, configs.config([configs.socks_in(port)], [configs.freedom_out()]), "client")
    try:
        SocksAssociation(port)
    except Refused as answer:
        assert str(answer).startswith("0507"), answer
    else:
        raise AssertionError("an association where there should be none")


def only_udp(lab, program):
    """A door for datagrams alone does not listen for connections."""
    target = lab.closing(UdpTarget())
    door_port, socks_port = lab.free_port(), lab.free_port()
    door = configs.door_in(door_port, target.host, target.port)
    door["settings"]["network"] = ["udp"]
    inbounds = [configs.socks_in(socks_port), door]
    process = lab.start(program, configs.config(inbounds, [configs.freedom_out()]), "client")
    with DoorAssociation(door_port) as association:
        echoes(association, target, noise(1350))
    try:
        dial(door_port)
    except ConnectionRefusedError:
        pass
    else:
        raise AssertionError("somebody listens for connections")
    assert process.running()
