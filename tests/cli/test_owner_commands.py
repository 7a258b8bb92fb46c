"""`beam recover`, `rotate-key` and `revoke`, and what they ask."""

import json
import os

import attrs
import pytest

from beam_actors.cli.app import run
from beam_actors.cli.home import DATABASE, PHRASE
from beam_actors.identity import REVOCATION_ERA, Secret, new_phrase, unseal
from beam_actors.naming import Claim, Kind
from beam_actors.naming.claim_rows import put_entry, put_revocation
from beam_actors.naming.entry import Entry
from beam_actors.naming.holds import Seen
from beam_actors.node.keys import KEYSTORE
from beam_actors.testing.daemons import eventually
from beam_actors.world.home_lock import HomeLock
from tests.cli.owner_home import CHAIN, OPTIONS, WORDS, keep, owner_key
from tests.naming.builders import claim, owner_id

ROTATE, RECOVER = ("rotate-key", "--yes"), ("recover",)


def spoken(era):
    """What a store has of an owner who spoke in an era on another machine."""
    terms = attrs.evolve(claim(0).terms, network="beam", keyset=CHAIN.keyset(era))
    return put_entry(Entry(Claim.sign(terms, CHAIN.era_key(era))), Seen(1, 1))


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
    assert "`beam recover --era 7`" in back.err
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
    keep(home, spoken(2))
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


def test_what_was_released_elsewhere_and_comes_back_with_an_era_is_told_before_and_after(
    home, beam, phrase_file, owner_of_cottage, answers
):
    """The machine can't tell a release by its person from one by a thief of the key."""
    tell = "that were given up on another machine: cottage. If it was you"
    dead = claim(0, "cottage", seq=9, kind=Kind.TOMBSTONE, previous=bytes(range(32))).terms
    gone = Claim.sign(attrs.evolve(dead, network="beam", keyset=CHAIN.keyset(0)), CHAIN.era_key(0))
    rotate = ("rotate-key", "--phrase-file", phrase_file)
    quiet = beam("recover", "--phrase-file", phrase_file)
    assert ("It claims cottage." in quiet.out, "Take care" in quiet.out) == (True, False)
    keep(home, put_entry(Entry(gone), Seen(1, 1)))
    answers("n\n")
    asked = beam(*rotate)
    assert (asked.exit_code, tell in asked.err) == (130, True)
    other = beam("transfer", "cottage", str(owner_id(2)), "--phrase-file", phrase_file)
    assert "cottage goes from you" in other.err
    assert tell not in other.err  # that is the name which goes
    done = beam(*rotate, "--yes")
    assert "It claims cottage." in done.out
    assert tell in done.out
    answers("y\n")
    told = beam(*rotate)
    assert (tell in told.err, tell in told.out) == (True, False)  # once is enough
    assert "It claims cottage." in told.out
    again = beam("recover", "--era", "2", "--phrase-file", phrase_file, "--json").json
    assert (again["claims"], again["takes_back"]) == (["cottage"], ["cottage"])
    said = beam(*rotate, "--yes", "--json").json
    assert (said["era"], said["claims"], said["takes_back"]) == (3, ["cottage"], ["cottage"])


def test_what_a_recovered_machine_claims_is_said_before_what_is_to_be_registered(beam, phrase_file, owner_of_cottage):
    out = " ".join(beam("recover", "--phrase-file", phrase_file).out.split())
    assert out.index("It claims cottage.") < out.index("`beam register NAME` for any other that it should serve")


def test_a_recovered_machine_that_claims_nothing_is_told_to_register_each_name(beam, phrase_file):
    out = " ".join(beam("recover", "--phrase-file", phrase_file).out.split())
    assert "It claims" not in out
    assert "`beam register NAME` for each name that it should serve" in out


def test_the_later_eras_are_mentioned_in_the_first_alone(beam, phrase_file):
    hint, recover = "If you ever rotated or transferred", ("recover", "--phrase-file", phrase_file)
    assert hint in beam(*recover).out
    assert hint not in beam(*recover, "--era", "0").out
    assert hint not in beam(*recover, "--era", "1", "--yes").out
    assert hint not in beam(*recover).out


