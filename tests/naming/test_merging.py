from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import ClaimRefused
from beam_actors.naming.admission import Admission, Verdict
from beam_actors.naming.bindings import Bindings
from beam_actors.naming.claim import Kind
from beam_actors.naming.events import Events, Happening
from beam_actors.naming.holds import Holds
from beam_actors.naming.limits import HOUR, Limits
from beam_actors.naming.made import MadeNames
from beam_actors.naming.merging import Merged, Merger
from beam_actors.naming.own import OwnNames
from beam_actors.naming.registry import Registry
from beam_actors.values import Name
from tests.naming.builders import NOW, claim, owner_id, peer, pool, revocation

ALICE, BOB, ANNA = Name("alice"), Name("bob"), Name("anna")


class Desk:
    """What a merge changes, at a node of `owner`."""

    def __init__(self, *claims, owner=3):
        limits, self.written = Limits(), []
        self.registry, self.holds, self.events = Registry(), Holds(limits.settle_after), Events()
        record = self.written.append
        self.bindings = Bindings(self.registry, record, owner=owner_id(owner), limits=limits)
        made = MadeNames(record)
        self.own = OwnNames(
            self.registry, self.bindings, made, record, owner=owner_id(owner), me=peer(owner), limits=limits
        )
        self.merger = Merger(self.registry, self.holds, self.bindings, self.own, self.events, owner=owner_id(owner))
        for one in claims:
            self.merge(one)

    def merge(self, one, now=NOW, *, ours=False):
        merged = self.merger.merge(one, now, ours=ours)
        for key in merged.ended:
            self.holds.forget(key)
        return merged

    def told(self):
        return [(event.what, event.name) for event in self.events.after(0)]


def keys(*pairs):
    return tuple((Name(name), owner_id(owner)) for name, owner in pairs)


def test_a_first_claim_changes_its_own_hold_alone():
    desk = Desk()
    assert desk.merge(claim()) == Merged((), keys(("alice", 0)), ())
    assert desk.holds[ALICE, owner_id(0)].first == NOW


def test_a_rival_changes_the_hold_of_whoever_was_there():
    desk = Desk(claim(0))
    assert set(desk.merge(claim(1)).changed) == set(keys(("alice", 0), ("alice", 1)))
    assert {desk.holds[key].alone for key in keys(("alice", 0), ("alice", 1))} == {0}


def test_a_later_era_ends_what_was_said_before_and_the_name_may_lead_elsewhere():
    desk = Desk(claim(), claim(name="bob"))
    merged = desk.merge(claim(era=1))
    assert (merged.ended, merged.elsewhere) == (keys(("bob", 0)), (BOB,))
    assert keys(("alice", 0))[0] in merged.changed


def test_a_revocation_ends_all_and_leaves_nothing_to_store_but_itself():
    desk = Desk(claim(), claim(name="bob"), claim(1, "bob"))
    merged = desk.merge(revocation())
    assert set(merged.ended) == set(keys(("alice", 0), ("bob", 0)))
    assert set(merged.elsewhere) == {ALICE, BOB}
    kept = [key for key in merged.changed if desk.registry.entry(*key)]
    assert kept == [(BOB, owner_id(1))]  # who holds it alone from now on


def test_petnames_lead_where_the_names_do_that_they_stand_for():
    desk = Desk(claim(), claim(name="bob"))
    desk.bindings.call(ANNA, BOB, owner_id(0), NOW)
    assert desk.merge(claim(1)).elsewhere == ()
    assert desk.merge(claim(1, "bob")).elsewhere == (ANNA,)
    assert desk.merge(claim(era=1)).elsewhere == (BOB, ANNA)


@pytest.mark.parametrize("again", [True, False])
def test_a_name_that_an_era_left_out_is_told_a_while_later_unless_it_is_claimed_again(again):
    desk = Desk(claim(), claim(name="bob"))
    desk.bindings.pin(BOB, owner_id(0), NOW)
    desk.bindings.call(ANNA, BOB, owner_id(0), NOW)
    desk.merge(claim(era=1))
    if again:
        desk.merge(claim(name="bob", era=1))
    told = [(Happening.ROTATED, BOB)] if again else []
    assert desk.told() == told
    for _ in range(2):  # and once
        desk.merger.tell_left(NOW + 2 * HOUR)
    assert desk.told() == (told if again else [(Happening.LEFT_BEHIND, BOB)])
    assert [event.era for event in desk.events.after(0)] == [1]


