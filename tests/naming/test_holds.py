import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.identity import OwnerChain
from beam_actors.naming import answering, conflicts
from beam_actors.naming.claim import Claim, Kind
from beam_actors.naming.grammar import Query
from beam_actors.naming.holds import Holds, Seen
from beam_actors.naming.knowledge import Knowledge
from beam_actors.naming.limits import DAY, HOUR, MAX_TIME, MINUTE, Limits
from beam_actors.naming.ranking import Contested, Settled, Sole, decide
from beam_actors.values import Name, OwnerId
from tests.naming.builders import NETWORK, NOW, claim, owner_id, owner_key, revocation

ALICE = Name("alice")
LONG = 72 * HOUR


# --- the rule, against a history ------------------------------------------------------------------------------------


@attrs.define
class History:
    """Who held the name when, and the rule read from the page: looked up in the past, with nothing remembered."""

    holders: set[int] = attrs.Factory(set)
    past: list[tuple[float, frozenset[int]]] = attrs.Factory(list)  # since when (running), and who

    def settled(self) -> set[int]:
        found: set[int] = set()
        for (since, who), (until, later) in zip(self.past, self.past[1:], strict=False):
            found &= later
            if len(who) == 1 and len(later) > 1 and until - since >= LONG and who < later:
                found |= who
        return found


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from([0, 1, HOUR, 71 * HOUR, LONG])), max_size=30))
def test_what_is_settled_is_what_the_history_says(steps):
    """Each step: time passes, then one owner comes or goes."""
    holds, history = Holds(LONG), History()
    owners = [owner_id(number) for number in range(3)]
    for number, seconds in steps:
        holds.running += seconds
        before = {owners[one] for one in history.holders}
        history.holders ^= {number}
        after = {owners[one] for one in history.holders}
        history.past.append((holds.running, frozenset(history.holders)))
        written = holds.changed(ALICE, before, after, NOW)
        assert (ALICE, owners[number]) in written or number not in history.holders
        for owner in after:
            seen = holds[ALICE, owner]
            again = Holds(LONG)
            again.running = holds.running
            again.load("alice", owner, seen)
            assert again[ALICE, owner] == seen
        expected = history.settled()
        assert len(expected) <= 1
        assert holds.settled(ALICE, after) == next((owners[one] for one in expected), None)


@given(st.lists(st.binary(min_size=1, max_size=2), min_size=1, max_size=6, unique=True), st.data())
def test_owners_whose_ids_begin_alike_have_lines_of_their_own(ends, data):
    holds, expected = Holds(LONG), {}
    times = st.integers(0, MAX_TIME - 1)
    for end in ends:
        owner = OwnerId(end.rjust(32, b"\0"))
        seen = Seen(data.draw(times), data.draw(times), data.draw(st.integers(0, HOUR)), data.draw(st.booleans()))
        holds.load("alice", owner, seen)
        expected[ALICE, owner] = seen
    assert {key: holds[key] for key in expected} == expected
    holds.forget(next(iter(expected)))
    assert {key: holds[key] for key in list(expected)[1:]} == dict(list(expected.items())[1:])


# --- by example, on claims ------------------------------------------------------------------------------------------


def knowing(*claims, now=NOW) -> Knowledge:
    known = Knowledge(network=NETWORK, owner=owner_id(3), limits=Limits())
    for one in claims:
        assert known.take(one.encoded, now) is not None
    return known


def decision(known, now):
    return decide(known.registry.entries(ALICE), now, settled=known.settled(ALICE, now))


def test_a_late_rival_changes_nothing_and_an_early_one_does():
    for ran, kind in ((LONG - 1, Contested), (LONG, Settled)):
        known = knowing(claim(0))
        assert isinstance(decision(known, NOW), Sole)
        known.ran(ran)
        later = NOW + 3 * DAY
        assert known.take(claim(1, issued=later).encoded, later)
        found = decision(known, later)
        assert isinstance(found, kind)
        (conflict,) = conflicts.conflicts(known, later)
        if isinstance(found, Settled):
            assert found.claim.owner == owner_id(0)
            assert answering.resolve(known, Query(ALICE), later).owner == owner_id(0)
            assert (conflict.settled_by, [choice.used for choice in conflict.choices].count(True)) == ("settled", 1)
        else:
            assert conflict.settled_by is None


