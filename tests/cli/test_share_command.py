"""`beam 3000` as a process, since it is about how processes end."""

import json
import os
import signal
import subprocess
import sys

import pytest
import trio

from beam_actors.world.polling import poll
from tests.control.fakes import PEER


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
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
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


def test_it_looks_like_the_vision_and_ctrl_c_ends_it(share, node):
    process = share("3000")
    lines = [process.stdout.readline().rstrip("\n") for _ in range(9)]
    assert lines[0].startswith("⚡ Beam v")
    assert lines[2:6] == [
        "🔗 Tunnel active: swift-beam-7k2m9qxa.local",
        f"🌐 Peer: {PEER}",
        "📊 Status: connected to 1 peer",
        "🔒 Encrypted: end to end (Noise)",
    ]
    assert lines[7:] == ["Local:  http://localhost:3000", "Global: https://swift-beam-7k2m9qxa.local"]
    assert offered(node) == ["127.0.0.1:3000"]
    assert process.stderr.readline().startswith("Anyone on the network can open this")
    assert process.stderr.readline() == "Press Ctrl+C to stop\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "Tunnel closed" in err
    assert_soon(lambda: not offered(node))


def test_sigkill_withdraws_the_tunnel(share, node):
    process = share("localhost:3000", "--name", "byron")
    assert_soon(lambda: offered(node))
    process.kill()
    assert_soon(lambda: not offered(node))


def test_json_is_a_line_per_event(share, node):
    process = share("3000", "--json")
    up = json.loads(process.stdout.readline())
    assert (up["schema"], up["event"], up["peer_id"]) == (1, "up", PEER)
    assert up["tunnel"]["urls"] == ["https://swift-beam-7k2m9qxa.local"]
    assert json.loads(process.stdout.readline())["event"] == "status"


def test_it_comes_back_after_a_crash_of_the_control_api(share, node, daemon):
    process = share("3000")
    assert_soon(lambda: offered(node))
    before = list(node.tunnel_rows)
    daemon.crash_control()
    assert "asking again" in next(line for line in process.stderr if "again" in line)
    assert_soon(lambda: len([call for call in node.calls if call[0] == "expose"]) == 2)
    assert list(node.tunnel_rows) == before
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode == 0


def test_a_withdrawn_tunnel_ends_it(share, node, daemon):
    process = share("3000")
    assert_soon(lambda: offered(node))
    trio.from_thread.run_sync(node.tunnel_rows.clear, trio_token=daemon.token)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 1
    assert "withdrawn" in err
    assert "Traceback" not in err


def test_a_refusal_ends_it_at_once(share, node):
    process = share("22", "--port", "22")
    _, err = process.communicate(timeout=10)
    assert process.returncode == 2
    assert "--allow" in err
