"""detour, default and allocate, row by row (config.md 1.5).

How ports come and go over hours is shown in virtual time (tests/sim/allocation_test.cc); here is what one
can see of it at the beginning, on the wire and in the kernel's table of listeners.
"""

import re
import select
import time
import uuid
from dataclasses import replace
from functools import partial

import configs
import detour_cases
import entries
import rows
import wire
from configs import EMAIL, LOOPBACK, OTHER_USER_ID, USER_ID
from lab import listening_ports, wait_for_access, wait_until
from peers import Server
from rows import by_pair, by_program, judge, start_client
from streams import TIMEOUT_SECONDS, alive, receive_exactly
from targets import Target, echo
from wire import AES_128_CFB, AES_128_GCM, CHACHA20_POLY1305, NONE, M, P, Request, S
from wire_older import Switch, alternative_ids, ask, fresh_id, switch_in, token_of

_RANGE_PORTS = 20
_ALWAYS_MINUTES = 255
_JITTER_SECONDS = 30


def cases(bench):
    yield from by_pair("1.5/port", bench, {"forms": port_forms})
    yield from by_program("1.5/port", bench, {"kernel-chooses": port_zero}, only_ours=True)
    yield from by_program("1.5/port", bench, {"values": port_values})
    for word in ("always", "Always", None):
        run = {f"always-{word or 'by-default'}": partial(every_port, strategy=word)}
        yield from by_program("1.5/allocate.strategy", bench, run)
    yield from by_program("1.5/allocate.strategy", bench, {"random": some_ports})
    yield from by_program("1.5/allocate.strategy", bench, {"values": strategy_values}, only_ours=True)
    some = {"5-ports": partial(some_ports, concurrency=5), "3-by-default": some_ports}
    yield from by_program("1.5/allocate.concurrency", bench, some)
    yield from by_program("1.5/allocate.concurrency", bench, {"values": concurrency_values}, only_ours=True)
    yield from by_program("1.5/allocate.refresh", bench, {"announced": announced_minutes})
    yield from by_program("1.5/allocate.refresh", bench, {"values": refresh_values}, only_ours=True)
    yield from by_program("1.5/instruction-sent", bench, {"in-every-answer": in_every_answer})
    yield from by_program("1.5/content", bench, {"field-by-field": content})
    yield from by_program("1.5/made-up-account", bench, {"per-e-mail": made_up_accounts})
    yield from by_pair("1.5/made-up-account", bench, {"e-mail": detour_cases.switches}, rows.our_server)
    run = {"not-vmess": detour_cases.other_target, "missing": detour_cases.no_target}
    yield from by_pair("1.5/target-inbound", bench, run, rows.our_server)
    run = {"random-ports": partial(detour_cases.switches, random=True), "ports-in-range": ports_in_range}
    yield from by_pair("1.5/client-side", bench, run)
    yield from by_program("1.5/client-side", bench, {"follows": follows, "follows-older": follows_older})
    yield from by_program("1.5/client-side", bench, {"ignores-what-is-wrong": ignores_nonsense})
    yield from by_program("1.5/client-cipher", bench, {"on-the-wire": detour_cipher})
    yield from by_pair("1.5/trap", bench, {"insecure-refused": detour_cases.insecure_target})
    yield from by_pair("1.5/v5-detail", bench, {"older-header": older_detour})


def _vmess(port, **fields):
    inbound = configs.vmess_in(port)
    inbound.update(fields)
    return configs.config([inbound], [configs.freedom_out()])


def _text(ports):
    return f"{ports[0]}-{ports[-1]}"


def _listening(ports):
    return sorted(listening_ports() & set(ports))


def port_forms(lab, pair):
    """A number, a text, a range, and the name of a variable."""
    target = lab.closing(Target(echo))
    ports = [lab.free_port() for _ in range(4)]
    forms = [ports[0], str(ports[1]), f"{ports[2]}-{ports[2]}", "env:FERRY_ROW_PORT"]
    inbounds = [configs.vmess_in(form, tag=f"in-{number}") for number, form in enumerate(forms)]
    wrapper = ("env", f"FERRY_ROW_PORT={ports[3]}")
    config = configs.config(inbounds, [configs.freedom_out()])
    lab.start(pair.server, config, "server", wrapper=wrapper)
    wait_until(lambda: set(ports) <= listening_ports(), "all ports")
    outbounds = [configs.vmess_out([(LOOPBACK, port)]) for port in ports]
    for port in rows.start_clients(lab, pair.client, outbounds):
        with entries.socks5(port, LOOPBACK, target.port) as connection:
            alive(connection)


