"""What a VMess outbound can be told, row by row (config.md 1.1), and its ciphers on the wire (1.3)."""

import platform
from functools import partial

import configs
import entries
import rows
import wire
import wire_cases
from alter_cases import passed_of, relays
from config_cases import all_served, need_ipv6, server_of, used_in_turns
from configs import EMAIL, LOOPBACK, OTHER_USER_ID, USER_ID
from detour_cases import switches
from lab import listening_ports, wait_for_access, wait_until
from peers import Client, Server
from row_policy_cases import idle_at_outbound
from rows import access_log, by_pair, by_program, judge, start_client, start_clients, start_server
from streams import Payload, alive, echoes
from targets import Target, echo
from tunnel import crowd_alter_id, securities_of
from wire import AES_128_CFB, AES_128_GCM, CHACHA20_POLY1305, NONE, M, P, Request, S

_REQUESTS = 100
_USERS_REQUESTS = 100
_SHARE_REQUESTS = 160
_AUTO = AES_128_GCM if platform.machine() in ("x86_64", "aarch64", "s390x") else CHACHA20_POLY1305
# What a client is told, and the cipher and options that its requests then announce.
ON_THE_WIRE = {
    "auto": (_AUTO, S | M | P),
    "aes-128-gcm": (AES_128_GCM, S | M | P),
    "AES-128-GCM": (AES_128_GCM, S | M | P),
    "chacha20-poly1305": (CHACHA20_POLY1305, S | M | P),
    "ChaCha20-Poly1305": (CHACHA20_POLY1305, S | M | P),
    "none": (NONE, S | M),
    "None": (NONE, S | M),
    "aes-256-gcm": (_AUTO, S | M | P),
    "": (_AUTO, S | M | P),
}


def cases(bench):
    yield from by_pair("1.1/vnext", bench, {"in-turns-then-one-killed": one_killed})
    yield from by_program("1.1/vnext", bench, {"refused": no_server})
    yield from by_pair("1.1/vnext.address", bench, {"spellings": addresses})
    yield from by_program("1.1/vnext.address", bench, {"values": address_values})
    yield from by_program("1.1/vnext.port", bench, {"values": port_values})
    yield from by_pair("1.1/users", bench, {"both-are-seen": users})
    yield from by_program("1.1/users", bench, {"refused": no_user})
    yield from by_pair("1.1/users.id", bench, {"spellings": ids})
    yield from by_program("1.1/users.id", bench, {"values": id_values})
    for client_ids, server_ids in ((0, 0), (4, 4), (16, 16), (64, 64), (16, 64), (0, 64)):
        run = partial(relays, client_ids=client_ids, server_ids=server_ids)
        yield from by_pair("1.1/users.alterId", bench, {f"{client_ids}-against-{server_ids}": run})
    yield from by_pair("1.1/users.alterId", bench, {"64-against-16": share})
    yield from by_program("1.1/users.alterId", bench, {"values": alter_values})
    yield from by_pair("1.1/users.level", bench, {"short-idle": idle_at_outbound})
    yield from by_program("1.1/users.level", bench, {"values": level_values})
    yield from by_pair("1.1/users.security", bench, {"every-word": every_security})
    yield from by_program("1.1/users.security", bench, {"values": security_values})
    yield from _ciphers(bench)


def _ciphers(bench):
    """1.3: each cipher as a client announces it and as a server takes it."""
    for row, word, number in (
        ("auto", "auto", _AUTO),
        ("aes-128-gcm", "aes-128-gcm", AES_128_GCM),
        ("chacha20-poly1305", "chacha20-poly1305", CHACHA20_POLY1305),
        ("none", "none", NONE),
    ):
        says = {"client-says": partial(announces, words={word: ON_THE_WIRE[word]})}
        yield from by_program(f"1.3/{row}", bench, says)
        takes = {"server-takes": partial(wire_cases.option_set, security=number, option=S | M)}
        yield from by_program(f"1.3/{row}", bench, takes)
    yield from by_program("1.3/aes-128-cfb", bench, {"server-takes": cfb})
    yield from by_pair("1.3/aes-128-cfb", bench, {"on-a-detour": switches}, lambda pair: not pair.client.is_ours)
    says = {"client-says": partial(announces, words={"zero": (NONE, 0)})}
    yield from by_program("1.3/zero", bench, says, only_ours=True)
    takes = {"server-takes": partial(wire_cases.option_set, security=NONE, option=0)}
    yield from by_program("1.3/zero", bench, takes)


