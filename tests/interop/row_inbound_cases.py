"""What a VMess inbound can be told, row by row (config.md 1.2)."""

from functools import partial

import configs
import detour_cases
import entries
import insecure_cases
import rows
import wire
from configs import EMAIL, LOOPBACK, OTHER_USER_ID, USER_ID
from count_cases import counters, wait_for_counter
from lab import wait_for_access, wait_until
from peers import Client
from policy_cases import user_levels
from rows import access_log, by_pair, by_program, is_cut, judge, start_client, start_server
from standstill import Conversation, tried_anew
from streams import alive, receive_to_end
from targets import Target, echo
from wire import AES_128_CFB, NONE, M, Request, S
from wire_older import OlderClient, alternative_ids, ask, fresh_id, switch_in

# For who is not to get in; and where somebody else is, even though the machine stands still for a while.
_SHORT = configs.policy(handshake=1)
_LONGER = configs.policy(handshake=4)
_IDLE_SECONDS = 1
_COUNTED = {"levels": {"0": {"statsUserUplink": True, "statsUserDownlink": True}}}


def cases(bench):
    empty = {"empty": no_clients, "missing": partial(no_clients, missing="clients")}
    empty["no-settings"] = partial(no_clients, missing="settings")
    yield from by_pair("1.2/clients", bench, empty)
    yield from by_program("1.2/clients", bench, {"values": client_values})
    yield from by_pair("1.2/clients.id", bench, {"twice": same_id})
    yield from by_program("1.2/clients.id", bench, {"twice-counted": same_id_counted}, only_ours=True)
    yield from by_program("1.2/clients.id", bench, {"values": id_values})
    yield from by_program("1.2/clients.alterId", bench, _switches(), only_ours=True)
    yield from by_program("1.2/clients.alterId", bench, {"every-id": every_id, "values": alter_values})
    yield from by_pair("1.2/clients.alterId", bench, {"more-at-client": client_has_more}, rows.our_server)
    yield from by_pair("1.2/clients.level", bench, {"two-idle-times": user_levels}, rows.our_server)
    yield from by_program("1.2/clients.level", bench, {"values": level_values})
    yield from by_pair("1.2/clients.email", bench, {"spelling": spelling})
    yield from by_program("1.2/clients.email", bench, {"counted": counted}, only_ours=True)
    yield from by_program("1.2/clients.email", bench, {"values": email_values})
    yield from _detour(bench)
    yield from by_pair("1.2/disableInsecureEncryption", bench, _insecure())
    yield from by_program("1.2/disableInsecureEncryption", bench, {"by-hand": insecure_headers})
    yield from by_program("1.2/disableInsecureEncryption", bench, {"values": flag_values})


def _switches():
    """The older header where nobody has asked for it: only the environment lets it in."""
    off = {"V2RAY_VMESS_AEAD_FORCED": "false"}
    return {
        "0-refused": partial(at_zero, environment={}, served=False),
        "0-forced": partial(at_zero, environment={"V2RAY_VMESS_AEAD_FORCED": "true"}, served=False),
        "0-served-if-not-forced": partial(at_zero, environment=off, served=True),
        "0-served-in-dots": partial(at_zero, environment={"v2ray.vmess.aead.forced": "false"}, served=True),
    }


def _detour(bench):
    run = {"to": partial(led_on, place="settings"), "features": partial(led_on, place="features")}
    yield from by_program("1.2/detour.to", bench, run)
    yield from by_program("1.2/detour.to", bench, {"beside-settings": beside_settings})
    yield from by_pair("1.2/detour.to", bench, {"relays": detour_cases.switches})
    yield from by_pair("1.2/detour.to", bench, {"missing": detour_cases.no_target}, rows.our_server)
    for word, default, alter_ids in (
        ("absent", None, 0),
        ("without-alterId", {"level": 1}, 64),
        ("alterId-5", {"level": 255, "alterId": 5}, 5),
        ("alterId-0", {"alterId": 0}, 0),
    ):
        # V2Ray itself does not keep to its manual: it takes 0 where nothing is said (config.md 3).
        run = partial(made_up, default=default, alter_ids=alter_ids)
        yield from by_program("1.2/default", bench, {word: run}, only_ours=word == "without-alterId")
    yield from by_pair("1.2/default", bench, {"level-holds": level_holds}, rows.our_server)
    yield from by_program("1.2/default", bench, {"values": default_values})


