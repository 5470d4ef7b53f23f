#!/usr/bin/env python3
"""Do the load generator and the comparison still work? Prints TAP; asserts figures, and never a time.

    check.py --load build/perf/perf_load --ringferry build/core/ringferry

perf_load runs in every mode against a server, a client and a relay of ours, and against itself, with
next to nothing to do; and where it must fail, it does so by itself. perf/compare takes one sample of what
needs no other tool.
"""

import argparse
import contextlib
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import traceback
from functools import partial

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "tests", "interop")]

import configs  # noqa: E402
from comparison import profiles, setup  # noqa: E402
from comparison.kinds import KINDS, kind_of  # noqa: E402
from configs import LOOPBACK, USER_ID  # noqa: E402

_MODES = ("up", "down", "connections", "requests", "rate", "idle")
_BULK = ("up", "down")
_SECONDS = 0.2
_RATE = 100
_CONNECTIONS = 5
_PATIENCE_SECONDS = 120
_OURS_ALONE = ("statement/", "scaling/")
_FAR_VMESS = {"hear": "vmess"}
_NEAR_PLAIN = {"speak": "plain"}


def load(options, mode, port, **words):
    """Runs perf_load; gives its exit code and what it said."""
    words = {"connect": f"{LOOPBACK}:{port}", "connections": _CONNECTIONS, "seconds": _SECONDS, **words}
    command = [options.load, mode, *(f"--{name}={value}" for name, value in words.items())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_SECONDS)
    assert done.returncode in (0, 1, 2), f"perf_load ended with {done.returncode}: {done.stderr}"
    said = json.loads(done.stdout) if done.stdout else done.stderr
    return done.returncode, said


def hold(code, said, mode):
    """Are these the figures of a load that went well?"""
    assert code == 0 and said["failed"] == 0, f"{code}: {said}"
    assert said["mode"] == mode, said
    if mode in _BULK:
        assert said["sent"] == said["received"] > 0 and said["gbit_per_second"] > 0, said
    if mode != "connections":
        assert said["opened"] == _CONNECTIONS, said
    if mode in ("connections", "requests"):
        assert said["done"] == said["latency"]["count"] > 0 and said["per_second"] > 0, said
    if mode == "rate":
        assert said["done"] == said["latency"]["count"] == _RATE * _SECONDS, said
    times = said["latency"]
    ordered = [times[f"{name}_us"] for name in ("p50", "p90", "p99", "p99_9", "max")]
    assert ordered == sorted(ordered), said


def against_server(options, place, mode, **words):
    server = setup.ServerAlone(place)
    hold(*load(options, mode, server.port, id=USER_ID, rate=_RATE, **words), mode)


def against_client(options, place, mode):
    client = setup.ClientAlone(place, "chacha20-poly1305")
    far = {"listen": f"{LOOPBACK}:{client.server_port}", **_FAR_VMESS, **_NEAR_PLAIN}
    hold(*load(options, mode, client.port, id=USER_ID, rate=_RATE, **far), mode)


def against_relay(options, place, mode):
    target_port = place.free_port()
    relay = setup.Relay(place, target_port)
    hold(*load(options, mode, relay.port, listen=f"{LOOPBACK}:{target_port}", rate=_RATE, **_NEAR_PLAIN), mode)


def datagrams(options, place, **words):
    """Through a relay, by a window of datagrams, of which none changes on its way."""
    target_port = place.free_port()
    door = configs.door_in(place.free_port(), LOOPBACK, target_port)
    door["settings"]["network"] = "tcp,udp"
    place.start(place.subject.program, configs.config([door], [configs.freedom_out()]), "relay")
    far = {"listen": f"{LOOPBACK}:{target_port}", **_NEAR_PLAIN}
    code, said = load(options, "datagrams", door["port"], **far, **words)
    hold(code, said, "datagrams")
    assert said["done"] > 0 and said["strange"] == 0 and said["received"] > 0, said


def against_itself(options, place, mode, **words):
    port = place.free_port()
    far = {"listen": f"{LOOPBACK}:{port}", **_FAR_VMESS}
    hold(*load(options, mode, port, rate=_RATE, **far, **words), mode)


def unopened(options, place):
    """What is not opened is counted with all that VMess adds to it."""
    server = setup.ServerAlone(place)
    code, said = load(options, "down", server.port, id=USER_ID, open="off")
    assert code == 0 and said["received"] > said["sent"] > 0, f"{code}: {said}"


