import io
import json
import os
from contextlib import ExitStack

import attrs
import pytest
import trio

from beam_actors.cli import owner_commands
from beam_actors.cli.app import run
from beam_actors.cli.home import DATABASE, PHRASE
from beam_actors.identity import OwnerChain, Secret, new_phrase, unseal
from beam_actors.naming import Claim, Handing, Kind, Pin, owned
from beam_actors.naming.claim_rows import CLAIMS, put_entry, read_entry
from beam_actors.naming.entry import Entry
from beam_actors.naming.holds import Seen
from beam_actors.naming.records import Own, drop_own, put_own, put_pin
from beam_actors.node.keys import DEVICE_KEY, KEYSTORE
from beam_actors.testing.daemons import eventually
from beam_actors.values import Name
from beam_actors.world.home_lock import HomeLock, is_locked
from beam_actors.world.store import SqliteStore
from tests.naming.builders import claim, owner_id, peer

WORDS = new_phrase(bytes(range(32)))
CHAIN = OwnerChain.from_phrase(WORDS)
ROTATE, RECOVER = ("rotate-key", "--yes"), ("recover",)
OPTIONS = (
    "--listen",
    "/ip4/127.0.0.1/tcp/0",
    "--dns",
    "off",
    "--https",
    "127.0.0.1:0",
    "--http",
    "off",
    "--network",
    "test",
)


@pytest.fixture
def phrase_file(tmp_path):
    path = tmp_path / "words"
    path.write_text(WORDS + "\n")
    return path


def owner_key(home):
    secret = Secret.device_key(home.file(DEVICE_KEY).read_bytes())
    return unseal(home.file(KEYSTORE).read_bytes(), secret).owner


def test_a_fresh_home_recovers_and_rotates(home, beam, phrase_file):
    made = beam("recover", "--phrase-file", phrase_file, "--json")
    assert (made.exit_code, made.json["owner"], made.json["era"]) == (0, str(CHAIN.owner_id), 0)
    assert owner_key(home) == CHAIN.era_key(0)
    assert not home.file(PHRASE).exists()
    for era in range(1, 8):
        turned = beam("rotate-key", "--yes", "--phrase-file", phrase_file, "--json")
        assert (turned.exit_code, turned.json["era"]) == (0, era)
    assert owner_key(home) == CHAIN.era_key(7)
    spent = beam("rotate-key", "--yes", "--phrase-file", phrase_file)
    assert spent.exit_code == 4
    assert "all its eras" in spent.err
    back = beam("recover", "--era", "3", "--phrase-file", phrase_file)
    assert back.exit_code == 4
    assert "era 7 already" in back.err
    assert owner_key(home) == CHAIN.era_key(7)


@pytest.mark.e2e
def test_a_home_that_was_recovered_has_lost_nothing(home, beam, phrase_file):
    assert beam("recover", "--phrase-file", phrase_file).exit_code == 0
    try:
        started = beam("start", "--detach", *OPTIONS)
        assert started.exit_code == 0
        assert "is new" not in started.err
    finally:
        assert beam("stop").exit_code == 0


def test_a_phrase_of_somebody_else_changes_nothing(home, beam, phrase_file, tmp_path):
    assert beam("recover", "--phrase-file", phrase_file).exit_code == 0
    other = tmp_path / "other"
    other.write_text(new_phrase(bytes(32)))
    for command in (ROTATE, RECOVER):
        done = beam(*command, "--phrase-file", other)
        assert done.exit_code == 4
        assert "another --home" in done.err
    assert owner_key(home) == CHAIN.era_key(0)


@pytest.mark.parametrize("command", [ROTATE, RECOVER])
def test_a_daemon_that_runs_is_named(home, beam, phrase_file, command):
    assert beam("recover", "--phrase-file", phrase_file).exit_code == 0
    with HomeLock(home.path):
        done = beam(*command, "--phrase-file", phrase_file)
    assert done.exit_code == 4
    assert "`beam stop`, then this again, then `beam start --detach`" in done.err
    assert WORDS.split()[0] not in done.err + done.out


@pytest.mark.parametrize("content", [b"abandon\n", b"\xff\xfe", b"", b"word " * 400])
def test_what_is_no_phrase_is_refused_without_being_shown(home, beam, tmp_path, content):
    path = tmp_path / "words"
    path.write_bytes(content)
    for command in (ROTATE, RECOVER):
        done = beam(*command, "--phrase-file", path, "--json")
        assert done.exit_code == 2, done.err
        assert json.loads(done.out)["error"]["code"]
        assert "abandon" not in done.err
    assert not home.file(KEYSTORE).exists()


