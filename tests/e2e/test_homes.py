"""A home on a bad day: each case gets one clear sentence and a non-zero exit, and nothing is lost."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from beam_actors.testing.daemons import LOOPBACK, Daemon, daemons, eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


def start_once(home, *options):
    """Run `start` in the foreground until it gives up, as a person who made a mistake would."""
    return subprocess.run(
        [sys.executable, "-m", "beam_actors", "start", "--home", str(home), *LOOPBACK, *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=40,
        stdin=subprocess.DEVNULL,
    )


def assert_one_sentence(done, *words):
    assert done.returncode not in {0, -signal.SIGKILL}
    said = done.stderr.strip()
    assert "Traceback" not in said
    assert len(said.splitlines()) <= 3, said
    for word in words:
        assert word.lower() in said.lower(), said


def used_home(tmp_path, *options):
    """A home that a daemon has used and left: its identity."""
    daemon = Daemon(tmp_path / "home", *LOOPBACK, *options)
    with daemons(daemon):
        daemon.start()
        daemon.beam("register", "kept-name")
        identity = daemon.beam("id")
    return daemon, identity


def test_identity_and_names_survive_a_restart_and_a_kill(tmp_path):
    daemon, identity = used_home(tmp_path)
    with daemons(daemon):
        daemon.start()
        daemon.kill()
        daemon.start()
        again = daemon.beam("id")
        assert (again["peer_id"], again["owner"]) == (identity["peer_id"], identity["owner"])
        assert [row["name"] for row in daemon.beam("names")["names"]] == ["kept-name"]


def test_a_second_daemon_on_the_same_home_is_refused(tmp_path):
    daemon = Daemon(tmp_path / "home", *LOOPBACK)
    with daemons(daemon):
        daemon.start()
        assert_one_sentence(start_once(daemon.home), "already")
        daemon.beam("status")


def test_a_very_long_home_path_works(tmp_path):
    daemon = Daemon(tmp_path / ("long-" * 40) / ("path-" * 40) / "home", *LOOPBACK)
    with daemons(daemon):
        assert daemon.start()["peer_id"]


def test_a_start_in_the_background_tells_of_the_phrase_and_of_a_taken_port(tmp_path):
    daemon = Daemon(tmp_path / "home")
    with socket.socket() as holder:
        with suppress(OSError):  # else another program holds it, which will do as well
            holder.bind(("127.0.0.1", 8443))
            holder.listen()
        chosen = ("--listen", "/ip4/127.0.0.1/tcp/0", "--dns", "127.0.0.1:0", "--http", "127.0.0.1:0")
        done = daemon.run("start", "--detach", *chosen, timeout=60)
    try:
        assert done.returncode == 0, done.stderr
        assert "Port 8443 is taken: HTTPS is served at 127.0.0.1:" in done.stderr
        assert str(daemon.home / "recovery-phrase.txt") in done.stderr
        assert done.stderr.count("is taken") == 1
    finally:
        assert daemon.run("stop").returncode == 0


def test_a_start_in_the_foreground_tells_programs_what_it_serves(tmp_path):
    daemon = Daemon(tmp_path / "home", *LOOPBACK, "--json")
    with daemons(daemon):
        status = daemon.start()
        told = eventually(
            lambda: [line for line in daemon.console.splitlines() if line[:1] == "{"], timeout=10, what="it tells"
        )
    assert json.loads(told[0])["https"] == status["https"]


def test_a_damaged_database_is_refused(tmp_path):
    daemon, _ = used_home(tmp_path)
    database = next(daemon.home.glob("*.sqlite*"))
    database.write_bytes(b"this is not a database" * 1000)
    for rest in daemon.home.glob("*-wal"):
        rest.unlink()
    assert_one_sentence(start_once(daemon.home), "database")


def test_a_newer_database_is_refused(tmp_path):
    daemon, _ = used_home(tmp_path)
    database = next(daemon.home.glob("*.sqlite"))
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    assert_one_sentence(start_once(daemon.home), "newer")


def test_a_damaged_keystore_is_refused(tmp_path):
    daemon, _ = used_home(tmp_path)
    keystore = next(path for path in daemon.home.iterdir() if "keystore" in path.name)
    keystore.write_bytes(keystore.read_bytes()[:-5])
    assert_one_sentence(start_once(daemon.home), "keystore")


def test_a_wrong_passphrase_is_refused(tmp_path):
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    for path, text in ((right, "correct horse"), (wrong, "battery staple")):
        path.write_text(text)
        path.chmod(0o600)
    daemon, identity = used_home(tmp_path, "--passphrase-file", str(right))
    done = start_once(daemon.home, "--passphrase-file", str(wrong))
    assert done.returncode == 4
    assert_one_sentence(done, "passphrase")
    with daemons(daemon):
        daemon.start()
        assert daemon.beam("id")["peer_id"] == identity["peer_id"]


def test_a_command_without_a_daemon_says_so(tmp_path):
    done = Daemon(tmp_path / "home").run("peers")
    assert done.returncode == 3
    assert_one_sentence(done, "start")


def test_a_lost_keystore_makes_nobody_new(tmp_path):
    daemon, identity = used_home(tmp_path)
    keystore = daemon.home / "keystore"
    backup = keystore.read_bytes()
    keystore.unlink()
    assert_one_sentence(start_once(daemon.home), "keystore", "missing", "backup", identity["owner"])
    assert not keystore.exists()
    keystore.write_bytes(backup)
    keystore.chmod(0o600)
    with daemons(daemon):
        daemon.start()
        assert daemon.beam("id")["peer_id"] == identity["peer_id"]


def test_a_lost_database_is_told(tmp_path):
    daemon, identity = used_home(tmp_path)
    for file in daemon.home.glob("beam.sqlite*"):
        file.unlink()
    with daemons(daemon):
        daemon.start()
        assert daemon.beam("id")["owner"] == identity["owner"]
        assert "beam.sqlite is new" in daemon.console


def test_a_daemon_whose_home_is_removed_ends_and_makes_room(tmp_path):
    daemon = Daemon(tmp_path / "home", *LOOPBACK)
    with daemons(daemon):
        daemon.start()
        shutil.rmtree(daemon.home)
        assert daemon.process.wait(30) == 1
        assert "home was removed" in daemon.console
        assert "Traceback" not in daemon.console
        daemon.start()


def test_stop_finds_a_daemon_whose_home_is_removed(tmp_path):
    daemon = Daemon(tmp_path / "home", *LOOPBACK)
    with daemons(daemon):
        daemon.start()
        shutil.rmtree(daemon.home)
        assert daemon.run("stop").returncode == 0
        assert daemon.process.wait(0) in {0, 1}


def test_stopped_means_that_the_process_has_ended(tmp_path):
    daemon = Daemon(tmp_path / "home", *LOOPBACK)
    with daemons(daemon):
        daemon.start()
        assert daemon.run("stop").returncode == 0
        assert daemon.process.poll() == 0


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "fifo"])
def test_something_else_in_place_of_the_log_is_named(tmp_path, make):
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    make(home / "beam.log")
    assert_one_sentence(start_once(home), "beam.log", "move it aside")
