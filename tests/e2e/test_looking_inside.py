"""What a person sees of a real daemon's inside: its tree while it restarts, its messages, and who held its loop."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from beam_actors.testing.daemons import LOOPBACK, Daemon, daemons, eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


@contextmanager
def command(daemon, *arguments):
    """`beam ARGUMENTS` in the background."""
    process = subprocess.Popen(
        [sys.executable, "-m", "beam_actors", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "BEAM_HOME": str(daemon.home), "PYTHONUNBUFFERED": "1"},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_watched_tree_shows_a_crash_and_outlives_a_restart_of_the_daemon(tmp_path):
    daemon = Daemon(tmp_path / "home", *LOOPBACK, "--chaos")
    with daemons(daemon):
        daemon.start()
        with command(daemon, "tree", "registry", "--watch", "--json", "--interval", "0.2") as watch:

            def seen(holds):
                return next(row for row in map(json.loads, watch.stdout) if holds(row))

            assert seen(lambda row: row["incarnation"] == 1)["exits"] == []
            daemon.beam("crash", "registry")
            (past,) = seen(lambda row: row["incarnation"] == 2)["exits"]
            assert "ChaosCrash" in past["reason"]
            daemon.kill()
            daemon.start()
            assert seen(lambda row: row["incarnation"] == 1)["path"] == "node/core/services/registry"
            watch.send_signal(signal.SIGINT)
            _, said = watch.communicate(timeout=20)
        assert watch.returncode == 0
        assert said.splitlines() == ["The daemon went away; asking again…", "The daemon was restarted."]


def test_a_trace_of_the_whole_daemon_shows_no_secret_and_ends_with_it(tmp_path):
    daemon = Daemon(tmp_path / "home", *LOOPBACK)
    with daemons(daemon):
        daemon.start()
        with command(daemon, "trace", "node", "--subtree", "--json", "--limit", "100000", "--rate", "1000") as trace:
            first = json.loads(trace.stdout.readline())
            assert first["actor"] == "node"
            daemon.beam("register", "byronwade")
            daemon.beam("expose", "3000", "--name", "byronwade")
            daemon.stop()
            out, said = trace.communicate(timeout=30)
        assert trace.returncode == 3
        records = [json.loads(line) for line in out.splitlines() if '"record"' in line]
        assert {"Reserve", "Publish"} <= {record["message"] for record in records}
        assert any("byronwade" in record["shown"] for record in records)
        phrase = (daemon.home / "recovery-phrase.txt").read_text().split()
        words = " ".join(phrase[:3])
        assert words not in out
        assert "\\x" not in out  # no bytes
        assert said.count("\n") == 1


def test_a_trace_ends_at_its_limit(tmp_path):
    daemon = Daemon(tmp_path / "home", *LOOPBACK)
    with daemons(daemon):
        daemon.start()
        with command(daemon, "trace", "registry", "--limit", "3") as trace:
            assert "Tracing node/core/services/registry: 3 records" in trace.stderr.readline()
            for name in ("one-name", "two-names"):
                daemon.beam("register", name)
            out, said = trace.communicate(timeout=30)
        assert (trace.returncode, len(out.splitlines())) == (0, 3)
        assert "The limit of 3 is reached" in said


def test_who_holds_the_loop_is_in_the_log_once_a_minute_each(tmp_path):
    daemon = Daemon(tmp_path / "home", *LOOPBACK)
    daemon.home.mkdir(mode=0o700)
    (daemon.home / "limits.toml").write_text("[control]\nstep_seconds = 0.000001\n")
    with daemons(daemon):
        daemon.start()
        for _ in range(3):
            daemon.beam("status")
        log = daemon.home / "beam.log"

        def lines():
            held = [json.loads(line) for line in log.read_text().splitlines() if "held the loop" in line]
            return held if any(line["path"] == "node/core/services/registry" for line in held) else None

        held = eventually(lines, timeout=20, what="the log says who held the loop")
    paths = [line["path"] for line in held]
    assert len(paths) == len(set(paths))
    assert {line["level"] for line in held} == {"warning"}