@pytest.mark.parametrize("jump", [-400 * DAY, 72 * HOUR, 20 * DAY])
def test_a_wall_clock_that_was_set_settles_nothing(jump):
    known = knowing(claim(0))
    known.ran(HOUR)
    now = NOW + jump
    known.take(claim(1, issued=now).encoded, now)
    assert known.settled(ALICE, now) is None


def test_thirty_two_challengers_of_a_settled_name_change_nothing():
    known = knowing(claim(0))
    known.ran(LONG)
    for number in range(31):
        key = OwnerChain(bytes([100 + number]) * 32).era_key(0)
        challenger = Claim.sign(attrs.evolve(claim(0).terms, keyset=key.keyset), key)
        assert known.take(challenger.encoded, NOW + HOUR)
    assert decision(known, NOW + HOUR) == Settled(known.registry.entry(ALICE, owner_id(0)).claim)


def test_a_release_an_end_a_revocation_and_a_later_era_end_what_was_settled():
    known = knowing(claim(0))
    known.ran(LONG)
    known.take(claim(1).encoded, NOW)
    known.take(claim(0, seq=2, kind=Kind.TOMBSTONE).encoded, NOW)
    known.take(claim(0, seq=3).encoded, NOW)
    assert isinstance(decision(known, NOW), Contested)
    lapsed = knowing(claim(0, valid=DAY))
    lapsed.ran(LONG)
    lapsed.take(claim(1, valid=3 * DAY).encoded, NOW)
    assert isinstance(decision(lapsed, NOW), Settled)
    assert isinstance(decision(lapsed, NOW + 2 * DAY), Sole)  # the rival, who is left
    lapsed.take(claim(0, seq=2, issued=NOW + 2 * DAY).encoded, NOW + 2 * DAY)
    assert isinstance(decision(lapsed, NOW + 2 * DAY), Contested)
    revoked = knowing(claim(0))
    revoked.ran(LONG)
    revoked.take(claim(1).encoded, NOW)
    revoked.take(revocation(0).encoded, NOW)
    assert decision(revoked, NOW) == Sole(claim(1))
    moved = knowing(claim(0), claim(0, "bob"))
    moved.ran(LONG)
    moved.take(claim(1).encoded, NOW)
    moved.take(claim(0, "bob", era=1).encoded, NOW)  # all that was said in the era before has ended
    assert decision(moved, NOW) == Sole(claim(1))


def test_whoever_is_left_of_a_contest_begins_anew():
    """Two owners held it for long; one of them leaves for a moment. The other must not be settled by that."""
    known = knowing(claim(0), claim(1))
    known.ran(10 * LONG)
    known.take(claim(1, seq=2, kind=Kind.TOMBSTONE).encoded, NOW)
    known.take(claim(1, seq=3).encoded, NOW)
    assert isinstance(decision(known, NOW), Contested)


def test_a_contest_that_ends_by_itself_is_noticed():
    known = knowing(claim(0), claim(1, valid=DAY))
    known.ran(LONG)
    assert known.seen(claim(0)).alone == 0
    known.forget(NOW + 2 * DAY)
    assert known.seen(claim(0)).alone == int(known.holds.running)
    known.ran(LONG)
    known.take(claim(2, issued=NOW + 6 * DAY).encoded, NOW + 6 * DAY)
    assert isinstance(decision(known, NOW + 6 * DAY), Settled)


def test_how_long_it_is_held_is_counted_anew_after_a_release():
    known = knowing(claim(0))
    known.take(claim(0, seq=2, kind=Kind.TOMBSTONE, issued=NOW + DAY).encoded, NOW + DAY)
    known.take(claim(0, seq=3, issued=NOW + 20 * DAY).encoded, NOW + 20 * DAY)
    entry = known.registry.entry(ALICE, owner_id(0))
    assert known.seen(entry.claim).first == NOW + 20 * DAY


