import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.naming.claim import Kind
from beam_actors.naming.events import CONTESTS, KEPT, Events, Happening, Interest
from beam_actors.naming.limits import HOUR, MINUTE
from beam_actors.naming.records import Own
from beam_actors.values import Name
from tests.naming.builders import NOW, claim, owner_id, revocation
from tests.naming.tables import knowledge

ALICE = Name("alice")
PINNED = Interest("pin", owner_id(0))


def pinned(*claims):
    """Somebody who pinned owner 0 for alice, and then heard of these, five minutes apart."""
    known = knowledge(claim(0))
    known.bindings.pin(ALICE, owner_id(0), NOW)
    for number, one in enumerate(claims, start=1):
        known.take(one.encoded, NOW + 5 * MINUTE * number)
    known.wake(NOW + 10 * MINUTE)
    return [(event.what.value, event.owner) for event in known.events.after(0)]


@pytest.mark.parametrize(
    ("heard", "told"),
    [
        (claim(0, seq=2), []),  # a renewal
        (claim(0, "bob"), []),  # another name
        (claim(1), [("contested", owner_id(1))]),
        (claim(0, era=1), [("rotated", owner_id(0))]),
        (claim(0, variant=1), [("equivocated", owner_id(0))]),
        (claim(0, seq=2, kind=Kind.TOMBSTONE), [("released", owner_id(0))]),
        (claim(0, era=1, kind=Kind.TRANSFER, to=1), [("transferred", owner_id(0))]),
        (claim(0, era=1, kind=Kind.TOMBSTONE), [("released", owner_id(0))]),
        (claim(0, "bob", era=1), [("left-behind", owner_id(0))]),
        (revocation(0), [("revoked", owner_id(0))]),
    ],
)
def test_what_happens_to_a_pinned_name(heard, told):
    assert pinned(heard) == told
    assert pinned(heard, heard) == told


def test_each_era_of_a_pinned_owner_is_told_once_also_within_an_hour():
    first, second = claim(0, era=1), claim(0, era=2)
    assert pinned(first, second, first, second) == [("rotated", owner_id(0))] * 2


@pytest.mark.parametrize("gone", [claim(0, seq=2, kind=Kind.TOMBSTONE), claim(0, "bob", era=1), revocation(0)])
def test_whoever_claims_what_its_pinned_owner_holds_no_more_contests_nothing(gone):
    assert [what for what, owner in pinned(gone, claim(1)) if owner == owner_id(1)] == ["taken"]


def test_what_happens_to_what_a_petname_stands_for():
    known = knowledge(claim(0), claim(1))
    known.call(Name("anna"), ALICE, owner_id(0), NOW)
    known.call(Name("ann"), ALICE, owner_id(0), NOW)
    known.take(claim(2).encoded, NOW + MINUTE)  # contests nothing: a petname leads to one owner
    known.take(claim(0, era=1).encoded, NOW + MINUTE)
    known.take(claim(1, era=1).encoded, NOW + MINUTE)
    assert [(event.what, event.name, event.relation) for event in known.events.after(0)] == [
        (Happening.ROTATED, ALICE, "petname")
    ]


def test_what_happens_to_an_own_name_and_to_nobodys():
    known = knowledge(owner=0)
    known.reserve(ALICE, contest=False, now=NOW)
    known.publish(claim(0), NOW)
    known.take(claim(1).encoded, NOW + MINUTE)
    known.take(claim(1, "bob").encoded, NOW + MINUTE)
    known.take(claim(2, "bob").encoded, NOW + MINUTE)
    known.take(claim(0, variant=2).encoded, NOW + 2 * MINUTE)
    known.take(claim(0, seq=3, kind=Kind.TOMBSTONE).encoded, NOW + 3 * MINUTE)  # by whom?
    known.publish(claim(0, seq=4), NOW + 4 * MINUTE)
    known.take(claim(0, era=1).encoded, NOW + 5 * MINUTE)
    assert [(event.what, event.owner, event.relation) for event in known.events.after(0)] == [
        (Happening.CONTESTED, owner_id(1), "own"),
        (Happening.EQUIVOCATED, owner_id(0), "own"),
        (Happening.RELEASED, owner_id(0), "own"),
        (Happening.ROTATED, owner_id(0), "own"),
    ]


