"""Whole nodes of this room with the DHT: who comes to know whom, what is found and stored, and what liars achieve."""

import pytest
import trio

from beam_actors.errors import NetworkError, PeerOffline, RemoteProtocolError
from beam_actors.flow import read_frame
from beam_actors.peers import Fate, KadLimits, Kept, PeersLimits
from beam_actors.peers.kad.ids import distance, node_id
from beam_actors.peers.kad.messages import (
    MAX_MESSAGE,
    PROTOCOL,
    Find,
    Nodes,
    Refuse,
    Store,
    Stored,
    What,
    decode,
    encode,
)
from beam_actors.testing.clock import EPOCH
from beam_actors.values import Multiaddr, TcpAddress
from beam_actors.wire import FrameReader, frame, open_record, sign_record
from tests.peers.lab import ECHO, SERVICES, STRANGER, Node, World, until

KEY = bytes(range(32))
QUICK = KadLimits(join_growth=5.0)
SMALL = KadLimits(join_growth=5.0, bucket=6)
"""A table of few, so that a few nodes are more than each of them knows."""
FREE = PeersLimits(visits_per_network=100)  # what is asked by hand comes more often than a table asks


class Shelf:
    """A custodian that takes all it is given, and finds so many of it bad."""

    def __init__(self):
        self.kept = {}
        self.near = []
        self.bad = 0

    async def keep(self, key, values, source, *, near):
        self.near.append(near)
        if not near:
            return Kept((Fate.NOT_MINE,) * len(values))
        self.kept[key] = values
        return Kept((Fate.KEPT,) * len(values), self.bad)

    async def find(self, key):
        return self.kept.get(key, ())


class KadNode(Node):
    """A node with a DHT."""

    def __init__(self, *args, kad=QUICK, **options):
        super().__init__(*args, **options)
        self.kad = kad
        self.shelf = self.custodian = Shelf()

    @property
    def dht(self):
        return self.system._cells[f"{SERVICES}/network/dht"].actor

    @property
    def owner(self):
        return self.system.ref(f"{SERVICES}/onlooker")

    def table(self):
        return {contact.peer for contact in self.dht._contacts}

    async def find(self, key=KEY):
        found = []

        async def take(peer, values):
            found.append((peer, values))

        return await self.room.dht.find(key, self.owner, take), found

    async def ask(self, other, data):
        """What another node says to one message, which need not be one."""
        stream = await self.peers.open(other.id, PROTOCOL)
        await stream.write(data)
        body = await read_frame(stream, FrameReader(MAX_MESSAGE))
        stream.abort()
        return None if body is None else decode(body)


@pytest.fixture
def world():
    return World(KadNode)


async def meet(hub, *others):
    for other in others:
        await other.peers.connect(hub.address)


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


# --- liars ------------------------------------------------------------------------------------------------------------


async def asked_by(liar, victim, answer, *, dialled=False, seconds=30.0):
    """What becomes of the victim's table when a peer answers its questions so, whoever of the two dialled."""

    async def serve(peer, stream):
        await read_frame(stream, FrameReader(MAX_MESSAGE))
        await stream.write(answer(stream))
        stream.close()

    liar.dht._answers.take = lambda _peer, _remote: True
    liar.dht._answers.answer = serve
    if dialled:
        await victim.peers.connect(liar.address)
    else:
        await liar.peers.connect(victim.address)
    await trio.sleep(seconds)
    return victim.table()


async def dialled_by(node):
    """Where a node goes for one search."""
    dialled = []
    visit = node.dht._questions._peers.visit

    async def noted(peer, address, protocol, *, owner):
        dialled.append(address)
        return await visit(peer, address, protocol, owner=owner)

    node.dht._questions._peers.visit = noted
    await node.find()
    return {address.ip for address in dialled}


def record_of(node, *ips, seq=1, port=4747):
    return sign_record(node.key, seq, tuple(Multiaddr.from_address(TcpAddress(ip, port)) for ip in ips)).envelope


@pytest.mark.parametrize(
    "says",
    [
        lambda liar, other: encode(Nodes(record_of(other, other.ip), ())),  # another one's record for its own
        lambda liar, other: encode(Nodes(record_of(liar, liar.ip), ((b"junk", 0),))),
        lambda liar, other: encode(Nodes(record_of(liar, "9.9.9.9"), ())),  # where somebody else is
        lambda liar, other: encode(Nodes(record_of(liar, liar.ip, port=9), ())),
        lambda liar, other: encode(Refuse("No.")),
        lambda liar, other: frame(b"\xff" * 10),
        lambda liar, other: b"\xff\xff\xff\xff\x0f",
    ],
)
async def test_who_lies_of_itself_enters_no_table(world, autojump_clock, says):
    async with world.running(3) as (victim, liar, other):
        assert await asked_by(liar, victim, lambda _stream: says(liar, other)) == set()


async def test_nobody_passes_for_another_at_the_address_at_which_it_was_dialled(world, autojump_clock):
    async with world.running(3) as (victim, liar, other):
        answer = encode(Nodes(record_of(other, other.ip), ()))
        first = await asked_by(liar, victim, lambda _stream: answer, dialled=True, seconds=0.5)
        assert first == set()  # nor for the second until it is asked there


async def test_whom_others_name_enters_no_table_before_it_was_reached(world, autojump_clock):
    ghost = world.add()
    async with world.running(3) as (victim, liar, other):
        future = int((EPOCH + 1e6) * 1000)
        names = ((record_of(ghost, ghost.ip), 0), (record_of(other, "9.9.9.9", seq=future), 0))
        table = await asked_by(liar, victim, lambda _stream: encode(Nodes(record_of(liar, liar.ip), names)))
        assert table == {liar.id}
        walked, _ = await victim.find()
        assert [node.peer for node in walked.closest] == [liar.id]


async def test_addresses_that_cannot_be_meant_are_not_dialled(world, autojump_clock):
    other = world.add()
    async with world.running(2) as (victim, liar):
        record = record_of(other, "127.0.0.1", "0.0.0.0", victim.ip)
        answer = encode(Nodes(record_of(liar, liar.ip), tuple((record, place) for place in range(16))))
        await asked_by(liar, victim, lambda _stream: answer)
        assert await dialled_by(victim) == {liar.ip}


async def test_nobody_is_sent_where_this_node_has_not_been(world, autojump_clock):
    """A peer names a third party's address beside its own, before it or after it."""
    for order in (lambda ips: ips, reversed):
        async with world.running(3) as (hub, liar, asker):
            record = record_of(liar, *order(["9.9.9.9", liar.ip]))
            await asked_by(liar, hub, lambda _stream, record=record: encode(Nodes(record, ())), dialled=True)
            assert hub.table() == {liar.id}
            await asker.peers.connect(hub.address)
            await trio.sleep(10)
            assert await dialled_by(asker) == {hub.ip, liar.ip}


async def test_who_does_not_say_where_it_was_reached_is_told_to_nobody(world, autojump_clock):
    async with world.running(3) as (hub, shy, asker):
        answer = encode(Nodes(record_of(shy, "9.9.9.9"), ()))
        assert await asked_by(shy, hub, lambda _stream: answer, dialled=True) == {shy.id}
        await asker.peers.connect(hub.address)
        await trio.sleep(10)
        nodes = await asker.ask(hub, encode(Find(What.NODES, KEY)))
        assert nodes.near == ()


# --- answering --------------------------------------------------------------------------------------------------------


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
