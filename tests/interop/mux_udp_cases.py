"""Datagrams inside Mux.Cool connections: as V2Ray has them, and as XUDP."""

import contextlib
import signal
from functools import partial

import configs
from cases import Case
from configs import LOOPBACK
from count_cases import counters
from datagrams import SocksAssociation, UdpTarget, echoes, noise, tries_of
from lab import listening_ports, wait_until
from udp_cases import UdpTunnel

_MUX = {"enabled": True, "concurrency": 8}
_COMMON_SIZES = (1, 15, 16, 17, 512, 1350)
# What V2Ray's buffer holds; it ends the whole connection on one byte more (vmess.md 13).
_PLAIN_MOST = 2048
# What XUDP's senders send at most (vmess.md 14).
_XUDP_MOST = 8192 - 666
_XUDP = {
    "alone": ({"packetEncoding": "xudp"}, None),
    "shared": (None, {**_MUX, "xudpConcurrency": 4}),
}


def cases(bench):
    for pair in bench.pairs:
        for entry in ("socks5", "dokodemo"):
            yield Case(f"mux-udp/{pair}/{entry}", partial(sizes, pair=pair, entry=entry))
        yield Case(f"mux-udp/{pair}/many", partial(many, pair=pair))
        if pair.client.is_ours:
            # V2Ray 4.34 takes XUDP for its own datagrams, to the first target (vmess.md 14).
            yield Case(f"xudp/{pair}/first-target", partial(first_target, pair=pair))
        if pair.both_ours:
            for name in _XUDP:
                yield Case(f"xudp/{pair}/{name}", partial(full_cone, pair=pair, name=name))
            yield Case(f"xudp/{pair}/server-restarts", partial(restart, pair=pair))
            yield Case(f"xudp/{pair}/quic", partial(quic, pair=pair))


def sizes(lab, pair, entry):
    """Every size comes back, and shares one connection with the others."""
    target = lab.closing(UdpTarget())
    tunnel = UdpTunnel(lab, pair, target, mux=_MUX)
    with tunnel.enter(entry) as association:
        for size in _COMMON_SIZES + ((_PLAIN_MOST,) if pair.both_ours else ()):
            echoes(association, target, noise(size), tries=tries_of(pair))
    if pair.server.is_ours:
        assert counters(tunnel.server)["core.mux_streams"] >= 1


def many(lab, pair):
    """Several associations of one client side by side, each hears its own answers."""
    target = lab.closing(UdpTarget())
    tunnel = UdpTunnel(lab, pair, target, mux=_MUX)
    with contextlib.ExitStack() as stack:
        associations = [stack.enter_context(tunnel.enter("socks5")) for _ in range(6)]
        for turn in range(3):
            for number, association in enumerate(associations):
                echoes(association, target, bytes([number, turn]) + noise(300), tries=tries_of(pair))


def first_target(lab, pair):
    target = lab.closing(UdpTarget())
    tunnel = UdpTunnel(lab, pair, target, settings={"packetEncoding": "xudp"})
    for entry in ("socks5", "dokodemo"):
        with tunnel.enter(entry) as association:
            for size in _COMMON_SIZES:
                echoes(association, target, noise(size), tries=tries_of(pair))


def full_cone(lab, pair, name):
    """One socket for all targets, and anybody may answer."""
    settings, mux = _XUDP[name]
    first, second = (lab.closing(UdpTarget()) for _ in range(2))
    tunnel = UdpTunnel(lab, pair, first, settings=settings, mux=mux)
    with SocksAssociation(tunnel.socks_port) as association:
        echoes(association, first, noise(1350))
        echoes(association, second, noise(_XUDP_MOST))
        assert first.peers == second.peers, "two sockets"
        third = lab.closing(UdpTarget())
        third.socket.sendto(b"unasked", first.peers[0])
        answer, source = association.receive()
        assert (answer, source) == (b"unasked", (LOOPBACK, third.port))
    with tunnel.enter("dokodemo") as association:
        echoes(association, first, noise(512))
    kept = counters(tunnel.server)
    assert [kept[f"core.sockets_{name}"] for name in ("waiting", "returned", "refused")] == [0, 0, 0]


def restart(lab, pair):
    """The server goes and comes back: the client's association goes on in another connection."""
    target = lab.closing(UdpTarget())
    tunnel = UdpTunnel(lab, pair, target, settings={"packetEncoding": "xudp"})
    with SocksAssociation(tunnel.socks_port) as association:
        echoes(association, target, noise(100))
        # It would look for its server at once and give up after a second or so, however long a start takes here.
        tunnel.client.send(signal.SIGSTOP)
        tunnel.server.kill()
        # The kernel takes a ring down after its process has gone, and its listener with it.
        wait_until(lambda: tunnel.vmess_port not in listening_ports(), "the port to be free")
        vmess = configs.vmess_in(tunnel.vmess_port)
        lab.start(pair.server, configs.config([vmess], [configs.freedom_out()]), "server-again")
        tunnel.client.send(signal.SIGCONT)
        wait_until(lambda: counters(tunnel.client)["core.xudp_moves"] == 1, "another connection")
        echoes(association, target, noise(200))


def quic(lab, pair):
    """What `xudpProxyUDP443` refuses ends the association; nothing reaches the target."""
    target = lab.closing(UdpTarget())
    mux = {**_MUX, "xudpConcurrency": 4, "xudpProxyUDP443": "reject"}
    tunnel = UdpTunnel(lab, pair, target, mux=mux)
    with SocksAssociation(tunnel.socks_port) as association:
        association.send(noise(50), LOOPBACK, 443)
        assert association.tcp.recv(1) == b""
    with SocksAssociation(tunnel.socks_port) as association:
        echoes(association, target, noise(60))
