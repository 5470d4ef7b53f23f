"""A real QUIC exchange through each framing of datagrams: HTTP/3 of Debian's ngtcp2-client and ngtcp2-server."""

import datetime
import os
import shutil
from functools import partial
from typing import NamedTuple

import wire
from cases import Case, Skip
from configs import LOOPBACK
from datagrams import noise
from lab import Program, udp_ports, wait_for_access, wait_until
from udp_cases import UdpTunnel

# Several streams at once, each of hundreds of full datagrams.
_PAGES = 3
_PAGE_BYTES = 300_000
_BROWSER_SECONDS = 40
_FRAMINGS = {
    "vmess": {},
    "mux": {"mux": {"enabled": True, "concurrency": 8}},
    "xudp": {"settings": {"packetEncoding": "xudp"}},
}


def cases(bench):
    for pair in bench.pairs:
        for framing in _FRAMINGS:
            # V2Ray 4.34 has no XUDP.
            if framing != "xudp" or pair.both_ours:
                yield Case(f"quic/{pair}/{framing}", partial(pages, pair=pair, framing=framing))


class Site(NamedTuple):
    """Where pages are to be had, and what they are."""

    host: str
    port: int
    pages: dict


def pages(lab, pair, framing):
    """The pages of a site come whole through an entry of the tunnel that stands for it."""
    site = _site(lab)
    tunnel = UdpTunnel(lab, pair, site, **_FRAMINGS[framing])
    os.mkdir(lab.path("got"))
    options = ["-q", "--exit-on-all-streams-close", "--download", lab.path("got")]
    urls = [f"https://localhost/{name}" for name in site.pages]
    command = [_program("gtlsclient"), *options, LOOPBACK, str(tunnel.door_port), *urls]
    client = lab.spawn(Program("gtlsclient", command[0]), command, "browser")
    assert client.exit_code(_BROWSER_SECONDS) == 0, client.output()
    for name, page in site.pages.items():
        with open(os.path.join(lab.path("got"), name), "rb") as file:
            assert file.read() == page, f"{name} is not what it was"
    wait_for_access(lab, lambda text: f"accepted udp:{site.host}:{site.port}" in text)
    # Their associations are open still; who is asked twice does not wait for them.
    for process in (tunnel.client, tunnel.server):
        process.terminate()


def _site(lab):
    os.mkdir(lab.path("site"))
    content = {f"page{number}": noise(_PAGE_BYTES) for number in range(_PAGES)}
    for name, page in content.items():
        with open(os.path.join(lab.path("site"), name), "wb") as file:
            file.write(page)
    key, certificate = _identity(lab)
    # Below the ports that the kernel gives to sockets without one.
    port = lab.free_range(1)[0]
    program = Program("gtlsserver", _program("gtlsserver"))
    command = [program.path, "-q", "-d", lab.path("site"), LOOPBACK, str(port), key, certificate]
    server = lab.spawn(program, command, "site")
    wait_until(lambda: port in udp_ports() or not server.running(), f"the site to listen on {port}")
    assert server.running(), server.output()
    return Site(LOOPBACK, port, content)


def _program(name):
    path = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin")))
    if not path:
        raise Skip(f"there is no {name}: install ngtcp2-client and ngtcp2-server")
    return path


def _identity(lab):
    """A key and a certificate that it has signed itself, as files."""
    wire.need_cryptography()
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    today = datetime.datetime.utcnow()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    paths = lab.path("site.key"), lab.path("site.crt")
    for path, data in zip(paths, (private, certificate.public_bytes(pem))):
        with open(path, "wb") as file:
            file.write(data)
    return paths
