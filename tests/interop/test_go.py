import os

from beam_actors.wire import CHACHA, PeerIdentified, PongReceived, StreamRefused, StreamReset
from tests.interop.driver import ECHO, PING, dial
from tests.interop.go_peer import read_exactly

SIZE = 3_000_000


def test_we_dial_go(go, key):
    driver = dial(go.multiaddr, key)
    assert driver.session.peer == go.peer
    assert driver.session.suite is CHACHA
    info = driver.wait(PeerIdentified).info
    assert info.agent == "p2pd/0.1"
    assert ECHO in info.protocols
    assert info.observed is not None
    driver.session.ping(7)
    assert driver.wait(PongReceived).opaque == 7
    ping = os.urandom(32)
    assert driver.exchange(driver.session.open(PING), ping) == ping
    data = os.urandom(SIZE)
    assert driver.echo(data) == data
    driver.close()


def test_go_refuses_a_protocol_that_it_does_not_serve(go, key):
    driver = dial(go.multiaddr, key)
    stream = driver.session.open("/beam/nothing/1")
    driver.wait((StreamRefused, StreamReset), stream=stream)
    data = os.urandom(1000)
    assert driver.echo(data) == data
    driver.close()


def test_many_streams_at_once(go, key):
    driver = dial(go.multiaddr, key)
    streams = {driver.session.open(ECHO): os.urandom(1000) for _ in range(300)}
    for stream, data in streams.items():
        assert driver.exchange(stream, data) == data
    driver.close()


def test_go_dials_us(go, server):
    go.connect(server.multiaddr)
    with go.open(server.key.peer_id, PING) as stream:
        ping = os.urandom(32)
        stream.sendall(ping)
        assert read_exactly(stream, 32) == ping
    data = os.urandom(200_000)
    with go.open(server.key.peer_id, ECHO) as stream:
        for _ in range(10):
            stream.sendall(data)
            assert read_exactly(stream, len(data)) == data
    assert server.drivers[0].session.peer == go.peer
    assert server.drivers[0].session.suite is CHACHA
