#!/usr/bin/env python3
"""Live tests of Ringferry against V2Ray 4.34 and against itself. Prints TAP.

    run.py --ringferry build/core/ringferry            the quick set
    run.py --ringferry ... --long                      all of it
    run.py --ringferry ... --only 'relay/*/none/*'     what matches a pattern
    run.py --reference                                 V2Ray on both ends: checks these tests themselves
"""

import argparse
import fnmatch
import importlib
import os
import shutil
import signal
import sys
from dataclasses import dataclass

import cases
from lab import Lab, Program
from tunnel import Pair

MODULES = (
    "relay_cases",
    "config_cases",
    "limits_cases",
    "log_cases",
    "count_cases",
    "alter_cases",
    "detour_cases",
    "insecure_cases",
    "udp_cases",
    "mux_udp_cases",
    "mux_datagram_cases",
    "quic_cases",
    "ends_cases",
    "mux_cases",
    "policy_cases",
    "program_cases",
    "chain_cases",
    "wire_cases",
    "hostile_cases",
    "mux_hostile_cases",
    "state_cases",
    "tamper_cases",
    "row_outbound_cases",
    "row_inbound_cases",
    "row_authentication_cases",
    "row_detour_cases",
    "row_policy_cases",
    "row_manual_cases",
)


@dataclass(frozen=True)
class Bench:
    """What there is to test.

    pairs     every client with every server that is wanted
    programs  every program alone, for what needs no partner
    """

    pairs: tuple
    programs: tuple


def main() -> int:
    options = parse()
    bench, missing = bench_of(options)
    chosen = [
        case
        for module in MODULES
        for case in importlib.import_module(module).cases(bench)
        if wanted(case, options)
    ]
    if options.list:
        print(*(case.name for case in chosen), sep="\n")
        return 0
    if missing and not chosen:
        print(f"1..0 # SKIP {missing}")
        return 0
    return report(chosen, options, missing)


def report(chosen, options, missing) -> int:
    print(f"1..{len(chosen)}")
    if missing:
        print(f"# {missing}")
    counts = {"ok": 0, "failed": 0, "skipped": 0}
    for number, result in enumerate(cases.run_all(chosen, Lab, options.jobs), 1):
        counts[result.status] += 1
        word = "not ok" if result.status == "failed" else "ok"
        line = f"{word} {number} - {result.name}"
        if result.status == "skipped":
            line += f" # SKIP {' '.join(result.text.split())}"
        print(line)
        if options.times:
            print(f"# {result.seconds:.2f} s")
        if result.status == "failed":
            print("\n".join(f"# {part}" for part in result.text.splitlines()))
        sys.stdout.flush()
    print(f"# {counts['ok']} ok, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if counts["failed"] and not options.tap_verdict else 0


def wanted(case, options) -> bool:
    if case.long and not options.long:
        return False
    return not options.only or any(fnmatch.fnmatch(case.name, p) for p in options.only)


def bench_of(options) -> tuple[Bench, str]:
    """What there is, and in words what is missing."""
    missing = []
    v2ray = ours = None
    path = shutil.which(options.v2ray)
    if path:
        v2ray = Program("v2ray", path)
    else:
        missing.append(f"no {options.v2ray} here, so no pairing with V2Ray")
    if options.ringferry:
        arguments = []
        if options.backend:
            arguments += ["--backend", options.backend]
        if options.cores:
            arguments += ["--cores", str(options.cores)]
        ours = Program("ours", os.path.abspath(options.ringferry), tuple(arguments))
    pairs = []
    if ours and v2ray:
        pairs += [Pair(ours, v2ray), Pair(v2ray, ours)]
    if ours:
        pairs.append(Pair(ours, ours))
    if options.reference and v2ray:
        pairs.append(Pair(v2ray, v2ray))
    programs = [ours] if ours else []
    if options.reference and v2ray:
        programs.append(v2ray)
    return Bench(tuple(pairs), tuple(programs)), "; ".join(missing)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ringferry", metavar="PATH", help="the program under test")
    parser.add_argument("--v2ray", metavar="PATH", default="v2ray", help="the other implementation")
    parser.add_argument("--reference", action="store_true", help="also V2Ray on both ends")
    parser.add_argument("--only", metavar="PATTERN", action="append", help="names to run, with * and ?")
    parser.add_argument("--long", action="store_true", help="the whole set, about ten minutes")
    parser.add_argument("--backend", choices=("uring", "epoll"), help="passed to ringferry")
    parser.add_argument("--cores", type=int, help="passed to ringferry")
    parser.add_argument("--jobs", type=int, default=6, help="cases at a time")
    parser.add_argument("--times", action="store_true", help="print how long each case took")
    parser.add_argument(
        "--tap-verdict",
        action="store_true",
        help="end with 0 even after failures: who reads the TAP judges, and a failing exit would hide it",
    )
    parser.add_argument("--list", action="store_true", help="print the names only")
    return parser.parse_args()


if __name__ == "__main__":
    # SIGTERM becomes SystemExit, so that the cases under way are killed on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main())
