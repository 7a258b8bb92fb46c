"""The contract of the TLS port: OpenSSL against the standard library's client, plain frames against their own."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beam_actors.errors import BeamError, LocalProtocolError, RemoteProtocolError
from tests.ports.tls_sides import CERTIFICATES, Real, Simulated, carry, certificate_for


@pytest.fixture(params=[Real, Simulated])
def side(request):
    return request.param


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
