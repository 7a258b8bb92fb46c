"""`names --watch`: what it says at once, each event once, and where it goes on."""

import json

import pytest

from beam_actors.cli import watching
from beam_actors.cli.home import POINTER
from beam_actors.control import NameEvent
from beam_actors.errors import ActorUnavailable, KeyReplaced
from beam_actors.naming import Happening
from tests.control.fakes import OWNER


@pytest.fixture
def looks(monkeypatch):
    """Let the watch look so many times, and then be ended by Ctrl-C."""

    def times(number):
        left = iter(range(number - 1))

        def look(_seconds):
            if next(left, None) is None:
                raise KeyboardInterrupt

        monkeypatch.setattr("beam_actors.cli.watching.time.sleep", look)

    return times


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_it_says_at_once_what_is_watched_and_how_it_ends(node, beam, looks, options):
    looks(1)
    none = beam("names", "--watch", *options)
    assert (none.exit_code, none.out) == (0, "")
    assert none.err.startswith("Watching whether a name is handed to you (you own, pinned and petnamed none yet).")
    assert none.err.endswith("Ctrl-C ends this.\n")
    looks(1)
    node.owned = {"anna", "byron"}
    assert beam("names", "--watch").err.startswith("Watching anna.local, byron.local, and whether a name is handed to")
    looks(1)
    node.owned = {f"n{number}" for number in range(6)}
    assert "n0.local, n1.local, n2.local, n3.local and 2 more names, and" in beam("names", "--watch").err


def test_without_a_daemon_it_watches_nothing(home, beam):
    done = beam("names", "--watch")
    assert done.exit_code == 3
    assert "Watching" not in done.err


def test_names_are_watched_until_the_daemon_or_the_person_ends_it(node, beam, monkeypatch):
    kinds = [(what, relation) for what in Happening for relation in ("own", "petname", "pin")]
    kinds.remove((Happening.CONTESTED, "petname"))  # a petname leads to its owner, whoever comes
    kinds.remove((Happening.TAKEN, "petname"))
    kinds.remove((Happening.TAKEN, "own"))
    kinds.remove((Happening.HANDED, "own"))
    kinds.append((Happening.HANDED, "heir"))
    node.name_events = [
        NameEvent(
            number=number, at=1e9, what=what.value, name="byron.local", owner=OWNER, relation=relation, heir="him"
        )
        for number, (what, relation) in enumerate(kinds, start=1)
    ]
    looks = []

    def look(_seconds):
        looks.append(1)
        if len(looks) > 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("beam_actors.cli.watching.time.sleep", look)
    done = beam("names", "--watch")
    assert done.exit_code == 0
    lines = done.out.splitlines()
    assert len(lines) == len(kinds)  # each once, however often it looks
    assert lines[0].startswith("2001-09-09 01:46:40Z  byron.local is claimed by")
    (taken,) = (line for line, (what, _) in zip(lines, kinds, strict=True) if what is Happening.TAKEN)
    assert "too" not in taken
    assert "conflicts" not in taken
    assert lines[-1].endswith(f"byron.local is yours now, says {OWNER}: `beam register byron` takes it")
    assert all(" to him" in line for line, kind in zip(lines, kinds, strict=True) if kind[0] is Happening.TRANSFERRED)
    looks.clear()
    node.owned = {"byron"}  # registered since
    last = beam("names", "--watch").out.splitlines()[-1]
    assert last.endswith(f"byron.local is yours now, says {OWNER}")
    looks.clear()
    told = beam("names", "--watch", "--json").out.splitlines()
    assert [json.loads(line)["what"] for line in told] == [what.value for what, _ in kinds]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("left-behind", "is not claimed in the later era of your keys"),
        ("rotated", "is signed by your key of a later era"),
    ],
)
def test_a_name_of_a_later_era_says_what_to_do_where_the_key_was_replaced(node, beam, looks, what, said):
    looks(1)
    node.replaced_by_era = 1
    node.name_events = [NameEvent(number=1, at=1e9, what=what, name="byron.local", owner=OWNER, relation="own", era=1)]
    (line,) = beam("names", "--watch").out.splitlines()
    assert line.endswith(f"byron.local {said}. {KeyReplaced(1)}")
    looks(1)
    node.replaced_by_era = None  # the key of the era is here since
    assert beam("names", "--watch").out.endswith(f"byron.local {said}\n")


def test_a_watch_goes_on_where_it_was_and_begins_anew_with_another_daemon(node, home, monkeypatch):
    event = NameEvent(number=1, at=1e9, what="rotated", name="byron.local", owner=OWNER, relation="own")
    asked = []

    class Asking:
        """Two daemons, one after the other."""

        daemon_pid = None

        def ask(self, method, path, body):
            asked.append(body)
            self.daemon_pid = 1 if len(asked) < 3 else 2
            return {"events": [{"number": event.number, "what": event.what}] if body == {} else []}

    monkeypatch.setattr("beam_actors.cli.watching.time.sleep", lambda _seconds: None)
    events = watching._events(Asking())
    assert [next(events)["number"] for _ in range(2)] == [1, 1]
    assert asked == [{}, {"after": 1}, {"after": 1}, {}]


@pytest.fixture
def steps(monkeypatch):
    """Have this happen between looks, one after the other, and then Ctrl-C."""

    def happen(*changes):
        left = iter(changes)

        def look(_seconds):
            change = next(left, None)
            if change is None:
                raise KeyboardInterrupt
            change()

        monkeypatch.setattr("beam_actors.cli.watching.time.sleep", look)

    return happen


def nothing():
    pass


def test_a_daemon_that_goes_away_is_waited_for_and_that_is_said_once(node, beam, steps):
    event = NameEvent(number=1, at=1e9, what="rotated", name="byron.local", owner=OWNER, relation="own")

    def come_back():
        node.failure = None
        node.name_events = [event]

    steps(lambda: setattr(node, "failure", ActorUnavailable("starting")), nothing, come_back)
    done = beam("names", "--watch")
    assert done.exit_code == 0
    assert done.err.splitlines()[1:] == ["The daemon went away; asking again…", "The daemon is back."]
    assert "is signed by your key of a later era" in done.out


def test_a_daemon_that_stays_away_ends_it_with_3(home, node, beam, steps):
    pointer = home.file(POINTER).read_text()
    steps(lambda: home.file(POINTER).unlink(), *[nothing] * 20)
    done = beam("names", "--watch")
    home.file(POINTER).write_text(pointer)
    assert done.exit_code == 3
    assert "did not come back within 10 seconds" in done.err


def test_an_error_that_is_no_absence_ends_it_at_once(node, beam, steps):
    steps(lambda: setattr(node, "failure", ZeroDivisionError()))
    assert beam("names", "--watch").exit_code == 1


def test_an_event_is_told_although_the_daemon_goes_away_meanwhile():
    class Gone:
        def ask(self, method, path):
            raise ActorUnavailable("starting")

    assert not watching._is_own(Gone(), "byron.local")
