"""The measures whose load is perf_load: it speaks VMess itself, so that one program alone is measured."""

import json
import os
import subprocess
from functools import partial

from comparison.measures import GIB, TOOL_SECONDS, Measure, settled
from comparison.setup import ClientAlone, ServerAlone, spent
from configs import LOOPBACK, USER_ID
from lab import Program, wait_until

_SECURITY = "aes-128-gcm"
_STREAMS = 4
_CONNECTIONS = 64
_FULL_CHUNK = 15808  # what a client of ours sends
_SMALL_CHUNK = 2048  # about what V2Ray's clients send
_RATE = 1000
_RATE_CONNECTIONS = 16
_HOLD_SECONDS = 300
# The bulk that fills a core is less urgent than the requests whose times are taken: the two loads may
# have to share the other core, and the wait for that is not the server's.
_BULK_NICENESS = 10
# Before the requests, so that the core is full when they begin; and after them.
_BULK_MARGIN_SECONDS = 1


def load_measures(seconds, idle_count):
    measures = []
    for chunk in (_FULL_CHUNK, _SMALL_CHUNK):
        measures.append(
            Measure(
                f"chunks/{chunk}",
                f"What does moving a GiB cost a server whose client sends chunks of {chunk} bytes?",
                f"perf_load up --chunk={chunk} --connections={_STREAMS}",
                partial(bulk_server, mode="up", chunk=chunk, seconds=seconds),
            )
        )
    measures.append(
        Measure(
            f"alone/server/{_SECURITY}/down",
            "What does moving a GiB downstream cost a server?",
            f"perf_load down --connections={_STREAMS}",
            partial(bulk_server, mode="down", chunk=_FULL_CHUNK, seconds=seconds),
        )
    )
    for mode in ("up", "down"):
        measures.append(
            Measure(
                f"alone/client/{_SECURITY}/{mode}",
                f"What does moving a GiB {mode}stream cost a client?",
                f"perf_load {mode} --speak=plain --hear=vmess --connections={_STREAMS}",
                partial(bulk_client, mode=mode, seconds=seconds),
            )
        )
    for mode, what in (("connections", "connection"), ("requests", "request")):
        measures.append(
            Measure(
                f"alone/server/{mode}",
                f"What does a {what} cost a server?",
                f"perf_load {mode} --connections={_CONNECTIONS}",
                partial(small, mode=mode, what=what, seconds=seconds),
            )
        )
    for end in ("server", "client"):
        measures.append(
            Measure(
                f"alone/{end}/idle",
                f"How much memory does an idle connection hold at a {end} ({idle_count} of them)?",
                f"perf_load idle --connections={idle_count}",
                partial(idle, end=end, count=idle_count),
            )
        )
    shown = f"perf_load rate --rate={_RATE} --connections={_RATE_CONNECTIONS}"
    measures += [
        Measure(
            "latency",
            f"How long does a small request take, at {_RATE} per second?",
            shown,
            partial(latency, seconds=seconds),
        ),
        Measure(
            "fairness",
            "How much longer does it take while bulk fills the server's only core?",
            f"taskset -c N server; {shown}, alone and beside perf_load down --open=off --connections={_STREAMS}",
            partial(fairness, seconds=seconds),
            single_core=True,
        ),
    ]
    return [measure.needing("perf_load") for measure in measures]


def command_of(place, mode, port, **options):
    """An option that is None is left out."""
    words = {"connect": f"{LOOPBACK}:{port}", "id": USER_ID, **options}
    given = {name: value for name, value in words.items() if value is not None}
    return [place.bench.load, mode, *(f"--{name}={value}" for name, value in given.items())]


