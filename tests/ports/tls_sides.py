"""Both sides of the TLS port, each with a client that knows nothing of the engine under test."""

import contextlib
import datetime as dt
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from beam_actors.errors import RemoteProtocolError
from beam_actors.ports import CertifiedKey
from beam_actors.testing.tls import PlainTls, chain_digest
from beam_actors.world.tls import OpenSslTls


def certified(name):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    day = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 7, day, day + dt.timedelta(days=9999))
    chain = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    pkcs8, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return CertifiedKey(chain, key.private_bytes(serialization.Encoding.PEM, pkcs8, plain))


CERTIFICATES = {name: certified(name) for name in ("one.local", "two.local")}


def certificate_for(name):
    return CERTIFICATES["one.local"] if name is None else CERTIFICATES.get(name)


class OpenSslClient:
    """The standard library's client with the surface of an engine."""

    def __init__(self, name, *, version=None, protocols=("http/1.1",)):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(protocols)
        if version is not None:
            context.minimum_version = context.maximum_version = version
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=name)
        self.established = False
        self.feed(b"")

    def feed(self, data):
        self.incoming.write(data)
        if not self.established:
            try:
                self.tls.do_handshake()
                self.established = True
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError as error:
                raise RemoteProtocolError(str(error)) from None

    def take(self, limit=1 << 18):
        return self.outgoing.read(limit)

    def read(self, limit):
        try:
            return self.tls.read(limit)
        except ssl.SSLWantReadError:
            return None
        except ssl.SSLZeroReturnError:
            return b""

    def write(self, data):
        return self.tls.write(data)

    def close_notify(self):
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.unwrap()

    @property
    def certificate(self):
        return self.tls.getpeercert(binary_form=True)


class Real:
    port = OpenSslTls()
    client = staticmethod(OpenSslClient)

    @staticmethod
    def fingerprint(certified_key):
        return ssl.PEM_cert_to_DER_cert(certified_key.chain.decode())


class Simulated:
    port = PlainTls()
    client = staticmethod(lambda name: PlainTls().client(name))
    fingerprint = staticmethod(chain_digest)


def carry(client, server):
    """Move bytes both ways until neither end has more."""
    while (up := client.take()) or (down := server.take()):
        if up:
            server.feed(up)
        elif down:
            client.feed(down)
