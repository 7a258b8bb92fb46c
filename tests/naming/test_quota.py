"""The quotas on a name's owners and an owner's names: what is kept depends on what is known, not on what came first."""

import functools
import hashlib
import random

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.identity import OwnerChain
from beam_actors.naming import answering, claim_rows
from beam_actors.naming.claim import Claim, Kind
from beam_actors.naming.grammar import Query
from beam_actors.naming.knowledge import Knowledge
from beam_actors.naming.limits import DAY, HOUR, MAX_VALIDITY, RETENTION, Limits
from beam_actors.naming.lodgers import Lodging
from beam_actors.naming.precedence import place_of
from beam_actors.naming.quota import Latest, Quotas
from beam_actors.naming.ranges import hold_key
from beam_actors.naming.registry import Registry
from beam_actors.naming.work import Levels
from beam_actors.values import Name
from tests.naming.builders import CHEAP, NETWORK, NOW, claim
from tests.naming.tables import Tables

ALICE = Name("alice")
SMALL = Limits(owners_per_name=2, holds_per_owner=3, holds_per_trusted_owner=6, asked=4)
LEVELS = Levels(NETWORK, CHEAP, most=100_000)
"""What the work of the claims below is worth, as if it had been computed."""


@functools.cache
def chain(owner: int) -> OwnerChain:
    return OwnerChain(hashlib.sha256(b"owner %d" % owner).digest())


@functools.cache
def said(owner: int, name: str = "alice", seq: int = 1, *, level: int = 2, era: int = 0, kind: Kind = Kind.LIVE,
         issued: int = NOW) -> Claim:  # fmt: skip
    """A claim whose work is worth `level`."""
    key = chain(owner).era_key(era)
    work = hashlib.blake2b(f"{owner} {name} {level}".encode(), digest_size=64).digest()
    like = claim(0, name, seq, kind=kind, issued=issued).terms
    one = Claim.sign(attrs.evolve(like, keyset=key.keyset, work=work), key)
    LEVELS.remember(one, level)
    return one


def owner_of(owner: int):
    return chain(owner).owner_id


def known_to(limits: Limits = SMALL, *claims: Claim) -> Knowledge:
    known = Knowledge(network=NETWORK, owner=owner_of(99), limits=limits, levels=LEVELS)
    hear(known, claims)
    return known


def hear(known: Knowledge, claims, now: float = NOW) -> int:
    """How many of them were new."""
    return sum(known.take(one.encoded, now) is not None for one in claims)


def ids(known: Knowledge) -> set[bytes]:
    return {one.id for one in known.registry}


def hear_all(known: Knowledge, claims, order: random.Random) -> int:
    """Hear all again and again, each time in another order, until nothing is new; how often."""
    for turn in range(200):
        if not hear(known, order.sample(claims, len(claims))):
            return turn
    raise AssertionError("what is kept goes round in circles")


def wanted(claims, limits: Limits = SMALL) -> set[bytes]:
    """The rule of docs/naming.md, taken literally, over all that was ever said."""
    registry = Registry()
    registry.merge_all(one.proved(LEVELS.of(one)) for one in claims)
    entries = [entry for name in registry.names for entry in registry.entries(name)]
    kept: list = []
    for entry in sorted(entries, key=place_of):
        of_name = sum(other.name == entry.name for other in kept)
        of_owner = sum(other.owner == entry.owner for other in kept)
        if of_name < limits.owners_per_name and of_owner < limits.holds_per_owner:
            kept.append(entry)
    return {one.id for entry in kept for one in entry.claims}


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

CROWD = [said(number, level=5) for number in range(1, 5)]


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


# --- what an eviction must not undo -----------------------------------------------------------------------------------


def test_to_crowd_a_name_brings_no_era_back_that_its_owner_left():
    """Else who has the key of before pays for a crowd, and claims all the owner's names."""
    thief = [said(0, "bob", 5), said(0, "carol", 5)]
    last = said(0, level=2, era=1)
    known, tables = known_to(SMALL, said(0, "bob"), last), Tables()
    hear(known, CROWD)
    assert not known.registry.holds(last)
    assert hear(known, thief) == 0
    tables.apply(known)
    again = tables.load(levels=LEVELS, limits=SMALL)
    assert list(again.registry.last_words) == [last]
    assert again.registry.canonical() == known.registry.canonical()
    assert hear(again, thief) == 0
    assert hear(again, [said(0, "carol", era=1)]) == 1  # now another claim says it
    assert not again.registry.last_words
    tables.apply(again)
    again = tables.load(levels=LEVELS, limits=SMALL)
    assert [entry.label for entry in again.registry.names_of(owner_of(0))] == ["carol"]
    assert not again.registry.last_words
    assert hear(again, thief) == 0


