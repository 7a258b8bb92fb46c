"""Each command against a real socket: its text, its JSON, its exit code, and what reached the node."""

import json

import pytest

from beam_actors import __version__
from beam_actors.cli.home import PHRASE
from tests.control.fakes import OTHER

READS = {
    "id": {"peer_id", "addresses"},
    "status": {"peer_id", "peers", "reachability", "tunnels", "names", "dns", "https", "http", "uptime_s"},
    "peers": {"peers"},
    "tunnels": {"tunnels"},
    "forwards": {"forwards"},
    "names": {"names"},
    "names conflicts": {"conflicts"},
    "tree": {"path", "state", "incarnation", "restarts", "last_exit", "mailbox", "children"},
    "ca": {"path"},
    "ping x": {"path", "rtt_ms", "why"},
    "resolve x": {"name", "owner", "peer_id", "source", "age_s", "address"},
}


@pytest.mark.parametrize("command", READS)
def test_json_has_a_schema_and_the_keys_that_scripts_rely_on(daemon, beam, command):
    done = beam(*command.split(), "--json")
    assert done.exit_code == 0
    assert done.json["schema"] == 1
    assert set(done.json) >= READS[command]
    assert "version" not in done.json
    assert done.err == ""


@pytest.mark.parametrize("command", READS)
def test_text_goes_to_stdout_without_colour_in_a_pipe(daemon, beam, command):
    done = beam(*command.split())
    assert done.exit_code == 0
    assert "\x1b" not in done.out + done.err


@pytest.mark.parametrize(
    "command",
    [
        *READS,
        "tree --watch",
        "trace a",
        "crash a/b",
        "unexpose t",
        "unforward f",
        "release n",
        "unpin n",
        f"disconnect {OTHER}",
    ],
)
def test_without_a_daemon_every_command_ends_with_3_and_the_way_out(beam, command):
    done = beam(*command.split())
    assert done.exit_code == 3
    assert done.out == ""
    assert "beam start" in done.err
    assert done.err.count("\n") == 1


def test_the_tree_shows_restarts_and_cannot_steer_the_terminal(daemon, beam):
    done = beam("tree")
    lines = done.out.splitlines()
    assert lines[0].startswith("node · running")
    assert lines[2].startswith("  x · running · 1 restart (incarnation 2) · last exit: crashed: ValueError")
    assert "\x1b" not in done.out


def test_crash_needs_chaos(node, beam):
    assert beam("crash", "node/core").exit_code == 0
    node.chaos = False
    done = beam("crash", "node/core")
    assert done.exit_code == 4
    assert "--chaos" in done.err


def test_ca_prints_the_path_alone(daemon, beam):
    done = beam("ca")
    assert done.out == "/home/x/ca.pem\n"
    assert done.err == ""


def test_stop_waits_until_the_home_is_free(daemon, home, beam):
    done = beam("stop")
    assert (done.exit_code, done.out) == (0, "Stopped.\n")
    assert not home.in_use()


def test_to_stop_what_does_not_run_is_no_error(home, beam):
    done = beam("stop")
    assert (done.exit_code, done.out) == (0, "No daemon was running for this home, so there is nothing to stop.\n")
    assert beam("stop", "--json").json == {"schema": 1, "stopped": True, "was_running": False}


def test_an_unknown_command_names_the_version(beam):
    done = beam("teleport")
    assert done.exit_code == 2
    assert __version__ in done.err
    assert "teleport" in done.err


def test_a_usage_error_in_json(beam):
    done = beam("expose", "3000", "--port", "x", "--json")
    assert done.exit_code == 2
    assert done.json["error"]["code"] == "usage"


def test_help_and_version(beam):
    done = beam("--help")
    assert done.exit_code == 0
    assert "(in full: `beam share 3000`)" in " ".join(done.out.split())
    assert max(map(len, done.out.splitlines())) < 80
    assert "..." not in done.out
    assert beam("3000", "--help").out.startswith("Usage: beam PORT | HOST:PORT [OPTIONS]")
    for command in ("expose", "tree", "start", "phrase"):
        assert command in done.out
    assert beam("--version").out == f"beam {__version__}\n"
    assert beam("expose", "--help").exit_code == 0


def test_phrase(home, beam, monkeypatch):
    none = beam("phrase")
    assert none.exit_code == 6
    assert none.err == "Error: There is no recovery phrase yet: the first `beam start` makes one.\n"
    home.file("keystore").write_bytes(b"sealed")
    kept = beam("phrase")
    assert kept.exit_code == 6
    assert "it was forgotten, or this home was recovered by it, and does not keep it" in kept.err
    path = home.file(PHRASE)
    path.write_text("one two three\n")
    path.chmod(0o600)
    assert beam("phrase").out == "one two three\n"
    assert beam("phrase", "--json").json["phrase"] == "one two three"
    with monkeypatch.context() as patch:
        patch.setattr("beam_actors.cli.daemon_commands.is_terminal", lambda: True)
        assert beam("phrase").out == " 1. one     2. two     3. three\n"
    assert beam("phrase", "--forget").exit_code == 0
    assert not path.exists()
    assert beam("phrase", "--forget").exit_code == 6


@pytest.mark.parametrize(
    ("command", "shown"),
    [("unforward", " FORWARD\n"), ("recover", "--era ERA "), ("logs", "--lines N "), ("trace", "--limit N ")],
)
def test_what_is_to_be_typed_has_a_name_for_people(beam, command, shown):
    assert shown in beam(command, "--help").out


def test_logs_need_no_daemon(home, beam):
    assert "empty" in beam("logs").err
    record = {"timestamp": "2026-01-01T00:00:00Z", "level": "info", "event": "ready", "socket": "/x", "n": 3}
    home.file("beam.log.1").write_text("old\n")
    home.file("beam.log").write_text("\n".join([json.dumps(record)] * 3) + "\nplain \x1b[31m\n")
    assert beam("logs", "-n", "0").err == ""  # which says nothing of the log
    done = beam("logs", "-n", "2")
    assert done.out == "2026-01-01T00:00:00Z info     ready socket=/x n=3\nplain \ufffd[31m\n"
    assert beam("logs").out.startswith("old\n")
    assert json.loads(beam("logs", "--json", "-n", "2").out.splitlines()[0]) == record
