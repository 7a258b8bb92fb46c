"""Names and the DHT: what is kept for others, what others keep, and what is found there."""

from contextlib import AsyncExitStack, asynccontextmanager

import attrs
import pytest
import trio

from beam_actors.errors import NameContested, NameNotFound
from beam_actors.identity import OwnerChain
from beam_actors.naming import Claim, Kind, Limits, custodian_of
from beam_actors.naming.custody import PUBLISHED
from beam_actors.naming.limits import HOUR, MAX_VALIDITY
from beam_actors.naming.messages import GetAbout
from beam_actors.naming.ranges import hold_key, name_key
from beam_actors.peers import Fate
from beam_actors.ports import Change
from beam_actors.testing.clock import EPOCH
from beam_actors.values import Name
from tests.naming.builders import CHEAP, NETWORK, claim, owner_id, peer, revocation, stolen
from tests.naming.lab import SERVICES, Node, Ring, Silent, Wires, give, ids, lab, settle

ALICE = Name("alice")
KEY = name_key(NETWORK, ALICE)


def far_apart(ring, name, holder, seeker):
    """Whether none of those who are asked about the name has anything of the holder's hold, nor the seeker."""
    have_it = [holder, *ring.nearest(hold_key(NETWORK, name, holder.owner), holder)]
    return not any(node in have_it for node in (seeker, *ring.nearest(name_key(NETWORK, name), seeker)))


def mob(first, count, name):
    """Claims of as many other owners for the name."""
    keys = [OwnerChain(bytes([100 + number]) * 32).era_key(0) for number in range(first, first + count)]
    return [Claim.sign(attrs.evolve(now_claim(1, name).terms, keyset=key.keyset), key) for key in keys]


def now_claim(owner, name="alice", **fields):
    return claim(owner, name, issued=int(EPOCH), **fields)


@asynccontextmanager
async def ring_of(count, **options):
    """`count` nodes that meet in the DHT alone."""
    async with lab(count, ring=(ring := Ring()), **options) as (_, nodes):
        yield ring, nodes


def shelf(node):
    return custodian_of(node.system, SERVICES, NETWORK)


def times(ring):
    """How often claims for the name were given to those near it."""
    return sum(key == KEY for key, _ in ring.stores)


def custody(node):
    return node.system._cells[f"{SERVICES}/custody"].actor


async def test_a_name_is_kept_by_those_who_are_near_and_found_by_everybody(autojump_clock):
    async with ring_of(4, owner=0) as (ring, nodes):
        await nodes[0].naming.register("alice")
        await settle()
        keepers = ring.nearest(KEY, nodes[0])
        assert {node.number for node in nodes if await ids(node)} == {0, *(node.number for node in keepers)}
        seeker = next(node for node in nodes[1:] if node not in keepers)
        found = await seeker.naming.resolve("alice")
        assert (found.owner, found.peers, found.source) == (nodes[0].owner, (nodes[0].me,), "dht")
        assert (await seeker.naming.resolve("alice")).source == "registry"


async def test_a_holder_who_is_crowded_out_of_a_name_is_found_by_the_full_form(autojump_clock):
    """Beside the quotas near a key of its own, also when the crowd came first, and by the name alone nowhere."""
    wires, ring, limits = Wires(), Ring(), Limits(owners_per_name=2)
    async with AsyncExitStack() as stack:
        machines = [Node(wires, number, owner=3 if number else 0, limits=limits, ring=ring) for number in range(8)]
        holder, *others = [await stack.enter_async_context(machine.run()) for machine in machines]
        seeker, names = others[0], (Name(f"n{number}") for number in range(99))
        name = next(one for one in names if far_apart(ring, one, holder, seeker))
        for node in others:
            await give(node, *mob(0, 6, name.label))
        await holder.naming.register(name.label, contest=True)
        await settle()
        told = [Claim.parse(one, network=NETWORK) for one in await holder.registrar.ask(GetAbout(name))]
        [mine] = [one.id for one in told if one.owner == holder.owner]
        for node in ring.nearest(hold_key(NETWORK, name, holder.owner), holder):
            assert mine in await ids(node)
        for node in others:
            await give(node, *mob(6, 6, name.label))  # more of them come
        assert (await seeker.naming.resolve(f"{name}.{holder.owner}")).peers == (holder.me,)


async def test_what_nobody_keeps_is_not_found(autojump_clock):
    async with ring_of(4) as (ring, nodes):
        with pytest.raises(NameNotFound):
            await nodes[0].naming.resolve("alice")
        assert ring.finds == [KEY]
        with pytest.raises(NameNotFound):  # a moment later it is still so
            await nodes[0].naming.resolve("alice")
        assert ring.finds == [KEY]


