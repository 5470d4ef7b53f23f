"""The command line: what is printed, which exit codes end it, and what a signal does."""

import fcntl
import json
import os
import re
import signal
import socket
import tempfile
import threading
import uuid
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

import configs
import entries
from cases import Case, Skip
from configs import LOOPBACK
from lab import listening_ports, wait_until
from streams import Payload, alive, receive_digest, receive_to_end
from targets import Origin, Target, echo

CONFIG_ERROR = 23
START_ERROR = 255
_KILLS = 8
_HELD_OPEN = 20
# One for all test runs of this machine, so not in the folder of this one.
_DEFAULT_LOCK = os.path.join(tempfile.gettempdir(), "ringferry-default.lock")


def cases(bench):
    for program in bench.programs:
        kind = program.kind
        for name, run in (
            ("test-flag", test_flag),
            ("version-flag", version),
            ("stdin", from_stdin),
            ("several-files", several_files),
            ("config-folder", config_folder),
            ("legacy-sections", legacy_sections),
            ("port-in-use", port_in_use),
            ("config-errors", config_errors),
        ):
            yield Case(f"program/{kind}/{name}", partial(run, program=program))
        if program.is_ours:
            for name, run in (
                ("signals", signals),
                ("subcommands", subcommands),
                ("messages", messages),
                ("refused-protocols", refused_protocols),
                ("unknown-key", unknown_key),
                ("open-session-finishes", open_session_finishes),
                ("second-signal", second_signal),
                ("embedded-default", embedded_default),
                ("port-becomes-free", port_becomes_free),
                ("killed-and-restarted", killed_and_restarted),
            ):
                yield Case(f"program/ours/{name}", partial(run, program=program))


def minimal(port=0):
    return configs.config([configs.socks_in(port)], [configs.freedom_out()])


def tested(lab, program, text, name="tried.json"):
    """The exit of a configuration test."""
    path = lab.write(name, text if isinstance(text, str) else json.dumps(text))
    return lab.call(program, ["-test", "-config", path])


def test_flag(lab, program):
    """The dash form, single and double, prints V2Ray's line and ends with 0."""
    path = lab.write("good.json", json.dumps(minimal(1080)))
    for arguments in (["-test", "-config", path], ["--test", "--config", path], ["-test", "-c", path]):
        done = lab.call(program, arguments)
        assert done.returncode == 0, (arguments, done.stderr)
        assert "Configuration OK." in done.stdout, done.stdout


def version(lab, program):
    """The second blank-separated word is a version number."""
    forms = [["-version"], ["--version"], ["version"]] if program.is_ours else [["-version"]]
    for arguments in forms:
        done = lab.call(program, arguments)
        assert done.returncode == 0, arguments
        assert re.match(r"\S+ \d+\.\d+\.\d+\b", done.stdout), done.stdout


def subcommands(lab, program):
    path = lab.write("good.json", json.dumps(minimal(1080)))
    done = lab.call(program, ["test", "-c", path])
    assert done.returncode == 0 and "Configuration OK." in done.stdout, done
    first, second = (lab.call(program, ["uuid"]).stdout.strip() for _ in range(2))
    assert first == str(uuid.UUID(first)) and first != second, (first, second)
    done = lab.call(program, ["help"])
    assert done.returncode == 0 and "run" in done.stdout, done
    done = lab.call(program, ["frobnicate"])
    assert done.returncode not in (0, CONFIG_ERROR), done
    assert "frobnicate" in done.stdout + done.stderr, done


def from_stdin(lab, program):
    done = lab.call(program, ["-test", "-config", "stdin:"], text=json.dumps(minimal(1080)))
    assert done.returncode == 0 and "Configuration OK." in done.stdout, done
    done = lab.call(program, ["-test", "-config", "stdin:"], text='{"inbounds": [{"port": "x"}]}')
    assert done.returncode != 0, done


