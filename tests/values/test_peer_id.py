import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import InvalidValue
from beam_actors.values import PeerId, encode_base58

KEY = bytes.fromhex("1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e")  # libp2p/specs peer-ids
TEXT = "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"
peers = st.binary(min_size=32, max_size=32).map(PeerId)


def cid(multihash, codec=b"\x01\x72"):
    return "b" + base64.b32encode(codec + multihash).decode().lower().rstrip("=")


def test_the_vector_of_the_specification():
    peer = PeerId(KEY)
    assert str(peer) == TEXT
    assert repr(peer) == f"PeerId({TEXT})"
    assert PeerId.parse(TEXT) == peer
    assert peer.short == TEXT[-8:]
    assert peer.multihash.hex() == "002408011220" + KEY.hex()


@given(peers)
def test_round_trips(peer):
    assert PeerId.parse(str(peer)) == peer
    assert PeerId.from_multihash(peer.multihash) == peer
    assert PeerId.parse(cid(peer.multihash)) == peer
    assert str(peer).startswith("12D3Koo")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12D3Koo",
        TEXT[:-1],
        TEXT + "1",
        "1" + TEXT,
        "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N",  # an RSA key's
        TEXT.replace("W", "0"),
        cid(PeerId(KEY).multihash, b"\x01\x70"),  # a CID, but of a file
        cid(PeerId(KEY).multihash).upper().replace("B", "b", 1),
        "b",
        "b1",
        "bé",
        "b" * 99,
        "1" * 10_000,
    ],
)
def test_what_is_no_peer_id(text):
    with pytest.raises(InvalidValue):
        PeerId.parse(text)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_keys_have_32_bytes(size):
    with pytest.raises(InvalidValue):
        PeerId(bytes(size))
    with pytest.raises(InvalidValue):
        PeerId.from_multihash(b"\0\x24\x08\1\x12\x20" + bytes(size))
    with pytest.raises(InvalidValue):
        PeerId.parse(encode_base58(b"\0\x24\x08\1\x12\x20" + bytes(size)))
