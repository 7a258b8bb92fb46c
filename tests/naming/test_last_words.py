"""What owners said last in a later era: of too many, those stay who show more work, in whatever order they came."""

import functools
import hashlib

import attrs
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.identity import OwnerChain
from beam_actors.naming.claim import Claim
from beam_actors.naming.last_words import LastWords
from tests.naming.builders import claim

ROOM = 4


@functools.cache
def said(owner: int, level: int, later: int = 0, era: int = 1) -> Claim:
    key = OwnerChain(hashlib.sha256(b"%d" % owner).digest()).era_key(era)
    like = claim(0, "alice", issued=1_000_000 + later).terms
    return Claim.sign(attrs.evolve(like, keyset=key.keyset), key).proved(level)


SAID = st.builds(said, st.integers(0, 7), st.integers(1, 3), st.integers(0, 2), st.integers(1, 2))


@given(st.lists(st.builds(said, st.integers(0, 9), st.integers(1, 3)), max_size=20, unique_by=lambda one: one.owner))
def test_those_stay_that_come_first(claims):
    words = LastWords(ROOM)
    for one in claims:
        if words.has_room(one):
            words.put(one)
    assert set(words) == set(sorted(set(claims), key=lambda one: (-(one.level or 0), one.owner_digest))[:ROOM])


@given(st.lists(SAID, max_size=30), st.randoms(use_true_random=False))
def test_its_books_agree(claims, chance):
    words, stored = LastWords(ROOM), {}
    for one in claims:
        here = words.of(one.owner.digest)
        room = words.has_room(one)
        if chance.random() < 0.2:
            assert words.pop(one.owner.digest) is here
            assert words.of(one.owner.digest) is None
        elif here is None or room:
            gone = words.put(one)
            assert (words.of(one.owner.digest) is one) == (gone is not one) == room
            assert here is None or gone is here
        stored.update(words.touched())
        assert len(words) == len(set(words)) <= ROOM
        assert {owner: kept for owner, kept in stored.items() if kept} == {kept.owner.digest: kept for kept in words}
    again = LastWords(ROOM)
    for one in words:
        again.load(one)
    assert not again.touched()
    assert [again.put(one) for one in map(said, range(8), [3] * 8)] == [
        words.put(one) for one in map(said, range(8), [3] * 8)
    ]


def test_an_owner_is_heard_when_it_says_more():
    words = LastWords(1)
    words.put(said(0, 2, 1))
    assert not words.has_room(said(0, 3, 0))
    assert not words.has_room(said(0, 2, 1))
    assert words.has_room(said(0, 2, 2))
    assert words.has_room(said(0, 2, 0, era=2))
    assert words.has_room(said(0, 3, 2))


def test_no_claims_drive_each_other_out_in_a_circle():
    """An owner's later claim with less work would make room for others, and these for its earlier one, for ever."""
    words, claims = LastWords(1), [said(0, 3), said(0, 1, 1), said(1, 2)]
    told = [[words.has_room(one) and words.put(one) is not one for one in claims] for _ in range(5)]
    assert told == [[True, False, False], *[[False] * 3] * 4]


def test_those_of_the_store_are_within_the_bound_too():
    words = LastWords(2)
    for owner in range(5):
        words.load(said(owner, 2))
    assert len(words) == 2
    assert {digest for digest, kept in words.touched() if kept is None} == {
        said(owner, 2).owner_digest for owner in range(5)
    } - {one.owner_digest for one in words}


def test_in_the_first_era_there_is_nothing_to_say():
    assert not LastWords(1).has_room(said(0, 2, era=0))


def test_there_may_be_room_for_none():
    words, one = LastWords(0), said(0, 2)
    assert not words.has_room(one)
    assert words.put(one) is one
    assert not words
    assert not words.touched()


def test_it_shows_how_many_there_are():
    words = LastWords(2)
    words.put(said(0, 2))
    assert repr(words) == "<LastWords of 1 owners>"