def test_an_era_is_left_even_by_a_claim_of_a_crowded_name():
    last = said(0, era=1)
    known = known_to(SMALL, said(0, "bob"), *CROWD)
    assert hear(known, [last]) == 1
    assert known.registry.names_of(owner_of(0)) == ()
    assert hear(known, [said(0, "bob", 9)]) == 0


def test_who_met_the_crowd_first_learns_of_the_era_all_the_same():
    known, last = known_to(SMALL, *CROWD), said(0, era=1)
    assert hear(known, [last]) == 1
    assert not known.registry.holds(last)
    assert known.registry.era_of(owner_of(0)) == 1
    assert hear(known, [said(0, "bob", 9)]) == 0
    assert hear(known, [last, said(0, seq=2)]) == 0


def test_a_last_word_is_compared_with_peers_and_leads_nowhere():
    known, last = known_to(SMALL, *CROWD), said(0, era=1)
    hear(known, [last])
    assert known.registry.get(last.id) == last
    assert len(known.registry.snapshot()) == len(known.registry) == SMALL.owners_per_name + 1
    assert known.registry.claims == SMALL.owners_per_name
    assert last.encoded not in answering.about(known, ALICE, NOW)
    known.confirm([last.id], NOW, most=9)


def test_a_last_word_becomes_a_hold_again_when_somebody_asks_for_it():
    known, last = known_to(SMALL, *CROWD), said(0, era=1)
    hear(known, [last])
    assert known.take(last.encoded, NOW) is None
    assert not known.registry.holds(last)
    known.ask_for(ALICE, owner_of(0), NOW)
    assert known.registry.holds(last)
    assert not known.registry.last_words
    assert answering.resolve(known, Query(ALICE, owner_of(0)), NOW).owner == owner_of(0)


def test_a_last_word_becomes_a_hold_again_when_a_peer_tells_it_and_there_is_a_reason_to_keep_it():
    known, last = known_to(SMALL, *CROWD), said(0, era=1)
    hear(known, [last])
    known.bindings.pin(ALICE, owner_of(0), NOW)
    assert hear(known, [last]) == 1
    assert known.registry.holds(last)