def one_killed(lab, pair):
    """Two servers have their turns; when one is killed, no request fails."""
    target = lab.closing(Target(echo))
    alter_id = crowd_alter_id(pair)
    clients = [{"id": USER_ID, "alterId": alter_id, "email": EMAIL}]
    servers = {}
    ports = []
    for name in ("first", "second"):
        port, servers[name] = start_server(lab, pair.server, clients, name=name)
        ports.append(port)
    port = lab.free_port()
    out = configs.vmess_out([(LOOPBACK, server) for server in ports], alter_id=alter_id)
    lab.start(pair.client, configs.config([configs.socks_in(port)], [out]), "client")
    used_in_turns(lab, port, target, 3)
    servers["first"].kill()
    # A ring is taken down after its process has gone, and the listener with it.
    wait_until(lambda: ports[0] not in listening_ports(), "the killed server's listener to be gone")
    all_served(port, target, _REQUESTS)


def _outbound(**vnext):
    out = configs.vmess_out([(LOOPBACK, 1080)])
    out["settings"]["vnext"][0].update(vnext)
    return configs.config([configs.socks_in(1081)], [out])


def _without(key, where):
    """An outbound that says nothing of a key of its server or of its user."""
    config = _outbound()
    server = config["outbounds"][0]["settings"]["vnext"][0]
    del (server if where == "server" else server["users"][0])[key]
    return config


def _user(**fields):
    config = _outbound()
    config["outbounds"][0]["settings"]["vnext"][0]["users"][0].update(fields)
    return config


def no_server(lab, program):
    """No list of servers, and an empty one."""
    judge(lab, program, [(None, "refused"), ([], "refused")], _servers)


def _servers(value):
    config = _outbound()
    config["outbounds"][0]["settings"] = {} if value is None else {"vnext": value}
    return config


def addresses(lab, pair):
    """The server's address in every form, blanks around it too."""
    need_ipv6()
    target = lab.closing(Target(echo))
    over_4 = server_of(lab, pair.server, "server-4")
    over_6 = server_of(lab, pair.server, "server-6", listen="::1")
    spellings = [("127.0.0.1", over_4), ("localhost", over_4), (" 127.0.0.1 ", over_4), ("::1", over_6)]
    spellings.append(("[::1]", over_6))
    ports = start_clients(lab, pair.client, [configs.vmess_out([spelling]) for spelling in spellings])
    for port, (spelling, _) in zip(ports, spellings):
        with entries.socks5(port, LOOPBACK, target.port) as connection:
            alive(connection, spelling.encode())


def address_values(lab, program):
    """What is none at all is refused, what cannot be found one day is warned of."""
    odd = [(name, "neither an IP nor a usual name") for name in ("a b", "1.2.3.4:5")]
    odd.append(("", "nobody's address"))
    judge(lab, program, [("localhost", ""), *odd, (7, "refused")], lambda value: _outbound(address=value))
    judge(lab, program, [("no address", "refused")], lambda _: _without("address", "server"))


def port_values(lab, program):
    """A plain number that fits, or nothing: then it is 0, which is warned of."""
    verdicts = [(port, "") for port in (1, 443, 65535)] + [(0, "port 0")]
    verdicts += [(port, "refused") for port in ("443", 1.5, -1, 65536, True)]
    judge(lab, program, verdicts, lambda value: _outbound(port=value))
    judge(lab, program, [("no port", "port 0")], lambda _: _without("port", "server"))


def users(lab, pair):
    """Of two users each connection has one by chance: the server sees both."""
    target = lab.closing(Target(echo))
    alter_id = crowd_alter_id(pair)
    emails = {USER_ID: EMAIL, OTHER_USER_ID: "ben@example.org"}
    clients = [{"id": user, "alterId": alter_id, "email": email} for user, email in emails.items()]
    server, _ = start_server(lab, pair.server, clients)
    port = lab.free_port()
    out = configs.vmess_out([(LOOPBACK, server)], alter_id=alter_id)
    out["settings"]["vnext"][0]["users"].append({"id": OTHER_USER_ID, "alterId": alter_id})
    lab.start(pair.client, configs.config([configs.socks_in(port)], [out]), "client")
    for _ in range(_USERS_REQUESTS):
        with entries.socks5(port, LOOPBACK, target.port) as connection:
            alive(connection)
    wait_for_access(lab, lambda text: text.count(" email: ") == _USERS_REQUESTS)
    text = access_log(lab)
    seen = [text.count(f"email: {email}\n") for email in emails.values()]
    # By chance one of them is seen less than fifteen times: less than once in 10^12 runs.
    assert sum(seen) == _USERS_REQUESTS and min(seen) >= 15, seen


