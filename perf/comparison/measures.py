"""The measures: each answers one question with a few numbers from one sample."""

import json
import re
import shlex
import shutil
import subprocess
import time
from dataclasses import dataclass
from functools import partial
from typing import Callable

from comparison.setup import resident_bytes
from configs import LOOPBACK
from streams import dial, receive_exactly
from targets import Target

_SECURITIES = ("aes-128-gcm", "chacha20-poly1305", "none")
_STREAMS = 4
_KEPT_CONNECTIONS = 32
_NEW_CONNECTIONS = 64
_GIB = 1 << 30
_SETTLE_SECONDS = 15
_TOOL_SECONDS = 300

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
    """name, the question, what is run for it, and `run(place)`, which gives {figure: value}."""

    name: str
    question: str
    command: str
    run: Callable


def all_measures(seconds, idle_count):
    measures = []
    for security in _SECURITIES:
        for direction, flag in (("up", ()), ("down", ("-R",))):
            shown = " ".join(["iperf3 -c 127.0.0.1 -P", str(_STREAMS), "-t", str(seconds), *flag])
            measures.append(
                Measure(
                    f"bulk/{security}/{direction}",
                    f"What does moving a GiB cost, {direction}stream, with {security}?",
                    shown,
                    partial(bulk, security=security, flag=flag, seconds=seconds),
                )
            )
    closing = ("-H", "Connection: close")
    measures += [
        Measure(
            "connections/aes-128-gcm",
            "What does a new connection cost, with one small request on it?",
            shlex.join(_wrk(_NEW_CONNECTIONS, seconds, closing)),
            partial(http, load=_wrk(_NEW_CONNECTIONS, seconds, closing), what="connection"),
        ),
        Measure(
            "requests/aes-128-gcm",
            "What does a small request cost on a connection that stays?",
            shlex.join(_wrk(_KEPT_CONNECTIONS, seconds)),
            partial(http, load=_wrk(_KEPT_CONNECTIONS, seconds), what="request"),
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
    target_port = place.free_port()
    place.tool("iperf3", ["iperf3", "-s", "-1", "-B", LOOPBACK, "-p", str(target_port)], target_port)
    tunnel = place.tunnel(target_port, security)
    command = ["iperf3", "-c", LOOPBACK, "-p", str(tunnel.port), "-J"]
    command += ["-P", str(_STREAMS), "-t", str(seconds), *flag]
    before = tunnel.cpu()
    # A failed run leaves its reason in the JSON, not in the exit code alone.
    done = subprocess.run(command, capture_output=True, text=True, timeout=_TOOL_SECONDS)
    after = tunnel.cpu()
    result = json.loads(done.stdout)
    assert "error" not in result, f"iperf3: {result['error']}"
    received = result["end"]["sum_received"]
    gib = received["bytes"] / _GIB
    assert gib > 0, "iperf3 moved nothing"
    values = {"Gbit/s": received["bits_per_second"] / 1e9}
    for end in ("client", "server"):
        values[f"CPU s/GiB {end}"] = (after[end] - before[end]) / gib
    values["CPU s/GiB both"] = values["CPU s/GiB client"] + values["CPU s/GiB server"]
    return values


def _wrk(connections, seconds, headers=()):
    return ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", *headers]


def http(place, load, what):
    tunnel = place.tunnel(place.http_server(), "aes-128-gcm")
    script = place.write("numbers.lua", _WRK_SCRIPT)
    command = [*load, "-s", script, f"http://{LOOPBACK}:{tunnel.port}/"]
    before = tunnel.cpu()
    done = subprocess.run(command, capture_output=True, text=True, timeout=_TOOL_SECONDS)
    after = tunnel.cpu()
    found = re.search(r"^result (\d+) (\d+) (\d+) ([\d.]+)$", done.stdout, re.MULTILINE)
    assert found, f"wrk: {done.stdout}{done.stderr}"
    requests, microseconds, errors = (int(found.group(i)) for i in (1, 2, 3))
    assert requests > 0, "wrk got no answer"
    values = {
        f"{what}s/s": requests / (microseconds / 1e6),
        "p99 ms": float(found.group(4)) / 1000,
        "errors": errors,
    }
    for end in ("client", "server"):
        values[f"CPU ms/{what} {end}"] = (after[end] - before[end]) * 1000 / requests
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
    after = _settled(tunnel)
    for end in ("client", "server"):
        values[f"KiB/connection {end}"] = (after[end] - before[end]) / 1024 / count
    return values


def _answer_once(connection):
    """One byte each way; the connection then stays open until its target is closed."""
    connection.sendall(receive_exactly(connection, 1))


def _settled(tunnel):
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
    """Versions of what makes the load."""
    asked = {
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
