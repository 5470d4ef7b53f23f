"""Adds up the test cases of meson's JUnit reports: prints each failure, then 'N passed, M failed'.

Usage: tally.py NAME=REPORT...   A report that is missing counts as one failure.
"""

import sys
import xml.etree.ElementTree as ElementTree


def outcomes(path):
    """The cases of one report, as (name, outcome) with outcome passed, failed or skipped."""
    for suite in ElementTree.parse(path).getroot().iter("testsuite"):
        cases = suite.findall("testcase")
        for case in cases:
            name = f"{suite.get('name')}.{case.get('name')}"
            if case.find("skipped") is not None:
                yield name, "skipped"
            elif case.find("failure") is not None or case.find("error") is not None:
                yield name, "failed"
            else:
                yield name, "passed"


def main(arguments):
    total = {"passed": 0, "failed": 0, "skipped": 0}
    for argument in arguments:
        label, _, path = argument.partition("=")
        here = {"passed": 0, "failed": 0, "skipped": 0}
        try:
            for name, outcome in outcomes(path):
                here[outcome] += 1
                if outcome == "failed":
                    print(f"FAILED {label}: {name}")
        except (OSError, ElementTree.ParseError) as error:
            here["failed"] += 1
            print(f"FAILED {label}: no report ({error})")
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
