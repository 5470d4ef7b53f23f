"""Levels and policy, row by row (config.md 1.6)."""

import select
import socket
import threading
from functools import partial

import configs
import entries
import policy_cases
import rows
from configs import LOOPBACK, OTHER_USER_ID, USER_ID
from count_cases import everything, selection
from rows import by_pair, by_program, judge, start_client, start_server
from standstill import Conversation, tried_anew
from streams import TIMEOUT_SECONDS, alive, dial, receive_to_end
from targets import Target, echo
from tunnel import Tunnel

_SLOT_BYTES = 16 << 10
_RUN_BYTES = 64 << 10
_PIPE_BYTES = 256 << 10
_CONNECTIONS = 12
_SOCKET_BYTES = 32 << 10
# Looks are counted and not the time that they take: where everything stands still, nobody looks.
_LOOKS = 30
_LOOK_SECONDS = 0.02
_IDLE_SECONDS = 1


def cases(bench):
    handshake = {"silent-peer": policy_cases.silent_peer}
    yield from by_pair("1.6/handshake", bench, handshake, rows.our_server)
    yield from by_pair("1.6/handshake", bench, {"of-level-0": handshake_of_level_0}, rows.our_server)
    idle = {end: partial(idle_at, end=end) for end in ("client", "server")}
    yield from by_pair("1.6/connIdle", bench, idle)
    for row, run in (("uplinkOnly", policy_cases.uplink), ("downlinkOnly", policy_cases.downlink)):
        ends = {end: partial(run, end=end) for end in ("client", "server")}
        yield from by_pair(f"1.6/{row}", bench, ends, both_ours)
    yield from by_pair("1.6/downlinkOnly", bench, {"zero": policy_cases.downlink_zero}, both_ours)
    yield from by_pair("1.6/statsUser", bench, {"payload": everything}, rows.our_server)
    # V2Ray has half a megabyte of its own here, and no bound that a test could hold it to.
    for word, units, most in (("0", 0, _SLOT_BYTES), ("64", 64, _RUN_BYTES), ("unlimited", -1, _PIPE_BYTES)):
        run = partial(blocked_reader, units=units, most_bytes=most)
        yield from by_program("1.6/bufferSize", bench, {word: run}, only_ours=True)
    yield from by_pair("1.6/level-without-entry", bench, {"default-idle": no_entry}, rows.our_server)
    yield from by_program("1.6/system.stats", bench, {"each-alone": selection}, only_ours=True)
    environment = partial(blocked_reader, units=None, most_bytes=_PIPE_BYTES, variable="V2RAY_RAY_BUFFER_SIZE=1")
    yield from by_program("1.6/ray.buffer.size", bench, {"bound": environment}, only_ours=True)
    yield from by_program("1.6/levels", bench, {"values": level_values}, only_ours=True)


def both_ours(pair) -> bool:
    return pair.both_ours


@tried_anew
def idle_at(lab, pair, end):
    """Silence is cut, towards both sides."""
    target = lab.closing(Target(echo))
    tunnel = Tunnel(lab, pair, **policy_cases.times(end, connIdle=_IDLE_SECONDS))
    conversation = Conversation(_IDLE_SECONDS)
    with tunnel.socks(target.port) as connection:
        with conversation.word():
            alive(connection)
        assert receive_to_end(connection)[0] == b""
        assert receive_to_end(target.connection(0))[0] == b""


def idle_at_outbound(lab, pair):
    """The level of an outbound's user is the client's own: it cuts what nobody else would."""
    target = lab.closing(Target(echo))
    server, _ = start_server(lab, pair.server)
    times = {"levels": {"1": {"connIdle": _IDLE_SECONDS}}}
    ports = []
    for level in (0, 1):
        ports.append(start_client(lab, pair.client, server, name=f"client-{level}", times=times, level=level))
    _one_is_cut(target, short_port=ports[1], long_port=ports[0])


@tried_anew
def _one_is_cut(target, short_port, long_port):
    """Of two silent connections one ends, and the other goes on."""
    conversation = Conversation(_IDLE_SECONDS)
    with (
        entries.socks5(long_port, LOOPBACK, target.port) as long,
        entries.socks5(short_port, LOOPBACK, target.port) as short,
    ):
        with conversation.word():
            alive(short)
        alive(long)
        assert receive_to_end(short)[0] == b""
        alive(long)


def handshake_of_level_0(lab, pair):
    """Before anybody has said who they are, level 0 holds, whatever the users' own one says."""
    clients = [{"id": USER_ID, "level": 1}]
    times = {"levels": {"0": {"handshake": 1}, "1": {"handshake": 600}}}
    port, _ = start_server(lab, pair.server, clients, times=times)
    with dial(port) as stranger:
        assert receive_to_end(stranger)[0] == b""


