"""The arrangement that everything is measured in: load -> client -> VMess -> server -> target."""

import json
import os
import resource
import shutil
from dataclasses import dataclass, replace

from comparison.kinds import Kind
from lab import Lab, Program, listening_ports, wait_until

_NGINX_CONFIG = """
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log {directory}/nginx.error;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{ return 200 "{body}"; }}
    }}
}}
"""
_BODY_BYTES = 1024


@dataclass(frozen=True)
class Subject:
    name: str
    kind: Kind
    program: Program


@dataclass(frozen=True)
class Bench:
    """What measures have beside the subject.

    load      the path of perf_load, or nothing
    subjects  all of them
    micro     the path of perf_micro, or nothing
    """

    load: str
    subjects: list
    micro: str = ""

    def subject_of(self, kind_name):
        """The first one of a kind."""
        return next((subject for subject in self.subjects if subject.kind.name == kind_name), None)

    def has(self, need) -> bool:
        programs = {"perf_load": self.load, "perf_micro": self.micro}
        return bool(programs[need] if need in programs else self.subject_of(need))


def with_cores(subject, count) -> Subject:
    """Others see by the cores that they are given how many threads they need."""
    if subject.kind.name != "ringferry":
        return subject
    rest = [word for word in subject.program.arguments if not word.startswith("--cores=")]
    return replace(subject, program=replace(subject.program, arguments=(*rest, f"--cores={count}")))


class Arrangement:
    """Programs of subjects that are up, without logs, and what they have used of the machine."""

    def __init__(self, place):
        self._place = place
        self._ends = {}

    def start(self, end, subject, text, ports, wrapper=()) -> None:
        self._ends[end] = self._place.launch(subject, end, text, ports, wrapper)

    def ends(self):
        return self._ends

    def stop(self) -> None:
        for process in self._ends.values():
            process.stop()

    def cpu(self) -> dict:
        """CPU seconds used so far by each end: in user space, and in the kernel on its behalf."""
        return {name: process.cpu_times() for name, process in self.ends().items()}

    def memory(self) -> dict:
        """Bytes of memory of each end, shared pages counted in part."""
        return {name: proportional_bytes(process.pid) for name, process in self.ends().items()}


class Tunnel(Arrangement):
    """One client and one server, with a door to one target."""

    def __init__(self, place, target_port, security, client=None):
        super().__init__(place)
        client = client or place.subject
        server = place.subject
        self.port = place.free_port()
        vmess_port = place.free_port()
        self.start("server", server, server.kind.server(vmess_port), {vmess_port})
        text = client.kind.client(self.port, target_port, vmess_port, security)
        self.start("client", client, text, {self.port})


class ServerAlone(Arrangement):
    """A VMess server, whose client is the load."""

    def __init__(self, place, wrapper=()):
        super().__init__(place)
        self.port = place.free_port()
        self.start("server", place.subject, place.subject.kind.server(self.port), {self.port}, wrapper)


class ClientAlone(Arrangement):
    """A client with a door, whose VMess server, at `server_port`, is the load."""

    def __init__(self, place, security):
        super().__init__(place)
        self.port = place.free_port()
        self.server_port = place.free_port()
        # Where it leads does not matter: the load takes every target for its own.
        text = place.subject.kind.client(self.port, self.server_port, self.server_port, security)
        self.start("client", place.subject, text, {self.port})


class Relay(Arrangement):
    """A door to one target, without VMess."""

    def __init__(self, place, target_port, policy=None):
        """policy  of its sessions, for those that read V2Ray's configuration"""
        super().__init__(place)
        self.port = place.free_port()
        text = place.subject.kind.relay(self.port, target_port)
        if policy:
            text = json.dumps({**json.loads(text), "policy": {"levels": {"0": policy}}}, indent=1)
        self.start("relay", place.subject, text, {self.port})


def spent(before, after) -> dict:
    """CPU seconds between two looks at an arrangement, by end: in all, in user space, in the kernel."""
    seconds = {}
    for end, (user, system) in after.items():
        user_then, system_then = before[end]
        seconds[end] = user + system - user_then - system_then
        seconds[f"{end}, user"] = user - user_then
        seconds[f"{end}, system"] = system - system_then
    return seconds


class Workplace(Lab):
    """One sample's lab: everything in it is fresh, and gone afterwards.

    Fresh processes matter: V2Ray's replay filter, for one, fills up with every connection.

    bench  what the measures have beside the subject
    """

    def __init__(self, subject, bench):
        super().__init__(subject.name)
        self.subject = subject
        self.bench = bench

    def launch(self, subject, name, text, ports, wrapper=()):
        """Starts a subject with the text of a configuration and waits until it listens."""
        path = self.write(f"{name}.{subject.kind.suffix}", text)
        environment = ("env", *subject.kind.environment) if subject.kind.environment else ()
        command = subject.program.command(path)
        process = self.spawn(subject.program, command, name, wrapper=(*wrapper, *environment))
        wait_until(
            lambda: ports <= listening_ports() or not process.running(), f"the {name} to listen on {ports}"
        )
        assert process.running(), f"the {name} did not start:\n{process.output()}"
        return process

    def tunnel(self, target_port, security, client=None) -> Tunnel:
        return Tunnel(self, target_port, security, client)

    def write_config(self, name, config) -> str:
        """For programs that start in another way than `start` has it; gives the path."""
        return self.write(f"{name}.json", json.dumps(config, indent=1))

    def tool(self, name, command, port):
        """Starts a server that is not under test and waits for it to listen."""
        process = self.spawn(Program("tool", command[0]), command, name)
        wait_until(
            lambda: port in listening_ports() or not process.running(), f"{name} to listen on {port}"
        )
        assert process.running(), f"{name} did not start:\n{process.output()}"
        return process

    def http_server(self) -> int:
        """A small static server; gives its port."""
        port = self.free_port()
        text = _NGINX_CONFIG.format(directory=self.directory, port=port, body="x" * _BODY_BYTES)
        path = self.write("nginx.conf", text)
        nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/sbin")
        assert nginx, "nginx is not installed (Debian: nginx-light)"
        self.tool("nginx", [nginx, "-c", path, "-p", self.directory], port)
        return port


def cpu_seconds(pid) -> float:
    """What all threads that are there have used so far, to the nanosecond; `stat` counts hundredths."""
    spent = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat") as file:
            spent += int(file.read().split()[0])
    return spent / 1e9


def proportional_bytes(pid) -> int:
    with open(f"/proc/{pid}/smaps_rollup") as file:
        for line in file:
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    raise AssertionError("no Pss in smaps_rollup")


def resident_bytes(pid) -> int:
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS in status")


def raise_file_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
