"""detour, default, allocate: clients are told to go on at another port, and do, every other time."""

import re
from functools import partial

import configs
import entries
from cases import Case
from configs import EMAIL, LOOPBACK
from count_cases import counters
from lab import wait_until
from streams import Payload, alive, echoes, receive_some, say
from targets import Target, echo
from tunnel import SECURITIES

_ROUNDS = 12


def cases(bench):
    for pair in bench.pairs:
        yield Case(f"detour/{pair}/always", partial(switches, pair=pair))
        yield Case(f"detour/{pair}/older-header", partial(switches, pair=pair, alter_id=16))
        yield Case(f"detour/{pair}/random-ports", partial(switches, pair=pair, random=True))
        for security in SECURITIES:
            yield Case(f"detour/{pair}/{security}", partial(switches, pair=pair, security=security))
        if pair.server.is_ours:
            yield Case(f"detour/{pair}/missing-target", partial(no_target, pair=pair))
            yield Case(f"detour/{pair}/target-is-not-vmess", partial(other_target, pair=pair))
            yield Case(f"detour/{pair}/insecure-refused", partial(insecure_target, pair=pair))


def _server(lab, program, main_port, inbounds, detour="dynamic"):
    main = configs.vmess_in(main_port)
    main["settings"]["detour"] = {"to": detour}
    log = {"loglevel": "info", "access": lab.path("server.access")}
    return lab.start(program, configs.config([main, *inbounds], [configs.freedom_out()], log), "server")


def _client(lab, program, server_port, security="auto"):
    port = lab.free_port()
    out = configs.vmess_out([(LOOPBACK, server_port)], security)
    log = {"loglevel": "debug", "access": lab.path("client.access")}
    lab.start(program, configs.config([configs.socks_in(port)], [out], log), "client")
    return port


def _dynamic(first, last=None, alter_id=0, **settings):
    port = first if last is None else f"{first}-{last}"
    inbound = configs.vmess_in(port, tag="dynamic")
    inbound["settings"] = {"clients": [], "default": {"level": 0, "alterId": alter_id}, **settings}
    return inbound


def _relay(port, target, rounds=_ROUNDS):
    for _ in range(rounds):
        with entries.socks5(port, LOOPBACK, target.port) as connection:
            alive(connection)


def _sources(lab):
    """How many connections the server has accepted, by e-mail."""
    with open(lab.path("server.access")) as file:
        return re.findall(r"accepted \S+ \[direct\] email: (.+)", file.read())


def switches(lab, pair, random=False, security="auto", alter_id=0):
    """Every second connection or so goes to another port, and all get through."""
    target = lab.closing(Target(echo))
    main_port = lab.free_port()
    if random:
        ports = lab.free_range(40)
        dynamic = _dynamic(ports[0], ports[-1], alter_id)
        dynamic["allocate"] = {"strategy": "random", "concurrency": 3, "refresh": 5}
    else:
        dynamic = _dynamic(lab.free_port(), alter_id=alter_id)
    server = _server(lab, pair.server, main_port, [dynamic])
    port = _client(lab, pair.client, main_port, security)
    _relay(port, target)
    with entries.socks5(port, LOOPBACK, target.port) as connection:
        echoes(connection, Payload(100_000))
    wait_until(lambda: len(_sources(lab)) >= _ROUNDS + 1, "a line for each connection")
    emails = _sources(lab)
    assert len(emails) == _ROUNDS + 1, emails
    # V2Ray writes the address of made-up accounts in small letters, and so is this one.
    assert set(emails) == {EMAIL}, emails
    if pair.server.is_ours:
        seen = counters(server)
        # Many have been let in by an account that was made for them.
        assert seen["core.made_callers"] >= _ROUNDS // 3, seen


def no_target(lab, pair):
    """A detour that leads nowhere is a line in the log for each request, and nothing else."""
    target = lab.closing(Target(echo))
    main_port = lab.free_port()
    server = _server(lab, pair.server, main_port, [], detour="nowhere")
    port = _client(lab, pair.client, main_port)
    _relay(port, target, 3)
    wait_until(
        lambda: server.output().count("no detour to nowhere: no VMess inbound has this tag") >= 3,
        "a warning for each request",
    )


def other_target(lab, pair):
    """Likewise one to another protocol."""
    target = lab.closing(Target(echo))
    main_port = lab.free_port()
    other = configs.socks_in(lab.free_port(), tag="dynamic")
    server = _server(lab, pair.server, main_port, [other])
    port = _client(lab, pair.client, main_port)
    _relay(port, target, 3)
    wait_until(lambda: "which is not VMess" in server.output(), "the warning")


def insecure_target(lab, pair):
    """The trap: V2Ray's clients use aes-128-cfb on a detour. The start warns; ours keep their cipher."""
    target = lab.closing(Target(echo))
    main_port = lab.free_port()
    dynamic = _dynamic(lab.free_port(), disableInsecureEncryption=True)
    server = _server(lab, pair.server, main_port, [dynamic])
    if pair.server.is_ours:
        wait_until(lambda: "which refuses aes-128-cfb" in server.output(), "the warning")
    port = _client(lab, pair.client, main_port)
    if pair.client.is_ours:
        _relay(port, target)
        return
    passed = 0
    for _ in range(_ROUNDS):
        with entries.socks5(port, LOOPBACK, target.port) as connection:
            say(connection, b"x")
            passed += receive_some(connection) == b"x"
    assert 0 < passed < _ROUNDS, passed