@pytest.mark.parametrize("order", itertools.permutations(["alice", "attic", "bob", "carol"]))
def test_an_owner_who_says_all_anew_in_an_era_has_released_nothing_and_each_name_is_told_once(order):
    """Whichever is heard first ends the others for a moment; attic matters to nobody here, and carol is own."""
    known = knowledge(*(claim(0, name) for name in order), owner=0)
    known.bindings.pin(ALICE, owner_id(0), NOW)
    known.call(Name("rob"), Name("bob"), owner_id(0), NOW)
    known.own.load(Own(Name("carol"), NOW, owner_id(0)))
    for name in order:
        for _ in range(2):
            known.take(claim(0, name, era=1).encoded, NOW + MINUTE)
    known.wake(NOW + 2 * MINUTE)
    known.take(claim(0, "alice", seq=2, era=1).encoded, NOW + 3 * HOUR)
    assert sorted((event.name.label, event.what, event.era) for event in known.events.after(0)) == [
        (name, Happening.ROTATED, 1) for name in ("alice", "bob", "carol")
    ]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (claim(0, era=1), "rotated"),
        (claim(0, era=1, kind=Kind.TOMBSTONE), "released"),
        (claim(0, era=1, kind=Kind.TRANSFER, to=1), "transferred"),
    ],
)
def test_what_is_said_of_a_name_after_it_was_left_behind_is_told(said, told):
    known = knowledge(claim(0))
    known.bindings.pin(ALICE, owner_id(0), NOW)
    known.take(claim(0, "bob", era=1).encoded, NOW)
    for minute in range(3):
        known.wake(NOW + minute * MINUTE)
    known.take(said.encoded, NOW + HOUR)
    assert [event.what.value for event in known.events.after(0)] == ["left-behind", told]


def test_what_was_let_go_meanwhile_is_told_no_more():
    known = knowledge(claim(0))
    known.bindings.pin(ALICE, owner_id(0), NOW)
    known.take(claim(0, "bob", era=1).encoded, NOW)
    known.bindings.unpin(ALICE)
    known.wake(NOW + MINUTE)
    known.bindings.pin(ALICE, owner_id(0), NOW + MINUTE)
    known.take(claim(0, era=1).encoded, NOW + HOUR)
    assert known.events.after(0) == ()


def test_what_this_node_does_itself_is_no_news():
    known = knowledge(owner=0)
    known.reserve(ALICE, contest=False, now=NOW)
    known.publish(claim(0), NOW)
    known.publish(claim(0, seq=2, kind=Kind.TOMBSTONE), NOW)
    known.publish(claim(0, era=1), NOW)
    known.wake(NOW + MINUTE)
    assert known.events.after(0) == ()


def told(known):
    return [(event.what, event.owner, event.relation, event.heir) for event in known.events.after(0)]


def test_whoever_gets_a_name_is_told_and_who_pinned_it_hears_of_the_heir_and_of_no_rival():
    transfer = claim(0, era=1, kind=Kind.TRANSFER, to=1)
    friend, heir, stranger = (knowledge(claim(0), owner=owner) for owner in (2, 1, 3))
    friend.bindings.pin(ALICE, owner_id(0), NOW)
    friend.call(Name("anna"), ALICE, owner_id(0), NOW)
    for known in (friend, heir, stranger):
        known.take(transfer.encoded, NOW + MINUTE)
        known.take(claim(1, inherits=transfer.id).encoded, NOW + 2 * MINUTE)
        known.take(claim(3).encoded, NOW + 3 * MINUTE)
    assert told(friend) == [
        (Happening.TRANSFERRED, owner_id(0), "pin", owner_id(1)),
        (Happening.INHERITED, owner_id(1), "pin", None),
        (Happening.CONTESTED, owner_id(3), "pin", None),
    ]
    assert told(heir) == [(Happening.HANDED, owner_id(0), "heir", owner_id(1))]
    assert told(stranger) == []


