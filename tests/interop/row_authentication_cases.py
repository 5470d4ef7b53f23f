"""Who is let in: tokens, time, replay, strangers, row by row (config.md 1.4)."""

import re
import time
from dataclasses import replace
from functools import partial

import configs
import hostile_cases
import rows
import state_cases
import wire
from cases import Skip
from configs import EMAIL, LOOPBACK, USER_ID
from count_cases import counters
from lab import wait_for_access, wait_until
from peers import Client
from rows import by_program, start_server
from streams import Ended, dial, receive_to_end
from targets import Target, echo
from wire import Request
from wire_older import OlderClient, alternative_ids, ask, seal_request

# So long that the honest get in even though the machine stands still for a while.
_HANDSHAKE_SECONDS = 4
_TIMES = configs.policy(handshake=_HANDSHAKE_SECONDS)
_ALTER_ID = 4
_MANY_IDS = 10_000
_MANY_IDS_BYTES = 60 << 20
_MANY_USERS = 100_000
# Nearly all of the window that a token is good in.
_WINDOW_SECONDS = 115
_TOKENS_PATIENCE_SECONDS = 45


def cases(bench):
    yield from by_program("1.4/legacy-token", bench, {"window": older_times})
    run = {"memory-of-10000-ids": memory, "at-once": at_once}
    yield from by_program("1.4/legacy-token", bench, run, only_ours=True)
    yield from by_program("1.4/aead-token", bench, {"window": hostile_cases.right_times})
    outside = partial(hostile_cases.silence, messages=hostile_cases.wrong_times)
    yield from by_program("1.4/aead-token", bench, {"outside-window": outside})
    yield from by_program("1.4/aead-token", bench, {"of-100000-users": many_users}, only_ours=True)
    yield from by_program("1.4/replay-aead", bench, {"same-bytes": hostile_cases.replay})
    run = {"after-restart": state_cases.after_stop, "after-kill": state_cases.after_kill}
    yield from by_program("1.4/replay-aead", bench, run, only_ours=True)
    run = {"another-token": same_session, "another-token-older": partial(same_session, older=True)}
    yield from by_program("1.4/replay-session", bench, run)
    yield from by_program("1.4/legacy-tamper", bench, {"every-probe": tampered}, only_ours=True)
    probes = partial(hostile_cases.silence, messages=sizes)
    yield from by_program("1.4/bad-request", bench, {"sizes": probes})
    yield from by_program("1.4/wrong-clock", bench, {"named": wrong_clock}, only_ours=True)


def _refused(port, message, source=None):
    """Silence and then a close; what comes is nothing."""
    with dial(port, source=source) as connection:
        connection.sendall(message)
        received, _ = receive_to_end(connection)
        assert received == b"", f"{len(received)} bytes came back"


def _older_server(lab, program):
    wire.need_cryptography()
    return start_server(lab, program, [{"id": USER_ID, "alterId": _ALTER_ID, "email": EMAIL}], times=_TIMES)


def _older_header(request, signer, offset=0):
    key = wire.command_key(USER_ID)
    return seal_request(signer, key, request.plain(), int(time.time()) + offset)


def older_times(lab, program):
    """A token that is less than two minutes off is good, any other is not."""
    target = lab.closing(Target(echo))
    port, _ = _older_server(lab, program)
    signers = alternative_ids(USER_ID, _ALTER_ID)
    # V2Ray fills its table only every ten seconds.
    for offset in (-115, -60, 0, 60, 115) if program.is_ours else (-115, -60, 0, 60, 100):
        request = Request(LOOPBACK, target.port)
        with OlderClient(port, request, signers[1]) as client:
            client.send(client.header(timestamp=int(time.time()) + offset) + client.chunk(b"x"))
            assert client.receive(1) == b"x", f"clock {offset:+} s"
    accepted = target.accepted
    connections = []
    for number, offset in enumerate((-86400, -135, 135, 86400)):
        connection = dial(port, source=f"127.4.0.{number + 1}")
        connection.sendall(_older_header(Request(LOOPBACK, target.port), signers[2], offset))
        connections.append(connection)
    for connection in connections:
        with connection:
            assert receive_to_end(connection)[0] == b""
    assert target.accepted == accepted


