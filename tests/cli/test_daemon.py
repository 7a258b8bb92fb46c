import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from beam_actors.cli import daemon as starting
from beam_actors.cli.daemon import DaemonFailed, Words, ensure_daemon, is_running, start_detached, wait_until_gone
from beam_actors.cli.home import POINTER
from beam_actors.errors import TimedOut
from beam_actors.world.home_lock import HomeLock
from beam_actors.world.polling import poll

SECRET = "correct horse battery staple"


@pytest.fixture
def program(monkeypatch):
    """Choose what a started program does."""
    monkeypatch.setattr(starting, "COMMAND", (sys.executable, str(Path(__file__).parent / "fake_program.py")))

    def choose(behaviour):
        monkeypatch.setenv("FAKE_PROGRAM", behaviour)

    return choose


@pytest.fixture
def said():
    return []


@pytest.fixture
def stopping(home, beam):
    yield
    assert beam("stop").exit_code == 0


def test_a_daemon_is_started_and_found_ready(home, program, said, stopping):
    program("serves")
    pid = start_detached(home, ("--network", "test"), said.append)
    assert is_running(home)
    assert os.getsid(pid) == pid
    arguments = json.loads(home.file("arguments").read_text())
    assert arguments[:-1] == ["start", "--home", str(home.path), "--json", "--network", "test", "--console-fd"]


def test_the_console_has_what_was_said_before_and_after_it_was_ready(home, program, said, stopping):
    program("serves")
    start_detached(home, (), said.append)
    console = home.file("console.log")
    assert poll(lambda: "And something later." in console.read_text(), seconds=10)
    assert "Port 8443 is taken.\n" in console.read_text()
    assert console.stat().st_mode & 0o777 == 0o600


def test_a_folder_in_place_of_the_console_is_one_sentence(home, program, beam):
    program("serves")
    home.file("console.log").mkdir()
    done = beam("start", "--detach")
    assert done.exit_code == 1
    assert re.search(r"^Error: .*console\.log, .*move what is there aside", done.err)
    assert not is_running(home)


def test_a_link_in_place_of_the_console_is_replaced(home, program, said, stopping, tmp_path):
    program("serves")
    (tmp_path / "precious").write_text("precious")
    home.file("console.log").symlink_to(tmp_path / "precious")
    start_detached(home, (), said.append)
    assert (tmp_path / "precious").read_text() == "precious"


def test_words_are_heard_when_the_disk_is_full():
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        with Words(full, "beam --home /x") as words:
            os.write(words.writer, b"Noise.\nError: The disk is full; see `beam --home /x logs`.\n")
            words.hear()
            assert words.last() == "The disk is full; see `beam logs`."
            words.close_writer()
            words.hear()
            assert len(words.lines()) == 2
    finally:
        os.close(full)


def test_one_that_runs_is_left_alone(home, program, said, stopping):
    program("serves")
    checked = []
    for started in (True, False):
        assert ensure_daemon(home, said.append, check=lambda: checked.append("checked")) is started
    assert checked == ["checked"]


def test_a_passphrase_is_in_no_argument_and_no_file_of_ours(home, program, said, stopping):
    program("serves")
    start_detached(home, (), said.append, SECRET)
    assert home.file("secret").read_text() == SECRET
    assert SECRET not in home.file("arguments").read_text()
    assert SECRET not in home.file("console.log").read_text()


def test_what_a_new_daemon_says_of_its_start_is_passed_on(home, program, beam, stopping):
    program("serves")
    done = beam("start", "--detach")
    assert done.err.removeprefix("Starting the daemon…\n") == "Port 8443 is taken.\nA recovery phrase is in a file.\n"
    assert done.out.startswith("⚡ Beam runs in the background (process ")


BAD_REQUESTS = {
    "99999": "1 to 65535",
    "foo:bar": "HOST:PORT",
    "foo:80": "localhost or the IP address",
    "3000 --name -x": "not a name",
    "3000 --contest": "--name NAME",
    "22 --port 22": "--allow everyone",
    "3000 --allow nobody": "peer",
    "register x.y.z.local": "not a name|neither NAME",
}


