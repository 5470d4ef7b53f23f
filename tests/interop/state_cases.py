"""A state directory: what one process has accepted is refused by the next, however the first one ended.

The recorded bytes of a request are good for two minutes, so a server that forgets them with its process
lets them in again after a restart. Each case also shows that an honest request is served.
"""

import json
import os
import time
from dataclasses import replace
from functools import partial

import configs
import wire
from cases import Case
from configs import LOOPBACK
from lab import listening_ports, wait_until
from peers import Client
from streams import dial, receive_exactly, receive_to_end
from targets import Target, echo
from wire import Request

# So long that the honest get in even though the machine stands still for a while.
_HANDSHAKE_SECONDS = 4
_START_ERROR = 255


def cases(bench):
    for program in bench.programs:
        if program.is_ours:
            for name, run in (
                ("replay-after-kill", after_kill),
                ("replay-after-stop", after_stop),
                ("systemd-folder", systemd_folder),
                ("none", without),
                ("damaged", damaged),
                ("one-owner", one_owner),
                ("no-folder", no_folder),
            ):
                yield Case(f"state/ours/{name}", partial(run, program=program))


class _Server:
    """A server that can be started again with the same configuration, and its target."""

    def __init__(self, lab, program, folder=None, wrapper=()):
        wire.need_cryptography()
        self.lab = lab
        self.target = lab.closing(Target(echo))
        self.port = lab.free_port()
        arguments = ("--state", folder) if folder else ()
        self.program = replace(program, arguments=program.arguments + arguments)
        self.wrapper = wrapper
        self.config = configs.config(
            [configs.vmess_in(self.port)],
            [configs.freedom_out()],
            times=configs.policy(handshake=_HANDSHAKE_SECONDS),
        )
        self.starts = 0
        self.start()

    def start(self):
        # A ring is taken down after the process that was killed has gone, and its listeners with it.
        wait_until(lambda: self.port not in listening_ports(), "the port to be free")
        self.starts += 1
        self.process = self.lab.start(
            self.program, self.config, f"server-{self.starts}", wrapper=self.wrapper
        )

    def served(self):
        """An honest request that is served, and the client that made it with what it has sent."""
        client = self.lab.closing(_Recording(self.port, Request(LOOPBACK, self.target.port)))
        client.send(client.header() + client.chunk(b"once"))
        assert client.receive(4) == b"once"
        return client

    def refused(self, *messages):
        """Silence for all of them until the handshake deadline, and nothing at the target."""
        before = self.target.accepted
        connections = []
        for number, message in enumerate(messages):
            started = time.monotonic()
            connections.append((started, dial(self.port, source=f"127.3.0.{number + 1}")))
            connections[-1][1].sendall(message)
        for started, connection in connections:
            with connection:
                received, _ = receive_to_end(connection)
            seconds = time.monotonic() - started
            assert received == b"", f"{len(received)} bytes came back"
            assert seconds >= 0.9 * _HANDSHAKE_SECONDS, f"closed after {seconds:.2f} s already"
        assert self.target.accepted == before, "a replay reached the target"


class _Recording(Client):
    """A client that remembers what it has sent."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.sent = b""

    def send(self, data):
        self.sent += data
        super().send(data)

    def close(self):
        self.connection.close()


def _refused_by_the_next(server, client):
    """What was recorded, and its keys under a fresh auth id."""
    server.refused(client.sent, client.header() + client.chunk(b"twice"))
    server.served()


def after_kill(lab, program):
    server = _Server(lab, program, lab.path("state"))
    client = server.served()
    server.process.kill()
    server.start()
    _refused_by_the_next(server, client)
    # And a third process remembers both of the others.
    second = server.served()
    server.process.kill()
    server.start()
    server.refused(client.sent, second.sent)
    server.served()


def after_stop(lab, program):
    server = _Server(lab, program, lab.path("state"))
    client = server.served()
    client.close()
    server.process.stop()
    server.start()
    _refused_by_the_next(server, client)


def systemd_folder(lab, program):
    """Without a flag, the first folder of the unit."""
    folder = lab.path("unit")
    server = _Server(lab, program, wrapper=("env", f"STATE_DIRECTORY={folder}:{lab.path('other')}"))
    client = server.served()
    server.process.kill()
    server.start()
    _refused_by_the_next(server, client)
    assert os.listdir(folder) == ["replay.bin"] and not os.path.exists(lab.path("other"))
    assert os.stat(f"{folder}/replay.bin").st_mode & 0o777 == 0o600


def without(lab, program):
    """No state: the replay is served, which shows that the other cases can fail; and nothing is written."""
    server = _Server(lab, program, wrapper=("env", "-u", "STATE_DIRECTORY"))
    before = set(os.listdir(lab.directory))
    client = server.served()
    server.refused(client.sent)
    server.process.kill()
    server.start()
    with dial(server.port) as connection:
        connection.sendall(client.sent)
        receive_exactly(connection, 1)
    wait_until(lambda: server.target.accepted == 2, "the replay at the target")
    new = set(os.listdir(lab.directory)) - before
    assert new == {"server-2.json", "server-2.log"}, new


def damaged(lab, program):
    """Noise in place of the file is said and ignored, and the next replay is refused again."""
    folder = lab.path("state")
    server = _Server(lab, program, folder)
    server.served()
    server.process.kill()
    with open(f"{folder}/replay.bin", "r+b") as file:
        file.write(os.urandom(os.path.getsize(file.name)))
    server.start()
    wait_until(lambda: "damaged" in server.process.output(), "a word about the damage")
    client = server.served()
    server.process.kill()
    server.start()
    _refused_by_the_next(server, client)


def one_owner(lab, program):
    """A second process with the same folder does not start, and says why."""
    folder = lab.path("state")
    server = _Server(lab, program, folder)
    other = configs.config([configs.socks_in(lab.free_port())], [configs.freedom_out()])
    _fails_to_start(lab, server.program, other, f"{folder}/replay.bin")
    server.served()


def no_folder(lab, program):
    """A folder that cannot be made, and one that is a file."""
    config = configs.config([configs.socks_in(lab.free_port())], [configs.freedom_out()])
    for folder in (lab.path("no/parent"), lab.write("file", "")):
        stateful = replace(program, arguments=program.arguments + ("-state", folder))
        _fails_to_start(lab, stateful, config, folder)


def _fails_to_start(lab, program, config, word):
    path = lab.write("failing.json", json.dumps(config))
    done = lab.call(program, program.command(path)[1:])
    assert done.returncode == _START_ERROR, done
    assert word in done.stderr, done
