"""The connection manager: what it remembers, whom it keeps and how many it lets in."""

from contextlib import AsyncExitStack

import pytest
import trio

from beam_actors.errors import ResourceExhausted
from beam_actors.peers import PeerDown, PeersLimits, PeerUp
from beam_actors.peers.messages import Report
from beam_actors.ports import Change
from beam_actors.testing.clock import EPOCH
from beam_actors.testing.store import MemoryStore
from tests.peers.lab import ECHO, STRANGER, changed, until


async def test_who_was_dialled_learns_where_the_dialler_listens(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address)
        await trio.sleep(2)
        await alice.lose(bob)
        assert await bob.echo(alice) == b"hello"


async def test_what_a_person_connected_to_is_remembered_across_a_restart(world, autojump_clock):
    alice, bob = world.add(), world.add()
    async with bob.run():
        async with alice.run():
            await alice.peers.connect(bob.address, keep=True)
        alice.events.clear()
        async with alice.run():
            await until(lambda: alice.events == [PeerUp(bob.id)])
            await alice.lose(bob)
            await until(lambda: alice.events == [PeerUp(bob.id), PeerDown(bob.id), PeerUp(bob.id)])


async def test_a_damaged_record_hides_no_other_peer(world, autojump_clock):
    alice, bob = world.add(), world.add()
    async with bob.run():
        async with alice.run():
            await alice.peers.connect(bob.address, keep=True)
        store = await MemoryStore.open(alice.disk)
        await store.commit([Change("peers", b"\x00", b"damaged"), Change("peers", STRANGER.multihash, b"\xa0")])
        await store.close()
        alice.events.clear()
        async with alice.run():
            await until(lambda: alice.events == [PeerUp(bob.id)])


async def test_fifty_lost_connections_restart_nobody(world, autojump_clock):
    async with world.running(1, limits=PeersLimits(sessions_per_address=100)) as (hub,):
        others = [world.add(port=0) for _ in range(50)]
        async with trio.open_nursery() as nursery:
            hold = trio.Event()

            async def visit(other):
                async with other.run():
                    await other.peers.connect(hub.address)
                    await hold.wait()
                    other.host.kill()

            for other in others:
                nursery.start_soon(visit, other)
            await until(lambda: len(hub.events) == 50)
            before = hub.incarnations()
            hold.set()
        await until(lambda: len(hub.events) == 100)
        after = hub.incarnations()  # without those who only came, whose actors have ended
        assert after.items() <= before.items()
        assert "node/services/network/manager" in after


async def test_a_kept_peer_comes_back_after_a_crash_of_its_actor_or_of_the_pool(world, autojump_clock):
    alice, bob = world.add(), world.add()
    alice.bootstrap = [bob.address]
    async with bob.run(), alice.run():
        for path in (f"network/peers/{bob.id.short}", "network/peers"):
            await until(lambda: len(alice.events) % 2 == 1)
            seen = len(alice.events)
            alice.crash(path)
            started = trio.current_time()
            await until(lambda seen=seen: len(alice.events) == seen + 2)
            assert trio.current_time() - started < 2
            assert isinstance(alice.events[-1], PeerUp)


@pytest.mark.parametrize("victim", ["listeners", "manager"])
async def test_established_sessions_survive_a_crash_of(world, autojump_clock, victim):
    async with world.running(3) as (alice, bob, carol):
        await alice.peers.connect(bob.address)
        stream = await alice.peers.open(bob.id, ECHO)
        await until(lambda: bob.events)
        before = bob.incarnations()
        bob.crash(f"network/{victim}")
        await stream.write(b"still here")
        assert await stream.read() == b"still here"
        started = trio.current_time()
        await carol.peers.connect(bob.address)
        assert await bob.echo(alice) == await carol.echo(bob) == b"hello"
        assert {status.peer for status in await bob.peers.snapshot()} == {alice.id, carol.id}
        assert trio.current_time() - started < 2
        assert changed(bob, before) == {
            f"node/services/network/{victim}",
            f"node/services/network/peers/{carol.id.short}",
        }


async def test_one_address_cannot_take_all_sessions(world, autojump_clock):
    async with world.running(3, limits=PeersLimits(sessions_per_address=0)) as (alice, bob, carol):
        await alice.peers.connect(bob.address)  # the handshake stands before bob can refuse
        await until(lambda: alice.events == [PeerUp(bob.id), PeerDown(bob.id)])
        assert bob.events == []
        assert carol.events == []


