import attrs
import pytest

from beam_actors.errors import NameNotFound, NotAllowed, QuotaExceeded
from beam_actors.naming import answering, records
from beam_actors.naming.bindings import Bindings
from beam_actors.naming.claim import Kind
from beam_actors.naming.grammar import Query
from beam_actors.naming.knowledge import Knowledge
from beam_actors.naming.limits import DAY, RETENTION, Limits
from beam_actors.naming.made import MadeNames
from beam_actors.naming.own import OwnNames
from beam_actors.naming.records import Handing, Own
from beam_actors.naming.registry import Registry
from beam_actors.values import Name
from tests.naming.builders import NETWORK, NOW, claim, owner_id, peer
from tests.naming.tables import Tables, knowledge

ALICE, BOB = Name("alice"), Name("bob")
ONE, TWO = Name("swift-beam-0"), Name("swift-beam-1")


class Desk:
    """Own names of owner 0 on machine 0 alone, and what was written down of them."""

    def __init__(self, *claims, **limits):
        bounds, self.written = Limits(**limits), []
        self.registry, record = Registry(), self.written.append
        self.registry.merge_all(claims)
        self.made = MadeNames(lambda _change: None)
        bindings = Bindings(self.registry, record, owner=owner_id(0), limits=bounds)
        self.own = OwnNames(self.registry, bindings, self.made, record, owner=owner_id(0), me=peer(0), limits=bounds)

    def says(self, one):
        """The owner is heard to say it, on whatever machine."""
        before = self.registry.entry(one.name, one.owner)
        self.registry.merge(one)
        self.own.reconsider(one.name, begins=before is None or before.era < one.era)

    def rows(self):
        """The names of which the store has a row."""
        last = {change.key: change.value for change in self.written}
        return {Name(key.decode()) for key, value in last.items() if value is not None}


def test_it_is_a_dictionary_of_what_is_held():
    own = Desk().own
    own.add(ALICE, contest=True, now=NOW + 0.5)
    assert own == {ALICE: Own(ALICE, NOW, owner_id(0), contest=True)}
    assert (ALICE in own, BOB in own, own.get(BOB), list(own), len(own)) == (True, False, None, [ALICE], 1)


def test_each_intent_is_written_and_ends_in_the_store_too():
    desk = Desk()
    desk.own.add(ALICE, contest=False, now=NOW)
    desk.own.add(BOB, contest=False, now=NOW)
    desk.own.drop(BOB)
    desk.own.drop(Name("carol"))  # which was never meant
    assert desk.written == [
        records.put_own(Own(ALICE, NOW, owner_id(0))),
        records.put_own(Own(BOB, NOW, owner_id(0))),
        records.drop_own(BOB),
    ]


ENDS = [{"kind": Kind.TOMBSTONE}, {"kind": Kind.TRANSFER, "era": 1, "to": 1}]


@pytest.mark.parametrize("end", ENDS)
def test_what_is_registered_by_a_clock_that_is_behind_the_owner_s_last_word_begins_after_it(end):
    desk = Desk(claim(issued=NOW + 60, **end))
    desk.own.add(ALICE, contest=False, now=NOW)
    assert desk.own[ALICE].since == NOW + 60
    desk.own.reconsider(ALICE)
    assert ALICE in desk.own


@pytest.mark.parametrize("kind", [Kind.TOMBSTONE, Kind.TRANSFER])
def test_what_this_machine_gives_up_or_hands_over_is_meant_no_longer(kind):
    desk = Desk()
    desk.own.add(ALICE, contest=False, now=NOW)
    desk.own.signed(claim())
    assert ALICE in desk.own
    desk.own.signed(claim(seq=2, kind=kind, era=1, to=1 if kind is Kind.TRANSFER else None))
    assert (desk.own, desk.own.given_up, desk.rows()) == ({}, {}, set())


def test_what_another_machine_gave_up_keeps_its_row_and_comes_back_with_a_claim_of_this_machine():
    desk = Desk(claim())
    desk.own.add(ALICE, contest=False, now=NOW)
    meant = desk.own[ALICE]
    gave_up = claim(seq=2, kind=Kind.TOMBSTONE, issued=NOW + 9, previous=claim().id)
    desk.says(gave_up)
    assert (desk.own, desk.own.given_up, desk.rows()) == ({}, {ALICE: meant}, {ALICE})
    desk.own.signed(claim(seq=3, issued=NOW + 10))
    assert (desk.own, desk.own.given_up) == ({ALICE: meant}, {})
    desk.own.forget()  # nothing of it was given up
    assert ALICE in desk.own


GIVEN_UP = claim(seq=2, kind=Kind.TOMBSTONE, issued=NOW + 9, previous=claim().id)


@pytest.mark.parametrize("before", [(), (GIVEN_UP,)])
def test_what_another_machine_opened_an_era_to_hand_over_is_meant_no_longer(before):
    desk = Desk(claim())
    desk.own.add(ALICE, contest=False, now=NOW)
    for one in (*before, claim(era=1, kind=Kind.TRANSFER, to=1, issued=NOW + 10)):
        desk.says(one)
    assert (desk.own, desk.own.given_up, desk.rows()) == ({}, {}, set())


