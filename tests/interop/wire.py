"""VMess with the AEAD header, written from the specification alone, for peers that misbehave.

A second implementation in the tests, so that neither end of the program under test can hide a mistake
that both of its ends share. Slow and plain on purpose; the vectors of tests/vectors check it.
"""

import hashlib
import hmac
import ipaddress
import os
import struct
import time
import uuid
import zlib
from dataclasses import dataclass, field

from cases import Skip

try:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
except ImportError:
    Cipher = None

try:
    # The mode has moved to a module of what is no longer recommended; both places are tried.
    from cryptography.hazmat.decrepit.ciphers.modes import CFB
except ImportError:
    CFB = Cipher and modes.CFB

AES_128_CFB, AES_128_GCM, CHACHA20_POLY1305, NONE = 1, 3, 4, 5
S, M, P, A = 0x01, 0x04, 0x08, 0x10
TCP, UDP, MUX = 1, 2, 3

_COMMAND_SALT = b"c48619fe-8f02-49e0-b9e9-edf763e17e21"
_TAG_BYTES = 16


def need_cryptography() -> None:
    if Cipher is None:
        raise Skip("python3-cryptography is not installed")


def md5(data: bytes) -> bytes:
    return hashlib.md5(data).digest()


def fnv1a(data: bytes) -> bytes:
    value = 0x811C9DC5
    for byte in data:
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return struct.pack(">I", value)


def command_key(user_id: str) -> bytes:
    return md5(uuid.UUID(user_id).bytes + _COMMAND_SALT)


def kdf(key: bytes, *path: bytes) -> bytes:
    """The nested HMAC of section 5: each label keys an HMAC whose hash is all below it."""

    def innermost(message):
        return hmac.new(b"VMess AEAD KDF", message, "sha256").digest()

    def keyed(below, label):
        padded = label.ljust(64, b"\0")
        inner = bytes(byte ^ 0x36 for byte in padded)
        outer = bytes(byte ^ 0x5C for byte in padded)
        return lambda message: below(outer + below(inner + message))

    layer = innermost
    for label in path:
        layer = keyed(layer, label)
    return layer(key)


def kdf16(key, *path):
    return kdf(key, *path)[:16]


def kdf12(key, *path):
    return kdf(key, *path)[:12]


def chacha_key(key: bytes) -> bytes:
    return md5(key) + md5(md5(key))


def aead_of(security: int, key: bytes):
    return AESGCM(key) if security == AES_128_GCM else ChaCha20Poly1305(chacha_key(key))


def auth_id(cmd_key: bytes, timestamp: int, random: bytes) -> bytes:
    plain = struct.pack(">q", timestamp) + random
    plain += struct.pack(">I", zlib.crc32(plain))
    encryptor = _block_cipher(cmd_key).encryptor()
    return encryptor.update(plain) + encryptor.finalize()


def _block_cipher(cmd_key):
    return Cipher(algorithms.AES(kdf16(cmd_key, b"AES Auth ID Encryption")), modes.ECB())


@dataclass
class Request:
    """The plain header of section 7. `padding` is the bytes behind the address, which a mux has not; `older`, that it
    goes the older way."""

    host: str = "127.0.0.1"
    port: int = 0
    security: int = AES_128_GCM
    option: int = S | M | P
    command: int = 1
    version: int = 1
    key: bytes = field(default_factory=lambda: os.urandom(16))
    iv: bytes = field(default_factory=lambda: os.urandom(16))
    v: int = field(default_factory=lambda: os.urandom(1)[0])
    padding: bytes = b""
    older: bool = False

    def plain(self, checksum=None) -> bytes:
        head = bytes([self.version]) + self.iv + self.key
        head += bytes([self.v, self.option, len(self.padding) << 4 | self.security, 0, self.command])
        if self.command != MUX:
            head += struct.pack(">H", self.port) + address(self.host)
        head += self.padding
        return head + (fnv1a(head) if checksum is None else checksum)


def address(host: str) -> bytes:
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        return b"\x02" + bytes([len(host)]) + host.encode()
    return (b"\x01" if literal.version == 4 else b"\x03") + literal.packed


def seal_request(cmd_key, plain, timestamp=None, random=None, nonce=None) -> bytes:
    timestamp = int(time.time()) if timestamp is None else timestamp
    identifier = auth_id(cmd_key, timestamp, random or os.urandom(4))
    nonce = nonce or os.urandom(8)

    def sealed(kind, data):
        key = kdf16(cmd_key, b"VMess Header AEAD Key" + kind, identifier, nonce)
        iv = kdf12(cmd_key, b"VMess Header AEAD Nonce" + kind, identifier, nonce)
        return AESGCM(key).encrypt(iv, data, identifier)

    length = sealed(b"_Length", struct.pack(">H", len(plain)))
    return identifier + length + nonce + sealed(b"", plain)


def open_request(cmd_key, receive) -> Request:
    """receive(count) gives the next bytes of the stream."""
    identifier = receive(16)
    sealed_length = receive(18)
    nonce = receive(8)

    def opened(kind, data):
        key = kdf16(cmd_key, b"VMess Header AEAD Key" + kind, identifier, nonce)
        iv = kdf12(cmd_key, b"VMess Header AEAD Nonce" + kind, identifier, nonce)
        return AESGCM(key).decrypt(iv, data, identifier)

    (length,) = struct.unpack(">H", opened(b"_Length", sealed_length))
    plain = opened(b"", receive(length + _TAG_BYTES))
    assert fnv1a(plain[:-4]) == plain[-4:], "the header's checksum is wrong"
    return Request(
        iv=plain[1:17],
        key=plain[17:33],
        v=plain[33],
        option=plain[34],
        security=plain[35] & 15,
        command=plain[37],
        port=struct.unpack(">H", plain[38:40])[0],
        host=str(plain[41:-4]),
    )


