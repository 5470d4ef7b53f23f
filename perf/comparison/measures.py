"""The measures: each answers one question with a few numbers from one sample."""

import json
import re
import shlex
import shutil
import subprocess
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import Callable

from comparison.setup import Relay, resident_bytes, spent
from configs import LOOPBACK
from streams import dial, receive_exactly
from targets import Target

GIB = 1 << 30
TOOL_SECONDS = 300

_SECURITIES = ("aes-128-gcm", "chacha20-poly1305", "none", "zero")
_STREAMS = 4
_CONNECTIONS = 64
_SETTLE_SECONDS = 15

# wrk's own summary is rounded; this prints the numbers themselves.
_WRK_SCRIPT = """
done = function(summary, latency, requests)
    local e = summary.errors
    io.write(string.format("result %d %d %d %f\\n", summary.requests, summary.duration,
        e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(99)))
end
"""


@dataclass(frozen=True)
class Measure:
    """name, the question, what is run for it, and `run(place)`, which gives {figure: value}.

    security     what the subject has to be able to carry, if it matters
    needs        what the bench has to have: perf_load, or another implementation by its kind
    v2ray_only   is the configuration written for those that read V2Ray's?
    single_core  does the subject get one core, whatever the options say?
    ours_only    is it a question to this program alone?
    """

    name: str
    question: str
    command: str
    run: Callable
    security: str = ""
    needs: tuple = ()
    v2ray_only: bool = False
    single_core: bool = False
    ours_only: bool = False

    def needing(self, *what):
        return replace(self, needs=(*self.needs, *what))

    def why_not(self, subject, bench) -> str:
        """What keeps this from being measured, in words; nothing if it can be."""
        for need in self.needs:
            if not bench.has(need):
                return f"there is no {need}"
        if self.security and self.security not in subject.kind.securities:
            return f"{subject.name} does not carry {self.security}"
        if self.ours_only and subject.kind.name != "ringferry":
            return "it is about ringferry alone"
        if self.v2ray_only and not subject.kind.reads_v2ray:
            return f"{subject.name} does not read V2Ray's configuration"
        return ""


def iperf_command(seconds, flag) -> str:
    return " ".join(["iperf3 -c 127.0.0.1 -P", str(_STREAMS), "-t", str(seconds), *flag])


def bulk_measures(seconds):
    measures = []
    for direction, flag in (("up", ()), ("down", ("-R",))):
        shown = iperf_command(seconds, flag)
        for security in _SECURITIES:
            measures.append(
                Measure(
                    f"bulk/{security}/{direction}",
                    f"What does moving a GiB cost, {direction}stream, with {security}?",
                    shown,
                    partial(bulk, security=security, flag=flag, seconds=seconds),
                    security=security,
                )
            )
        measures.append(
            Measure(
                f"bulk/plain/{direction}",
                f"What does moving a GiB cost, {direction}stream, from a door to its target without VMess?",
                shown,
                partial(plain, flag=flag, seconds=seconds),
            )
        )
    measures.append(
        Measure(
            "chunks/v2ray-client",
            "What does moving a GiB upstream cost a server whose client is V2Ray?",
            f"iperf3 -c 127.0.0.1 -P {_STREAMS} -t {seconds}",
            partial(from_v2ray, seconds=seconds),
            needs=("v2ray",),
        )
    )
    return sorted(measures, key=lambda measure: _bulk_place(measure.name))


def _bulk_place(name):
    """Both directions of one security side by side."""
    words = name.split("/")
    return [*_SECURITIES, "plain", "v2ray-client"].index(words[1])


def all_measures(seconds, idle_count):
    measures = bulk_measures(seconds)
    closing = ("-H", "Connection: close")
    measures += [
        Measure(
            "connections/aes-128-gcm",
            "What does a new connection cost, with one small request on it?",
            shlex.join(_wrk(_CONNECTIONS, seconds, closing)),
            partial(http, load=_wrk(_CONNECTIONS, seconds, closing), what="connection"),
        ),
        Measure(
            "requests/aes-128-gcm",
            "What does a small request cost on a connection that stays?",
            shlex.join(_wrk(_CONNECTIONS, seconds)),
            partial(http, load=_wrk(_CONNECTIONS, seconds), what="request"),
        ),
        Measure(
            "idle/aes-128-gcm",
            f"How much memory does an idle connection hold ({idle_count} of them)?",
            f"{idle_count} connections, one byte each way, then silence",
            partial(idle, count=idle_count),
        ),
    ]
    return measures