def _status_bytes(process, name) -> int:
    with open(f"/proc/{process.pid}/status") as file:
        return int(re.search(rf"^{name}:\s+(\d+) kB$", file.read(), re.MULTILINE)[1]) << 10


def _many_ids(users, alter_id=99):
    return [
        {"id": f"00000000-0000-4000-8000-{number:012x}", "alterId": alter_id, "email": f"{number}@x"}
        for number in range(users)
    ]


def _is_served(port, target, client, offset) -> bool:
    """The last of a user's ids, by a clock that is so far off."""
    request = Request(LOOPBACK, target.port)
    signer = alternative_ids(client["id"], client["alterId"])[-1]
    with OlderClient(port, request, signer, client["id"]) as asking:
        asking.send(asking.header(timestamp=int(time.time()) + offset) + asking.chunk(b"x"))
        try:
            return asking.receive(1) == b"x"
        except (Ended, ConnectionError):
            return False


def at_once(lab, program):
    """Whoever comes first is served, at either end of the window: no tokens are still being made."""
    wire.need_cryptography()
    target = lab.closing(Target(echo))
    # A start waits for tokens, but not for ever, and a sanitized program needs long for each.
    clients = _many_ids(1, 7) if rows.is_sanitized(program) else _many_ids(4)
    port, _ = start_server(lab, program, clients, times=_TIMES)
    for offset in (_WINDOW_SECONDS, -_WINDOW_SECONDS):
        assert _is_served(port, target, clients[-1], offset), offset