def several_files(lab, program):
    """Sections of later files replace those of earlier ones; single inbounds replace those of their tag."""
    port, unused = lab.free_port(), lab.free_port()
    target = lab.closing(Target(echo))
    paths = [
        lab.write("base.json", json.dumps({"inbounds": [configs.socks_in(unused)]})),
        lab.write("in.json", json.dumps({"inbounds": [configs.socks_in(port)]})),
        lab.write("out.json", json.dumps({"outbounds": [configs.freedom_out()]})),
    ]
    arguments = [part for path in paths for part in ("-config", path)]
    lab.spawn(program, [program.path, *arguments, *program.arguments], "merged")
    _served(port, target)
    with socket.socket() as attempt:
        assert attempt.connect_ex((LOOPBACK, unused)) != 0, "the replaced inbound listens"


def config_folder(lab, program):
    port = lab.free_port()
    target = lab.closing(Target(echo))
    folder = tempfile.mkdtemp(dir=lab.directory)
    with open(f"{folder}/10-in.json", "w") as file:
        json.dump({"inbounds": [configs.socks_in(port)]}, file)
    with open(f"{folder}/20-out.json", "w") as file:
        json.dump({"outbounds": [configs.freedom_out()]}, file)
    lab.spawn(program, [program.path, "-confdir", folder, *program.arguments], "folder")
    _served(port, target)


def legacy_sections(lab, program):
    """The old names of the sections, comments, and keys in any case."""
    port = lab.free_port()
    target = lab.closing(Target(echo))
    text = f"""
    // one inbound, the old way
    {{
      "inbound": {{ "Protocol": "socks", "LISTEN": "127.0.0.1", "port": {port},  # its port
                    "settings": {{ "AUTH": "noauth" }} }},
      /* and one outbound */
      "outbound": {{ "protocol": "freedom", "settings": null }}
    }}"""
    path = lab.write("legacy.json", text)
    lab.spawn(program, [*program.command(path)], "legacy")
    _served(port, target)


def _served(port, target):
    wait_until(lambda: _accepts(port), f"somebody to listen on {port}")
    with entries.socks5(port, LOOPBACK, target.port) as connection:
        alive(connection)


def _accepts(port) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex((LOOPBACK, port)) == 0


def port_in_use(lab, program):
    """A port that is taken: 255, and the message names it."""
    port = lab.free_port()
    with socket.create_server((LOOPBACK, port)):
        path = lab.write("taken.json", json.dumps(minimal(port)))
        done = lab.call(program, program.command(path)[1:])
    assert done.returncode == START_ERROR, done
    assert str(port) in done.stdout + done.stderr, done


def port_becomes_free(lab, program):
    """A port that is taken at the start is waited for, with a line that says so, and then served."""
    target = lab.closing(Target(echo))
    port = lab.free_port()
    with socket.create_server((LOOPBACK, port)):
        path = lab.write("waiting.json", json.dumps(minimal(port)))
        process = lab.spawn(program, program.command(path), "waiting")
        said = f"{LOOPBACK}:{port} is taken: trying again"
        wait_until(lambda: said in process.output() or not process.running(), "a word about the port")
        assert process.running(), process.output()
    wait_until(lambda: "started" in process.output() or not process.running(), "the start")
    assert process.running(), process.output()
    with entries.socks5(port, LOOPBACK, target.port) as connection:
        alive(connection)


def killed_and_restarted(lab, program):
    """Started again in the moment after it was killed in the middle of its work, it serves.

    The kernel takes the rings of a killed process down after the process, and its listeners with them.
    """
    port = lab.free_port()
    target = lab.closing(Target(echo))
    program = replace(program, arguments=(*program.arguments, "-state", lab.path("state")))
    process = lab.start(program, minimal(port), "killed-0")
    for turn in range(_KILLS):
        held = [entries.socks5(port, LOOPBACK, target.port) for _ in range(_HELD_OPEN)]
        for connection in held:
            alive(connection)
        process.kill()
        name = f"killed-{turn + 1}"
        # Not lab.start(), which would take the listener that is still there for the new one.
        process = lab.spawn(program, program.command(lab.path("killed-0.json")), name)
        wait_until(lambda: "started" in process.output() or not process.running(), "the start")
        assert process.running(), f"turn {turn}: {process.output()}"
        for connection in held:
            connection.close()


