"""Dials over a network that loses packets, and two that meet."""

import pytest
import trio

from beam_actors.errors import AddressInUse, ConnectionLost, ConnectionRefused, Unreachable
from beam_actors.testing.entropy import SeededEntropy
from beam_actors.testing.network import Conditions
from beam_actors.values import TcpAddress
from tests.testing.network.rig import READ, WRITE, broken, connect, pair, read, simulated


@simulated
async def test_a_dial_takes_a_round_trip_and_the_other_end_half_of_one_more():
    _network, a, b = pair(conditions=Conditions(latency=0.1))
    listener = b.driver.listen(b.at(4000))
    dialled = a.driver.dial(listener.local)
    await a.until(dialled, WRITE)
    assert trio.current_time() == pytest.approx(0.2)
    assert listener.accept() is None
    await b.until(listener, READ)
    assert trio.current_time() == pytest.approx(0.3)


@simulated
async def test_a_dial_gets_through_a_lossy_network():
    for seed in range(20):
        _network, a, b = pair(conditions=Conditions(loss=0.2), entropy=SeededEntropy(seed))
        dialled, accepted = await a.connect(b)
        dialled.send(b"x")
        assert await read(b.driver, accepted) == b"x"


@simulated
async def test_a_dial_that_is_lost_is_tried_again_after_1_3_and_7_seconds():
    network, a, b = pair()
    listener = b.driver.listen(b.at(4000))
    network.partition(a.host, b.host)
    start = trio.current_time()
    dialled = a.driver.dial(listener.local)
    await trio.sleep(3.5)
    network.heal(a.host, b.host)
    await a.until(dialled, WRITE)
    assert trio.current_time() - start == pytest.approx(7.002)


@simulated
async def test_a_dial_into_a_one_way_network_ends_in_silence_and_leaves_nothing_to_accept():
    network, a, b = pair(patience=30.0)
    listener = b.driver.listen(b.at(4000), backlog=1)
    network.cut(b.host, a.host)
    dialled = a.driver.dial(listener.local)
    assert isinstance(await broken(a.driver, dialled), Unreachable)
    assert trio.current_time() == pytest.approx(30.0)
    assert listener.accept() is None
    network.mend(b.host, a.host)
    assert not listener.has_room, "the half-open connection has the one place"
    await trio.sleep(40)
    assert listener.has_room, "until the kernel gives it up"
    assert b.host.connection(b.at(4000), dialled.local) is None


@simulated
async def test_a_refusal_that_is_lost_is_repeated():
    network, a, b = pair()
    network.cut(b.host, a.host)
    dialled = a.driver.dial(b.at(4000))
    await trio.sleep(0.5)
    network.mend(b.host, a.host)
    assert isinstance(await broken(a.driver, dialled), ConnectionRefused)
    assert trio.current_time() == pytest.approx(1.002)


@simulated
async def test_a_dial_that_is_closed_early_leaves_no_connection():
    for end in ("close", "abort"):
        _network, a, b = pair(conditions=Conditions(latency=0.1))
        listener = b.driver.listen(b.at(4000))
        dialled = a.driver.dial(listener.local)
        await trio.sleep(0.15)
        getattr(dialled, end)()
        await trio.sleep(10)
        assert listener.accept() is None
        assert listener.has_room


@simulated
async def test_a_listener_that_closes_meanwhile_resets():
    _network, a, b = pair(conditions=Conditions(latency=0.1))
    listener = b.driver.listen(b.at(4000))
    dialled = a.driver.dial(listener.local)
    await a.until(dialled, WRITE)
    listener.close()
    assert isinstance(await broken(a.driver, dialled), ConnectionLost)


async def meet(latency: float, head_start: float, loss: float = 0.0, seed: int = 0) -> float:
    """Two machines dial each other from and to the same two addresses; seconds until both are connected."""
    _network, a, b = pair(conditions=Conditions(latency=latency, loss=loss), entropy=SeededEntropy(seed))
    start = trio.current_time()
    one = a.driver.dial(b.at(4000), bind=a.at(4000))
    await trio.sleep(head_start)
    other = b.driver.dial(a.at(4000), bind=b.at(4000))
    await a.until(one, WRITE)
    await b.until(other, WRITE)
    assert one.connected()
    assert other.connected()
    seconds = trio.current_time() - start
    one.send(b"one")
    other.send(b"other")
    assert await read(b.driver, other) == b"one"
    assert await read(a.driver, one) == b"other"
    one.shutdown()
    assert await read(b.driver, other) == b""
    return seconds


@simulated
async def test_two_dials_that_cross_are_one_connection():
    assert await meet(0.1, 0.0) == pytest.approx(0.2)
    assert await meet(0.1, 0.05) <= 0.3


@simulated
async def test_two_dials_cross_on_a_lossy_network():
    for seed in range(10):
        await meet(0.1, 0.05, loss=0.3, seed=seed)


@simulated
async def test_a_dial_to_where_the_other_end_has_not_dialled_yet_is_refused():
    _network, a, b = pair(conditions=Conditions(latency=0.1))
    dialled = a.driver.dial(b.at(4000), bind=a.at(4000))
    assert isinstance(await broken(a.driver, dialled), ConnectionRefused)


@simulated
async def test_a_machine_that_crashed_gets_in_again_from_the_same_port():
    _network, a, b = pair()
    listener = b.driver.listen(b.at(4000))
    _dialled, accepted = await connect(a, listener, b, b.at(4000), bind=a.at(5000))
    a.host.kill()
    a.host.revive()
    a.driver = a.host.driver()
    listener = b.driver.listen(b.at(4000))
    again = a.driver.dial(listener.local, bind=a.at(5000))
    await a.until(again, WRITE)
    assert trio.current_time() == pytest.approx(1.0, abs=0.02), "the old connection is reset, and the next try gets in"
    assert isinstance(await broken(b.driver, accepted), ConnectionLost)


@simulated
async def test_one_port_dials_many_and_each_only_once():
    _network, a, b = pair()
    for port in (4000, 4001):
        b.driver.listen(b.at(port))
    mine = a.driver.listen(a.at(5000), reuse_port=True)
    dials = [a.driver.dial(b.at(port), bind=mine.local, reuse_port=True) for port in (4000, 4001, 4000)]
    with pytest.raises(AddressInUse):
        dials[2].connected()
    for dial in dials[:2]:
        await a.until(dial, WRITE)
        assert dial.connected()
        assert dial.local == mine.local


@simulated
async def test_a_dial_to_itself_from_itself_is_refused():
    _network, a, _b = pair()
    dialled = a.driver.dial(a.at(4000), bind=a.at(4000))
    assert isinstance(await broken(a.driver, dialled), ConnectionRefused)


@simulated
async def test_a_wildcard_leads_home():
    _network, a, _b = pair()
    listener = a.driver.listen(TcpAddress("127.0.0.1", 4000))
    dialled = a.driver.dial(TcpAddress("0.0.0.0", 4000))
    await a.until(dialled, WRITE)
    assert dialled.connected()
    assert listener.accept() is not None