def port_zero(lab, program):
    """0: the kernel chooses, and the log says what."""
    wire.need_cryptography()
    target = lab.closing(Target(echo))
    path = lab.write("zero.json", rows.json.dumps(_vmess(0)))
    server = lab.spawn(program, program.command(path), "server")
    line = re.compile(rf"listening on {re.escape(LOOPBACK)}:(\d+)\b")
    found = wait_until(lambda: line.search(server.output()), "the port in the log")
    ask(int(found[1]), Request(LOOPBACK, target.port))


def port_values(lab, program):
    verdicts = [(1080, ""), ("1080", ""), ("1080-1090", ""), ("env:FERRY_NO_SUCH", "refused")]
    wrong = ("x", "1-x", "1090-1080", "65536", 65536, -1, 1.5, "", "1080 1090", True)
    judge(lab, program, verdicts + [(value, "refused") for value in wrong], _vmess)


def every_port(lab, program, strategy):
    """always: each port of the range is served."""
    wire.need_cryptography()
    target = lab.closing(Target(echo))
    ports = lab.free_range(_RANGE_PORTS)
    allocate = {"allocate": {"strategy": strategy}} if strategy else {}
    lab.start(program, _vmess(_text(ports), **allocate), "server")
    wait_until(lambda: _listening(ports) == list(ports), "every port")
    for port in ports:
        ask(port, Request(LOOPBACK, target.port))


def _random(ports, **allocate):
    return _vmess(_text(ports), allocate={"strategy": "random", **allocate})


def some_ports(lab, program, concurrency=None):
    """random: so many of them, and they serve."""
    wire.need_cryptography()
    target = lab.closing(Target(echo))
    ports = lab.free_range(_RANGE_PORTS)
    allocate = {"concurrency": concurrency} if concurrency else {}
    server = lab.start(program, _random(ports, **allocate), "server")
    count = concurrency or 3
    wait_until(lambda: len(_listening(ports)) >= count, "the ports")
    open_ports = _listening(ports)
    assert len(open_ports) == count, open_ports
    for port in open_ports:
        ask(port, Request(LOOPBACK, target.port))
    assert server.running() and _listening(ports) == open_ports


def strategy_values(lab, program):
    verdicts = [("always", ""), ("RANDOM", "")] + [(word, "refused") for word in ("external", "", "both", 1)]
    judge(lab, program, verdicts, lambda value: _vmess("1080-1099", allocate={"strategy": value}))
    judge(lab, program, [("no strategy", "refused")], lambda _: _vmess("1080-1099", allocate={"refresh": 5}))


def concurrency_values(lab, program):
    """What the manual asks for is warned of, what cannot work is refused."""
    verdicts = [(count, "") for count in (1, 6)] + [(count, "a third of the range") for count in (7, 10)]
    verdicts += [(count, "refused") for count in (0, 11, 20, -1, "3")]
    judge(lab, program, verdicts, lambda value: _random(range(1080, 1100), concurrency=value))


def refresh_values(lab, program):
    verdicts = [(2, ""), (5, ""), (1, "hardly ever switch"), (0, "hardly ever switch")]
    verdicts += [(minutes, "refused") for minutes in (-1, "5", 2.5)]
    judge(lab, program, verdicts, lambda value: _random(range(1080, 1100), refresh=value))


def _detoured(lab, program, dynamic, clients=None, default=None):
    """A server that leads from its main port to an inbound with these fields; gives the main port."""
    main_port = lab.free_port()
    main = configs.vmess_in(main_port, clients=clients)
    main["settings"]["detour"] = {"to": "dynamic"}
    inbound = configs.vmess_in(lab.free_port(), tag="dynamic")
    inbound["settings"] = {"clients": [], "default": default or {"level": 0, "alterId": 0}}
    inbound.update(dynamic)
    log = {"loglevel": "info", "access": lab.path("server.access")}
    lab.start(program, configs.config([main, inbound], [configs.freedom_out()], log), "server")
    return main_port


def _switch(port, target, **client):
    return switch_in(ask(port, Request(LOOPBACK, target.port), **client))


