import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from beam_actors.errors import NameNotFound, NotAllowed, QuotaExceeded
from beam_actors.naming.bindings import Bindings
from beam_actors.naming.claim import Kind
from beam_actors.naming.limits import DAY, Limits
from beam_actors.naming.registry import Registry
from beam_actors.values import Name
from tests.naming.builders import NOW, claim, owner_id, pool, revocation

ALICE, BOB, ANNA = Name("alice"), Name("bob"), Name("anna")
LABELS = (ALICE, BOB, ANNA)
ME = owner_id(3)


def bindings(*claims, most=4, by_use=2):
    registry = Registry()
    registry.merge_all(claims)
    changes = []
    return (
        Bindings(registry, changes.append, owner=ME, limits=Limits(petnames=most, pins_by_use=by_use)),
        registry,
        changes,
    )


def test_a_label_is_a_pin_or_a_petname_and_not_both():
    bound, _, changes = bindings()
    bound.pin(ALICE, owner_id(0), NOW)
    with pytest.raises(NotAllowed, match="beam unpin alice"):
        bound.call(ALICE, BOB, owner_id(1), NOW)
    bound.call(ANNA, ALICE, owner_id(1), NOW)
    with pytest.raises(NotAllowed, match="beam petname --forget anna"):
        bound.pin(ANNA, owner_id(0), NOW)
    assert [bound.is_petname(label) for label in (ALICE, ANNA, BOB)] == [False, True, False]
    assert len(changes) == 2
    assert bound.owners_of(ALICE) == [owner_id(0), owner_id(1)]
    bound.unpin(ALICE)
    bound.forget_petname(ANNA)
    assert (list(bound.holds()), bound.trusted) == ([], {ME})
    for again in (lambda: bound.unpin(ALICE), lambda: bound.forget_petname(ANNA)):
        with pytest.raises(NameNotFound):
            again()


def test_a_petname_may_stand_for_something_else_later_and_their_number_is_bounded():
    bound, _, _ = bindings(most=2)
    bound.call(ANNA, ALICE, owner_id(0), NOW)
    bound.call(ALICE, ALICE, owner_id(1), NOW)  # a name may be the petname of somebody's name, its own too
    with pytest.raises(QuotaExceeded):
        bound.call(BOB, BOB, owner_id(1), NOW)
    bound.call(ANNA, BOB, owner_id(2), NOW)
    assert bound.petnames_of(ALICE) == (ALICE,)
    assert bound.petnames_of(BOB) == (ANNA,)
    assert bound.trusted == {ME, owner_id(1), owner_id(2)}


def test_a_petname_follows_a_transfer_and_so_does_the_exemption():
    bound, registry, changes = bindings(claim(0), claim(1))
    bound.call(ANNA, ALICE, owner_id(0), NOW)
    registry.merge(claim(0, era=1, kind=Kind.TRANSFER, to=1))
    bound.follow(ALICE)
    assert bound.petnames[ANNA].owner == owner_id(1)
    assert bound.trusted == {ME, owner_id(1)}
    written = len(changes)
    bound.follow(ALICE)
    assert len(changes) == written


