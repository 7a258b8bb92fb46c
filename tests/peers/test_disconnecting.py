"""To disconnect from a peer: what `connect` did is undone, and nothing else."""

from types import SimpleNamespace

import pytest
import trio

from beam_actors.errors import PeerNotKept, PeerOffline, StorageError, UsageError
from beam_actors.peers import PeerDown, PeerUp, State
from beam_actors.peers.book import TABLE, decode_entry
from beam_actors.peers.messages import Disconnect, Released
from beam_actors.testing.store import MemoryStore
from tests.peers.lab import ECHO, SERVICES, STRANGER, until


async def kept(node):
    """Whether the disk of a node that runs no more says of each of its peers that it is dialled for ever."""
    store = await MemoryStore.open(node.disk)
    entries = [decode_entry(value).kept for _, value in await store.scan(TABLE)]
    await store.close()
    return entries


def peer_actor(node, other):
    """The actor that a node has for another one."""
    return node.system._cells[f"{SERVICES}/network/peers/{other.id.short}"].actor


async def test_who_is_disconnected_is_dialled_no_more_also_after_a_restart(world, autojump_clock):
    alice, bob = world.add(), world.add()
    async with bob.run():
        async with alice.run():
            await alice.peers.connect(bob.address, keep=True)
            await until(lambda: bob.events)
            assert await alice.peers.disconnect(bob.id) == Released(sessions=1, bootstrap=False)
            await trio.sleep(120)
            assert alice.events == [PeerUp(bob.id), PeerDown(bob.id)]
            assert bob.events == [PeerUp(alice.id), PeerDown(alice.id)]
            assert await alice.peers.snapshot() == ()
        alice.events.clear()
        async with alice.run():
            await trio.sleep(60)
            assert alice.events == []
            assert await alice.echo(bob) == b"hello"  # who wants it still knows where it is
    assert await kept(alice) == [False]


async def test_its_sessions_and_their_streams_end_at_once(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address, keep=True)
        stream = await alice.peers.open(bob.id, ECHO)
        await stream.write(b"hello")
        assert await stream.read() == b"hello"
        await alice.peers.disconnect(bob.id)
        with trio.fail_after(1), pytest.raises(ConnectionError):
            await stream.read()
        await until(lambda: not alice.sessions(bob) and not bob.sessions(alice), seconds=1)
        assert [status.state for status in await alice.peers.snapshot()] == [State.IDLE]


async def test_who_wants_it_while_its_session_ends_is_served_by_another_one(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address, keep=True)
        paths, actor = alice.sessions(bob), peer_actor(alice, bob)
        await alice.peers.disconnect(bob.id)
        while actor._sessions.best is not None:
            await trio.lowlevel.checkpoint()
        assert await alice.echo(bob) == b"hello"
        assert alice.sessions(bob) != paths
        await alice.lose(bob)
        await trio.sleep(60)
        assert not alice.sessions(bob)


async def test_a_peer_that_is_off_is_dialled_no_more(world, autojump_clock):
    alice, bob = world.add(), world.add()
    async with alice.run():
        async with bob.run():
            await alice.peers.connect(bob.address, keep=True)
        await trio.sleep(100)
        (status,) = await alice.peers.snapshot()
        assert (status.state, status.kept) == (State.BACKING_OFF, True)
        assert await alice.peers.disconnect(bob.id) == Released(sessions=0, bootstrap=False)
        alice.events.clear()
        async with bob.run():
            await trio.sleep(120)
            assert alice.events == []
            assert await alice.echo(bob) == b"hello"


