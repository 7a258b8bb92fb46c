"""`beam trace` as a process, since it is about how it ends, and its lines."""

import json
import os
import signal
import subprocess
import sys

import pytest
import trio

from beam_actors.cli import trace_command
from beam_actors.cli.trace_command import describe
from beam_actors.control import TraceRequest
from beam_actors.runtime import TraceLimits
from beam_actors.world.polling import poll


@pytest.fixture
def start(home, daemon):
    processes = []

    def begin(*arguments, **environment):
        process = subprocess.Popen(
            [sys.executable, "-m", "beam_actors", "trace", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "BEAM_HOME": str(home.path), "PYTHONUNBUFFERED": "1", "TZ": "UTC", **environment},
        )
        processes.append(process)
        assert poll(lambda: daemon.node.feeds or process.poll() is not None, seconds=20)
        return process

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


def act(daemon, function, *arguments, **options):
    trio.from_thread.run_sync(lambda: function(*arguments, **options), trio_token=daemon.token)


def test_records_come_until_the_limit(start, daemon):
    process = start("node/a", "--limit", "2", "--rate", "7/s", "--subtree")
    assert ("trace", TraceRequest(actor="node/a", limit=2, rate=7, subtree=True)) in daemon.node.calls
    (feed,) = daemon.node.feeds
    act(daemon, feed.put)
    assert process.stdout.readline() == "08:00:00.250  Say(text=str[5]) · handled · 0.2 s after waiting 1.0 ms\n"
    act(daemon, feed.put, path="node/a/b", outcome="crashed", detail="ValueError: x\x1b[2J", missed=3)
    feed.missed = 3
    act(daemon, feed.end, "limit")
    out, err = process.communicate(timeout=10)
    assert out.startswith("08:00:00.250  b  Say(text=str[5]) · crashed ValueError: x\ufffd[2J · ")
    assert out.endswith("3 before it left out\n")
    assert err == (
        "Tracing node/a and all below it: 2 records, 7 a second at most. Press Ctrl+C to stop\n"
        "The limit of 2 is reached; --limit raises it. 3 more were left out.\n"
    )
    assert process.returncode == 0
    assert "\x1b" not in out + err


def test_ctrl_c_ends_it_and_the_trace(start, daemon):
    process = start("node/a")
    (feed,) = daemon.node.feeds
    act(daemon, feed.put)
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 0
    assert err.endswith("\n1 record shown.\n")
    assert poll(lambda: feed.closed, seconds=10)


def test_it_ends_with_its_actor(start, daemon):
    process = start("node/a")
    act(daemon, daemon.node.feeds[0].end, "gone")
    _, err = process.communicate(timeout=10)
    assert (process.returncode, err.splitlines()[-1]) == (0, "node/a has ended for good.")


def test_it_ends_with_the_daemon_and_3(start, daemon):
    process = start("node/a")
    daemon.crash_control()
    _, err = process.communicate(timeout=10)
    assert process.returncode == 3
    assert "Traceback" not in err


def test_json_is_a_line_for_each_event(start, daemon):
    process = start("node/a", "--json")
    (feed,) = daemon.node.feeds
    first = json.loads(process.stdout.readline())
    assert (first["schema"], first["event"], first["actor"]) == (1, "tracing", "node/a")
    act(daemon, feed.put)
    record = json.loads(process.stdout.readline())
    assert set(record) >= {
        "event", "time", "path", "incarnation", "kind", "message", "shown", "sender", "asked", "waited_s", "took_s",
        "outcome", "detail", "missed",
    }  # fmt: skip
    act(daemon, feed.end, "limit")
    out, err = process.communicate(timeout=10)
    assert json.loads(out)["why"] == "limit"
    assert err == ""


def test_an_actor_that_is_not_there_is_an_error(daemon, beam):
    done = beam("trace", "nobody")
    assert done.exit_code == 6
    assert done.err.startswith("Error: No actor runs at 'nobody'")


@pytest.mark.parametrize(
    "options",
    ["--limit 0", "--limit 100001", "--rate 0", "--rate 1001/s", "--rate x", "--rate 9999999999", "--rate 1.5"],
)
def test_limits_have_bounds(beam, options):
    assert beam("trace", "a", *options.split()).exit_code == 2


def test_the_bounds_are_the_runtimes():
    most = TraceLimits()
    assert (most.messages, most.rate) == (trace_command._MOST_RECORDS, trace_command._MOST_A_SECOND)


BASE = {
    "time": 0.0, "path": "node/a", "incarnation": 2, "kind": "message", "message": "Say", "shown": "", "sender": None,
    "asked": True, "waited_s": None, "took_s": 0.002, "outcome": "handled", "detail": "", "missed": 0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        ({"outcome": "replied", "detail": "5", "sender": "node/b#1"}, "Say() · from node/b#1 · replied 5 · 2.0 ms"),
        ({"kind": "answer", "outcome": "refused", "detail": "E: x"}, "answer to Say() · refused E: x · 2.0 ms"),
        ({"outcome": "crashed", "detail": "E: one\ntwo"}, "Say() · crashed E: one two · 2.0 ms"),
        ({"outcome": "cut"}, "Say() · cut short · 2.0 ms"),
        ({"kind": "notice", "message": "Down", "shown": "linked=False"}, "Down(linked=False)"),
        ({"kind": "started"}, "started (incarnation 2)"),
        ({"kind": "exited", "detail": "shutdown"}, "ended (incarnation 2): shutdown"),
        ({"outcome": "something newer"}, "Say() · something newer · 2.0 ms"),
    ],
)
def test_what_a_record_says(facts, line):
    assert describe({**BASE, **facts}, "node/a").partition("  ")[2] == line
