"""The contract of the TLS port: OpenSSL against the standard library's client, plain frames against their own."""

import contextlib
import datetime as dt
import re
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beam_actors.errors import BeamError, LocalProtocolError, RemoteProtocolError
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


@pytest.fixture(params=[Real, Simulated])
def side(request):
    return request.param


def carry(client, server):
    """Move bytes both ways until neither end has more."""
    while (up := client.take()) or (down := server.take()):
        if up:
            server.feed(up)
        elif down:
            client.feed(down)


def connected(side, name="one.local"):
    client, server = side.client(name), side.port.server(certificate_for)
    carry(client, server)
    assert client.established
    assert server.established
    return client, server


@pytest.mark.parametrize(
    ("name", "certificate"), [("one.local", "one.local"), ("TWO.local", "two.local"), (None, "one.local")]
)
def test_the_certificate_is_chosen_once_by_the_name(side, name, certificate):
    asked = []

    def choose(server_name):
        asked.append(server_name)
        return certificate_for(server_name)

    client, server = side.client(name), side.port.server(choose)
    assert server.server_name is None
    assert server.write(b"early") == 0
    assert server.read(10) is None
    carry(client, server)
    assert asked == [name.lower() if name else None]
    assert server.server_name == asked[0]
    assert client.certificate == side.fingerprint(CERTIFICATES[certificate])


def test_plaintext_goes_both_ways(side):
    client, server = connected(side)
    payload = bytes(range(256)) * 400
    sent = 0
    got = bytearray()
    while sent < len(payload):
        sent += server.write(payload[sent:])
        carry(client, server)
        while data := client.read(10_000):
            got += data
    assert got == payload
    client.write(b"question")
    carry(client, server)
    assert server.read(3) == b"que"
    assert server.read(100) == b"stion"
    assert server.read(100) is None
    assert server.write(b"") == 0


def test_bytes_may_come_one_by_one(side):
    client, server = side.client("two.local"), side.port.server(certificate_for)
    for _ in range(4):
        for byte in client.take():
            server.feed(bytes([byte]))
        client.feed(server.take())
    assert server.established
    client.write(b"hello")
    got = bytearray()
    for byte in client.take():
        server.feed(memoryview(bytearray([byte])))
        got += server.read(100) or b""
    assert got == b"hello"


def test_take_respects_its_limit(side):
    client, server = connected(side)
    server.write(b"x" * 10_000)
    parts = []
    while part := server.take(1000):
        assert len(part) <= 1000
        parts.append(part)
    assert len(parts) >= 10
    client.feed(b"".join(parts))
    assert client.read(20_000) == b"x" * 10_000


def test_each_direction_ends_by_itself(side):
    client, server = connected(side)
    client.write(b"0123456789")
    carry(client, server)
    assert server.read(3) == b"012"
    server.write(b"bye")
    server.close_notify()
    server.close_notify()
    with pytest.raises(LocalProtocolError):
        server.write(b"more")
    client.write(b"on its way")
    carry(client, server)
    assert client.read(100) == b"bye"
    assert client.read(100) == b""
    got = bytearray()
    while data := server.read(100):
        got += data
    assert got == b"3456789on its way"
    client.close_notify()
    carry(client, server)
    assert server.read(100) == b""
    assert server.read(100) == b""


def test_a_client_may_end_first(side):
    client, server = connected(side)
    client.write(b"last")
    client.close_notify()
    carry(client, server)
    assert server.read(100) == b"last"
    assert server.read(100) == b""
    assert server.write(b"answer") == 6


def test_a_cut_connection_is_not_a_clean_end(side):
    client, server = connected(side)
    client.write(b"half")
    carry(client, server)
    server.feed(b"")
    assert server.read(100) == b"half"
    with pytest.raises(RemoteProtocolError):
        server.read(100)


def test_a_connection_cut_in_the_handshake(side):
    server = side.port.server(certificate_for)
    with pytest.raises(RemoteProtocolError):
        server.feed(b"")


def test_an_unknown_name_is_refused_with_an_alert(side):
    client, server = side.client("three.local"), side.port.server(certificate_for)
    with pytest.raises(RemoteProtocolError, match=r"three\.local|that name"):
        carry(client, server)
    assert not server.established
    alert = server.take()
    assert alert
    with pytest.raises(RemoteProtocolError):
        client.feed(alert)
    with pytest.raises(RemoteProtocolError):
        server.feed(b"more")
    with pytest.raises(RemoteProtocolError):
        server.read(1)
    with pytest.raises(RemoteProtocolError):
        server.write(b"x")


def test_a_failure_of_the_chooser_is_raised_and_not_swallowed(side):
    def choose(_name):
        raise ZeroDivisionError

    client, server = side.client("one.local"), side.port.server(choose)
    with pytest.raises(ZeroDivisionError):
        carry(client, server)
    assert server.take()


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\nHost: one.local\r\n\r\n", bytes(100), b"\x16\x03\x01\xff\xff" + bytes(90)]
)
def test_what_is_not_tls_is_refused(side, data):
    server = side.port.server(certificate_for)
    with pytest.raises(RemoteProtocolError):
        server.feed(data)
    with pytest.raises(RemoteProtocolError):
        server.read(1)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=80), max_size=5), st.booleans())
def test_hostile_bytes_only_ever_raise_protocol_errors(side, parts, handshake):
    server = connected(side)[1] if handshake else side.port.server(certificate_for)
    try:
        for part in parts:
            server.feed(part)
            server.read(100)
            server.write(b"x")
    except BeamError as error:
        assert isinstance(error, RemoteProtocolError)  # noqa: PT017 - an error is allowed, and only this one
    server.take()
    server.close_notify()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(("offered", "agreed"), [(["h2", "http/1.1"], "http/1.1"), (["h2"], None)])
def test_openssl_versions_and_alpn(version, offered, agreed):
    client, server = (
        OpenSslClient("two.local", version=version, protocols=offered),
        OpenSslTls().server(certificate_for),
    )
    carry(client, server)
    assert client.tls.version().replace(".", "_").endswith(version.name[-3:])
    assert client.tls.selected_alpn_protocol() == agreed
    assert client.tls.cipher()[0].startswith(("TLS_", "ECDHE"))


def test_openssl_refuses_a_broken_certificate_of_ours():
    broken = CertifiedKey(CERTIFICATES["one.local"].chain, CERTIFICATES["two.local"].key)
    client, server = OpenSslClient("one.local"), OpenSslTls().server(lambda _name: broken)
    with pytest.raises(LocalProtocolError):
        carry(client, server)


def test_openssl_without_memory_files_leaves_no_key_behind(monkeypatch, tmp_path):
    monkeypatch.delattr("os.memfd_create")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    client, server = OpenSslClient("one.local"), OpenSslTls().server(certificate_for)
    carry(client, server)
    assert server.established
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("bad", [b"on\xff.local", b"on\x00.local", b"on\n.local"])
def test_openssl_never_sees_a_name_that_is_not_one(capfd, bad):
    client, server = OpenSslClient("one.local"), OpenSslTls().server(certificate_for)
    with pytest.raises(RemoteProtocolError, match="host"):
        server.feed(client.take().replace(b"one.local", bad))
    with pytest.raises(RemoteProtocolError, match="ILLEGAL_PARAMETER"):
        client.feed(server.take())
    assert capfd.readouterr().err == ""  # CPython would print a traceback for the first of them


def without_key_share(hello):
    """The hello with an empty list of key shares, which a server answers with a HelloRetryRequest."""
    share = re.search(rb"\x00\x33(..)(..)\x00\x1d\x00\x20", hello, re.DOTALL)
    size = int.from_bytes(share[2], "big")
    hello = bytearray(hello[: share.start()] + b"\x00\x33\x00\x02\x00\x00" + hello[share.end(2) + size :])
    extensions = 9 + 2 + 32
    for width in (1, 2, 1):  # session id, cipher suites, compression
        extensions += width + int.from_bytes(hello[extensions : extensions + width], "big")
    for at, width in ((3, 2), (6, 3), (extensions, 2)):
        hello[at : at + width] = (int.from_bytes(hello[at : at + width], "big") - size).to_bytes(width, "big")
    return bytes(hello)


def test_openssl_after_a_hello_retry_keeps_the_first_name(capfd):
    server, hello = OpenSslTls().server(certificate_for), OpenSslClient("one.local").take()
    server.feed(without_key_share(hello))
    retry = server.take()
    assert retry[0] == 22  # a handshake record and no alert
    server.feed(hello.replace(b"one.local", b"on\xff.local"))
    assert len(server.take()) > len(retry)  # the certificate is on its way
    assert server.server_name == "one.local"
    assert capfd.readouterr().err == ""