async def test_an_ipv6_network_of_one_household_counts_as_one_address(world, autojump_clock):
    limits = PeersLimits(sessions_per_address=1)
    hub, alice, bob, carol = (
        world.add(ip=ip, limits=limits)
        for ip in ("2001:db8::1", "2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:db8:0:2::1")
    )
    async with hub.run(), alice.run(), bob.run(), carol.run():
        await alice.peers.connect(hub.address)
        await until(lambda: hub.events == [PeerUp(alice.id)])
        await bob.peers.connect(hub.address)  # the handshake stands before the hub can refuse
        await until(lambda: bob.events == [PeerUp(hub.id), PeerDown(hub.id)])
        await carol.peers.connect(hub.address)
        await until(lambda: hub.events == [PeerUp(alice.id), PeerUp(carol.id)])


async def test_a_peer_that_finds_no_place_is_not_kept(world, autojump_clock):
    alice, bob, carol = world.add(limits=PeersLimits(peers=1)), world.add(), world.add()
    async with bob.run(), carol.run():
        async with alice.run():
            await alice.peers.connect(bob.address)
            with pytest.raises(ResourceExhausted):
                await alice.peers.connect(carol.address, keep=True)
            await alice.lose(bob)
            await trio.sleep(120)  # the actor of bob has ended, which leaves its place
            alice.crash("network/peers")
            await trio.sleep(60)
            assert await alice.peers.snapshot() == ()
        assert carol.events == []


async def test_after_a_crash_of_the_pool_the_manager_watches_no_actor_that_is_gone(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address)
        await trio.sleep(2)  # nobody asks for the peer any more
        manager = alice.system.cell("node/services/network/manager").actor
        alice.crash(f"network/peers/{bob.id.short}")
        alice.crash("network/peers")
        await trio.sleep(5)
        assert [cell.path for cell in manager._actor_watched] == ["node/services/network/peers"]


async def test_whoever_only_came_leaves_nothing_behind(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address)
        await until(lambda: bob.sessions(alice))
        await alice.lose(bob)
        await trio.sleep(1)
        assert await bob.peers.snapshot() == ()
        (status,) = await alice.peers.snapshot()  # who was dialled stays a while
        assert status.peer == bob.id
        assert await bob.echo(alice) == b"hello"


async def test_guests_leave_places_for_those_whom_this_node_wants(world, autojump_clock):
    hub = world.add(limits=PeersLimits(peers=3, guests=2))
    guests, friend = [world.add() for _ in range(3)], world.add()
    async with AsyncExitStack() as stack:
        for node in (hub, friend, *guests):
            await stack.enter_async_context(node.run())
        for guest in guests:
            await guest.peers.connect(hub.address)
            await trio.sleep(2)
        assert [len(hub.sessions(guest)) for guest in guests] == [1, 1, 0]
        hub.crash("network/manager")
        await trio.sleep(2)  # who came is not forgotten with it
        await guests[2].peers.connect(hub.address)
        await trio.sleep(2)
        assert hub.sessions(guests[2]) == []
        await hub.peers.connect(friend.address)
        assert await hub.echo(friend) == b"hello"
        # A guest that this node goes to is one no longer.
        await guests[0].lose(hub)
        await guests[2].peers.connect(hub.address)
        await until(lambda: hub.sessions(guests[2]))


async def test_one_that_this_node_went_to_before_is_no_guest(world, autojump_clock):
    hub = world.add(limits=PeersLimits(peers=3, guests=1))
    guest, friend = world.add(), world.add()
    async with hub.run(), guest.run(), friend.run():
        await hub.peers.connect(friend.address)
        await hub.lose(friend)
        await trio.sleep(120)
        await guest.peers.connect(hub.address)
        await friend.peers.connect(hub.address)
        await until(lambda: hub.sessions(guest) and hub.sessions(friend))


async def test_a_clock_before_1970_costs_no_peer(world, autojump_clock):
    alice, bob = world.add(), world.add()
    async with bob.run():
        async with alice.run():
            alice.clock.step(-EPOCH - 1e9)
            await alice.peers.connect(bob.address)
            await trio.sleep(1)
        async with alice.run():
            assert await alice.echo(bob) == b"hello"


async def test_the_last_report_of_an_actor_that_has_ended_leaves_no_row(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await bob.peers.connect(alice.address)
        await until(lambda: alice.sessions(bob))
        (status,) = await alice.peers.snapshot()
        await bob.lose(alice)
        await trio.sleep(1)
        # As when the news of the end overtakes it, which goes by the system's own lane.
        alice.system.whereis("node/services/network/manager").tell(Report(status, ("10.0.0.2",)))
        assert await alice.peers.snapshot() == ()