def test_without_a_phrase_or_keys_it_says_what_to_do(home, beam, phrase_file):
    done = beam("rotate-key", "--yes")
    assert done.exit_code == 2
    assert "--phrase-file" in done.err
    home.prepare()
    none = beam("rotate-key", "--yes", "--phrase-file", phrase_file)
    assert none.exit_code == 4
    assert "beam recover" in none.err
    missing = beam("recover", "--phrase-file", phrase_file.parent / "none")
    assert missing.exit_code == 2
    assert "No such file" in missing.err


def test_a_passphrase_may_come_through_a_pipe_which_is_read_once(home, beam, phrase_file):
    for command in (RECOVER, ROTATE):
        reader, writer = os.pipe()
        os.write(writer, b"correct horse\n")
        os.close(writer)
        done = beam(*command, "--phrase-file", phrase_file, "--passphrase-file", f"/dev/fd/{reader}")
        os.close(reader)
        assert done.exit_code == 0, done.err
    assert unseal(home.file(KEYSTORE).read_bytes(), Secret.passphrase("correct horse")).owner == CHAIN.era_key(1)


def test_a_home_that_keeps_somebody_elses_phrase_is_not_made_ones_own(home, beam, phrase_file):
    home.prepare()
    home.file(PHRASE).write_text(new_phrase(bytes(32)))
    done = beam("recover", "--phrase-file", phrase_file)
    assert done.exit_code == 4
    assert "another owner" in done.err
    assert not home.file(KEYSTORE).exists()


def test_an_era_that_another_machine_has_opened_is_not_opened_again(home, beam, phrase_file):
    """The thief of that machine has its key."""
    assert beam("recover", "--phrase-file", phrase_file).exit_code == 0
    terms = attrs.evolve(claim(0).terms, network="beam", keyset=CHAIN.keyset(2))
    spoken = put_entry(Entry(Claim.sign(terms, CHAIN.era_key(2))), Seen(1, 1))

    keep(home, spoken)
    assert beam("rotate-key", "--yes", "--phrase-file", phrase_file, "--json").json["era"] == 3


def test_a_database_that_lost_its_keys_gets_no_others(home, beam, phrase_file):
    home.prepare()
    home.file(DATABASE).write_bytes(b"")
    done = beam("recover", "--phrase-file", phrase_file)
    assert done.exit_code == 1
    assert "without its keys" in done.err
    assert not home.file(KEYSTORE).exists()


@pytest.mark.e2e
def test_a_daemon_claims_its_names_anew_with_the_key_of_the_next_era(home, beam):
    assert beam("start", "--detach", *OPTIONS).exit_code == 0
    try:
        assert beam("register", "rotating").exit_code == 0
        refused = beam("rotate-key", "--yes")
        assert refused.exit_code == 4
        assert "beam stop" in refused.err
    finally:
        assert beam("stop").exit_code == 0
    turned = beam("rotate-key", "--yes", "--json")  # by the phrase that the first start wrote
    assert turned.json["era"] == 1, turned.err
    assert beam("start", "--detach", *OPTIONS).exit_code == 0
    try:
        eventually(
            lambda: "claimed anew" in home.file("beam.log").read_text(), timeout=30, what="names are claimed"
        )  # peers are asked first, and there are none
        found = beam("resolve", "rotating", "--json")
        assert (found.json["owner"], found.json["source"]) == (turned.json["owner"], "own")
        revoked = beam("revoke", "--yes", "--json")
        assert revoked.json["owner"] == turned.json["owner"], revoked.err
        assert beam("resolve", "rotating").exit_code == 6
        refused = beam("register", "another")
        assert refused.exit_code == 4
        assert "revoked" in refused.err
        assert "another --home" in refused.err
        for command in ("names", "id", "status"):
            assert "revoked" in beam(command).out
        forgotten = beam("release", "rotating")
        assert forgotten.out.startswith("Forgotten: rotating."), forgotten.err
        assert beam("names", "--json").json["names"] == []
    finally:
        assert beam("stop").exit_code == 0


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


class Terminal(io.StringIO):
    """What a person types, after `before` happened elsewhere."""

    def __init__(self, text, before):
        super().__init__(text)
        self.before = before

    def isatty(self):
        return True

    def readline(self, size=-1):
        self.before()
        return super().readline(size)


@pytest.fixture
def answers(monkeypatch):
    """Have a person at a terminal who types this."""

    def type_in(text, before=lambda: None):
        monkeypatch.setattr(owner_commands, "is_terminal", lambda: True)
        monkeypatch.setattr("sys.stdin", Terminal(text, before))

    return type_in


