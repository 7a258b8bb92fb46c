import functools

import attrs
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.naming.claim import Claim, Kind
from beam_actors.naming.limits import DAY, RETENTION
from beam_actors.naming.registry import Registry
from beam_actors.values import Name, OwnerId, cbor
from tests.naming.builders import NOW, claim, owner_id, pool, proved, revocation, solved

ALICE = Name("alice")
claims = st.lists(st.sampled_from(pool()), max_size=24)


def holding(some) -> Registry:
    registry = Registry()
    registry.merge_all(some)
    return registry


def join(*registries: Registry) -> Registry:
    """What a node that hears of several others ends with."""
    return holding([one for registry in registries for one in registry])


def test_the_pool_is_really_signed():
    assert all(one.genuine() for one in pool())


@given(claims, claims)
def test_merge_is_commutative(a, b):
    assert join(holding(a), holding(b)).canonical() == join(holding(b), holding(a)).canonical()


@given(claims, claims, claims)
def test_merge_is_associative(a, b, c):
    left = join(join(holding(a), holding(b)), holding(c))
    right = join(holding(a), join(holding(b), holding(c)))
    assert left.canonical() == right.canonical() == holding(a + b + c).canonical()


@given(claims)
def test_merge_is_idempotent(a):
    once = holding(a)
    assert join(once, once).canonical() == once.canonical()
    assert once.merge_all(list(once)) == 0
    assert once.merge_all(a) == 0


