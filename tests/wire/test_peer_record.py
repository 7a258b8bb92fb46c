import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import RemoteProtocolError
from beam_actors.identity import PeerKey
from beam_actors.values import Multiaddr
from beam_actors.wire.peer_record import MAX_RECORD, open_record, sign_record
from beam_actors.wire.protobuf import field
from tests.wire.fuzz_peer_record import fuzz_peer_record

KEY = PeerKey.from_seed(bytes(32))
OTHER = PeerKey.from_seed(b"\1" * 32)
ADDRESSES = (Multiaddr.parse("/ip4/192.0.2.1/tcp/4001"), Multiaddr.parse("/ip6/2001:db8::1/tcp/4001"))


def test_a_record_opens_to_what_was_signed():
    record = sign_record(KEY, 7, ADDRESSES)
    assert open_record(record.envelope) == record
    assert (record.peer, record.seq, record.addresses) == (KEY.peer_id, 7, ADDRESSES)


@given(position=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_every_changed_bit_is_refused_or_changes_nothing_that_was_signed(position, bit):
    record = sign_record(KEY, 7, ADDRESSES)
    damaged = bytearray(record.envelope)
    damaged[position % len(damaged)] ^= 1 << bit
    try:
        opened = open_record(bytes(damaged))
    except RemoteProtocolError:
        return
    assert (opened.peer, opened.seq, opened.addresses) == (record.peer, record.seq, record.addresses)


def test_a_record_about_another_peer_than_its_signer_is_refused():
    mine, theirs = sign_record(KEY, 1, ADDRESSES), sign_record(OTHER, 1, ADDRESSES)
    swapped = theirs.envelope.replace(OTHER.public_key, KEY.public_key, 1)
    with pytest.raises(RemoteProtocolError):
        open_record(swapped)
    assert mine.peer != theirs.peer


def test_an_oversized_record_is_refused_before_it_is_parsed():
    with pytest.raises(RemoteProtocolError, match="longer"):
        open_record(bytes(MAX_RECORD + 1))


def test_at_most_sixteen_addresses_are_kept():
    many = tuple(Multiaddr.parse(f"/ip4/192.0.2.{n}/tcp/1") for n in range(40))
    assert len(open_record(sign_record(KEY, 1, many).envelope).addresses) == 16


def test_another_payload_type_is_refused():
    record = sign_record(KEY, 1, ADDRESSES)
    with pytest.raises(RemoteProtocolError, match="something else"):
        open_record(record.envelope + field(2, b"\x03\x02"))


@given(st.binary(max_size=300))
def test_arbitrary_bytes_raise_nothing_but_protocol_errors(data):
    fuzz_peer_record(data)
