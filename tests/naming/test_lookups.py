from collections import Counter

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import NameContested, NameNotFound, ResourceExhausted
from beam_actors.naming import Kind, Limits, protocol
from beam_actors.naming.grammar import Query
from beam_actors.naming.limits import DAY, MAX_VALIDITY
from beam_actors.naming.lookups import drawn
from beam_actors.naming.messages import Refresh, Seek, Sought, Submit
from beam_actors.naming.protocol import Push
from beam_actors.testing.entropy import SeededEntropy
from beam_actors.values import Name
from tests.naming.builders import claim, owner_id, peer
from tests.naming.lab import Node, Silent, give, lab, settle

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
        answers = [lookups(one).ask(Seek(Query(ALICE))) for _ in range(50)]
        lookups(one).tell(Refresh(ALICE))
        assert [await answer for answer in answers] == [Sought(Query(ALICE), 1)] * 50
        assert len(wires.opened) == 1
        assert (await one.naming.resolve("alice")).owner == owner_id(3)
        await settle()
        assert one.system.whereis("services/lookups/alice") is None


async def test_a_look_up_is_remembered_for_seconds_only(autojump_clock):
    async with lab(2) as (wires, (one, other)):
        join(wires, one, other)
        assert await lookups(one).ask(Seek(Query(ALICE))) == Sought(Query(ALICE), 1)
        await lookups(one).ask(Seek(Query(ALICE)))
        assert len(wires.opened) == 1
        await lookups(one).ask(Seek(Query(ALICE, owner_id(3))))  # another question, with another key in the DHT
        assert len(wires.opened) == 2
        await trio.sleep(6)
        assert await lookups(one).ask(Seek(Query(ALICE))) == Sought(Query(ALICE), 1)
        assert len(wires.opened) == 3


async def test_nothing_is_remembered_when_nobody_could_be_asked(autojump_clock):
    async with lab(2) as (wires, (one, other)):
        assert await lookups(one).ask(Seek(Query(ALICE))) == Sought(Query(ALICE), 0, cut_off=True)
        join(wires, one, other)
        assert await lookups(one).ask(Seek(Query(ALICE))) == Sought(Query(ALICE), 1)


async def test_peers_that_all_are_silent_cost_two_seconds_and_say_nothing_of_the_name(autojump_clock):
    async with lab(2) as (wires, (one, other)):
        silent(wires, one, 7)
        silent(wires, one, 8)
        began = trio.current_time()
        with pytest.raises(NameNotFound):
            await one.naming.resolve("alice")
        assert 1.9 < trio.current_time() - began < 2.2
        await give(other, claim(3))
        join(wires, one, other)
        assert (await one.naming.resolve("alice")).owner == owner_id(3)


async def test_a_peer_that_never_answers_keeps_nobody_waiting(autojump_clock):
    async with lab(2) as (wires, (one, other)):
        silent(wires, one, 7)
        join(wires, one, other)
        await give(other, claim(3))
        began = trio.current_time()
        assert (await one.naming.resolve("alice")).owner == owner_id(3)
        assert 0.05 <= trio.current_time() - began < 0.1  # the word of one peer waits for a second opinion
        assert one.system.whereis("services/lookups/alice") is not None
        await settle()
        assert one.system.whereis("services/lookups/alice") is None


async def test_two_who_say_the_same_need_no_third(autojump_clock):
    async with lab(3) as (wires, (one, *others)):
        silent(wires, one, 7)
        for other in others:
            join(wires, one, other)
            await give(other, claim(3))
        began = trio.current_time()
        assert await lookups(one).ask(Seek(Query(ALICE))) == Sought(Query(ALICE), 2, more=True)
        assert trio.current_time() - began < 0.05


async def test_who_knows_nothing_is_no_second_opinion(autojump_clock):
    async with lab(3) as (wires, (one, other, ignorant)):
        silent(wires, one, 7)
        join(wires, one, other)
        join(wires, one, ignorant)
        await give(other, claim(3))
        began = trio.current_time()
        assert await lookups(one).ask(Seek(Query(ALICE))) == Sought(Query(ALICE), 2, more=True)
        assert 0.05 <= trio.current_time() - began < 0.1