def test_an_own_name_that_an_era_left_out_was_given_up_by_nobody():
    desk = Desk(claim(), claim(name="bob"), owner=0)
    desk.own.add(BOB, contest=False, now=NOW)
    desk.merge(claim(era=2))  # by another machine of the owner, whose key is the later one
    desk.merger.tell_left(NOW + 60)
    assert desk.told() == [(Happening.LEFT_BEHIND, BOB)]
    assert [event.era for event in desk.events.after(0)] == [2]


@pytest.mark.parametrize(("within", "goes_on"), [(HOUR, True), (HOUR + 1, False)])
def test_a_hold_goes_on_in_the_next_era_if_it_is_claimed_soon(within, goes_on):
    desk = Desk(claim(), claim(name="bob"))
    desk.merge(claim(era=1), NOW + 5)
    desk.holds.running += within
    desk.merge(claim(name="bob", era=1), NOW + within)
    assert (desk.holds[BOB, owner_id(0)].first == NOW) is goes_on


@pytest.mark.parametrize(("known", "goes_on"), [(0, True), (1, False)])
def test_a_hold_passes_on_to_an_heir_by_a_transfer_that_opens_an_era(known, goes_on):
    desk = Desk(claim(era=known))
    desk.merge(claim(seq=2, era=1, kind=Kind.TRANSFER, to=1), NOW + 5)
    desk.merge(claim(1), NOW + 9)
    assert (desk.holds[ALICE, owner_id(1)].first == NOW) is goes_on


def test_nobody_s_hold_passes_on_that_had_lapsed():
    desk = Desk(claim(valid=60))
    desk.merge(claim(seq=2, era=1, kind=Kind.TRANSFER, to=1), NOW + 61)
    desk.merge(claim(1), NOW + 70)
    assert desk.holds[ALICE, owner_id(1)].first == NOW + 70


def test_a_pin_follows_and_who_is_called_a_rival_is_no_heir():
    desk = Desk(claim())
    desk.bindings.pin(ALICE, owner_id(0), NOW)
    desk.merge(claim(seq=2, era=1, kind=Kind.TRANSFER, to=1))
    desk.merge(claim(1))
    assert desk.bindings.pins[ALICE].owner == owner_id(1)
    desk.merge(claim(2))
    assert desk.told() == [
        (Happening.TRANSFERRED, ALICE),
        (Happening.INHERITED, ALICE),
        (Happening.CONTESTED, ALICE),
    ]


def test_what_this_node_claims_itself_is_no_news_to_its_person():
    desk = Desk(claim(0), owner=1)
    desk.bindings.pin(ALICE, owner_id(0), NOW)
    desk.own.add(ALICE, contest=True, now=NOW)
    desk.merge(claim(1), ours=True)
    assert desk.told() == []
    desk.merge(claim(1, seq=2), ours=False)  # by another machine of the owner
    assert desk.told() == []
    desk.merge(claim(2))
    assert desk.told() == [(Happening.CONTESTED, ALICE)]


def test_what_another_machine_of_the_owner_gave_up_is_set_aside():
    desk = Desk(owner=1)
    desk.own.add(ALICE, contest=False, now=NOW)
    desk.merge(claim(1), ours=True)
    desk.merge(claim(1, seq=2, kind=Kind.TOMBSTONE, issued=NOW + 9, previous=claim(1).id), NOW + 9)
    assert (desk.own, set(desk.own.given_up)) == ({}, {ALICE})
    assert desk.told() == [(Happening.RELEASED, ALICE)]


def test_a_name_that_is_handed_to_this_node_s_owner_is_told():
    desk = Desk(claim(0), owner=1)
    desk.merge(claim(0, seq=2, era=1, kind=Kind.TRANSFER, to=1))
    assert desk.told() == [(Happening.HANDED, ALICE)]


@given(st.lists(st.sampled_from(pool()), max_size=12))
def test_a_store_that_is_given_all_that_came_of_merges_holds_what_is_here(claims):
    desk, stored = Desk(), {}
    admission = Admission(desk.registry, Limits())
    for now, one in enumerate(claims, NOW):
        verdict = None
        with suppress(ClaimRefused):
            verdict = admission.judge(one, now)
        if verdict is not Verdict.NEW:
            continue
        merged = desk.merge(one, now)
        for key in merged.ended:
            del stored[key]
        for key in merged.changed:
            if desk.registry.entry(*key) is not None:
                stored[key] = desk.registry.entry(*key), desk.holds[key]
    entries = [entry for name in desk.registry.names for entry in desk.registry.entries(name)]
    here = {(entry.name, entry.owner): entry for entry in entries}
    assert stored == {key: (entry, desk.holds[key]) for key, entry in here.items()}
