"""The dials of one peer: joined, spaced, and given up."""

import itertools
from types import SimpleNamespace

import pytest
import trio

from beam_actors.errors import PeerOffline
from beam_actors.peers import PeerDown, PeersLimits, PeerUp, State
from beam_actors.peers.dials import Dials
from beam_actors.testing.clock import SimClock
from beam_actors.values import Multiaddr, TcpAddress
from tests.peers.lab import STRANGER, until


async def test_many_who_ask_at_once_join_one_dial(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await bob.peers.connect(alice.address)
        await bob.lose(alice)
        answers = []

        async def ask():
            answers.append(await bob.echo(alice))

        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(ask)
        assert answers == [b"hello"] * 20
        assert len(bob.sessions(alice)) == 1


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
            await until(lambda: alice.events == [PeerUp(bob.id)], seconds=16)
        await until(lambda: alice.events == [PeerUp(bob.id), PeerDown(bob.id)])
        async with bob.run():
            await until(lambda: alice.events[2:] == [PeerUp(bob.id)], seconds=16)


async def test_the_back_off_bounds_how_often_a_dead_peer_is_dialled(world, autojump_clock):
    """Once a minute, and by a node that has no other peer, which so finds its way back, four times as often."""
    alice, bob, carol = world.add(), world.add(), world.add()
    alice.bootstrap = [bob.address]
    dials = []
    async with alice.run():
        real = alice.flow.dial

        async def counting(address, *args, **kwargs):
            dials.append(trio.current_time())
            return await real(address, *args, **kwargs)

        async with carol.run():
            await carol.peers.connect(alice.address)
            alice.flow.dial = counting
            await trio.sleep(1000)
            gaps = [later - earlier for earlier, later in itertools.pairwise(dials)]
            assert len(dials) < 50
            assert all(gap >= 0.25 for gap in gaps)
            assert all(30 <= gap <= 61 for gap in gaps[-5:])
        await until(lambda: not alice.sessions(carol))
        alone_at = trio.current_time()
        await trio.sleep(200)
        lonely = [at for at in dials if at > alone_at]
        assert lonely[0] - alone_at <= 16
        assert all(7 <= later - earlier <= 16 for earlier, later in itertools.pairwise(lonely))


async def test_asking_for_a_dead_peer_again_and_again_does_not_dial_again_and_again(world, autojump_clock):
    async with world.running(1) as (alice,):
        world.network.host("ghost", ["10.0.0.99"])
        ghost = Multiaddr.from_address(TcpAddress("10.0.0.99", 4747), STRANGER)
        started = trio.current_time()
        for _ in range(10):
            with pytest.raises(PeerOffline):
                await alice.peers.connect(ghost)
        assert trio.current_time() - started >= 9 * 0.5


async def test_what_is_asked_for_beside_a_dial_takes_nothing_from_it(autojump_clock):
    one, other, third = (Multiaddr.parse(f"/ip4/10.0.0.{number}/tcp/4747") for number in (1, 2, 3))
    given = []

    class Waits:
        async def dial(self, _peer, addresses, _owner):
            given.append(addresses)
            await trio.sleep_forever()

    async with trio.open_nursery() as nursery:

        def spawn(run, *args, name):
            scope = trio.CancelScope()

            async def within():
                with scope:
                    await run(*args)

            nursery.start_soon(within, name=name)
            return scope

        ref = SimpleNamespace(tell=lambda _message: None)
        dials = Dials(STRANGER, Waits(), PeersLimits(), SimClock(), known=lambda: (third,), spawn=spawn, ref=ref)
        dials.ask((one,))
        dials.start()
        await trio.sleep(1)
        dials.ask((other,), now=True)
        await trio.sleep(1)
        dials.ask((one,), now=True)  # which is being tried
        await trio.sleep(1)
        nursery.cancel_scope.cancel()
    assert given == [(one, third), [other]]


async def test_what_others_say_takes_no_place_from_what_is_known(autojump_clock):
    stale = [Multiaddr.parse(f"/ip4/10.1.0.{number}/tcp/4747") for number in range(1, 20)]
    known = Multiaddr.parse("/ip4/10.0.0.3/tcp/4747")
    given = []

    class Fails:
        async def dial(self, _peer, addresses, _owner):
            given.append(tuple(addresses))
            await trio.sleep(1)
            raise PeerOffline("nobody is there.")

    said = []
    async with trio.open_nursery() as nursery:
        dials = Dials(
            STRANGER,
            Fails(),
            PeersLimits(),
            SimClock(),
            known=lambda: (known,),
            spawn=lambda run, *args, name: nursery.start_soon(run, *args, name=name),
            ref=SimpleNamespace(tell=said.append),
        )
        dials.ask(stale)
        dials.start()
        await trio.sleep(0.5)
        for _ in range(3):
            dials.ask(stale, now=True)
        assert dials.asked == tuple(stale[15:])  # for the next one: this one has no room
    assert known in given[0]
    assert len(given[0]) == 8
    assert sum(map(len, given)) == 16
    assert [message.failure for message in said] == ["nobody is there. nobody is there."]