@pytest.mark.parametrize("command", BAD_REQUESTS)
@pytest.mark.parametrize("prefix", ["", "expose "])
def test_a_request_that_is_refused_by_its_looks_starts_nothing(home, beam, command, prefix):
    done = beam(*(command if command.startswith("register") else prefix + command).split())
    assert done.exit_code == 2
    assert re.search(BAD_REQUESTS[command], done.err)
    assert not home.file("console.log").exists()


def test_expose_starts_a_daemon(home, program, beam, stopping):
    program("serves")
    done = beam("expose", "3000", "--name", "byron")
    assert done.exit_code == 0
    assert "byron.local" in done.out


def test_start_detach_tells_the_process_and_the_peer(home, program, beam, stopping):
    program("serves")
    done = beam("start", "--detach", "--json")
    assert done.exit_code == 0
    assert {"schema", "pid", "peer_id"} <= set(done.json)
    again = beam("start", "--detach")
    assert again.exit_code == 4
    assert "already" in again.err


def test_why_it_failed_is_said_with_its_exit_code(home, program, beam):
    program("fails")
    done = beam("start", "--detach")
    assert done.exit_code == 4
    assert done.err.endswith("Error: The keystore is damaged.\n")
    assert "noise" not in done.err
    for command in (("3000",), ("start", "--detach")):
        error = beam(*command, "--json").json["error"]
        assert error == {"code": "wrong-passphrase", "message": "The keystore is damaged.", "exit_code": 4}


def test_one_that_names_no_code_has_one_of_its_exit_code(home, program, beam):
    program("fails briefly")
    error = beam("start", "--detach", "--json").json["error"]
    assert error == {"code": "not-allowed", "message": "No.", "exit_code": 4}


def test_one_that_ends_without_a_word(home, program, said):
    program("silent")
    with pytest.raises(DaemonFailed, match="without a word"):
        start_detached(home, (), said.append)


def test_one_that_is_never_ready(home, program, said, monkeypatch):
    program("hangs")
    monkeypatch.setattr(starting, "START_SECONDS", 1.0)
    monkeypatch.setattr(starting, "_PROGRESS_AFTER", 0.05)
    with pytest.raises(TimedOut, match="beam logs"):
        start_detached(home, (), said.append)
    pid = home.file("pid")
    assert poll(lambda: pid.exists() and pid.read_text() != "", seconds=10)
    os.kill(int(pid.read_text()), signal.SIGKILL)
    assert said == ["Starting the daemon…"]


def test_waiting_for_the_end(home):
    wait_until_gone(home, 0)
    with HomeLock(home.path), pytest.raises(TimedOut):
        wait_until_gone(home, 0)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        with pytest.raises(TimedOut):
            wait_until_gone(home, 0, {child.pid})
        child.stdin.close()
        wait_until_gone(home, 30, {child.pid})
    wait_until_gone(home, 0, {child.pid, os.getpid()})


def test_a_daemon_whose_home_was_removed_is_stopped_all_the_same(home, daemon, beam):
    path = Path(home.choose_socket(os.environ))
    path.unlink(missing_ok=True)  # of a run that was killed, whose folder had the same name
    path.symlink_to(home.socket_path())  # where a daemon's own would be
    for name in (POINTER, "lock"):
        home.file(name).unlink()
    assert beam("status").exit_code == 3
    done = beam("stop")
    assert (done.exit_code, done.out) == (0, "Stopped.\n")
    assert daemon.node.stopped
    daemon.join()
    assert beam("stop").out.startswith("No daemon was running")


@pytest.mark.parametrize("options", [["--dns", "0.0.0.0:53"], ["--listen", "x"], ["--passphrase-file", "/nonexistent"]])
def test_bad_options_start_nothing(home, beam, options):
    done = beam("start", "--detach", *options)
    assert done.exit_code == 2
    assert not home.file("console.log").exists()
