import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import RemoteProtocolError, WrongPeer
from beam_actors.values import Multiaddr, encode_uvarint
from beam_actors.wire.identify import (
    MAX_ADDRESSES,
    MAX_MESSAGE,
    MAX_MESSAGES,
    MAX_TEXT,
    IdentifyInfo,
    InfoReader,
    encode_info,
)
from beam_actors.wire.libp2p_noise import encode_public_key
from beam_actors.wire.protobuf import field
from tests.wire.support import ALICE, BOB

TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20)
ADDRESS = st.builds(lambda port: Multiaddr.parse(f"/ip4/192.0.2.1/tcp/{port}"), st.integers(1, 65535))
INFO = st.builds(
    IdentifyInfo,
    agent=TEXT,
    protocol_version=TEXT,
    protocols=st.lists(TEXT, max_size=5, unique=True).map(tuple),
    addresses=st.lists(ADDRESS, max_size=5, unique=True).map(tuple),
    observed=st.none() | ADDRESS,
    signed_record=st.binary(max_size=50),
)


def delimited(message):
    return encode_uvarint(len(message)) + message


def read(*chunks, peer=ALICE.peer_id):
    reader = InfoReader(peer)
    for chunk in chunks:
        reader.receive(memoryview(chunk))
    return reader.info


@given(INFO, st.data())
def test_what_was_said_is_heard(info, data):
    message = encode_info(info, ALICE.peer_id)
    cut = data.draw(st.integers(0, len(message)))
    assert read(message[:cut], message[cut:]) == info


def test_a_second_message_adds_to_the_first():
    first = IdentifyInfo(agent="x", protocols=("/a",))
    second = delimited(field(3, "/b") + field(8, b"record"))
    assert read(encode_info(first, ALICE.peer_id) + second) == IdentifyInfo(
        agent="x", protocols=("/a", "/b"), signed_record=b"record"
    )


def test_an_observed_address_loses_the_peer_id():
    observed = Multiaddr.parse(f"/ip4/192.0.2.1/tcp/1/p2p/{BOB.peer_id}")
    assert read(delimited(field(4, observed.to_bytes()))).observed == observed.without_peer


def test_foreign_addresses_are_skipped_and_texts_are_cleaned():
    info = read(delimited(field(2, b"\xcd\x03\x01") + field(4, b"?") + field(6, b"a\x1b[31m\xff" + b"x" * 500)))
    assert info.addresses == ()
    assert info.observed is None
    assert info.agent.startswith("a\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}x")
    assert len(info.agent) == MAX_TEXT


def test_lists_are_clamped():
    addresses = [Multiaddr.parse(f"/ip4/192.0.2.1/tcp/{port}") for port in range(1, 60)]
    info = read(delimited(b"".join(field(2, address.to_bytes()) for address in addresses)))
    assert info.addresses == tuple(addresses[:MAX_ADDRESSES])


def test_another_peers_key_is_a_lie():
    with pytest.raises(WrongPeer):
        read(delimited(field(1, encode_public_key(BOB.peer_id))))


@pytest.mark.parametrize(
    "data", [encode_uvarint(MAX_MESSAGE + 1), b"\xff\xff\xff", b"\x80\x00", delimited(b"\x0a\x05")]
)
def test_wrong_bytes(data):
    with pytest.raises(RemoteProtocolError):
        read(data)


def test_endless_messages():
    with pytest.raises(RemoteProtocolError):
        read(delimited(b"") * (MAX_MESSAGES + 1))
