import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from nacl import bindings
from nacl.exceptions import CryptoError

from beam_actors.errors import InvalidValue, KeystoreDamaged, StorageError, StoreTooNew, WrongPassphrase
from beam_actors.identity import Cost, Keyring, OwnerChain, PeerKey, Secret, needs_passphrase, seal, unseal
from tests.identity import fuzz

CHEAP = Cost(1, 8)
PASSPHRASE = Secret.passphrase("correct horse")
DEVICE = Secret.device_key(b"\7" * 32)
ENTROPY = bytes(range(40))
HEADER = 61
keyrings = st.builds(
    lambda peer, owner, era: Keyring(PeerKey.from_seed(peer), OwnerChain(owner).era_key(era)),
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=32, max_size=32),
    st.integers(0, 8),
)
KEYRING = Keyring(PeerKey.from_seed(b"\1" * 32), OwnerChain(b"\2" * 32).era_key(0))


@pytest.fixture(scope="module")
def sealed():
    return seal(KEYRING, PASSPHRASE, ENTROPY, cost=CHEAP)


@given(keyrings, st.sampled_from([PASSPHRASE, DEVICE]), st.binary(min_size=40, max_size=40))
def test_unseal_returns_what_was_sealed(keyring, secret, entropy):
    data = seal(keyring, secret, entropy, cost=CHEAP)
    assert needs_passphrase(data) == secret.is_passphrase
    assert unseal(data, secret) == keyring


def test_the_format_is_the_documented_one(sealed):
    # docs/identity.md, "The keystore", recomputed from its words with libsodium alone.
    magic, version, lock, operations, memory, salt, nonce = struct.unpack(">10sHBII16s24s", sealed[:HEADER])
    assert (magic, version, lock, operations, memory) == (b"beam-keys\0", 1, 1, 1, 8)
    assert salt + nonce == ENTROPY
    keys = bindings.crypto_pwhash_alg(64, b"correct horse", salt, 1, 8192, bindings.crypto_pwhash_ALG_ARGON2ID13)
    blake = bindings.crypto_generichash_blake2b_salt_personal
    check = blake(sealed[:HEADER], key=keys[32:], person=b"beam-keys-check\0")
    assert sealed[HEADER : HEADER + 32] == check
    assert sealed[-32:] == blake(sealed[:-32], person=b"beam-keys-sum\0\0\0")
    body = bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(
        sealed[HEADER + 32 : -32], sealed[: HEADER + 32], nonce, keys[:32]
    )
    keyset = KEYRING.owner.keyset
    assert body == KEYRING.peer.seed + KEYRING.owner.seed + b"\1" + keyset.signer + keyset.rest


def test_no_secret_stands_in_the_clear(sealed):
    for secret in (KEYRING.peer.seed, KEYRING.owner.seed, PASSPHRASE.value):
        assert secret not in sealed


def test_the_usual_costs_stand_in_the_header():
    data = seal(KEYRING, DEVICE, ENTROPY)
    assert struct.unpack_from(">BII", data, 12) == (2, 1, 8)
    data = seal(KEYRING, PASSPHRASE, ENTROPY)
    assert struct.unpack_from(">BII", data, 12) == (1, 3, 128 * 1024)
    assert unseal(data, PASSPHRASE) == KEYRING


@pytest.mark.parametrize("other", [Secret.passphrase("correct horsf"), Secret.passphrase("c"), DEVICE])
def test_another_secret_is_the_wrong_one(sealed, other):
    with pytest.raises(WrongPassphrase):
        unseal(sealed, other)


def test_each_kind_of_lock_is_named_in_the_error(sealed):
    with pytest.raises(WrongPassphrase, match="opened by the passphrase"):
        unseal(sealed, DEVICE)
    with pytest.raises(WrongPassphrase, match="opened by its device key"):
        unseal(seal(KEYRING, DEVICE, ENTROPY), PASSPHRASE)
    with pytest.raises(WrongPassphrase, match="device key does not open"):
        unseal(seal(KEYRING, DEVICE, ENTROPY), Secret.device_key(bytes(32)))