def nobody_there(options, place, mode):
    code, said = load(options, mode, place.free_port(), id=USER_ID)
    assert code == 1 and said["failed"] > 0 and said["done"] == said["received"] == 0, f"{code}: {said}"
    assert said["first_failure"], said


def nobody_answers(options, place):
    """It gives up by itself."""
    silent = place.closing(socket.create_server((LOOPBACK, 0)))
    code, said = load(options, "connections", silent.getsockname()[1], id=USER_ID)
    assert code == 1 and said["failed"] == _CONNECTIONS and said["done"] == 0, f"{code}: {said}"


def refused(options, _place, words, what):
    code, said = load(options, "up", 1, id=USER_ID, **words)
    assert code == 2 and what in said, f"{code}: {said}"


def compare(options, _place):
    """One sample of each subject, of measures that need little but Python and perf_load."""
    v2ray = shutil.which("v2ray")
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, os.path.join(HERE, "compare"), "--ringferry", options.ringferry]
        command += ["--load", options.load, "--seconds", "1", "--rounds", "1", "--out", out]
        # Few: each of them counts, and V2Ray refuses an honest one now and then, by the square of their number.
        command += ["--idle", "8"]
        command += ["--peer", "xray=/nowhere/xray"]
        command += ["--peer", f"v2ray={v2ray}"] if v2ray else []
        names = ["alone/server/idle", "idle/", "chunks/2048", "alone/client/aes-128-gcm/down", "fairness"]
        names += ["datagrams/vmess/1350", "datagrams/xudp/64"]
        names += ["bulk/mux/up"] if shutil.which("iperf3") else []
        names += ["scaling/down"]
        names += ["statement/aes-128-gcm/up"] if has_micro(options) else []
        for name in names:
            command += ["--only", name]
        done = subprocess.run(command, capture_output=True, text=True, timeout=2 * _PATIENCE_SECONDS)
        assert done.returncode == 0, f"{done.returncode}: {done.stderr}"
        written = os.listdir(out)
        with open(os.path.join(out, next(name for name in written if name.endswith(".json")))) as file:
            said = json.load(file)
        assert any(name.endswith(".md") for name in written), written
        assert not shutil.which("gnuplot") or any(name.endswith(".svg") for name in written), written
    assert said["left out"] == ["xray"] and said["machine"]["kernel"] and said["subjects"], said
    subjects = {"ringferry", "v2ray"} if v2ray else {"ringferry"}
    figures = {measure["name"]: measure["figures"] for measure in said["measures"]}
    assert len(figures) == len(names), figures.keys()
    for name, by_figure in figures.items():
        for figure, summaries in by_figure.items():
            theirs = {"ringferry"} if name.startswith(_OURS_ALONE) else subjects
            assert set(summaries) == theirs, f"{name}, {figure}: {summaries}"
            assert all(len(each["samples"]) == 1 for each in summaries.values()), f"{name}, {figure}: {summaries}"
    assert "CPU s/GiB server, user" in figures["chunks/2048"], figures
    assert "CPU s/GiB client, system" in figures["alone/client/aes-128-gcm/down"], figures
    assert "Gbit/s per core, 2 cores" in figures["scaling/down"], figures
    if has_micro(options):
        hold_statement(figures["statement/aes-128-gcm/up"])


def has_micro(options) -> bool:
    """It is built only where there is google-benchmark."""
    return os.access(os.path.join(os.path.dirname(options.load), "perf_micro"), os.X_OK)


def hold_statement(figures):
    """What is allowed follows from the two figures in front of it."""
    value = {name: summaries["ringferry"]["median"] for name, summaries in figures.items()}
    for end in ("server", "client"):
        bare = value["CPU s/GiB relay"] + value[f"cipher s/GiB {end}"]
        assert value[f"cipher s/GiB {end}"] > 0, value
        assert abs(value[f"allowed s/GiB {end}"] / bare - 1.1) < 1e-9, value
        cost = value[f"CPU s/GiB {end}"]
        assert abs(value[f"cost / (plain + cipher) {end}"] / (cost / bare) - 1) < 1e-9, value


