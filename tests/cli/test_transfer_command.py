"""`beam transfer`: what it asks and says, and what it leaves for the daemon to do."""

from contextlib import ExitStack

import attrs
import pytest
import trio

from beam_actors.cli.app import run
from beam_actors.cli.home import DATABASE
from beam_actors.naming import Claim, Handing, Kind, Pin, owned
from beam_actors.naming.claim_rows import CLAIMS, put_entry, read_entry
from beam_actors.naming.entry import Entry
from beam_actors.naming.holds import Seen
from beam_actors.naming.records import Own, drop_own, put_own, put_pin
from beam_actors.testing.daemons import eventually
from beam_actors.values import Name
from beam_actors.world.home_lock import HomeLock, is_locked
from beam_actors.world.store import SqliteStore
from tests.cli.owner_home import CHAIN, OPTIONS, keep, owner_key
from tests.naming.builders import claim, owner_id, peer


def handing_of(home, name):
    async def look():
        store = await SqliteStore.open(home.file(DATABASE))
        own = await owned(store, CHAIN.owner_id, Name(name))
        await store.close()
        return own.handing

    return trio.run(look)


def held(beam):
    return [(row["name"], row["relation"]) for row in beam("names", "--json").json["names"]]


@pytest.mark.e2e
def test_a_daemon_hands_a_name_over_that_was_transferred(home, beam):
    assert beam("start", "--detach", *OPTIONS).exit_code == 0
    try:
        for name in ("leaving", "staying"):
            assert beam("register", name).exit_code == 0
    finally:
        assert beam("stop").exit_code == 0
    heir = str(owner_id(2))
    done = beam("transfer", "https://leaving.local/", heir, "--yes", "--json")
    assert (done.json["name"], done.json["era"], done.json["successor"]) == ("leaving", 1, heir), done.err
    assert beam("start", "--detach", *OPTIONS).exit_code == 0
    try:
        eventually(
            lambda: held(beam) == [("staying", "own")], timeout=30, what="the name is handed over"
        )  # peers are asked first, and there are none
        assert beam("resolve", "leaving").exit_code == 6
    finally:
        assert beam("stop").exit_code == 0

    async def look():
        store = await SqliteStore.open(home.file(DATABASE))
        rows = await store.scan(CLAIMS)
        await store.close()
        return [read_entry(key, value, "test")[0].claim for key, value in rows]

    said = {one.name.label: one for one in trio.run(look)}
    assert said["leaving"].terms.successor == owner_id(2)
    assert {one.era for one in said.values()} == {1}


def test_a_transfer_that_cannot_be_opens_no_era(home, beam, phrase_file):
    assert beam("recover", "--phrase-file", phrase_file).exit_code == 0
    for name, owner, code, said in (
        ("cottage", owner_id(2), 6, "not one of your names"),
        ("cottage", CHAIN.owner_id, 2, "is you"),
        ("cottage", "somebody", 2, "owner"),
        (f"cottage.{owner_id(3)}", owner_id(2), 2, "your own cottage"),
        ("-", owner_id(2), 2, "name"),
    ):
        done = beam("transfer", "--yes", "--phrase-file", phrase_file, "--", name, str(owner))
        assert (done.exit_code, said in done.err) == (code, True), done.err
    assert owner_key(home) == CHAIN.era_key(0)


def test_a_transfer_asks_and_no_is_an_answer(home, beam, phrase_file, owner_of_cottage, answers):
    heir = str(owner_id(2))
    for typed in ("n\n", "\n"):
        answers(typed)
        done = beam("transfer", "cottage", heir, "--phrase-file", phrase_file)
        assert done.exit_code == 130
        assert f"cottage goes from you to the owner\n  {heir}\n" in done.err
        assert "never heard of that owner" in done.err
        assert "Era 1 of your keys opens" in done.err
        assert "take it back only as long as they have not (`beam register cottage`)" in done.err
        assert (owner_key(home), handing_of(home, "cottage")) == (CHAIN.era_key(0), None)
    answers("y\n")
    done = beam("transfer", "cottage", heir, "--phrase-file", phrase_file)
    assert done.exit_code == 0, done.err
    assert (owner_key(home), handing_of(home, "cottage")) == (CHAIN.era_key(1), Handing(owner_id(2), 1))


def test_nobody_waits_for_a_person_who_is_asked(home, beam, phrase_file, owner_of_cottage, answers):
    looks = []

    def start_a_daemon():
        looks.append(is_locked(home.path))
        HomeLock(home.path).release()

    answers("y\n", start_a_daemon)
    done = beam("transfer", "cottage", str(owner_id(2)), "--phrase-file", phrase_file)
    assert (done.exit_code, looks) == (0, [False]), done.err
    assert handing_of(home, "cottage") == Handing(owner_id(2), 1)


def test_a_daemon_that_runs_is_named_before_a_person_is_asked(home, beam, phrase_file, owner_of_cottage, answers):
    answers("y\n")
    with HomeLock(home.path):
        done = beam("transfer", "cottage", str(owner_id(2)), "--phrase-file", phrase_file)
    assert done.exit_code == 4
    assert "`beam stop`, then this again" in done.err
    assert "Is that meant" not in done.err


