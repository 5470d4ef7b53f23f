"""Bytes arrive as they were sent: every way in, every security, both directions, small and large."""

from functools import partial

import entries
from cases import Case
from configs import LOOPBACK
from streams import Payload, dial, echoes, receive_digest, receive_exactly, receive_to_end, receive_until, send_payload
from targets import Origin, Target, digest_of, echo, header_of, source_of, speaks_first
from tunnel import ENTRIES, Tunnel, securities_of

LARGE_BYTES = 256 << 20
_LARGE_LIMIT_SECONDS = 180  # enough for a sanitized build on a busy machine

# What a target sends before it closes.
_HALF_RESPONSES = {
    "head": b"HTTP/1.1 200 OK\r\nServer: x\r\n",
    "body": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nthree",
    "chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nthr",
    "bad-field": b"HTTP/1.1 200 OK\r\nServer: x\r\nno field\r\nContent-Length: 0\r\n\r\n",
}


def cases(bench):
    for pair in bench.pairs:
        for security in securities_of(pair):
            place = f"{pair}/{security}"
            with_these = {"pair": pair, "security": security}
            for entry in ENTRIES:
                yield Case(
                    f"relay/{place}/{entry}", partial(small_payloads, entry=entry, **with_these)
                )
            yield Case(f"relay/{place}/http-plain", partial(plain_http, **with_these))
            for entry in ENTRIES:
                for way, run in (("up", large_upload), ("down", large_download)):
                    yield Case(
                        f"large/{place}/{entry}/{way}",
                        partial(run, entry=entry, **with_these),
                        long=security != "aes-128-gcm" or entry != "socks5",
                        limit_seconds=_LARGE_LIMIT_SECONDS,
                    )
            yield Case(f"speaks-first/{place}/at-once", partial(greeted, seconds=0, **with_these))
            yield Case(
                f"speaks-first/{place}/after-silence",
                partial(greeted, seconds=3, **with_these),
                long=security not in ("auto", "none"),
            )
        yield Case(f"http/{pair}/two-origins-one-connection", partial(two_origins, pair=pair))
        yield Case(f"http/{pair}/hop-by-hop", partial(hop_by_hop, pair=pair))
        yield Case(f"http/{pair}/close-delimited", partial(close_delimited, pair=pair))
        if pair.client.is_ours:
            for name, response in _HALF_RESPONSES.items():
                run = partial(half_response, pair=pair, response=response)
                yield Case(f"http/{pair}/half-a-response/{name}", run)
        yield Case(f"relay/{pair}/small-writes", partial(small_writes, pair=pair))


def small_payloads(lab, pair, security, entry):
    target = lab.closing(Target(echo))
    tunnel = Tunnel(lab, pair, security, target=(LOOPBACK, target.port))
    for total_bytes in (1, 100_000):
        with tunnel.enter(entry, LOOPBACK, target.port) as connection:
            echoes(connection, Payload(total_bytes))


def large_upload(lab, pair, security, entry):
    payload = Payload(LARGE_BYTES, seed=1)
    target = lab.closing(Target(digest_of(LARGE_BYTES)))
    tunnel = Tunnel(lab, pair, security, target=(LOOPBACK, target.port))
    with tunnel.enter(entry, LOOPBACK, target.port) as connection:
        send_payload(connection, payload)
        digest = receive_exactly(connection, 64).decode()
    assert digest == payload.digest(), "what arrived differs from what was sent"


def large_download(lab, pair, security, entry):
    payload = Payload(LARGE_BYTES, seed=2)
    target = lab.closing(Target(source_of(payload)))
    tunnel = Tunnel(lab, pair, security, target=(LOOPBACK, target.port))
    with tunnel.enter(entry, LOOPBACK, target.port) as connection:
        digest = receive_digest(connection, LARGE_BYTES)
        assert connection.recv(1) == b"", "more came than was sent"
    assert digest == payload.digest(), "what arrived differs from what was sent"


def plain_http(lab, pair, security):
    origin = Origin("origin", body=Payload(100_000).bytes())
    target = lab.closing(Target(origin))
    tunnel = Tunnel(lab, pair, security)
    url = f"http://{LOOPBACK}:{target.port}/path?query=1"
    with dial(tunnel.http_port) as connection:
        head, body = entries.http_request(connection, "GET", url)
    assert head.startswith("HTTP/1.1 200 "), head
    assert body == Payload(100_000).bytes(), "the answer's body differs"
    upload = Payload(100_000, seed=3)
    with dial(tunnel.http_port) as connection:
        head, body = entries.http_request(connection, "POST", url, body=upload.bytes())
    assert body.decode() == upload.digest(), "the request's body differs"
    assert origin.heads[0].startswith("GET /path?query=1 HTTP/1.1\r\n"), origin.heads[0]