def bulk(place, security, flag, seconds):
    target_port = iperf_target(place)
    return iperf(place.tunnel(target_port, security), flag, seconds)


def plain(place, flag, seconds):
    target_port = iperf_target(place)
    return iperf(Relay(place, target_port), flag, seconds)


def from_v2ray(place, seconds):
    target_port = iperf_target(place)
    client = place.bench.subject_of("v2ray")
    return iperf(place.tunnel(target_port, "aes-128-gcm", client), (), seconds)


def iperf_target(place) -> int:
    port = place.free_port()
    place.tool("iperf3", ["iperf3", "-s", "-1", "-B", LOOPBACK, "-p", str(port)], port)
    return port


def iperf(arrangement, flag, seconds):
    command = ["iperf3", "-c", LOOPBACK, "-p", str(arrangement.port), "-J"]
    command += ["-P", str(_STREAMS), "-t", str(seconds), *flag]
    before = arrangement.cpu()
    # A failed run leaves its reason in the JSON, not in the exit code alone.
    done = subprocess.run(command, capture_output=True, text=True, timeout=TOOL_SECONDS)
    used = spent(before, arrangement.cpu())
    result = json.loads(done.stdout)
    assert "error" not in result, f"iperf3: {result['error']}"
    received = result["end"]["sum_received"]
    gib = received["bytes"] / GIB
    assert gib > 0, "iperf3 moved nothing"
    values = {"Gbit/s": received["bits_per_second"] / 1e9}
    values.update({f"CPU s/GiB {end}": seconds / gib for end, seconds in used.items()})
    if len(arrangement.ends()) > 1:
        values["CPU s/GiB both"] = sum(used[end] for end in arrangement.ends()) / gib
    return values


def _wrk(connections, seconds, headers=()):
    return ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", *headers]


def http(place, load, what):
    tunnel = place.tunnel(place.http_server(), "aes-128-gcm")
    script = place.write("numbers.lua", _WRK_SCRIPT)
    command = [*load, "-s", script, f"http://{LOOPBACK}:{tunnel.port}/"]
    before = tunnel.cpu()
    done = subprocess.run(command, capture_output=True, text=True, timeout=TOOL_SECONDS)
    used = spent(before, tunnel.cpu())
    found = re.search(r"^result (\d+) (\d+) (\d+) ([\d.]+)$", done.stdout, re.MULTILINE)
    assert found, f"wrk: {done.stdout}{done.stderr}"
    requests, microseconds, errors = (int(found.group(i)) for i in (1, 2, 3))
    assert requests > 0, "wrk got no answer"
    values = {
        f"{what}s/s": requests / (microseconds / 1e6),
        "p99 ms": float(found.group(4)) / 1000,
        "errors": errors,
    }
    values.update({f"CPU ms/{what} {end}": seconds * 1000 / requests for end, seconds in used.items()})
    return values


def idle(place, count):
    target = place.closing(Target(_answer_once))
    tunnel = place.tunnel(target.port, "aes-128-gcm")
    values = {}
    for end, process in tunnel.ends().items():
        values[f"MiB at rest {end}"] = resident_bytes(process.pid) / (1 << 20)
    before = tunnel.memory()
    for _ in range(count):
        connection = place.closing(dial(tunnel.port))
        connection.sendall(b"x")
        assert receive_exactly(connection, 1) == b"x"
    after = settled(tunnel)
    for end in ("client", "server"):
        values[f"KiB/connection {end}"] = (after[end] - before[end]) / 1024 / count
    return values


def _answer_once(connection):
    """One byte each way; the connection then stays open until its target is closed."""
    connection.sendall(receive_exactly(connection, 1))


def settled(tunnel):
    """The memory once it no longer falls; garbage collectors and pools need a while."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    last = tunnel.memory()
    while time.monotonic() < deadline:
        time.sleep(3)
        now = tunnel.memory()
        if all(now[end] >= 0.99 * last[end] for end in now):
            return now
        last = now
    return last


def tools() -> dict:
    """Versions of what makes the load, and the plots."""
    asked = {
        "gnuplot": ["gnuplot", "--version"],
        "iperf3": ["iperf3", "--version"],
        "wrk": ["wrk", "--version"],
        "nginx": [shutil.which("nginx") or "/usr/sbin/nginx", "-v"],
    }
    versions = {}
    for name, command in asked.items():
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=10)
            versions[name] = (done.stdout + done.stderr).splitlines()[0].strip()
        except (OSError, IndexError):
            versions[name] = "not installed"
    return versions