@pytest.mark.parametrize("damaged", [False, True])
def test_a_recovery_is_done_though_nobody_can_say_what_is_claimed(home, beam, phrase_file, damaged):
    assert beam("recover", "--phrase-file", phrase_file).exit_code == 0
    home.file(DATABASE).unlink()
    if damaged:
        home.file(DATABASE).write_bytes(b"rubbish" * 1000)
    done = beam("recover", "--era", "1", "--yes", "--phrase-file", phrase_file, "--json")
    assert (done.exit_code, owner_key(home)) == (0, CHAIN.era_key(1)), done.err
    assert [done.json[key] for key in ("era", "claims", "takes_back")] == [1, None, None]
    assert ("Which names it claims can't be said: " in done.err) is damaged
    told = beam("recover", "--era", "2", "--yes", "--phrase-file", phrase_file)
    assert "signs for" in told.out
    assert "It claims" not in told.out


def test_where_nobody_can_be_asked_a_rotation_needs_yes(home, beam, phrase_file, owner_of_cottage):
    unasked = beam("rotate-key", "--phrase-file", phrase_file)
    assert unasked.exit_code == 2
    assert "--yes" in unasked.err
    assert owner_key(home) == CHAIN.era_key(0)


def test_a_recovery_without_an_era_says_that_there_may_be_one(home, beam, phrase_file):
    assert "recover --era N`" in beam("recover", "--phrase-file", phrase_file).out
    assert "--era N" not in beam("recover", "--era", "0", "--phrase-file", phrase_file).out


def test_an_era_that_nobody_was_heard_to_open_is_asked_for(home, beam, phrase_file, answers):
    """A number that is mistyped would burn all the eras up to it."""
    tell = "has not heard that era 7 of your keys was opened"
    recover = ("recover", "--era", "7", "--phrase-file", phrase_file)
    for options in ((), ("--json",)):
        unasked = beam(*recover, *options)
        assert unasked.exit_code == 2
        assert tell in unasked.err
        assert "--yes" in unasked.err
        assert not home.file(KEYSTORE).exists()
    answers("n\n")
    refused = beam(*recover)
    assert (refused.exit_code, home.file(KEYSTORE).exists()) == (130, False)
    assert tell in refused.err
    assert "it knows of none after 0" in refused.err
    assert "none left" in refused.err
    assert "no way back" in refused.err
    answers("y\n")
    done = beam(*recover)
    assert (done.exit_code, owner_key(home)) == (0, CHAIN.era_key(7)), done.err
    again = beam(*recover, "--json")  # the home has it
    assert (again.exit_code, again.json["era_known"], "heard" in again.err) == (0, True, False)


@pytest.mark.parametrize("options", [(), ("--era", "0"), ("--era", "1", "--yes"), ("--json",)])
def test_an_era_that_is_past_is_refused_with_the_latest_that_was_heard_of(home, beam, phrase_file, options):
    assert beam("recover", "--phrase-file", phrase_file).exit_code == 0
    keep(home, spoken(2))
    done = beam("recover", *options, "--phrase-file", phrase_file)
    assert (done.exit_code, owner_key(home)) == (4, CHAIN.era_key(0))
    assert "signs for nothing any more" in done.err
    assert "`beam recover --era 2`" in done.err
    assert "✅" not in done.out


def test_whoever_revoked_all_keys_recovers_nothing(home, beam, phrase_file):
    assert beam("recover", "--phrase-file", phrase_file).exit_code == 0
    gone = Claim.revoke("beam", CHAIN.era_key(REVOCATION_ERA))
    keep(home, put_revocation(gone))
    for era in ("0", "1"):
        done = beam("recover", "--era", era, "--phrase-file", phrase_file)
        assert (done.exit_code, owner_key(home)) == (4, CHAIN.era_key(0))
        assert "a new recovery phrase makes a new owner" in done.err


def test_with_yes_an_era_that_nobody_was_heard_to_open_is_warned_of(beam, phrase_file):
    done = beam("recover", "--era", "1", "--yes", "--phrase-file", phrase_file, "--json")
    assert (done.exit_code, done.json["era_known"]) == (0, False)
    assert "Warning: this machine has not heard that era 1 of your keys was opened" in done.err


def test_an_era_that_was_heard_of_is_not_asked_for(home, beam, phrase_file):
    assert beam("recover", "--phrase-file", phrase_file).exit_code == 0
    keep(home, spoken(2))
    for era in ("3", "7"):
        unheard = beam("recover", "--era", era, "--phrase-file", phrase_file)
        assert unheard.exit_code == 2
        assert "it knows of none after 2" in unheard.err
    done = beam("recover", "--era", "2", "--phrase-file", phrase_file)
    assert (done.exit_code, done.err, owner_key(home)) == (0, "", CHAIN.era_key(2))


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
    assert "what was done" not in done.err  # nothing was
    assert "`beam stop`, then this again, then `beam start --detach`" in " ".join(done.err.split())
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
