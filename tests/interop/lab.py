"""The workplace of one case: its directory, its ports, the programs it starts and their end.

Everything started here is stopped when the case leaves its `with` block, in reverse order. Stopping is
part of every promise: a program of ours that does not answer SIGTERM with exit code 0 (because it
crashed, hung or failed an assertion) fails the case, whatever else it showed.
"""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass

PATIENCE_SECONDS = 15
_GRACE_SECONDS = 3
_LOG_LINES = 60
# Above what is well known and what the embedded default opens (10086, 10808, 10809), below what the kernel takes
# for outgoing connections. Single ports have a part of their own, since one that was used just now would be a
# hole in a row.
_SINGLE_PORTS = (11_000, 20_000)
_ROW_PORTS = (20_000, 32_000)
_RANGE_TRIES = 100


@dataclass(frozen=True)
class Program:
    """One executable under test.

    kind       "ours" or "v2ray": decides which promises it is held to
    path       the executable
    arguments  what is appended to every start, for example a choice of back end
    """

    kind: str
    path: str
    arguments: tuple = ()

    @property
    def is_ours(self) -> bool:
        return self.kind == "ours"

    def command(self, config_path: str) -> list[str]:
        # V2Ray 4 knows only the dash form.
        start = ["run", "-c"] if self.is_ours else ["-config"]
        return [self.path, *start, config_path, *self.arguments]