@given(claims, st.randoms(use_true_random=False))
def test_any_order_with_any_repetition_gives_the_same_bytes(a, random):
    shuffled = a + a[: len(a) // 2]
    random.shuffle(shuffled)
    assert holding(shuffled).canonical() == holding(a).canonical()


@given(claims, claims)
def test_merge_is_monotone(a, b):
    before, after = holding(a), holding(a + b)
    for one in before:
        if after.is_revoked(one.owner):
            continue
        entry = after.entry(one.name, one.owner)
        if entry is None:
            assert after.era_of(one.owner) > one.era
        else:
            assert entry.claim.order >= one.order
            assert entry.level >= (one.level or 0) or entry.claim.era > one.era
    assert all(after.is_revoked(owner_id(number)) for number in range(3) if before.is_revoked(owner_id(number)))


@given(claims)
def test_it_equals_its_model(a):
    """The model is the set of all claims ever merged, and the rule read from the page."""
    revoked = {one.owner for one in a if one.kind is Kind.REVOCATION}
    expected = {one.id: one for one in a if one.kind is Kind.REVOCATION}
    groups: dict[tuple[Name, OwnerId], dict[bytes, Claim]] = {}
    eras: dict[OwnerId, int] = {}
    for one in a:
        if one.kind is not Kind.REVOCATION:
            eras[one.owner] = max(one.era, eras.get(one.owner, 0))
    for one in a:
        if one.owner not in revoked and one.era == eras.get(one.owner):
            groups.setdefault((one.name, one.owner), {})[one.id] = one
    for group in groups.values():
        top = max(one.position for one in group.values())
        at_top = sorted((one for one in group.values() if one.position == top), key=lambda one: one.order)
        expected |= {one.id: one for one in at_top[-2:]}
        worked = max(one.level or 0 for one in group.values())
        best = max((one for one in group.values() if (one.level or 0) == worked), key=lambda one: one.order)
        expected[best.id] = best
    registry = holding(a)
    assert registry.canonical() == cbor.encode([expected[key].body for key in sorted(expected)])
    assert len(registry) == len(expected)
    assert {entry.claim.id for name in registry.names for entry in registry.entries(name)} <= set(expected)
    for number in range(3):
        names = [entry.claim.name for entry in registry.names_of(owner_id(number))]
        assert names == sorted(name for name, owner in groups if owner == owner_id(number))


# --- the rule of the seed, kept as a counter-example ----------------------------------------------------------------


@attrs.frozen
class Dotted:
    """The seed's record: who wrote it and how often they had written before (a dot), and when they say it was."""

    actor: str
    counter: int
    value: str


@attrs.frozen
class SeedState:
    """The seed's rule: replace what is here when the incoming record's dot was not seen before."""

    value: str | None = None
    seen: frozenset[tuple[str, int]] = frozenset()

    def merge(self, incoming: Dotted) -> "SeedState":
        dot = (incoming.actor, incoming.counter)
        return self if dot in self.seen else SeedState(incoming.value, self.seen | {dot})


def seed_merge(records: list[Dotted]) -> SeedState:
    return functools.reduce(SeedState.merge, records, SeedState())


@given(claims, claims)
def test_what_is_taken_back_is_what_merging_gives_or_nothing_changes(here, stored):
    """From whatever is here already, as rows come in the order of the store and a damaged one is heard again."""
    registry, former = holding(here), holding(stored)
    for entry in [one for name in former.names for one in former.entries(name)]:
        merged = holding(registry)
        merged.merge_all(entry.claims)
        before = registry.canonical()
        whole = registry.restore(entry)
        assert registry.canonical() == (merged.canonical() if whole else before)
        assert not whole or registry.entry(entry.name, entry.owner) == entry
        assert len({id(claim.owner_digest) for claim in registry.held_by(entry.owner)}) <= 1
    if not here:
        lone = [one for name in former.names for one in former.entries(name) if len(one.claims) == 1]
        assert all(registry.entry(one.name, one.owner) == one for one in lone if not former.is_revoked(one.owner))


def test_the_seeds_rule_is_not_commutative():
    alice, mallory = Dotted("alice", 1, "alice's peer"), Dotted("mallory", 1, "mallory's peer")
    one, other = seed_merge([alice, mallory]), seed_merge([mallory, alice])
    assert one.seen == other.seen  # both replicas know all there is to know, and will never talk again
    assert one.value != other.value


def test_the_seeds_rule_loses_a_write_when_an_actor_lies_about_its_dot():
    """A key on two machines, or a liar, uses one dot twice: each replica believes it has seen the other's write."""
    first, second = Dotted("alice", 1, "laptop"), Dotted("alice", 1, "phone")
    one, other = seed_merge([first, second]), seed_merge([second, first])
    assert (one.value, other.value) == ("laptop", "phone")
    ours = [claim(seq=1, variant=1), claim(seq=1, variant=2)]  # the same lie, told to the registry
    assert holding(ours).canonical() == holding(ours[::-1]).canonical()


# --- by example -----------------------------------------------------------------------------------------------------


def test_a_later_era_outranks_any_seq():
    thief, owner = claim(seq=900_000), claim(seq=1, era=1)
    registry = holding([owner, thief])
    assert registry.entry(ALICE, owner_id(0)).claim == owner
    assert len(registry) == 1


def test_the_key_of_a_former_era_claims_nothing_any_more_under_any_name():
    """A thief who took the key before the owner rotated must not get other names, nor fill the owner's quota."""
    thief = [claim(name=f"stolen-{number}", seq=9) for number in range(16)]
    before, opened = claim(name="bob"), claim(seq=1, era=1)
    for order in ([before, *thief, opened], [opened, *thief, before], [*thief[:8], opened, before, *thief[8:]]):
        registry = holding(order)
        assert [entry.claim for entry in registry.names_of(owner_id(0))] == [opened]
        assert set(registry.names) == {ALICE}
        assert registry.era_of(owner_id(0)) == 1
    again = claim(name="bob", era=1)
    assert {entry.claim for entry in holding([*thief, again, opened]).names_of(owner_id(0))} == {again, opened}
    assert holding([]).era_of(owner_id(0)) == 0


def test_two_claims_with_one_seq_are_kept_as_proof_and_healed_by_the_next():
    one, two = sorted([claim(seq=5, variant=0), claim(seq=5, variant=1)], key=lambda each: each.id)
    registry = holding([one, two])
    entry = registry.entry(ALICE, owner_id(0))
    assert (entry.claim, entry.rival) == (two, one)
    assert registry.merge(claim(seq=6))
    assert registry.entry(ALICE, owner_id(0)).rival is None
    assert one.id not in registry
    assert two.id not in registry


def test_a_revocation_absorbs():
    registry = holding([claim(0), claim(1), revocation(0), claim(0, seq=9, era=3)])
    assert [entry.claim.owner for entry in registry.entries(ALICE)] == [owner_id(1)]
    assert registry.is_revoked(owner_id(0))
    assert registry.revocations == 1
    assert registry.names_of(owner_id(0)) == ()
    assert not registry.merge(revocation(0))


def test_forgetting_spares_what_is_kept_and_remembers_how_far_it_went():
    registry = holding([claim(0, issued=NOW), claim(1, issued=NOW + 5), claim(2, issued=NOW + DAY)])
    assert registry.forget(NOW + RETENTION) == []
    assert registry.floor == 0
    later = NOW + RETENTION + 100
    assert registry.forget(later, keep={(ALICE, owner_id(1))}) == [(ALICE, owner_id(0))]
    assert registry.floor == NOW
    assert {entry.claim.owner for entry in registry.entries(ALICE)} == {owner_id(1), owner_id(2)}
    assert registry.forget(later) == [(ALICE, owner_id(1))]
    assert registry.floor == NOW + 5
    registry.forget(later + DAY)
    assert (len(registry), list(registry.names), registry.names_of(owner_id(2))) == (0, [], ())


def test_it_is_read_by_name_owner_and_id():
    one = claim(0)
    registry = holding([one, claim(0, "bob")])
    assert registry.get(one.id) == one
    assert registry.get(bytes(32)) is None
    assert one.id in registry
    assert registry.owners_of(ALICE) == 1
    assert repr(registry) == "Registry(2 names, 2 claims, 0 revoked)"


def test_the_best_work_seen_outlives_a_renewal_that_drops_it():
    """Whoever has an owner's key must not make the name worth less by saying less."""
    much, less, none = (
        proved(solved(claim(seq=1), 6)), proved(solved(claim(seq=2), 2)), claim(seq=3)
    )  # fmt: skip
    assert much.level >= 6 > less.level >= 2
    registry = holding([much, less, none])
    entry = registry.entry(ALICE, owner_id(0))
    assert (entry.claim, entry.rival, entry.backer, entry.level) == (none, None, much, much.level)
    assert set(registry) == {none, much}
    assert holding([none, less, much]).canonical() == registry.canonical()
    kept = proved(solved(claim(seq=4), 6))
    assert registry.merge(kept)
    assert registry.entry(ALICE, owner_id(0)).claims == (kept,)
    assert not registry.merge(much)
    registry.merge(claim(seq=1, era=1))
    assert registry.entry(ALICE, owner_id(0)).level == 0  # a thief's work is not the owner's


def test_a_claim_that_is_kept_for_its_work_is_forgotten_when_nobody_else_would_take_it():
    much, none = proved(solved(claim(seq=1), 4)), claim(seq=2, issued=NOW + 20 * DAY)
    registry = holding([much, none])
    assert registry.forget_backers(NOW + RETENTION) == []
    assert registry.forget_backers(NOW + RETENTION + 1) == [(ALICE, owner_id(0))]
    assert set(registry) == {none}
    assert (registry.entry(ALICE, owner_id(0)).level, registry.floor) == (0, NOW)
    assert registry.forget_backers(NOW + RETENTION + 1) == []
