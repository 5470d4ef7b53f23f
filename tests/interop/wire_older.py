"""The older header, and the command that answers can carry, from the specification alone (see wire.py)."""

import hmac
import os
import struct
import time
import uuid
from dataclasses import dataclass

import wire
from configs import USER_ID
from peers import Client
from streams import receive_exactly

_CHAIN_SALT = b"16167dc8-16b6-4e6d-b8bb-65dd68113a81"
_SWITCH_ACCOUNT = 1


def alternative_ids(user_id: str, count: int) -> list[bytes]:
    """The chain of section 3, which starts at the user's own id. An id that is its own hash is not expected."""
    ids = [uuid.UUID(user_id).bytes]
    for _ in range(count):
        ids.append(wire.md5(ids[-1] + _CHAIN_SALT))
    return ids[1:]


def token_of(signer: bytes, timestamp: int) -> bytes:
    return hmac.new(signer, struct.pack(">q", timestamp), "md5").digest()


def seal_request(signer: bytes, cmd_key: bytes, plain: bytes, timestamp=None) -> bytes:
    """Section 4; `signer` is the main id or one of the alternative ones."""
    timestamp = int(time.time()) if timestamp is None else timestamp
    mode = wire.CFB(wire.md5(4 * struct.pack(">q", timestamp)))
    encryptor = wire.Cipher(wire.algorithms.AES(cmd_key), mode).encryptor()
    return token_of(signer, timestamp) + encryptor.update(plain)


class OlderClient(Client):
    """A client that signs its header the older way.

    signer  the id that it signs with; the user's own, if not given
    """

    def __init__(self, port, request, signer=None, user_id=USER_ID, source=None):
        request.older = True
        super().__init__(port, request, user_id, source)
        self._signer = signer or uuid.UUID(user_id).bytes
        self._stream = None

    def header(self, timestamp=None) -> bytes:
        return seal_request(self._signer, self.cmd_key, self.request.plain(), timestamp)

    def _read_head(self) -> bytes:
        key, iv = wire.response_secrets(self.request)
        decryptor = wire.Cipher(wire.algorithms.AES(key), wire.CFB(iv)).decryptor()
        plain = decryptor.update(receive_exactly(self.connection, 4))
        assert plain[0] == self.request.v, "the answer is to another request"
        return plain + decryptor.update(receive_exactly(self.connection, plain[3]))


@dataclass(frozen=True)
class Switch:
    """What a server tells its client: where to go on, as whom, and for how long."""

    host: str
    port: int
    user_id: str
    alter_ids: int
    level: int
    minutes: int

    def encoded(self) -> bytes:
        host = self.host.encode()
        content = bytes([len(host)]) + host + struct.pack(">H", self.port) + uuid.UUID(self.user_id).bytes
        content += struct.pack(">HBB", self.alter_ids, self.level, self.minutes)
        return bytes([_SWITCH_ACCOUNT, 4 + len(content)]) + wire.fnv1a(content) + content


def switch_in(head: bytes):
    """The command of an answer's head; None where there is none."""
    number, length = head[2:4]
    if number == 0:
        assert length == 0, head
        return None
    assert number == _SWITCH_ACCOUNT and length == len(head) - 4, head
    checksum, content = head[4:8], head[8:]
    assert wire.fnv1a(content) == checksum, "the command's checksum is wrong"
    host_bytes = content[0]
    rest = content[1 + host_bytes :]
    assert len(rest) == 22, f"{len(rest)} bytes follow the host"
    port, alter_ids, level, minutes = struct.unpack(">H16xHBB", rest)
    name = str(uuid.UUID(bytes=rest[2:18]))
    return Switch(content[1 : 1 + host_bytes].decode(), port, name, alter_ids, level, minutes)


def ask(port, request, older=False, payload=b"word", **client):
    """One request of `payload` to an echo; gives the head of the answer."""
    wire.need_cryptography()
    kind = OlderClient if older else Client
    with kind(port, request, **client) as asking:
        asking.send(asking.header() + asking.chunk(payload))
        assert asking.receive(len(payload)) == payload
        return asking.head


def fresh_id() -> str:
    return str(uuid.UUID(bytes=os.urandom(16)))
