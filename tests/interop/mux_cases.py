"""Many streams in few connections: Mux.Cool in both roles, as people use it.

What V2Ray 4.34 does otherwise (vmess.md 18: its client closes both directions on a half-close, its server
does not notice a reset, either of them lets one stopped reader stop the others) is asked of our ends only.
"""

import os
import re
import threading
from functools import partial

import configs
from cases import Case
from configs import EMAIL, LOOPBACK
from count_cases import counters, wait_for_counter
from ends_cases import PATIENT, answered_after_end, hears_nothing, whole_to_application, whole_to_target
from lab import wait_until
from log_cases import logged
from standstill import Conversation, tried_anew
from streams import Ended, Payload, alive, echoes, receive_exactly, receive_to_end
from targets import Target, answers_after_end, echo, endless, leave_alone, resets_after, speaks_first
from tunnel import Pair, Tunnel, on_one_core, securities_of

_CROWD = 64
_SIZES = (1, 100, 2048, 8192, 70_000, 300_000)
_STREAMS = 20
_LIFE = 128
_IDLE_SECONDS = 2
_ESTABLISHED = "01"
_COUNTED = {"levels": {"0": {"statsUserUplink": True, "statsUserDownlink": True}}}


def cases(bench):
    for pair in bench.pairs:
        for security in securities_of(pair):
            run = partial(crowd, pair=pair, security=security)
            yield Case(f"mux/{pair}/{security}/64-at-once", run)
        for concurrency in (1, 8, 0, -1):
            run = partial(shares, pair=pair, concurrency=concurrency)
            yield Case(f"mux/{pair}/concurrency-{concurrency}", run)
        for seconds in (0, 2):
            run = partial(greeted, pair=pair, seconds=seconds)
            yield Case(f"mux/{pair}/target-speaks-first/after-{seconds}-s", run)
        yield Case(f"mux/{pair}/target-ends", partial(target_ends, pair=pair))
        yield Case(f"mux/{pair}/application-ends", partial(application_ends, pair=pair))
        yield Case(f"mux/{pair}/no-buffer", partial(no_buffer, pair=pair))
        yield Case(f"mux/{pair}/one-after-another", partial(one_after_another, pair=pair))
        yield Case(f"mux/{pair}/target-refuses", partial(target_refuses, pair=pair))
        yield Case(f"mux/{pair}/server-killed", partial(server_killed, pair=pair))
        yield Case(f"mux/{pair}/access-log", partial(access, pair=pair))
        yield Case(f"mux/{pair}/stopped", partial(stopped, pair=pair))
        if pair.server.is_ours:
            yield Case(f"mux/{pair}/counters", partial(counted, pair=pair))
            yield Case(f"mux/{pair}/idle-stream", partial(idle_stream, pair=pair))
            yield Case(f"mux/{pair}/insecure", partial(insecure, pair=pair))
            yield Case(f"mux/{pair}/target-stops-reading", partial(stopped_target, pair=pair))
        if pair.client.is_ours:
            yield Case(f"mux/{pair}/reader-stops", partial(stopped_reader, pair=pair))
        if pair.both_ours:
            for seconds in (0, 2):
                run = partial(late_answer, pair=pair, seconds=seconds)
                yield Case(f"mux/{pair}/answer-{seconds}-s-after-the-end", run)
            yield Case(f"mux/{pair}/target-resets", partial(target_resets, pair=pair))


def mux_tunnel(lab, pair, concurrency=8, cores=1, **choices):
    """Each core of a client has connections of its own: with one core they can be counted."""
    if cores == 1 and pair.client.is_ours:
        pair = Pair(on_one_core(pair.client), pair.server)
    return Tunnel(lab, pair, mux={"enabled": True, "concurrency": concurrency}, **choices)


def carriers(tunnel) -> int:
    """How many connections the server has from its client, read from the kernel's table."""
    found = set()  # a table that changes while it is read may name one twice
    with open("/proc/net/tcp") as file:
        for line in file.readlines()[1:]:
            fields = line.split()
            port = int(fields[1].rpartition(":")[2], 16)
            if port == tunnel.vmess_port and fields[3] == _ESTABLISHED:
                found.add(fields[2])
    return len(found)


def at_once(talk, count):
    """Calls talk(number) in so many threads; raises if one of them fails."""
    failures = []

    def run(number):
        try:
            talk(number)
        except Exception as problem:
            failures.append(f"{number}: {problem!r}")

    talkers = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(count)]
    for talker in talkers:
        talker.start()
    for talker in talkers:
        talker.join()
    assert not failures, f"{len(failures)} of {count} failed, first: {failures[0]}"


