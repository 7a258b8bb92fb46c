"""Whole nodes with the DHT: who comes to know whom, who is forgotten, and what is found and stored."""

import pytest
import trio

from beam_actors.errors import PeerOffline
from beam_actors.peers import KadLimits, PeersLimits
from beam_actors.peers.kad.ids import distance, node_id
from beam_actors.values import TcpAddress
from tests.peers.kad.lab import FREE, KEY, SMALL, meet
from tests.peers.lab import ECHO, SERVICES, STRANGER, until


async def test_who_knows_nobody_does_nothing(world, autojump_clock):
    async with world.running(1) as (alice,):
        await trio.sleep(7200)
        walked, found = await alice.find()
        assert (walked.closest, walked.asked, found) == ((), 0, [])
        assert await alice.room.dht.store(KEY, [b"value"], alice.owner) == ()


async def test_two_who_are_connected_know_each_other(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address)
        await until(lambda: alice.table() == {bob.id} and bob.table() == {alice.id}, seconds=5)
        await trio.sleep(100)
        assert len(alice.sessions(bob)) == len(bob.sessions(alice)) == 1  # to find out where alice is took no session
        assert await alice.room.dht.store(KEY, [b"value"], alice.owner) == (bob.id,)
        walked, found = await alice.find()
        assert found == [(bob.id, (b"value",))]
        assert [node.peer for node in walked.closest] == [bob.id]


async def test_who_only_shares_a_hub_finds_the_others(world, autojump_clock):
    async with world.running(16, limits=FREE, kad=SMALL) as (hub, *others):
        await meet(hub, *others)
        await trio.sleep(100)
        everybody = {node.id for node in (hub, *others)}
        assert min(len(node.table()) for node in others) >= 6
        by_distance = sorted(everybody - {others[0].id}, key=lambda peer: distance(node_id(peer), KEY))
        walked, _ = await others[0].find()
        assert [node.peer for node in walked.closest] == by_distance[:6]
        assert walked.complete
        await trio.sleep(100)
        for node in others:  # whom the search asked is a stranger again
            assert await node.peers.connected() == (hub.id,)


async def test_who_names_nodes_that_may_not_be_visited_now_is_not_blamed_for_it(world, autojump_clock):
    async with world.running(16, limits=FREE) as (hub, *others):
        await meet(hub, *others)
        await trio.sleep(100)
        late = world.add(kad=KadLimits(paths=1, join=1000.0))
        async with late.run():
            await late.peers.connect(hub.address)
            await until(lambda: late.table() == {hub.id}, seconds=5)
            by_distance = sorted(others, key=lambda node: distance(node_id(node.id), KEY))
            for node in by_distance[:8]:
                for _ in range(PeersLimits().visits_per_network):
                    async with late.peers.turn(STRANGER, TcpAddress(node.ip, 1)):
                        pass
            walked, _ = await late.find()
            assert walked.asked == 1 + len(others)
            assert {node.peer for node in walked.closest} == {hub.id, *(node.id for node in by_distance[8:])}


async def test_what_one_stores_another_finds(world, autojump_clock):
    async with world.running(16, limits=FREE, kad=SMALL) as (hub, *others):
        await meet(hub, *others)
        await trio.sleep(100)
        kept = await others[0].room.dht.store(KEY, [b"one", b"two"], others[0].owner)
        assert 5 <= len(kept) <= 6
        holders = {node.id for node in (hub, *others) if node.shelf.kept}
        assert holders == set(kept)
        searcher = next(node for node in others if node.id not in holders and node is not others[0])
        walked, found = await searcher.find()
        assert walked.told == len(found) >= 5
        assert {values for _, values in found} == {(b"one", b"two")}


async def test_a_node_that_cannot_be_reached_is_in_no_table(world, autojump_clock):
    hidden = world.add()
    async with world.running(2) as (hub, other), hidden.run():
        await other.peers.connect(hub.address)
        await hidden.peers.connect(hub.address)
        world.network.cut(hub.host, hidden.host)  # whatever comes from hidden arrives, and no dial gets there
        world.network.mend(hub.host, hidden.host)
        await trio.sleep(60)
        assert hidden.id in hub.table()  # it listens like everybody
    shy = world.add(port=5000)
    async with world.running(1) as (hub,), shy.run():
        shy.room.listening.addresses = (TcpAddress(shy.ip, 5001),)  # where nobody listens
        await shy.peers.connect(hub.address)
        await trio.sleep(60)
        assert await shy.peers.connected() == (hub.id,)
        assert hub.table() == set()
        assert shy.table() == {hub.id}


async def test_a_dht_that_crashed_knows_its_peers_again(world, autojump_clock):
    async with world.running(3) as (hub, *others):
        await meet(hub, *others)
        await until(lambda: len(hub.table()) == 2, seconds=10)
        before, dht = hub.incarnations(), hub.dht
        hub.crash("network/dht")
        await until(lambda: hub.dht not in {dht, None} and len(hub.table()) == 2, seconds=10)
        after = hub.incarnations()
        changed = {path for path in before if before[path] != after.get(path)}
        assert changed == {f"{SERVICES}/network/dht"}


