"""What if the machine stands still in a conversation whose silences are limited?

Then the program cuts it, rightly, and nothing has been shown: the case is tried anew. Nothing but the clock
excuses a cut. One that is seen before the limit has passed, counted from before the word in front of it, is a
fault at once, as is the last one of several.
"""

import contextlib
import functools
import time

from streams import Ended

_TRIES = 4


class StoodStill(Exception):
    """A cut that may well be right."""


class Conversation:
    """Words with less than `limit_seconds` between them. To be made before the limit begins to hold."""

    def __init__(self, limit_seconds):
        self._limit_seconds = limit_seconds
        self._before_last = time.monotonic()

    @contextlib.contextmanager
    def word(self):
        """Around a word from which the silence counts anew, and its answer.

        What is wrong with them other than a cut is wrong however late it is.
        """
        before = time.monotonic()
        try:
            yield
        except (Ended, ConnectionError) as cut:
            seconds = time.monotonic() - self._before_last
            if seconds < self._limit_seconds:
                raise
            raise StoodStill(f"cut {seconds:.1f} s after the last word, of {self._limit_seconds} s") from cut
        self._before_last = before


def tried_anew(scenario):
    """Begins a scenario again, with connections and programs of its own, where it has shown nothing."""

    @functools.wraps(scenario)
    def until_shown(*arguments, **choices):
        for _ in range(_TRIES - 1):
            try:
                return scenario(*arguments, **choices)
            except StoodStill:
                pass
        return scenario(*arguments, **choices)

    return until_shown