async def test_a_name_that_the_dht_knows_is_taken(autojump_clock):
    async with ring_of(4) as (_, nodes):
        await shelf(nodes[1]).keep(KEY, (now_claim(3).encoded,), peer(9), near=True)
        await shelf(nodes[2]).keep(KEY, (now_claim(2).encoded,), peer(9), near=True)
        with pytest.raises((NameContested, NameNotFound)):
            await nodes[0].naming.resolve("alice")


async def test_peers_that_decide_a_question_spare_the_dht(autojump_clock):
    ring = Ring()
    async with lab(3, ring=ring) as (wires, (one, other, _)):
        await give(other, now_claim(3))
        ring.stores.clear()
        wires.links.add(frozenset((one.me, other.me)))
        assert (await one.naming.resolve("alice")).source == "registry"
        await settle()
        assert ring.finds == []


async def test_peers_that_know_nothing_do_not_delay_the_dht(autojump_clock):
    ring = Ring(count=3)
    async with lab(3, ring=ring) as (wires, (one, ignorant, far)):
        await give(far, now_claim(3))
        wires.links.add(frozenset((one.me, ignorant.me)))
        began = trio.current_time()
        assert (await one.naming.resolve("alice")).source == "dht"
        assert trio.current_time() - began < 0.1  # with the time for a second opinion


async def test_a_silent_peer_delays_the_dht_by_a_tenth_of_a_second(autojump_clock):
    ring = Ring(count=3)
    async with lab(2, ring=ring) as (wires, (one, far)):
        await give(far, now_claim(3))
        mute = Node(wires, 7, owner=0)
        mute.spread = Silent()
        wires.links.add(frozenset((one.me, mute.me)))
        began = trio.current_time()
        assert (await one.naming.resolve("alice")).source == "dht"
        assert 0.1 <= trio.current_time() - began < 0.3


# --- keeping ----------------------------------------------------------------------------------------------------------


async def test_what_is_no_claim_for_the_key_is_refused(autojump_clock):
    async with ring_of(1) as (_, (node,)):
        good, other, bad = now_claim(3), now_claim(3, "bob"), now_claim(2).encoded[:-1] + b"\0"
        long_ago = claim(1, issued=int(EPOCH) - MAX_VALIDITY - HOUR)
        values = (good.encoded, other.encoded, bad, b"junk", revocation(3).encoded, long_ago.encoded)
        kept = await shelf(node).keep(KEY, values, peer(9), near=True)
        assert kept.fates == (Fate.KEPT, *[Fate.REFUSED] * 5)
        assert await ids(node) == {good.id}
        assert await shelf(node).find(KEY) == (good.encoded,)
        assert await shelf(node).find(name_key(NETWORK, Name("bob"))) == ()
        assert (await shelf(node).keep(KEY, (good.encoded,), peer(9), near=True)).fates == (Fate.KNOWN,)


async def test_claims_with_bad_work_are_told_and_checked_once(autojump_clock):
    async with lab(1, difficulty=CHEAP) as (_, (node,)):
        bad = tuple(stolen(number, "alice").encoded for number in (2, 3))
        kept = await shelf(node).keep(KEY, bad, peer(9), near=True)
        assert (kept.fates, kept.bad) == ((Fate.REFUSED,) * 2, 2)
        again = await shelf(node).keep(KEY, bad, peer(9), near=True)
        assert (again.fates, again.bad) == ((Fate.REFUSED,) * 2, 0)


async def test_who_is_far_keeps_what_it_has_and_no_more(autojump_clock):
    async with ring_of(1) as (_, (node,)):
        here, new = now_claim(3), now_claim(2)
        await give(node, here)
        assert (await shelf(node).keep(KEY, (here.encoded, new.encoded), peer(9), near=False)).fates == (
            Fate.KNOWN,
            Fate.NOT_MINE,
        )
        assert await ids(node) == {here.id}


async def test_an_older_claim_does_not_replace_a_newer_one(autojump_clock):
    async with ring_of(1) as (_, (node,)):
        old, new = now_claim(3, seq=1), now_claim(3, seq=2)
        assert (await shelf(node).keep(KEY, (new.encoded, old.encoded), peer(9), near=True)).fates == (
            Fate.KEPT,
            Fate.REFUSED,
        )
        assert await shelf(node).find(KEY) == (new.encoded,)