def announced_minutes(lab, program):
    """Right after the ports have opened, all their minutes are left; where they stay, the most there are."""
    wire.need_cryptography()
    target = lab.closing(Target(echo))
    for number, (minutes, allocate) in enumerate(
        (
            (9, {"strategy": "random", "refresh": 9}),
            (5, {"strategy": "random"}),
            (_ALWAYS_MINUTES, {"strategy": "always"}),
        )
    ):
        ports = lab.free_range(_RANGE_PORTS)
        main = configs.vmess_in(lab.free_port())
        main["settings"]["detour"] = {"to": "dynamic"}
        dynamic = configs.vmess_in(_text(ports), tag="dynamic")
        dynamic.update(settings={"clients": []}, allocate=allocate)
        config = configs.config([main, dynamic], [configs.freedom_out()])
        lab.start(program, config, f"server-{number}")
        wait_until(lambda: len(_listening(ports)) >= 3, "the ports")
        switch = _switch(main["port"], target)
        assert switch.minutes == minutes, switch
        assert switch.port in _listening(ports), switch


def in_every_answer(lab, program):
    """Whoever comes, and how often: on the inbound with the detour, and on no other one."""
    wire.need_cryptography()
    target = lab.closing(Target(echo))
    clients = [{"id": USER_ID, "alterId": 4, "email": EMAIL}, {"id": OTHER_USER_ID}]
    port = lab.free_port()
    main = _detoured(lab, program, {"port": port}, clients)
    for user_id in (USER_ID, OTHER_USER_ID, USER_ID):
        switch = _switch(main, target, user_id=user_id)
        assert switch.port == port, switch
        assert _switch(port, target, user_id=switch.user_id) is None
    older = _switch(main, target, older=True, signer=alternative_ids(USER_ID, 4)[2])
    assert older.port == port, older


def content(lab, program):
    """No host, a port that listens, an account that is let in, its ids, level and minutes."""
    wire.need_cryptography()
    target = lab.closing(Target(echo))
    port = lab.free_port()
    main = _detoured(lab, program, {"port": port}, default={"level": 7, "alterId": 3})
    switch = _switch(main, target)
    assert switch == Switch("", port, switch.user_id, 3, 7, _ALWAYS_MINUTES), switch
    assert uuid.UUID(switch.user_id).bytes not in (bytes(16), uuid.UUID(USER_ID).bytes)
    for signer in alternative_ids(switch.user_id, 3):
        ask(port, Request(LOOPBACK, target.port), older=True, signer=signer, user_id=switch.user_id)
    ask(port, Request(LOOPBACK, target.port), user_id=switch.user_id)


def made_up_accounts(lab, program):
    """One per e-mail and port: the same one again, another one for others, one for all who have no e-mail."""
    wire.need_cryptography()
    target = lab.closing(Target(echo))
    nameless = [fresh_id(), fresh_id()]
    clients = [{"id": USER_ID, "email": "Anna@X"}, {"id": OTHER_USER_ID, "email": "ben@x"}]
    clients += [{"id": name} for name in nameless]
    port = lab.free_port()
    main = _detoured(lab, program, {"port": port}, clients)

    def made_for(user_id):
        return _switch(main, target, user_id=user_id).user_id

    anna, ben = made_for(USER_ID), made_for(OTHER_USER_ID)
    assert anna == made_for(USER_ID) and ben == made_for(OTHER_USER_ID) and anna != ben
    assert made_for(nameless[0]) == made_for(nameless[1]) not in (anna, ben)
    ask(port, Request(LOOPBACK, target.port), user_id=anna)
    # V2Ray makes the letters small, so that its counters split. Ours has the two requests before in the same spelling.
    email, lines = ("Anna@X", 3) if program.is_ours else ("anna@x", 1)
    wait_for_access(lab, lambda text: text.count(f"email: {email}\n") == lines)


def ports_in_range(lab, pair):
    """Where the client goes on lies in the range, and listens."""
    target = lab.closing(Target(echo))
    ports = lab.free_range(_RANGE_PORTS)
    allocate = {"strategy": "random", "concurrency": 3, "refresh": 5}
    main = _detoured(lab, pair.server, {"port": _text(ports), "allocate": allocate})
    wait_until(lambda: len(_listening(ports)) >= 3, "the ports")
    port = lab.free_port()
    out = configs.vmess_out([(LOOPBACK, main)])
    log = {"loglevel": "debug"}
    client = lab.start(pair.client, configs.config([configs.socks_in(port)], [out], log), "client")
    for _ in range(12):
        with entries.socks5(port, LOOPBACK, target.port) as connection:
            alive(connection)
    if not pair.client.is_ours:
        used = {int(used) for used in re.findall(rf"tunneling request to \S+ via \S+:(\d+)", client.output())}
        assert used - {main} and used - {main} <= set(_listening(ports)), (used, client.output())


