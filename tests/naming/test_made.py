from beam_actors.naming import records
from beam_actors.naming.made import MadeNames
from beam_actors.values import Name
from tests.naming.builders import NOW
from tests.naming.tables import Tables, knowledge

ONE, TWO, THREE = (Name(f"swift-beam-{number}") for number in range(3))


def test_the_one_asked_for_longest_ago_is_the_first():
    made = MadeNames(lambda _change: None)
    for number, name in enumerate((ONE, TWO, THREE)):
        made.keep(f"127.0.0.1:{number}", name, NOW + number)
    made.keep("127.0.0.1:0", ONE, NOW + 9)
    assert made.unchosen() == [TWO, THREE, ONE]
    made.keep("127.0.0.1:1", TWO, NOW + 9)
    assert made.unchosen() == [THREE, ONE, TWO]  # also within a second
    assert made.name_for("127.0.0.1:1") == TWO
    assert made.name_for("127.0.0.1:9") is None


def test_a_name_that_a_person_asked_for_by_itself_is_chosen():
    made = MadeNames(lambda _change: None)
    made.keep("app", ONE, NOW)
    made.choose(ONE)
    made.choose(Name("another"))
    made.keep("app", ONE, NOW + 1)
    assert made.unchosen() == []
    made.keep("app", TWO, NOW + 2)  # since somebody else has the first one now
    assert made.unchosen() == [TWO]


def test_an_older_row_says_nothing_of_when_the_name_was_used():
    known, tables = knowledge(), Tables()
    for number, name in enumerate((ONE, TWO)):
        known.made.keep(f"127.0.0.1:{number}", name, NOW + number)
    tables.apply(known)
    tables.rows[records.MADE][b"127.0.0.1:1"] = str(TWO).encode()
    assert tables.load().made.unchosen() == [TWO, ONE]
