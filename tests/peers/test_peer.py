"""The actor of one peer: one session for all, losses and returns, and its own crash."""

import pytest
import trio

from beam_actors.errors import NetworkError, TimedOut
from beam_actors.peers import PeerDown, PeersLimits, PeerUp, State
from tests.peers.lab import ECHO, SERVICES, changed, until


async def test_both_ends_use_one_session(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address)
        await until(lambda: bob.events)
        assert await bob.echo(alice) == b"hello"
        assert len(alice.sessions(bob)) == len(bob.sessions(alice)) == 1


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


async def test_a_session_with_a_peer_of_the_same_short_id_is_not_taken_in(world, autojump_clock):
    async with world.running(3) as (alice, bob, carol):
        await alice.peers.connect(bob.address)
        ref = alice.system.ref(f"{SERVICES}/network/peers/{bob.id.short}")
        dialler = alice.system._cells[ref.path].actor._setting.dialler
        wrong = await dialler.dial(carol.id, (carol.address,), ref)
        ref.tell(wrong)
        await until(lambda: not wrong.established.handle.is_open)
        assert len(alice.sessions(bob)) == 1
        assert await alice.echo(bob) == b"hello"


async def test_who_asks_for_a_stream_when_the_session_ends_is_served_by_the_next(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        for turns in range(20):  # of all tasks between the question and the session's end, as it may come about
            await alice.peers.connect(bob.address)
            best = alice.system._cells[f"{SERVICES}/network/peers/{bob.id.short}"].actor._sessions.best
            async with trio.open_nursery() as nursery:
                nursery.start_soon(alice.peers.open, bob.id, ECHO)
                for _ in range(turns):
                    await trio.lowlevel.checkpoint()
                best.established.handle.abort()


async def test_a_silent_machine_ends_in_a_time_out_within_five_seconds(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address)
        await alice.lose(bob)
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
        assert await alice.echo(bob) == b"hello"  # also when the new actor is asked before the manager told it anything
        assert trio.current_time() - started < 2
        await spared.write(b"still here")
        assert await spared.read() == b"still here"
        assert changed(alice, before) <= {f"node/services/network/peers/{bob.id.short}"}
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


async def test_a_stranger_that_leaves_at_once_is_talked_with_by_nobody(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address)
        await until(lambda: bob.sessions(alice))
        await alice.lose(bob)
        await trio.sleep(5)
        assert bob.events == []
        await alice.peers.connect(bob.address)
        await trio.sleep(0.5)
        assert bob.events == []
        assert [(status.peer, status.state) for status in await bob.peers.snapshot()] == [(alice.id, State.UP)]
        assert await bob.echo(alice) == b"hello"  # what a person asks for does not wait
        await trio.sleep(1)
        assert bob.events == [PeerUp(alice.id)]


async def test_whoever_is_gone_to_is_greeted_at_once_also_beside_its_own_session(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address)
        await until(lambda: alice.events == [PeerUp(bob.id)], seconds=0.3)
        await until(lambda: bob.sessions(alice))
        maker = bob.system.cell(f"node/services/network/peers/{alice.id.short}").actor._setting.dialler
        owner = bob.system.whereis(f"node/services/network/peers/{alice.id.short}")
        owner.tell(await maker.dial(alice.id, (alice.address,), owner))
        await until(lambda: bob.events == [PeerUp(alice.id)], seconds=0.3)
