import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import NotAllowed
from beam_actors.naming.claim import Claim, Kind
from beam_actors.naming.entry import Entry
from beam_actors.naming.keeping import RENEW_AFTER, Signer, check_era, is_due, next_terms
from beam_actors.naming.limits import DAY, MAX_AHEAD, MAX_VALIDITY
from beam_actors.values import Name
from tests.naming.builders import FIRST, NETWORK, NOW, claim, owner_key, peer

ALICE = Name("alice")
KEY = owner_key(0)
ME = Signer(NETWORK, KEY.keyset, peer(0))


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
