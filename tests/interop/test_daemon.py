"""A whole daemon, met by foreign peers: each dials the other, pings over its session, and goes through a tunnel."""

import json
import os
import socketserver
import subprocess
import threading

import pytest

from beam_actors.testing.daemons import LOOPBACK, Daemon, daemons
from beam_actors.tunnels.protocol import PROTOCOL, Request, Status, decode_answer, encode_request
from beam_actors.values import PeerId
from tests.interop.driver import PING
from tests.interop.go_peer import read_delimited, read_exactly

pytestmark = pytest.mark.e2e


@pytest.fixture
def daemon(tmp_path):
    one = Daemon(tmp_path / "beam", *LOOPBACK)
    with daemons(one):
        one.start()
        yield one


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(1 << 16):
            self.request.sendall(data)


@pytest.fixture
def echo_app():
    """The port of a local program that sends back what it gets."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def state(daemon, peer):
    return next((row["state"] for row in daemon.beam("peers")["peers"] if row["peer_id"] == str(peer)), None)


def test_a_daemon_dials_go(go, daemon):
    daemon.beam("connect", go.multiaddr)
    assert state(daemon, go.peer) == "up"
    pong = daemon.beam("ping", str(go.peer))
    assert pong["path"] == "direct"
    assert pong["rtt_ms"] >= 0


def test_go_dials_a_daemon(go, daemon):
    identity = daemon.beam("id")
    go.connect(identity["addresses"][0])
    with go.open(PeerId.parse(identity["peer_id"]), PING) as stream:
        for _ in range(3):
            ping = os.urandom(32)
            stream.sendall(ping)
            assert read_exactly(stream, 32) == ping
    assert state(daemon, go.peer) == "up"


def test_a_daemon_dials_py(py, daemon):
    daemon.beam("connect", py)
    peer = py.rpartition("/")[2]
    assert state(daemon, peer) == "up"
    assert daemon.beam("ping", peer)["rtt_ms"] >= 0


def test_py_dials_a_daemon(py_command, daemon):
    address = daemon.beam("id")["addresses"][0]
    done = subprocess.run([*py_command, "ping", address], capture_output=True, text=True, check=False, timeout=40)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout) == {"ping": 3}


def test_go_goes_through_a_tunnel_of_a_daemon(go, daemon, echo_app):
    daemon.beam("expose", str(echo_app), "--port", "9000", "--allow", str(go.peer))
    identity = daemon.beam("id")
    go.connect(identity["addresses"][0])
    data = os.urandom(1_000_000)
    with go.open(PeerId.parse(identity["peer_id"]), PROTOCOL) as stream:
        stream.sendall(encode_request(Request(name=None, port=9000)))
        assert decode_answer(read_delimited(stream)).status is Status.OK
        sender = threading.Thread(target=stream.sendall, args=(data,))
        sender.start()
        assert read_exactly(stream, len(data)) == data
        sender.join()
    with go.open(PeerId.parse(identity["peer_id"]), PROTOCOL) as stream:
        stream.sendall(encode_request(Request(name=None, port=9001)))
        assert decode_answer(read_delimited(stream)).status is Status.NOT_FOUND
