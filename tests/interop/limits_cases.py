"""When there is much of something, or too little: connections, descriptors, room for logs, readers."""

import os
import socket
import threading
import time
from functools import partial

import configs
import entries
from cases import Case
from configs import LOOPBACK
from lab import wait_until
from streams import Payload, alive, dial, receive_digest
from targets import Target, echo, source_of
from tunnel import Pair, Tunnel, crowd_alter_id

_CROWD = 200
_FEW_FILES = 40
_IDLE_SECONDS = 2
_BUSY_SHARE = 0.25
_BACKLOG_BYTES = 64 << 20


def cases(bench):
    for pair in bench.pairs:
        for security in ("aes-128-gcm", "none"):
            run = partial(at_once, pair=pair, security=security)
            yield Case(f"limits/{pair}/{security}/200-at-once", run)
        yield Case(f"limits/{pair}/one-after-another", partial(one_after_another, pair=pair))
        yield Case(f"limits/{pair}/stopped-reader", partial(stopped_reader, pair=pair))
        yield Case(f"limits/{pair}/idle-is-idle", partial(idle_is_idle, pair=pair))
        yield Case(f"log/{pair}/full-disk", partial(full_disk, pair=pair))
    for program in bench.programs:
        if program.is_ours:
            # V2Ray spins on accept then, and dies of SIGPIPE.
            yield Case("limits/ours/few-descriptors", partial(few_descriptors, program=program))
            yield Case("limits/ours/descriptors-come-back", partial(files_come_back, program=program))
            yield Case("log/ours/broken-pipe", partial(broken_pipe, program=program))


def at_once(lab, pair, security):
    """Two hundred connections are open before the first byte, then all talk at the same time."""
    target = lab.closing(Target(echo))
    tunnel = Tunnel(lab, pair, security, alter_id=crowd_alter_id(pair))
    connections = [lab.closing(tunnel.socks(target.port)) for _ in range(_CROWD)]
    failures = []

    def talk(number, connection):
        try:
            payload = Payload(20_000, seed=number)
            threading.Thread(target=connection.sendall, args=(payload.bytes(),), daemon=True).start()
            assert receive_digest(connection, payload.total_bytes) == payload.digest(), "differs"
        except Exception as problem:
            failures.append(f"{number}: {problem!r}")

    talkers = [
        threading.Thread(target=talk, args=entry, daemon=True) for entry in enumerate(connections)
    ]
    for talker in talkers:
        talker.start()
    for talker in talkers:
        talker.join()
    assert not failures, f"{len(failures)} of {_CROWD} failed, first: {failures[0]}"


def one_after_another(lab, pair):
    """Many short connections leave nothing behind in either program."""
    target = lab.closing(Target(echo))
    tunnel = Tunnel(lab, pair, alter_id=crowd_alter_id(pair))

    def open_files():
        return [len(os.listdir(f"/proc/{end.pid}/fd")) for end in (tunnel.client, tunnel.server)]

    def some(count):
        for _ in range(count):
            with tunnel.socks(target.port) as connection:
                alive(connection)

    some(5)  # What is opened at first use stays.
    wait_until(lambda: _unchanged(open_files), "the descriptors to settle")
    before = open_files()
    some(100)
    for index in (0, 1):
        wait_until(lambda: open_files()[index] <= before[index] + 2, "all descriptors to be closed")


def _unchanged(look):
    first = look()
    time.sleep(1.2)  # Longer than V2Ray keeps a half of a connection.
    return look() == first


def stopped_reader(lab, pair):
    """A reader that stops stops the sender too; when it goes on, nothing is missing."""
    payload = Payload(_BACKLOG_BYTES * 2)
    sent = []
    finished = threading.Event()

    def serve(connection):
        for piece in payload.pieces():
            connection.sendall(piece)
            sent.append(len(piece))
        connection.shutdown(socket.SHUT_WR)
        finished.set()

    target = lab.closing(Target(serve))
    tunnel = Tunnel(lab, pair)
    with tunnel.socks(target.port) as connection:
        wait_until(lambda: _unchanged(lambda: len(sent)), "the sender to be stopped")
        assert sum(sent) < _BACKLOG_BYTES, f"{sum(sent) >> 20} MiB are waiting somewhere"
        assert not finished.is_set()
        assert receive_digest(connection, payload.total_bytes) == payload.digest()


def idle_is_idle(lab, pair):
    """Programs with open and silent connections use next to no time."""
    target = lab.closing(Target(echo))
    tunnel = Tunnel(lab, pair)
    for _ in range(20):
        alive(lab.closing(tunnel.socks(target.port)))
    for process in (tunnel.client, tunnel.server):
        _expect_quiet(process)


def _expect_quiet(process):
    before = process.cpu_seconds()
    time.sleep(_IDLE_SECONDS)  # The span that is looked at.
    used = process.cpu_seconds() - before
    assert used < _BUSY_SHARE * _IDLE_SECONDS, f"{process.name} used {used:.2f} s while idle"


def few_descriptors(lab, program):
    """Out of descriptors: the open session goes on, nothing spins, and later everybody is served."""
    target = lab.closing(Target(echo))
    port = lab.free_port()
    config = configs.config([configs.socks_in(port)], [configs.freedom_out()])
    process = lab.start(program, config, "starved", max_files=_FEW_FILES)
    with entries.socks5(port, LOOPBACK, target.port) as early:
        alive(early)
        crowd = [dial(port) for _ in range(3 * _FEW_FILES)]
        alive(early)
        _expect_quiet(process)
        alive(early)
        for connection in crowd:
            connection.close()
        for _ in range(5):
            with entries.socks5(port, LOOPBACK, target.port) as late:
                alive(late)
        alive(early)


def files_come_back(lab, program):
    """At a server: strangers take all descriptors, and when they go the honest are served again."""
    target = lab.closing(Target(echo))
    tunnel = Tunnel(lab, Pair(program, program), server_files=_FEW_FILES)
    crowd = [dial(tunnel.vmess_port) for _ in range(3 * _FEW_FILES)]
    _expect_quiet(tunnel.server)
    for connection in crowd:
        connection.close()
    for _ in range(5):
        with tunnel.socks(target.port) as connection:
            alive(connection)


def full_disk(lab, pair):
    """A log that cannot be written stops no traffic."""
    payload = Payload(1_000_000)
    target = lab.closing(Target(source_of(payload)))
    log = {"loglevel": "debug", "access": "/dev/full", "error": "/dev/full"}
    tunnel = Tunnel(lab, pair, client_log=log, server_log=log)
    for _ in range(20):
        with tunnel.socks(target.port) as connection:
            assert receive_digest(connection, payload.total_bytes) == payload.digest()


def broken_pipe(lab, program):
    """A reader of the log that goes away takes nothing with it."""
    target = lab.closing(Target(echo))
    port = lab.free_port()
    reader, writer = os.pipe()
    config = configs.config(
        [configs.socks_in(port)], [configs.freedom_out()], log={"loglevel": "debug"}
    )
    process = lab.start(program, config, "piped", output=writer)
    os.close(writer)
    os.close(reader)
    for _ in range(20):
        with entries.socks5(port, LOOPBACK, target.port) as connection:
            alive(connection)
    assert process.running()