def test_what_is_handed_over_by_a_key_that_has_signed_before_is_kept_in_mind_for_the_next_era():
    desk = Desk(claim(era=1))
    desk.own.add(ALICE, contest=False, now=NOW)
    meant = desk.own[ALICE]
    handed = claim(seq=3, era=1, kind=Kind.TRANSFER, to=1, issued=NOW + 9)
    desk.says(handed)
    assert (desk.own, desk.own.given_up, desk.rows()) == ({}, {ALICE: meant}, {ALICE})
    with pytest.raises(NotAllowed, match="handed over"):  # it was read before the transfer came, and has its number
        desk.own.check_meant(claim(seq=3, era=1, issued=NOW + 10))
    for other in (handed, claim(1, seq=3, era=1), claim(seq=3, era=1, kind=Kind.TOMBSTONE), claim(era=2)):
        desk.own.check_meant(other)
    desk.own.add(ALICE, contest=False, now=NOW)  # a person may want it back
    desk.own.check_meant(claim(seq=4, era=1))
    desk.own.reconsider(ALICE)
    assert ALICE in desk.own


def test_what_was_given_up_is_forgotten_with_the_claim_that_said_so():
    desk = Desk()
    desk.own.add(ALICE, contest=False, now=NOW)
    desk.says(claim(seq=2, kind=Kind.TOMBSTONE, issued=NOW + 9, previous=claim().id))
    desk.own.forget()
    assert (set(desk.own.given_up), desk.rows()) == ({ALICE}, {ALICE})
    desk.registry.evict((ALICE, owner_id(0)))
    desk.own.forget()
    assert (desk.own.given_up, desk.rows()) == ({}, set())


def test_what_was_given_up_before_an_era_is_taken_back_unless_it_was_given_up_in_it():
    gone = claim(seq=2, kind=Kind.TOMBSTONE, issued=NOW + 9, previous=claim().id)
    desk = Desk(claim(), names_per_owner=1)
    desk.own.add(ALICE, contest=False, now=NOW)
    assert not desk.own.take_back(ALICE, 1)  # it is held
    desk.says(gone)
    assert not desk.own.take_back(ALICE, 0)
    assert not desk.own.take_back(BOB, 1)
    desk.says(claim(0, "bob", era=1))
    with pytest.raises(QuotaExceeded):
        desk.own.take_back(ALICE, 1)
    desk.registry.merge(claim(0, "bob", seq=2, era=1, kind=Kind.TOMBSTONE))
    desk.registry.merge(
        claim(seq=3, era=1, kind=Kind.TOMBSTONE, issued=NOW + 20)
    )  # which opens an era, as far as is known
    assert desk.own.take_back(ALICE, 1)
    assert (set(desk.own), desk.own.given_up) == ({ALICE}, {})
    again = Desk(claim())
    again.own.add(ALICE, contest=False, now=NOW)
    for one in (gone, claim(seq=3, era=1, kind=Kind.TOMBSTONE, issued=NOW + 20, previous=gone.id)):
        again.says(one)
    assert not again.own.take_back(ALICE, 1)


def test_the_names_of_the_owner_s_other_machines_count():
    desk = Desk(claim(0, "theirs", variant=1), claim(1, "strangers"), names_per_owner=2)
    desk.own.add(ALICE, contest=False, now=NOW)
    with pytest.raises(QuotaExceeded, match="You hold 2 names"):
        desk.own.add(BOB, contest=False, now=NOW)
    assert (set(desk.own), desk.rows()) == ({ALICE}, {ALICE})
    desk.own.add(Name("theirs"), contest=False, now=NOW)


def test_what_was_released_within_a_month_counts_among_the_names_that_others_keep():
    released = [claim(3, name, kind=Kind.TOMBSTONE) for name in ("a1", "a2")]
    known = knowledge(*released, claim(3, "a3"), limits=Limits(holds_per_owner=3))
    with pytest.raises(QuotaExceeded, match="within a month, 3 names"):
        known.reserve(ALICE, contest=False, now=NOW)
    assert known.reserve(Name("a1"), contest=False, now=NOW)


def test_an_owner_holds_sixteen_names():
    known = knowledge()
    for number in range(16):
        known.reserve(Name(f"n{number}"), contest=False, now=NOW)
    with pytest.raises(QuotaExceeded, match="16 names"):
        known.reserve(ALICE, contest=False, now=NOW)
    known.own.drop(Name("n3"))
    known.reserve(ALICE, contest=False, now=NOW)


# --- which random name makes room ---


