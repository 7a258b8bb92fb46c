"""What every command has: where its home is, JSON, a client, and one way to end with an error."""

import json

import pytest

from beam_actors import __version__
from beam_actors.cli.context import errors_as_exit_codes
from beam_actors.cli.home import LOG
from beam_actors.cli.output import Output
from beam_actors.control import NameEvent
from beam_actors.errors import ActorUnavailable, NotAllowed, PeerOffline, TimedOut
from tests.control.fakes import OWNER, PEER


def test_an_error_in_json_is_an_object_and_a_sentence(daemon, beam):
    done = beam("resolve", "nobody", "--json")
    assert done.exit_code == 6
    assert done.json["error"]["code"] == "name-not-found"
    assert done.err == "Error: Nobody is known to hold 'nobody'.\n"


@pytest.mark.parametrize(
    ("failure", "exit_code"),
    [(PeerOffline("x"), 1), (NotAllowed("x"), 4), (TimedOut("x"), 5), (ActorUnavailable("x"), 1)],
)
def test_the_daemons_exit_code_is_the_commands(node, beam, failure, exit_code):
    node.failure = failure
    assert beam("status").exit_code == exit_code


def test_options_work_before_and_after_the_command(daemon, home, beam):
    for arguments in (("--json", "--home", home.path, "status"), ("status", "--home", home.path, "--json")):
        assert beam(*arguments).json["peer_id"] == PEER
    assert "conflicts" in beam("names", "--json", "conflicts").json


def test_an_unknown_command_of_a_newer_program_is_one_sentence(daemon, beam, monkeypatch):
    monkeypatch.setattr("beam_actors.control.routes._TABLE", {})
    monkeypatch.setattr("beam_actors.control.routes._PATHS", set())
    done = beam("id")
    assert done.exit_code == 4
    assert done.err.count("\n") == 1
    assert f"version {__version__} and does not know" in done.err


def test_another_version_of_the_daemon_is_said(daemon, beam, monkeypatch):
    monkeypatch.setattr("beam_actors.control.fields.__version__", "9.9.9")
    done = beam("id", "--json")
    assert done.exit_code == 0
    assert done.json["peer_id"] == PEER
    assert "9.9.9" in done.err
    assert __version__ in done.err
    assert beam("status").err.count("9.9.9") == 1


def test_what_is_asked_reaches_the_daemon_of_the_home_that_is_named(daemon, home, beam, monkeypatch, tmp_path):
    monkeypatch.setenv("BEAM_HOME", str(tmp_path / "nowhere"))
    assert beam("id").exit_code == 3
    done = beam("--home", home.path, "id", "--json")
    assert done.json["peer_id"] == PEER


def test_a_hint_carries_the_home_that_was_named_and_no_other(home, beam, monkeypatch):
    assert "`beam start --detach`" in beam("status").err
    with_home = f"`beam --home {home.path} start --detach`"
    assert with_home in beam("--home", home.path, "status").err
    assert with_home in beam("status", "--home", home.path).err
    monkeypatch.setenv("BEAM_HOME", str(home.path))  # another shell that it is pasted into may not have it
    assert with_home in beam("status").err


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        ("register byron", "expose PORT --name byron"),
        ("names list", "names conflicts"),
        ("--home HOME names list", "names conflicts"),
        ("expose UNUSED --name byron", "status"),
        ("logs", "unpin anna"),
        ("forwards", "pin anna OWNER"),
        ("names --watch", "register anna"),
        ("phrase", None),
        ("resolve nobody", None),
    ],
)
def test_every_hint_that_is_printed_works_as_pasted(node, home, beam, monkeypatch, unused, command, hint):
    if "HOME" not in command:
        monkeypatch.setenv("BEAM_HOME", str(home.path))
    full_of_hints(node, home, monkeypatch)
    done = beam(*command.replace("HOME", str(home.path)).replace("UNUSED", str(unused)).split())
    said, ours = done.out + done.err, f"`beam --home {home.path} "
    assert "`beam " not in said.replace(ours, "")
    assert hint is None or f"{ours}{hint}`" in said, said


@pytest.mark.parametrize("command", ["forwards", "names --watch", "logs"])
def test_what_is_kept_and_what_programs_read_has_no_home_in_its_hints(node, home, beam, monkeypatch, command):
    full_of_hints(node, home, monkeypatch)
    assert "--home" not in beam("--home", home.path, *command.split(), "--json").out


def full_of_hints(node, home, monkeypatch):
    node.name_events = [
        NameEvent(number=1, at=1e9, what="handed", name="anna.local", owner=OWNER, relation="heir", heir=OWNER)
    ]
    node.forward_row(failure="anna is held by several owners; choose with `beam pin anna OWNER`.")
    home.file(LOG).write_text(json.dumps({"event": "a pin is lost; `beam unpin anna`"}) + "\n")

    def interrupt(_seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr("beam_actors.cli.watching.time.sleep", interrupt)


def test_a_reader_that_has_what_it_wanted_ends_the_command_in_silence(home, capsys):
    output = Output(as_json=True)
    with pytest.raises(SystemExit) as ended, errors_as_exit_codes(output):
        raise BrokenPipeError
    assert ended.value.code == 1
    assert capsys.readouterr().err == ""


def test_an_error_of_this_program_has_its_own_code(capsys):
    with pytest.raises(SystemExit) as ended, errors_as_exit_codes(Output(as_json=True)):
        raise NotAllowed("No.")
    assert ended.value.code == 4
    assert '"code": "not-allowed"' in capsys.readouterr().out