def no_user(lab, program):
    judge(lab, program, [([], "refused")], lambda value: _outbound(users=value))
    if program.is_ours:
        judge(lab, program, [("no users", "refused")], lambda _: _without("users", "server"))


def ids(lab, pair):
    """However an id is written, it is the same user's."""
    target = lab.closing(Target(echo))
    server, _ = start_server(lab, pair.server)
    bare = USER_ID.replace("-", "")
    spellings = [USER_ID, USER_ID.upper(), bare, bare.upper(), bare + "and more"]
    outbounds = [configs.vmess_out([(LOOPBACK, server)], user_id=spelling) for spelling in spellings]
    for port in start_clients(lab, pair.client, outbounds):
        with entries.socks5(port, LOOPBACK, target.port) as connection:
            alive(connection)
    line = f"email: {EMAIL}\n"
    wait_until(lambda: access_log(lab).count(line) == len(spellings), "a line for each spelling")


def id_values(lab, program):
    bare = USER_ID.replace("-", "")
    wrong = ["", "abc", bare[:-1], bare[:-1] + "g", "{" + USER_ID + "}", bare[:3] + "-" + bare[3:], None, 7]
    judge(lab, program, [(value, "refused") for value in wrong], lambda value: _user(id=value))
    judge(lab, program, [("no id", "refused")], lambda _: _without("id", "user"))


def share(lab, pair):
    """Of the client's 64 ids the server knows 16: three of four connections fail."""
    target = lab.closing(Target(echo))
    clients = [{"id": USER_ID, "alterId": 16, "email": EMAIL}]
    server, _ = start_server(lab, pair.server, clients, times=configs.policy(handshake=4))
    port = start_client(lab, pair.client, server, alterId=64)
    passed = passed_of(_SHARE_REQUESTS, port, target)
    # Forty on average. By chance twelve and fewer, or seventy and more: less than once in 10^7 runs.
    assert 12 < passed < 70, passed


def alter_values(lab, program):
    verdicts = [(value, "") for value in (0, 1, 16, 65535, None)]
    verdicts += [(value, "refused") for value in (-1, 65536, "16", True)]
    judge(lab, program, verdicts, lambda value: _user(alterId=value))
    for text in ("1.0", "1e1"):
        path = lab.write("tried.json", rows.json.dumps(_user(alterId=4711)).replace("4711", text))
        done = lab.call(program, ["-test", "-config", path])
        assert done.returncode == rows.CONFIG_ERROR, (text, done)


def level_values(lab, program):
    verdicts = [(value, "") for value in (0, 1, 255, 256, 4294967295, None)]
    verdicts += [(value, "refused") for value in (-1, 4294967296, "1")]
    judge(lab, program, verdicts, lambda value: _user(level=value))


def every_security(lab, pair):
    """Whatever the client is told, the bytes arrive as they were sent."""
    target = lab.closing(Target(echo))
    server, _ = start_server(lab, pair.server)
    outbounds = [configs.vmess_out([(LOOPBACK, server)], word) for word in securities_of(pair)]
    for port in start_clients(lab, pair.client, outbounds):
        with entries.socks5(port, LOOPBACK, target.port) as connection:
            echoes(connection, Payload(100_000))


def announces(lab, program, words):
    """What a client that is told a word asks the server for."""
    server = lab.closing(Server())
    outbounds = [configs.vmess_out([(LOOPBACK, server.port)], word) for word in words]
    ports = start_clients(lab, program, outbounds)
    for port, (word, expected) in zip(ports, words.items()):
        with entries.socks5(port, LOOPBACK, 4711) as connection:
            connection.sendall(b"x")
            request = server.accept()
            assert (request.security, request.option) == expected, (word, request)
            server.connection.close()


def security_values(lab, program):
    """Every word leads to the cipher it stands for, in any case of letters; what is none, to auto."""
    wire.need_cryptography()
    announces(lab, program, ON_THE_WIRE)
    odd = [(word, "auto is used") for word in ("aes-256-gcm", "aes-128-cfb")]
    verdicts = [("auto", ""), ("NONE", ""), (None, ""), ("", ""), *odd, (5, "refused")]
    judge(lab, program, verdicts, lambda value: _user(security=value))


def cfb(lab, program):
    """The oldest cipher, which nobody can choose and V2Ray's clients have on every detour."""
    target = lab.closing(Target(echo))
    port, _ = start_server(lab, program)
    with Client(port, Request(LOOPBACK, target.port, AES_128_CFB, S)) as client:
        wire_cases.chunks_come_back(client, program, (1, 2, 100, 2048, 8192, 16000))
