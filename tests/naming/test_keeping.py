import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import NotAllowed
from beam_actors.naming.claim import Claim, Kind
from beam_actors.naming.entry import Entry
from beam_actors.naming.keeping import (
    RENEW_AFTER,
    Signer,
    check_era,
    handed_beside,
    is_due,
    next_terms,
    was_given_up,
    was_handed_over,
)
from beam_actors.naming.limits import DAY, MAX_AHEAD, MAX_VALIDITY
from beam_actors.naming.records import Handing, Own
from beam_actors.values import Name
from tests.naming.builders import FIRST, NETWORK, NOW, claim, owner_id, owner_key, peer

ALICE = Name("alice")
KEY = owner_key(0)
ME = Signer(NETWORK, KEY.keyset, peer(0))
OWN = Own(ALICE, NOW, owner_id(0))
HANDING = attrs.evolve(OWN, handing=Handing(owner_id(1), 1))


def signed(entry, kind=Kind.LIVE, now=NOW, signer=ME) -> Claim:
    return Claim.sign(next_terms(ALICE, entry, signer, kind, now), owner_key(0, signer.keyset.era))


def test_the_first_claim():
    one = signed(None)
    assert (one.terms.seq, one.terms.issued, one.peers, one.terms.previous) == (FIRST, NOW, (peer(0),), b"")
    assert one.terms.not_after == NOW + MAX_VALIDITY
    assert is_due(None, ME, NOW)
    assert not is_due(Entry(one), ME, NOW + RENEW_AFTER - 1)
    assert is_due(Entry(one), ME, NOW + RENEW_AFTER)


def test_the_next_claim_follows_the_one_before():
    one = signed(None)
    two = signed(Entry(one), now=NOW + DAY)
    assert (two.terms.seq, two.terms.previous, two.terms.issued) == (FIRST + 1, one.id, NOW + DAY)
    stone = signed(Entry(two), kind=Kind.TOMBSTONE, now=NOW + DAY)
    assert (stone.terms.seq, stone.peers, stone.kind) == (FIRST + 2, (), Kind.TOMBSTONE)
    assert is_due(Entry(stone), ME, NOW + DAY)
    assert stone.terms.not_after >= two.terms.not_after


def test_the_first_number_leaves_room_below_the_seconds_whatever_the_clock_said():
    assert signed(None, now=5).terms.seq == 1
    wrong = signed(None, now=NOW + 3650 * DAY)
    later = signed(Entry(wrong), now=NOW)
    assert (later.terms.seq, later.terms.issued) == (FIRST + 24 * 3650 + 1, NOW)


@given(st.lists(st.integers(-20 * DAY, 20 * DAY), min_size=1, max_size=8))
def test_an_owners_times_and_numbers_never_go_back(offsets):
    """Whatever the clock does within the window, what replaces a claim outlives it."""
    entry, now = None, NOW
    for offset in offsets:
        now = max(now + offset, now - MAX_AHEAD, NOW)
        one = signed(entry, now=now)
        if entry:
            before = entry.claim.terms
            assert one.terms.seq == before.seq + 1
            assert before.issued > now + MAX_AHEAD or one.terms.issued >= before.issued
        entry = Entry(one)


def test_a_claim_signed_under_a_wrong_clock_does_not_hold_the_next_one_up():
    wrong = signed(None, now=NOW + 400 * DAY)
    assert is_due(Entry(wrong), ME, NOW)
    assert signed(Entry(wrong), now=NOW).terms.issued == NOW


def test_machines_of_one_owner_share_a_name():
    first = signed(None)
    phone = attrs.evolve(ME, peer=peer(7))
    assert is_due(Entry(first), phone, NOW)
    both = signed(Entry(first), signer=phone)
    assert both.peers == (peer(0), peer(7))
    assert not is_due(Entry(both), phone, NOW)
    assert not is_due(Entry(both), ME, NOW)
    entry = Entry(both)
    for number in range(20, 26):
        entry = Entry(signed(entry, signer=attrs.evolve(ME, peer=peer(number))))
        assert peer(number) in entry.claim.peers
        assert len(entry.claim.peers) <= 4


