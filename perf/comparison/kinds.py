"""The implementations that can be compared: how each is started and told what to do.

Every kind can be a VMess server that reaches its targets directly, a client with a door to one target,
and a relay without VMess from a door to one target. A further kind is one more row of KINDS.
"""

import json
from dataclasses import dataclass
from typing import Callable

import configs
from configs import LOOPBACK, USER_ID
from lab import Program

_QUIET = {"access": "none", "error": "none", "loglevel": "none"}


@dataclass(frozen=True)
class Peer(Program):
    """A program that is started in the way of its kind."""

    start: tuple = ()

    def command(self, config_path: str) -> list[str]:
        return [self.path, *self.start, config_path, *self.arguments]


@dataclass(frozen=True)
class Kind:
    """One implementation.

    start        what stands between the program's name and its configuration's
    version      what makes it tell its version
    suffix       of its configuration's name
    securities   what it can carry over VMess
    server       gives a configuration's text: (port)
    client       likewise: (port, target_port, server_port, security)
    relay        likewise: (port, target_port)
    environment  what is set when it is started, as NAME=VALUE
    reads_v2ray  is its configuration V2Ray's?
    """

    name: str
    start: tuple
    version: tuple
    suffix: str
    securities: tuple
    server: Callable
    client: Callable
    relay: Callable
    environment: tuple = ()
    reads_v2ray: bool = False

    def program(self, path, arguments=()) -> Program:
        # The lab holds programs of this project to promises that others have not made.
        lab_kind = "ours" if self.name == "ringferry" else self.name
        return Peer(lab_kind, path, tuple(arguments), self.start)


def _v2ray_text(inbound, outbound) -> str:
    return json.dumps(configs.config([inbound], [outbound], log=_QUIET), indent=1)


def _v2ray_server(port):
    return _v2ray_text(configs.vmess_in(port), configs.freedom_out())


def _v2ray_client(port, target_port, server_port, security):
    outbound = configs.vmess_out([(LOOPBACK, server_port)], security)
    return _v2ray_text(configs.door_in(port, LOOPBACK, target_port), outbound)


def _v2ray_relay(port, target_port):
    return _v2ray_text(configs.door_in(port, LOOPBACK, target_port), configs.freedom_out())


def _sing_box_text(inbound, outbound) -> str:
    whole = {"log": {"disabled": True}, "inbounds": [inbound], "outbounds": [outbound]}
    return json.dumps(whole, indent=1)


def _sing_box_door(port, target_port):
    return {
        "type": "direct",
        "listen": LOOPBACK,
        "listen_port": port,
        "network": "tcp",
        "override_address": LOOPBACK,
        "override_port": target_port,
    }


def _sing_box_server(port):
    users = [{"name": "anna", "uuid": USER_ID, "alterId": 0}]
    inbound = {"type": "vmess", "listen": LOOPBACK, "listen_port": port, "users": users}
    return _sing_box_text(inbound, {"type": "direct"})


def _sing_box_client(port, target_port, server_port, security):
    outbound = {
        "type": "vmess",
        "server": LOOPBACK,
        "server_port": server_port,
        "uuid": USER_ID,
        "security": security,
        "alter_id": 0,
    }
    return _sing_box_text(_sing_box_door(port, target_port), outbound)


def _sing_box_relay(port, target_port):
    return _sing_box_text(_sing_box_door(port, target_port), {"type": "direct"})


def _shoes_server(port):
    # Without rules it reaches every target directly.
    return f"""\
- address: {LOOPBACK}:{port}
  protocol:
    type: vmess
    cipher: any
    user_id: {USER_ID}
"""


def _shoes_relay(port, target_port):
    return f"""\
- address: {LOOPBACK}:{port}
  protocol:
    type: forward
    targets: {LOOPBACK}:{target_port}
"""


def _shoes_client(port, target_port, server_port, security):
    return (
        _shoes_relay(port, target_port)
        + f"""\
  rules:
    - mask: 0.0.0.0/0
      action: allow
      client_chain:
        address: {LOOPBACK}:{server_port}
        protocol:
          type: vmess
          cipher: {security}
          user_id: {USER_ID}
"""
    )


_CIPHERS = ("aes-128-gcm", "chacha20-poly1305")


def _v2ray_kind(name, start, version, securities) -> Kind:
    texts = (_v2ray_server, _v2ray_client, _v2ray_relay)
    return Kind(name, start, version, "json", securities, *texts, reads_v2ray=True)


# V2Ray 4 takes `zero` for `auto`, Xray refuses `none`, and sing-box reads `none` in another way than others.
_KINDS = (
    _v2ray_kind("ringferry", ("run", "-c"), ("version",), (*_CIPHERS, "none", "zero")),
    _v2ray_kind("v2ray", ("-config",), ("-version",), (*_CIPHERS, "none")),
    _v2ray_kind("xray", ("run", "-c"), ("version",), (*_CIPHERS, "zero")),
    _v2ray_kind("v2ray5", ("run", "-c"), ("version",), (*_CIPHERS, "none", "zero")),
    Kind(
        "sing-box",
        ("run", "-c"),
        ("version",),
        "json",
        (*_CIPHERS, "zero"),
        _sing_box_server,
        _sing_box_client,
        _sing_box_relay,
    ),
    Kind(
        "shoes",
        ("--no-reload",),
        ("--version",),
        "yaml",
        (*_CIPHERS, "none"),
        _shoes_server,
        _shoes_client,
        _shoes_relay,
        environment=("RUST_LOG=off",),
    ),
)

KINDS = {kind.name: kind for kind in _KINDS}


def kind_of(name) -> Kind | None:
    """The kind of a subject, whose name is that of its kind, or begins with it: v2ray, v2ray-other."""
    fitting = [kind for kind in _KINDS if name == kind.name or name.startswith(f"{kind.name}-")]
    return max(fitting, key=lambda kind: len(kind.name), default=None)
