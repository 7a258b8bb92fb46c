"""Foreign peers for the tests of this folder. Without the lab they skip, and say how to install it."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from beam_actors.identity import PeerKey
from tests.interop.driver import ECHO, Server
from tests.interop.go_peer import GoPeer

LAB = Path(os.environ.get("BEAM_LAB", Path(__file__).parents[2] / ".lab"))
HOW = "THE INTEROP LAB IS NOT INSTALLED ({}): run `python tests/interop/install_lab.py`"


@pytest.fixture
def key():
    return PeerKey.from_seed(os.urandom(32))


@pytest.fixture
def server(key):
    server = Server(key)
    yield server
    server.close()


@pytest.fixture(scope="module")
def go():
    binary = LAB / "p2pd"
    if not binary.exists():
        pytest.skip(HOW.format("go: p2pd"))
    peer = GoPeer(binary)
    peer.serve_echo(ECHO)
    yield peer
    peer.close()


@pytest.fixture(scope="session")
def py_command():
    if not (LAB / "py/installed").exists():
        pytest.skip(HOW.format("py: libp2p"))
    return [str(LAB / "py/bin/python"), str(Path(__file__).with_name("py_peer.py"))]


@pytest.fixture(scope="module")
def py(py_command):
    process = subprocess.Popen([*py_command, "listen"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield json.loads(process.stdout.readline())["address"]
    process.stdin.close()
    process.wait(10)
    process.stdout.close()
