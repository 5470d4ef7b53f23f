"""The statement that needs no other machine: a session costs little more than its bytes and its cipher do.

And scaling: what a core is worth beside another one.
"""

import json
import os
import subprocess
from functools import partial

from comparison.loads import bulk_client, bulk_costs, bulk_server, command_of, costs
from comparison.measures import GIB, TOOL_SECONDS, Measure
from comparison.setup import Relay, ServerAlone, spent, with_cores
from configs import LOOPBACK

# What a session may cost: so many times its plain relay and its cipher together.
_ALLOWED = 1.1
_STREAMS = 4
_SECURITIES = ("aes-128-gcm", "chacha20-poly1305", "none", "zero")
_PRIMITIVES = {"aes-128-gcm": "aes128gcm", "chacha20-poly1305": "chacha20poly1305"}
_CHUNK = 15808  # what a client of ours sends
# From this many KiB on a plain relay would splice, which no session that seals can.
_SPLICED_KIB = 256
_CIPHER_SECONDS = 0.2
_CORES = (1, 2)
# More than cores, so that the kernel deals out about as many to each.
_SCALING_STREAMS = 16


def statement_measures(seconds):
    measures = []
    for security in _SECURITIES:
        for mode in ("up", "down"):
            measures.append(
                Measure(
                    f"statement/{security}/{mode}",
                    f"Does a session cost at most {_ALLOWED} x (a plain relay of the same bytes + their cipher), "
                    f"{mode}stream?",
                    f"perf_load {mode} --connections={_STREAMS}: server, client, plain relay; perf_micro",
                    partial(statement, security=security, mode=mode, seconds=seconds),
                    ours_only=True,
                ).needing("perf_load", "perf_micro")
            )
    for mode in ("up", "down"):
        measures.append(
            Measure(
                f"scaling/{mode}",
                "What does each core of a server move, of one and of two?",
                f"perf_load {mode} --connections={_SCALING_STREAMS}, on the other cores where there are some",
                partial(scaling, mode=mode, seconds=seconds),
                ours_only=True,
            ).needing("perf_load")
        )
    return measures


def statement(place, security, mode, seconds):
    # Side by side, so that a slow minute of the machine hits all of them.
    plain = bulk_relay(place, mode, seconds, splices=security == "zero")
    ends = {
        "server": bulk_server(place, mode, _CHUNK, seconds, security),
        "client": bulk_client(place, mode, seconds, security),
    }
    # What comes upstream is opened by the server; the client seals it.
    ways = {"server": "open", "client": "seal"} if mode == "up" else {"server": "seal", "client": "open"}
    values = {"CPU s/GiB relay": plain["CPU s/GiB relay"]}
    for end, figures in ends.items():
        cipher = cipher_seconds(place, security, ways[end])
        bare = plain["CPU s/GiB relay"] + cipher
        values[f"CPU s/GiB {end}"] = figures[f"CPU s/GiB {end}"]
        values[f"cipher s/GiB {end}"] = cipher
        values[f"allowed s/GiB {end}"] = _ALLOWED * bare
        values[f"cost / (plain + cipher) {end}"] = figures[f"CPU s/GiB {end}"] / bare
    values["errors"] = plain["errors"] + sum(figures["errors"] for figures in ends.values())
    return values


def bulk_relay(place, mode, seconds, splices):
    target_port = place.free_port()
    relay = Relay(place, target_port, {} if splices else {"bufferSize": _SPLICED_KIB - 1})
    words = {"speak": "plain", "listen": f"{LOOPBACK}:{target_port}"}
    words |= {"connections": _STREAMS, "seconds": seconds, "id": None}
    return bulk_costs(relay, command_of(place, mode, relay.port, **words))


def cipher_seconds(place, security, way) -> float:
    """For each GiB in chunks of ours, by the fastest row: the first one that the program would choose."""
    if security not in _PRIMITIVES:
        return 0.0
    path = place.path(f"cipher-{security}-{way}.json")
    command = [place.bench.micro, "--ours_only", f"--benchmark_min_time={_CIPHER_SECONDS}"]
    command += [rf"--benchmark_filter=^{_PRIMITIVES[security]}\..*/{way}/{_CHUNK}$"]
    command += [f"--benchmark_out={path}", "--benchmark_out_format=json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TOOL_SECONDS)
    assert done.returncode == 0, f"perf_micro: {done.stderr}"
    with open(path) as file:
        rows = json.load(file)["benchmarks"]
    assert rows, f"perf_micro knows no {security}"
    return GIB / rows[0]["bytes_per_second"]


def scaling(place, mode, seconds):
    values = {"errors": 0}
    for cores in _CORES:
        figures, failed = with_so_many(place, mode, seconds, cores)
        values.update(figures)
        values["errors"] += failed
    one, two = (values[f"Gbit/s per core, {words(cores)}"] for cores in _CORES)
    return {**values, "Gbit/s per core, two / one": two / one}


def words(cores) -> str:
    return "1 core" if cores == 1 else f"{cores} cores"


def with_so_many(place, mode, seconds, cores):
    """The figures of a server that has so many cores, and how many connections failed."""
    cpus = sorted(os.sched_getaffinity(0))
    # The server has the last ones; the load keeps away from them where there are others.
    its = cpus[-cores:]
    others = cpus[:-cores] or cpus
    place.subject = with_cores(place.subject, cores)
    server = ServerAlone(place, wrapper=("taskset", "-c", ",".join(map(str, its))))
    # What is not opened costs the load less than the server, which is to be the one that is full.
    options = {"open": "off"} if mode == "down" else {}
    command = command_of(place, mode, server.port, connections=_SCALING_STREAMS, seconds=seconds, **options)
    command = ["taskset", "-c", ",".join(map(str, others)), *command]
    before = server.cpu()
    figures, said = costs(server, command, "s/GiB", lambda said: said["received"] / GIB)
    used = spent(before, server.cpu())["server"]
    server.stop()
    named = {
        "Gbit/s per core": said["gbit_per_second"] / cores,
        "CPU s/GiB": figures["CPU s/GiB server"],
        "share of the cores": used / cores / said["seconds"],
    }
    values = {f"{name}, {words(cores)}": value for name, value in named.items()}
    return values, said["failed"]
