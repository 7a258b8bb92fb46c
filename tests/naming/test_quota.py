"""The quotas on a name's owners and an owner's names: what is kept depends on what is known, not on what came first."""

import random

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.naming import answering, claim_rows
from beam_actors.naming.claim import Claim, Kind
from beam_actors.naming.grammar import Query
from beam_actors.naming.limits import HOUR, RETENTION, Limits
from beam_actors.naming.lodgers import Lodging
from beam_actors.naming.precedence import place_of
from beam_actors.naming.quota import Latest, Quotas
from beam_actors.naming.ranges import hold_key
from beam_actors.naming.registry import Registry
from beam_actors.values import Name
from tests.naming.builders import NETWORK, NOW
from tests.naming.crowd import ALICE, CROWD, LEVELS, SMALL, chain, hear, hear_all, ids, known_to, owner_of, said, wanted
from tests.naming.tables import Tables

# --- the two holes ----------------------------------------------------------------------------------------------------


def test_the_owner_who_comes_after_many_cheaper_ones_is_kept():
    *crowd, late = sorted((said(number) for number in range(41)), key=place_of)
    known = known_to(Limits(), *crowd)
    assert hear(known, [late]) == 0
    owner = next(number for number in range(41) if owner_of(number) == late.owner)
    assert hear(known, [said(owner, level=4)]) == 1
    assert answering.resolve(known, Query(ALICE), NOW).owner == late.owner  # who shows four times the work of any
    assert known.registry.owners_of(ALICE) == 32
    assert ids(known) == wanted([*crowd, said(owner, level=4)], Limits())
    before = known.refused["quota"]
    assert hear(known, crowd) == 0
    assert known.refused["quota"] - before == 9


def test_what_is_kept_of_too_many_owners_or_names_is_the_same_in_any_order():
    crowd = [said(number, level=2 + number % 3) for number in range(40)]
    names = [said(7, f"name{number}", kind=Kind(number % 2)) for number in range(100)]
    for claims in (crowd, names):
        kept = {
            frozenset(ids(known_to(Limits(), *random.Random(seed).sample(claims, len(claims))))) for seed in range(4)
        }
        assert kept == {frozenset(wanted(claims, Limits()))}
        assert len(*kept) == (32 if claims is crowd else 80)


# --- the laws ---------------------------------------------------------------------------------------------------------

claims_said = st.builds(
    said,
    st.integers(0, 4),
    st.sampled_from(["alice", "bob", "carol", "dave", "eve"]),
    st.integers(1, 2),
    level=st.integers(2, 5),
    kind=st.sampled_from([Kind.LIVE, Kind.LIVE, Kind.TOMBSTONE]),
)
many = st.lists(claims_said, max_size=30, unique_by=lambda one: one.id)
orders = st.randoms(use_true_random=False)


@given(many, orders)
def test_who_hears_all_until_nothing_is_new_keeps_what_the_rule_says(claims, order):
    known, tables = known_to(), Tables()
    hear(known, claims)
    tables.apply(known)
    hear_all(known, claims, order)
    assert ids(known) == wanted(claims)
    assert len(known.registry.names) <= 5
    assert all(known.registry.owners_of(name) <= SMALL.owners_per_name for name in known.registry.names)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(2, 5)), max_size=12, unique_by=lambda one: one[0]), orders)
def test_one_hearing_in_any_order_is_enough_for_one_crowded_name(owners, order):
    claims = [said(owner, level=level) for owner, level in owners]
    assert ids(known_to(SMALL, *order.sample(claims, len(claims)))) == wanted(claims)


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(Kind)), max_size=12), orders)
def test_and_for_one_owner_of_many_names_who_releases_some_and_claims_them_again(names, order):
    claims = [
        said(0, f"n{name}", number, kind=Kind.LIVE if kind is Kind.LIVE else Kind.TOMBSTONE)
        for number, (name, kind) in enumerate(names, 1)
    ]
    assert ids(known_to(SMALL, *order.sample(claims, len(claims)))) == wanted(claims)


@given(many, many, orders)
def test_two_nodes_that_tell_each_other_what_they_hold_agree(some, others, order):
    """Whatever either heard of before, and what either pushed out of its registry in the meantime."""
    one, other = known_to(SMALL, *some), known_to(SMALL, *others)
    for _ in range(200):
        held = [list(known.registry) for known in (one, other)]
        if not hear(one, order.sample(held[1], len(held[1]))) + hear(other, order.sample(held[0], len(held[0]))):
            break
    assert one.registry.canonical() == other.registry.canonical()


@given(many, st.lists(st.integers(0, 30), max_size=3), orders)
def test_a_restart_in_between_changes_nothing(claims, restarts, order):
    known, tables = known_to(), Tables()
    for number, one in enumerate(claims):
        hear(known, [one])
        tables.apply(known)
        if number in restarts:
            again = tables.load(owner=3, levels=LEVELS, limits=SMALL)
            again.make_room()
            assert again.registry.canonical() == known.registry.canonical()
            assert again.changes() == []
            known = again
    hear_all(known, claims, order)
    assert ids(known) == wanted(claims)


def test_two_orders_that_differ_would_have_no_single_outcome_but_this_one_does():
    """Each of four holds is pushed out by the next, by turns in a name and in an owner: it ends all the same."""
    limits = attrs.evolve(SMALL, owners_per_name=1, holds_per_owner=1)
    claims = [said(owner, name, level=3 if owner == int(name[-1]) else 2) for owner in (0, 1) for name in ("n0", "n1")]
    outcomes = set()
    for seed in range(24):
        known = known_to(limits)
        hear_all(known, claims, random.Random(seed))
        outcomes.add(frozenset(ids(known)))
    assert outcomes == {frozenset(wanted(claims, limits))}


# --- what is kept beside them -----------------------------------------------------------------------------------------


def test_what_somebody_asked_for_by_its_full_form_is_taken_and_kept():
    known = known_to(SMALL, *CROWD)
    assert hear(known, [said(0)]) == 0
    known.ask_for(ALICE, owner_of(0), NOW)
    assert hear(known, [said(0)]) == 1
    hear(known, [said(number, level=6) for number in range(5, 9)])
    known.make_room()
    assert answering.resolve(known, Query(ALICE, owner_of(0)), NOW).owner == owner_of(0)
    for number in range(10, 10 + SMALL.asked):  # others are asked for since
        known.ask_for(ALICE, owner_of(number), NOW)
    known.make_room()
    assert known.registry.entry(ALICE, owner_of(0)) is None


def test_what_pages_ask_for_takes_no_room_from_what_a_person_asked_for():
    known = known_to(attrs.evolve(SMALL, chosen=2), *CROWD)
    for number in (0, 20, 21):  # of these there is a bound, too
        known.ask_for(ALICE, owner_of(number), NOW, chosen=True)
    known.ask_for(ALICE, owner_of(20), NOW)
    for number in range(30, 31 + SMALL.asked):
        known.ask_for(ALICE, owner_of(number), NOW)
    assert hear(known, [said(number) for number in (0, 20, 21)]) == 2
    known.make_room()
    assert known.registry.entry(ALICE, owner_of(0)) is None
    for number in (20, 21):
        assert answering.resolve(known, Query(ALICE, owner_of(number)), NOW).owner == owner_of(number)


def test_own_pinned_called_and_settled_holds_are_kept():
    known = known_to(SMALL, said(0))
    known.ran(SMALL.settle_after)
    known.bindings.pin_by_use(ALICE, owner_of(10), "navigation", NOW)
    known.call(Name("anna"), ALICE, owner_of(11), NOW)
    beside = [said(owner) for owner in (10, 11, 99)]
    hear(known, beside)
    hear(known, CROWD)
    held = {entry.owner for entry in known.registry.entries(ALICE)}
    first = {one.owner for one in CROWD if one.id in wanted(CROWD)}
    assert held == first | {owner_of(owner) for owner in (0, 10, 11, 99)}
    assert answering.resolve(known, Query(ALICE, owner_of(0)), NOW).owner == owner_of(0)
    known.bindings.unpin(ALICE)
    known.make_room()
    assert known.registry.entry(ALICE, owner_of(10)) is None


def test_what_is_kept_beside_has_a_bound_for_each_owner():
    known = known_to()
    known.bindings.pin(Name("zed"), owner_of(0), NOW)
    hear(known, [said(0, f"n{number}") for number in range(20)])
    assert len(known.registry.names_of(owner_of(0))) == SMALL.holds_per_trusted_owner
    known.bindings.unpin(Name("zed"))
    known.make_room()
    assert len(known.registry.names_of(owner_of(0))) == SMALL.holds_per_owner


def test_what_is_beyond_one_quota_takes_no_room_in_the_other():
    """An owner whom a person here trusts has more names than others keep: these don't count among a name's owners."""
    names = sorted((said(0, f"n{number}", level=5) for number in range(6)), key=lambda one: place_of(one.proved(5)))
    beyond = names[-1]
    rivals = [said(number, beyond.label, level=2) for number in (1, 2)]
    trusting, other = known_to(), known_to(SMALL, *names, *rivals)
    trusting.bindings.pin(Name("zed"), owner_of(0), NOW)
    hear(trusting, [*names, *rivals])
    assert ids(trusting) - ids(other) == {one.id for one in names[3:]}
    assert ids(other) < ids(trusting)