def test_what_one_claims_oneself_is_no_news_of_ones_pin():
    for ours in (True, False):  # False: another machine of this owner
        known = knowledge(claim(0), owner=1)
        known.bindings.pin(ALICE, owner_id(0), NOW)
        known.reserve(ALICE, contest=True, now=NOW)
        known.publish(claim(1), NOW) if ours else known.take(claim(1).encoded, NOW)
        assert told(known) == []
        known.take(claim(3).encoded, NOW)
        assert {(what, owner) for what, owner, *_ in told(known)} == {(Happening.CONTESTED, owner_id(3))}


def test_what_a_petname_stands_for_goes_to_its_heir_in_words():
    known = knowledge(claim(0))
    known.call(Name("anna"), ALICE, owner_id(0), NOW)
    known.take(claim(0, era=1, kind=Kind.TRANSFER, to=1).encoded, NOW + MINUTE)
    known.take(claim(1).encoded, NOW + 2 * MINUTE)
    assert [event.what for event in known.events.after(0)] == [Happening.TRANSFERRED, Happening.INHERITED]


def test_an_own_name_that_another_machine_handed_over_says_to_whom():
    known = knowledge(owner=0)
    known.reserve(ALICE, contest=False, now=NOW)
    known.publish(claim(0), NOW)
    known.take(claim(0, era=1, kind=Kind.TRANSFER, to=1).encoded, NOW + MINUTE)
    assert told(known) == [(Happening.TRANSFERRED, owner_id(0), "own", owner_id(1))]


@pytest.mark.parametrize("bound", ["pin", "petname"])
def test_a_name_that_comes_to_whoever_had_bound_it_is_one_event_and_taking_it_is_none(bound):
    transfer = claim(0, era=1, kind=Kind.TRANSFER, to=1)
    known = knowledge(claim(0), owner=1)
    if bound == "pin":
        known.bindings.pin(ALICE, owner_id(0), NOW)
    else:
        known.call(Name("anna"), ALICE, owner_id(0), NOW)
    known.take(transfer.encoded, NOW + MINUTE)
    known.reserve(ALICE, contest=False, now=NOW + MINUTE)
    known.publish(claim(1, inherits=transfer.id), NOW + 2 * MINUTE)
    known.wake(NOW + 3 * MINUTE)
    assert told(known) == [(Happening.HANDED, owner_id(0), bound, owner_id(1))]


def test_a_bound_name_that_is_taken_on_another_machine_of_ones_own_says_so():
    transfer = claim(0, era=1, kind=Kind.TRANSFER, to=1)
    known = knowledge(claim(0), owner=1)
    known.bindings.pin(ALICE, owner_id(0), NOW)
    known.take(transfer.encoded, NOW + MINUTE)
    known.take(claim(1, inherits=transfer.id).encoded, NOW + 2 * MINUTE)
    assert [what for what, *_ in told(known)] == [Happening.HANDED, Happening.INHERITED]


def test_a_name_that_goes_on_to_another_heir_says_so():
    known = knowledge(claim(0))
    known.bindings.pin(ALICE, owner_id(0), NOW)
    for era, heir in ((1, 1), (2, 2)):
        known.take(claim(0, era=era, kind=Kind.TRANSFER, to=heir).encoded, NOW + era * 2 * HOUR)
    assert [(what, heir) for what, _, _, heir in told(known)] == [
        (Happening.TRANSFERRED, owner_id(1)),
        (Happening.TRANSFERRED, owner_id(2)),
    ]


def test_strangers_who_give_much_away_do_not_hide_what_a_bound_owner_gives():
    events = Events()
    for number in range(CONTESTS):
        stranger = Interest("heir", owner_id(3))
        events.note(Happening.HANDED, Name(f"n{number}"), owner_id(1), stranger, NOW, heir=owner_id(3))
    events.note(Happening.HANDED, ALICE, owner_id(0), PINNED, NOW, heir=owner_id(3))
    assert events.after(0)[-1].name == ALICE
    for number in range(2 * KEPT):
        events.note(Happening.HANDED, Name(f"m{number}"), owner_id(1), stranger, NOW + number * HOUR, heir=owner_id(3))
    assert ALICE in {event.name for event in events.after(0)}


