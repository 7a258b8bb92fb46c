import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import RemoteProtocolError, WrongPeer
from beam_actors.wire.handshaking import MAX_HANDSHAKE_MESSAGE
from beam_actors.wire.libp2p_noise import (
    SIGNATURE_DOMAIN,
    SecureHandshake,
    decode_payload,
    decode_public_key,
    encode_payload,
    encode_public_key,
)
from beam_actors.wire.noise import AES, CHACHA, Handshake, Role
from beam_actors.wire.protobuf import field
from tests.wire.support import ALICE, BOB

STATIC = b"s" * 32


def shake(role, key, *, suite=CHACHA, expected=None, muxers=("/yamux/1.0.0",)):
    fill = role.value[:1].encode()
    return SecureHandshake(
        suite, role, key=key, static_seed=fill * 32, ephemeral_seed=b"e" * 31 + fill, expected=expected, muxers=muxers
    )


def run(a, b, chunk=None):
    """Carry messages in pieces until both are complete; each reply is received before the next is made."""
    waiting = [(b, a.opening())]
    while waiting:
        reader, data = waiting.pop(0)
        view, replies = memoryview(data), b""
        while view:
            used, reply = reader.receive(view[: chunk or len(view)])
            view = view[used:]
            replies += reply
        if replies:
            waiting.append((a if reader is b else b, replies))


@given(st.integers(1, 300))
def test_both_ends_learn_who_the_other_is(chunk):
    a, b = shake(Role.INITIATOR, ALICE, expected=BOB.peer_id), shake(Role.RESPONDER, BOB)
    run(a, b, chunk)
    assert a.complete
    assert b.complete
    assert a.remote.peer == BOB.peer_id
    assert b.remote.peer == ALICE.peer_id
    assert a.muxer == b.muxer == "/yamux/1.0.0"


def test_the_muxer_is_the_initiators_first_that_both_have():
    a = shake(Role.INITIATOR, ALICE, muxers=("/x", "/y", "/z"))
    b = shake(Role.RESPONDER, BOB, muxers=("/z", "/y"))
    run(a, b)
    assert a.muxer == b.muxer == "/y"


@pytest.mark.parametrize("muxers", [(), ("/mplex/6.7.0",)])
def test_without_a_common_muxer_it_is_negotiated_later(muxers):
    a, b = shake(Role.INITIATOR, ALICE), shake(Role.RESPONDER, BOB, muxers=muxers)
    run(a, b)
    assert a.muxer is b.muxer is None


def test_another_peer_than_expected():
    a, b = shake(Role.INITIATOR, ALICE, expected=ALICE.peer_id), shake(Role.RESPONDER, BOB)
    _, reply = b.receive(memoryview(a.opening()))
    with pytest.raises(WrongPeer):
        a.receive(memoryview(reply))


def test_nothing_is_used_after_the_last_message():
    a, b = shake(Role.INITIATOR, ALICE), shake(Role.RESPONDER, BOB)
    _, second = b.receive(memoryview(a.opening()))
    _, third = a.receive(memoryview(second))
    assert b.receive(memoryview(third + b"more")) == (len(third), b"")


@pytest.mark.parametrize("size", [0, MAX_HANDSHAKE_MESSAGE + 1, 65535])
def test_impossible_lengths(size):
    with pytest.raises(RemoteProtocolError):
        shake(Role.RESPONDER, BOB).receive(memoryview(size.to_bytes(2, "big")))


def test_the_first_message_carries_no_payload():
    raw = Handshake(CHACHA, Role.INITIATOR, static_seed=b"x" * 32, ephemeral_seed=b"y" * 32)
    message = raw.write(b"early")
    with pytest.raises(RemoteProtocolError):
        shake(Role.RESPONDER, BOB).receive(memoryview(len(message).to_bytes(2, "big") + message))


def test_a_signature_over_another_static_key():
    """What an attacker who saw a payload of Alice's would try with a static key of its own."""
    stolen = encode_payload(ALICE, STATIC, ())
    assert decode_payload(stolen, STATIC).peer == ALICE.peer_id
    with pytest.raises(RemoteProtocolError):
        decode_payload(stolen, b"t" * 32)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        field(1, encode_public_key(ALICE.peer_id)),
        field(2, ALICE.sign(SIGNATURE_DOMAIN + STATIC)),
        field(1, b"\x08\x00\x12\x20" + bytes(32)) + field(2, bytes(64)),  # an RSA key, they say
        field(1, encode_public_key(BOB.peer_id)) + field(2, ALICE.sign(SIGNATURE_DOMAIN + STATIC)),
        field(1, encode_public_key(ALICE.peer_id)) + field(2, ALICE.sign(STATIC)),  # another domain
        field(1, 7) + field(2, 7),
        encode_payload(ALICE, STATIC, ()) + field(4, field(2, b"\xff")),
    ],
)
def test_payloads_that_prove_nothing(payload):
    with pytest.raises(RemoteProtocolError):
        decode_payload(payload, STATIC)


def test_every_flipped_bit_of_a_proof_fails():
    payload = encode_payload(ALICE, STATIC, ())
    for position in range(len(payload) * 8):
        wrong = bytearray(payload)
        wrong[position // 8] ^= 1 << position % 8
        with pytest.raises(RemoteProtocolError):
            decode_payload(bytes(wrong), STATIC)


def test_a_known_public_key_has_its_known_peer_id():
    key = bytes.fromhex("080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e")
    assert str(decode_public_key(key)) == "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"
    assert encode_public_key(decode_public_key(key)) == key


def test_the_suites_do_not_understand_each_other():
    a, b = shake(Role.INITIATOR, ALICE, suite=AES), shake(Role.RESPONDER, BOB, suite=CHACHA)
    _, reply = b.receive(memoryview(a.opening()))
    with pytest.raises(RemoteProtocolError):
        a.receive(memoryview(reply))
