"""A load of new VMess connections whose headers are made before the clock runs.

A client program would cost more than what is measured, so the connections are driven by hand: each
brings a request for one small page in its first packet, reads the answer and ends as a client does.
"""

import threading
import time
from dataclasses import dataclass
from functools import lru_cache

import wire
import wire_older
from configs import LOOPBACK
from streams import dial

_PAGE_REQUEST = b"GET / HTTP/1.0\r\n\r\n"
_ANSWER_BYTES = 1024  # of the page; what the answer has around it comes with it
_THREADS = 8


@dataclass(frozen=True)
class Visit:
    """One connection: where it comes from, and what it sends before and after the answer."""

    source: str
    opening: bytes
    ending: bytes


@dataclass(frozen=True)
class Tally:
    served: int
    failed: int


@lru_cache(maxsize=None)
def command_key(user_id) -> bytes:
    return wire.command_key(user_id)


def address(number) -> str:
    """An address of the loopback network for each number up to sixteen million, none of them 127.0.*."""
    return f"127.{1 + (number >> 16)}.{(number >> 8) & 255}.{number & 255}"


def visit(user_id, page_port, source) -> Visit:
    """With the newer header."""
    request = wire.Request(port=page_port)
    header = wire.seal_request(command_key(user_id), request.plain())
    return _visit(request, header, source)


def older_visit(user_id, page_port, signer, ahead=0) -> Visit:
    """Signed by one of the user's ids, with a clock that is so many seconds ahead."""
    request = wire.Request(port=page_port)
    signed_at = int(time.time()) + ahead
    header = wire_older.seal_request(signer, command_key(user_id), request.plain(), signed_at)
    return _visit(request, header, LOOPBACK)


def _visit(request, header, source):
    body = wire.Body(request)
    return Visit(source, header + body.seal(_PAGE_REQUEST), body.end())


def pay(port, one, patience=None) -> bool:
    """Makes the visit; was it served? `patience` in seconds, if it is to be short."""
    try:
        with dial(port, source=one.source) as connection:
            if patience is not None:
                connection.settimeout(patience)
            connection.sendall(one.opening)
            left = _ANSWER_BYTES
            while left > 0:
                got = len(connection.recv(65536))
                if got == 0:
                    return False
                left -= got
            connection.sendall(one.ending)
            return True
    except OSError:
        return False


def drive(port, visits, seconds) -> Tally:
    """Makes the visits, a few at a time, until all are made or the time is over."""
    waiting = iter(visits)  # the interpreter hands out one at a time
    ends_at = time.monotonic() + seconds
    results = []

    def work():
        while time.monotonic() < ends_at:
            one = next(waiting, None)
            if one is None:
                return
            results.append(pay(port, one))

    threads = [threading.Thread(target=work) for _ in range(_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    served = sum(results)
    return Tally(served, len(results) - served)