def full(names=3, holds=80):
    """A machine whose owner may hold three names: two random ones, and one that a person chose."""
    limits = Limits(names_per_owner=names, holds_per_owner=holds)
    known = Knowledge(network=NETWORK, owner=owner_id(0), me=peer(0), limits=limits)
    for number, name in enumerate((ONE, TWO)):
        known.reserve(name, contest=False, now=NOW)
        known.made.keep(f"127.0.0.1:{number}", name, NOW + number)
        known.publish(claim(0, str(name)), NOW)
    known.reserve(Name("mine"), contest=False, now=NOW)
    return known


LATER = NOW + 60


def test_a_random_name_makes_room_unless_it_is_in_use():
    known, tables = full(), Tables()
    tables.apply(known)
    assert known.own.spare({TWO}) == ONE
    assert known.own.spare({ONE}) == TWO
    assert known.own.spare({ONE, TWO}) is None
    known.publish(claim(0, str(ONE), 2, kind=Kind.TOMBSTONE), NOW)
    known.reserve(Name("new"), contest=False, now=LATER)
    assert known.own.spare(()) == TWO
    assert known.made.name_for("127.0.0.1:0") == ONE  # a link that was sent leads there again, when it is offered again


def _of_another_machine(known):
    known.take(claim(0, str(ONE), 2, variant=1).encoded, NOW)


def _handed(known):
    known.own.load(attrs.evolve(known.own[ONE], handing=Handing(owner_id(1), 1)))


@pytest.mark.parametrize(
    "keep",
    [
        lambda known: known.made.choose(ONE),
        lambda known: known.bindings.pin(ONE, owner_id(0), NOW),
        lambda known: known.call(Name("app"), ONE, owner_id(0), NOW),
        _of_another_machine,
        _handed,
        lambda known: known.own.drop(ONE),
    ],
)
def test_a_random_name_that_means_something_to_a_person_makes_no_room(keep):
    known = full()
    assert known.own.spare({TWO}) == ONE
    keep(known)
    assert known.own.spare({TWO}) is None


def test_nothing_is_given_up_where_that_does_not_help():
    known = full()
    known.take(claim(0, "theirs", variant=1).encoded, NOW)  # of another machine, which did not know of all
    assert known.own.spare(()) is None
    assert full(holds=3).own.spare(()) is None  # what is released counts, too


# --- several machines of one owner, and what a restart leaves of it ---


def gave_up(issued=NOW + 60, **more):
    """A machine of owner 0 that held alice; then another one gave it up."""
    known = Knowledge(network=NETWORK, owner=owner_id(0), me=peer(0), limits=Limits())
    tables = Tables()
    known.reserve(ALICE, contest=False, now=NOW)
    known.publish(claim(), NOW)
    more = {"seq": 2, "previous": claim().id} | more
    known.take(claim(kind=Kind.TOMBSTONE, issued=issued, **more).encoded, NOW + 61)
    tables.apply(known)
    return known, tables


def test_what_another_machine_gave_up_is_held_no_longer_also_after_a_restart():
    known, tables = gave_up()
    for one in (known, tables.load(owner=0)):
        assert (set(one.own), set(one.own.given_up)) == (set(), {ALICE})
        assert answering.held(one, NOW) == answering.elsewhere(one, NOW) == ()
        [(name, holding)] = answering.former(one, 1)
        assert (name, holding.own) == (ALICE, one.own.given_up[ALICE])  # the owner's next era claims it anew
        with pytest.raises(NameNotFound):
            answering.resolve(one, Query(ALICE), NOW + 62)


def test_what_another_machine_gave_up_may_be_registered_again_by_a_clock_that_is_behind():
    known, tables = gave_up()
    assert known.reserve(ALICE, contest=False, now=NOW + 30)
    tables.apply(known)
    for one in (known, tables.load(owner=0)):
        assert (set(one.own), one.own.given_up) == ({ALICE}, {})


def test_what_another_machine_gave_up_is_forgotten_with_its_claim():
    known, tables = gave_up()
    known.ran(2 * DAY)
    known.forget(NOW + 60 + RETENTION)
    assert set(known.own.given_up) == {ALICE}
    known.forget(NOW + 62 + RETENTION)
    tables.apply(known)
    assert (known.own.given_up, tables.load(owner=0).own) == ({}, {})


@pytest.mark.parametrize("more", [{"issued": NOW}, {"era": 1, "seq": 1, "previous": b""}])
def test_a_tombstone_of_before_or_one_that_opens_an_era_gives_nothing_up(more):
    known, tables = gave_up(**more)
    for one in (known, tables.load(owner=0)):
        assert (set(one.own), one.own.given_up) == ({ALICE}, {})


def test_a_disk_that_was_set_back_learns_that_the_machine_claimed_the_name_again():
    known, _ = gave_up()
    known.take(claim(seq=3, issued=NOW + 70, variant=1).encoded, NOW + 80)
    assert set(known.own.given_up) == {ALICE}  # that is the other machine's
    assert [str(held.name) for held in answering.elsewhere(known, NOW)] == ["alice"]
    known.take(claim(seq=4, issued=NOW + 75).encoded, NOW + 80)
    assert (set(known.own), known.own.given_up) == ({ALICE}, {})
