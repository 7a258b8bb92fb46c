"""Whole nodes with the DHT: how questions are answered, and within which bounds."""

import trio

from beam_actors.errors import NetworkError, RemoteProtocolError
from beam_actors.peers import KadLimits
from beam_actors.peers.kad.messages import (
    PROTOCOL,
    Find,
    Nodes,
    Refuse,
    Store,
    Stored,
    What,
    encode,
)
from beam_actors.values import TcpAddress
from beam_actors.wire import frame, open_record
from tests.peers.kad.lab import KEY, meet
from tests.peers.lab import until


async def test_what_is_no_question_is_refused_in_words(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address)
        for data in (frame(b"\xa0"), encode(Refuse("?")), encode(Nodes(b"own", ()))):
            assert isinstance(await alice.ask(bob, data), Refuse)


async def test_an_answer_names_itself_and_not_the_asker(world, autojump_clock):
    async with world.running(3) as (hub, alice, bob):
        await meet(hub, alice, bob)
        await until(lambda: hub.table() == {alice.id, bob.id}, seconds=10)
        nodes = await alice.ask(hub, encode(Find(What.NODES, KEY)))
        assert open_record(nodes.own).peer == hub.id
        ((record, place),) = nodes.near
        assert open_record(record).peer == bob.id
        assert open_record(record).addresses[place].tcp == TcpAddress(bob.ip, bob.port)


async def test_one_peer_is_answered_within_bounds(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address)
        await trio.sleep(5)
        answered = 0
        start = trio.current_time()
        while trio.current_time() - start < 10:
            try:
                answered += await alice.ask(bob, encode(Find(What.NODES, KEY))) is not None
            except (NetworkError, RemoteProtocolError):
                await trio.sleep(0.001)
        limits = bob.kad
        assert 10 * limits.finds_per_second <= answered <= (10 + 5) * limits.finds_per_second


async def test_who_gives_what_is_bad_owes_for_it_alone(world, autojump_clock):
    async with world.running(3) as (alice, bob, carol):
        await meet(bob, alice, carol)
        await trio.sleep(5)
        store = encode(Store(What.VALUES, KEY, (b"value",) * 16))
        bob.shelf.bad = 16
        burst = 8 * bob.kad.stores_per_second
        assert isinstance(await alice.ask(bob, store), Stored)
        assert isinstance(await alice.ask(bob, store), Refuse)  # it owes for sixteen, and had sixteen
        bob.shelf.bad = 0
        assert isinstance(await carol.ask(bob, store), Stored)
        await trio.sleep((burst + 1) / bob.kad.stores_per_second)
        assert isinstance(await alice.ask(bob, store), Stored)


async def test_one_who_asks_slowly_holds_a_place_for_a_while_only(world, autojump_clock):
    async with world.running(3) as (alice, bob, carol):
        await meet(bob, alice, carol)
        await trio.sleep(5)
        streams = [await alice.peers.open(bob.id, PROTOCOL) for _ in range(20)]
        for stream in streams:
            await stream.write(b"\x26")
        await trio.sleep(1)
        assert len(bob.dht._answers) == bob.kad.answers_per_peer
        assert isinstance(await carol.ask(bob, encode(Find(What.NODES, KEY))), Nodes)
        await trio.sleep(bob.kad.ask_timeout)
        assert len(bob.dht._answers) == 0


async def test_questions_that_do_not_come_give_their_places_to_those_that_do(world, autojump_clock):
    few = KadLimits(join_growth=5.0, bucket=6, answers=2, answers_per_peer=2)
    async with world.running(3, kad=few) as (alice, bob, carol):
        await meet(bob, alice, carol)
        await trio.sleep(5)
        streams = [await alice.peers.open(bob.id, PROTOCOL) for _ in range(2)]
        for stream in streams:
            await stream.write(b"\x26")
        await trio.sleep(1)
        assert len(bob.dht._answers) == 2
        for _ in range(3):
            assert isinstance(await carol.ask(bob, encode(Find(What.NODES, KEY))), Nodes)
        await trio.sleep(1)
        assert len(bob.dht._answers) == 1  # one of them had to go
