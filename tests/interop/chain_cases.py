"""A program between two others: a VMess way in, and a VMess way out behind it."""

from functools import partial

import configs
from cases import Case
from configs import LOOPBACK
from peers import Client
from targets import Target, speaks_first
from tunnel import ServerAlone
from wire import AES_128_GCM, M, P, S, Request

_GREETING = b"220 welcome\r\n"
# What a client has sent behind its header when it begins to wait for the target: nothing, what Xray does (vmess.md
# 18), or as much as one packet had room for.
_BEHIND_THE_HEADER = {
    "nothing": lambda client: (b"", client.chunk(b"EHLO")),
    "early-end-chunk": lambda client: (client.chunk(b""), client.chunk(b"EHLO")),
    "begun-chunk": lambda client: (lambda chunk: (chunk[:1], chunk[1:]))(client.chunk(b"EHLO")),
}


def cases(bench):
    for program in bench.programs:
        if not program.is_ours:
            continue
        for name, behind in _BEHIND_THE_HEADER.items():
            run = partial(speaks, program=program, behind=behind)
            yield Case(f"chain/{program.kind}/target-speaks-first/{name}", run)


def speaks(lab, program, behind):
    """The target is reached and heard before its client has said a word, and the conversation goes on."""
    target = lab.closing(Target(speaks_first(_GREETING)))
    far = ServerAlone(lab, program)
    port = lab.free_port()
    through = configs.vmess_out([(LOOPBACK, far.port)])
    lab.start(program, configs.config([configs.vmess_in(port)], [through]), "near")
    with Client(port, Request(LOOPBACK, target.port, AES_128_GCM, S | M | P)) as client:
        begun, rest = behind(client)
        client.send(client.header() + begun)
        assert client.receive(len(_GREETING)) == _GREETING
        client.send(rest)
        assert client.receive(4) == b"EHLO"
