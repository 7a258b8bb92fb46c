import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import InvalidValue
from beam_actors.identity import PeerKey, verify
from tests.identity import reference_ed25519 as reference

# RFC 8032 §7.1: TEST 1, 2, 3 and SHA(abc), as (seed, public key, message, signature).
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
    (
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        (
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        ),
        (
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
            "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"
        ),
    ),
]
TORSION = reference.torsion()
SECRET, NONCE = 0x1234_5678_9ABC_DEF0 << 100, 0xFEDC_BA98 << 90
PUBLIC, COMMITMENT = reference.times(SECRET, reference.BASE), reference.times(NONCE, reference.BASE)
SMALL_ORDER = [reference.encode(reference.times(multiple, TORSION)) for multiple in range(8)]
# y = p and p + 1 in place of 0 and 1, and the sign bit on x = 0: second spellings of points of small order.
NOT_CANONICAL = [
    value.to_bytes(32, "little")
    for value in (
        reference.P,
        reference.P + 1,
        reference.P | 1 << 255,
        reference.P + 1 | 1 << 255,
        1 | 1 << 255,
        reference.P - 1 | 1 << 255,
    )
]
seeds = st.binary(min_size=32, max_size=32)


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC_8032)
def test_signs_and_verifies_as_rfc_8032_says(seed, public, message, signature):
    key = PeerKey.from_seed(bytes.fromhex(seed))
    assert key.public_key.hex() == public
    assert key.sign(bytes.fromhex(message)).hex() == signature
    assert verify(bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature))


def test_libp2p_peer_id_of_a_known_key():
    # libp2p/specs peer-ids, test vectors: the private key's first 32 bytes are the seed.
    seed = bytes.fromhex("7e0830617c4a7de83925dfb2694556b12936c477a0e1feb2e148ec9da60fee7d")
    key = PeerKey.from_seed(seed)
    assert key.public_key.hex() == "1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e"
    assert str(key.peer_id) == "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"


@given(seeds, st.binary(max_size=200), st.integers(0, 511))
def test_only_the_signature_verifies(seed, message, bit):
    key = PeerKey.from_seed(seed)
    signature = key.sign(message)
    assert verify(key.public_key, message, signature)
    assert reference.equation_holds(key.public_key, message, signature)
    bent = bytearray(signature)
    bent[bit // 8] ^= 1 << bit % 8
    assert not verify(key.public_key, message, bytes(bent))
    assert not verify(key.public_key, message + b"\0", signature)


@pytest.mark.parametrize("multiple", [1, 2, 8, 15])
def test_a_scalar_beyond_the_order_is_refused(multiple):
    public, good = reference.forge(PUBLIC, SECRET, COMMITMENT, NONCE, b"m")
    assert verify(public, b"m", good)
    scalar = int.from_bytes(good[32:], "little") + multiple * reference.ORDER
    assert scalar < 2**256
    second = good[:32] + scalar.to_bytes(32, "little")
    assert reference.equation_holds(public, b"m", second)  # a careless verifier takes it
    assert not verify(public, b"m", second)


@pytest.mark.parametrize("public", SMALL_ORDER)
def test_keys_of_small_order_sign_nothing(public):
    # With A of small order, R = [S]B - [k]A verifies for a message whose k is a multiple of A's order.
    accepted_by_the_equation = 0
    for number in range(40):
        message = b"%d" % number
        signature = reference.encode(reference.times(5, reference.BASE)) + (5).to_bytes(32, "little")
        accepted_by_the_equation += reference.equation_holds(public, message, signature)
        assert not verify(public, message, signature)
    assert accepted_by_the_equation > 0


@pytest.mark.parametrize("commitment", SMALL_ORDER)
def test_commitments_of_small_order_are_refused(commitment):
    public = reference.encode(PUBLIC)
    scalar = reference.challenge(commitment, public, b"m") * SECRET % reference.ORDER
    assert not verify(public, b"m", commitment + scalar.to_bytes(32, "little"))


@pytest.mark.parametrize("public", NOT_CANONICAL)
def test_keys_with_a_second_spelling_are_refused(public):
    for number in range(16):
        signature = reference.encode(reference.times(5, reference.BASE)) + (5).to_bytes(32, "little")
        assert not verify(public, b"%d" % number, signature)


def test_the_equation_is_not_multiplied_by_the_cofactor():
    # A verifier that multiplies by eight accepts both of these, one that does not refuses them: nodes would disagree.
    public, signature = reference.forge(PUBLIC, SECRET, reference.add(COMMITMENT, TORSION), NONCE, b"m")
    assert not verify(public, b"m", signature)
    mixed = reference.add(PUBLIC, TORSION)
    verdicts = set()
    for number in range(32):
        message = b"%d" % number
        public, signature = reference.forge(mixed, SECRET, COMMITMENT, NONCE, message)
        divisible = reference.challenge(signature[:32], public, message) % 8 == 0
        assert verify(public, message, signature) == divisible == reference.equation_holds(public, message, signature)
        verdicts.add(divisible)
    assert verdicts == {False, True}


@pytest.mark.parametrize(("public", "signature"), [(b"", b""), (b"\1" * 31, b"\1" * 64), (b"\1" * 32, b"\1" * 63)])
def test_wrong_lengths_are_no_signature(public, signature):
    assert verify(public, b"m", signature) is False


@given(st.binary(max_size=40).filter(lambda seed: len(seed) != 32))
def test_a_seed_has_32_bytes(seed):
    with pytest.raises(InvalidValue):
        PeerKey.from_seed(seed)


def test_a_key_is_a_value_that_shows_no_secret():
    seed = bytes(range(32))
    key = PeerKey.from_seed(seed)
    assert key == PeerKey.from_seed(seed) != PeerKey.from_seed(bytes(32))
    assert key.seed == seed
    assert repr(key) == str(key) == f"PeerKey({key.peer_id})"
    assert pickle.loads(pickle.dumps(key)) == key
