import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from beam_actors.errors import InvalidValue
from beam_actors.values import Multiaddr, PeerId, TcpAddress
from tests.values.fuzz import fuzz_multiaddr_bytes, fuzz_text

PEER = PeerId(bytes.fromhex("1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e"))
parts = st.one_of(
    st.ip_addresses(v=4).map(lambda ip: f"/ip4/{ip}"),
    st.ip_addresses(v=6).map(lambda ip: f"/ip6/{ip}"),
    st.tuples(st.sampled_from(["tcp", "udp"]), st.integers(0, 65535)).map(lambda part: f"/{part[0]}/{part[1]}"),
    st.tuples(st.sampled_from(["dns", "dns4", "dns6"]), st.from_regex(r"[a-z0-9.-]{1,60}", fullmatch=True)).map(
        lambda part: f"/{part[0]}/{part[1]}"
    ),
    st.binary(min_size=32, max_size=32).map(lambda key: f"/p2p/{PeerId(key)}"),
    st.just("/p2p-circuit"),
)


def encoded(text):
    return Multiaddr.parse(text).to_bytes()


@given(st.lists(parts, min_size=1, max_size=5).map("".join))
def test_round_trip_as_text_and_as_bytes(text):
    address = Multiaddr.parse(text)
    assert Multiaddr.parse(str(address)) == address
    assert Multiaddr.from_bytes(address.to_bytes()) == address
    assert hash(Multiaddr.from_bytes(address.to_bytes())) == hash(address)


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("/ip4/127.0.0.1/tcp/4001", "047f000001060fa1"),
        ("/ip4/1.2.3.4/udp/5", "0401020304910200" + "05"),
        ("/ip6/::1/tcp/80", "29" + "00" * 15 + "01060050"),
        ("/dns4/a.b/tcp/1", "3603612e62060001"),
        (f"/p2p/{PEER}", "a50326" + PEER.multihash.hex()),
        ("/p2p-circuit", "a202"),
    ],
)
def test_known_bytes(text, data):
    assert Multiaddr.parse(text).to_bytes().hex() == data
    assert str(Multiaddr.from_bytes(bytes.fromhex(data))) == text


def test_a_slash_at_the_end_is_tolerated():
    assert Multiaddr.parse("/ip4/1.2.3.4/tcp/080/") == Multiaddr.parse("/ip4/1.2.3.4/tcp/80")


def test_parts_that_matter():
    address = TcpAddress("192.0.2.1", 4001)
    full = Multiaddr.from_address(address, PEER)
    assert str(full) == f"/ip4/192.0.2.1/tcp/4001/p2p/{PEER}"
    assert Multiaddr.parse(f"/ip4/192.0.2.1/tcp/4001/ipfs/{PEER}") == full
    assert full.peer == PEER
    assert full.tcp == full.without_peer.tcp == address
    assert full.without_peer.peer is None
    assert full.without_peer.without_peer == full.without_peer
    assert Multiaddr.from_address(TcpAddress("::1", 1)).tcp == TcpAddress("::1", 1)
    for other in (
        "/dns/a.example/tcp/1",
        "/ip4/1.2.3.4/udp/1",
        f"/ip4/1.2.3.4/tcp/1/p2p/{PEER}/p2p-circuit",
        "/ip4/1.2.3.4",
    ):
        assert Multiaddr.parse(other).tcp is None
    with pytest.raises(InvalidValue):
        _ = Multiaddr.parse(f"/p2p/{PEER}").without_peer


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "//",
        "ip4/1.2.3.4",
        "/ip4",
        "/ip4/",
        "/ip4/1.2.3",
        "/ip4/::1",
        "//ip4/1.2.3.4",
        "/ip4//1.2.3.4",
        "/ip6/::1%eth0",
        "/tcp/65536",
        "/tcp/-1",
        "/tcp/٣",
        "/quic-v1",
        "/ip4/1.2.3.4/udp/1/quic-v1",
        "/ws",
        "/dns/",
        "/dns/é",
        "/dns/a b",
        "/p2p/x",
        "/p2p-circuit/x",
        "/tcp/1" * 13,
        "/dns/" + "a" * 254,
        "/tcp/000080",
        "/x" * 2000,
        "/ip4/01.2.3.4",
        "/dns/a\n",
    ],
)
def test_refused_text(text):
    with pytest.raises(InvalidValue):
        Multiaddr.parse(text)


@pytest.mark.parametrize(
    "data",
    [
        "",
        "04",
        "047f0000",
        "06",
        "0600",
        "ff",
        "8400" + "7f000001",
        "3600",
        "36ff01",
        "3603612f62",
        "36036120" + "62",
        "3601ff",
        "00",
        "a50300",
        "a50301" + "00",
        "0600010600",
        "a202" * 13,
        "3680010a",
    ],
)
def test_refused_bytes(data):
    with pytest.raises(InvalidValue):
        Multiaddr.from_bytes(bytes.fromhex(data))


def test_sizes_are_checked_before_anything_is_decoded():
    with pytest.raises(InvalidValue, match="512"):
        Multiaddr.from_bytes(bytes(513))


@settings(max_examples=200)
@given(st.binary(max_size=80) | st.lists(parts, min_size=1, max_size=4).map("".join).map(encoded))
@example(b"\x35\x03a/b")
def test_fuzz_bytes(data):
    fuzz_multiaddr_bytes(data)


@settings(max_examples=200)
@given(
    st.binary(max_size=120)
    | st.text(st.characters(codec="utf-8"), max_size=60).map(str.encode)
    | st.lists(parts, max_size=4).map(lambda texts: "".join(texts).encode())
)
@example(b"/dns/\x7f")
@example(b"[::1%1]:80")
def test_fuzz_text(data):
    fuzz_text(data)