def no_entry(lab, pair):
    """A level that nobody has described has the defaults, and nothing from level 0."""
    target = lab.closing(Target(echo))
    clients = [{"id": USER_ID, "email": "short@x"}, {"id": OTHER_USER_ID, "email": "long@x", "level": 7}]
    # The way out has a level, too, and the shorter time holds.
    ways_out = {"outbounds": [configs.freedom_out(userLevel=7)]}
    server, _ = start_server(lab, pair.server, clients, times=configs.policy(connIdle=_IDLE_SECONDS), extra=ways_out)
    users = (USER_ID, OTHER_USER_ID)
    ports = [start_client(lab, pair.client, server, name=f"client-{user[:4]}", id=user) for user in users]
    _one_is_cut(target, short_port=ports[0], long_port=ports[1])


def _tight(lab, program, units, variable):
    """A relay without ciphers, whose target has little room and does not read; gives its port and process."""
    listener = socket.create_server((LOOPBACK, 0))
    lab.closing(listener)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SOCKET_BYTES)
    times = None if units is None else {"levels": {"0": {"bufferSize": units}}}
    port = lab.free_port()
    door = configs.door_in(port, LOOPBACK, listener.getsockname()[1])
    config = configs.config([door], [configs.freedom_out()], times=times)
    lab.start(program, config, "relay", wrapper=("env", variable) if variable else ())
    return port, listener


def _queued():
    """The bytes in each socket of the kernel, by its own and its peer's port: unsent ones, unread ones."""
    queued = {}
    with open("/proc/net/tcp") as file:
        for line in file.readlines()[1:]:
            fields = line.split()
            ports = tuple(int(end.rpartition(":")[2], 16) for end in fields[1:3])
            unsent, unread = (int(number, 16) for number in fields[4].split(":"))
            queued[ports] = (unsent, unread)
    return queued


def _pour(connections):
    """Sends into all until there has been no room in any for many looks; gives how much went into each."""
    poured = [0] * len(connections)
    for connection in connections:
        connection.setblocking(False)
    block = bytes(1 << 16)
    looks = 0
    while looks < _LOOKS:
        looks += 1
        for number, connection in enumerate(connections):
            try:
                poured[number] += connection.send(block)
                looks = 0
            except BlockingIOError:
                pass
        select.select([], connections, [], _LOOK_SECONDS)
    return poured


def blocked_reader(lab, program, units, most_bytes, variable=None):
    """Nobody reads: what is then neither in the sender's hand nor in the kernel's is what waits inside.

    All four queues of the kernel are read and taken off what the sender has got rid of. They are large,
    and grow, so that the number of bytes accepted says nothing; what is left over does. It is a part of
    one buffer, by chance a small one: hence several connections.
    """
    port, listener = _tight(lab, program, units, variable)
    connections, far_ends = [], []
    for _ in range(_CONNECTIONS):
        connections.append(lab.closing(dial(port)))
        connections[-1].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BYTES)
        far_ends.append(lab.closing(listener.accept()[0]))
    poured = _pour(connections)
    held = [all_bytes - queued for all_bytes, queued in zip(poured, _settled(port, connections, far_ends))]
    assert max(held) > 0, held
    assert max(held) <= most_bytes, held
    # And it was only waiting: all of it arrives.
    far_ends[0].settimeout(TIMEOUT_SECONDS)
    arrived = 0
    while arrived < poured[0]:
        got = len(far_ends[0].recv(1 << 20))
        assert got, f"the end after {arrived} of {poured[0]} bytes"
        arrived += got
    assert arrived == poured[0]


def _settled(port, connections, far_ends):
    """The bytes of each connection in the kernel, once they do not move any more."""
    ways = []
    for connection, far in zip(connections, far_ends):
        sender, giver, reader = (end[1] for end in (connection.getsockname(), far.getpeername(), far.getsockname()))
        ways.append(((sender, port), (port, sender), (giver, reader), (reader, giver)))

    def waiting():
        queued = _queued()
        return [sum(queued[end][number % 2] for number, end in enumerate(way)) for way in ways]

    seen, looks = waiting(), 0
    while looks < _LOOKS:
        threading.Event().wait(_LOOK_SECONDS)
        now = waiting()
        seen, looks = now, looks + 1 if now == seen else 0
    return seen


def level_values(lab, program):
    """What a level is called, and what may stand in it."""

    def named(name):
        inbound = configs.socks_in(1080)
        return configs.config([inbound], [configs.freedom_out()], times={"levels": {name: {}}})

    verdicts = [(name, "") for name in ("0", "1", "4294967295")]
    judge(lab, program, verdicts + [(name, "refused") for name in ("", "x", "-1", "4294967296")], named)

    def timed(fields):
        return configs.config([configs.socks_in(1080)], [configs.freedom_out()], times=configs.policy(**fields))

    verdicts = [({"handshake": 0}, "every client is refused"), ({"connIdle": 0}, "ends at once")]
    verdicts += [({"uplinkOnly": 0, "downlinkOnly": 0}, ""), ({"bufferSize": -1}, "")]
    verdicts += [({name: -1}, "refused") for name in ("handshake", "connIdle", "uplinkOnly", "downlinkOnly")]
    judge(lab, program, verdicts + [({"bufferSize": "4"}, "refused")], timed)
