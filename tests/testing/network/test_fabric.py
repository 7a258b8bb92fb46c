"""Cuts, splits, clogs and taps: what passes between whom, and what the wire shows."""

import pytest
import trio

from beam_actors.testing.network import Conditions, VirtualNetwork
from beam_actors.values import TcpAddress
from tests.testing.network.rig import READ, Machine, pair, read, simulated


async def hears(source: Machine, target: Machine, *, port: int = 5300) -> bool:
    """Whether a datagram gets through within ten seconds."""
    sender, receiver = source.driver.datagrams(TcpAddress("0.0.0.0", 0)), target.driver.datagrams(target.at(port))
    receiver.want(read=True, write=False)
    try:
        sender.send_to(b"hello", receiver.local)
        return await target.driver.wait(trio.current_time() + 10) == [(receiver, READ)]
    finally:
        sender.close()
        receiver.close()


def crowd(count: int) -> tuple[VirtualNetwork, list[Machine]]:
    network = VirtualNetwork()
    return network, [Machine(network, f"m{n}", [f"10.0.0.{n}"]) for n in range(1, count + 1)]


@simulated
async def test_a_cut_is_one_way():
    network, a, b = pair()
    network.cut(a.host, b.host)
    assert not await hears(a, b)
    assert await hears(b, a)
    network.mend(a.host, b.host)
    assert await hears(a, b)


@simulated
async def test_a_stream_holds_through_a_one_way_cut_in_that_direction_only():
    network, a, b = pair()
    dialled, accepted = await a.connect(b)
    network.cut(a.host, b.host)
    dialled.send(b"held")
    accepted.send(b"through")
    assert await read(a.driver, dialled) == b"through"
    accepted.want(read=True, write=False)
    assert await b.driver.wait(trio.current_time() + 50) == []
    network.mend(a.host, b.host)
    mended = trio.current_time()
    assert await read(b.driver, accepted) == b"held"
    assert 0 < trio.current_time() - mended < 60, "at the next retransmission, whose intervals double"


@simulated
async def test_what_is_under_way_when_a_cut_comes_arrives():
    network, a, b = pair(conditions=Conditions(latency=1.0))
    dialled, accepted = await a.connect(b)
    dialled.send(b"left")
    await trio.sleep(0.5)
    network.partition(a.host, b.host)
    assert await read(b.driver, accepted) == b"left"


@simulated
async def test_a_split_has_as_many_sides_as_groups_and_who_is_in_none_reaches_all():
    network, (a, b, c, d, bridge) = crowd(5)
    network.split([[a.host, b.host], [c.host], [d.host]])
    assert await hears(a, b)
    for one, other in ((a, c), (c, a), (c, d), (d, b)):
        assert not await hears(one, other)
    for each in (a, c, d):
        assert await hears(each, bridge)
        assert await hears(bridge, each)
    network.split([[a.host], [b.host, c.host]])  # another one takes its place
    assert await hears(b, c)
    assert await hears(d, a)
    assert not await hears(a, b)
    network.cut(c.host, d.host)
    network.heal_all()
    for one, other in ((a, b), (b, c), (c, d)):
        assert await hears(one, other)


@simulated
async def test_a_new_split_sets_free_whom_it_reunites():
    network, (a, b, c) = crowd(3)
    dialled, accepted = await a.connect(b)
    network.split([[a.host], [b.host]])
    dialled.send(b"held")
    await trio.sleep(10)
    network.split([[a.host, b.host], [c.host]])
    assert await read(b.driver, accepted) == b"held"