class _Named:
    """A main server that names another one in its answers; both are played by the case.

    user_id  whose account at the other one is named
    """

    def __init__(self, lab, program, security="auto", alter_ids=0):
        self.user_id = fresh_id()
        self.main, self.other = lab.closing(Server()), lab.closing(Server(self.user_id))
        self.switch = Switch("", self.other.port, self.user_id, alter_ids, 0, _ALWAYS_MINUTES)
        self.port = start_client(lab, program, self.main.port, security)

    def rounds(self, count, check, commands=None):
        """So many connections; gives who was asked, in order. `check` looks at what the other one gets."""
        order = []
        for number in range(count):
            with entries.socks5(self.port, LOOPBACK, 4711) as connection:
                connection.sendall(b"to the server")
                ready, _, _ = select.select([self.main, self.other], [], [], TIMEOUT_SECONDS)
                assert ready, "nobody was asked"
                if self.main in ready:
                    order.append("main")
                    self._answer(connection, commands[number % len(commands)] if commands else self.switch.encoded())
                else:
                    order.append("other")
                    with self.other.take():
                        check(self.other)
        return order

    def _answer(self, connection, command):
        request = self.main.accept()
        with self.main.connection:
            assert request.security != AES_128_CFB, request
            self.main.send(self.main.answer(command=command) + self.main.down.seal(b"and back"))
            assert receive_exactly(connection, 8) == b"and back"


def _in_turns(program, order):
    """The main one first, then both; ours strictly in turns, V2Ray's each time one more of the other."""
    assert order[0] == "main" and "main" in order[1:] and "other" in order, order
    if program.is_ours:
        assert all(one != next_one for one, next_one in zip(order[1:], order[2:])), order


def follows(lab, program):
    """Told so, a client goes on elsewhere, as the user that it was told, every other time."""
    wire.need_cryptography()
    named = _Named(lab, program)
    order = named.rounds(10, lambda other: other.read_request())
    _in_turns(program, order)


def follows_older(lab, program):
    """With alternative ids the header there is the older one, signed by one of them."""
    wire.need_cryptography()
    named = _Named(lab, program, alter_ids=4)
    signers = alternative_ids(named.user_id, 4)

    def is_signed(other):
        token = receive_exactly(other.connection, 16)
        now = int(time.time())
        # The client's clock is let wander by half a minute; and this machine may be slow.
        moments = range(now - _JITTER_SECONDS - 20, now + _JITTER_SECONDS + 20)
        assert any(token == token_of(signer, moment) for signer in signers for moment in moments)

    _in_turns(program, named.rounds(10, is_signed))


def ignores_nonsense(lab, program):
    """A wrong checksum, an unknown command, too few bytes, no time left: the client stays where it is."""
    wire.need_cryptography()
    named = _Named(lab, program)
    good = named.switch.encoded()
    short = good[6:-1]
    wrong = [good[:2] + bytes(4) + good[6:], b"\x09" + good[1:], replace(named.switch, minutes=0).encoded()]
    if program.is_ours:
        # V2Ray 4 crashes at this one.
        wrong.append(bytes([1, 4 + len(short)]) + wire.fnv1a(short) + short)
    order = named.rounds(2 * len(wrong), lambda _: None, wrong)
    assert set(order) == {"main"}, order


def detour_cipher(lab, program):
    """There ours keeps the cipher it is configured with; V2Ray has aes-128-cfb always."""
    wire.need_cryptography()
    for security, number, option in (
        ("aes-128-gcm", AES_128_GCM, S | M | P),
        ("chacha20-poly1305", CHACHA20_POLY1305, S | M | P),
        ("none", NONE, S | M),
    ):
        named = _Named(lab, program, security)
        seen = []

        def note(other):
            request = other.read_request()
            seen.append((request.security, request.option))

        _in_turns(program, named.rounds(8, note))
        assert set(seen) == {(number, option) if program.is_ours else (AES_128_CFB, S)}, (security, seen)


def older_detour(lab, pair):
    """A detour whose accounts have alternative ids, on servers that insist on the newer header elsewhere."""
    detour_cases.switches(lab, pair, alter_id=16)
