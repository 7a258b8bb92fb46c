"""Which addresses a dial tries, and what it takes for its peer."""

import pytest
import trio

from beam_actors.errors import PeerOffline
from beam_actors.peers import PeerUp
from beam_actors.values import Multiaddr, TcpAddress
from tests.peers.lab import ECHO, STRANGER, until


async def test_a_dial_that_finds_another_peer_fails(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        wrong = Multiaddr.from_address(TcpAddress(bob.ip, bob.port), STRANGER)
        with pytest.raises(PeerOffline):
            await alice.peers.connect(wrong)
        assert alice.events == []


async def test_nothing_listens_there(world, autojump_clock):
    async with world.running(1) as (alice,):
        ghost = world.network.host("ghost", ["10.0.0.99"])
        started = trio.current_time()
        with pytest.raises(PeerOffline, match=r"10\.0\.0\.99:4747"):
            await alice.peers.connect(Multiaddr.from_address(TcpAddress("10.0.0.99", 4747), STRANGER))
        assert trio.current_time() - started < 1
        assert ghost.up


async def test_a_peer_without_address_is_offline_at_once(world, autojump_clock):
    async with world.running(1) as (alice,):
        with pytest.raises(PeerOffline, match="no address"):
            await alice.peers.open(STRANGER, ECHO)


async def test_one_dead_address_does_not_hold_up_a_good_one(world, autojump_clock):
    alice, bob = world.add(), world.add()
    ghost = world.network.host("ghost", ["10.0.0.99"])
    world.network.partition(alice.host, ghost)
    async with bob.run():
        async with alice.run():
            await alice.peers.connect(bob.address)
            await trio.sleep(1)  # the book is written behind
        alice.bootstrap = [Multiaddr.from_address(TcpAddress("10.0.0.99", 4747), bob.id)]
        alice.events.clear()
        async with alice.run():
            await until(lambda: alice.events == [PeerUp(bob.id)], seconds=2)
