from contextlib import asynccontextmanager, suppress

import pytest
import trio

from beam_actors.errors import NetworkError, ResourceExhausted
from beam_actors.testing.network import Conditions
from tests.peers.lab import World, until


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
        assert alice.sessions(bob) == [f"node/services/network/peers/{bob.id.short}/session-1"]


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
        world.network.between(alice.host, bob.host, Conditions(latency=0.5))
        (first,) = peer._sessions
        async with as_many_pings_as_may_be(first.established.handle):
            owner.tell(again)
            await trio.sleep(0.1)
            assert len(peer._sessions) == 2
            assert first.established.handle.is_open


async def test_a_ping_that_could_not_be_sent_does_not_say_that_the_peer_is_silent(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address)
        world.network.between(alice.host, bob.host, Conditions(latency=0.5))
        peer = alice.system.whereis(f"node/services/network/peers/{bob.id.short}")._cell.actor
        (live,) = peer._sessions
        async with as_many_pings_as_may_be(live.established.handle):
            with pytest.raises(ResourceExhausted, match="pings"):
                await alice.peers.ping(bob.id)
        await trio.sleep(2)
        await alice.peers.ping(bob.id)
