"""The actor of one peer: one session for all, losses and returns, and its own crash."""

import itertools
from contextlib import asynccontextmanager, suppress

import pytest
import trio

from beam_actors.errors import NetworkError, PeerOffline, ResourceExhausted, TimedOut
from beam_actors.peers import PeerDown, PeersLimits, PeerUp, State
from beam_actors.values import Multiaddr, TcpAddress
from tests.peers.lab import ECHO, STRANGER, World, changed, until


async def test_both_ends_use_one_session(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address)
        await until(lambda: bob.events)
        assert await bob.echo(alice) == b"hello"
        assert len(alice.sessions(bob)) == len(bob.sessions(alice)) == 1


async def test_many_who_ask_at_once_join_one_dial(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await bob.peers.connect(alice.address)
        await bob.peers.disconnect(alice.id)
        await until(lambda: not alice.sessions(bob))
        answers = []

        async def ask():
            answers.append(await bob.echo(alice))

        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(ask)
        assert answers == [b"hello"] * 20
        assert len(bob.sessions(alice)) == 1


async def test_when_both_dial_at_once_the_session_of_the_lower_id_stays(world, autojump_clock):
    async with world.running(2, limits=PeersLimits(drain_linger=2.0)) as (alice, bob):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(alice.peers.connect, bob.address)
            nursery.start_soon(bob.peers.connect, alice.address)
        await until(lambda: len(alice.sessions(bob)) == len(bob.sessions(alice)) == 2)
        lower, higher = sorted([alice, bob], key=lambda node: node.id)
        assert await lower.echo(higher) == await higher.echo(lower) == b"hello"
        await until(lambda: len(alice.sessions(bob)) == len(bob.sessions(alice)) == 1)
        assert "which this node dialled" in (await lower.peers.ping(higher.id)).why
        assert "which the peer dialled" in (await higher.peers.ping(lower.id)).why
        assert alice.events == [PeerUp(bob.id)]
        assert bob.events == [PeerUp(alice.id)]


async def test_a_silent_machine_ends_in_a_time_out_within_five_seconds(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address)
        await alice.peers.disconnect(bob.id)
        world.network.partition(alice.host, bob.host)
        started = trio.current_time()
        with pytest.raises(TimedOut):
            await alice.peers.open(bob.id, ECHO)
        assert trio.current_time() - started <= 5


async def test_a_peer_that_falls_silent_is_down_within_fifteen_seconds_and_its_streams_fail(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address)
        stream = await alice.peers.open(bob.id, ECHO)
        world.network.partition(alice.host, bob.host)
        silent_since = trio.current_time()
        with pytest.raises(NetworkError):
            await stream.read()
        await until(lambda: alice.events == [PeerUp(bob.id), PeerDown(bob.id)])
        assert trio.current_time() - silent_since <= 15
        (status,) = await alice.peers.snapshot()
        assert status.state is not State.UP
        world.network.heal(alice.host, bob.host)
        assert await alice.echo(bob) == b"hello"


async def test_a_peer_that_lost_power_and_comes_back_is_served_on_its_new_session(world, autojump_clock):
    for first in ("lower", "higher"):
        world = World()
        alice, bob = world.add(), world.add()
        dialler, other = sorted([alice, bob], key=lambda node: node.id, reverse=first == "higher")
        async with dialler.run():
            async with trio.open_nursery() as nursery, other.run():
                await dialler.peers.connect(other.address)
                await until(lambda other=other: other.events)
                other.host.kill()
                nursery.cancel_scope.cancel()
            assert len(dialler.sessions(other)) == 1  # nobody told it
            other.host.revive()
            async with other.run():
                await other.peers.connect(dialler.address)
                started = trio.current_time()
                with suppress(NetworkError):  # a stream may still take the old session, until its probe fails
                    await dialler.echo(other)
                assert await dialler.echo(other) == await other.echo(dialler) == b"hello"
                assert trio.current_time() - started < 1


async def test_a_dial_whose_session_ends_at_once_fails_who_waits(world, autojump_clock):
    async with world.running(2, limits=PeersLimits(sessions_per_peer=0)) as (alice, bob):
        started = trio.current_time()
        with pytest.raises(PeerOffline, match="ended at once"):
            await alice.peers.connect(bob.address)
        assert trio.current_time() - started < 1
        with pytest.raises(PeerOffline):
            await alice.peers.connect(bob.address)


async def test_a_bootstrap_peer_is_dialled_until_it_is_there(world, autojump_clock):
    alice, bob = world.add(), world.add()
    alice.bootstrap = [bob.address]
    async with alice.run():
        await trio.sleep(600)
        (status,) = await alice.peers.snapshot()
        assert status.kept
        assert status.state in {State.BACKING_OFF, State.DIALLING}
        async with bob.run():
            await until(lambda: alice.events == [PeerUp(bob.id)], seconds=61)
        await until(lambda: alice.events == [PeerUp(bob.id), PeerDown(bob.id)])
        async with bob.run():
            await until(lambda: alice.events[2:] == [PeerUp(bob.id)], seconds=61)


async def test_the_back_off_bounds_how_often_a_dead_peer_is_dialled(world, autojump_clock):
    alice, bob = world.add(), world.add()
    alice.bootstrap = [bob.address]
    dials = []
    async with alice.run():
        real = alice.flow.dial

        async def counting(*args, **kwargs):
            dials.append(trio.current_time())
            return await real(*args, **kwargs)

        alice.flow.dial = counting
        await trio.sleep(1000)
    gaps = [later - earlier for earlier, later in itertools.pairwise(dials)]
    assert len(dials) < 50
    assert all(gap >= 0.25 for gap in gaps)
    assert all(30 <= gap <= 61 for gap in gaps[-5:])


async def test_asking_for_a_dead_peer_again_and_again_does_not_dial_again_and_again(world, autojump_clock):
    async with world.running(1) as (alice,):
        world.network.host("ghost", ["10.0.0.99"])
        ghost = Multiaddr.from_address(TcpAddress("10.0.0.99", 4747), STRANGER)
        started = trio.current_time()
        for _ in range(10):
            with pytest.raises(PeerOffline):
                await alice.peers.connect(ghost)
        assert trio.current_time() - started >= 9 * 0.5


async def test_a_crash_of_a_peers_actor_takes_its_sessions_and_no_others(world, autojump_clock):
    async with world.running(3) as (alice, bob, carol):
        await alice.peers.connect(bob.address)
        await alice.peers.connect(carol.address)
        hit, spared = await alice.peers.open(bob.id, ECHO), await alice.peers.open(carol.id, ECHO)
        before = alice.incarnations()
        alice.crash(f"network/peers/{bob.id.short}")
        with pytest.raises(NetworkError):
            await hit.read()
        started = trio.current_time()
        assert await alice.echo(bob) == b"hello"
        assert trio.current_time() - started < 2
        await spared.write(b"still here")
        assert await spared.read() == b"still here"
        own = f"node/services/network/peers/{bob.id.short}"
        assert changed(alice, before) <= {own, f"{own}/sessions"}
        assert [event for event in alice.events if event.peer == bob.id] == [
            PeerUp(bob.id),
            PeerDown(bob.id),
            PeerUp(bob.id),
        ]


async def test_a_crash_of_the_pump_is_healed(world, autojump_clock):
    alice, bob = world.add(), world.add()
    alice.bootstrap = [bob.address]
    async with bob.run(), alice.run():
        await until(lambda: alice.events == [PeerUp(bob.id)])
        alice.system.whereis("node/pump").crash(RuntimeError("crashed on purpose"))
        await until(lambda: alice.events[-1:] == [PeerUp(bob.id)] and len(alice.events) > 1, seconds=5)
        assert await bob.echo(alice) == await alice.echo(bob) == b"hello"


# --- pings ---


async def test_pings_that_are_asked_at_once_share_their_answer(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address)
        answers = []

        async def ping():
            answers.append(await alice.peers.ping(bob.id))

        async with trio.open_nursery() as nursery:
            for _ in range(40):
                nursery.start_soon(ping)
        assert len(answers) == 40
        assert alice.sessions(bob) == [f"node/services/network/peers/{bob.id.short}/sessions/1"]


@asynccontextmanager
async def as_many_pings_as_may_be(handle):
    """No further ping is possible on the session meanwhile."""
    async with trio.open_nursery() as nursery:
        with suppress(ResourceExhausted):
            while True:
                with trio.move_on_after(0.001) as scope:
                    await handle.ping()
                assert scope.cancelled_caught
        yield
        nursery.cancel_scope.cancel()


async def test_a_session_is_not_cut_because_no_ping_is_free_to_probe_it(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address)
        owner = alice.system.whereis(f"node/services/network/peers/{bob.id.short}")
        peer = owner._cell.actor
        again = await peer._setting.dialler.dial(bob.id, (bob.address,), owner)
        world.network.set_latency(alice.host, bob.host, 0.5)
        (first,) = peer._sessions
        async with as_many_pings_as_may_be(first.established.handle):
            owner.tell(again)
            await trio.sleep(0.1)
            assert len(peer._sessions) == 2
            assert first.established.handle.is_open


async def test_a_ping_that_could_not_be_sent_does_not_say_that_the_peer_is_silent(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address)
        world.network.set_latency(alice.host, bob.host, 0.5)
        peer = alice.system.whereis(f"node/services/network/peers/{bob.id.short}")._cell.actor
        (live,) = peer._sessions
        async with as_many_pings_as_may_be(live.established.handle):
            with pytest.raises(ResourceExhausted, match="pings"):
                await alice.peers.ping(bob.id)
        await trio.sleep(2)
        await alice.peers.ping(bob.id)
