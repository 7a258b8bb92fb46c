import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import InvalidValue
from beam_actors.identity import ERAS, REVOCATION_ERA, KeySet, OwnerChain, OwnerKey, new_phrase, verify
from beam_actors.identity.owner import END

PHRASE = "abandon " * 23 + "art"
# docs/identity.md, "Test vectors": whoever changes these has changed everybody's identity.
OWNER = "nkhnpetu6hfxztucqn5ny3hjs2gbvox2og56hqjsppr2zc7dvdda"
FIRST_KEY = "211c196c44c6851339d48b502f39b8181f06ef58dee92807272a3de8e84243fc"
LAST_KEY = "cae373ab1163646dcba5871f652be17e6d2de8095fad68d4eaae849c105528b6"
FIRST_REST = "40b5df349b926adb04dda154d80659b5b320848db05fc874a0aa4c0fe936ceb5"

chains = st.builds(OwnerChain, st.binary(min_size=32, max_size=32))
eras = st.integers(0, REVOCATION_ERA)


def test_known_chain():
    chain = OwnerChain.from_phrase(PHRASE)
    assert str(chain.owner_id) == OWNER
    assert chain.keyset(0).revealed[0].hex() == FIRST_KEY
    assert chain.keyset(0).rest.hex() == FIRST_REST
    assert chain.keyset(8).revealed[8].hex() == LAST_KEY


def test_the_owner_id_is_the_nested_hash_of_the_document():
    keys = OwnerChain.from_phrase(PHRASE).keyset(REVOCATION_ERA).revealed
    digest = END
    for key in reversed(keys):
        digest = hashlib.blake2b(key + digest, digest_size=32, person=b"beam-owner-chain").digest()
    assert OwnerChain.from_phrase(PHRASE).owner_id.digest == digest


@given(chains, eras)
def test_every_era_recomputes_the_same_owner(chain, era):
    keyset = chain.keyset(era)
    assert keyset.owner_id == chain.owner_id
    assert keyset.era == era
    assert len(keyset.revealed) == era + 1
    assert keyset.is_revocation == (era == 8)
    assert (keyset.rest == END) == (era == 8)
    assert keyset.revealed == chain.keyset(REVOCATION_ERA).revealed[: era + 1]


@given(chains, eras, st.binary(max_size=100))
def test_only_the_present_eras_key_signs(chain, era, message):
    key = chain.era_key(era)
    signature = key.sign(message)
    assert key.owner_id == chain.owner_id
    assert key.keyset.verify(message, signature)
    assert verify(key.keyset.signer, message, signature)
    for other in range(ERAS):
        assert chain.keyset(other).verify(message, signature) == (other == era)


@given(chains, chains, st.integers(0, REVOCATION_ERA - 1))
def test_a_thief_cannot_fork_the_chain(chain, thief, era):
    # Who holds an era's private key knows everything public: neither another next key nor another rest fits the id.
    mine, other = chain.keyset(era), thief.keyset(era + 1)
    if mine == thief.keyset(era):
        return
    forks = [KeySet((*mine.revealed, other.signer), mine.rest)] if era + 1 < REVOCATION_ERA else []
    forks.append(KeySet((*mine.revealed, other.signer), other.rest))
    forks.append(KeySet((*mine.revealed[:-1], other.signer), thief.keyset(era).rest))
    assert all(fork.owner_id != chain.owner_id for fork in forks)


@given(chains, eras, st.data())
def test_any_changed_byte_changes_the_owner(chain, era, data):
    keyset = chain.keyset(era)
    flat = bytearray(b"".join(keyset.revealed) + (b"" if keyset.is_revocation else keyset.rest))
    flat[data.draw(st.integers(0, len(flat) - 1))] ^= data.draw(st.integers(1, 255))
    keys = tuple(bytes(flat[at : at + 32]) for at in range(0, 32 * (era + 1), 32))
    assert KeySet(keys, bytes(flat[32 * (era + 1) :]) or END).owner_id != chain.owner_id


def test_chains_of_two_phrases_share_no_key():
    one, two = OwnerChain(bytes(32)).keyset(8).revealed, OwnerChain(b"\1" + bytes(31)).keyset(8).revealed
    assert len({*one, *two}) == 18


@pytest.mark.parametrize(
    ("revealed", "rest"),
    [
        ((), b"\1" * 32),
        ((b"\1" * 32,) * 10, END),
        ((b"\1" * 32,) * 9, b"\1" * 32),
        ((b"\1" * 32,) * 3, END),
        ((b"\1" * 31,), b"\1" * 32),
        ((b"\1" * 32,), b"\1" * 33),
        ((b"\1" * 32,), b""),
    ],
)
def test_malformed_key_sets_do_not_exist(revealed, rest):
    with pytest.raises(InvalidValue):
        KeySet(revealed, rest)


@pytest.mark.parametrize("era", [-1, 9, 1 << 40])
def test_there_are_nine_eras(era):
    chain = OwnerChain(bytes(32))
    with pytest.raises(InvalidValue):
        chain.keyset(era)
    with pytest.raises(InvalidValue):
        chain.era_key(era)


def test_an_owner_key_holds_no_later_era():
    chain = OwnerChain.from_phrase(new_phrase(bytes(range(32))))
    key = chain.era_key(2)
    assert {attribute.name for attribute in OwnerKey.__attrs_attrs__} == {"keyset", "seed"}
    for era in range(ERAS):
        if era != 2:
            with pytest.raises(InvalidValue):
                OwnerKey(chain.keyset(era), key.seed)


def test_reprs_show_no_secret():
    chain = OwnerChain(bytes(range(32)))
    short = chain.owner_id.short
    assert repr(chain) == f"OwnerChain({short})"
    assert repr(chain.era_key(3)) == f"OwnerKey({short} era 3)"
    assert repr(chain.keyset(3)) == f"KeySet({short} era 3)"