def two_origins(lab, pair):
    """One kept connection to the proxy, requests to two origins, each answered by the right one."""
    first, second = Origin("first"), Origin("second")
    ports = [lab.closing(Target(origin)).port for origin in (first, second)]
    tunnel = Tunnel(lab, pair)
    kept = ["Proxy-Connection: keep-alive"]
    with dial(tunnel.http_port) as connection:
        for name, port in (("first", ports[0]), ("second", ports[1]), ("first", ports[0])):
            url = f"http://{LOOPBACK}:{port}/{name}"
            head, body = entries.http_request(connection, "GET", url, headers=kept)
            assert head.startswith("HTTP/1.1 200 "), head
            assert body == f"this is {name}".encode(), body
    assert [len(first.heads), len(second.heads)] == [2, 1]


def hop_by_hop(lab, pair):
    """Fields for the proxy stay at the proxy; fields for the origin arrive."""
    origin = Origin("origin")
    target = lab.closing(Target(origin))
    tunnel = Tunnel(lab, pair)
    headers = [
        "Proxy-Connection: keep-alive",
        "Proxy-Authorization: Basic c2VjcmV0OnNlY3JldA==",
        "Connection: X-Named, keep-alive",
        "X-Named: for the proxy only",
        "X-Kept: for the origin",
    ]
    with dial(tunnel.http_port) as connection:
        url = f"http://{LOOPBACK}:{target.port}/"
        entries.http_request(connection, "GET", url, headers=headers)
    head = origin.heads[0]
    for dropped in ("proxy-connection", "proxy-authorization", "x-named"):
        assert header_of(head, dropped) is None, f"{dropped} reached the origin:\n{head}"
    assert header_of(head, "x-kept") == "for the origin", head
    assert header_of(head, "host") == f"{LOOPBACK}:{target.port}", head


def close_delimited(lab, pair):
    """A body without a length ends with its connection, and arrives whole."""
    payload = Payload(300_000, seed=4)

    def serve(connection):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        source_of(payload)(connection)

    target = lab.closing(Target(serve))
    tunnel = Tunnel(lab, pair)
    with dial(tunnel.http_port) as connection:
        url = f"http://{LOOPBACK}:{target.port}/"
        lines = [f"GET {url} HTTP/1.1", f"Host: {LOOPBACK}:{target.port}", "", ""]
        connection.sendall("\r\n".join(lines).encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += receive_exactly(connection, 1)
        body = b""
        if b"chunked" in head.lower():
            body = entries.chunked_body(connection)
        else:
            body = b"".join(iter(lambda: connection.recv(65536), b""))
    assert body == payload.bytes(), f"{len(body)} bytes arrived of {payload.total_bytes}"


def half_response(lab, pair, response):
    """What breaks off, or is none from some byte on, ends in a reset: an end would make a whole one of it."""

    def serve(connection):
        receive_until(connection, b"\r\n\r\n")
        connection.sendall(response)
        connection.close()

    target = lab.closing(Target(serve))
    tunnel = Tunnel(lab, pair)
    with dial(tunnel.http_port) as connection:
        connection.sendall(f"GET http://{LOOPBACK}:{target.port}/ HTTP/1.1\r\n\r\n".encode())
        received, ending = receive_to_end(connection)
    assert ending == "reset", f"{received} and an end"


def greeted(lab, pair, security, seconds):
    """The target speaks first; the application has not sent a byte until then."""
    greeting = b"220 welcome\r\n"
    target = lab.closing(Target(speaks_first(greeting, seconds)))
    tunnel = Tunnel(lab, pair, security, target=(LOOPBACK, target.port))
    for entry in ("socks5", "dokodemo") if not seconds else ("socks5",):
        with tunnel.enter(entry, LOOPBACK, target.port) as connection:
            assert receive_exactly(connection, len(greeting)) == greeting
            echoes(connection, Payload(100_000))


def small_writes(lab, pair):
    """A conversation of many small turns."""
    target = lab.closing(Target(echo))
    tunnel = Tunnel(lab, pair)
    with tunnel.socks(target.port) as connection:
        for size in range(1, 400):
            word = bytes([size & 0xFF]) * size
            connection.sendall(word)
            assert receive_exactly(connection, size) == word
