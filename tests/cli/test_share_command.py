"""`beam 3000` as a process, since it is about how processes end."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from beam_actors.cli import share_command
from beam_actors.cli.context import App
from beam_actors.cli.home import Home
from beam_actors.cli.output import Output
from beam_actors.errors import ActorUnavailable, TunnelNotFound
from beam_actors.world.polling import poll
from tests.control.fakes import OTHER, PEER


@pytest.fixture
def share(home, daemon):
    """Start `beam ARGUMENTS` as a process."""
    processes = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "beam_actors", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "BEAM_HOME": str(home.path), "PYTHONUNBUFFERED": "1"},
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def offered(node):
    return [row.target for row in node.tunnel_rows.values()]


def assert_soon(probe):
    assert poll(probe, seconds=10)


def test_it_looks_like_the_vision_and_ctrl_c_ends_it(share, home, node, unused):
    process = share(str(unused))
    lines = [process.stdout.readline().rstrip("\n") for _ in range(9)]
    assert lines[0].startswith("⚡ Beam v")
    assert lines[2:6] == [
        "🔗 Tunnel active: swift-beam-7k2m9qxa.local",
        f"🌐 Peer: {PEER}",
        "📊 Status: connected to 1 peer",
        "🔒 Encrypted: end to end (Noise; AES-256-GCM between Beam nodes)",
    ]
    assert lines[7:] == [f"Local:  http://localhost:{unused}", "Global: https://swift-beam-7k2m9qxa.local"]
    assert offered(node) == [f"127.0.0.1:{unused}"]
    assert process.stderr.readline().startswith("Anyone on the network can open this")
    assert process.stderr.readline().startswith("Warning: nothing answers")
    assert f"`beam --home {home.path} status`" in process.stderr.readline()
    assert process.stderr.readline() == "Press Ctrl+C to stop\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "Tunnel closed" in err
    assert_soon(lambda: not offered(node))


def test_what_was_offered_for_good_stays_and_ctrl_c_says_so(share, home, node, beam, unused):
    beam("expose", unused, "--name", "byron")
    process = share(str(unused), "--name", "byron")
    while process.stderr.readline() != "Press Ctrl+C to stop looking; the tunnel stays\n":
        pass
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "Tunnel closed" not in err
    assert f"The tunnel stays: it is offered for good, until `beam --home {home.path} unexpose byron`" in err
    assert offered(node)


def test_sigkill_withdraws_the_tunnel(share, node):
    process = share("localhost:3000", "--name", "byron")
    assert_soon(lambda: offered(node))
    process.kill()
    assert_soon(lambda: not offered(node))


def test_json_is_a_line_per_event(share, node, unused):
    process = share(str(unused), "--json")
    up = json.loads(process.stdout.readline())
    assert (up["schema"], up["event"], up["peer_id"]) == (1, "up", PEER)
    assert up["target_up"] is False
    assert up["tunnel"]["urls"] == ["https://swift-beam-7k2m9qxa.local"]
    assert json.loads(process.stdout.readline())["event"] == "status"


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_it_says_when_others_can_open_the_name(share, node, daemon, unused, options):
    node.unclaimed.add("swift-beam-7k2m9qxa")
    process = share(str(unused), *options)
    if options:
        assert json.loads(process.stdout.readline())["claimed"] is False
    else:
        assert next(line for line in process.stderr if "in some seconds" in line)
    trio.from_thread.run_sync(node.unclaimed.clear, trio_token=daemon.token)
    if options:
        events = map(json.loads, process.stdout)
        claimed = next(event for event in events if event["event"] == "claimed")
        assert (claimed["name"], claimed["told"]) == ("swift-beam-7k2m9qxa.local", 2)
    else:
        said = next(line for line in process.stderr if "is claimed" in line)
        assert said == "The name is claimed: others can open swift-beam-7k2m9qxa.local now (2 peers told).\n"


def test_it_comes_back_after_a_crash_of_the_control_api(share, node, daemon):
    process = share("3000")
    assert_soon(lambda: offered(node))
    before = list(node.tunnel_rows)
    daemon.crash_control()
    assert "asking again" in next(line for line in process.stderr if "again" in line)
    assert_soon(lambda: len([call for call in node.calls if call[0] == "expose"]) == 2)
    assert list(node.tunnel_rows) == before
    back = next(line for line in process.stderr if "back" in line)
    assert back == "The daemon is back, and offers swift-beam-7k2m9qxa.local again.\n"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode == 0


def test_ctrl_c_says_so_when_no_daemon_runs_any_more(share, node, daemon):
    process = share("3000")
    assert_soon(lambda: offered(node))
    assert process.stderr.readline()
    daemon.stop()
    assert "asking again" in next(line for line in process.stderr if "again" in line)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "no daemon runs any more" in err
    assert "goes on" not in err


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_withdrawn_tunnel_ends_it(share, node, daemon, options):
    process = share("3000", *options)
    assert_soon(lambda: offered(node))
    trio.from_thread.run_sync(node.tunnel_rows.clear, trio_token=daemon.token)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 6
    assert "withdrawn" in err
    assert "Traceback" not in err
    assert len([call for call in node.calls if call[0] == "expose"]) == 1


def test_a_refusal_ends_it_at_once(share, node):
    process = share("22", "--port", "22")
    _, err = process.communicate(timeout=10)
    assert process.returncode == 2
    assert "--allow" in err


class Lines(App):
    """An app whose daemon sends these lines."""

    def __init__(self, *lines):
        super().__init__(Home(Path("/x")), Output(as_json=False))
        self._lines = lines

    def lines(self, path, body, *, patience):
        yield from self._lines

    def ask(self, method, path, body=None, *, timeout=40.0):
        raise ActorUnavailable("between two incarnations")


@pytest.mark.parametrize(("rewrites", "out"), [(True, "\r📊 2 peers, 3 open connections\n"), (False, "")])
def test_what_follows_the_status_begins_on_a_line_of_its_own(monkeypatch, capsys, unused, rewrites, out):
    monkeypatch.setattr(share_command, "can_rewrite", lambda: rewrites)
    tunnel = {"urls": [], "name": "x", "target": f"127.0.0.1:{unused}", "kind": "tcp", "port": None, "allow": [OTHER]}
    tunnel["foreground"] = True
    up = {"event": "up", "peer_id": PEER, "peers": 1, "tunnel": {**tunnel, "connections": 0, "urls": ["tcp://x:1"]}}
    seen = {"event": "status", "peers": 2, "tunnel": {**tunnel, "connections": 3}}
    session = share_command._Session(Lines(up, seen, seen, {"event": "ended"}))
    with pytest.raises(TunnelNotFound, match="withdrawn"):
        session.run({})
    session.end_line()
    session.end_line()
    shown = capsys.readouterr()
    assert shown.out.partition("tcp://x:1\n\n")[2] == out
    assert ("3 open connections" in shown.err) is not rewrites