def test_of_one_name_few_are_kept_beside_so_that_what_is_done_about_it_stays_quick(monkeypatch):
    monkeypatch.setattr("beam_actors.naming.quota.OF_ONE_NAME", 3)
    known = known_to(SMALL, *CROWD)
    for owner in range(10, 20):
        known.ask_for(ALICE, owner_of(owner), NOW)
        hear(known, [said(owner, "bob", level=2), said(owner, era=1)])
    known.make_room()
    assert known.registry.owners_of(ALICE) <= SMALL.owners_per_name + 2 * 3
    assert known.registry.entry(ALICE, owner_of(19)) is not None


def test_what_was_deposited_is_kept_after_a_restart_and_what_was_asked_for_is_not():
    """Else `name.<owner>` is found nowhere once those near its key were started again."""
    known, tables, ranked = known_to(SMALL, *CROWD), Tables(), [said(60), said(61)]
    known.ask_for(ALICE, owner_of(61), NOW)
    hear(known, ranked[1:])
    assert known.take(ranked[0].encoded, NOW, Lodging.DEPOSITED) is not None
    tables.apply(known)
    known = tables.load(levels=LEVELS, limits=SMALL)
    known.make_room()
    assert [known.registry.holds(one) for one in ranked] == [True, False]
    assert known.deposits.under(hold_key(NETWORK, ALICE, owner_of(60))) == (ALICE, owner_of(60))
    tables.apply(known)
    known = tables.load(levels=LEVELS, limits=attrs.evolve(SMALL, deposits=0))
    known.make_room()
    assert not known.registry.holds(ranked[0])
    tables.apply(known)
    assert not tables.rows[claim_rows.DEPOSITS]


def test_who_asks_is_told_first_of_those_who_come_first():
    known = known_to(SMALL, *CROWD)
    for owner in range(10, 20):
        known.ask_for(ALICE, owner_of(owner), NOW)
        hear(known, [said(owner)])
    told = [Claim.parse(one, network=NETWORK).owner for one in answering.about(known, ALICE, NOW)]
    first = {one.owner for one in CROWD if one.id in wanted(CROWD)}
    assert set(told[: len(first)]) == first


def test_what_one_quota_let_in_and_the_other_did_not_is_not_new():
    known = known_to(SMALL, *CROWD)
    for one in [said(owner, name) for owner in range(30, 40) for name in ("alice", "bob", "carol", "dave")]:
        new = known.take(one.encoded, NOW)
        assert (new is not None) == (one.id in known.registry), one


def test_an_eviction_touches_no_floor_and_no_revocation():
    known = known_to(SMALL, said(0), said(0, "bob"))
    revocation = Claim.revoke(NETWORK, chain(1).era_key(8))
    hear(known, [said(1), revocation])
    hear(known, CROWD)
    assert known.registry.floor == 0
    assert known.registry.is_revoked(owner_of(1))
    assert hear(known, [said(1)]) == 0


def test_a_release_that_was_crowded_out_is_what_counts_when_it_is_heard_again():
    released = said(0, seq=2, kind=Kind.TOMBSTONE)
    known = known_to(SMALL, said(0), released, *CROWD)
    assert known.registry.entry(ALICE, owner_of(0)) is None
    assert hear(known, [said(0)]) == 0  # while it is crowded, nothing of that owner comes in
    known.forget(NOW + RETENTION + HOUR)
    assert known.take(said(0).encoded, NOW + RETENTION + HOUR) is None  # and when the crowd is forgotten, it is too old
    fresh = known_to(SMALL, said(0))
    assert hear(fresh, [released]) == 1
    assert fresh.live(ALICE, NOW) == []


# --- its parts --------------------------------------------------------------------------------------------------------


def test_more_work_comes_first_and_then_chance():
    work, chance = said(0, level=3).proved(3), [said(number, level=2).proved(2) for number in range(20)]
    assert all(place_of(work) < place_of(one) for one in chance)
    assert len({place_of(one) for one in chance}) == 20
    assert sorted(chance, key=place_of) != sorted(chance, key=lambda one: one.owner)


@pytest.mark.parametrize("most", [0, 2])
def test_the_latest_are_kept(most):
    latest = Latest(most)
    keys = [(ALICE, owner_of(number)) for number in range(3)]
    assert [latest.add(key) for key in (*keys[:2], keys[0], keys[2])] == ([None, None, None, keys[1]] if most else [
        keys[0], keys[1], keys[0], keys[2]])  # fmt: skip
    assert len(latest) == most
    latest.discard(keys[0])
    assert (keys[0] in latest, repr(latest).startswith("<Latest")) == (False, True)


def test_quotas_of_nothing():
    quotas = Quotas(Registry(), owners=1, names=1)
    assert quotas.refusal(said(0)) == ""
    assert (
        quotas.surplus(None, lambda _claim: False) == quotas.surplus((ALICE, owner_of(0)), lambda _claim: False) == []
    )
