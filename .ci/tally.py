"""Adds up the test cases of meson's JUnit reports: prints each failure and why, then 'N passed, M failed'.

Usage: tally.py NAME=STATUS=REPORT...

STATUS is the exit code of the run that wrote the report; one that is not 0 counts as a failure where the
report tells of none. So does a report that is missing.
"""

import re
import sys
import xml.etree.ElementTree as ElementTree


# What XML 1.0 has no way to write; meson copies it from a program's output as it is.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


_REASON_CHARACTERS = 400


def outcomes(path):
    """The cases of one report, as (name, outcome, reason) with outcome passed, failed or skipped."""
    with open(path, encoding="utf-8", errors="replace") as report:
        text = _NOT_XML.sub("?", report.read())
    for suite in ElementTree.fromstring(text.encode()).iter("testsuite"):
        cases = suite.findall("testcase")
        for case in cases:
            name = f"{suite.get('name')}.{case.get('name')}"
            if case.find("skipped") is not None:
                yield name, "skipped", ""
            elif case.find("failure") is not None or case.find("error") is not None:
                yield name, "failed", reason_of(case, suite)
            else:
                yield name, "passed", ""


def reason_of(case, suite):
    """Why a case failed, in a line: what its report says, or in TAP the last comment below its `not ok`."""
    for kind in ("failure", "error"):
        found = case.find(kind)
        if found is not None and (found.get("message") or found.text):
            return " ".join((found.get("message") or found.text).split())[:_REASON_CHARACTERS]
    lines = iter(suite.findtext("system-out", "").splitlines())
    # A subtest's name in the report is its number and its description, as in the line itself.
    wanted = "not ok " + case.get("name", "")
    for line in lines:
        if line.strip() == wanted:
            break
    last = ""
    for line in lines:
        if not line.startswith("#"):
            break
        last = line[1:].strip() or last
    return last[:_REASON_CHARACTERS]


def main(arguments):
    total = {"passed": 0, "failed": 0, "skipped": 0}
    for argument in arguments:
        label, status, path = argument.split("=", 2)
        here = {"passed": 0, "failed": 0, "skipped": 0}
        try:
            for name, outcome, reason in outcomes(path):
                here[outcome] += 1
                if outcome == "failed":
                    print(f"FAILED {label}: {name}" + (f": {reason}" if reason else ""))
        except (OSError, ElementTree.ParseError) as error:
            here["failed"] += 1
            print(f"FAILED {label}: no report ({error})")
        if here["failed"] == 0 and status != "0":
            here["failed"] += 1
            print(f"FAILED {label}: the run ended with {status}")
        print(f"{label}: " + ", ".join(f"{count} {what}" for what, count in here.items()))
        for what, count in here.items():
            total[what] += count
    if total["passed"] == 0:
        total["failed"] += 1
        print("FAILED: no test has run")
    print(f"{total['passed']} passed, {total['failed']} failed")
    return 1 if total["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
