"""Machines that lose power, move between networks, and share what addresses and ports there are."""

import pytest
import trio

from beam_actors.errors import ConnectionLost, ResourceExhausted, Unreachable
from beam_actors.testing.network import Conditions, VirtualNetwork
from beam_actors.values import TcpAddress
from tests.testing.network.rig import READ, WRITE, Machine, broken, connect, pair, read, simulate, simulated


@simulated
async def test_a_machine_that_moves_leaves_its_connections_silent_at_both_ends():
    _network, a, b = pair(patience=60.0)
    dialled, accepted = await a.connect(b)
    a.host.move(["10.7.7.7"])
    dialled.send(b"from an address that is not mine")
    accepted.send(b"to an address that nobody has")
    assert isinstance(await broken(a.driver, dialled), ConnectionLost)
    assert isinstance(await broken(b.driver, accepted), ConnectionLost)
    assert trio.current_time() == pytest.approx(60.0, abs=0.1)


@simulated
async def test_a_machine_that_comes_back_in_time_goes_on():
    _network, a, b = pair(patience=60.0)
    dialled, accepted = await a.connect(b)
    a.host.move(["10.7.7.7"])
    dialled.send(b"held")
    accepted.send(b"held, too")
    await trio.sleep(20)
    a.host.move(["10.0.0.1", "10.7.7.7"])
    assert await read(b.driver, accepted) == b"held"
    assert await read(a.driver, dialled) == b"held, too"


@simulated
async def test_a_machine_that_moved_listens_and_dials_at_its_new_address():
    network, a, b = pair(patience=20.0)
    listener = b.driver.listen(TcpAddress("0.0.0.0", 4000))
    bound = b.driver.listen(TcpAddress("10.0.0.2", 4001))
    b.host.move(["10.0.0.22"])
    assert b.host.addresses == ("10.0.0.22",)
    _dialled, accepted = await connect(a, listener, b, TcpAddress("10.0.0.22", 4000))
    assert accepted.local.ip == "10.0.0.22"
    dialled = b.driver.dial(TcpAddress("10.0.0.1", 1))
    assert dialled.local.ip == "10.0.0.22"
    assert isinstance(await broken(a.driver, a.driver.dial(TcpAddress("10.0.0.2", 4000))), Unreachable)
    other = Machine(network, "c", ["10.0.0.2"])  # the address is free for another
    _dialled, accepted = await a.connect(other)
    assert accepted.local.ip == "10.0.0.2"
    assert bound.accept() is None


@simulated
async def test_a_machine_moves_behind_a_box_and_out_again():
    network, a, b = pair()
    box = network.nat("home", "198.51.100.1", region="europe")
    listener = b.driver.listen(b.at(4000), backlog=9)
    a.host.move(["192.168.0.2"], behind=box)
    assert a.host.region == "europe"
    dialled = a.driver.dial(listener.local)
    await a.until(dialled, WRITE)
    await b.until(listener, READ)
    accepted = listener.accept()
    assert accepted.remote.ip == "198.51.100.1"
    a.host.move(["192.168.0.2"])  # the same private address on the internet is another place
    dialled.send(b"lost")
    accepted.want(read=True, write=False)
    assert await b.driver.wait(trio.current_time() + 50) == []
    a.host.move(["192.168.0.2"], behind=box)
    assert await read(b.driver, accepted) == b"lost"


@simulated
async def test_a_dial_under_way_when_the_machine_moves_is_never_answered():
    _network, a, b = pair(conditions=Conditions(latency=1.0), patience=30.0)
    b.driver.listen(b.at(4000))
    dialled = a.driver.dial(b.at(4000))
    a.host.move(["10.7.7.7"])
    assert isinstance(await broken(a.driver, dialled), Unreachable)


@simulated
async def test_packets_to_a_machine_that_left_are_lost_though_another_took_its_address():
    network, a, b = pair(conditions=Conditions(latency=1.0))
    a.driver.datagrams(a.at(5000)).send_to(b"late", b.at(5300))
    before = b.driver.datagrams(TcpAddress("0.0.0.0", 5300))
    b.host.move(["10.0.0.22"])
    other = Machine(network, "c", ["10.0.0.2"])
    after = other.driver.datagrams(TcpAddress("0.0.0.0", 5300))
    await trio.sleep(2)
    assert list(before.receive()) == []
    assert [data for data, _sender in after.receive()] == [b"late"], "a datagram goes to whoever has the address"


@simulated
async def test_a_machine_without_power_loses_what_is_on_its_way_to_it():
    _network, a, b = pair(conditions=Conditions(latency=1.0))
    sock = a.driver.datagrams(a.at(5000))
    b.driver.datagrams(b.at(5300))
    sock.send_to(b"lost", b.at(5300))
    await trio.sleep(0.5)
    b.host.kill()
    await trio.sleep(1)
    b.host.revive()
    again = b.host.driver().datagrams(b.at(5300))
    await trio.sleep(5)
    assert list(again.receive()) == []


@simulated
async def test_a_machine_that_lost_power_sends_nothing_again():
    network, a, b = pair()
    dialled, accepted = await a.connect(b)
    network.partition(a.host, b.host)
    dialled.send(b"held in a kernel without power")
    await trio.sleep(1)
    a.host.kill()
    network.heal(a.host, b.host)
    a.host.revive()
    accepted.want(read=True, write=False)
    assert await b.driver.wait(trio.current_time() + 200) == []


@simulated
async def test_what_left_before_the_power_did_arrives():
    _network, a, b = pair(conditions=Conditions(latency=1.0))
    dialled, accepted = await a.connect(b)
    dialled.send(b"last words")
    a.host.kill()
    assert await read(b.driver, accepted) == b"last words"


def test_ports_run_out_and_come_back(monkeypatch):
    monkeypatch.setattr("beam_actors.testing.network.host._FIRST_EPHEMERAL", 65_000)

    async def case():
        _network, a, b = pair()
        b.driver.listen(b.at(4000), backlog=1000)
        dials = [a.driver.dial(b.at(4000)) for _ in range(65_536 - 65_000)]
        assert [dials[0].local.port, dials[-1].local.port] == [65_000, 65_535]
        with pytest.raises(ResourceExhausted, match="No port"):
            a.driver.dial(b.at(4000))
        dials[5].close()
        assert a.driver.dial(b.at(4000)).local == dials[5].local
        assert a.driver.dial(b.at(4000), bind=a.at(5000)).local == a.at(5000)

    simulate(case)


@simulated
async def test_addresses_have_one_spelling():
    network = VirtualNetwork()
    host = network.host("a", ["FD00:0::1"])
    assert host.addresses == ("fd00::1",)
    with pytest.raises(ValueError, match="exists already"):
        network.host("b", ["fd00:0:0::1"])
    with pytest.raises(ValueError, match="does not appear"):
        network.host("c", ["example.org"])
    assert "fd00::1" in repr(host)


@simulated
async def test_nothing_is_kept_of_connections_that_are_over():
    network, a, b = pair()
    listener = b.driver.listen(b.at(4000))
    for _ in range(50):
        dialled = a.driver.dial(listener.local)
        await a.until(dialled, WRITE)
        await b.until(listener, READ)
        accepted = listener.accept()
        dialled.close()
        await b.until(accepted, READ)
        accepted.close()
    await trio.sleep(100)
    assert not a.host._connections
    assert not b.host._connections
    assert not a.host._sources
    assert not b.host._sources
    assert len(network.fabric.agenda) == 0
    assert len(a.host.links) == len(b.host.links) == 1