def response_secrets(request) -> tuple[bytes, bytes]:
    if request.older:
        return md5(request.key), md5(request.iv)
    return hashlib.sha256(request.key).digest()[:16], hashlib.sha256(request.iv).digest()[:16]


def seal_response(request, v=None, command=b"\0\0") -> bytes:
    key, iv = response_secrets(request)
    plain = bytes([request.v if v is None else v, 0]) + command
    length_cipher = AESGCM(kdf16(key, b"AEAD Resp Header Len Key"))
    header_cipher = AESGCM(kdf16(key, b"AEAD Resp Header Key"))
    return length_cipher.encrypt(
        kdf12(iv, b"AEAD Resp Header Len IV"), struct.pack(">H", len(plain)), None
    ) + header_cipher.encrypt(kdf12(iv, b"AEAD Resp Header IV"), plain, None)


def open_response(request, receive) -> bytes:
    key, iv = response_secrets(request)
    length_cipher = AESGCM(kdf16(key, b"AEAD Resp Header Len Key"))
    header_cipher = AESGCM(kdf16(key, b"AEAD Resp Header Key"))
    length = length_cipher.decrypt(kdf12(iv, b"AEAD Resp Header Len IV"), receive(18), None)
    sealed = receive(struct.unpack(">H", length)[0] + _TAG_BYTES)
    plain = header_cipher.decrypt(kdf12(iv, b"AEAD Resp Header IV"), sealed, None)
    assert plain[0] == request.v, "the answer is to another request"
    return plain


class Body:
    """One direction of a stream body: its framing, ciphers and counters, for sealing or opening."""

    def __init__(self, request, response=False):
        key, iv = response_secrets(request) if response else (request.key, request.iv)
        self.security = request.security
        option = request.option
        chunked_cipher = self.security in (AES_128_GCM, CHACHA20_POLY1305)
        self.raw = not chunked_cipher and not option & S
        self.ends = bool(option & S)
        self.masks = bool(option & M)
        # Datagrams in the clear are padded, streams in the clear are not.
        has_padding = self.security != NONE or request.command == 2
        self.pads = bool(option & P) and has_padding
        self.seals_lengths = bool(option & A) and chunked_cipher
        self.overhead = _TAG_BYTES if chunked_cipher else 0
        self._iv = iv
        self._request_iv = request.iv
        self._counter = 0
        self._aead = aead_of(self.security, key) if chunked_cipher else None
        # The whole stream of the older cipher is one key stream: fields, checksums, payload, padding.
        self._stream = self._follow = None
        if self.security == AES_128_CFB:
            self.overhead = 4
            cipher = Cipher(algorithms.AES(key), CFB(iv))
            self._stream, self._follow = cipher.encryptor(), cipher.decryptor()
        if self.seals_lengths:
            self._length_aead = aead_of(self.security, kdf16(request.key, b"auth_len"))
        self._words = b""
        self._word = 0

    def word(self) -> int:
        """The next word of the SHAKE stream; the stream is made anew, twice as long, when it runs out."""
        if self._word + 2 > len(self._words):
            self._words = hashlib.shake_128(self._iv).digest(max(4096, 2 * len(self._words)))
        self._word += 2
        return struct.unpack_from(">H", self._words, self._word - 2)[0]

    def seal(self, payload: bytes, lie=None) -> bytes:
        """One chunk; an empty payload is the end. `lie` is a length to announce instead of the true one."""
        if self.raw:
            return self._stream.update(payload) if self._stream else payload
        padding = os.urandom(self.word() % 64) if self.pads else b""
        sealed = fnv1a(payload) + payload if self._stream else payload
        if self._aead:
            sealed = self._aead.encrypt(self._nonce(self._iv), payload, None)
        length = len(sealed) + len(padding) if lie is None else lie
        if self.seals_lengths:
            field = struct.pack(">H", length - _TAG_BYTES & 0xFFFF)
            field = self._length_aead.encrypt(self._nonce(self._request_iv), field, None)
        else:
            field = struct.pack(">H", length ^ (self.word() if self.masks else 0))
        self._counter = (self._counter + 1) & 0xFFFF
        chunk = field + sealed + padding
        return self._stream.update(chunk) if self._stream else chunk

    def end(self) -> bytes:
        return self.seal(b"") if self.ends else b""

    def open(self, receive) -> bytes:
        """The payload of the next chunk; b"" is the end."""
        if self._follow:
            follow = self._follow

            def receive(count, sealed=receive):
                return follow.update(sealed(count))

        field = receive(18 if self.seals_lengths else 2)
        padding = self.word() % 64 if self.pads else 0
        if self.seals_lengths:
            plain = self._length_aead.decrypt(self._nonce(self._request_iv), field, None)
            length = struct.unpack(">H", plain)[0] + _TAG_BYTES
        else:
            length = struct.unpack(">H", field)[0] ^ (self.word() if self.masks else 0)
        assert length >= self.overhead + padding, f"a chunk of {length} bytes is too short"
        payload = receive(length)[: length - padding]
        if self._aead:
            payload = self._aead.decrypt(self._nonce(self._iv), payload, None)
        if self._follow:
            checksum, payload = payload[:4], payload[4:]
            assert checksum == fnv1a(payload), "a chunk with a wrong checksum"
        self._counter = (self._counter + 1) & 0xFFFF
        return payload

    def open_raw(self, data: bytes) -> bytes:
        """What a body without chunks says."""
        return self._follow.update(data) if self._follow else data

    def _nonce(self, iv) -> bytes:
        return struct.pack(">H", self._counter) + iv[2:12]