@simulated
async def test_a_clog_delays_and_loses_nothing():
    network, a, b = pair()
    dialled, accepted = await a.connect(b)
    network.clog(a.host, b.host, 5.0)
    network.clog(a.host, b.host, 1.0)  # the longer one holds
    start = trio.current_time()
    dialled.send(b"slowly")
    sock, receiver = a.driver.datagrams(a.at(1000 * 5)), b.driver.datagrams(b.at(5300))
    sock.send_to(b"slowly, too", receiver.local)
    await b.until(receiver, READ)
    assert trio.current_time() - start == pytest.approx(5.001)
    assert list(receiver.receive()) == [(b"slowly, too", sock.local)]
    assert await read(b.driver, accepted) == b"slowly"
    accepted.send(b"the other way is free")
    before = trio.current_time()
    await read(a.driver, dialled)
    assert trio.current_time() - before == pytest.approx(0.001)


@simulated
async def test_healing_all_ends_a_clog_for_what_is_sent_from_then_on():
    network, a, b = pair()
    network.clog(a.host, b.host, 1000.0)
    network.heal_all()
    assert await hears(a, b)


@simulated
async def test_a_tap_sees_each_payload_between_machines_once_and_nothing_on_a_machine():
    network, a, b = pair(conditions=Conditions(loss=0.3, duplicate=0.3))
    seen = []
    stop = network.observe(lambda source, target, payload: seen.append((source.name, target and target.name, payload)))
    dialled, accepted = await a.connect(b)
    dialled.send(b"x" * 100)
    assert await read(b.driver, accepted) == b"x" * 100
    accepted.sendv([b"y", b"z"])
    await read(a.driver, dialled)
    sock = a.driver.datagrams(TcpAddress("0.0.0.0", 0))
    sock.send_to(b"lost or not", b.at(1))
    sock.send_to(b"to nobody", TcpAddress("10.0.0.99", 1))
    local, other = await a.connect(a, port=4001)
    local.send(b"private")
    assert await read(a.driver, other) == b"private"
    assert seen == [
        ("a", "b", b"x" * 100),
        ("b", "a", b"yz"),
        ("a", "b", b"lost or not"),
        ("a", None, b"to nobody"),
    ]
    stop()
    stop()
    dialled.send(b"unseen")
    assert len(seen) == 4


@simulated
async def test_a_datagram_that_is_doubled_arrives_twice_and_a_lost_one_never():
    network, a, b = pair(conditions=Conditions(duplicate=1.0))
    sender, receiver = a.driver.datagrams(a.at(5000)), b.driver.datagrams(b.at(5300))
    sender.send_to(b"twice", receiver.local)
    await trio.sleep(1)
    assert list(receiver.receive()) == [(b"twice", sender.local)] * 2
    network.conditions = Conditions(loss=1.0)
    sender.send_to(b"never", receiver.local)
    await trio.sleep(1)
    assert list(receiver.receive()) == []


@simulated
async def test_datagrams_overtake_each_other_under_jitter():
    _network, a, b = pair(conditions=Conditions(latency=0.01, jitter=1.0))
    sender, receiver = a.driver.datagrams(a.at(5000)), b.driver.datagrams(b.at(5300))
    for number in range(100):
        sender.send_to(b"%d" % number, receiver.local)
    await trio.sleep(2)
    arrived = [int(data) for data, _sender in receiver.receive(1000)]
    assert arrived != sorted(arrived) == list(range(100))


@simulated
async def test_a_socket_that_is_bound_while_a_datagram_is_under_way_gets_it():
    _network, a, b = pair(conditions=Conditions(latency=1.0))
    a.driver.datagrams(a.at(5000)).send_to(b"early", b.at(5300))
    await trio.sleep(0.5)
    receiver = b.driver.datagrams(b.at(5300))
    await trio.sleep(0.6)
    assert [data for data, _sender in receiver.receive()] == [b"early"]


def test_a_network_speaks():
    network, a, b = pair()
    network.cut(a.host, b.host)
    assert "1 cuts" in repr(network)
    assert "a -> b cut" in repr(network.fabric.link(a.host, b.host))
    assert network.at("10.0.0.1") is a.host
    assert network.at("10.0.0.99") is None
