import ssl

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from beam_actors.world.client_hello import MAX_HELLO, BadHello, HelloReader
from tests.world.fuzz import fuzz_client_hello


def openssl_hello(name, version=ssl.TLSVersion.TLSv1_3):
    """What a real client says: the judge of what must be readable."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = version
    outgoing = ssl.MemoryBIO()
    tls = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def records(message, size=1 << 14):
    parts = [message[at : at + size] for at in range(0, len(message), size)]
    return b"".join(b"\x16\x03\x01" + len(part).to_bytes(2, "big") + part for part in parts)


def vector(size, content):
    return len(content).to_bytes(size, "big") + content


def hello(*extensions, body=None, tail=b""):
    """A hello with these extensions (type, content)."""
    if body is None:
        body = b"\x03\x03" + bytes(32) + vector(1, b"") + vector(2, b"\x13\x01") + vector(1, b"\x00")
        body += vector(2, b"".join(kind.to_bytes(2, "big") + vector(2, content) for kind, content in extensions))
    return records(b"\x01" + vector(3, body + tail))


def sni(name, *, kind=0):
    return 0, vector(2, bytes([kind]) + vector(2, name))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("name", ["one.local", "ONE.local", "a" * 40 + "." + "b" * 52 + ".local", None])
def test_what_openssl_says_is_read(name, version):
    data = openssl_hello(name, version)
    read = HelloReader().feed(data + b"more")
    assert read.server_name == (name.lower() if name else None)
    assert read.received == data + b"more"


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_a_hello_may_be_spread_over_records(size):
    data = records(openssl_hello("one.local")[5:], size)
    reader = HelloReader()
    assert reader.feed(data[:-1]) is None
    read = reader.feed(data[-1:])
    assert (read.server_name, read.received) == ("one.local", data)


@pytest.mark.parametrize(
    ("data", "alert"),
    [
        (b"GET / HTTP/1.1\r\n", 10),
        (b"\x16\x02", 10),
        (b"\x16\x03\x01\x00\x00", 50),
        (b"\x16\x03\x01\x40\x01", 50),
        (records(b"\x02\x00\x00\x00"), 10),
        (records(b"\x01\xff\xff\xff"), 50),
        (hello(sni(b"on\xff.local")), 47),
        (hello(sni("böse.local".encode())), 47),
        (hello(sni(b"a\x00b.local")), 47),
        (hello(sni(b"a\nb.local")), 47),
        (hello(sni(b"")), 47),
        (hello(sni(b"a" * 256)), 47),
        (hello(sni(b"a.local", kind=1)), 47),
        (hello(sni(b"a.local"), sni(b"b.local")), 47),
        (hello((0, b"")), 50),
        (hello((0, vector(2, b""))), 50),
        (hello((0, vector(2, b"\x00" + vector(2, b"a.local") * 2))), 50),
        (hello((0, vector(2, b"\x00" + vector(2, b"a.local")) + b"x")), 50),
        (hello(sni(b"a.local"), tail=b"x"), 50),
        (hello(body=b"\x03\x03" + bytes(31)), 50),
        (hello(body=b""), 50),
    ],
)
def test_what_is_no_hello_has_its_alert(data, alert):
    with pytest.raises(BadHello) as failure:
        HelloReader().feed(data)
    assert failure.value.alert == alert


def test_a_hello_without_extensions_names_no_host():
    body = b"\x03\x03" + bytes(32) + vector(1, b"") + vector(2, b"\x13\x01") + vector(1, b"\x00")
    assert HelloReader().feed(hello(body=body)).server_name is None


def test_a_hello_is_bounded_however_it_is_cut():
    reader = HelloReader()
    message = records(b"\x01" + MAX_HELLO.to_bytes(3, "big") + bytes(MAX_HELLO), 10)
    for at in range(0, MAX_HELLO - 1000, 1000):
        assert reader.feed(message[at : at + 1000]) is None
    with pytest.raises(BadHello, match="too long"):
        reader.feed(message[at + 1000 : at + 3000])


@st.composite
def mutated(draw):
    data = bytearray(openssl_hello("one.local"))
    for _ in range(draw(st.integers(0, 4))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data)


@settings(max_examples=80, deadline=None)
@given(
    mutated()
    | st.binary(max_size=200)
    | st.lists(st.tuples(st.integers(0, 2), st.binary(max_size=30))).map(lambda e: hello(*e))
)
@example(b"")
def test_any_bytes_at_once_or_one_by_one(data):
    fuzz_client_hello(data)
