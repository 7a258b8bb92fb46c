import pytest
import trio

from beam_actors.errors import NameNotFound, ResourceExhausted
from beam_actors.naming import Limits, protocol
from beam_actors.naming.limits import DAY, MAX_VALIDITY
from beam_actors.naming.messages import Refresh, Seek, Sought, Submit
from beam_actors.naming.protocol import Push
from beam_actors.values import Name
from tests.naming.builders import claim, owner_id, peer
from tests.naming.lab import Node, Silent, lab, settle

ALICE = Name("alice")


def lookups(node):
    return node.system.ref("services/lookups")


def join(wires, one, other):
    """Connected, without spread being told: only look-ups use the connection."""
    wires.links.add(frozenset((one.me, other.me)))


async def test_many_askers_share_one_look_up(autojump_clock):
    async with lab(2) as (wires, (one, other)):
        join(wires, one, other)
        await other.registrar.ask(Submit((claim(3).encoded,), peer(9)))
        answers = [lookups(one).ask(Seek(ALICE)) for _ in range(50)]
        lookups(one).tell(Refresh(ALICE))
        assert [await answer for answer in answers] == [Sought(ALICE, 1)] * 50
        assert len(wires.opened) == 1
        assert (await one.naming.resolve("alice")).owner == owner_id(3)
        await settle()
        assert one.system.whereis("services/lookups/alice") is None


async def test_a_look_up_is_remembered_for_seconds_only(autojump_clock):
    async with lab(2) as (wires, (one, other)):
        assert await lookups(one).ask(Seek(ALICE)) == Sought(ALICE, 0, cut_off=True)
        join(wires, one, other)
        await lookups(one).ask(Seek(ALICE))
        assert wires.opened == []
        await trio.sleep(6)
        assert await lookups(one).ask(Seek(ALICE)) == Sought(ALICE, 1)


async def test_a_peer_that_never_answers_costs_two_seconds(autojump_clock):
    async with lab(2) as (wires, (one, other)):
        mute = Node(wires, 7, owner=0)
        mute.spread = Silent()
        join(wires, one, mute)
        join(wires, one, other)
        await other.registrar.ask(Submit((claim(3).encoded,), peer(9)))
        began = trio.current_time()
        assert (await one.naming.resolve("alice")).owner == owner_id(3)
        assert 1.9 < trio.current_time() - began < 2.2


async def test_a_peer_that_answers_too_much_is_cut_off(autojump_clock):
    async with lab(1, limits=Limits(owners_per_name=1)) as (wires, (one,)):
        talkative = Node(wires, 7, owner=0)
        talkative.spread = Talkative([claim(number).encoded for number in range(3)])
        join(wires, one, talkative)
        assert await lookups(one).ask(Seek(ALICE)) == Sought(ALICE, 0)
        assert talkative.spread.stream.incoming.cut
        assert (await one.naming.statistics()).claims == 0


class Talkative:
    """Stands where a peer's `spread` would, and has its answer ready before the question."""

    def __init__(self, claims):
        self.frame = protocol.encode(Push(tuple(claims)))

    def tell(self, message):
        message.stream.outgoing.data += self.frame
        message.stream.outgoing.touch()
        self.stream = message.stream


async def test_many_names_at_once_are_bounded_and_each_ends(autojump_clock):
    async with lab(2, limits=Limits(lookups=8)) as (wires, (one, other)):
        join(wires, one, other)
        async with trio.open_nursery() as nursery:
            for number in range(100):
                nursery.start_soon(missing, one, f"n{number}")
        assert len(wires.opened) <= 8


@pytest.mark.parametrize("connected", [True, False])
async def test_only_a_node_without_peers_believes_claims_that_ended(autojump_clock, connected):
    async with lab(2, limits=Limits(lookups=1)) as (wires, (one, other)):
        await one.registrar.ask(Submit((claim(3).encoded,), peer(9)))
        for node in (one, other):
            node.clock.step(MAX_VALIDITY + DAY / 2)
        if not connected:
            assert (await one.naming.resolve("alice")).source == "cache"
            return
        mute = Node(wires, 7, owner=0)
        mute.spread = Silent()
        join(wires, one, mute)
        other_name = lookups(one).ask(Seek(Name("bob")))  # takes the only place
        await trio.sleep(0.1)
        with pytest.raises(ResourceExhausted):
            await one.naming.resolve("alice")
        await other_name
        with pytest.raises(NameNotFound):  # a peer is connected, though it says nothing
            await one.naming.resolve("alice")


async def test_a_pinned_name_is_kept_while_peers_can_t_be_asked(autojump_clock):
    async with lab(1, limits=Limits(lookups=1)) as (wires, (one,)):
        mute = Node(wires, 7, owner=0)
        mute.spread = Silent()
        join(wires, one, mute)
        lookups(one).ask(Seek(Name("bob")))
        await one.naming.pin("alice", owner_id(3))
        keeper = one.system.ref("services/names/alice")
        assert keeper.incarnation == 1
        await settle(10)
        assert keeper.incarnation == 1
        assert len(wires.opened) == 2  # alice was asked about when the place was free


async def missing(node, name):
    with pytest.raises((NameNotFound, ResourceExhausted)):
        await node.naming.resolve(name)


async def test_a_crashed_look_up_answers_nobody_knows(autojump_clock):
    async with lab(1) as (wires, (one,)):
        mute = Node(wires, 7, owner=0)
        mute.spread = Silent()
        join(wires, one, mute)
        answer = lookups(one).ask(Seek(ALICE))
        await trio.sleep(0.5)
        one.system.ref("services/lookups/alice").crash(RuntimeError("on purpose"))
        began = trio.current_time()
        assert await answer == Sought(ALICE, 0)
        assert trio.current_time() == began
        assert lookups(one).incarnation == 1
        assert not one.system.cell(lookups(one).path).actor._actor_watched  # nothing of it is left
        assert await lookups(one).ask(Seek(ALICE)) == Sought(ALICE, 0)
