"""How a case gets the name of its row. The rows themselves stand in rows.txt."""

import json
import mmap
import os
from functools import partial

import configs
from cases import Case
from configs import LOOPBACK
from streams import receive_to_end, say

CONFIG_ERROR = 23
_LIST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "rows.txt")


def every_pair(_pair) -> bool:
    return True


def our_server(pair) -> bool:
    return pair.server.is_ours


def our_client(pair) -> bool:
    return pair.client.is_ours


def by_pair(row, bench, scenarios, wanted=every_pair):
    """Cases of a row for a client and a server; scenarios: word to function of (lab, pair)."""
    for pair in filter(wanted, bench.pairs):
        for word, run in scenarios.items():
            yield Case(f"row/{row}/{pair}/{word}", partial(run, pair=pair))


def by_program(row, bench, scenarios, only_ours=False):
    """Cases of a row for one program; scenarios: word to function of (lab, program)."""
    for program in bench.programs:
        if program.is_ours or not only_ours:
            for word, run in scenarios.items():
                yield Case(f"row/{row}/{program.kind}/{word}", partial(run, program=program))


def listed():
    """The rows and, where a row is not shown live, the file and the name of its test."""
    rows = {}
    with open(_LIST) as file:
        for line in file:
            words = line.split("#")[0].split()
            if words:
                assert words[0] not in rows, f"{words[0]} stands there twice"
                rows[words[0]] = tuple(words[1:]) or None
    return rows


def judge(lab, program, verdicts, config_of):
    """Values of one field against what `-test` says of them.

    verdicts   pairs of a value and a word: "" for fine, "refused", or what a warning must contain
    config_of  gives the configuration with the value in it
    """
    for value, verdict in verdicts:
        path = lab.write("judged.json", json.dumps(config_of(value)))
        done = lab.call(program, ["-test", "-config", path])
        said = done.stdout + done.stderr
        if verdict == "refused":
            # V2Ray panics at some mistakes, with 2.
            expected = (CONFIG_ERROR,) if program.is_ours else (2, CONFIG_ERROR)
            assert done.returncode in expected, f"{value!r}: exit code {done.returncode}\n{said}"
        else:
            assert done.returncode == 0, f"{value!r}: exit code {done.returncode}\n{said}"
            if program.is_ours:
                assert verdict in said, f"{value!r}: no word of {verdict!r}\n{said}"
                assert verdict or "Warning" not in said, f"{value!r}: an unexpected warning\n{said}"


def is_sanitized(program) -> bool:
    """Is it built with checks that make it many times slower and larger?"""
    with open(program.path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as image:
        return any(image.find(word) >= 0 for word in (b"__asan_init", b"__tsan_init", b"__msan_init"))


def start_server(lab, program, clients=None, name="server", times=None, extra=None, wrapper=(), **settings):
    """A VMess server with freedom behind it and an access log of its own.

    settings  what else stands beside `clients`
    gives     its port and its process
    """
    port = lab.free_port()
    inbound = configs.vmess_in(port)
    if clients is not None:
        inbound["settings"]["clients"] = clients
    inbound["settings"].update(settings)
    log = {"loglevel": "info", "access": lab.path(f"{name}.access")}
    config = configs.config([inbound], [configs.freedom_out()], log, times)
    config.update(extra or {})
    return port, lab.start(program, config, name, wrapper=wrapper)


def start_client(lab, program, server_port, security="auto", name="client", times=None, wrapper=(), **user):
    """A client with SOCKS in front of a server; `user` is what else is said of its one user. Gives its port."""
    port = lab.free_port()
    out = configs.vmess_out([(LOOPBACK, server_port)], security)
    out["settings"]["vnext"][0]["users"][0].update(user)
    config = configs.config([configs.socks_in(port)], [out], times=times)
    lab.start(program, config, name, wrapper=wrapper)
    return port


def start_clients(lab, program, outbounds, name="client"):
    """One client with a SOCKS way in for each of the outbounds; gives their ports."""
    inbounds, rules = [], []
    for number, outbound in enumerate(outbounds):
        outbound["tag"] = f"out-{number}"
        inbounds.append(configs.socks_in(lab.free_port(), tag=f"in-{number}"))
        rules.append(configs.tag_rule(f"in-{number}", f"out-{number}"))
    lab.start(program, configs.config(inbounds, outbounds, rules=rules), name)
    return [inbound["port"] for inbound in inbounds]


def is_cut(connection) -> None:
    """Whatever is said, nothing comes back but the end."""
    with connection:
        say(connection, b"anybody there?")
        received, _ = receive_to_end(connection)
        assert received == b"", received


def access_log(lab, name="server") -> str:
    with open(lab.path(f"{name}.access")) as file:
        return file.read()
