"""Who hears what is new: nobody before it is durable, who asked for it last, and none who has no use for it."""

from structlog.testing import capture_logs

from beam_actors.errors import StorageError
from beam_actors.naming.announcing import Announcer
from beam_actors.naming.claim import Kind
from beam_actors.naming.lodgers import Lodging
from beam_actors.naming.messages import Changed
from beam_actors.naming.tending import Rouse, Spoken
from beam_actors.values import Name
from tests.naming.bench import ALICE
from tests.naming.builders import NOW, claim, owner_id, peer, revocation
from tests.naming.tables import knowledge


class Paper:
    """A ledger whose commits end when the test says so."""

    def __init__(self, known):
        self.known, self.commits = known, []

    def commit(self, done, failed=None):
        self.commits.append((done, failed))


class Listener:
    def __init__(self, who, heard):
        self.who, self.heard = who, heard

    def tell(self, message):
        self.heard.append((self.who, message))

    def set(self, value):
        self.tell(value)

    def fail(self, error):
        self.tell(error)


class Scene:
    def __init__(self, *claims):
        self.known, self.heard = knowledge(*claims), []
        self.ledger = Paper(self.known)
        self.asker = Listener("asker", self.heard)
        self.announcer = Announcer(
            self.ledger,
            spread=Listener("spread", self.heard),
            names=Listener("names", self.heard),
            watchers=[Listener("watcher", self.heard)],
        )

    def announce(self, *new, ours=False):
        """What is new, made durable at once; what was heard before is forgotten."""
        self.heard.clear()
        if ours:
            self.announcer.answer_when_durable(self.asker, None, new, ours=True)
        else:
            self.announcer.when_durable(new)
        done, _ = self.ledger.commits.pop()
        done()


def test_nobody_hears_of_it_before_it_is_durable_and_whoever_asked_hears_last():
    scene, new = Scene(), claim(0)
    scene.announcer.answer_when_durable(scene.asker, "done", [new], peer(9))
    assert scene.heard == []
    ((done, _),) = scene.ledger.commits
    done()
    changed = Changed((new,), peer(9))
    assert scene.heard == [("spread", changed), ("watcher", changed), ("asker", "done")]


def test_what_the_disk_refused_is_told_to_whoever_asked_and_to_nobody_else():
    scene, error = Scene(), StorageError("The disk is full.")
    scene.announcer.answer_when_durable(scene.asker, "done", [claim(0)])
    ((_, failed),) = scene.ledger.commits
    failed(error)
    assert scene.heard == [("asker", error)]


def test_what_nobody_asked_for_is_told_all_the_same():
    scene, new = Scene(), claim(0)
    scene.announcer.when_durable([new])
    ((done, _),) = scene.ledger.commits
    done()
    assert [who for who, _ in scene.heard] == ["spread", "watcher"]


def test_a_name_that_leads_elsewhere_is_told_once_as_of_the_change():
    scene = Scene(claim(0), claim(0, "bob"))
    scene.known.take(claim(0, era=1).encoded, NOW)  # and so bob is held no longer
    for _ in range(2):
        scene.announcer.when_durable([])
    for done, _ in scene.ledger.commits:
        done()
    assert scene.heard == [(who, Changed((), None, (Name("bob"),))) for who in ("spread", "watcher")]


def test_peers_are_told_of_no_lodger_but_of_each_revocation():
    scene, lodger, revoked = Scene(), claim(0), revocation(1)
    scene.known.lodgers.add((lodger.name, lodger.owner), bytes(32), Lodging.SOUGHT)
    scene.announce(lodger, revoked)
    assert scene.heard == [("spread", Changed((revoked,), None)), ("watcher", Changed((lodger, revoked), None))]
    scene.announce(lodger)
    assert [who for who, _ in scene.heard] == ["watcher"]


def test_an_own_name_is_looked_after_when_another_machine_of_the_owner_says_something_of_it():
    scene = Scene()
    scene.known.reserve(ALICE, contest=False, now=NOW)
    said = [claim(3), claim(3, kind=Kind.TOMBSTONE), claim(3, "bob"), claim(0)]
    scene.announce(*said, ours=True)
    assert "names" not in {who for who, _ in scene.heard}
    scene.announce(*said)
    assert [message for who, message in scene.heard if who == "names"] == [Rouse(ALICE), Spoken(0)]


def test_what_happens_to_a_name_is_in_the_log_once():
    scene = Scene(claim(0))
    scene.known.bindings.pin(ALICE, owner_id(0), NOW)
    scene.known.take(claim(1).encoded, NOW)
    with capture_logs() as lines:
        scene.announce(claim(1))
        scene.announce()
    assert [(line["event"], line["name"]) for line in lines] == [("a name was contested", "alice")]