async def test_a_dial_that_is_under_way_is_cancelled_and_who_waits_is_told(world, autojump_clock):
    alice, bob = world.add(), world.add()
    alice.bootstrap = [bob.address]
    async with bob.run(), alice.run():
        await until(lambda: alice.sessions(bob))
        await alice.lose(bob)
        world.network.partition(alice.host, bob.host)
        actor = peer_actor(alice, bob)
        await until(lambda: actor._life.state is State.DIALLING)
        told = []

        async def wait():
            try:
                await alice.peers.open(bob.id, ECHO, search=False)
            except PeerOffline as error:
                told.append(str(error))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await until(lambda: actor._life.waiting)
            await alice.peers.disconnect(bob.id)
        assert "disconnected" in told[0]
        world.network.heal(alice.host, bob.host)
        await trio.sleep(60)
        assert not alice.sessions(bob)


async def test_a_session_whose_dial_was_cancelled_is_not_taken_in(world, autojump_clock):
    """It has crossed the word that nobody wants it, and its dial ends in that moment."""
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address)
        await alice.lose(bob)
        actor = peer_actor(alice, bob)
        dialler, found = actor._life.dials._dialler, []

        async def crossing(peer, addresses, ref):
            found.append(await dialler.dial(peer, addresses, ref))
            ref.tell(Disconnect())
            return found[0]

        actor._life.dials._dialler = SimpleNamespace(dial=crossing)
        with pytest.raises(PeerOffline, match="disconnected"):
            await alice.peers.open(bob.id, ECHO, search=False)
        await until(lambda: not found[0].established.handle.is_open)
        assert not alice.sessions(bob)
        actor._life.dials._dialler = dialler
        assert await alice.echo(bob) == b"hello"


async def test_a_bootstrap_peer_is_let_go_until_the_next_start(world, autojump_clock):
    alice, bob = world.add(), world.add()
    alice.bootstrap = [bob.address]
    async with bob.run():
        async with alice.run():
            await until(lambda: alice.sessions(bob))
            assert await alice.peers.disconnect(bob.id) == Released(sessions=1, bootstrap=True)
            await until(lambda: not alice.sessions(bob))
            alice.crash("network/manager")
            await trio.sleep(60)
            assert not alice.sessions(bob)
            await alice.peers.connect(bob.address, keep=True)
            alice.crash("network/manager")
            await trio.sleep(1)
            await alice.lose(bob)
            await until(lambda: alice.sessions(bob))
            await alice.peers.disconnect(bob.id)
        async with alice.run():
            await until(lambda: alice.sessions(bob))


async def test_of_whom_nobody_here_connected_to_nothing_is_taken_back(world, autojump_clock):
    async with world.running(3) as (alice, bob, carol):
        await bob.peers.connect(alice.address, keep=True)
        await until(lambda: alice.sessions(bob))
        with pytest.raises(PeerNotKept, match="from coming again"):
            await alice.peers.disconnect(bob.id)
        await alice.peers.connect(carol.address)
        await alice.lose(carol)
        with pytest.raises(PeerNotKept, match="is not connected"):
            await alice.peers.disconnect(carol.id)
        with pytest.raises(PeerNotKept, match="known here"):
            await alice.peers.disconnect(STRANGER)
        with pytest.raises(UsageError, match="itself"):
            await alice.peers.disconnect(alice.id)
        await trio.sleep(1)
        assert alice.sessions(bob)


async def test_what_cannot_be_made_durable_has_not_happened(world, autojump_clock):
    alice, bob = world.add(), world.add()
    async with bob.run():
        async with alice.run():
            await alice.peers.connect(bob.address, keep=True)
            await trio.sleep(2)
            alice.disk.capacity = 0
            with pytest.raises(StorageError, match="full"):
                await alice.peers.disconnect(bob.id)
            alice.disk.capacity = None
            await alice.lose(bob)
            await until(lambda: alice.sessions(bob))
            await alice.peers.disconnect(bob.id)
        async with alice.run():
            await trio.sleep(60)
            assert not alice.sessions(bob)


async def test_who_was_connected_to_again_meanwhile_stays(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address, keep=True)
        paths = alice.sessions(bob)
        peer_actor(alice, bob).ref.tell(Disconnect())  # which was sent before the peer was kept again
        await trio.sleep(60)
        assert alice.sessions(bob) == paths
