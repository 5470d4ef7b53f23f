"""The measures about many users: what finding one costs, what a start costs, what alterId costs."""

import random
import time
import uuid
from functools import partial

import configs
import wire
import wire_older
from comparison.measures import Measure
from comparison.setup import cpu_seconds, proportional_bytes, resident_bytes
from comparison.visits import address, drive, older_visit, pay, visit
from configs import LOOPBACK
from lab import listening_ports, wait_until

_SEED = 1
_ALTER_ID = 64
# Every core remembers addresses for itself, so each has to see a few.
_WARM_UP_VISITS = 64
_VISITS_PER_SECOND = 2000
# V2Ray 4.34 refuses more and more honest connections beyond 129 000 of one process.
_VISITS_MAX = 50_000
# V2Ray 4.34 computes 240 hashes per user before it listens.
_START_SECONDS = 900
# How long one trial of an older header waits for its answer, before the next is made.
_TRIAL_SECONDS = 0.1
# As far as clocks may be off for both: V2Ray 4.34 has tokens for 110 to 120 s after now.
_BEHIND_SECONDS, _AHEAD_SECONDS = -115, 105
_MIB = 1 << 20


def user_measures(seconds, counts):
    measures = []
    for count in counts:
        many = f"{_VISITS_PER_SECOND * seconds} new connections or {seconds} s"
        measures += [
            Measure(
                f"users/known/{count}",
                f"What does a new connection of a known address cost, with {count} users?",
                f"{many}, one user, one address",
                partial(known, count=count, seconds=seconds),
                v2ray_only=True,
            ),
            Measure(
                f"users/unknown/{count}",
                f"What does a new connection of an unknown address cost, with {count} users?",
                f"{many}, any of {count} users, each from another address",
                partial(unknown, count=count, seconds=seconds),
                v2ray_only=True,
            ),
            Measure(
                f"users/start/{count}",
                f"What does it take until the first of {count} users is served?",
                "one connection as soon as the port listens",
                partial(start, count=count),
                v2ray_only=True,
            ),
        ]
    count = min(1000, max(counts))
    measures.append(
        Measure(
            f"alter/{count}x{_ALTER_ID}",
            f"What do {count} users with {_ALTER_ID} alternative ids each cost?",
            f"connections with the older header until one is served, then {4 * seconds} s of rest",
            partial(alter, count=count, rest_seconds=4 * seconds),
            v2ray_only=True,
        )
    )
    return measures


class Crowd:
    """A server of the subject's kind with many users, and a small page behind it."""

    def __init__(self, place, count, alter_id=0):
        wire.need_cryptography()
        chance = random.Random(_SEED)
        self.ids = [str(uuid.UUID(int=chance.getrandbits(128), version=4)) for _ in range(count)]
        self.port = place.free_port()
        self.page_port = place.http_server()
        quiet = {"access": "none", "error": "none", "loglevel": "none"}
        inbound = configs.vmess_in(self.port, clients=self._clients(alter_id))
        self._place = place
        self._config = configs.config([inbound], [configs.freedom_out()], log=quiet)

    def start(self) -> float:
        """Starts the server and waits until it listens; gives the time of the start."""
        program = self._place.subject.program
        path = self._place.write_config("server", self._config)
        started = time.monotonic()
        self.server = self._place.spawn(program, program.command(path), "server")
        wait_until(self._listens_or_ended, "the server to listen", _START_SECONDS)
        assert self.server.running(), f"the server ended with {self.server.exit_code()}"
        return started

    def visit(self, user_id, source):
        return visit(user_id, self.page_port, source)

    def cpu_of(self, visits, seconds) -> dict:
        """What the server spends on each of the visits, after the first ones; see visits_for()."""
        drive(self.port, visits[:_WARM_UP_VISITS], _START_SECONDS)
        before = cpu_seconds(self.server.pid)
        tally = drive(self.port, visits[_WARM_UP_VISITS:], seconds)
        spent = cpu_seconds(self.server.pid) - before
        assert tally.served > 0, "no connection was served"
        return {
            "CPU ms/connection": spent * 1000 / tally.served,
            "errors": tally.failed,
        }

    def memory(self) -> dict:
        return {
            "MiB resident": resident_bytes(self.server.pid) / _MIB,
            "MiB proportional": proportional_bytes(self.server.pid) / _MIB,
        }

    def _clients(self, alter_id):
        return [
            {"id": user_id, "alterId": alter_id, "email": f"user{number}@example.org"}
            for number, user_id in enumerate(self.ids)
        ]

    def _listens_or_ended(self) -> bool:
        return self.port in listening_ports() or not self.server.running()


def known(place, count, seconds):
    crowd = Crowd(place, count)
    crowd.start()
    user_id = crowd.ids[count // 2]
    visits = [crowd.visit(user_id, LOOPBACK) for _ in range(visits_for(seconds))]
    return crowd.cpu_of(visits, seconds)


def unknown(place, count, seconds):
    crowd = Crowd(place, count)
    crowd.start()
    chance = random.Random(_SEED)
    numbers = range(visits_for(seconds))
    visits = [crowd.visit(chance.choice(crowd.ids), address(number)) for number in numbers]
    return crowd.cpu_of(visits, seconds)


def visits_for(seconds) -> int:
    return _WARM_UP_VISITS + min(_VISITS_PER_SECOND * seconds, _VISITS_MAX)


def start(place, count):
    crowd = Crowd(place, count)
    started = crowd.start()
    assert pay(crowd.port, crowd.visit(crowd.ids[-1], LOOPBACK)), "the first user was not served"
    return {
        "s until served": time.monotonic() - started,
        "CPU s until served": cpu_seconds(crowd.server.pid),
        **crowd.memory(),
    }


def alter(place, count, rest_seconds):
    crowd = Crowd(place, count, _ALTER_ID)
    user_id = crowd.ids[-1]
    signer = wire_older.alternative_ids(user_id, _ALTER_ID)[-1]
    started = crowd.start()
    values = {}
    # Clocks that are right come first; those at the ends of the window, when all of it is there.
    for figure, ahead in (
        ("s until served", (0,)),
        ("s until all are served", (_BEHIND_SECONDS, _AHEAD_SECONDS)),
    ):
        for seconds in ahead:
            wait_until(
                lambda: pay(
                    crowd.port,
                    older_visit(user_id, crowd.page_port, signer, seconds),
                    _TRIAL_SECONDS,
                ),
                f"a clock that is {seconds} s ahead to be served",
                _START_SECONDS,
            )
        values[figure] = time.monotonic() - started
    values["CPU s until all are served"] = cpu_seconds(crowd.server.pid)
    values |= crowd.memory()
    before = cpu_seconds(crowd.server.pid)
    time.sleep(rest_seconds)
    values["CPU % at rest"] = (cpu_seconds(crowd.server.pid) - before) * 100 / rest_seconds
    return values