def wrong_configs():
    """Mistakes by name, all of which V2Ray refuses too."""
    good_user = {"id": configs.USER_ID}
    server = {"address": LOOPBACK, "port": 1, "users": [good_user]}
    nameless = {"port": 1, "users": [good_user]}
    twins = [
        {"id": configs.USER_ID, "email": "a@b"},
        {"id": configs.OTHER_USER_ID, "email": "A@b"},
    ]

    def vmess_out(*servers):
        return {"outbounds": [{"protocol": "vmess", "settings": {"vnext": list(servers)}}]}

    def user(**changes):
        return vmess_out({**server, "users": [{**good_user, **changes}]})

    return {
        "no vnext": {"outbounds": [{"protocol": "vmess", "settings": {}}]},
        "empty vnext": vmess_out(),
        "no users": vmess_out({**server, "users": []}),
        "no address": vmess_out(nameless),
        "port as text": vmess_out({**server, "port": "1"}),
        "port too large": vmess_out({**server, "port": 65536}),
        "short id": user(id="b831381d-6324"),
        "id of other characters": user(id="z" * 32),
        "alterId as text": user(alterId="16"),
        "alterId too large": user(alterId=65536),
        "unknown inbound": {"inbounds": [{"protocol": "smtp", "port": 1}]},
        "unknown outbound": {"outbounds": [{"protocol": "smtp"}]},
        "same e-mail twice": {"inbounds": [configs.vmess_in(1, clients=twins)]},
        "log into nowhere": {**minimal(1), "log": {"access": "/nonexistent/folder/log"}},
        "trailing comma": '{"inbounds": [],}',
        "cut off": '{"inbounds": [',
        "not JSON": "listen on port 1080, please",
        "inbound port as word": {"inbounds": [{"protocol": "socks", "port": "word"}]},
        "level as word": {**minimal(1), "policy": {"levels": {"high": {}}}},
    }


def config_errors(lab, program):
    """Mistakes end with 23, at a test as well as at a start, and never without a word."""
    # V2Ray panics at some, with 2, and meets others only when it starts.
    expected = (CONFIG_ERROR,) if program.is_ours else (2, CONFIG_ERROR, START_ERROR)
    for name, text in wrong_configs().items():
        path = lab.write("wrong.json", text if isinstance(text, str) else json.dumps(text))
        for arguments in (["-test", "-config", path], program.command(path)[1:]):
            done = lab.call(program, arguments)
            assert done.returncode in expected, f"{name}: exit code {done.returncode}\n{done.stderr}"
            assert (done.stdout + done.stderr).strip(), f"{name}: no word about it"
    done = lab.call(program, ["-test", "-config", lab.path("missing.json")])
    assert done.returncode in expected, done


def messages(lab, program):
    """A mistake is told with the name of the file and the line it is in."""
    text = '{\n  "inbounds": [\n    { "protocol": "socks", "port": 70000 }\n  ]\n}\n'
    comma = '{\n  "log": {},\n}\n'
    for name, wrong, line in (("number.json", text, 3), ("comma.json", comma, 2)):
        done = tested(lab, program, wrong, name)
        said = done.stdout + done.stderr
        assert done.returncode == CONFIG_ERROR, done
        assert re.search(rf"{name}:{line}\b", said), said