def test_a_tombstone_says_what_it_gives_up_also_of_an_earlier_era():
    later, before = Signer(NETWORK, owner_key(0, 1).keyset, peer(0)), Entry(claim())
    ended = next_terms(ALICE, before, later, Kind.TOMBSTONE, NOW)
    assert (ended.seq, ended.previous) == (FIRST, before.claim.id)
    assert next_terms(ALICE, before, later, Kind.LIVE, NOW).previous == b""
    opening = next_terms(ALICE, None, later, Kind.TOMBSTONE, NOW)
    assert opening.previous == b""


def test_one_machine_heals_an_equivocation():
    one, two = claim(0, seq=4, variant=0), claim(0, seq=4, variant=1)
    top, other = sorted([one, two], key=lambda each: each.id, reverse=True)
    entry = Entry(top, other)
    healers = [number for number in (0, 1) if is_due(entry, attrs.evolve(ME, peer=peer(number)), NOW)]
    assert healers  # the one that the greater claim names; the other isn't in that claim at all and signs too
    healed = signed(entry)
    assert set(healed.peers) == {peer(0), peer(1)}
    assert healed.terms.seq == 5


def test_a_later_era_ends_this_machines_part():
    check_era(ME, 0)
    with pytest.raises(NotAllowed, match="recover"):
        check_era(ME, 1)
    upgraded = Signer(NETWORK, owner_key(0, 1).keyset, peer(0))
    check_era(upgraded, 1)
    assert is_due(Entry(signed(None)), upgraded, NOW)
    assert signed(Entry(signed(None)), signer=upgraded).era == 1


def stone(issued=NOW + 1, *, era=0, opens=False) -> Claim:
    previous = b"" if opens else claim().id
    return claim(seq=2, era=era, kind=Kind.TOMBSTONE, issued=issued, previous=previous)


def transfer(issued=NOW + 1, era=1) -> Claim:
    return claim(seq=2, era=era, kind=Kind.TRANSFER, to=1, issued=issued)


@pytest.mark.parametrize(
    ("own", "said", "gave_up"),
    [
        (OWN, None, False),
        (OWN, stone(NOW - 1), False),
        (OWN, stone(NOW), False),  # it was registered again in the second in which it was released
        (OWN, stone(NOW + 1), True),
        (OWN, stone(era=1), True),
        (OWN, stone(era=1, opens=True), False),
        (HANDING, stone(), False),  # what a person did with the recovery phrase is to stand
        (OWN, transfer(), False),
        (OWN, claim(issued=NOW + 1), False),
    ],
)
def test_a_name_was_given_up_by_a_tombstone_after_it_was_registered(own, said, gave_up):
    assert was_given_up(own, said) is gave_up


@pytest.mark.parametrize(
    ("own", "said", "handed"),
    [
        (OWN, None, False),
        (OWN, transfer(NOW - 1), False),
        (OWN, transfer(NOW), False),
        (OWN, transfer(NOW + 1), True),
        (HANDING, transfer(), True),
        (attrs.evolve(HANDING, handing=Handing(owner_id(1), 2)), transfer(), False),  # what came later stands
        (OWN, stone(), False),
        (OWN, claim(issued=NOW + 1), False),
    ],
)
def test_a_name_was_handed_over_by_a_transfer_after_it_was_registered(own, said, handed):
    assert was_handed_over(own, said) is handed


@pytest.mark.parametrize(
    ("rival", "era", "handed"),
    [
        (None, 1, False),
        (transfer(NOW - 1), 1, False),
        (transfer(NOW), 1, False),
        (transfer(NOW + 1), 1, True),
        (transfer(), 0, False),  # there is no key for its era here
        (transfer(), 2, False),  # what was said in an earlier era counts for nothing
        (stone(era=1), 1, False),
        (claim(seq=2, era=1, variant=1, issued=NOW + 1), 1, False),
    ],
)
def test_a_name_was_handed_over_beside_the_claim_that_counts(rival, era, handed):
    entry = Entry(claim(seq=2, era=1), rival)
    assert handed_beside(OWN, entry, Signer(NETWORK, owner_key(0, era).keyset, peer(0))) == (
        owner_id(1) if handed else None
    )


def test_nothing_was_handed_over_beside_no_claim():
    assert handed_beside(OWN, None, ME) is None
