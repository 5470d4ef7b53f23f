"""The lines of the access log, as the tools of V2Ray's users read them, and what the error log says."""

import os
import re
import stat
from functools import partial

import configs
import entries
from cases import Case
from configs import EMAIL, LOOPBACK
from lab import wait_until
from streams import alive, dial
from targets import Origin, Target, echo
from tunnel import Tunnel

_TIME = r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d"


def cases(bench):
    for pair in bench.pairs:
        yield Case(f"log/{pair}/access", partial(access, pair=pair))
        yield Case(f"log/{pair}/access-http", partial(access_http, pair=pair))
        yield Case(f"log/{pair}/off", partial(off, pair=pair))
    for program in bench.programs:
        yield Case(f"log/{program.kind}/rejected", partial(rejected, program=program))
        yield Case(f"log/{program.kind}/mode-and-append", partial(mode, program=program))
        yield Case(f"log/{program.kind}/ipv6", partial(ipv6, program=program))
        yield Case(f"log/{program.kind}/error-lines", partial(error_lines, program=program))


def logged(lab, name, pattern):
    """Waits for a line of the access log that is the pattern from its first to its last character."""
    expression = re.compile(f"^{_TIME} {pattern}$", re.MULTILINE)

    def look():
        try:
            with open(lab.path(f"{name}.access")) as file:
                return expression.search(file.read())
        except FileNotFoundError:
            return None

    return wait_until(look, f"a line like {pattern!r} in {name}.access")


def access(lab, pair):
    """One line per connection: who, where to, by which outbound, and whose it is."""
    target = lab.closing(Target(echo))
    tunnel = Tunnel(lab, pair)
    with tunnel.socks(target.port) as connection:
        alive(connection)
        source = connection.getsockname()[1]
    place = re.escape(f"{LOOPBACK}:{target.port}")
    logged(lab, "client", rf"tcp:127\.0\.0\.1:{source} accepted tcp:{place} \[proxy\]")
    logged(
        lab,
        "server",
        rf"127\.0\.0\.1:\d+ accepted tcp:{place} \[direct\] email: {re.escape(EMAIL)}",
    )
    with tunnel.socks(target.port, host="localhost") as connection:
        alive(connection)
    logged(lab, "server", rf"127\.0\.0\.1:\d+ accepted tcp:localhost:{target.port} \[direct\] email: .+")


def access_http(lab, pair):
    """The two kinds of HTTP requests name their targets in their own ways."""
    echoes = lab.closing(Target(echo))
    origin = lab.closing(Target(Origin("origin")))
    tunnel = Tunnel(lab, pair)
    with entries.http_connect(tunnel.http_port, LOOPBACK, echoes.port) as connection:
        alive(connection)
    logged(lab, "client", rf"127\.0\.0\.1:\d+ accepted //127\.0\.0\.1:{echoes.port} \[proxy\]")
    url = f"http://{LOOPBACK}:{origin.port}/path"
    with dial(tunnel.http_port) as connection:
        entries.http_request(connection, "GET", url)
    logged(lab, "client", rf"127\.0\.0\.1:\d+ accepted {re.escape(url)} \[proxy\]")


def off(lab, pair):
    """`none` turns the access log off: nothing appears on the output either."""
    target = lab.closing(Target(echo))
    log = {"access": "none", "loglevel": "warning"}
    tunnel = Tunnel(lab, pair, client_log=log, server_log=log)
    with tunnel.socks(target.port) as connection:
        alive(connection)
    for process in (tunnel.client, tunnel.server):
        process.stop()
        assert " accepted " not in process.output(), process.output()


def rejected(lab, program):
    """A stranger leaves a line with two blanks before the reason."""
    port = lab.free_port()
    log = {"access": lab.path("alone.access"), "loglevel": "info"}
    config = configs.config(
        [configs.vmess_in(port)], [configs.freedom_out()], log, configs.policy(handshake=1)
    )
    lab.start(program, config, "alone")
    with dial(port) as stranger:
        stranger.sendall(b"G" * 5000)
        source = stranger.getsockname()[1]
        logged(lab, "alone", rf"127\.0\.0\.1:{source} rejected  \S.*")


def mode(lab, program):
    """The log belongs to its owner alone, and a second start writes behind the first."""
    path = lab.path("alone.access")
    target = lab.closing(Target(echo))
    for turn in (1, 2):
        port = lab.free_port()
        log = {"access": path, "loglevel": "info"}
        config = configs.config([configs.socks_in(port)], [configs.freedom_out()], log)
        process = lab.start(program, config, "alone")
        with entries.socks5(port, LOOPBACK, target.port) as connection:
            alive(connection)
        logged(lab, "alone", rf"tcp:127\.0\.0\.1:\d+ accepted tcp:127\.0\.0\.1:{target.port} \[direct\]")
        process.stop()
        with open(path) as file:
            lines = file.read().count(" accepted ")
        assert lines == turn, f"{lines} lines after start {turn}"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600, oct(os.stat(path).st_mode)


def ipv6(lab, program):
    """Addresses of IPv6 stand in brackets on both sides of the line."""
    target = lab.closing(Target(echo, host="::1"))
    port = lab.free_port("::1")
    log = {"access": lab.path("alone.access"), "loglevel": "info"}
    inbound = configs.socks_in(port, listen="::1")
    lab.start(program, configs.config([inbound], [configs.freedom_out()], log), "alone")
    with entries.socks5(port, "::1", target.port, listen="::1") as connection:
        alive(connection)
    logged(lab, "alone", rf"tcp:\[::1\]:\d+ accepted tcp:\[::1\]:{target.port} \[direct\]")


def error_lines(lab, program):
    """Every line of the error log has time and level; starting leaves one that says so."""
    port = lab.free_port()
    log = {"access": "none", "error": lab.path("alone.error"), "loglevel": "warning"}
    config = configs.config([configs.socks_in(port)], [configs.freedom_out()], log)
    process = lab.start(program, config, "alone")

    def lines():
        with open(lab.path("alone.error")) as file:
            return file.read().splitlines()

    wait_until(lambda: any(line.endswith(" started") for line in lines()), "a line that says started")
    process.stop()
    for line in lines():
        assert re.match(rf"{_TIME} \[(Debug|Info|Warning|Error)\] (\[\d+\] )?\S", line), line