def _insecure():
    words = {word: partial(insecure_cases.passes, security=word) for word in ("aes-128-gcm", "chacha20-poly1305")}
    return {"none": partial(insecure_cases.cut, security="none"), **words}


def _inbound(**settings):
    inbound = configs.vmess_in(1080)
    inbound["settings"].update(settings)
    return configs.config([inbound], [configs.freedom_out()])


def _client(**fields):
    return _inbound(clients=[{"id": USER_ID, **fields}])


def no_clients(lab, pair, missing=None):
    """A server without users starts, and everybody is a stranger to it."""
    target = lab.closing(Target(echo))
    server_port = lab.free_port()
    inbound = configs.vmess_in(server_port)
    inbound["settings"]["clients"] = []
    if missing:
        del (inbound if missing == "settings" else inbound["settings"])[missing]
    lab.start(pair.server, configs.config([inbound], [configs.freedom_out()], times=_SHORT), "server")
    port = start_client(lab, pair.client, server_port)
    is_cut(entries.socks5(port, LOOPBACK, target.port))
    assert target.accepted == 0


def client_values(lab, program):
    judge(lab, program, [([], ""), (None, ""), ({}, "refused"), ("x", "refused")], lambda v: _inbound(clients=v))


def same_id(lab, pair):
    """Of an id that stands there twice the later one is served; the start warns."""
    target = lab.closing(Target(echo))
    clients = [{"id": USER_ID, "email": "earlier@x"}, {"id": USER_ID, "email": "later@x"}]
    server_port, server = start_server(lab, pair.server, clients)
    port = start_client(lab, pair.client, server_port)
    with entries.socks5(port, LOOPBACK, target.port) as connection:
        alive(connection)
    wait_for_access(lab, lambda text: text.endswith("email: later@x\n"))
    if pair.server.is_ours:
        wait_until(lambda: "another client before has the same id" in server.output(), "the warning")


def same_id_counted(lab, program):
    """And it is the later one's counter that moves."""
    target = lab.closing(Target(echo))
    clients = [{"id": USER_ID, "email": "earlier@x"}, {"id": USER_ID, "email": "later@x"}]
    port, server = start_server(lab, program, clients, times=_COUNTED, extra={"stats": {}})
    ask(port, Request(LOOPBACK, target.port), payload=b"four")
    wait_for_counter(server, "user>>>later@x>>>traffic>>>uplink", 4)
    seen = counters(server)
    assert not [name for name in seen if "earlier@x" in name and seen[name]], seen


def id_values(lab, program):
    wrong = ["", "abc", USER_ID[:-1], "{" + USER_ID + "}", None, 7]
    judge(lab, program, [(value, "refused") for value in wrong], lambda value: _inbound(clients=[{"id": value}]))
    verdicts = [(USER_ID.upper(), ""), (USER_ID.replace("-", ""), "")]
    judge(lab, program, verdicts, lambda value: _inbound(clients=[{"id": value}]))


def at_zero(lab, program, environment, served):
    """A header of the older kind, signed by the main id, for a user without alternative ids."""
    wire.need_cryptography()
    target = lab.closing(Target(echo))
    # What this shell has set must not decide.
    unset = ("-u", "V2RAY_VMESS_AEAD_FORCED", "-u", "v2ray.vmess.aead.forced")
    wrapper = ("env", *unset, *(f"{name}={value}" for name, value in environment.items()))
    port, _ = start_server(lab, program, times=_LONGER, wrapper=wrapper)
    request = Request(LOOPBACK, target.port)
    if served:
        ask(port, request, older=True)
        return
    with OlderClient(port, request) as client:
        client.send(client.header() + client.chunk(b"word"))
        assert receive_to_end(client.connection)[0] == b""
    assert target.accepted == 0
    ask(port, Request(LOOPBACK, target.port))


