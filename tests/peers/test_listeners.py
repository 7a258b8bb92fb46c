"""Listening: ports, and strangers in their handshake."""

from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest
import trio

from beam_actors.errors import NetworkError
from beam_actors.flow import Flow, Pump
from beam_actors.peers import PeersLimits
from beam_actors.testing.clock import SimClock
from beam_actors.values import TcpAddress
from tests.peers.lab import changed


@asynccontextmanager
async def strangers(world, node, count, ip="10.0.0.66"):
    """Connections that never say a word of their own accord."""
    host = world.network.at(ip) or world.network.host(f"mallory at {ip}", [ip])
    pump, flow = Pump(host.driver(), SimClock()), Flow()
    flow.attach(pump)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pump.run)
        owner = node.system.ref("mallory")
        streams = []
        for _ in range(count):
            with suppress(NetworkError):  # refused before the dial was seen to succeed
                streams.append(await flow.dial(TcpAddress(node.ip, node.port), owner, timeout=5))
        yield streams
        nursery.cancel_scope.cancel()


async def still_open(streams):
    """How many of the connections have not ended."""
    count = 0
    for stream in streams:
        try:
            with trio.fail_after(0.01):
                while await stream.read():
                    pass  # what the other end says by itself
        except trio.TooSlowError:
            count += 1
        except NetworkError:
            pass
    return count


async def test_a_port_of_ones_own_choice_is_kept_across_restarts(world, autojump_clock):
    alice, bob = world.add(port=0), world.add()
    async with alice.run():
        before = alice.peers.addresses()
        assert before[0].tcp.port > 0
    async with bob.run(), alice.run():
        assert alice.peers.addresses() == before


async def test_a_taken_port_gives_way_to_a_free_one(world, autojump_clock):
    alice = world.add()
    other = alice.host.driver()
    other.listen(TcpAddress("0.0.0.0", 4747))
    async with alice.run():
        assert alice.peers.addresses()[0].tcp.port not in {0, 4747}


async def test_a_port_for_which_a_privilege_is_missing_gives_way_to_a_free_one_that_is_kept(world, autojump_clock):
    alice = world.add(port=80)
    async with alice.run():
        before = alice.peers.addresses()
        assert before[0].tcp.port not in {0, 80}
    async with alice.run():
        assert alice.peers.addresses() == before


async def test_silent_strangers_hold_a_bounded_number_of_places_for_a_bounded_time(world, autojump_clock):
    async with (
        world.running(2, limits=PeersLimits(handshakes_per_address=5)) as (alice, bob),
        strangers(world, bob, 50) as streams,
    ):
        await trio.sleep(1)
        assert await still_open(streams) == 5
        assert await alice.peers.connect(bob.address) == bob.id
        await trio.sleep(10)
        assert await still_open(streams) == 0


@pytest.mark.parametrize("seconds", [3.0, 20.0])
async def test_the_time_of_a_stranger_s_handshake_is_one_limit(world, autojump_clock, seconds):
    limits = PeersLimits(handshake_timeout=seconds)
    async with world.running(1, limits=limits) as (bob,), strangers(world, bob, 1) as streams:
        await trio.sleep(seconds - 1)
        assert await still_open(streams) == 1
        await trio.sleep(2)
        assert await still_open(streams) == 0


async def test_strangers_of_many_addresses_are_bounded_together(world, autojump_clock):
    async with world.running(1, limits=PeersLimits(handshakes=3)) as (bob,), strangers(world, bob, 10) as streams:
        await trio.sleep(1)
        assert await still_open(streams) == 3


async def test_garbage_ends_the_connection_and_crashes_nobody(world, autojump_clock):
    async with world.running(1) as (bob,):
        before = bob.incarnations()
        async with strangers(world, bob, 3) as streams:
            words = (b"GET / HTTP/1.1\r\n\r\n", bytes(1000), b"\x13/multistream/1.0.0\nx")
            for stream, garbage in zip(streams, words, strict=True):
                await stream.write(garbage)
            await trio.sleep(11)
            assert await still_open(streams) == 0
        assert changed(bob, before) == set()
        assert bob.events == []


async def test_one_source_connects_at_a_bounded_rate_and_costs_no_other(world, autojump_clock):
    limits = PeersLimits(connections_per_second=1.0, connections_burst=3)
    async with world.running(2, limits=limits) as (alice, bob), strangers(world, bob, 6) as streams:
        assert await still_open(streams) == 3
        assert await alice.peers.connect(bob.address) == bob.id
        await trio.sleep(2)
        async with strangers(world, bob, 6) as more:
            assert await still_open(more) == 2


async def test_fifty_machines_behind_one_router_get_in_together(world, autojump_clock):
    async with world.running(1) as (bob,), strangers(world, bob, 51) as streams:
        assert await still_open(streams) == 51


async def test_a_connection_that_finds_no_place_costs_its_source_nothing(world, autojump_clock):
    limits = PeersLimits(handshakes_per_address=3, connections_per_second=0.001, connections_burst=6)
    async with world.running(1, limits=limits) as (bob,), strangers(world, bob, 30) as streams:
        assert await still_open(streams) == 3
        await trio.sleep(11)
        async with strangers(world, bob, 30) as more:
            assert await still_open(more) == 3


async def test_handshakes_under_way_are_not_pushed_out_by_as_many_newcomers(world, autojump_clock):
    limits = PeersLimits(handshakes=3, handshake_patience=2.0)
    async with world.running(1, limits=limits) as (bob,), AsyncExitStack() as stack:

        async def three(network):
            coming = [strangers(world, bob, 1, f"{network}.{number}") for number in range(3)]
            return [stream for one in coming for stream in await stack.enter_async_context(one)]

        first, late = await three("10.0.1"), await three("10.0.2")
        assert (await still_open(first), await still_open(late)) == (3, 0)
        await trio.sleep(2)
        later = await three("10.0.3")
        assert (await still_open(first), await still_open(later)) == (0, 3)
