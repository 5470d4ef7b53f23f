"""The usual arrangement: application -> client -> VMess -> server -> target, all on loopback."""

from dataclasses import dataclass, replace

import configs
import entries
from configs import LOOPBACK
from lab import Lab, Program, listening_ports, wait_until
from streams import dial


@dataclass(frozen=True)
class Pair:
    """Who plays the client and who the server."""

    client: Program
    server: Program

    def __str__(self):
        return f"{self.client.kind}-to-{self.server.kind}"

    @property
    def both_ours(self) -> bool:
        return self.client.is_ours and self.server.is_ours


def on_one_core(program: Program) -> Program:
    """Ours with a single core, whatever the run asks for."""
    arguments = list(program.arguments)
    if "--cores" in arguments:
        place = arguments.index("--cores")
        del arguments[place : place + 2]
    return replace(program, arguments=(*arguments, "--cores", "1"))


def crowd_alter_id(pair: Pair) -> int:
    """The alternative ids with which many connections can be asked to pass, all of them.

    V2Ray 4.34 takes some fresh tokens of the newer header for repeated ones: its filter keeps a byte of each. The
    older header does not come by that filter.
    """
    return 0 if pair.server.is_ours else 4


ENTRIES = ("socks5", "socks4a", "http-connect", "dokodemo")
SECURITIES = ("auto", "aes-128-gcm", "chacha20-poly1305", "none")


def securities_of(pair: Pair) -> tuple:
    # V2Ray 4 takes the word `zero` for `auto`.
    return SECURITIES + ("zero",) if pair.both_ours else SECURITIES


class Tunnel:
    """A client and a server that are up, and the doors into the client.

    target         where the dokodemo-door leads; the other ways in name their target themselves
    client_times   policy of level 0 at the client, server_times at the server
    server_out     the server's outbounds, freedom if not given
    client_log     the client's log object, server_log the server's
    server_extra   further sections of the server's configuration, client_extra the client's
    server_inbound further settings of the server's inbound
    mux            the mux object of the client's outbound
    alter_id       how many alternative ids the user has; with some, the client sends the older header
    """

    def __init__(
        self,
        lab: Lab,
        pair: Pair,
        security="auto",
        target=None,
        client_times=None,
        server_times=None,
        server_out=None,
        client_log=None,
        server_log=None,
        server_files=None,
        server_extra=None,
        client_extra=None,
        server_inbound=None,
        mux=None,
        alter_id=0,
    ):
        self.lab = lab
        self.pair = pair
        self.vmess_port = lab.free_port()
        self.socks_port = lab.free_port()
        self.http_port = lab.free_port()
        self.door_port = lab.free_port()
        inbounds = [configs.socks_in(self.socks_port), configs.http_in(self.http_port)]
        if target:
            inbounds.append(configs.door_in(self.door_port, *target))
        inbound = configs.vmess_in(self.vmess_port, alter_id=alter_id)
        inbound["settings"].update(server_inbound or {})
        outbound = configs.vmess_out([(LOOPBACK, self.vmess_port)], security, alter_id=alter_id)
        if mux:
            outbound["mux"] = mux
        server = configs.config(
            [inbound],
            server_out or [configs.freedom_out()],
            log=server_log or {"loglevel": "info", "access": lab.path("server.access")},
            times=server_times,
        )
        client = configs.config(
            inbounds,
            [outbound],
            log=client_log or {"loglevel": "info", "access": lab.path("client.access")},
            times=client_times,
        )
        server.update(server_extra or {})
        client.update(client_extra or {})
        self._server_config = server
        self.server = lab.start(pair.server, server, "server", max_files=server_files)
        self.client = lab.start(pair.client, client, "client")

    def restart_server(self):
        """Starts the server again, on the same port, after a case has killed it."""
        # The kernel takes a ring down after its process has gone, and its listener with it.
        wait_until(lambda: self.vmess_port not in listening_ports(), "the port to be free")
        self.server = self.lab.start(self.pair.server, self._server_config, "server-again")

    def enter(self, entry, host, port):
        """A connection through the client to the target, by one of ENTRIES."""
        if entry == "socks5":
            return entries.socks5(self.socks_port, host, port)
        if entry == "socks4a":
            return entries.socks4a(self.socks_port, host, port)
        if entry == "http-connect":
            return entries.http_connect(self.http_port, host, port)
        assert entry == "dokodemo", entry
        return dial(self.door_port)

    def socks(self, port, host=LOOPBACK):
        return entries.socks5(self.socks_port, host, port)


class ServerAlone:
    """A VMess server whose clients are played by the case."""

    def __init__(self, lab: Lab, program: Program, times=None, **start):
        self.port = lab.free_port()
        config = configs.config(
            [configs.vmess_in(self.port)],
            [configs.freedom_out()],
            log={"loglevel": "info", "access": lab.path("server.access")},
            times=times,
        )
        self.process = lab.start(program, config, "server", **start)


class ClientAlone:
    """A client with a SOCKS way in, whose server is played by the case."""

    def __init__(self, lab: Lab, program: Program, server_port, security="auto", times=None, mux=None):
        self.port = lab.free_port()
        outbound = configs.vmess_out([(LOOPBACK, server_port)], security)
        if mux:
            outbound["mux"] = mux
        config = configs.config([configs.socks_in(self.port)], [outbound], times=times)
        self.process = lab.start(program, config, "client")

    def enter(self, port=80, host=LOOPBACK):
        return entries.socks5(self.port, host, port)
