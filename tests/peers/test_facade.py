"""The facade, as whole nodes use it."""

import pytest
import trio

from beam_actors.errors import ConnectionRefused, InvalidValue, PeerOffline, UsageError
from beam_actors.peers import PeerUp, State
from beam_actors.peers.book import TABLE, decode_entry
from beam_actors.testing.network import Conditions
from beam_actors.testing.store import MemoryStore
from beam_actors.values import Multiaddr, TcpAddress
from tests.peers.lab import ECHO, STRANGER, until


async def test_a_stream_goes_to_the_peer_and_back(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        assert await alice.peers.connect(bob.address) == bob.id
        assert await alice.echo(bob, b"x" * 300_000) == b"x" * 300_000
        assert bob.seen == [alice.id]
        assert alice.events == [PeerUp(bob.id)]
        await until(lambda: bob.events == [PeerUp(alice.id)])
        assert len(alice.sessions(bob)) == len(bob.sessions(alice)) == 1


async def test_a_protocol_that_the_peer_does_not_speak_shows_in_the_first_read(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address)
        stream = await alice.peers.open(bob.id, "/test/unheard-of/1")
        with pytest.raises(ConnectionRefused):
            await stream.read()


async def known(node):
    """What the disk of a node that runs no more holds of its peers."""
    store = await MemoryStore.open(node.disk)
    entries = [decode_entry(value) for _, value in await store.scan(TABLE)]
    await store.close()
    return entries


def at(ip, port, peer):
    return Multiaddr.from_address(TcpAddress(ip, port), peer)


async def test_an_address_that_does_not_lead_to_a_connected_peer_is_said_so_and_not_remembered(world, autojump_clock):
    alice, bob, carol = world.add(), world.add(), world.add()
    nobody, another = at(bob.ip, 9, bob.id), at(carol.ip, carol.port, bob.id)
    async with bob.run(), carol.run():
        async with alice.run():
            await alice.peers.connect(bob.address, keep=True)
            for wrong, why in ((nobody, "10.0.0.2:9"), (another, f"{carol.id} answered")):
                with pytest.raises(PeerOffline, match=why) as caught:
                    await alice.peers.connect(wrong, keep=True)
                assert "connected by another way" in str(caught.value)
                assert "10.0.0.2:4747" in str(caught.value)
            assert await alice.echo(bob) == b"hello"
            assert alice.events == [PeerUp(bob.id)]
        (entry,) = await known(alice)
        assert wrong.without_peer not in entry.addresses
        assert entry.proven == (bob.address.without_peer,)


async def test_an_address_that_never_worked_is_not_remembered_nor_dialled_again(world, autojump_clock):
    alice = world.add()
    world.network.host("ghost", ["10.0.0.99"])
    async with alice.run():
        with pytest.raises(PeerOffline, match=r"10\.0\.0\.99:4747"):
            await alice.peers.connect(at("10.0.0.99", 4747, STRANGER), keep=True)
        (status,) = await alice.peers.snapshot()
        assert (status.state, status.kept) == (State.IDLE, False)
        await trio.sleep(120)
        assert await alice.peers.snapshot() == ()
    assert await known(alice) == []


async def test_a_connected_peer_is_dialled_at_another_address_that_is_given(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await bob.peers.connect(alice.address)
        await until(lambda: alice.events)
        await alice.peers.connect(bob.address, keep=True)
        await until(lambda: len(alice.sessions(bob)) == 1, seconds=60)
        assert await alice.echo(bob) == await bob.echo(alice) == b"hello"
        assert alice.events == [PeerUp(bob.id)]
    (entry,) = await known(alice)
    assert entry.proven == (bob.address.without_peer,)


async def test_a_session_that_stands_at_the_address_is_enough_unless_it_is_dead(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address)
        await alice.peers.connect(bob.address)
        assert alice.sessions(bob) == [f"node/services/network/peers/{bob.id.short}/session-1"]
        world.network.partition(alice.host, bob.host)
        with pytest.raises(PeerOffline, match="did not answer"):
            await alice.peers.connect(bob.address)


async def test_to_reach_an_address_is_to_join_any_session_that_stands(world, autojump_clock):
    world.network.host("ghost", ["10.0.0.99"])
    async with world.running(2) as (alice, bob):
        assert await alice.peers.reach(bob.address) == bob.id
        paths, wrong = alice.sessions(bob), at(bob.ip, 9, bob.id)
        await until(lambda: bob.events)
        started = trio.current_time()
        for address in (bob.address, wrong):
            assert await alice.peers.reach(address) == bob.id
        assert trio.current_time() == started  # nothing was dialled, nor asked
        assert alice.sessions(bob) == paths
        await alice.lose(bob)
        with pytest.raises(PeerOffline, match=r"10\.0\.0\.99"):
            await alice.peers.reach(at("10.0.0.99", 4747, STRANGER))
    entries = await known(alice)
    assert [entry.proven for entry in entries] == [(bob.address.without_peer,)]


async def test_this_node_itself_is_no_peer(world, autojump_clock):
    async with world.running(1) as (alice,):
        with pytest.raises(UsageError):
            await alice.peers.connect(alice.address)
        with pytest.raises(UsageError):
            await alice.peers.reach(alice.address)
        with pytest.raises(UsageError):
            await alice.peers.open(alice.id, ECHO)


@pytest.mark.parametrize("text", ["/ip4/10.0.0.2/tcp/4747", f"/dns4/example.com/tcp/1/p2p/{STRANGER}"])
async def test_an_address_that_cannot_be_dialled_is_refused_in_words(world, autojump_clock, text):
    async with world.running(1) as (alice,):
        with pytest.raises(InvalidValue):
            await alice.peers.connect(Multiaddr.parse(text))


async def test_a_ping_says_how_long_and_why(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        world.network.between(alice.host, bob.host, Conditions(latency=0.02))
        await alice.peers.connect(bob.address)
        result = await alice.peers.ping(bob.id)
        assert result.path == "direct"
        assert 39.9 <= result.rtt_ms < 60
        assert f"{bob.ip}:{bob.port}" in result.why


async def test_the_snapshot_tells_who_is_there(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address)
        await trio.sleep(1)
        (status,) = await alice.peers.snapshot()
        assert status.peer == bob.id
        assert status.state is State.UP
        assert status.sessions == 1
        assert status.path == "direct"
        assert status.agent.startswith("beam-actors/")
        assert status.suite == "/beam/noise-aes/1"
        assert status.address == bob.address
        assert status.rtt_ms > 0
        assert status.bytes_received > 0
        sent = status.bytes_sent
        assert sent > 0
        (await alice.peers.open(bob.id, "/nobody/1")).close()
        await trio.sleep(0.1)
        assert (await alice.peers.snapshot())[0].bytes_sent > sent  # of now, not of the last change


async def test_a_node_says_where_it_listens(world, autojump_clock):
    async with world.running(1) as (alice,):
        assert alice.peers.addresses() == (Multiaddr.parse(f"/ip4/127.0.0.1/tcp/4747/p2p/{alice.id}"),)


async def test_who_is_connected_is_told_by_id_and_nobody_else(world, autojump_clock):
    async with world.running(3) as (alice, bob, carol):
        assert await alice.peers.connected() == ()
        await alice.peers.connect(bob.address)
        await alice.peers.connect(carol.address)
        await trio.sleep(1)
        assert await alice.peers.connected() == tuple(sorted([bob.id, carol.id]))
        await alice.lose(bob)
        await trio.sleep(1)
        assert await alice.peers.connected() == (carol.id,)
