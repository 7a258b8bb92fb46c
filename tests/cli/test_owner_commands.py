import json
import os

import attrs
import pytest
import trio

from beam_actors.cli.home import DATABASE, PHRASE
from beam_actors.identity import OwnerChain, Secret, new_phrase, unseal
from beam_actors.naming import Claim, Kind
from beam_actors.naming.claim_rows import CLAIMS, put_entry, read_entry
from beam_actors.naming.holds import Seen
from beam_actors.naming.registry import Entry
from beam_actors.node.keys import DEVICE_KEY, KEYSTORE
from beam_actors.testing.daemons import eventually
from beam_actors.world.home_lock import HomeLock
from beam_actors.world.store import SqliteStore
from tests.naming.builders import claim, owner_id

WORDS = new_phrase(bytes(range(32)))
CHAIN = OwnerChain.from_phrase(WORDS)
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
        turned = beam("rotate-key", "--phrase-file", phrase_file, "--json")
        assert (turned.exit_code, turned.json["era"]) == (0, era)
    assert owner_key(home) == CHAIN.era_key(7)
    spent = beam("rotate-key", "--phrase-file", phrase_file)
    assert spent.exit_code == 4
    assert "all its eras" in spent.err
    back = beam("recover", "--era", "3", "--phrase-file", phrase_file)
    assert back.exit_code == 4
    assert "era 7 already" in back.err
    assert owner_key(home) == CHAIN.era_key(7)


def test_a_phrase_of_somebody_else_changes_nothing(home, beam, phrase_file, tmp_path):
    assert beam("recover", "--phrase-file", phrase_file).exit_code == 0
    other = tmp_path / "other"
    other.write_text(new_phrase(bytes(32)))
    for command in ("rotate-key", "recover"):
        done = beam(command, "--phrase-file", other)
        assert done.exit_code == 4
        assert "another --home" in done.err
    assert owner_key(home) == CHAIN.era_key(0)


@pytest.mark.parametrize("command", ["rotate-key", "recover"])
def test_a_daemon_that_runs_is_named(home, beam, phrase_file, command):
    assert beam("recover", "--phrase-file", phrase_file).exit_code == 0
    with HomeLock(home.path):
        done = beam(command, "--phrase-file", phrase_file)
    assert done.exit_code == 1
    assert "beam stop" in done.err
    assert WORDS.split()[0] not in done.err + done.out


@pytest.mark.parametrize("content", [b"abandon\n", b"\xff\xfe", b"", b"word " * 400])
def test_what_is_no_phrase_is_refused_without_being_shown(home, beam, tmp_path, content):
    path = tmp_path / "words"
    path.write_bytes(content)
    for command in ("rotate-key", "recover"):
        done = beam(command, "--phrase-file", path, "--json")
        assert done.exit_code == 2, done.err
        assert json.loads(done.out)["error"]["code"]
        assert "abandon" not in done.err
    assert not home.file(KEYSTORE).exists()


def test_without_a_phrase_or_keys_it_says_what_to_do(home, beam, phrase_file):
    done = beam("rotate-key")
    assert done.exit_code == 2
    assert "--phrase-file" in done.err
    home.prepare()
    none = beam("rotate-key", "--phrase-file", phrase_file)
    assert none.exit_code == 4
    assert "beam recover" in none.err
    missing = beam("recover", "--phrase-file", phrase_file.parent / "none")
    assert missing.exit_code == 2
    assert "No such file" in missing.err


def test_a_passphrase_may_come_through_a_pipe_which_is_read_once(home, beam, phrase_file):
    for command in ("recover", "rotate-key"):
        reader, writer = os.pipe()
        os.write(writer, b"correct horse\n")
        os.close(writer)
        done = beam(command, "--phrase-file", phrase_file, "--passphrase-file", f"/dev/fd/{reader}")
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

    async def hear():
        store = await SqliteStore.open(home.file(DATABASE))
        await store.commit([spoken])
        await store.close()

    trio.run(hear)
    assert beam("rotate-key", "--phrase-file", phrase_file, "--json").json["era"] == 3


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
        refused = beam("rotate-key")
        assert refused.exit_code == 1
        assert "beam stop" in refused.err
    finally:
        assert beam("stop").exit_code == 0
    turned = beam("rotate-key", "--json")  # by the phrase that the first start wrote
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
        assert beam("resolve", "rotating").exit_code == 1
        refused = beam("register", "another")
        assert refused.exit_code == 4
        assert "revoked" in refused.err
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
    done = beam("transfer", "leaving.local", heir, "--json")
    assert (done.json["name"], done.json["era"], done.json["successor"]) == ("leaving", 1, heir), done.err
    assert beam("start", "--detach", *OPTIONS).exit_code == 0
    try:
        eventually(
            lambda: held(beam) == [("staying", "own")], timeout=30, what="the name is handed over"
        )  # peers are asked first, and there are none
        assert beam("resolve", "leaving").exit_code == 1
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
        ("cottage", owner_id(2), 1, "not one of your names"),
        ("cottage", CHAIN.owner_id, 2, "is you"),
        ("cottage", "somebody", 2, "owner"),
        (f"cottage.{owner_id(3)}", owner_id(2), 2, "your own cottage"),
        ("-", owner_id(2), 2, "name"),
    ):
        done = beam("transfer", "--phrase-file", phrase_file, "--", name, str(owner))
        assert (done.exit_code, said in done.err) == (code, True), done.err
    assert owner_key(home) == CHAIN.era_key(0)


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