def memory(lab, program):
    """Ten thousand ids, which V2Ray pays half a gigabyte for."""
    wire.need_cryptography()
    if rows.is_sanitized(program):
        raise Skip("the program is sanitized, and its memory not its own")
    target = lab.closing(Target(echo))
    clients = _many_ids(_MANY_IDS // 100)
    port, server = start_server(lab, program, clients, times=_TIMES)
    for offset in (-_WINDOW_SECONDS, _WINDOW_SECONDS):
        # So many may take longer than a start waits for them.
        wait_until(
            lambda: _is_served(port, target, clients[-1], offset),
            f"the tokens of {offset} s",
            _TOKENS_PATIENCE_SECONDS,
        )
    wait_for_access(lab, lambda text: text.endswith(f"email: {clients[-1]['email']}\n"))
    resident = _status_bytes(server, "VmRSS")
    assert resident < _MANY_IDS_BYTES, f"{resident >> 20} MiB"


def many_users(lab, program):
    """Each is found, wherever in the list; and the second time at a known address, without a search."""
    wire.need_cryptography()
    target = lab.closing(Target(echo))
    count = _MANY_USERS // 100 if rows.is_sanitized(program) else _MANY_USERS
    names = [f"00000000-0000-4000-8000-{number:012x}" for number in range(count)]
    clients = [{"id": name, "email": f"{number}@x"} for number, name in enumerate(names)]
    # Each core has known addresses of its own, and the kernel spreads the connections.
    arguments = list(program.arguments)
    if "--cores" in arguments:
        place = arguments.index("--cores")
        del arguments[place : place + 2]
    port, server = start_server(lab, replace(program, arguments=(*arguments, "--cores", "1")), clients)
    places = (0, 1, 63, 64, count // 2, count - 1)
    for round_number in (1, 2):
        for number, place in enumerate(places):
            request = Request(LOOPBACK, target.port)
            ask(port, request, user_id=names[place], source=f"127.5.0.{number + 1}")
            wait_for_access(lab, lambda text: text.endswith(f"email: {place}@x\n"))
        seen = counters(server)
        assert seen["core.searches"] == len(places), seen
        assert seen["core.known_callers"] == (round_number - 1) * len(places), seen


def same_session(lab, program, older=False):
    """The keys of a session a second time, under a token that nobody has seen."""
    target = lab.closing(Target(echo))
    port, _ = _older_server(lab, program)
    request = Request(LOOPBACK, target.port)
    kind = OlderClient if older else Client
    with kind(port, request) as client:
        client.send(client.header() + client.chunk(b"once"))
        assert client.receive(4) == b"once"
        again = client.header(timestamp=int(time.time()) - 20)
        _refused(port, again, "127.6.0.1")
    assert target.accepted == 1
    ask(port, Request(LOOPBACK, target.port), older=older)


def tampered(lab, program):
    """The probe of net4people/bbs#36: a token that was heard, in front of a header that was changed.

    Whatever byte is changed, it is silence until the deadline; and the token is good for nobody any more,
    so a second probe with it learns nothing.
    """
    target = lab.closing(Target(echo))
    port, _ = _older_server(lab, program)
    signers = alternative_ids(USER_ID, _ALTER_ID)
    size = len(_older_header(Request(LOOPBACK, target.port), signers[0]))
    probes = []
    for number, place in enumerate((16, 17, 40, 50, 51, 52, 53, 56, 57, size - 1)):
        genuine = _older_header(Request(LOOPBACK, target.port), signers[number % 4], -number - 10)
        changed = bytearray(genuine)
        changed[place] ^= 1
        started = time.monotonic()
        connection = dial(port, source=f"127.7.0.{number + 1}")
        connection.sendall(changed)
        probes.append((f"byte {place} changed", connection, started, genuine))
    for name, connection, started, _ in probes:
        _silent(name, connection, started)
    later = []
    for number, (name, _, _, genuine) in enumerate(probes):
        started = time.monotonic()
        later.append((f"the token after {name}", dial(port, source=f"127.7.1.{number + 1}"), started))
        later[-1][1].sendall(genuine)
    for name, connection, started in later:
        _silent(name, connection, started)
    assert target.accepted == 0
    ask(port, Request(LOOPBACK, target.port), older=True, signer=signers[0])


def _silent(name, connection, started):
    with connection:
        received, _ = receive_to_end(connection)
    assert received == b"", f"{name}: {len(received)} bytes came back"
    seconds = time.monotonic() - started
    assert seconds >= 0.9 * _HANDSHAKE_SECONDS, f"{name}: closed after {seconds:.2f} s already"


def sizes(_prober, _program):
    """Of so many bytes each; config.md 1.4 and the sizes at which other servers change their mind."""
    for size in (0, 1, 15, 16, 41, 42, 61, 100, 373, 374, 900, 1000, 3266, 3320, 3400, 4000, 5000, 20_000):
        yield f"{size} bytes", bytes((size + index) * 37 & 0xFF for index in range(size))


def wrong_clock(lab, program):
    """Ten minutes ahead: refused as anybody else, and the log says who and by how much. Once."""
    wire.need_cryptography()
    target = lab.closing(Target(echo))
    port, server = start_server(lab, program, times=_TIMES)
    clients = [Client(port, Request(LOOPBACK, target.port), source=f"127.8.0.{number}") for number in (1, 2)]
    for client in clients:
        client.send(client.header(timestamp=int(time.time()) + 600))
    for client in clients:
        with client:
            assert receive_to_end(client.connection)[0] == b""
    line = re.compile(rf"the clock of user {re.escape(EMAIL)} at \S+ is (59\d|60[01]) s ")
    wait_until(lambda: line.search(server.output()), "a line with the name and the seconds")
    assert len(line.findall(server.output())) == 1, server.output()
    assert counters(server)["core.wrong_clocks"] == 2, counters(server)
    assert target.accepted == 0