class Process:
    """A started program. Its output and exit are kept for the case and for the report."""

    def __init__(self, name, program, popen, output_path):
        self.name = name
        self.program = program
        self.output_path = output_path
        self.may_fail = False  # set by a case that kills it or expects another exit code
        self._popen = popen

    @property
    def pid(self) -> int:
        return self._popen.pid

    def running(self) -> bool:
        return self._popen.poll() is None

    def output(self) -> str:
        with open(self.output_path, errors="replace") as file:
            return file.read()

    def cpu_times(self) -> tuple[float, float]:
        """User and system time used so far by all threads, in seconds."""
        with open(f"/proc/{self.pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        ticks = os.sysconf("SC_CLK_TCK")
        return int(fields[11]) / ticks, int(fields[12]) / ticks

    def cpu_seconds(self) -> float:
        """Both together."""
        return sum(self.cpu_times())

    def kill(self) -> None:
        """Ends the program at once, the way a crash would."""
        self.may_fail = True
        self._popen.kill()
        self._popen.wait()

    def send(self, number) -> None:
        self._popen.send_signal(number)

    def terminate(self) -> None:
        self.send(signal.SIGTERM)

    def exit_code(self, seconds=PATIENCE_SECONDS) -> int:
        """Waits for the program to end by itself."""
        return self._popen.wait(seconds)

    def stop(self) -> None:
        """SIGTERM; once more, which skips the grace period; then force. Raises if one of ours misbehaved."""
        forced = False
        for wait in (_GRACE_SECONDS, PATIENCE_SECONDS):
            if self.running():
                self.terminate()
                try:
                    self._popen.wait(wait)
                except subprocess.TimeoutExpired:
                    pass
        if self.running():
            forced = True
            self._popen.kill()
        code = self._popen.wait()
        if self.program.is_ours and not self.may_fail:
            assert not forced, f"{self.name} ignored SIGTERM"
            assert code == 0, f"{self.name} ended with {code}"


class Lab:
    def __init__(self, name):
        self.name = name
        self.directory = tempfile.mkdtemp(prefix="lab-")
        self._holders = []
        self._processes = []
        self._closers = []

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        # Whatever happens while closing, the directory goes and the logs are shown if needed.
        problems = []
        for close in reversed(self._closers):
            try:
                close()
            except Exception as problem:
                problems.append(str(problem) or repr(problem))
        if problems or kind is not None:
            self._show_logs()
        for holder in self._holders:
            holder.close()
        shutil.rmtree(self.directory, ignore_errors=True)
        if problems and kind is None:
            raise AssertionError("; ".join(problems))

    def processes(self) -> tuple:
        """What has been started here so far."""
        return tuple(self._processes)

    def path(self, name: str) -> str:
        return os.path.join(self.directory, name)

    def closing(self, thing):
        """Closes `thing` at the end of the case."""
        self._closers.append(thing.close)
        return thing

    def free_port(self, host="127.0.0.1") -> int:
        """A port for a program to listen on, for connections and for datagrams."""
        return self._hold(_SINGLE_PORTS, 1, host)[0]

    def free_range(self, count, host="127.0.0.1") -> range:
        """So many ports in a row."""
        return self._hold(_ROW_PORTS, count, host)

    def _hold(self, among, count, host) -> range:
        """Takes ports for this case.

        They lie below those that the kernel gives out, where no socket for datagrams gets by chance what a
        program is about to open. They stay bound here for connections, without listening, so no other case
        gets them, while SO_REUSEADDR lets a real listener in. As long as none is there they refuse, so they
        also serve as ports where nobody is.
        """
        for _ in range(_RANGE_TRIES):
            first = random.randrange(among[0], among[1] - count)
            holders = []
            try:
                for port in range(first, first + count):
                    # Who listens is looked up by number: nobody else gets this one at the usual address.
                    for address in {host, "127.0.0.1"}:
                        holders.append(_holder(address, port))
            except OSError:
                for holder in holders:
                    holder.close()
                continue
            self._holders += holders
            return range(first, first + count)
        raise AssertionError(f"no {count} free ports in a row")

    def write(self, name: str, text: str) -> str:
        path = self.path(name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def start(self, program, config, name, max_files=None, wrapper=(), output=None) -> Process:
        """Starts a program with a configuration and waits until all its inbounds listen.

        Of those with a range of ports, that is somebody else's affair.
        """
        config_path = self.write(f"{name}.json", json.dumps(config, indent=1))
        process = self.spawn(program, program.command(config_path), name, max_files, wrapper, output)
        connections = _ports_for(config, "tcp")
        datagrams = _ports_for(config, "udp")
        wait_until(
            lambda: (connections <= listening_ports() and datagrams <= udp_ports()) or not process.running(),
            f"{name} to listen on {sorted(connections | datagrams)}",
        )
        assert process.running(), f"{name} did not start: exit code {process.exit_code()}"
        return process

    def spawn(self, program, command, name, max_files=None, wrapper=(), output=None, cwd=None) -> Process:
        """Starts a command without waiting for anything."""
        output_path = self.path(f"{name}.log")
        limits = ["prlimit", f"--nofile={max_files}:{max_files}"] if max_files else []
        guard = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        with open(output_path, "ab") as log:
            popen = subprocess.Popen(
                [*wrapper, *guard, *limits, *command],
                stdin=subprocess.DEVNULL,
                stdout=output or log,
                stderr=output or log,
                cwd=cwd or self.directory,
            )
        process = Process(name, program, popen, output_path)
        self._processes.append(process)
        self._closers.append(process.stop)
        return process

    def call(self, program, arguments, text="", cwd=None, seconds=PATIENCE_SECONDS):
        """Runs a command of the program to its end; gives its CompletedProcess."""
        return subprocess.run(
            [program.path, *arguments],
            input=text,
            capture_output=True,
            text=True,
            timeout=seconds,
            cwd=cwd or self.directory,
        )

    def _show_logs(self) -> None:
        for process in self._processes:
            for path in (process.output_path, self.path(f"{process.name}.access")):
                if os.path.exists(path):
                    with open(path, errors="replace") as file:
                        lines = file.read().splitlines()[-_LOG_LINES:]
                    print(f"--- {os.path.basename(path)}", *lines, sep="\n")


def _holder(host, port):
    """A socket that is bound and does not listen."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    holder = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Without the two options below it finds out whether somebody else has the port.
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.bind((host, port))
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind((host, port))
    except OSError:
        holder.close()
        raise
    return holder


def wait_for_access(lab, holds, name="server"):
    """Waits until `holds` is true of a program's access log, which a thread of its own writes."""

    def look():
        try:
            with open(lab.path(f"{name}.access")) as file:
                return holds(file.read())
        except FileNotFoundError:
            return False

    wait_until(look, f"the lines in {name}.access")


def wait_until(condition, what: str, seconds=PATIENCE_SECONDS):
    """Waits until `condition()` is true and gives its value; raises when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        # Asked before looking: a machine that stood still until the deadline still gets its last look.
        late = time.monotonic() >= deadline
        value = condition()
        if value:
            return value
        assert not late, f"waited {seconds} s for {what}"
        time.sleep(0.005)


def _ports_for(config, network) -> set[int]:
    """The ports that a configuration opens for good for a network. Only doors ask for anything but TCP."""
    ports = set()
    for inbound in config["inbounds"]:
        is_door = inbound["protocol"] == "dokodemo-door"
        networks = inbound["settings"].get("network", "tcp") if is_door else "tcp"
        if isinstance(inbound["port"], int) and network in networks:
            ports.add(inbound["port"])
    return ports


def udp_ports() -> set[int]:
    """The ports to which somebody may send datagrams."""
    ports = set()
    for table in ("/proc/net/udp", "/proc/net/udp6"):
        with open(table) as file:
            for line in file.readlines()[1:]:
                ports.add(int(line.split()[1].rpartition(":")[2], 16))
    return ports


def listening_ports() -> set[int]:
    """The ports somebody listens on, read from the kernel: a trial connection would be a visible one."""
    ports = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table) as file:
            for line in file.readlines()[1:]:
                fields = line.split()
                if fields[3] == "0A":
                    ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports
