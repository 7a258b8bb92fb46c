"""What the contract (tests/ports/test_tls.py) can't cover: OpenSSL's own corners."""

import re
import ssl

import pytest

from beam_actors.errors import LocalProtocolError, RemoteProtocolError
from beam_actors.ports import CertifiedKey
from beam_actors.world.tls import OpenSslTls
from tests.ports.tls_sides import CERTIFICATES, OpenSslClient, carry, certificate_for


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
