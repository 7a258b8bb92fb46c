"""`beam 3000` as a process, since it is about how processes end."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import attrs
import pytest
import trio

from beam_actors.cli import share_command
from beam_actors.cli.context import App
from beam_actors.cli.home import Home
from beam_actors.cli.output import Output
from beam_actors.control import NameEvent
from beam_actors.errors import ActorUnavailable, TunnelNotFound
from beam_actors.values import OwnerId
from beam_actors.world.polling import poll
from tests.control.fakes import OTHER, OWNER, PEER

OTHER_OWNER = str(OwnerId(bytes(31) + b"\x01"))


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


def test_what_another_one_holds_too_is_not_said_to_be_closed(share, node, unused):
    one = share(str(unused), "--json")
    assert json.loads(one.stdout.readline())["holders"] == 1
    other = share(str(unused))
    while other.stderr.readline() != "Press Ctrl+C to stop\n":
        pass
    other.send_signal(signal.SIGINT)
    _, err = other.communicate(timeout=10)
    assert other.returncode == 0
    assert "The tunnel stays open: another command on this machine offers it, too." in err
    assert "Tunnel closed" not in err
    assert offered(node)
    assert next(line for line in map(json.loads, one.stdout) if line["holders"] == 1)
    one.send_signal(signal.SIGINT)
    _, err = one.communicate(timeout=10)
    assert "Tunnel closed. Its name stays yours" in err
    assert_soon(lambda: not offered(node))


def test_of_two_that_end_at_once_neither_says_that_the_other_goes_on(share, node, unused):
    one = share(str(unused), "--json")
    assert json.loads(one.stdout.readline())["event"] == "up"
    other = share(str(unused), "--json")
    assert json.loads(other.stdout.readline())["holders"] == 2
    assert next(line for line in map(json.loads, one.stdout) if line["holders"] == 2)
    for process in (one, other):
        process.send_signal(signal.SIGINT)
    for process in (one, other):
        assert "Tunnel closed" in process.communicate(timeout=10)[1]


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
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert json.loads(out.splitlines()[-1]) == {"schema": 1, "event": "ended"}


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


def change_tunnel(daemon, **changes):
    """What the node says of its tunnel from now on."""

    def change():
        rows = daemon.node.tunnel_rows
        rows.update({key: attrs.evolve(row, **changes) for key, row in rows.items()})

    trio.from_thread.run_sync(change, trio_token=daemon.token)


def lost(what, number=1):
    return NameEvent(
        number=number, at=1e9, what=what, name="byron.local", owner=OWNER, relation="own",
        heir=OTHER_OWNER if what == "transferred" else None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("released", "was given up with your key. It is not yours any more, so nobody comes by it; `beam --home "),
        ("transferred", f"was handed over with your key, to {OTHER_OWNER}. It is not yours any more, so nobody comes"),
        ("contested", "went. It is not yours any more, so nobody comes by it.\n"),
    ],
)
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_name_that_goes_is_told_when_it_goes_and_at_the_end(share, node, daemon, options, what, said):
    process = share("3000", "--name", "byron", *options)
    assert_soon(lambda: offered(node))
    node.name_events = [lost("revoked"), lost(what, 2)] if what != "contested" else [lost(what)]
    change_tunnel(daemon, yours=False)
    told = next(line for line in process.stderr if "yours any more" in line)
    assert told.startswith(f"byron.local {said}")
    assert (what == "released") is told.endswith("register byron` takes it back.\n")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "Tunnel closed. Its name is not yours any more, and the daemon goes on" in err
    assert "stays yours" not in err


def test_a_key_that_was_replaced_elsewhere_is_told_once_and_at_the_end(share, home, node, daemon):
    process = share("3000", "--name", "byron")
    assert_soon(lambda: offered(node))
    assert next(line for line in process.stderr if "Press" in line)
    change_tunnel(daemon, connections=1, yours=False, replaced_by_era=1)
    told = next(line for line in process.stderr if "replaced" in line)
    assert told.startswith(
        "byron.local is claimed by this machine no more. The owner's key on this machine was replaced"
    )
    assert f"`beam --home {home.path} recover --era 1`" in told
    change_tunnel(daemon, connections=2, yours=True, replaced_by_era=None)  # as is said while the registry restarts
    asked = len(node.calls)
    assert_soon(lambda: any(call[0] == "tunnels" for call in node.calls[asked + 5 :]))
    change_tunnel(daemon, connections=3, yours=False, replaced_by_era=1)
    asked = len(node.calls)
    assert_soon(lambda: any(call[0] == "tunnels" for call in node.calls[asked + 5 :]))
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "is claimed by this machine no more" not in err
    assert "yours any more" not in err
    assert "Tunnel closed, and the daemon goes on (`beam " in err
    assert "was replaced by one of era 1" in err
    assert "stays yours" not in err


def test_a_name_that_comes_back_is_told_once_it_is_certain(share, node, daemon):
    process = share("3000", "--name", "byron")
    assert_soon(lambda: offered(node))
    change_tunnel(daemon, yours=False)
    assert next(line for line in process.stderr if "yours any more" in line)
    change_tunnel(daemon, yours=True)  # as is said while the registry restarts, too
    asked = len(node.calls)
    assert_soon(lambda: ("names",) in node.calls[asked:])
    node.owned.add("byron")
    assert next(process.stderr) == "byron.local is yours again, and leads here.\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert "Its name stays yours" in err


def test_what_was_offered_for_good_under_a_name_that_went_says_both(share, node, daemon, beam, unused):
    beam("expose", unused, "--name", "byron")
    process = share(str(unused), "--name", "byron")
    assert next(line for line in process.stderr if "stop looking" in line)
    change_tunnel(daemon, yours=False)
    assert next(line for line in process.stderr if "yours any more" in line)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert "The tunnel stays, though its name is not yours any more: it is offered for good" in err


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
    tunnel |= {"foreground": True, "yours": True}
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
