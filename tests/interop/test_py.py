import json
import os
import subprocess

from beam_actors.wire import CHACHA, PeerIdentified, StreamRefused, StreamReset
from tests.interop.driver import PING, dial

SIZE = 1_000_000


def test_we_dial_py(py, key):
    driver = dial(py, key)
    assert driver.session.suite is CHACHA
    assert driver.wait(PeerIdentified).info.agent.startswith("py-libp2p/")
    ping = os.urandom(32)
    assert driver.exchange(driver.session.open(PING), ping) == ping
    data = os.urandom(SIZE)
    assert driver.echo(data) == data
    driver.close()


def test_py_refuses_a_protocol_that_it_does_not_serve(py, key):
    driver = dial(py, key)
    stream = driver.session.open("/beam/nothing/1")
    driver.wait((StreamRefused, StreamReset), stream=stream)
    data = os.urandom(1000)
    assert driver.echo(data) == data
    driver.close()


def test_py_dials_us(py_command, server):
    run = subprocess.run(
        [*py_command, "dial", server.multiaddr], capture_output=True, text=True, timeout=50, check=False
    )
    assert [json.loads(line) for line in run.stdout.splitlines()] == [{"ping": 3}, {"echo": True}], run.stderr[-2000:]
    assert server.drivers[0].session.suite is CHACHA