@settings(max_examples=200)
@given(st.data())
def test_any_damaged_byte_is_damage_and_never_a_wrong_passphrase(sealed, data):
    bent = bytearray(sealed)
    bent[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises((KeystoreDamaged, StoreTooNew)):
        unseal(bytes(bent), PASSPHRASE)
    with pytest.raises((KeystoreDamaged, StoreTooNew)):
        needs_passphrase(bytes(bent))


@given(st.data())
def test_any_cut_or_lengthened_file_is_damaged(sealed, data):
    cut = data.draw(st.integers(0, len(sealed) - 1))
    for wrong in (sealed[:cut], sealed + data.draw(st.binary(min_size=1, max_size=2000))):
        with pytest.raises(KeystoreDamaged):
            unseal(wrong, PASSPHRASE)


def test_an_altered_ciphertext_with_a_fitting_checksum_is_damage(sealed):
    for at in (HEADER + 32, len(sealed) - 33):
        bent = bytearray(sealed[:-32])
        bent[at] ^= 1
        with pytest.raises(KeystoreDamaged, match="altered"):
            unseal(fuzz.with_checksum(bytes(bent)), PASSPHRASE)


@pytest.mark.parametrize("at", [17, 21 + 3, 30, 45, HEADER + 3])
def test_an_altered_header_with_a_fitting_checksum_does_not_open(sealed, at):
    # Operations, memory, salt, nonce and check value: who alters one of them can make the secret fail, no more.
    bent = bytearray(sealed[:-32])
    bent[at - 1] ^= 3
    with pytest.raises((WrongPassphrase, KeystoreDamaged)):
        unseal(fuzz.with_checksum(bytes(bent)), PASSPHRASE)


@pytest.mark.parametrize(
    ("operations", "memory"), [(0, 8), (11, 8), (1, 7), (1, 0), (1, (1 << 20) + 1), (2**32 - 1, 2**32 - 1)]
)
def test_costs_beyond_the_caps_are_refused_before_argon2_runs(sealed, operations, memory):
    def never(*_):
        pytest.fail("Argon2 ran")

    bent = bytearray(sealed[:-32])
    struct.pack_into(">II", bent, 13, operations, memory)
    with pytest.raises(KeystoreDamaged, match="caps"):
        unseal(fuzz.with_checksum(bytes(bent)), PASSPHRASE, stretch=never)
    with pytest.raises(InvalidValue):
        Cost(operations, memory)


@pytest.mark.parametrize(("version", "error"), [(2, StoreTooNew), (65535, StoreTooNew), (0, KeystoreDamaged)])
def test_other_versions_are_refused(sealed, version, error):
    bent = bytearray(sealed[:-32])
    struct.pack_into(">H", bent, 10, version)
    with pytest.raises(error):
        unseal(fuzz.with_checksum(bytes(bent)), PASSPHRASE)
    with pytest.raises(error):
        needs_passphrase(fuzz.with_checksum(bytes(bent)))


@pytest.mark.parametrize("error", [MemoryError, CryptoError])
def test_too_little_memory_is_neither_damage_nor_a_wrong_passphrase(sealed, error):
    def refuse(*_):
        raise error

    with pytest.raises(StorageError, match="memory") as caught:
        unseal(sealed, PASSPHRASE, stretch=refuse)
    assert not isinstance(caught.value, KeystoreDamaged)


def test_a_keyring_that_contradicts_itself_is_damage():
    keyring = Keyring(KEYRING.peer, OwnerChain(b"\3" * 32).era_key(1))
    salt, nonce = ENTROPY[:16], ENTROPY[16:]
    good = seal(keyring, DEVICE, ENTROPY)
    keys = bindings.crypto_pwhash_alg(64, DEVICE.value, salt, 1, 8192, bindings.crypto_pwhash_ALG_ARGON2ID13)
    bound = good[: HEADER + 32]
    body = bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(good[HEADER + 32 : -32], bound, nonce, keys[:32])
    for bad in (body[:32] + bytes(32) + body[64:], body[:64] + b"\3" + body[65:], body[:64] + b"\0" + body[65:]):
        cipher = bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(bad, bound, nonce, keys[:32])
        with pytest.raises(KeystoreDamaged):
            unseal(fuzz.with_checksum(bound + cipher), DEVICE)


def test_passphrases_that_look_alike_in_unicode_are_one():
    assert Secret.passphrase("caf\u00e9") == Secret.passphrase("cafe\u0301")


@pytest.mark.parametrize("text", ["", "a" * 1025, "\ud800"])
def test_unusable_passphrases_are_refused(text):
    with pytest.raises(InvalidValue):
        Secret.passphrase(text)


def test_lengths_of_keys_and_entropy_are_checked():
    with pytest.raises(InvalidValue):
        Secret.device_key(bytes(31))
    with pytest.raises(InvalidValue):
        seal(KEYRING, DEVICE, bytes(39))


def test_reprs_show_no_secret():
    assert repr(PASSPHRASE) == "Secret(passphrase)"
    assert repr(DEVICE) == "Secret(device key)"
    assert KEYRING.peer.seed.hex() not in repr(KEYRING)
    assert repr(KEYRING.peer.seed)[2:-1] not in repr(KEYRING)


@settings(max_examples=150)
@given(st.binary(max_size=400) | st.binary(max_size=60).map(lambda data: fuzz.SEALED[:13] + data))
@example(fuzz.SEALED)
@example(fuzz.SEALED[:-1])
def test_fuzz_keystore(data):
    fuzz.fuzz_keystore(data)


@given(st.binary(max_size=300))
def test_fuzz_phrase(data):
    fuzz.fuzz_phrase(data)
