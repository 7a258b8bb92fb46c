"""Finding peers through the peers that are shared: hub knows both, they know only the hub."""

from contextlib import asynccontextmanager

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import PeerOffline
from beam_actors.identity import PeerKey
from beam_actors.peers import PeersLimits, PeerUp
from beam_actors.peers.inquirer import from_both_ends
from beam_actors.peers.inquiry import Locate
from beam_actors.testing.network import Conditions
from beam_actors.values import Multiaddr, PeerId
from beam_actors.wire import sign_record
from tests.peers.lab import STRANGER, until
from tests.peers.shared import INQUIRER, meet


async def test_two_who_share_a_peer_find_each_other(world, autojump_clock):
    async with world.running(3) as (hub, alice, bob):
        await meet(hub, alice, bob)
        assert await bob.echo(alice) == b"hello"
        assert bob.sessions(alice)
        assert hub.seen == []


async def test_one_that_has_just_come_is_found_at_once(world, autojump_clock):
    async with world.running(3) as (hub, alice, bob):
        await meet(hub, bob)
        await alice.peers.connect(hub.address)
        await until(lambda: hub.sessions(alice))
        assert hub.events == [PeerUp(bob.id)]  # the hub has not talked with alice yet
        assert await bob.echo(alice) == b"hello"