def refused_protocols(lab, program):
    """What V2Ray has and this program has not: refused with a line that names it."""
    inbound = configs.vmess_in(1080)
    refused = {
        "shadowsocks": {"inbounds": [{"protocol": "shadowsocks", "port": 1, "settings": {}}]},
        "trojan": {"outbounds": [{"protocol": "trojan", "settings": {}}]},
        "quic": {"inbounds": [{**inbound, "streamSettings": {"network": "quic"}}]},
    }
    for word, config in refused.items():
        done = tested(lab, program, config)
        assert done.returncode == CONFIG_ERROR, (word, done)
        assert word in done.stdout + done.stderr, (word, done)


def unknown_key(lab, program):
    """A key that nobody knows is ignored, with a hint at the one that was meant."""
    config = minimal(1080)
    config["inbounds"][0]["setings"] = {}
    done = tested(lab, program, config)
    said = done.stdout + done.stderr
    assert done.returncode == 0, done
    assert "setings" in said and "settings" in said, said


def signals(lab, program):
    """SIGTERM and SIGINT end an idle program with 0, from the moment it listens (V2Ray: a little later)."""
    for number in (signal.SIGTERM, signal.SIGINT):
        process = lab.start(program, minimal(lab.free_port()), f"signal-{number}")
        process.send(number)
        assert process.exit_code() == 0, f"signal {number}"


def open_session_finishes(lab, program):
    """After SIGTERM nobody new comes in, the open session ends by itself, and then the program with 0."""
    payload = Payload(300_000)
    target = lab.closing(Target(echo))
    port = lab.free_port()
    process = lab.start(program, minimal(port), "finishing")
    with entries.socks5(port, LOOPBACK, target.port) as connection:
        alive(connection)
        process.terminate()
        wait_until(lambda: not _accepts(port), "the listener to close")
        threading.Thread(target=connection.sendall, args=(payload.bytes(),), daemon=True).start()
        assert receive_digest(connection, payload.total_bytes) == payload.digest()
    assert process.exit_code() == 0


def second_signal(lab, program):
    """A second SIGTERM ends what is still open."""
    target = lab.closing(Target(echo))
    port = lab.free_port()
    process = lab.start(program, minimal(port), "hurried")
    with entries.socks5(port, LOOPBACK, target.port) as connection:
        alive(connection)
        process.terminate()
        wait_until(lambda: not _accepts(port), "the listener to close")
        process.terminate()
        assert process.exit_code() == 0
        receive_to_end(connection)


def embedded_default(lab, program):
    """Without arguments and configuration: a tunnel of its own, and a `curl` line that goes through it."""
    with open(_DEFAULT_LOCK, "w") as lock:
        # The ports may be fixed ones; two test runs at a time must not disturb each other.
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = lab.spawn(program, [program.path, *program.arguments], "default")
        wait_until(lambda: "curl" in process.output() or not process.running(), "the curl line")
        said = process.output()
        proxy = _proxy_of(said) if "curl" in said else None
        wait_until(
            lambda: not process.running() or proxy.port in listening_ports(), "the printed port"
        )
        if not process.running():
            process.may_fail = True
            raise Skip(f"the default's port is taken here: {process.output()[-200:]}")
        assert "vmess://" in said, said
        origin = lab.closing(Target(Origin("origin")))
        with entries.socks5(proxy.port, LOOPBACK, origin.port) as connection:
            connection.sendall(f"GET / HTTP/1.1\r\nHost: {LOOPBACK}:{origin.port}\r\n\r\n".encode())
            head, body = entries.http_response(connection)
        assert body == b"this is origin", head
        second = lab.spawn(program, [program.path, *program.arguments], "second")
        second.may_fail = True
        assert second.exit_code() == START_ERROR, second.output()
        assert re.search(r"\b\d{4,5}\b", second.output()), second.output()
        process.stop()


def _proxy_of(said):
    """Where the printed curl line sends its request."""
    line = next(line for line in said.splitlines() if "curl" in line)
    found = re.search(r"socks5h?://\S+", line)
    assert found, f"no SOCKS proxy in: {line}"
    return urlsplit(found.group(0).strip("'\""))
