"""`beam tree` and its `--watch`, on a pipe and on a terminal (a real one, for what is redrawn)."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios

import attrs
import pytest

from beam_actors.cli import output, tree_command
from beam_actors.cli.home import POINTER
from beam_actors.control import DeadRow
from beam_actors.errors import ActorUnavailable, TimedOut
from tests.cli.conftest import FakeDaemon

DEAD = DeadRow(
    path="node/core/y", kind="Y", incarnation=3, reason="crashed; ValueError: x\x1b[2J", ago_s=4.0, last_messages=("A",)
)


def test_the_tree_on_a_terminal_is_drawn(daemon, node, beam, monkeypatch):
    node.dead_rows = (DEAD,)
    monkeypatch.setattr(tree_command, "is_terminal", lambda: True)
    monkeypatch.setattr(output, "is_terminal", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "60")
    narrow = beam("tree").out
    assert max(map(len, narrow.splitlines())) <= 60
    assert "boom\ufffd[31m" in narrow
    assert "last\n" in narrow or "messages A" in narrow  # wrapped, not cut off
    monkeypatch.setenv("COLUMNS", "200")
    done = beam("tree")
    assert "├── control · running" in done.out
    assert "└── x · running · 1 restart (incarnation 2)" in done.out
    assert done.out.rstrip().endswith(
        "recently dead\n└── node/core/y · crashed; ValueError: x\ufffd[2J · 4 s ago · last messages A"
    )


def test_a_pipe_gets_it_whole_and_plain(daemon, node, beam):
    node.dead_rows = (DEAD,)
    lines = beam("tree").out.splitlines()
    assert lines[1].startswith("  control · running")
    assert lines[3:] == ["recently dead", "  node/core/y · crashed; ValueError: x\ufffd[2J · 4 s ago · last messages A"]
    answer = beam("tree", "--json").json
    assert answer["dead"] == [{**attrs.asdict(DEAD), "last_messages": ["A"]}]


def test_a_part_of_it(daemon, node, beam):
    assert beam("tree", "x").out.startswith("x · running · 1 restart")
    assert beam("tree", "control", "--json").json["path"] == "node/control"
    done = beam("tree", "nobody")
    assert done.exit_code == 6
    assert "`beam tree` lists them" in done.err


def looks(monkeypatch, *between):
    """Let each pause of a watch do the next of these, and the one after them be Ctrl-C."""
    waiting = iter(between)

    def pause(seconds):
        act = next(waiting, None)
        if act is None:
            raise KeyboardInterrupt
        act()

    monkeypatch.setattr(tree_command, "pause", pause)


def nothing():
    pass


def test_watching_a_pipe_prints_it_again_until_ctrl_c(daemon, beam, monkeypatch):
    looks(monkeypatch, nothing)
    done = beam("tree", "--watch")
    assert done.exit_code == 0
    assert done.out.count("node · running") == 2
    assert "\x1b" not in done.out
    looks(monkeypatch, nothing)
    done = beam("tree", "--watch", "--json")
    assert [json.loads(line)["path"] for line in done.out.splitlines()] == ["node", "node"]
    assert done.err == ""


@pytest.mark.parametrize("failure", [ActorUnavailable("starting"), TimedOut("busy")])
def test_a_daemon_that_is_away_for_a_moment_is_waited_for(daemon, node, beam, monkeypatch, failure):
    if isinstance(failure, TimedOut):
        failing = iter([None, failure])
        ask = tree_command.App.ask

        def ask_or_fail(app, *arguments, **options):
            error = next(failing, None)
            if error is not None:
                raise error
            return ask(app, *arguments, **options)

        monkeypatch.setattr(tree_command.App, "ask", ask_or_fail)
        looks(monkeypatch, nothing, nothing)
    else:
        looks(monkeypatch, lambda: setattr(node, "failure", failure), lambda: setattr(node, "failure", None))
    done = beam("tree", "--watch")
    assert done.exit_code == 0
    assert done.out.count("node · running") == 2
    assert done.err == "The daemon went away; asking again…\n"


def test_a_daemon_that_stays_away_ends_it_with_3(daemon, home, node, beam, monkeypatch):
    pauses = []
    looks(monkeypatch, lambda: home.file(POINTER).unlink(), *[lambda: pauses.append(1)] * 20)
    done = beam("tree", "--watch")
    assert done.exit_code == 3
    assert "did not come back within 10 seconds" in done.err
    assert len(pauses) == 10


def test_an_error_that_is_no_absence_ends_it_at_once(daemon, node, beam, monkeypatch):
    looks(monkeypatch, lambda: setattr(node, "failure", ZeroDivisionError()))
    done = beam("tree", "--watch")
    assert done.exit_code == 1
    assert "ZeroDivisionError" in done.err


def test_without_a_daemon_watching_ends_at_once(beam, monkeypatch):
    looks(monkeypatch)
    assert beam("tree", "--watch").exit_code == 3


@pytest.mark.parametrize("interval", ["0", "0.01", "x", "100000"])
def test_an_interval_has_bounds(beam, interval):
    assert beam("tree", "--watch", "--interval", interval).exit_code == 2


class Terminal:
    """`beam ARGUMENTS` on a pseudo-terminal of that size."""

    def __init__(self, *arguments, lines=12, columns=50, **environment):
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", lines, columns, 0, 0))
        unset = {"NO_COLOR", "COLUMNS", "LINES"} - set(environment)
        env = {key: value for key, value in os.environ.items() if key not in unset}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "beam_actors", *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**env, "TERM": "xterm-256color", **environment},
            start_new_session=True,
        )
        os.close(theirs)
        self.seen = ""

    def until(self, text):
        while text not in self.seen:
            self.seen += os.read(self._ours, 65536).decode()

    def end(self, number=signal.SIGINT):
        self.process.send_signal(number)
        while True:  # else it would wait for a reader
            try:
                data = os.read(self._ours, 65536)
            except OSError:  # Linux: nobody has the other end any more
                break
            if not data:
                break
            self.seen += data.decode()
        os.close(self._ours)
        return self.process.wait(10)


def test_on_a_terminal_it_is_redrawn_in_place_and_ctrl_c_ends_it(daemon, home, node):
    terminal = Terminal("tree", "--watch", "--interval", "0.1", BEAM_HOME=str(home.path))
    terminal.until("every 0.1 s")
    node.dead_rows = (DEAD,)
    terminal.until("recently dead")
    assert terminal.end() == 0
    assert "\x1b[2K" in terminal.seen  # lines are written over
    assert "\x1b[32m" in terminal.seen
    assert "\x1b[2J" not in terminal.seen
    assert terminal.seen.count("\x1b[?25l") == terminal.seen.count("\x1b[?25h") == 1  # the cursor is back
    assert "Traceback" not in terminal.seen


def test_a_long_tree_is_cut_to_the_terminal(daemon, home, node):
    leaf = node_row(daemon, "control")
    wide = tuple(attrs.evolve(leaf, path=f"node/pool/{n}", kind="x" * 100) for n in range(500))
    trouble = attrs.evolve(leaf, path="node/pool/trouble", state="waiting", last_exit="crashed; " + "long " * 50)
    pool = attrs.evolve(leaf, path="node/pool", children=(*wide, trouble))
    root = attrs.evolve(leaf, path="node", children=(pool, leaf))
    node.root = root
    terminal = Terminal("tree", "--watch", "--interval", "0.1", NO_COLOR="1", BEAM_HOME=str(home.path))
    terminal.until("more")
    assert terminal.end() == 0
    frame = re.split(r"\x1b\[[0-9;?]*[A-Za-z]|\r", terminal.seen.rpartition("504 actors")[2])
    lines = [line for line in "".join(frame).splitlines() if line]
    assert 8 <= len(lines) <= 11
    assert max(map(len, lines)) <= 50
    assert any("trouble · waiting" in line and line.endswith("…") for line in lines)
    assert re.search(r"… 49\d more", terminal.seen)
    assert "\x1b[3" not in terminal.seen


def test_a_restart_of_the_daemon_is_said(home):
    first = FakeDaemon(home)
    first.start()
    terminal = Terminal("tree", "--watch", "--interval", "0.1", columns=100, BEAM_HOME=str(home.path))
    terminal.until("every 0.1 s")
    first.stop()
    terminal.until("The daemon went away")
    second = FakeDaemon(home)
    second.start()
    terminal.seen = ""
    terminal.until("every 0.1 s")
    assert terminal.end() == 0
    second.stop()


def node_row(daemon, name):
    import trio  # noqa: PLC0415 (in the daemon's thread)

    tree = trio.from_thread.run(daemon.node.tree, trio_token=daemon.token)
    return next(child for child in tree.root.children if child.path.endswith(name))
