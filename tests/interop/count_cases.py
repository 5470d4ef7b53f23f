"""Counters and the log of sessions: what went through is written down, for whom and how much.

The counters have V2Ray's names. SIGUSR2 prints them, a line each.
"""

import json
import signal
from functools import partial

import configs
from cases import Case
from configs import EMAIL, LOOPBACK
from lab import wait_until
from streams import Payload, alive, dial, echoes
from targets import Target, echo
from tunnel import Tunnel

_BYTES = 300_000
_ALL = {
    "levels": {"0": {"statsUserUplink": True, "statsUserDownlink": True}},
    "system": {
        "statsInboundUplink": True,
        "statsInboundDownlink": True,
        "statsOutboundUplink": True,
        "statsOutboundDownlink": True,
    },
}


def cases(bench):
    for pair in bench.pairs:
        if pair.server.is_ours:
            yield Case(f"count/{pair}/users-and-system", partial(everything, pair=pair))
            yield Case(f"count/{pair}/sessions", partial(sessions, pair=pair))
        if pair.client.is_ours:
            yield Case(f"count/{pair}/inside-mux", partial(inside_mux, pair=pair))
    for program in bench.programs:
        if program.is_ours:
            yield Case("count/ours/only-what-is-asked-for", partial(selection, program=program))
            yield Case("count/ours/no-stats", partial(no_stats, program=program))


def counters(process):
    """What SIGUSR2 prints, as a dictionary. Lines of the log may stand in front of it and behind it."""
    mark = "core.accepted "
    before = process.output().count(mark)
    process.send(signal.SIGUSR2)

    def printed():
        output = process.output()
        return output.count(mark) > before and "\n\n" in output[output.rindex(mark) :]

    wait_until(printed, "the counters")
    lines = [line.rsplit(" ", 1) for line in process.output().splitlines() if " " in line]
    return {name: int(value) for name, value in lines if value.isdigit()}


def wait_for_counter(process, name, value):
    """Counters are current once what they count has been sent; the reader may be a little early."""
    wait_until(lambda: counters(process).get(name) == value, f"{name} to be {value}")


def everything(lab, pair):
    """Users count payload, inbounds and outbounds what is on their sockets."""
    target = lab.closing(Target(echo))
    log = {"loglevel": "warning", "access": "none"}
    tunnel = Tunnel(lab, pair, server_times=_ALL, server_log=log, server_extra={"stats": {}})
    with tunnel.socks(target.port) as connection:
        echoes(connection, Payload(_BYTES))
        user = f"user>>>{EMAIL}>>>traffic>>>"
        wait_for_counter(tunnel.server, user + "downlink", _BYTES)
        seen = counters(tunnel.server)
    assert seen[user + "uplink"] == _BYTES, seen
    assert seen["outbound>>>direct>>>traffic>>>uplink"] == _BYTES, seen
    assert seen["outbound>>>direct>>>traffic>>>downlink"] == _BYTES, seen
    assert seen["inbound>>>vmess-in>>>traffic>>>uplink"] > _BYTES + 61, "without header and chunks"
    assert seen["inbound>>>vmess-in>>>traffic>>>downlink"] > _BYTES + 38, seen
    assert seen["core.open_sessions"] == 1, seen
    wait_for_counter(tunnel.server, "core.open_sessions", 0)


def inside_mux(lab, pair):
    """Bytes of a stream are on the socket of its connection, and are counted there once."""
    target = lab.closing(Target(echo))
    mux = {"enabled": True, "concurrency": 8}
    log = {"loglevel": "warning", "access": "none"}
    tunnel = Tunnel(lab, pair, client_times=_ALL, client_log=log, client_extra={"stats": {}}, mux=mux)
    with tunnel.socks(target.port) as connection:
        echoes(connection, Payload(_BYTES))
        for way in ("uplink", "downlink"):
            name = f"outbound>>>proxy>>>traffic>>>{way}"
            wait_until(lambda: counters(tunnel.client)[name] > _BYTES, name)
            assert counters(tunnel.client)[name] < 1.2 * _BYTES, counters(tunnel.client)


def _relay(lab, program, stats, policy):
    port = lab.free_port()
    target = lab.closing(Target(echo))
    config = configs.config(
        [configs.door_in(port, LOOPBACK, target.port)],
        [configs.freedom_out()],
        log={"loglevel": "warning", "access": "none"},
        times=policy,
    )
    config.update(stats)
    process = lab.start(program, config, "alone")
    with dial(port) as connection:
        alive(connection)
    wait_for_counter(process, "outcome.finished", 1)
    return counters(process)


def selection(lab, program):
    """Each direction has its own switch."""
    policy = {"system": {"statsInboundDownlink": True, "statsOutboundUplink": True}}
    seen = _relay(lab, program, {"stats": {}}, policy)
    traffic = {name for name in seen if ">>>" in name}
    assert traffic == {
        "inbound>>>door-in>>>traffic>>>downlink",
        "outbound>>>direct>>>traffic>>>uplink",
    }, traffic


def no_stats(lab, program):
    """Without a `stats` section nothing is counted, whatever the policy says."""
    seen = _relay(lab, program, {}, _ALL)
    assert not [name for name in seen if ">>>" in name], seen


def sessions(lab, pair):
    """One object per connection: who, where to, how much, and how it ended."""
    target = lab.closing(Target(echo))
    path = lab.path("sessions.json")
    log = {"loglevel": "warning", "sessions": path, "sessionsFormat": "json"}
    tunnel = Tunnel(lab, pair, server_log=log)
    with tunnel.socks(target.port) as connection:
        echoes(connection, Payload(_BYTES))

    def ended():
        try:
            with open(path) as file:
                return file.read().endswith("}\n")
        except FileNotFoundError:
            return False

    wait_until(ended, "a line in the log of sessions")
    with dial(tunnel.vmess_port) as stranger:
        stranger.sendall(b"G" * 20)
    wait_until(lambda: len(open(path).read().splitlines()) == 2, "the stranger's line")
    with open(path) as file:
        user, stranger = [json.loads(line) for line in file]
    assert user["outcome"] == "finished", user
    assert user["target"] == f"tcp:{LOOPBACK}:{target.port}", user
    assert (user["inbound"], user["outbound"], user["email"]) == ("vmess-in", "direct", EMAIL), user
    assert (user["up"], user["down"]) == (_BYTES, _BYTES), user
    assert stranger["outcome"] == "bad_request", stranger
    assert (stranger["target"], stranger["email"], stranger["up"]) == ("", "", 0), stranger
