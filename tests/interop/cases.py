"""What a case is, and how one runs: in a process group of its own, with a hard limit.

A case must never leave anything behind and never stop the others, whatever goes wrong in it. So each
runs in a forked child. A case that has used up its time gets an alarm, so that it can still show its
logs; when the child has ended, or has not even answered the alarm, its whole process group is killed.
"""

import ctypes
import os
import select
import signal
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass, field
from typing import Callable, Iterator

LIMIT_SECONDS = 60
_GRACE_SECONDS = 30

# Exit codes of a case's child. They are far from what Python itself exits with.
_PASSED, _FAILED, _SKIPPED = 40, 41, 42

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


class Skip(Exception):
    """Raised by a case that cannot run here; its text is the reason."""


@dataclass(frozen=True)
class Case:
    """One promise, checked by `run`.

    name           path-like: folder of the promise, pairing, variant
    run            called with a Lab; returns when the promise held, raises when not
    long           only part of the long set
    limit_seconds  the hard limit, after which the case has failed
    """

    name: str
    run: Callable
    long: bool = False
    limit_seconds: int = LIMIT_SECONDS


@dataclass
class Result:
    name: str
    status: str  # "ok", "failed", "skipped"
    seconds: float
    text: str


@dataclass
class _Running:
    case: Case
    pid: int
    pidfd: int
    output: object
    started: float = field(default_factory=time.monotonic)

    def deadline(self) -> float:
        return self.started + self.case.limit_seconds + _GRACE_SECONDS


def adopt_orphans() -> None:
    """Makes the grandchildren of a killed case ours, so that they can be waited for."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def run_all(cases: list[Case], make_lab: Callable, jobs: int) -> Iterator[Result]:
    """Runs the cases, `jobs` at a time, and yields each result as soon as it is there."""
    with tempfile.TemporaryDirectory(prefix="ferry-interop-") as directory:
        # Inherited by the children, so that even a killed one leaves no files.
        tempfile.tempdir = directory
        yield from _run_all(cases, make_lab, jobs)
    tempfile.tempdir = None


def _run_all(cases, make_lab, jobs):
    adopt_orphans()
    waiting = list(reversed(cases))
    running: dict[int, _Running] = {}
    poll = select.poll()
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                started = _start(waiting.pop(), make_lab)
                running[started.pidfd] = started
                poll.register(started.pidfd, select.POLLIN)
            first = min(entry.deadline() for entry in running.values())
            ended = {fd for fd, _ in poll.poll(max(0.0, first - time.monotonic()) * 1000 + 1)}
            for fd in list(running):
                late = time.monotonic() >= running[fd].deadline()
                if fd in ended or late:
                    poll.unregister(fd)
                    yield _finish(running.pop(fd), late=fd not in ended)
    finally:
        for entry in running.values():
            _kill_group(entry.pid)


def _start(case: Case, make_lab: Callable) -> _Running:
    output = tempfile.TemporaryFile()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        code = _FAILED
        try:
            os.setpgid(0, 0)
            die_with_parent()
            # The runner's own handlers would kill the other cases from here.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            code = _run_here(case, make_lab)
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)
    try:
        os.setpgid(pid, pid)
    except OSError:
        pass  # The child did it first, or is gone already.
    return _Running(case, pid, os.pidfd_open(pid), output)


def _run_here(case: Case, make_lab: Callable) -> int:
    def too_late(*_):
        raise TimeoutError(f"the case is over its limit of {case.limit_seconds} s")

    signal.signal(signal.SIGALRM, too_late)
    try:
        with make_lab(case.name) as lab:
            signal.alarm(case.limit_seconds)
            try:
                case.run(lab)
            finally:
                signal.alarm(0)
    except Skip as reason:
        print(reason)
        return _SKIPPED
    except BaseException:  # a failed case is a result, not an end of the run
        traceback.print_exc(file=sys.stdout)
        return _FAILED
    return _PASSED


def _finish(entry: _Running, late: bool) -> Result:
    seconds = time.monotonic() - entry.started
    status = "failed"
    if not late:
        _, raw = os.waitpid(entry.pid, 0)
        code = os.waitstatus_to_exitcode(raw)
        status = {_PASSED: "ok", _SKIPPED: "skipped"}.get(code, "failed")
    _kill_group(entry.pid)
    os.close(entry.pidfd)
    entry.output.seek(0)
    text = entry.output.read().decode(errors="replace")
    entry.output.close()
    if late:
        text += f"\nkilled {_GRACE_SECONDS} s after its limit of {entry.case.limit_seconds} s\n"
    return Result(entry.case.name, status, seconds, text)


def _kill_group(group: int) -> None:
    """Kills a case's group and collects every member, so that no port and no process stays taken."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass
    try:
        while True:
            os.waitpid(-group, 0)
    except ChildProcessError:
        pass