async def test_a_better_answer_that_comes_late_is_taken_in(autojump_clock):
    async with trio.open_nursery() as nursery, lab(3) as (wires, (one, other, slow)):
        silent(wires, one, 7)
        join(wires, one, other)
        await give(other, claim(3, seq=1, variant=1))
        join(wires, one, slow)
        await give(slow, claim(3, seq=2, variant=2))
        slow.spread = Late(slow.spread, 1.0, nursery)
        assert (await one.naming.resolve("alice")).peers == (peer(1),)
        assert (await one.naming.recall("alice")).peers == (peer(1),)
        await trio.sleep(1.1)
        assert (await one.naming.resolve("alice")).peers == (peer(2),)
        assert len(wires.opened) == 3


@pytest.mark.parametrize(("delay", "first"), [(0.02, "contested"), (1.0, "the liar")])
async def test_a_liar_who_is_first_is_found_out_by_the_next_answer(autojump_clock, delay, first):
    """It claims a name that others hold. Who can be told within the second opinion's time is; the next question is."""
    async with trio.open_nursery() as nursery, lab(3) as (wires, (one, liar, honest)):
        silent(wires, one, 7)
        join(wires, one, liar)
        await give(liar, claim(1))
        join(wires, one, honest)
        await give(honest, claim(3))
        honest.spread = Late(honest.spread, delay, nursery)
        if first == "contested":
            with pytest.raises(NameContested):
                await one.naming.resolve("alice")
        else:
            assert (await one.naming.resolve("alice")).owner == owner_id(1)
            await trio.sleep(delay)
        with pytest.raises(NameContested, match=str(owner_id(3))):
            await one.naming.resolve("alice")
        assert (await one.naming.resolve(f"alice.{owner_id(3)}")).owner == owner_id(3)


async def test_a_question_for_an_owner_is_decided_by_that_owner_s_claim_alone(autojump_clock):
    async with trio.open_nursery() as nursery, lab(3) as (wires, (one, quick, slow)):
        silent(wires, one, 7)
        join(wires, one, quick)
        await give(quick, claim(1))
        join(wires, one, slow)
        await give(slow, claim(3))
        slow.spread = Late(slow.spread, 0.5, nursery)
        began = trio.current_time()
        answers = [lookups(one).ask(Seek(Query(ALICE, owner))) for owner in (owner_id(1), owner_id(3), owner_id(2))]
        assert await answers[0] == Sought(Query(ALICE, owner_id(1)), 1, more=True)
        assert trio.current_time() - began < 0.05  # nobody's second opinion could change it
        assert await answers[1] == Sought(Query(ALICE, owner_id(3)), 2, more=True)
        assert 0.5 <= trio.current_time() - began < 0.6
        assert await answers[2] == Sought(Query(ALICE, owner_id(2)), 2)
        assert 1.9 < trio.current_time() - began < 2.2


async def test_an_owner_asked_for_is_found_while_the_name_is_contested(autojump_clock):
    async with trio.open_nursery() as nursery, lab(3) as (wires, (one, quick, slow)):
        await give(one, claim(1), claim(2))
        silent(wires, one, 7)
        join(wires, one, quick)
        join(wires, one, slow)
        await give(slow, claim(3))
        slow.spread = Late(slow.spread, 0.5, nursery)
        began = trio.current_time()
        assert (await one.naming.resolve(f"alice.{owner_id(3)}")).owner == owner_id(3)
        assert 0.5 <= trio.current_time() - began < 0.6


async def test_a_pinned_name_waits_for_its_owner_s_claim(autojump_clock):
    async with trio.open_nursery() as nursery, lab(3) as (wires, (one, quick, slow)):
        await one.naming.pin("alice", owner_id(3))
        await settle(10)
        silent(wires, one, 7)
        join(wires, one, quick)
        await give(quick, claim(1))
        join(wires, one, slow)
        await give(slow, claim(3))
        slow.spread = Late(slow.spread, 0.5, nursery)
        began = trio.current_time()
        assert (await one.naming.resolve("alice")).source == "pin"
        assert 0.5 <= trio.current_time() - began < 0.6


async def test_who_asks_while_a_decided_look_up_goes_on_is_answered_from_it(autojump_clock):
    async with lab(2) as (wires, (one, other)):
        silent(wires, one, 7)
        join(wires, one, other)
        await give(other, claim(3))
        await one.naming.resolve("alice")
        began = trio.current_time()
        assert await lookups(one).ask(Seek(Query(ALICE))) == Sought(Query(ALICE), 1, more=True)
        assert trio.current_time() == began
        other_question = Query(ALICE, owner_id(2))  # which the rest may answer
        assert await lookups(one).ask(Seek(other_question)) == Sought(other_question, 1)
        assert 1.9 < trio.current_time() - began < 2.2
        assert len(wires.opened) == 4


