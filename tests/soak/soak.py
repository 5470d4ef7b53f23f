#!/usr/bin/env python3
"""Mixed traffic for a while, then: are descriptors and memory back where they were?

    soak.py --ringferry build/core/ringferry --seconds 600 [--backend uring|epoll]

A server and a client of ours carry what several workers make up at random: echoes of all sizes through
every kind of door, bodies that stop in the middle, resets, targets that refuse, garbage at the server.
What is echoed is compared. After a warm-up the open descriptors and the memory of both processes are
the base; at the end the descriptors must be the same, and the memory at most --slack-kib above it.
Prints TAP.
"""

import argparse
import contextlib
import io
import os
import pathlib
import random
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "interop"))

import configs  # noqa: E402
from entries import Refused  # noqa: E402
from lab import Lab, Program, wait_until  # noqa: E402
from streams import Payload, abort, dial, echoes  # noqa: E402
from targets import Target, echo, resets_after  # noqa: E402
from tunnel import Pair, Tunnel  # noqa: E402

_DOORS = ("socks5", "socks4a", "http-connect", "dokodemo")
_SIZES = (1, 100, 2_000, 16_384, 70_000, 400_000, 3_000_000)
_WORKERS = 6
_WARM_DEEDS = 200
_LOOPBACK = "127.0.0.1"


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    raise AssertionError("no VmRSS")


def descriptors(pid):
    return len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir()))


class Traffic:
    """Workers that make up connections until they are told to stop."""

    def __init__(self, tunnel, echo_port, reset_port, dead_port):
        self.tunnel = tunnel
        self.ports = (echo_port, reset_port, dead_port)
        self.deeds = {}
        self.failures = []
        self._stop = threading.Event()
        self._lock = threading.Lock()

    def run(self, seconds, seed):
        self._stop.clear()
        workers = [
            threading.Thread(target=self._work, args=(random.Random(f"{seed}/{index}"),))
            for index in range(_WORKERS)
        ]
        for worker in workers:
            worker.start()
        self._stop.wait(seconds)
        self._stop.set()
        for worker in workers:
            worker.join()

    def _work(self, chance):
        deeds = (self._echo,) * 6 + (self._leave, self._reset, self._refused, self._garbage)
        while not self._stop.is_set():
            deed = chance.choice(deeds)
            try:
                deed(chance)
            except Exception as problem:  # a worker must not die silently
                with self._lock:
                    self.failures.append(f"{deed.__name__}: {problem!r}")
                return
            with self._lock:
                self.deeds[deed.__name__] = self.deeds.get(deed.__name__, 0) + 1

    def _enter(self, chance, port):
        door = chance.choice(_DOORS) if port == self.ports[0] else chance.choice(_DOORS[:3])
        return self.tunnel.enter(door, _LOOPBACK, port)

    def _echo(self, chance):
        with self._enter(chance, self.ports[0]) as connection:
            echoes(connection, Payload(chance.choice(_SIZES), seed=chance.randrange(1 << 30)))

    def _leave(self, chance):
        with self._enter(chance, self.ports[0]) as connection:
            connection.sendall(bytes(chance.choice(_SIZES[:5])))
            if chance.random() < 0.5:
                abort(connection)

    def _reset(self, chance):
        with self._enter(chance, self.ports[1]) as connection:
            try:
                connection.sendall(bytes(1000))
                while connection.recv(4096):
                    pass
            except ConnectionError:
                pass

    def _refused(self, chance):
        try:
            with self._enter(chance, self.ports[2]) as connection:
                connection.recv(1)
        except (Refused, ConnectionError):
            pass

    def _garbage(self, chance):
        with dial(self.tunnel.vmess_port) as connection:
            connection.sendall(chance.randbytes(chance.randrange(1, 500)))


def soak(lab, program, options):
    echo_target = lab.closing(Target(echo))
    reset_target = lab.closing(Target(resets_after(1000)))
    pair = Pair(program, program)
    tunnel = Tunnel(lab, pair, target=(_LOOPBACK, echo_target.port), server_times=configs.policy(handshake=6))
    traffic = Traffic(tunnel, echo_target.port, reset_target.port, lab.free_port())
    pids = {"client": tunnel.client.pid, "server": tunnel.server.pid}

    def settled(base):
        return all(descriptors(pid) <= base[name] for name, pid in pids.items())

    resting = {name: descriptors(pid) for name, pid in pids.items()}
    traffic.run(max(1.0, options.seconds / 5), "warm-up")
    # On a slow machine, too: every kind of deed has grown the memory by what it needs.
    while sum(traffic.deeds.values()) < _WARM_DEEDS and not traffic.failures:
        traffic.run(1.0, f"warm-up/{sum(traffic.deeds.values())}")
    wait_until(lambda: settled(resting), "all descriptors to be closed after the warm-up")
    base = {name: resident_kib(pid) for name, pid in pids.items()}
    started = time.monotonic()
    while time.monotonic() - started < options.seconds and not traffic.failures:
        traffic.run(min(10.0, options.seconds), f"{options.seed}/{time.monotonic() - started:.0f}")
        seconds = time.monotonic() - started
        print(f"# {seconds:.0f} s: {sum(traffic.deeds.values())} connections", file=sys.stderr)
    assert not traffic.failures, "; ".join(traffic.failures)
    wait_until(lambda: settled(resting), "all descriptors to be closed")
    for name, pid in pids.items():
        grown = resident_kib(pid) - base[name]
        print(f"# {name}: {descriptors(pid)} descriptors, {base[name]} KiB at first, {grown:+} KiB")
        assert grown <= options.slack_kib, f"the {name} has grown by {grown} KiB"
    print(f"# {traffic.deeds}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ringferry", required=True)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--backend", choices=("uring", "epoll"))
    parser.add_argument("--seed", default="1")
    parser.add_argument("--slack-kib", type=int, default=8192)
    options = parser.parse_args()
    arguments = ("-backend", options.backend) if options.backend else ()
    print("1..1")
    output = io.StringIO()
    try:
        with contextlib.redirect_stdout(output), Lab("soak") as lab:
            soak(lab, Program("ours", os.path.abspath(options.ringferry), arguments), options)
    except Exception as problem:  # whatever it is, there is a verdict
        output.write(f"\n{problem}")
        print("not ok 1 - soak")
        print(*(f"# {line}" for line in output.getvalue().splitlines()), sep="\n")
        return 1
    print(output.getvalue(), end="")
    print("ok 1 - soak")
    return 0


if __name__ == "__main__":
    sys.exit(main())
