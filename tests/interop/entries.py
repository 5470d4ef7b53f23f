"""The ways an application enters a client: each gives a socket that leads to the target.

They speak just enough of each protocol, check every byte of the answer, and read not one byte more than
it, because what follows is the target's.
"""

import ipaddress
import struct

from streams import dial, receive_exactly, receive_until


class Refused(Exception):
    """The proxy said no; the text is its answer."""


def socks5(port, host, target_port, account=None, listen="127.0.0.1"):
    connection = dial(port, listen)
    method = 2 if account else 0
    connection.sendall(bytes([5, 1, method]))
    chosen = receive_exactly(connection, 2)
    if chosen != bytes([5, method]):
        raise Refused(f"method {chosen.hex()}")
    if account:
        user, word = (part.encode() for part in account)
        connection.sendall(bytes([1, len(user)]) + user + bytes([len(word)]) + word)
        verdict = receive_exactly(connection, 2)
        if verdict[1] != 0:
            raise Refused(f"account {verdict.hex()}")
    connection.sendall(b"\x05\x01\x00" + _socks5_address(host) + struct.pack(">H", target_port))
    answer = receive_exactly(connection, 4)
    if answer[:3] != b"\x05\x00\x00":
        raise Refused(f"answer {answer.hex()}")
    rest = {1: 4, 4: 16}.get(answer[3])
    if rest is None:
        rest = receive_exactly(connection, 1)[0]
    receive_exactly(connection, rest + 2)
    return connection


def socks4a(port, host, target_port):
    connection = dial(port)
    request = struct.pack(">BBH4s", 4, 1, target_port, b"\x00\x00\x00\x01")
    connection.sendall(request + b"user\x00" + host.encode() + b"\x00")
    return _socks4_answered(connection)


def socks4(port, host, target_port):
    connection = dial(port)
    address = ipaddress.IPv4Address(host).packed
    connection.sendall(struct.pack(">BBH4s", 4, 1, target_port, address) + b"user\x00")
    return _socks4_answered(connection)


def http_connect(port, host, target_port, headers=()):
    connection = dial(port)
    authority = f"[{host}]:{target_port}" if ":" in host else f"{host}:{target_port}"
    lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}", *headers, "", ""]
    connection.sendall("\r\n".join(lines).encode())
    head = receive_until(connection, b"\r\n\r\n").decode("latin-1")
    if head.split(" ", 2)[1] != "200":
        raise Refused(head.split("\r\n")[0])
    return connection


def http_request(connection, method, url, headers=(), body=b""):
    """One request of the plain kind on a kept connection to the proxy; gives head and body."""
    host = url.split("/")[2]
    length = [f"Content-Length: {len(body)}"] if body else []
    lines = [f"{method} {url} HTTP/1.1", f"Host: {host}", *length, *headers, "", ""]
    connection.sendall("\r\n".join(lines).encode() + body)
    return http_response(connection)


def http_response(connection):
    head = receive_until(connection, b"\r\n\r\n").decode("latin-1")
    for line in head.split("\r\n"):
        field, _, value = line.partition(":")
        if field.lower() == "content-length":
            return head, receive_exactly(connection, int(value))
        if field.lower() == "transfer-encoding" and value.strip().lower() == "chunked":
            return head, chunked_body(connection)
    return head, b""


def chunked_body(connection) -> bytes:
    body = b""
    while size := int(receive_until(connection, b"\r\n"), 16):
        body += receive_exactly(connection, size)
        receive_exactly(connection, 2)
    receive_until(connection, b"\r\n")
    return body


def _socks4_answered(connection):
    answer = receive_exactly(connection, 8)
    if answer[:2] != b"\x00\x5a":
        raise Refused(f"answer {answer.hex()}")
    return connection


def _socks5_address(host) -> bytes:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return b"\x03" + bytes([len(host)]) + host.encode()
    return (b"\x01" if address.version == 4 else b"\x04") + address.packed