def every_id(lab, program):
    """The server knows every id of its user, the main one too, and not one more."""
    wire.need_cryptography()
    target = lab.closing(Target(echo))
    clients = [{"id": USER_ID, "alterId": 5}]
    port, _ = start_server(lab, program, clients, times=_LONGER)
    known = alternative_ids(USER_ID, 6)
    for signer in (None, *known[:5]):
        ask(port, Request(LOOPBACK, target.port), older=True, signer=signer)
    ask(port, Request(LOOPBACK, target.port))
    accepted = target.accepted
    with OlderClient(port, Request(LOOPBACK, target.port), signer=known[5]) as client:
        client.send(client.header() + client.chunk(b"word"))
        assert receive_to_end(client.connection)[0] == b""
    assert target.accepted == accepted


def client_has_more(lab, pair):
    """A client that signs with alternative ids, and a server that has none: nothing passes."""
    target = lab.closing(Target(echo))
    server_port, _ = start_server(lab, pair.server, times=_SHORT)
    port = start_client(lab, pair.client, server_port, alterId=16)
    is_cut(entries.socks5(port, LOOPBACK, target.port))
    assert target.accepted == 0


def alter_values(lab, program):
    # V2Ray makes the tokens of all ids even for this, and would need half a minute.
    verdicts = [(value, "") for value in (0, 16, 65535 if program.is_ours else 64, None)]
    verdicts += [(value, "refused") for value in (-1, 65536, "16", 0.5)]
    judge(lab, program, verdicts, lambda value: _client(alterId=value))


def level_values(lab, program):
    verdicts = [(value, "") for value in (0, 255, 4294967295, None)]
    verdicts += [(value, "refused") for value in (-1, 4294967296, "1")]
    judge(lab, program, verdicts, lambda value: _client(level=value))


def spelling(lab, pair):
    """The access log has the e-mail as it is spelt."""
    target = lab.closing(Target(echo))
    server_port, _ = start_server(lab, pair.server, [{"id": USER_ID, "email": "Anna@X"}])
    port = start_client(lab, pair.client, server_port)
    with entries.socks5(port, LOOPBACK, target.port) as connection:
        alive(connection)
    wait_for_access(lab, lambda text: text.endswith(" email: Anna@X\n"))


def counted(lab, program):
    """And so has the counter; who has no e-mail has no counter."""
    target = lab.closing(Target(echo))
    clients = [{"id": USER_ID, "email": "Anna@X"}, {"id": OTHER_USER_ID}]
    port, server = start_server(lab, program, clients, times=_COUNTED, extra={"stats": {}})
    ask(port, Request(LOOPBACK, target.port), payload=b"four")
    ask(port, Request(LOOPBACK, target.port), payload=b"seven..", user_id=OTHER_USER_ID)
    wait_for_counter(server, "user>>>Anna@X>>>traffic>>>uplink", 4)
    wait_for_counter(server, "core.uplink_bytes", 11)
    seen = {name for name in counters(server) if name.startswith("user>>>")}
    assert seen == {f"user>>>Anna@X>>>traffic>>>{way}link" for way in ("up", "down")}, seen


def email_values(lab, program):
    """Unique whatever its case; nothing may stand as often as it likes."""

    def two(emails):
        return _inbound(clients=[{"id": fresh_id(), "email": email} for email in emails])

    verdicts = [(("a@x", "b@x"), ""), (("", ""), ""), (("Anna@X", "anna@x"), "refused"), ((7, ""), "refused")]
    judge(lab, program, verdicts, two)


def _main_and_other(lab, place="settings", default=None, **other):
    """A main inbound that leads on to another one, and both their ports."""
    ports = lab.free_port(), lab.free_port()
    main, dynamic = configs.vmess_in(ports[0]), configs.vmess_in(ports[1], tag="dynamic")
    detour = {"detour": {"to": "dynamic"}}
    if place == "features":
        main["settings"]["features"] = detour
    else:
        (main["settings"] if place == "settings" else main).update(detour)
    dynamic["settings"] = {"clients": [], **other}
    if default is not None:
        dynamic["settings"]["default"] = default
    return ports, [main, dynamic]


def _switch(port, target, **client):
    return switch_in(ask(port, Request(LOOPBACK, target.port), **client))