def keep(home, *changes):
    async def write():
        store = await SqliteStore.open(home.file(DATABASE))
        await store.commit(changes)
        await store.close()

    trio.run(write)


def handing_of(home, name):
    async def look():
        store = await SqliteStore.open(home.file(DATABASE))
        own = await owned(store, CHAIN.owner_id, Name(name))
        await store.close()
        return own.handing

    return trio.run(look)


@pytest.fixture
def owner_of_cottage(home, beam, phrase_file):
    assert beam("recover", "--phrase-file", phrase_file).exit_code == 0
    keep(home, put_own(Own(Name("cottage"), 1, CHAIN.owner_id)))


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


def test_a_rotation_asks_and_says_how_many_are_left(home, beam, phrase_file, owner_of_cottage, answers):
    rotate = ("rotate-key", "--phrase-file", phrase_file)
    for typed in ("n\n", "\n"):
        answers(typed)
        done = beam(*rotate)
        assert done.exit_code == 130
        assert "Era 1 of your keys opens" in done.err
        assert "6 left" in done.err
        assert owner_key(home) == CHAIN.era_key(0)
    answers("y\n", lambda: run([*map(str, rotate), "--yes"]))
    meanwhile = beam(*rotate)
    assert meanwhile.exit_code == 4
    assert "era 1 was opened meanwhile" in meanwhile.err
    answers("y\n")
    done = beam(*rotate)
    assert (done.exit_code, owner_key(home)) == (0, CHAIN.era_key(2)), done.err
    assert "once the daemon has run and told a peer" in done.out


def test_where_nobody_can_be_asked_a_rotation_needs_yes(home, beam, phrase_file, owner_of_cottage):
    unasked = beam("rotate-key", "--phrase-file", phrase_file)
    assert unasked.exit_code == 2
    assert "--yes" in unasked.err
    assert owner_key(home) == CHAIN.era_key(0)


def test_a_recovery_without_an_era_says_that_there_may_be_one(home, beam, phrase_file):
    assert "recover --era N`" in beam("recover", "--phrase-file", phrase_file).out
    assert "--era N" not in beam("recover", "--era", "1", "--phrase-file", phrase_file).out


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


@pytest.mark.parametrize("command", [("rotate-key",), ("transfer", "cottage", str(owner_id(2)))])
def test_a_daemon_that_runs_is_named_where_nobody_can_be_asked(home, beam, phrase_file, owner_of_cottage, command):
    with HomeLock(home.path):
        done = beam(*command, "--phrase-file", phrase_file)
    assert done.exit_code == 4
    assert "`beam stop`, then this again" in done.err


@pytest.mark.parametrize("command", [("rotate-key",), ("transfer", "cottage", str(owner_id(2))), ("recover",)])
def test_a_daemon_that_runs_is_named_before_the_phrase_is_typed(home, beam, owner_of_cottage, answers, command):
    answers("")  # whoever would be asked for the phrase has none
    with HomeLock(home.path):
        done = beam(*command)
    assert done.exit_code == 4
    assert "nothing was changed" in done.err
    assert "takes effect when the daemon starts" in done.err
    assert "Recovery phrase" not in done.err


def test_what_takes_effect_when_is_said(home, beam, phrase_file, owner_of_cottage):
    with_phrase = "--yes", "--phrase-file", phrase_file
    for one, other in (
        (("rotate-key",), ("rotate-key",)),
        (("transfer", "cottage", str(owner_id(2))), ("transfer", "cottage", str(owner_id(1)))),
    ):
        done = beam(*one, *with_phrase)
        assert "Nobody hears of it before: start the daemon (`beam start --detach`)" in done.out
        assert beam(*other, *with_phrase, "--json").json["takes_effect"] == "at-start"


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


def test_a_revocation_is_asked_for_and_sent_signed(daemon, node, beam, phrase_file):
    unasked = beam("revoke", "--phrase-file", phrase_file)
    assert unasked.exit_code == 2
    assert "--yes" in unasked.err
    assert not any(call[0] == "revoke" for call in node.calls)
    done = beam("revoke", "--yes", "--phrase-file", phrase_file)
    assert done.exit_code == 0, done.err
    (sent,) = [call[1] for call in node.calls if call[0] == "revoke"]
    claim = Claim.parse(sent, network="beam")
    assert (claim.kind, claim.owner, claim.genuine()) == (Kind.REVOCATION, CHAIN.owner_id, True)
    assert "2 peers told" in done.out
    assert "told" in beam("revoke", "--yes", "--phrase-file", phrase_file, "--json").json
