"""Visits: what a stranger is asked costs neither side more than a session that soon ends."""

from contextlib import suppress

import pytest
import trio

from beam_actors.errors import PeerOffline, ResourceExhausted
from beam_actors.peers import PeerDown, PeersLimits, PeerUp
from beam_actors.peers.messages import EndVisit
from beam_actors.peers.visits import Visits
from beam_actors.testing.clock import SimClock
from beam_actors.values import PeerId, TcpAddress
from tests.peers.lab import ECHO, SERVICES, STRANGER, Node, World, until

WORLD = [TcpAddress(f"9.0.{number}.1", 4747) for number in range(200)]
FAST = PeersLimits(visits_burst=1000)


class Visitor(Node):
    """A node whose echo service is what visits ask for."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.visiting = (ECHO,)

    async def visit(self, other, *, port=None):
        address = TcpAddress(other.ip, port or other.port)
        async with self.peers.turn(other.id, address):
            owner = self.system.ref(f"{SERVICES}/onlooker")
            stream, dialled = await self.peers.visit(other.id, address, ECHO, owner=owner)
            await stream.write(b"hello")
            assert await stream.read() == b"hello"
            stream.close()
        return dialled

    @property
    def book(self):
        manager = self.system._cells[f"{SERVICES}/network/manager"].actor
        return manager._book

    @property
    def guests(self):
        return self.system._cells[f"{SERVICES}/network/manager"].actor._guests


@pytest.fixture
def world():
    return World(Visitor)


async def test_a_visit_leaves_nothing_behind_at_either_end(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        assert await alice.visit(bob) == TcpAddress(bob.ip, bob.port)
        await trio.sleep(5)  # longer than a stranger must stay to be talked with
        assert alice.sessions(bob)
        assert bob.sessions(alice)
        assert bob.id in alice.guests
        await until(lambda: not alice.sessions(bob) and not bob.sessions(alice), seconds=40)
        await trio.sleep(1)
        for node in (alice, bob):
            assert node.events == []
            assert len(node.book) == 0
            assert await node.peers.connected() == ()
            assert await node.peers.snapshot() == ()  # the actor has ended, too


async def test_who_is_visited_stays_while_it_is_of_use(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        for _ in range(10):
            await alice.visit(bob)
            await trio.sleep(20)  # each is asked twice within what a visit lingers, at most
            assert len(bob.seen) > 0
        assert len(set(alice.sessions(bob))) <= 1


@pytest.mark.parametrize("wants", ["visitor", "visited"])
async def test_a_visit_becomes_ordinary_when_one_of_the_two_wants_more(world, autojump_clock, wants):
    async with world.running(2) as (alice, bob):
        await alice.visit(bob)
        await trio.sleep(3)
        (before,) = alice.sessions(bob)
        if wants == "visitor":
            await alice.peers.open(bob.id, "/beam/peers/1")
        else:
            await bob.peers.open(alice.id, "/beam/peers/1")
        await until(lambda: alice.events and bob.events)
        await trio.sleep(100)
        assert alice.sessions(bob) == [before]  # the same session, and it stays
        assert (alice.events, bob.events) == ([PeerUp(bob.id)], [PeerUp(alice.id)])
        assert alice.book.chosen(bob.id)
        assert bob.id not in alice.guests


async def test_whoever_is_connected_is_visited_over_the_session_there_is(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address)
        await trio.sleep(2)
        assert await alice.visit(bob) == TcpAddress(bob.ip, bob.port)
        assert await bob.visit(alice) is None  # it was alice who dialled
        assert len(alice.sessions(bob)) == 1
        for _ in range(10):
            await alice.visit(bob)  # which is no dial, and so not bounded like one
        await trio.sleep(100)
        assert len(alice.sessions(bob)) == 1
        assert alice.events == [PeerUp(bob.id)]


async def test_a_peer_that_cannot_be_visited_can_be_wanted_afterwards(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        with pytest.raises(PeerOffline):
            await alice.visit(bob, port=9)
        assert await alice.visit(bob)
        await alice.peers.connect(bob.address)
        await until(lambda: alice.events == [PeerUp(bob.id)])
        await trio.sleep(1)  # until nobody waits for a stream, for which the peer would be dialled again
        await alice.lose(bob)
        await until(lambda: alice.events == [PeerUp(bob.id), PeerDown(bob.id)])
        await trio.sleep(60)
        await alice.visit(bob)
        await trio.sleep(5)
        assert alice.events == [PeerUp(bob.id), PeerDown(bob.id)]  # it is nobody again


async def test_who_is_wanted_while_a_visit_to_it_is_being_ended_is_dialled(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.visit(bob)
        visited = alice.sessions(bob)
        alice.system.ref(f"{SERVICES}/network/peers/{bob.id.short}").tell(EndVisit())  # others are visited
        assert await alice.echo(bob) == b"hello"
        assert len(alice.sessions(bob)) == 1
        assert alice.sessions(bob) != visited


@pytest.mark.parametrize("first", ["alice", "bob"])
async def test_who_began_anew_before_it_was_missed_is_no_visitor_to_whom_it_knew(world, autojump_clock, first):
    """It only asks something, and the other one has no news of it: so it would hold the session for a visit."""
    alice, bob = world.add(), world.add()
    dials, other = (alice, bob) if first == "alice" else (bob, alice)
    async with bob.run():
        async with alice.run():
            await dials.peers.connect(other.address)
            await until(lambda: alice.events and bob.events)
            await trio.sleep(5)
            alice.host.kill()
        alice.host.revive()
        alice.events.clear()
        async with alice.run():
            await alice.visit(bob)
            (session,) = alice.sessions(bob)
            await trio.sleep(100)
            assert alice.sessions(bob) == [session]
            assert len(bob.sessions(alice)) == 1
            assert alice.events == [PeerUp(bob.id)]
            assert bob.events == [PeerUp(alice.id)]


async def test_the_oldest_visit_gives_way(world, autojump_clock):
    async with world.running(1, limits=PeersLimits(visits=3)) as (alice,):
        others = [world.add() for _ in range(5)]
        async with trio.open_nursery() as nursery:
            for other in others:
                await nursery.start(_running, other)
            for other in others:
                await alice.visit(other)
                await trio.sleep(0.1)
            await until(lambda: [bool(alice.sessions(other)) for other in others] == [False, False, True, True, True])
            nursery.cancel_scope.cancel()


async def _running(node, task_status=trio.TASK_STATUS_IGNORED):
    async with node.run():
        task_status.started()
        await trio.sleep_forever()


async def test_strangers_are_dialled_at_a_rate(autojump_clock):
    visits = Visits(SimClock(), PeersLimits(visits_burst=10, visits_per_second=2.0))
    begun = []
    for number, address in enumerate(WORLD[:30]):
        async with visits.turn(PeerId(bytes([number]) * 32), address):
            begun.append(trio.current_time())
    assert begun[9] == begun[0]
    assert begun[29] - begun[0] == pytest.approx(10.0)


async def test_few_are_asked_at_once(autojump_clock):
    visits = Visits(SimClock(), limits := PeersLimits(visit_dials=3))
    now = most = 0

    async def ask(number):
        nonlocal now, most
        async with visits.turn(PeerId(bytes([number]) * 32), WORLD[number]):
            now += 1
            most = max(most, now)
            await trio.sleep(1)
            now -= 1

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(ask, number)
    assert most == limits.visit_dials


async def test_nobody_makes_this_node_flood_a_victim(autojump_clock):
    visits = Visits(SimClock(), FAST)
    start, dials = trio.current_time(), 0
    while trio.current_time() - start < 600:
        for number in range(20):
            with suppress(ResourceExhausted):
                async with visits.turn(PeerId(bytes([number]) * 32), TcpAddress(f"9.9.9.{number}", 1000 + number)):
                    dials += 1
        await trio.sleep(1)
    assert 20 <= dials <= 22
    async with visits.turn(STRANGER, TcpAddress("9.9.10.1", 4747)):
        pass  # others are not affected


async def test_whoever_asks_the_same_stranger_meanwhile_pays_no_second_dial(autojump_clock):
    visits = Visits(SimClock(), FAST)
    asked = []

    async def ask():
        async with visits.turn(STRANGER, WORLD[0]):
            asked.append(trio.current_time())
            await trio.sleep(1)

    async with trio.open_nursery() as nursery:
        for _ in range(6):  # more than one network is dialled in a minute
            nursery.start_soon(ask)
            await trio.sleep(0.1)
    assert len(asked) == 6


async def test_who_comes_with_many_addresses_has_nobody_flooded_and_takes_no_visit(autojump_clock):
    visits = Visits(SimClock(), limits := PeersLimits(knocks=2, knocks_per_second=1.0, knocks_burst=4))
    knocks, refused = [], 0

    async def knock(address):
        nonlocal refused
        try:
            async with visits.knock(address):
                knocks.append(trio.current_time())
                await trio.sleep(5)
        except ResourceExhausted:
            refused += 1

    async with trio.open_nursery() as nursery:
        for number in range(60):
            nursery.start_soon(knock, TcpAddress(f"9.9.9.{number}", 22))
        for address in WORLD[:20]:
            nursery.start_soon(knock, address)
        began = trio.current_time()
        async with visits.turn(STRANGER, TcpAddress("9.9.9.200", 4747)):
            assert trio.current_time() == began  # whoever searches waits for none of them
    assert refused >= 56  # two a minute are looked for in one network, however long the others wait
    assert all(b - a >= 5 for a, b in zip(knocks, knocks[limits.knocks :], strict=False))