def run(command) -> dict:
    """Runs perf_load to its end; gives what it says. Single failures are in there."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=TOOL_SECONDS)
    assert done.stdout, f"perf_load: {done.stderr}"
    return json.loads(done.stdout)


def costs(arrangement, command, unit, amount_of) -> dict:
    """Runs a load; gives what each unit of it has cost each end, and what perf_load says.

    amount_of  gives how many units there were
    """
    before = arrangement.cpu()
    said = run(command)
    used = spent(before, arrangement.cpu())
    amount = amount_of(said)
    assert amount > 0, f"nothing was done: {said}"
    return {f"CPU {unit} {end}": seconds / amount for end, seconds in used.items()}, said


def bulk_server(place, mode, chunk, seconds, security=_SECURITY):
    server = ServerAlone(place)
    words = {"chunk": chunk, "connections": _STREAMS, "seconds": seconds, "security": security}
    command = command_of(place, mode, server.port, **words)
    return bulk_costs(server, command)


def bulk_client(place, mode, seconds, security=_SECURITY):
    client = ClientAlone(place, security)
    command = command_of(place, mode, client.port, connections=_STREAMS, seconds=seconds, **behind(client))
    return bulk_costs(client, command)


def behind(client) -> dict:
    """Options for a load that enters a client by its door and is its VMess server."""
    return {"speak": "plain", "hear": "vmess", "listen": f"{LOOPBACK}:{client.server_port}"}


def bulk_costs(arrangement, command):
    values, said = costs(arrangement, command, "s/GiB", lambda said: said["received"] / GIB)
    return {"Gbit/s": said["gbit_per_second"], **values, "errors": said["failed"]}


def small(place, mode, what, seconds):
    server = ServerAlone(place)
    command = command_of(place, mode, server.port, connections=_CONNECTIONS, seconds=seconds)
    values, said = costs(server, command, f"ms/{what}", lambda said: said["done"] / 1000)
    values[f"{what}s/s"] = said["per_second"]
    return {**values, "p99 ms": said["latency"]["p99_us"] / 1000, "errors": said["failed"]}


def idle(place, end, count):
    alone = ServerAlone(place) if end == "server" else ClientAlone(place, _SECURITY)
    far = behind(alone) if end == "client" else {}
    command = command_of(place, "idle", alone.port, connections=count, seconds=_HOLD_SECONDS, **far)
    before = alone.memory()[end]
    # It tells when all are open, and then holds them.
    holder = place.spawn(Program("tool", place.bench.load), command, "idle")
    wait_until(
        lambda: holder.output().endswith("\n") or not holder.running(), "all to be open", TOOL_SECONDS
    )
    said = json.loads(holder.output())
    # V2Ray 4.34 refuses an honest connection now and then, more so on a busy machine.
    assert said["opened"] >= 0.99 * count, f"not all are open: {said}"
    after = settled(alone)[end]
    assert holder.running(), "the load has ended too early"
    return {f"KiB/connection {end}": (after - before) / 1024 / said["opened"], "errors": said["failed"]}


def _requests(place, port, seconds):
    return command_of(place, "rate", port, rate=_RATE, connections=_RATE_CONNECTIONS, seconds=seconds)


def latency(place, seconds):
    server = ServerAlone(place)
    said = run(_requests(place, server.port, seconds))
    times = said["latency"]
    assert times["count"] > 0, f"nothing was answered: {said}"
    values = {f"{name} ms": times[f"{key}_us"] / 1000 for name, key in _TIMES.items()}
    return {**values, "errors": said["failed"]}


_TIMES = {"p50": "p50", "p90": "p90", "p99": "p99", "p99.9": "p99_9", "longest": "max"}


def fairness(place, seconds):
    cpus = sorted(os.sched_getaffinity(0))
    server = ServerAlone(place, wrapper=("taskset", "-c", str(cpus[-1])))
    # The loads keep away from the server's core where there is another one.
    elsewhere = ["taskset", "-c", ",".join(map(str, cpus[:-1] or cpus))]
    requests = [*elsewhere, *_requests(place, server.port, seconds)]
    bulk_seconds = seconds + 2 * _BULK_MARGIN_SECONDS
    # What is not opened costs the load less than the server, which is to be the one that is full.
    words = {"connections": _STREAMS, "seconds": bulk_seconds, "open": "off"}
    bulk = command_of(place, "down", server.port, **words)
    alone = run(requests)
    gently = [*elsewhere, "nice", "-n", str(_BULK_NICENESS), *bulk]
    beside = place.spawn(Program("tool", place.bench.load), gently, "bulk")
    try:
        beside.exit_code(_BULK_MARGIN_SECONDS)
        raise AssertionError(f"the bulk has ended: {beside.output()}")
    except subprocess.TimeoutExpired:
        pass
    before = server.cpu()
    loaded = run(requests)
    used = spent(before, server.cpu())["server"]
    assert beside.running(), "the bulk has ended before the requests have"
    quiet, busy = alone["latency"]["p99_us"], loaded["latency"]["p99_us"]
    assert quiet > 0 and busy > 0, f"nothing was answered: {alone} {loaded}"
    return {
        "p99 ms unloaded": quiet / 1000,
        "p99 ms beside bulk": busy / 1000,
        "p99 loaded / unloaded": busy / quiet,
        "share of the core": used / loaded["seconds"],
        "errors": alone["failed"] + loaded["failed"],
    }