def led_on(lab, program, place):
    """The answer names the other port, and an account that is good for it."""
    target = lab.closing(Target(echo))
    (main, other), inbounds = _main_and_other(lab, place)
    lab.start(program, configs.config(inbounds, [configs.freedom_out()]), "server")
    switch = _switch(main, target)
    assert (switch.host, switch.port) == ("", other), switch
    ask(other, Request(LOOPBACK, target.port), user_id=switch.user_id)


def beside_settings(lab, program):
    """A common mistake: there it does nothing, and ours says so."""
    target = lab.closing(Target(echo))
    (main, _), inbounds = _main_and_other(lab, "beside")
    server = lab.start(program, configs.config(inbounds, [configs.freedom_out()]), "server")
    assert _switch(main, target) is None
    if program.is_ours:
        wait_until(lambda: "here, this does nothing" in server.output(), "the warning")


def made_up(lab, program, default, alter_ids):
    """Level and alternative ids of the account that was made up are those of `default`."""
    target = lab.closing(Target(echo))
    (main, other), inbounds = _main_and_other(lab, default=default)
    lab.start(program, configs.config(inbounds, [configs.freedom_out()]), "server")
    switch = _switch(main, target)
    level = (default or {}).get("level", 0)
    assert (switch.alter_ids, switch.level) == (alter_ids, level), switch
    signers = alternative_ids(switch.user_id, alter_ids)
    for signer in signers[:1] + signers[-1:]:
        ask(other, Request(LOOPBACK, target.port), older=True, signer=signer, user_id=switch.user_id)


@tried_anew
def level_holds(lab, pair):
    """The level of `default` is the policy of who comes by the detour, and of nobody else."""
    wire.need_cryptography()
    target = lab.closing(Target(echo))
    (main, other), inbounds = _main_and_other(lab, default={"level": 1, "alterId": 0})
    times = {"levels": {"1": {"connIdle": _IDLE_SECONDS}}}
    lab.start(pair.server, configs.config(inbounds, [configs.freedom_out()], times=times), "server")
    switch = _switch(main, target)
    port = start_client(lab, pair.client, main)
    request = Request(LOOPBACK, target.port)
    with entries.socks5(port, LOOPBACK, target.port) as first, Client(
        other, request, user_id=switch.user_id
    ) as detoured:
        alive(first)
        with Conversation(_IDLE_SECONDS).word():
            detoured.send(detoured.header() + detoured.chunk(b"x"))
            assert detoured.receive(1) == b"x"
        receive_to_end(detoured.connection)
        alive(first)


def default_values(lab, program):
    verdicts = [({"level": level}, "") for level in (0, 255)]
    verdicts += [({"level": level}, "refused") for level in (256, -1, "1")]
    verdicts += [({"alterId": count}, "") for count in (0, 16, 65535)]
    verdicts += [({"alterId": count}, "refused") for count in (65536, -1, "16")]
    judge(lab, program, verdicts, lambda value: _inbound(default=value))


def insecure_headers(lab, program):
    """The ciphers by their numbers: cut before anything is dialled, and the log says why."""
    wire.need_cryptography()
    target = lab.closing(Target(echo))
    port, _ = start_server(lab, program, disableInsecureEncryption=True)
    refused = [(NONE, S | M), (NONE, S), (AES_128_CFB, S), (AES_128_CFB, S | M)]
    # V2Ray 4 does not know `zero`, which is none without any option.
    for security, option in refused + [(NONE, 0)]:
        with Client(port, Request(LOOPBACK, target.port, security, option)) as client:
            client.send(client.header() + b"x" * 100)
            assert receive_to_end(client.connection)[0] == b"", (security, option)
    line = f" rejected  Insecure encryption email: {EMAIL}\n"
    wait_until(lambda: access_log(lab).count(line) == len(refused) + 1, "a line for each")
    assert target.accepted == 0
    ask(port, Request(LOOPBACK, target.port))


def flag_values(lab, program):
    verdicts = [(True, ""), (False, ""), (None, ""), ("true", "refused"), (1, "refused")]
    judge(lab, program, verdicts, lambda value: _inbound(disableInsecureEncryption=value))