async def test_who_is_cut_off_forgets_nobody(world, autojump_clock):
    async with world.running(8, limits=FREE) as (hub, *others):
        await meet(hub, *others)
        await trio.sleep(60)
        known = others[0].table()
        assert len(known) >= 5
        for node in (hub, *others[1:]):
            world.network.partition(others[0].host, node.host)
        await trio.sleep(60)
        for _ in range(5):
            walked, _ = await others[0].find()
            assert walked.closest == ()
        assert others[0].table() == known
        for node in (hub, *others[1:]):
            world.network.heal(others[0].host, node.host)
        walked, _ = await others[0].find()
        assert walked.asked >= 5  # and it takes nobody for silent


async def test_who_falls_silent_is_forgotten_though_no_search_waits_for_it(world, autojump_clock):
    async with world.running(7, limits=FREE) as (hub, *others):
        await meet(hub, *others)
        await trio.sleep(60)
        dead, *left = others
        knew = [node for node in left if dead.id in node.table()]
        assert knew
        for node in (hub, *left):
            world.network.partition(dead.host, node.host)
        await trio.sleep(60)
        for _ in range(4):
            for node in knew:
                await node.find(node_id(dead.id))
            await trio.sleep(61)
        assert not [node for node in knew if dead.id in {one.peer for one in node.dht._contacts.closest(KEY)}]


async def test_who_was_silent_for_a_while_is_asked_again(world, autojump_clock):
    async with world.running(7, limits=FREE) as (hub, *others):
        await meet(hub, *others)
        await trio.sleep(60)
        for node in others:
            for peer in node.table():
                node.dht._contacts.failed(peer)
        assert not others[0].dht._contacts.closest(KEY)
        walked, _ = await others[0].find()
        assert len(walked.closest) >= 5
        await until(lambda: not others[0].dht._contacts.silent(), seconds=1)
        await trio.sleep(2 * KadLimits().refresh)
        assert not [node for node in others if node.dht._contacts.silent()]


async def test_who_is_gone_is_forgotten_while_others_answer(world, autojump_clock):
    async with world.running(7, limits=FREE) as (hub, *others):
        last = world.add(limits=FREE)
        async with last.run():
            await meet(hub, *others, last)
            await trio.sleep(60)
            knew = [node for node in others if last.id in node.table()]
            assert knew
        await trio.sleep(60)
        for _ in range(3):
            for node in knew:
                await node.find(node_id(last.id))
            await trio.sleep(61)
        assert not [node for node in others if last.id in node.table()]


async def test_a_peer_whom_no_neighbour_knows_is_found_by_its_place(world, autojump_clock):
    async with world.running(9, limits=FREE) as (hub, one, other, alice, bob, *others):
        await meet(hub, one, other, *others)
        await meet(one, alice)
        await meet(other, bob)
        await trio.sleep(60)
        assert bob.id not in await alice.peers.connected()
        began = trio.current_time()
        assert await alice.echo(bob) == b"hello"
        assert trio.current_time() - began < 1
        assert bob.id in await alice.peers.connected()
        with pytest.raises(PeerOffline):
            await alice.peers.open(STRANGER, ECHO)
        assert trio.current_time() - began < 6


async def test_who_asks_too_much_does_not_forget_those_who_refuse(world, autojump_clock):
    """An owner whose names change each second is refused: it would end with nobody to ask, for ever."""
    few = KadLimits(join_growth=5.0, finds_per_second=1.0)
    async with world.running(4, limits=FREE, kad=few) as (hub, *others):
        await meet(hub, *others)
        await trio.sleep(600)
        known = others[0].table()
        assert known
        for _ in range(12):
            walked, _ = await others[0].find()
        assert not walked.closest
        assert others[0].table() == known
        await trio.sleep(600)
        walked, _ = await others[0].find()
        assert len(walked.closest) == len(known)


async def test_who_cuts_each_question_for_long_counts_as_silent(world, autojump_clock):
    async with world.running(7, limits=FREE) as (hub, *others):
        await meet(hub, *others)
        await trio.sleep(60)
        refuser, *left = others
        refuser.dht._answers.take = lambda _peer, _remote: False
        knew = [node for node in left if refuser.id in node.table()]
        assert knew
        for seconds, stays in ((60, True), (200, False)):
            for _ in range(3):
                for node in knew:
                    await node.find(node_id(refuser.id))
                await trio.sleep(seconds / 3)
            near = [node for node in knew if refuser.id in {one.peer for one in node.dht._contacts.closest(KEY)}]
            assert bool(near) is stays


async def test_who_is_far_from_a_key_says_so(world, autojump_clock):
    async with world.running(16, limits=FREE, kad=SMALL) as nodes:
        hub, *others = nodes
        await meet(hub, *others)
        await trio.sleep(100)
        far = max(nodes, key=lambda node: distance(node_id(node.id), KEY))
        near = min(nodes, key=lambda node: distance(node_id(node.id), KEY))
        assert not far.dht._is_near(KEY)
        assert near.dht._is_near(KEY)
