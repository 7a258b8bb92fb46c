import attrs
import pytest

from beam_actors.naming import records
from beam_actors.naming.claim import Kind
from beam_actors.naming.knowledge import Knowledge
from beam_actors.naming.limits import DAY, Limits
from beam_actors.naming.made import FRESH, MadeNames
from beam_actors.naming.records import Handing
from beam_actors.values import Name
from tests.naming.builders import NETWORK, NOW, claim, owner_id, peer
from tests.naming.tables import Tables

ONE, TWO, THREE = (Name(f"swift-beam-{number}") for number in range(3))


def test_the_one_asked_for_longest_ago_is_idle_first():
    made = MadeNames(lambda _change: None)
    for number, name in enumerate((ONE, TWO, THREE)):
        made.keep(f"127.0.0.1:{number}", name, NOW + number)
    made.keep("127.0.0.1:0", ONE, NOW + 9)
    assert made.idle(NOW + 100) == [TWO, THREE, ONE]
    assert made.idle(NOW + FRESH + 5) == [TWO, THREE]  # what it was made for may not be there yet
    assert made.idle(NOW - DAY) == [TWO, THREE, ONE]  # the clock was ahead
    assert made.name_for("127.0.0.1:1") == TWO
    assert made.name_for("127.0.0.1:9") is None


def test_a_name_that_a_person_asked_for_by_itself_is_never_idle():
    made = MadeNames(lambda _change: None)
    made.keep("app", ONE, NOW)
    made.choose(ONE)
    made.choose(Name("another"))
    made.keep("app", ONE, NOW + 1)
    assert made.idle(NOW + DAY) == []
    made.keep("app", TWO, NOW + 2)  # since somebody else has the first one now
    assert made.idle(NOW + DAY) == [TWO]


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
    assert known.spare({TWO}, LATER) == ONE
    assert known.spare({ONE}, LATER) == TWO
    assert known.spare({ONE, TWO}, LATER) is None
    known.publish(claim(0, str(ONE), 2, kind=Kind.TOMBSTONE), NOW)
    known.reserve(Name("new"), contest=False, now=LATER)
    assert known.spare((), LATER) == TWO
    assert known.made.name_for("127.0.0.1:0") == ONE  # a link that was sent leads there again, when it is offered again


def _of_another_machine(known):
    known.take(claim(0, str(ONE), 2, variant=1).encoded, NOW)


def _handed(known):
    known.own[ONE] = attrs.evolve(known.own[ONE], handing=Handing(owner_id(1), 1))


@pytest.mark.parametrize(
    "keep",
    [
        lambda known: known.made.choose(ONE),
        lambda known: known.bindings.pin(ONE, owner_id(0), NOW),
        lambda known: known.call(Name("app"), ONE, owner_id(0), NOW),
        _of_another_machine,
        _handed,
        lambda known: known.unreserve(ONE),
    ],
)
def test_a_random_name_that_means_something_to_a_person_makes_no_room(keep):
    known = full()
    assert known.spare({TWO}, LATER) == ONE
    keep(known)
    assert known.spare({TWO}, LATER) is None


def test_nothing_is_given_up_where_that_does_not_help():
    known = full()
    known.take(claim(0, "theirs", variant=1).encoded, NOW)  # of another machine, which did not know of all
    assert known.spare((), LATER) is None
    assert full(holds=3).spare((), LATER) is None  # what is released counts, too


def test_an_older_row_says_nothing_of_when_the_name_was_used():
    tables = Tables()
    tables.apply(full())
    tables.rows[records.MADE][b"127.0.0.1:1"] = str(TWO).encode()
    assert tables.load(owner=0).made.idle(LATER) == [TWO, ONE]