def test_pins_by_use_are_bounded_and_those_by_a_command_stay():
    bound, _, changes = bindings(by_use=2)
    carol = Name("carol")
    bound.pin(carol, owner_id(1), NOW)
    bound.pin_by_use(ALICE, owner_id(0), "navigation", NOW)
    bound.pin_by_use(BOB, owner_id(0), "forward", NOW + DAY)
    written = len(changes)
    bound.used(ALICE, NOW + 2 * DAY - DAY // 2 - 1)
    bound.used(ALICE, NOW + 2 * DAY - DAY // 2)  # noted once a day
    bound.used(carol, NOW + 9 * DAY)  # which has nothing to note
    assert len(changes) == written + 1
    bound.pin_by_use(ANNA, owner_id(2), "navigation", NOW + 2 * DAY)
    assert set(bound.pins) == {carol, ALICE, ANNA}
    bound.pin(ANNA, owner_id(1), NOW + 3 * DAY)  # a person says so: it is no pin by use any more
    bound.pin_by_use(BOB, owner_id(0), "forward", NOW + 3 * DAY)
    assert {pin.name: pin.how for pin in bound.pins.values()} == {
        carol: "command",
        ALICE: "navigation",
        ANNA: "command",
        BOB: "forward",
    }


def test_to_open_a_page_gives_its_owner_no_room():
    bound, _, _ = bindings()
    bound.pin_by_use(ALICE, owner_id(0), "navigation", NOW)
    assert bound.spares(claim(0))
    assert bound.spares(claim(0, kind=Kind.TOMBSTONE))
    assert bound.spares(revocation(0))
    assert not bound.spares(claim(0, "bob"))
    assert not bound.spares(claim(1))
    assert not bound.spares(revocation(1))
    bound.pin(BOB, owner_id(0), NOW)
    assert bound.spares(claim(0, "carol"))
    bound.unpin(BOB)
    assert not bound.spares(claim(0, "carol"))


def test_a_pin_by_use_follows_a_transfer_and_is_one_still():
    bound, registry, _ = bindings(claim(0), claim(1))
    bound.pin_by_use(ALICE, owner_id(0), "forward", NOW)
    registry.merge(claim(0, era=1, kind=Kind.TRANSFER, to=1))
    bound.follow(ALICE)
    assert (bound.pins[ALICE].owner, bound.pins[ALICE].how) == (owner_id(1), "forward")


def test_what_is_lost_is_free_again_only_by_a_person():
    bound, _, _ = bindings()
    bound.lost.update({ALICE: "pin", ANNA: "petname"})
    assert [bound.is_petname(label) for label in (ALICE, ANNA)] == [False, True]
    with pytest.raises(NotAllowed):
        bound.call(ALICE, BOB, owner_id(0), NOW)
    with pytest.raises(NotAllowed):
        bound.pin(ANNA, owner_id(0), NOW)
    with pytest.raises(NameNotFound):
        bound.forget_petname(ALICE)
    with pytest.raises(NameNotFound):
        bound.unpin(ANNA)
    bound.unpin(ALICE)
    bound.call(ANNA, BOB, owner_id(0), NOW)
    assert bound.lost == {}


class BindingsMachine(RuleBasedStateMachine):
    """Pins, petnames and claims in any order: what is bound stays with whom a person chose, or their successors."""

    @initialize()
    def begin(self):
        self.bound, self.registry, _ = bindings(most=2)
        self.chosen = {}

    @rule(label=st.sampled_from(LABELS), owner=st.integers(0, 2))
    def pin(self, label, owner):
        try:
            self.bound.pin(label, owner_id(owner), NOW)
        except NotAllowed:
            assert label in self.bound.petnames
        else:
            self.chosen[label] = (label, owner_id(owner))

    @rule(label=st.sampled_from(LABELS), name=st.sampled_from(LABELS), owner=st.integers(0, 2))
    def call(self, label, name, owner):
        try:
            self.bound.call(label, name, owner_id(owner), NOW)
        except NotAllowed:
            assert label in self.bound.pins
        except QuotaExceeded:
            assert len(self.bound.petnames) == 2
        else:
            self.chosen[label] = (name, owner_id(owner))

    @rule(label=st.sampled_from(LABELS))
    def let_go(self, label):
        drop = self.bound.unpin if label in self.bound.pins else self.bound.forget_petname
        try:
            drop(label)
        except NameNotFound:
            assert label not in self.chosen
        else:
            del self.chosen[label]

    @rule(one=st.sampled_from(pool()))
    def hear(self, one):
        self.registry.merge(one)
        if one.kind is not Kind.REVOCATION:
            self.bound.follow(one.name)

    @invariant()
    def labels_lead_where_a_person_said(self):
        found = {label: (pin.name, pin.owner) for label, pin in (self.bound.pins | self.bound.petnames).items()}
        assert set(found) == set(self.chosen)
        assert not set(self.bound.pins) & set(self.bound.petnames)
        for label, (name, owner) in self.chosen.items():
            assert found[label][0] == name
            heirs = {owner}
            for _ in range(3):
                heirs |= {one.terms.successor for one in pool() if one.kind is Kind.TRANSFER and one.owner in heirs}
            assert found[label][1] in heirs
        assert self.bound.trusted == {ME} | {owner for _name, owner in found.values()}
        for name in LABELS:
            stand_for = {label for label, pin in self.bound.petnames.items() if pin.name == name}
            assert set(self.bound.petnames_of(name)) == stand_for


TestBindings = BindingsMachine.TestCase