async def test_an_answer_is_judged_anew_by_each_that_follows(autojump_clock):
    """What was decided is open again when the owner turns out to have released the name."""
    async with trio.open_nursery() as nursery, lab(3) as (wires, (one, other, slow)):
        silent(wires, one, 7)
        join(wires, one, other)
        await give(other, claim(3))
        join(wires, one, slow)
        await give(slow, claim(3, seq=2, kind=Kind.TOMBSTONE))
        slow.spread = Late(slow.spread, 1.0, nursery)
        assert (await one.naming.resolve("alice")).owner == owner_id(3)
        await trio.sleep(1.1)
        assert await lookups(one).ask(Seek(Query(ALICE))) == Sought(Query(ALICE), 2)


async def test_whoever_is_connected_may_be_asked(autojump_clock):
    async with lab(1) as (wires, (one,)):
        crowd = {silent(wires, one, number).me for number in range(7, 27)}
        asked = []
        for number in range(12):
            await lookups(one).ask(Seek(Query(Name(f"n{number}"))))
            asked.append({peer for _, ends in wires.opened[8 * number :] for peer in ends - {one.me}})
        assert all(len(some) == 8 for some in asked)
        assert set().union(*asked) == crowd


@given(st.lists(st.integers(), unique=True, max_size=40), st.integers(0, 12), st.binary(min_size=1, max_size=8))
def test_a_sample_is_some_of_them_each_once(peers, count, seed):
    sample = drawn(peers, count, SeededEntropy(seed))
    assert len(set(sample)) == len(sample) == min(count, len(peers))
    assert set(sample) <= set(peers)


def test_each_is_as_likely_as_any_other():
    entropy = SeededEntropy(b"lots")
    drawings = Counter(one for _ in range(3000) for one in drawn(range(20), 8, entropy))
    assert all(1050 < drawings[one] < 1350 for one in range(20))  # 1,200 ± 5.6 deviations


class Late:
    """Stands where a peer's `spread` would and hands each stream to it after some time."""

    def __init__(self, spread, seconds, nursery):
        self.spread, self.seconds, self.nursery = spread, seconds, nursery

    def tell(self, message):
        self.nursery.start_soon(self.deliver, message)

    async def deliver(self, message):
        await trio.sleep(self.seconds)
        self.spread.tell(message)


def silent(wires, node, number):
    """A new peer that takes questions and says nothing."""
    mute = Node(wires, number, owner=0)
    mute.spread = Silent()
    join(wires, node, mute)
    return mute


async def test_a_peer_that_answers_too_much_is_cut_off(autojump_clock):
    async with lab(1, limits=Limits(owners_per_name=1)) as (wires, (one,)):
        talkative = Node(wires, 7, owner=0)
        talkative.spread = Talkative([claim(number).encoded for number in range(4)])
        join(wires, one, talkative)
        assert await lookups(one).ask(Seek(Query(ALICE))) == Sought(Query(ALICE), 0)
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
        silent(wires, one, 7)
        other_name = lookups(one).ask(Seek(Query(Name("bob"))))  # takes the only place
        await trio.sleep(0.1)
        with pytest.raises(ResourceExhausted):
            await one.naming.resolve("alice")
        await other_name
        with pytest.raises(NameNotFound):  # a peer is connected, though it says nothing
            await one.naming.resolve("alice")


async def test_a_pinned_name_is_kept_while_peers_can_t_be_asked(autojump_clock):
    async with lab(1, limits=Limits(lookups=1)) as (wires, (one,)):
        silent(wires, one, 7)
        lookups(one).ask(Seek(Query(Name("bob"))))
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
        silent(wires, one, 7)
        answer = lookups(one).ask(Seek(Query(ALICE)))
        await trio.sleep(0.5)
        one.system.ref("services/lookups/alice").crash(RuntimeError("on purpose"))
        began = trio.current_time()
        assert await answer == Sought(Query(ALICE), 0)
        assert trio.current_time() == began
        assert lookups(one).incarnation == 1
        assert not one.system.cell(lookups(one).path).actor._actor_watched  # nothing of it is left
        assert await lookups(one).ask(Seek(Query(ALICE))) == Sought(Query(ALICE), 0)
