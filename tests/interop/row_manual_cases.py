"""The manual's page on VMess, row by row (config.md 4): each from the text of a configuration to the wire."""

import os
import re
import time
from datetime import datetime, timezone
from functools import partial

import configs
import detour_cases
import entries
import insecure_cases
import policy_cases
import row_inbound_cases as inbound
import row_outbound_cases as outbound
import row_policy_cases as policy
import rows
import wire
from alter_cases import relays
from configs import EMAIL, LOOPBACK, USER_ID
from lab import wait_for_access
from rows import access_log, by_pair, by_program, start_client, start_server
from streams import Payload, alive, echoes
from targets import Target, echo
from wire import Request
from wire_older import alternative_ids, ask

# East and west of everybody else: a day apart, at the same moment. By name, as Go wants it, or by rule.
_ZONES = (("Pacific/Kiritimati", "EAST-14", 14), ("Etc/GMT+12", "WEST+12", -12))
_PICKS = 60
_ZONE_FILES = "/usr/share/zoneinfo"


def cases(bench):
    yield from by_pair("4/inbound-and-outbound", bench, {"in-one-program": in_and_out})
    yield from by_pair("4/vnext", bench, {"addresses": outbound.addresses})
    run = {"ids": outbound.ids, "level": policy.idle_at_outbound, "more-than-inbound": outbound.share}
    yield from by_pair("4/users", bench, run)
    yield from by_pair("4/users", bench, {"many-ids": many_ids}, rows.our_server)
    yield from by_program("4/alternative-ids", bench, {"each-of-64": each_of_64})
    yield from by_pair("4/alternative-ids", bench, {"any-of-64": any_of_64})
    yield from by_pair("4/security", bench, {"every-word": outbound.every_security})
    announces = partial(outbound.announces, words=outbound.ON_THE_WIRE)
    yield from by_program("4/security", bench, {"on-the-wire": announces})
    run = {"e-mail": inbound.spelling, "empty": inbound.no_clients, "level": policy_cases.user_levels}
    yield from by_pair("4/clients", bench, run)
    yield from by_program("4/clients", bench, {"alterId": inbound.every_id})
    # V2Ray itself does not keep to its manual: it takes 0 where nothing is said (config.md 3).
    run = {"64": partial(inbound.made_up, default={"level": 1}, alter_ids=64)}
    yield from by_program("4/default", bench, run, only_ours=True)
    run = {str(ids): partial(inbound.made_up, default={"alterId": ids}, alter_ids=ids) for ids in (16, 32)}
    yield from by_program("4/default", bench, run)
    yield from by_pair("4/detour", bench, {"further-connections": detour_cases.switches})
    run = {"none": partial(insecure_cases.cut, security="none")}
    run["gcm"] = partial(insecure_cases.passes, security="aes-128-gcm")
    yield from by_pair("4/disableInsecureEncryption", bench, run)
    yield from by_program("4/disableInsecureEncryption", bench, {"aes-128-cfb": inbound.insecure_headers})
    yield from by_pair("4/system-time", bench, {"zones-a-day-apart": zones})
    run = {"at-inbound": policy_cases.user_levels, "at-outbound": policy.idle_at_outbound}
    yield from by_pair("4/user-level", bench, run)


def in_and_out(lab, pair):
    """One program with a VMess inbound and, for what comes by SOCKS, a VMess outbound."""
    target = lab.closing(Target(echo))
    last, _ = start_server(lab, pair.server, name="last")
    socks, vmess = lab.free_port(), lab.free_port()
    config = configs.config(
        [configs.vmess_in(vmess), configs.socks_in(socks)],
        [configs.freedom_out(), configs.vmess_out([(LOOPBACK, last)])],
        {"loglevel": "info", "access": lab.path("both.access")},
        rules=[configs.tag_rule("socks-in", "proxy")],
    )
    lab.start(pair.client, config, "both")
    port = start_client(lab, pair.server, vmess)
    for way in (socks, port):
        with entries.socks5(way, LOOPBACK, target.port) as connection:
            echoes(connection, Payload(100_000))
    for name in ("both", "last"):
        wait_for_access(lab, lambda text: f"email: {EMAIL}" in text, name)


def many_ids(lab, pair):
    """More ids than anybody recommends, fewer than the most there can be: V2Ray would take long for these."""
    # A sanitized program needs too long for so many.
    count = 30 if rows.is_sanitized(pair.server) else 300
    relays(lab, pair, client_ids=count, server_ids=count)


def any_of_64(lab, pair):
    """Both ends find the same ones: whichever the client picks, the server knows it."""
    target = lab.closing(Target(echo))
    server, _ = start_server(lab, pair.server, [{"id": USER_ID, "alterId": 64}])
    port = start_client(lab, pair.client, server, alterId=64)
    for _ in range(_PICKS):
        with entries.socks5(port, LOOPBACK, target.port) as connection:
            alive(connection)


def each_of_64(lab, program):
    """The ids follow from the user's by a rule: each of those that it gives is let in."""
    wire.need_cryptography()
    target = lab.closing(Target(echo))
    port, _ = start_server(lab, program, [{"id": USER_ID, "alterId": 64, "email": EMAIL}])
    for signer in alternative_ids(USER_ID, 64):
        ask(port, Request(LOOPBACK, target.port), older=True, signer=signer)
    wait_for_access(lab, lambda text: text.count(f"email: {EMAIL}\n") == 64)


def _zone(name, rule):
    return name if os.path.exists(os.path.join(_ZONE_FILES, name)) else rule


def zones(lab, pair):
    """A client in the far east and a server in the far west: only the moment counts, in either header.

    That the zones hold is seen in the access log, whose lines have local time.
    """
    target = lab.closing(Target(echo))
    (east, east_rule, _), (west, west_rule, hours) = _ZONES
    west_name = _zone(west, west_rule)
    clients = [{"id": USER_ID, "alterId": 4, "email": EMAIL}]
    server, _ = start_server(lab, pair.server, clients, wrapper=("env", f"TZ={west_name}"))
    for alter_id in (0, 4):
        wrapper = ("env", f"TZ={_zone(east, east_rule)}")
        port = start_client(lab, pair.client, server, name=f"client-{alter_id}", wrapper=wrapper, alterId=alter_id)
        with entries.socks5(port, LOOPBACK, target.port) as connection:
            alive(connection)
    if west_name == west or pair.server.is_ours:
        wait_for_access(lab, lambda text: " accepted " in text)
        stamp = re.match(r"(\d+/\d+/\d+ \d+:\d+:\d+) ", access_log(lab))[1]
        written = datetime.strptime(stamp, "%Y/%m/%d %H:%M:%S").replace(tzinfo=timezone.utc).timestamp()
        assert abs(written - (time.time() + 3600 * hours)) < 600, stamp