def crowd(lab, pair, security):
    """All streams are open before the first byte, in one connection per core, then talk at the same time."""
    target = lab.closing(Target(echo))
    tunnel = mux_tunnel(lab, pair, _CROWD, cores=None, security=security)
    connections = [lab.closing(tunnel.socks(target.port)) for _ in range(_CROWD)]

    def talk(number):
        echoes(connections[number], Payload(_SIZES[number % len(_SIZES)], seed=number))

    at_once(talk, _CROWD)
    assert target.accepted == _CROWD, target.accepted
    count = carriers(tunnel)
    assert count <= max(os.cpu_count(), _CROWD / 8), f"{count} connections"


def shares(lab, pair, concurrency):
    """So many streams share a connection; 0 is 8, as it is for V2Ray, and less than that is no mux."""
    target = lab.closing(Target(echo))
    tunnel = mux_tunnel(lab, pair, concurrency)
    for _ in range(_STREAMS):
        alive(lab.closing(tunnel.socks(target.port)))
    count = carriers(tunnel)
    if pair.client.is_ours or concurrency < 0:
        expected = -(-_STREAMS // {0: 8, -1: 1}.get(concurrency, concurrency))
        assert count == expected, f"{count} connections for {_STREAMS} streams, not {expected}"


def greeted(lab, pair, seconds):
    """The target speaks first; the application has not sent a byte until then."""
    greeting = b"220 welcome\r\n"
    target = lab.closing(Target(speaks_first(greeting, seconds)))
    tunnel = mux_tunnel(lab, pair)
    with tunnel.socks(target.port) as connection:
        assert receive_exactly(connection, len(greeting)) == greeting
        echoes(connection, Payload(100_000))


def target_ends(lab, pair):
    whole_to_application(lab, mux_tunnel(lab, pair), Payload(1_000_000))


def application_ends(lab, pair):
    whole_to_target(lab, mux_tunnel(lab, pair), Payload(1_000_000))


def no_buffer(lab, pair):
    """A bufferSize of 0 is the least that works, inside a mux as well."""
    target = lab.closing(Target(echo))
    least = configs.policy(bufferSize=0)
    tunnel = mux_tunnel(lab, pair, client_times=least, server_times=least)
    with tunnel.socks(target.port) as connection:
        echoes(connection, Payload(300_000))


def one_after_another(lab, pair):
    """More streams than a connection takes in its life, each of them whole."""
    target = lab.closing(Target(echo))
    tunnel = mux_tunnel(lab, pair)
    for number in range(_LIFE + 12):
        with tunnel.socks(target.port) as connection:
            alive(connection, b"number %d" % number)
    assert target.accepted == _LIFE + 12


def target_refuses(lab, pair):
    """A target that is not there ends its own stream, and no other."""
    target = lab.closing(Target(echo))
    tunnel = mux_tunnel(lab, pair)
    with tunnel.socks(target.port) as other:
        alive(other)
        with tunnel.socks(lab.free_port()) as connection:
            hears_nothing(connection)
        alive(other)


def target_resets(lab, pair):
    """A reset reaches the application as one, and no other stream."""
    target = lab.closing(Target(resets_after(5)))
    others = lab.closing(Target(echo))
    tunnel = mux_tunnel(lab, pair)
    with tunnel.socks(others.port) as other, tunnel.socks(target.port) as connection:
        alive(other)
        connection.sendall(b"12345")
        assert receive_to_end(connection) == (b"", "reset")
        alive(other)


def late_answer(lab, pair, seconds):
    """The application has finished; the answer comes later and still arrives, then the end."""
    target = lab.closing(Target(answers_after_end(seconds)))
    tunnel = mux_tunnel(lab, pair, **PATIENT)
    with tunnel.socks(target.port) as connection:
        answered_after_end(connection, Payload(300_000))


def stopped_reader(lab, pair):
    """An application stops reading: the others wait for a while at most, then it is its stream that goes."""
    sources = lab.closing(Target(endless))
    target = lab.closing(Target(echo))
    tunnel = mux_tunnel(lab, pair)
    with tunnel.socks(target.port) as other, tunnel.socks(sources.port) as stuck:
        alive(other)
        wait_for_stall(tunnel.client)
        echoes(other, Payload(300_000))
        alive(lab.closing(tunnel.socks(target.port)))
        assert carriers(tunnel) == 1
        # What had been sent is there; the end is none.
        assert ends_by_reset(stuck), "a stream that was torn down looks like one that ended"


def stopped_target(lab, pair):
    """The same towards a target that stops reading, at the server."""
    deaf = lab.closing(Target(leave_alone))
    target = lab.closing(Target(echo))
    tunnel = mux_tunnel(lab, pair)
    with tunnel.socks(target.port) as other, tunnel.socks(deaf.port) as stuck:
        alive(other)
        threading.Thread(target=send_for_ever, args=(stuck,), daemon=True).start()
        wait_for_stall(tunnel.server)
        echoes(other, Payload(300_000))
        alive(lab.closing(tunnel.socks(target.port)))
        assert carriers(tunnel) == 1
        assert ends_by_reset(deaf.connection()), "the target took the cut for an end"


def wait_for_stall(process):
    wait_until(lambda: counters(process)["core.mux_stalls"] == 1, "the stopped stream to go", 40)
    assert counters(process)["core.mux_waits"] >= 1


def send_for_ever(connection):
    try:
        endless(connection)
    except OSError:
        pass


def ends_by_reset(connection) -> bool:
    """Reads all that is there; it may be much."""
    while True:
        try:
            if not connection.recv(1 << 20):
                return False
        except ConnectionResetError:
            return True


def five_streams(lab, tunnel, target):
    connections = [lab.closing(tunnel.socks(target.port)) for _ in range(5)]
    for connection in connections:
        alive(connection)
    return connections


def server_killed(lab, pair):
    """All streams end with their connection; the next one gets a new connection."""
    target = lab.closing(Target(echo))
    tunnel = mux_tunnel(lab, pair)
    connections = five_streams(lab, tunnel, target)
    tunnel.server.kill()
    for connection in connections:
        received, _ = receive_to_end(connection)
        assert received == b"", received
    tunnel.restart_server()

    def again():
        try:
            with tunnel.socks(target.port) as connection:
                alive(connection)
                return True
        except (Ended, ConnectionError):
            return False

    wait_until(again, "a stream through the server that came back")


def access(lab, pair):
    """A line for each stream, none for what carries them."""
    target = lab.closing(Target(echo))
    tunnel = mux_tunnel(lab, pair)
    for _ in range(3):
        alive(lab.closing(tunnel.socks(target.port)))
    place = re.escape(f"{LOOPBACK}:{target.port}")
    logged(lab, "client", rf"tcp:127\.0\.0\.1:\d+ accepted tcp:{place} \[proxy\]")
    email = re.escape(EMAIL)
    logged(lab, "server", rf"tcp:127\.0\.0\.1:\d+ accepted tcp:{place} \[direct\] email: {email}")

    def lines():
        with open(lab.path("server.access")) as file:
            return file.read().count(" accepted ")

    wait_until(lambda: lines() >= 3, "a line for each stream")
    assert lines() == 3, f"{lines()} lines for three streams"


def stopped(lab, pair):
    """Both programs end on request while streams are open, and the streams with them."""
    target = lab.closing(Target(echo))
    tunnel = mux_tunnel(lab, pair)
    connections = five_streams(lab, tunnel, target)
    tunnel.server.stop()
    for connection in connections[:2]:
        receive_to_end(connection)
    tunnel.client.stop()
    for connection in connections[2:]:
        receive_to_end(connection)


def counted(lab, pair):
    """A user's traffic is the payload of the streams, once and without what surrounds it."""
    target = lab.closing(Target(echo))
    log = {"loglevel": "warning", "access": "none"}
    tunnel = mux_tunnel(lab, pair, server_times=_COUNTED, server_log=log, server_extra={"stats": {}})
    connections = [lab.closing(tunnel.socks(target.port)) for _ in range(4)]
    for connection in connections:
        echoes(connection, Payload(70_000))
    user = f"user>>>{EMAIL}>>>traffic>>>"
    wait_for_counter(tunnel.server, user + "downlink", 4 * 70_000)
    seen = counters(tunnel.server)
    assert seen[user + "uplink"] == 4 * 70_000, seen
    assert seen["core.mux_streams"] == 4, seen
    assert seen["core.open_sessions"] == 4 + carriers(tunnel), seen
    for connection in connections:
        connection.close()
    wait_until(lambda: counters(tunnel.server)["core.open_sessions"] <= 1, "the streams to end")


@tried_anew
def idle_stream(lab, pair):
    """A stream without traffic ends at its time; one beside it goes on."""
    target = lab.closing(Target(echo))
    tunnel = mux_tunnel(lab, pair, server_times=configs.policy(connIdle=_IDLE_SECONDS))
    of_busy, of_quiet = (Conversation(_IDLE_SECONDS) for _ in range(2))
    with tunnel.socks(target.port) as busy, tunnel.socks(target.port) as quiet:
        with of_quiet.word():
            alive(quiet)
        quiet.settimeout(0.2)
        for _ in range(100):
            with of_busy.word():
                alive(busy)
            try:
                assert quiet.recv(1) == b""
                break
            except TimeoutError:
                continue  # The span between two words of the other one.
            except ConnectionError:
                break
        else:
            raise AssertionError("the quiet stream is still there")
        with of_busy.word():
            alive(busy)


def insecure(lab, pair):
    """What disableInsecureEncryption forbids is forbidden inside a mux as well."""
    target = lab.closing(Target(echo))
    choices = {"server_inbound": {"disableInsecureEncryption": True}}
    tunnel = mux_tunnel(lab, pair, security="none", **choices)
    with tunnel.socks(target.port) as connection:
        hears_nothing(connection)
    assert target.accepted == 0
