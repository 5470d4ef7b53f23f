"""The measures of datagrams, and of streams that share a connection.

V2Ray has no XUDP: it carries associations in Mux.Cool connections of its own, which is what stands beside it.
"""

import json
from functools import partial

import configs
from comparison.loads import costs
from comparison.measures import Measure, iperf, iperf_command, iperf_target
from comparison.setup import Arrangement
from configs import LOOPBACK

_SECURITY = "aes-128-gcm"
_SIZES = (64, 512, 1350)
_ASSOCIATIONS = 16
# V2Ray 4.34 loses up to three in a hundred of so many. The ratios depend on this number: docs/performance.md.
_WINDOW = 16
# Where so few are on their way there is little to take at once.
_SMALL_WINDOW = 4
_MUX = {"enabled": True, "concurrency": 8}
_XUDP = {**_MUX, "xudpConcurrency": 16}
_QUIET = {"access": "none", "error": "none", "loglevel": "none"}


def datagram_measures(seconds):
    measures = []
    for framing, mux, where in (("vmess", None, "VMess"), ("xudp", _XUDP, "XUDP, or V2Ray's Mux.Cool")):
        sizes = [(str(size), size, _WINDOW) for size in _SIZES]
        for name, size, window in [*sizes, ("512/few", 512, _SMALL_WINDOW)]:
            measures.append(
                Measure(
                    f"datagrams/{framing}/{name}",
                    f"What does a datagram of {size} bytes cost in {where}?",
                    f"perf_load datagrams --request={size} --connections={_ASSOCIATIONS} --window={window}",
                    partial(datagrams, mux=mux, size=size, window=window, seconds=seconds),
                    v2ray_only=True,
                ).needing("perf_load")
            )
    for direction, flag in (("up", ()), ("down", ("-R",))):
        measures.append(
            Measure(
                f"bulk/mux/{direction}",
                f"What does moving a GiB cost, {direction}stream, in streams that share a connection?",
                iperf_command(seconds, flag),
                partial(bulk, flag=flag, seconds=seconds),
                v2ray_only=True,
            )
        )
    return measures


class MuxTunnel(Arrangement):
    """A tunnel whose door takes connections and datagrams, and whose client has `mux` in its configuration."""

    def __init__(self, place, target_port, mux):
        super().__init__(place)
        self.port = place.free_port()
        vmess_port = place.free_port()
        subject = place.subject
        self.start("server", subject, subject.kind.server(vmess_port), {vmess_port})
        door = configs.door_in(self.port, LOOPBACK, target_port)
        door["settings"]["network"] = "tcp,udp"
        proxy = configs.vmess_out([(LOOPBACK, vmess_port)], _SECURITY)
        if mux:
            proxy["mux"] = mux
        self.start("client", subject, json.dumps(configs.config([door], [proxy], log=_QUIET)), {self.port})


def datagrams(place, mux, size, window, seconds):
    target_port = place.free_port()
    tunnel = MuxTunnel(place, target_port, mux)
    words = {
        "connect": f"{LOOPBACK}:{tunnel.port}",
        "listen": f"{LOOPBACK}:{target_port}",
        "speak": "plain",
        "connections": _ASSOCIATIONS,
        "window": window,
        "request": size,
        "seconds": seconds,
    }
    command = [place.bench.load, "datagrams", *(f"--{name}={value}" for name, value in words.items())]
    # Each one that has come back has been there: two for every one that is done.
    values, said = costs(tunnel, command, "us/datagram", lambda said: 2 * said["done"] / 1e6)
    values["CPU us/datagram both"] = sum(values[f"CPU us/datagram {end}"] for end in tunnel.ends())
    return {
        "datagrams/s": 2 * said["per_second"],
        **values,
        "lost of a million": 1e6 * said["lost"] / max(1, said["lost"] + said["done"]),
        "errors": said["failed"] + said["strange"],
    }


def bulk(place, flag, seconds):
    target_port = iperf_target(place)
    return iperf(MuxTunnel(place, target_port, _MUX), flag, seconds)
