import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from beam_actors.errors import LocalProtocolError, RemoteProtocolError
from beam_actors.wire.noise import AES, CHACHA, LAST_NONCE, CipherState, Handshake, Role

VECTORS = json.loads(Path(__file__).with_name("vectors").joinpath("noise_xx.json").read_text())["vectors"]
SUITES = {suite.noise_name: suite for suite in (AES, CHACHA)}


def hexes(vector, *names):
    return [bytes.fromhex(vector[name]) for name in names]


def pair(suite=AES, prologues=(b"", b"")):
    a = Handshake(suite, Role.INITIATOR, static_seed=b"a" * 32, ephemeral_seed=b"b" * 32, prologue=prologues[0])
    b = Handshake(suite, Role.RESPONDER, static_seed=b"c" * 32, ephemeral_seed=b"d" * 32, prologue=prologues[1])
    return a, b


def seal(cipher, plaintext, ad=None):
    out = bytearray(len(plaintext) + 16)
    cipher.encrypt_into(plaintext, memoryview(out), ad)
    return bytes(out)


def unseal(cipher, ciphertext, ad=None):
    out = bytearray(len(ciphertext) - 16)
    cipher.decrypt_into(ciphertext, memoryview(out), ad)
    return bytes(out)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['source']}-{v['protocol_name']}")
def test_vectors(vector):
    suite = SUITES[vector["protocol_name"]]
    ends = []
    for role, side in ((Role.INITIATOR, "init"), (Role.RESPONDER, "resp")):
        static, ephemeral, prologue = hexes(vector, f"{side}_static", f"{side}_ephemeral", f"{side}_prologue")
        ends.append(Handshake(suite, role, static_seed=static, ephemeral_seed=ephemeral, prologue=prologue))
    a, b = ends
    for index, message in enumerate(vector["messages"][:3]):
        payload, ciphertext = hexes(message, "payload", "ciphertext")
        writer, reader = (a, b) if index % 2 == 0 else (b, a)
        assert writer.write(payload) == ciphertext
        assert reader.read(ciphertext) == payload
    assert a.transcript == b.transcript
    assert vector.get("handshake_hash", a.transcript.hex()) == a.transcript.hex()
    (a_send, a_receive), (b_send, b_receive) = a.split(), b.split()
    for index, message in enumerate(vector["messages"][3:], start=3):
        payload, ciphertext = hexes(message, "payload", "ciphertext")
        sender, receiver = (a_send, b_receive) if index % 2 == 0 else (b_send, a_receive)
        assert seal(sender, payload) == ciphertext
        assert unseal(receiver, ciphertext) == payload


def test_the_vectors_cover_both_suites():
    assert {vector["protocol_name"] for vector in VECTORS} == set(SUITES)


@pytest.mark.parametrize("suite", [AES, CHACHA], ids=["aes", "chacha"])
@pytest.mark.parametrize("index", [0, 1, 2])
def test_every_flipped_bit_fails(suite, index):
    sizes = [32, 96 + 5, 64 + 5]
    for position in range(sizes[index] * 8):
        a, b = pair(suite)
        with pytest.raises(RemoteProtocolError):  # noqa: PT012 - a flip in the bare first message shows at the second
            for step in range(3):
                writer, reader = (a, b) if step % 2 == 0 else (b, a)
                message = bytearray(writer.write(b"hello" if step else b""))
                assert len(message) == [32, 101, 69][step]
                if step == index:
                    message[position // 8] ^= 1 << position % 8
                reader.read(bytes(message))


def test_a_failed_handshake_is_dead():
    a, b = pair()
    b.read(a.write())
    message = b.write()
    with pytest.raises(RemoteProtocolError):
        a.read(message[:-1] + bytes([message[-1] ^ 1]))
    with pytest.raises(LocalProtocolError):
        a.read(message)
    with pytest.raises(LocalProtocolError):
        a.split()


def test_another_prologue_fails():
    a, b = pair(prologues=(b"one", b"two"))
    b.read(a.write())
    with pytest.raises(RemoteProtocolError):
        a.read(b.write())


@pytest.mark.parametrize(
    "point",
    [
        bytes(32),
        (1).to_bytes(32, "little"),
        bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
        (2**255 - 20).to_bytes(32, "little"),
        (2**255 - 19).to_bytes(32, "little"),
        (2**255 - 18).to_bytes(32, "little"),
    ],
    ids=lambda point: point.hex()[:8],
)
def test_points_of_low_order_are_refused(point):
    _, b = pair()
    b.read(point)
    with pytest.raises(RemoteProtocolError):
        b.write()


def test_replayed_first_message_leads_nowhere():
    a, b = pair()
    first = a.write()
    b.read(first)
    b.write()
    with pytest.raises(RemoteProtocolError):
        b.read(first)


def test_turns():
    a, b = pair()
    assert a.my_turn
    assert not b.my_turn
    with pytest.raises(LocalProtocolError):
        b.write()
    with pytest.raises(LocalProtocolError):
        a.read(b"")
    with pytest.raises(LocalProtocolError):
        a.split()


@pytest.mark.parametrize("size", [0, 31])
def test_short_messages(size):
    with pytest.raises(RemoteProtocolError):
        pair()[1].read(bytes(size))


@pytest.mark.parametrize("suite", [AES, CHACHA], ids=["aes", "chacha"])
def test_a_nonce_advances_only_after_success(suite):
    sender, receiver = CipherState(suite, b"k" * 32), CipherState(suite, b"k" * 32)
    sealed = seal(sender, b"hello")
    for position in range(len(sealed) * 8):
        wrong = bytearray(sealed)
        wrong[position // 8] ^= 1 << position % 8
        with pytest.raises(RemoteProtocolError):
            unseal(receiver, bytes(wrong))
    assert receiver.nonce == 0
    assert unseal(receiver, sealed) == b"hello"
    assert (sender.nonce, receiver.nonce) == (1, 1)
    with pytest.raises(RemoteProtocolError):
        unseal(receiver, sealed)


def test_the_last_nonce_is_never_used():
    sender, receiver = CipherState(AES, b"k" * 32, LAST_NONCE), CipherState(AES, b"k" * 32, LAST_NONCE)
    assert unseal(receiver, seal(sender, b"x")) == b"x"
    with pytest.raises(LocalProtocolError):
        seal(sender, b"x")
    with pytest.raises(RemoteProtocolError):
        unseal(receiver, bytes(17))


@pytest.mark.parametrize("count", [0, 1, 0xFFFF, 0x1_0000, 0xFFFF_FFFF, 0x1_0000_0000, LAST_NONCE])
def test_the_nonce_is_the_whole_counter_behind_four_zeros(count):
    """Sections 12.3 and 12.4 of the Noise specification, by the AEADs themselves."""
    for suite, aead, order in ((AES, AESGCM, "big"), (CHACHA, ChaCha20Poly1305, "little")):
        nonce = bytes(4) + count.to_bytes(8, order)
        sealed = aead(b"k" * 32).encrypt(nonce, b"hello", None)
        assert seal(CipherState(suite, b"k" * 32, count), b"hello") == sealed
        assert unseal(CipherState(suite, b"k" * 32, count), sealed) == b"hello"


def test_secrets_do_not_show():
    a, _ = pair()
    shown = repr(a) + repr(CipherState(AES, b"k" * 32)) + repr(AES)
    assert "kkk" not in shown
    assert "616161" not in shown
