"""The arrangement that everything is measured in: load -> client -> VMess -> server -> target."""

import json
import os
import resource
import shutil
from dataclasses import dataclass

import configs
from configs import LOOPBACK
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
    program: Program


class Tunnel:
    """One client and one server of the subject, with a door to one target and without logs."""

    def __init__(self, lab, subject, target_port, security):
        quiet = {"access": "none", "error": "none", "loglevel": "none"}
        self.port = lab.free_port()
        vmess_port = lab.free_port()
        server = configs.config(
            [configs.vmess_in(vmess_port)], [configs.freedom_out()], log=quiet
        )
        client = configs.config(
            [configs.door_in(self.port, LOOPBACK, target_port)],
            [configs.vmess_out([(LOOPBACK, vmess_port)], security)],
            log=quiet,
        )
        self.server = lab.start(subject.program, server, "server")
        self.client = lab.start(subject.program, client, "client")

    def ends(self):
        return {"client": self.client, "server": self.server}

    def cpu(self) -> dict:
        """CPU seconds used so far by each end."""
        return {name: process.cpu_seconds() for name, process in self.ends().items()}

    def memory(self) -> dict:
        """Bytes of memory of each end, shared pages counted in part."""
        return {name: proportional_bytes(process.pid) for name, process in self.ends().items()}


class Workplace(Lab):
    """One sample's lab: everything in it is fresh, and gone afterwards.

    Fresh processes matter: V2Ray's replay filter, for one, fills up with every connection.
    """

    def __init__(self, subject):
        super().__init__(subject.name)
        self.subject = subject

    def tunnel(self, target_port, security) -> Tunnel:
        return Tunnel(self, self.subject, target_port, security)

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