def test_a_name_that_one_holds_oneself_is_no_gift():
    known = knowledge(claim(0), owner=1)
    known.reserve(ALICE, contest=True, now=NOW)
    known.publish(claim(1), NOW)
    known.take(claim(0, era=1, kind=Kind.TRANSFER, to=1).encoded, NOW + MINUTE)
    assert told(known) == []


def test_gifts_of_strangers_hide_nothing_else_and_are_told_a_few_times_an_hour():
    events, gift = Events(), Interest("heir", owner_id(3))
    for number in range(KEPT - 1):  # an hour's worth of contests and more
        events.note(Happening.CONTESTED, Name(f"n{number}"), owner_id(1), PINNED, NOW)
    events.note(Happening.ROTATED, ALICE, owner_id(0), PINNED, NOW)
    for number in range(10_000):  # three hours of them
        events.note(Happening.HANDED, Name(f"n{number}"), owner_id(1), gift, NOW + number, heir=owner_id(3))
    kinds = [event.what for event in events.after(0)]
    counts = [kinds.count(kind) for kind in (Happening.CONTESTED, Happening.ROTATED, Happening.HANDED)]
    assert counts[:2] == [CONTESTS, 1]
    assert CONTESTS <= counts[2] <= KEPT


def test_the_feed_goes_on_from_where_one_was():
    events = Events()
    for number in range(KEPT + 10):
        events.note(Happening.ROTATED, Name(f"n{number}"), owner_id(1), PINNED, NOW + number * HOUR)
    assert events.last == KEPT + 10
    assert [event.number for event in events.after(KEPT + 7)] == [KEPT + 8, KEPT + 9, KEPT + 10]
    assert len(events.after(0)) == KEPT
    assert events.after(events.last) == ()


def test_contests_hide_no_other_events_and_are_told_a_few_times_an_hour():
    events = Events()
    events.note(Happening.EQUIVOCATED, ALICE, owner_id(0), PINNED, NOW)
    for number in range(1000):
        events.note(Happening.CONTESTED, Name(f"n{number}"), owner_id(1), PINNED, NOW + number)
    told = [event.what for event in events.after(0)]
    assert (told.count(Happening.EQUIVOCATED), told.count(Happening.CONTESTED)) == (1, CONTESTS)
    events.note(Happening.CONTESTED, ALICE, owner_id(2), PINNED, NOW + 2 * HOUR)
    assert events.after(events.last - 1)[0].owner == owner_id(2)


def test_a_decoy_does_not_hide_the_next_challenger():
    events = Events()
    for owner in (1, 2):
        events.note(Happening.CONTESTED, ALICE, owner_id(owner), PINNED, NOW)
    assert [event.owner for event in events.after(0)] == [owner_id(1), owner_id(2)]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40 * MINUTE)), max_size=60))
def test_one_kind_by_one_owner_is_told_of_one_name_once_an_hour_at_most(steps):
    events, now = Events(), NOW
    for name, seconds in steps:
        now += seconds
        events.note(Happening.CONTESTED, Name(f"n{name}"), owner_id(1), PINNED, now)
    for name in {event.name for event in events.after(0)}:
        times = [event.at for event in events.after(0) if event.name == name]
        assert all(later - before >= HOUR for before, later in itertools.pairwise(times))
    assert [event.number for event in events.after(0)] == list(range(1, events.last + 1))


def test_a_clock_that_was_set_back_does_not_silence_it():
    events = Events()
    events.note(Happening.CONTESTED, ALICE, owner_id(1), PINNED, NOW)
    events.note(Happening.CONTESTED, ALICE, owner_id(1), PINNED, NOW - 10 * MINUTE)
    assert events.last == 2