def texts_of_kinds(_options, _place):
    """Also of those that are not installed: every port and the user stand in the configuration."""
    for kind in KINDS.values():
        for security in kind.securities:
            texts = (
                (kind.server(4001), ("4001", USER_ID)),
                (kind.client(4002, 4003, 4004, security), ("4002", "4003", "4004", USER_ID, security)),
                (kind.relay(4005, 4006), ("4005", "4006")),
            )
            for text, words in texts:
                assert all(word in text for word in words), f"{kind.name}: {text}"
                assert kind.suffix != "json" or json.loads(text), kind.name
    assert kind_of("v2ray-other").name == "v2ray" and kind_of("sing-box-new").name == "sing-box"
    assert kind_of("v2ray5").name == "v2ray5" and kind_of("v2rayx") is None


def unknown_kind(options, _place):
    command = [sys.executable, os.path.join(HERE, "compare"), "--peer", f"nonsense={options.ringferry}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_SECONDS)
    assert done.returncode != 0 and "sing-box" in done.stderr, f"{done.returncode}: {done.stderr}"


# As `perf report --sort sym -n` prints it.
_REPORT = """
# Overhead       Samples  Symbol
    40.00%           400  [k] _copy_to_iter
    30.00%           300  [k] tcp_sendmsg_locked
    17.50%           175  [.] ferry::crypto::amd64::(anonymous namespace)::open
     2.50%            25  [.] aes_hw_encrypt
     6.00%            60  [.] ferry::core::pump
     4.00%            40  [.] __memmove_avx512_unaligned_erms
"""


def samples_by_kind(options, place):
    kinds, ours = profiles.sorted_samples(_REPORT)
    assert [kinds[kind] for kind in profiles.KINDS] == [400, 300, 200, 100], kinds
    assert ours.most_common(1) == [("ferry::core::pump", 60)], ours


def cases():
    for mode in _MODES:
        yield f"server/{mode}", partial(against_server, mode=mode)
        yield f"client/{mode}", partial(against_client, mode=mode)
        yield f"relay/{mode}", partial(against_relay, mode=mode)
        yield f"itself/{mode}", partial(against_itself, mode=mode, users=3, seed=5)
        yield f"nobody/{mode}", partial(nobody_there, mode=mode)
    for security in ("chacha20-poly1305", "none", "zero"):
        for mode in _BULK:
            yield f"server/{mode}/{security}", partial(against_server, mode=mode, security=security)
    for chunk in (1, 2048):
        yield f"itself/up/{chunk}", partial(against_itself, mode="up", id=USER_ID, chunk=chunk)
    large = {"request": 300_000, "answer": 200_000}
    yield "relay/datagrams", partial(datagrams, request=512)
    yield "relay/datagrams/large", partial(datagrams, request=9000, window=3)
    yield "server/down/unopened", unopened
    yield "server/requests/large", partial(against_server, mode="requests", **large)
    yield "itself/rate/epoll", partial(against_itself, mode="rate", id=USER_ID, backend="epoll")
    yield "silence", nobody_answers
    yield "other-machine/connect", partial(refused, words={"connect": "192.0.2.1:1"}, what="loopback")
    yield "other-machine/listen", partial(refused, words={"listen": "0.0.0.0:0"}, what="loopback")
    yield "kinds", texts_of_kinds
    yield "profile", samples_by_kind
    yield "compare", compare
    yield "compare/unknown-kind", unknown_kind


def run(case, options) -> str:
    """Gives what went wrong, in words."""
    kind = KINDS["ringferry"]
    subject = setup.Subject("ringferry", kind, kind.program(options.ringferry, options.arguments))
    output = io.StringIO()
    try:
        with contextlib.redirect_stdout(output):
            with setup.Workplace(subject, setup.Bench(options.load, [subject])) as place:
                case(options, place)
    except Exception:  # whatever it is, there is a verdict
        return f"{traceback.format_exc()}{output.getvalue()}"
    return ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--load", required=True, type=os.path.abspath)
    parser.add_argument("--ringferry", required=True, type=os.path.abspath)
    parser.add_argument("--backend", choices=("uring", "epoll"), help="of ringferry")
    parser.add_argument("--only", default="", help="cases with this in their name")
    options = parser.parse_args()
    options.arguments = (f"--backend={options.backend}",) if options.backend else ()
    chosen = [(name, case) for name, case in cases() if options.only in name]
    print(f"1..{len(chosen)}")
    for number, (name, case) in enumerate(chosen, 1):
        problem = run(case, options)
        print(f"{'not ok' if problem else 'ok'} {number} - {name}")
        print("".join(f"# {line}\n" for line in problem.splitlines()), end="", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
