#!/usr/bin/env python3
"""Holds three things together: the rows of the manual (rows.txt), the live cases and other tests that show
them, and the tables of docs/compatibility.md that name these tests. Starts no program."""

import fnmatch
import importlib
import os
import re
import sys
import unittest

import rows
import run
from lab import Program
from tunnel import Pair

_ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
_COMPATIBILITY = os.path.join(_ROOT, "docs", "compatibility.md")
_TESTS = os.path.join(_ROOT, "tests")


def _names():
    """Of all cases there are where both implementations are there."""
    ours, v2ray = Program("ours", "ringferry"), Program("v2ray", "v2ray")
    bench = run.Bench((Pair(ours, v2ray), Pair(v2ray, ours), Pair(ours, ours)), (ours,))
    return [case.name for module in run.MODULES for case in importlib.import_module(module).cases(bench)]


def _text(path) -> str:
    with open(path) as file:
        return file.read()


def _row_of(name) -> str:
    """row/1.1/vnext/ours/refused is a case of the row 1.1/vnext."""
    return "/".join(name.split("/")[1:3])


class Rows(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.names = _names()
        cls.rows = rows.listed()
        cls.compatibility = _text(_COMPATIBILITY)

    def test_names_are_unique(self):
        twice = {name for name in self.names if self.names.count(name) > 1}
        self.assertEqual(twice, set())

    def test_every_row_is_shown(self):
        shown = {_row_of(name) for name in self.names if name.startswith("row/")}
        for row, elsewhere in self.rows.items():
            with self.subTest(row=row):
                if elsewhere is None:
                    self.assertIn(row, shown, "no live case has its name")
                else:
                    file, test = elsewhere
                    suite, name = test.split(".")
                    text = _text(os.path.join(_ROOT, file))
                    self.assertRegex(text, rf"TEST(_F)?\({suite}, {name}\)")

    def test_no_case_is_of_an_unknown_row(self):
        shown = {_row_of(name) for name in self.names if name.startswith("row/")}
        self.assertEqual(shown - set(self.rows), set())

    def test_every_row_stands_in_the_tables(self):
        for row, elsewhere in self.rows.items():
            with self.subTest(row=row):
                word = elsewhere[1] if elsewhere else f"row/{row}/*"
                self.assertIn(f"`{word}`", self.compatibility)

    def test_the_tables_name_nothing_that_is_not_there(self):
        files = {name for _, _, found in os.walk(_TESTS) for name in found}
        folders = {name.split("/")[0] for name in self.names}
        for quoted in re.findall(r"`([^`\n]+)`", self.compatibility):
            with self.subTest(quoted=quoted):
                if re.fullmatch(r"\w+_test\.cc", quoted):
                    self.assertIn(quoted, files)
                elif "/" in quoted and quoted.split("/")[0] in folders and not quoted.endswith("/"):
                    self.assertTrue(fnmatch.filter(self.names, quoted), "no live case has this name")

    def test_every_row_of_a_table_names_a_test(self):
        lines = self.compatibility.splitlines()
        for line, below in zip(lines, lines[1:] + [""]):
            is_head = line.startswith("| ---") or below.startswith("| ---")
            if line.startswith("|") and not is_head:
                with self.subTest(line=line):
                    last = line.rstrip("|").split(" | ")[-1]
                    self.assertRegex(last, r"`[^`]+(/\*|_test\.cc|\.\w+)`|`[a-z]+/[^`]+`")


if __name__ == "__main__":
    sys.exit(unittest.main())
