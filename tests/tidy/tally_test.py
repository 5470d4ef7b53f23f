#!/usr/bin/env python3
"""What .ci/tally.py makes of a report as meson writes it: the sum, the names of what failed, and why."""

import os
import subprocess
import sys
import tempfile
import unittest

_TALLY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", ".ci", "tally.py")
_PASSED = '<testcase name="1 - a/b"/>'
_FAILED = '<testcase name="2 - c/d"><failure/></testcase>'
_OUTPUT = "1..3\nok 1 - a/b\nnot ok 2 - c/d\n# Traceback\n# TimeoutError: no answer \x1b[0m\n# \nok 3 - e\n# other\n"
_WITH_MESSAGE = '<testcase name="Sum.Fits"><failure message="a.cc:7&#10;Expected: 1"/></testcase>'


def tally(cases, output="", status=1):
    with tempfile.NamedTemporaryFile("w", suffix=".xml") as report:
        report.write(f'<testsuites><testsuite name="live">{cases}<system-out>{output}</system-out></testsuite></testsuites>')
        report.flush()
        done = subprocess.run(
            [sys.executable, _TALLY, f"gcc={status}={report.name}"], capture_output=True, text=True
        )
        return done.returncode, done.stdout.splitlines()


class Tally(unittest.TestCase):
    def test_a_failure_of_tap_is_told_with_its_last_comment(self):
        code, lines = tally(_PASSED + _FAILED, _OUTPUT)
        self.assertEqual(code, 1)
        self.assertEqual(lines[0], "FAILED gcc: live.2 - c/d: TimeoutError: no answer ?[0m")
        self.assertEqual(lines[-1], "1 passed, 1 failed")

    def test_a_failure_with_a_message_is_told_in_one_line(self):
        _, lines = tally(_WITH_MESSAGE)
        self.assertEqual(lines[0], "FAILED gcc: live.Sum.Fits: a.cc:7 Expected: 1")

    def test_a_run_that_ended_badly_counts_although_no_case_failed(self):
        self.assertEqual(tally(_PASSED, status=1)[0], 1)
        self.assertEqual(tally(_PASSED, status=0), (0, ["gcc: 1 passed, 0 failed, 0 skipped", "1 passed, 0 failed"]))

    def test_nothing_is_not_a_success(self):
        self.assertEqual(tally("", status=0)[0], 1)


if __name__ == "__main__":
    unittest.main()