async def test_a_node_that_is_full_still_keeps_what_is_near_and_finds_what_is_asked_for(autojump_clock):
    limits = Limits(claims=2, kept=3, sought=1)
    async with ring_of(1, limits=limits) as (ring, (node,)):
        for owner, name in ((1, "bob"), (2, "carol")):
            await give(node, now_claim(owner, name))
        await give(node, now_claim(3, "dave"))  # as a peer would: there is no room
        assert len(await ids(node)) == 2
        labels = [f"name-{number}" for number in range(8)]
        for label in labels:
            key = name_key(NETWORK, Name(label))
            await shelf(node).keep(key, (now_claim(3, label).encoded,), peer(9), near=True)
        (place,) = ring.nodes
        nearest = sorted(labels, key=lambda one: distance(name_key(NETWORK, Name(one)), place))[:3]
        held = {one.name.label for one in await about(node, ["bob", "carol", "dave", *labels])}
        assert held == {"bob", "carol", *nearest}


async def about(node, labels):
    found = [one for label in labels for one in await node.registrar.ask(GetAbout(Name(label)))]
    return [Claim.parse(one, network=NETWORK) for one in found]


def distance(one, other):
    return int.from_bytes(one, "big") ^ int.from_bytes(other, "big")


async def test_what_was_kept_beyond_the_bound_is_so_after_a_restart(autojump_clock):
    wires = Wires()
    ring = Ring()
    node = Node(wires, 0, limits=Limits(claims=1, kept=2, sought=1), ring=ring)
    async with node.run():
        await give(node, now_claim(1, "bob"))
        for label in ("carol", "dave"):
            key = name_key(NETWORK, Name(label))
            fates = (await shelf(node).keep(key, (now_claim(2, label).encoded,), peer(9), near=True)).fates
            assert fates == (Fate.KEPT,)
        before = await ids(node)
    async with node.run():
        assert await ids(node) == before
        await give(node, now_claim(3, "erin"))
        assert await ids(node) == before  # it is as full as it was


# --- giving out -------------------------------------------------------------------------------------------------------


async def test_own_claims_are_given_out_again_each_few_hours_and_not_after_a_restart(autojump_clock):
    wires, ring = Wires(), Ring()
    async with AsyncExitStack() as stack:
        for number in (1, 2):
            await stack.enter_async_context(Node(wires, number, ring=ring).run())
        node = Node(wires, 0, ring=ring)
        async with node.run():
            await node.naming.register("alice")
            await settle()
            assert times(ring) == 1
            await trio.sleep(HOUR)
        async with node.run():
            await trio.sleep(HOUR)
            assert times(ring) == 1
            await trio.sleep(24 * HOUR)
            assert 4 <= times(ring) <= 6


async def test_what_is_new_of_a_name_is_given_out_at_once(autojump_clock):
    async with ring_of(3) as (ring, (one, *_others)):
        await one.naming.register("alice")
        await settle()
        await one.naming.release("alice")
        await settle()
        assert times(ring) == 2
        for node in ring.nearest(KEY, one):
            (kept,) = await about(node, ["alice"])
            assert kept.kind is Kind.TOMBSTONE
        await trio.sleep(48 * HOUR)
        assert times(ring) == 2  # it said all that there is to say
        assert custody(one)._due == {}


async def test_who_is_alone_tries_again_until_somebody_is_there(autojump_clock):
    wires, ring = Wires(), Ring()
    node = Node(wires, 0, ring=ring)
    async with node.run():
        await node.naming.register("alice")
        await trio.sleep(300)
        tried = times(ring)
        assert 2 <= tried <= 6
        late = Node(wires, 1, ring=ring)
        async with late.run():
            await trio.sleep(HOUR)
            assert await ids(late) == await ids(node)


async def test_a_damaged_memory_of_what_was_given_out_gives_it_out_again(autojump_clock):
    wires, ring = Wires(), Ring()
    other, node = Node(wires, 1, ring=ring), Node(wires, 0, ring=ring)
    async with other.run():
        async with node.run():
            await node.naming.register("alice")
            await settle()
            await node.store.commit([Change(PUBLISHED, b"alice", b"junk"), Change(PUBLISHED, b"\xff", b"")])
        async with node.run():
            await settle()
            assert times(ring) == 2


async def test_a_custody_that_crashed_goes_on(autojump_clock):
    async with ring_of(3) as (ring, (one, *_others)):
        await one.naming.register("alice")
        await settle()
        one.system.ref(f"{SERVICES}/custody").crash(RuntimeError("on purpose"))
        await settle()
        assert len(ring.stores) == 2  # under both keys
        await one.naming.register("bob")
        await settle()
        assert len(ring.stores) == 4


async def test_an_owner_found_in_the_dht_beside_a_rival(autojump_clock):
    async with ring_of(3) as (ring, (seeker, *_)):
        for node in ring.nearest(KEY, seeker):
            await shelf(node).keep(KEY, (now_claim(1).encoded, now_claim(3).encoded), peer(9), near=True)
        with pytest.raises(NameContested):
            await seeker.naming.resolve("alice")
        found = await seeker.naming.resolve(f"alice.{owner_id(3)}")
        assert found.owner == owner_id(3)