async def test_without_a_shared_peer_the_peer_is_offline_as_before(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        with pytest.raises(PeerOffline):
            await bob.echo(alice)


async def test_nobody_knows_a_stranger(world, autojump_clock):
    async with world.running(2) as (hub, alice):
        await meet(hub, alice)
        start = trio.current_time()
        with pytest.raises(PeerOffline):
            await alice.peers.open(STRANGER, "/test/echo/1")
        assert trio.current_time() - start < 5


async def test_a_search_and_what_follows_it_have_one_deadline_together(world, autojump_clock):
    async with world.running(3) as (hub, alice, bob):
        await meet(hub, alice, bob)
        world.network.between(hub.host, bob.host, Conditions(latency=0.5))
        world.network.partition(alice.host, bob.host)
        start = trio.current_time()
        with pytest.raises(PeerOffline):  # found, and silent
            await bob.peers.open(alice.id, "/test/echo/1")
        assert trio.current_time() - start <= PeersLimits().open_timeout


async def test_a_search_takes_no_longer_than_its_limit(world, autojump_clock):
    limits = PeersLimits(search_timeout=0.5)
    async with world.running(3, limits=limits) as (hub, alice, bob):
        await meet(hub, alice, bob)
        world.network.partition(hub.host, bob.host)
        start = trio.current_time()
        with pytest.raises(PeerOffline):
            await bob.peers.open(alice.id, "/test/echo/1")
        assert trio.current_time() - start <= 0.5


async def test_a_peer_that_moved_is_found_at_its_new_address(world, autojump_clock):
    hub, bob, alice = world.add(), world.add(), world.add(port=5000)
    async with hub.run(), bob.run():
        async with alice.run():
            await meet(hub, alice, bob)
            assert await bob.echo(alice) == b"hello"
        await trio.sleep(1)
        alice.port = 6000
        async with alice.run():
            await meet(hub, alice)
            assert await bob.echo(alice) == b"hello"


@asynccontextmanager
async def moved_away(world, **options):
    """bob, with the options, alice as he knew her, whose address is silent now, and as she came back to the hub."""
    hub, alice, moved = (world.add() for _ in range(3))
    bob = world.add(**options)
    moved.key = alice.key
    async with hub.run(), bob.run():
        async with alice.run():
            await meet(hub, alice, bob)
            assert await bob.echo(alice) == b"hello"
        await trio.sleep(1)
        world.network.partition(alice.host, bob.host)
        async with moved.run():
            await meet(hub, moved)
            yield bob, alice, moved


async def test_a_peer_that_moved_is_found_at_once_also_where_its_old_address_is_silent(world, autojump_clock):
    async with moved_away(world) as (bob, alice, moved):
        start = trio.current_time()
        assert await bob.echo(alice) == b"hello"
        assert trio.current_time() - start < PeersLimits().search_after + 1
        assert bob.sessions(moved)


async def test_a_search_that_may_not_wait_for_what_it_found_takes_nothing_from_the_dial(world, autojump_clock):
    """Of those who wait for one peer one is allowed here: it is the dial, which tries what the search found."""
    async with moved_away(world, limits=PeersLimits(opens_waiting=1)) as (bob, alice, _):
        assert await bob.echo(alice) == b"hello"


async def test_a_search_does_not_delay_a_dial_that_succeeds_meanwhile(world, autojump_clock):
    async with world.running(3) as (hub, alice, bob):
        await bob.peers.connect(alice.address)
        await meet(hub, bob)
        await bob.lose(alice)
        await trio.sleep(1)
        world.network.between(bob.host, alice.host, Conditions(latency=0.4))
        world.network.partition(hub.host, bob.host)  # it does not answer
        start = trio.current_time()
        await bob.peers.open(alice.id, "/test/echo/1")
        assert PeersLimits().search_after < trio.current_time() - start < 3


@pytest.mark.parametrize("place", range(5))
async def test_whoever_knows_is_asked_however_long_it_has_been_up(world, autojump_clock, place):
    async with world.running(7, limits=PeersLimits(search_peers=1)) as (alice, bob, *others):
        for other in others:
            await meet(other, bob)
        await meet(others[place], alice)
        assert await bob.echo(alice) == b"hello"


async def test_a_silent_peer_does_not_delay_what_another_one_knows(world, autojump_clock):
    async with world.running(4) as (hub, alice, bob, silent):
        await meet(silent, bob)
        await meet(hub, alice, bob)
        world.network.partition(silent.host, bob.host)
        start = trio.current_time()
        assert await bob.system.ref(INQUIRER).ask(Locate(alice.id))
        assert trio.current_time() - start < PeersLimits().search_grace + 0.1


async def test_who_answers_a_little_later_may_know_better(world, autojump_clock):
    async with world.running(4) as (alice, bob, quick, slow):
        await meet(quick, bob)
        await meet(slow, alice, bob)
        there = Multiaddr.parse("/ip4/192.0.2.1/tcp/4747")
        quick.system.cell(INQUIRER).actor._keep(sign_record(alice.key, 1, (there,)), newest=True)
        world.network.between(slow.host, bob.host, Conditions(latency=0.05))
        assert await bob.system.ref(INQUIRER).ask(Locate(alice.id)) == (
            Multiaddr.parse(f"/ip4/{alice.ip}/tcp/4747"),
            there,
        )


@given(st.lists(st.integers(), unique=True))
def test_those_asked_are_taken_from_both_ends(peers):
    taken = list(from_both_ends(peers))
    assert sorted(taken) == sorted(peers)
    assert taken[::2] == peers[::-1][: len(taken[::2])]
    assert taken[1::2] == peers[: len(taken[1::2])]


async def test_one_search_serves_many_askers(world, autojump_clock):
    async with world.running(3) as (hub, alice, bob):
        await meet(hub, alice, bob)
        inquirer = bob.system.ref(INQUIRER)
        found = []

        async def ask():
            found.append(await inquirer.ask(Locate(alice.id)))

        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(ask)
        assert found == [(Multiaddr.parse(f"/ip4/{alice.ip}/tcp/4747"),)] * 5


async def test_searches_and_those_who_wait_for_one_are_bounded(world, autojump_clock):
    limits = PeersLimits(searches=2, search_waiters=3)
    async with world.running(2, limits=limits) as (hub, alice):
        await meet(hub, alice)
        world.network.partition(hub.host, alice.host)  # so that each search takes its time
        inquirer, answered = alice.system.ref(INQUIRER), []

        async def ask(number):
            assert await inquirer.ask(Locate(PeerId(bytes([number]) * 32))) == ()
            answered.append(number)

        async with trio.open_nursery() as nursery:
            for number in (1, 1, 1, 1, 2, 3):
                nursery.start_soon(ask, number)
                await trio.sleep(0.01)  # in this order
            assert sorted(answered) == [1, 3]
        assert sorted(answered) == [1, 1, 1, 1, 2, 3]


async def test_a_crash_of_the_inquirer_forgets_nothing_that_is_needed(world, autojump_clock):
    async with world.running(3) as (hub, alice, bob):
        await meet(hub, alice, bob)
        hub.crash("network/inquirer")
        bob.crash("network/inquirer")
        await trio.sleep(1)
        assert await bob.echo(alice) == b"hello"


async def test_a_peer_from_afar_cannot_send_a_search_into_a_private_network(world, autojump_clock):
    hub, alice = world.add(ip="203.0.113.1"), world.add(ip="203.0.113.2")
    liar = PeerKey.from_seed(b"\x07" * 32)
    inside, outside = (Multiaddr.parse(f"/ip4/{ip}/tcp/80") for ip in ("192.168.1.1", "198.51.100.1"))
    async with hub.run(), alice.run():
        await meet(hub, alice)
        claim = sign_record(liar, 1, (inside, outside, alice.address.without_peer))
        hub.system.cell(INQUIRER).actor._keep(claim, newest=False)
        assert await alice.system.ref(INQUIRER).ask(Locate(liar.peer_id)) == (outside,)