def test_the_clock_goes_on_from_what_the_entries_say_and_no_damaged_row_makes_all_holds_old():
    holds = Holds(LONG)
    holds.load("alice", owner_id(0), Seen(NOW, NOW, 500))
    assert holds.running == 500.0
    holds.load("bob", owner_id(0), Seen(NOW, NOW, 1 << 39))
    assert (holds.running, holds[Name("bob"), owner_id(0)].alone) == (500.0, 0)
    holds.load("carol", owner_id(0), Seen(NOW, NOW, 1 << 39, settled=True))
    assert holds[Name("carol"), owner_id(0)] == Seen(NOW, NOW, 500, settled=True)


def test_an_owner_who_says_a_name_anew_in_a_later_era_holds_it_on():
    known = knowing(claim(0), claim(0, "bob"))
    known.ran(LONG)
    for one in (claim(0, "bob", era=1), claim(0, era=1)):
        known.take(one.encoded, NOW + MINUTE)
    assert known.seen(known.registry.entry(ALICE, owner_id(0)).claim).first == NOW
    known.take(claim(1).encoded, NOW + MINUTE)
    assert isinstance(decision(known, NOW + MINUTE), Settled)
    late = knowing(claim(0), claim(0, "bob"))
    late.ran(LONG)
    late.take(claim(0, "bob", era=1).encoded, NOW)
    late.ran(2 * HOUR)
    late.take(claim(0, era=1).encoded, NOW)
    late.take(claim(1).encoded, NOW)
    assert isinstance(decision(late, NOW), Contested)


def test_a_settled_owner_who_opens_an_era_is_settled_in_it_though_a_rival_is_there():
    known = knowing(claim(0), claim(0, "bob"))
    known.ran(LONG)
    known.take(claim(1).encoded, NOW)
    for one in (claim(0, "bob", era=1), claim(0, era=1)):
        known.take(one.encoded, NOW + MINUTE)
    assert decision(known, NOW + MINUTE) == Settled(claim(0, era=1))


def transferred(*, era=1, first=(), between=(), later=0):
    """Owner 0 settled alice and hands it to owner 1; owner 2 claims it, too. What the name leads to in the end."""
    known = Knowledge(network=NETWORK, owner=owner_id(3), limits=Limits())
    known.take(claim(0).encoded, NOW)
    known.ran(LONG)
    for one in first:
        known.take(one.encoded, NOW)
    known.take(claim(0, seq=2, era=era, kind=Kind.TRANSFER, to=1).encoded, NOW)
    known.take(claim(2).encoded, NOW)
    known.ran(later)
    for one in (*between, claim(1)):
        known.take(one.encoded, NOW)
    return decide(known.registry.entries(ALICE), NOW, settled=known.settled(ALICE, NOW))


def test_a_hold_that_lapsed_comes_back_by_no_era():
    """Owner 0 held alice alone for long and let its claim end; owner 1 took the free name."""
    for comes in ([claim(0, era=1)], [claim(0, "bob", era=1), claim(0, era=1)]):
        known = knowing(claim(0, valid=DAY), claim(0, "bob"))
        known.ran(LONG)
        late = NOW + 2 * DAY
        known.forget(late)
        known.take(claim(1).encoded, late)
        known.ran(2 * DAY)
        for one in comes:
            known.take(one.encoded, late)
        assert isinstance(decide(known.registry.entries(ALICE), late, settled=known.settled(ALICE, late)), Contested)


def test_what_was_settled_is_handed_over_with_the_name():
    assert transferred() == Settled(claim(1))
    assert transferred(first=[claim(0, "bob", era=1)]) == Settled(claim(1))  # another claim of the new era came first
    assert isinstance(transferred(first=[claim(0, seq=2, kind=Kind.TOMBSTONE)]), Contested)  # nothing was held any more
    assert isinstance(transferred(later=HOUR + 1), Contested)  # the successor was not there
    assert isinstance(transferred(first=[claim(0, era=1)]), Contested)  # the era was open: perhaps a thief's


def test_a_rival_who_begins_later_is_no_rival_before_and_no_surprise_then():
    known = knowing(claim(0))
    known.ran(LONG)
    key = owner_key(1)
    later = Claim.sign(attrs.evolve(claim(1).terms, not_before=NOW + HOUR), key)
    known.take(later.encoded, NOW)
    assert isinstance(decision(known, NOW + HOUR), Sole)
    assert known.wake(NOW + HOUR) == [later]
    assert isinstance(decision(known, NOW + HOUR), Settled)