def test_a_last_word_becomes_a_hold_again_when_there_is_room():
    old = [said(owner, level=9, issued=NOW - RETENTION // 2) for owner in (30, 31)]
    known, last = known_to(SMALL, *old), said(0, era=1)
    hear(known, [last])
    assert not known.registry.holds(last)
    later = NOW + RETENTION // 2 + HOUR
    hear(known, [said(50, "bob", issued=later)], now=later)  # so the clock is believed
    known.forget(later)
    assert known.registry.holds(last)
    assert known.seen(last).first == later


def test_an_older_claim_makes_nobody_forget_an_era_sooner():
    """Else who replays one, under a name of which there is room, shortens for how long the era is known."""
    old = said(0, "bob", era=1, issued=NOW - MAX_VALIDITY + 2 * HOUR)
    last = said(0, seq=2, era=1)
    known = known_to(SMALL, *CROWD, last)
    assert hear(known, [old]) == 1
    later = NOW + DAY + 3 * HOUR
    hear(known, [said(50, "carol", issued=later)], now=later)
    known.forget(later)
    assert known.registry.entry(Name("bob"), owner_of(0)) is None
    assert known.registry.era_of(owner_of(0)) == 1


def test_a_renewal_that_finds_no_room_says_the_era_for_longer_than_an_older_hold():
    released = said(0, "bob", era=1, kind=Kind.TOMBSTONE, issued=NOW - MAX_VALIDITY + 2 * HOUR)
    known = known_to(SMALL, *CROWD, released)
    assert hear(known, [said(0, seq=2, era=1)]) == 1
    assert hear(known, [said(0, seq=1, era=1, issued=NOW - MAX_VALIDITY + HOUR)]) == 0
    later = NOW + DAY + 3 * HOUR
    hear(known, [said(50, "carol", issued=later)], now=later)
    known.forget(later)
    assert known.registry.names_of(owner_of(0)) == ()
    assert known.registry.era_of(owner_of(0)) == 1


def test_whose_other_hold_says_the_era_has_no_last_word():
    known, last = known_to(SMALL, said(0, "bob", era=1)), said(0, level=2, era=1)
    hear(known, [last, *CROWD])
    assert not known.registry.holds(last)
    assert known.registry.entry(Name("bob"), owner_of(0)) is not None
    assert not known.registry.last_words


def test_what_is_known_of_its_work_is_known_of_the_next_word(monkeypatch):
    known, last = known_to(SMALL, *CROWD), said(0, era=1)
    hear(known, [last])
    again = said(0, seq=2, era=1, issued=NOW + HOUR)
    assert again.terms.work == last.terms.work
    monkeypatch.setattr(Levels, "of", lambda _levels, _claim: None)  # as if the book had been lost
    assert known.take(again.encoded, NOW + HOUR) == again
    assert not known.unproven()


def test_a_full_node_takes_no_last_word_back_as_a_hold():
    full = attrs.evolve(SMALL, claims=2)
    known, last = known_to(full, said(30, "bob"), said(31, "carol")), said(0, era=1)
    assert hear(known, [last]) == 1
    known.forget(NOW)
    assert list(known.registry.last_words) == [last]


def test_a_revoked_owners_last_word_is_not_taken_back():
    known, tables, last = known_to(SMALL, *CROWD), Tables(), said(0, era=1)
    hear(known, [last])
    tables.apply(known)
    word = dict(tables.rows[claim_rows.LAST])
    known.publish(Claim.revoke(NETWORK, chain(0).era_key(8)), NOW)
    tables.apply(known)
    assert not tables.rows[claim_rows.LAST]
    tables.rows[claim_rows.LAST] = word  # as of a store whose two tables are not of one time
    again = tables.load(levels=LEVELS, limits=SMALL)
    assert not again.registry.last_words
    tables.apply(again)
    assert not tables.rows[claim_rows.LAST]


def test_a_stored_hold_of_the_era_takes_the_place_of_its_owners_last_word():
    known, tables = known_to(SMALL, said(0, "bob", era=1)), Tables()
    tables.apply(known)
    row = claim_rows.put_last_word(owner_of(0).digest, said(0, era=1))
    tables.rows.setdefault(row.table, {})[row.key] = row.value
    again = tables.load(levels=LEVELS, limits=SMALL)
    assert again.registry.entry(Name("bob"), owner_of(0)) is not None
    assert not again.registry.last_words
    tables.apply(again)
    assert not tables.rows[claim_rows.LAST]


def test_who_says_it_again_later_is_believed_for_longer():
    """Else an owner whose one name is crowded would be forgotten a month after it was crowded."""
    first, again = said(0, era=1), said(0, seq=2, era=1, issued=NOW + HOUR)
    known = known_to(SMALL, *CROWD, first)
    assert known.take(again.encoded, NOW + HOUR) == again
    assert list(known.registry.last_words) == [again]
    assert known.take(first.encoded, NOW + HOUR) is None
    known.forget(first.issued + RETENTION + 1)
    assert list(known.registry.last_words) == [again]


def test_it_is_forgotten_in_the_end_and_can_not_be_told_again():
    later = NOW + HOUR  # than the crowd, so that its forgetting says nothing of this one
    known, last = known_to(SMALL, *CROWD), said(0, era=1, issued=later)
    late = later + RETENTION + HOUR
    assert hear(known, [last], now=later) == 1
    assert hear(known, [said(50, "bob", issued=late)], now=late) == 1  # so the clock is believed
    known.forget(late)
    assert not known.registry.last_words
    assert last.id not in known.registry
    assert known.registry.floor >= last.issued
    assert known.take(last.encoded, later) is None


def test_a_revocation_ends_it():
    known = known_to(SMALL, *CROWD, said(0, era=1))
    known.publish(Claim.revoke(NETWORK, chain(0).era_key(8)), NOW)
    assert not known.registry.last_words
    assert len(known.registry) == SMALL.owners_per_name + 1


def test_what_has_less_work_than_the_network_asks_for_says_nothing():
    tables = Tables()
    tables.apply(known_to(SMALL, *CROWD, said(0, level=2, era=1)))
    more = Levels(NETWORK, attrs.evolve(CHEAP, bits=3), most=100)
    assert not tables.load(levels=more, limits=SMALL).registry.last_words


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