def test_what_changed_while_a_person_was_asked_is_not_overlooked(home, beam, phrase_file, owner_of_cottage, answers):
    transfer = ("transfer", "cottage", str(owner_id(2)), "--phrase-file", phrase_file)
    with ExitStack() as daemon:
        answers("y\n", lambda: daemon.enter_context(HomeLock(home.path)))
        refused = beam(*transfer)
        assert refused.exit_code == 4
        assert "`beam stop`, then this again" in refused.err
    answers("y\n", lambda: run(["rotate-key", "--yes", "--phrase-file", str(phrase_file)]))
    turned = beam(*transfer)
    assert turned.exit_code == 4
    assert "era 1 was opened meanwhile" in turned.err
    answers("y\n", lambda: keep(home, drop_own(Name("cottage"))))
    released = beam(*transfer)
    assert released.exit_code == 6
    assert "not one of your names" in released.err
    assert owner_key(home) == CHAIN.era_key(1)


def test_what_a_transfer_says_of_other_machines_is_not_for_this_home(
    home, beam, phrase_file, owner_of_cottage, answers
):
    answers("n\n")
    done = beam("--home", home.path, "transfer", "cottage", str(owner_id(2)), "--phrase-file", phrase_file)
    assert 'on each other machine of yours, then: "beam recover --era 1".' in done.err
    assert f"`beam --home {home.path} register cottage`" in done.err
    assert done.err.count(str(home.path)) == 1


def test_a_transfer_says_how_the_heir_is_known(home, beam, phrase_file, owner_of_cottage, answers):
    keep(
        home,
        put_entry(Entry(claim(2, "garden")), Seen(1, 1)),
        put_pin(Pin(Name("anna"), owner_id(2), 1)),
        *(put_entry(Entry(claim(1, f"n{number}")), Seen(1, 1)) for number in range(6)),
    )
    answers("n\n")
    known = beam("transfer", "cottage", str(owner_id(2)), "--phrase-file", phrase_file)
    assert "holds or held garden." in known.err
    assert "You call this owner anna." in known.err
    assert "never heard" not in known.err
    answers("n\n")
    other = beam("transfer", "cottage", str(owner_id(1)), "--phrase-file", phrase_file)
    assert "holds or held n0, n1, n2, n3 and 2 more." in other.err


def test_a_transfer_says_what_else_is_claimed_and_comes_back(home, beam, phrase_file, owner_of_cottage, answers):
    """As it is when the era opens, and not as it was when a person was asked."""
    tell = "that were given up on another machine: barn. If it was you"
    transfer = ("transfer", "cottage", str(owner_id(2)), "--phrase-file", phrase_file)
    dead = claim(0, "barn", seq=9, kind=Kind.TOMBSTONE, previous=bytes(range(32))).terms
    gone = Claim.sign(attrs.evolve(dead, network="beam", keyset=CHAIN.keyset(0)), CHAIN.era_key(0))
    barn = (put_own(Own(Name("barn"), 1, CHAIN.owner_id)), put_entry(Entry(gone), Seen(1, 1)))
    answers("y\n", lambda: keep(home, *barn))
    done = beam(*transfer)
    assert (done.exit_code, tell in done.err) == (0, False), done.err
    assert "It claims barn." in done.out
    assert tell in done.out
    answers("n\n")
    other = ("transfer", "cottage", str(owner_id(1)), "--phrase-file", phrase_file)
    assert tell in beam(*other).err
    said = beam(*other, "--yes", "--json").json
    assert (said["claims"], said["takes_back"]) == (["barn"], ["barn"])


def test_where_nobody_can_be_asked_a_transfer_needs_yes(home, beam, owner_of_cottage, phrase_file):
    missing = home.path / "none"  # which is not even looked for
    unasked = beam("transfer", "cottage", str(owner_id(2)), "--phrase-file", missing)
    assert unasked.exit_code == 2
    assert "--yes" in unasked.err
    assert owner_key(home) == CHAIN.era_key(0)
    done = beam("transfer", "cottage", str(owner_id(2)), "--phrase-file", phrase_file, "--yes", "--json")
    assert (done.exit_code, done.json["successor_known"]) == (0, False)
    assert "never heard" in done.err
    keep(home, put_entry(Entry(claim(1, "garden")), Seen(1, 1)))
    again = beam("transfer", "cottage", str(owner_id(1)), "--phrase-file", phrase_file, "--yes", "--json")
    assert (again.json["era"], again.json["successor_known"], again.err) == (2, True, "")


def test_a_transfer_in_place_of_another_one_says_so(home, beam, owner_of_cottage, phrase_file, answers):
    beam("transfer", "cottage", str(owner_id(2)), "--phrase-file", phrase_file, "--yes")
    same = beam("transfer", "cottage", str(owner_id(2)), "--phrase-file", phrase_file, "--yes")
    assert (same.exit_code, owner_key(home)) == (4, CHAIN.era_key(1))
    assert "cottage is on its way to that owner" in same.err
    answers("n\n")
    other = beam("transfer", "cottage", str(owner_id(1)), "--phrase-file", phrase_file)
    assert f"It was on its way to {owner_id(2)}" in other.err


def test_a_machines_id_is_no_heir(home, beam, owner_of_cottage, phrase_file):
    done = beam("transfer", "cottage", str(peer(2)), "--phrase-file", phrase_file, "--yes")
    assert done.exit_code == 2
    assert "the id of a machine" in done.err
    assert '"beam id"' in done.err
