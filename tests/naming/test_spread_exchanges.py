"""Exchanges with peers that break the rules, stall, refuse, or come too often or all at once."""

import pytest
import trio

from beam_actors.errors import ConnectionLost
from beam_actors.naming import Limits
from beam_actors.naming.conversation import Conversation
from beam_actors.naming.protocol import Ranges, Refuse, Want
from beam_actors.naming.ranges import TOP, Listing, Print, Settled
from beam_actors.peers import InboundStream, PeerDown, PeerUp
from tests.naming.builders import claim, peer
from tests.naming.lab import Busy, Node, Silent, at_work, give, ids, lab, settle, visit
from tests.naming.visitor import COMPARE, UNKNOWN, compared, numbers, refusal


async def test_a_peer_that_compares_again_and_again_is_slowed_down(autojump_clock):
    many = [claim(owner, f"n{number}") for owner in range(4) for number in range(16)]
    async with lab(1, limits=Limits(claims_per_second=10, claims_burst=20)) as (_, (one,)):
        await give(one, *many)
        took = 0.0
        for _ in range(10):
            talk = Conversation(visit(one), timeout=120)
            took += await compared(talk, (bytes(32),))
            talk.close()
        assert took >= (10 * (len(many) + 2) - 20) / 10


async def test_who_was_given_claims_and_goes_on_in_that_stream_is_not_heard(autojump_clock):
    """Its end says that they were taken in."""
    async with lab(1) as (_, (one,)):
        await give(one, claim(0))
        talk = Conversation(visit(one), timeout=60)
        await compared(talk, (bytes(32),))
        assert await talk.receive() is None
        await talk.send(COMPARE)
        await settle(1)
        with pytest.raises(ConnectionLost):
            await talk.send(COMPARE)


ENDS = [bytes([1, number]) for number in range(256)]


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        (
            [Ranges((Listing(b"\1", numbers(200)),)), Ranges((Listing(TOP, numbers(1)),))],
            "more claims than anybody keeps",
        ),
        ([Ranges(tuple(Settled(end) for end in ENDS))], "more ranges than anybody needs"),
        ([Ranges((Settled(b"b"),)), Ranges((Settled(b"a"),))], "overlap or go back"),
        ([Ranges((Settled(b"b"),)), Want(numbers(1))], "wants claims after"),
        ([Want(numbers(1))], "not offered"),
        ([COMPARE], "something else in the middle"),
    ],
)
async def test_an_exchange_against_the_rules_is_refused(autojump_clock, messages, said):
    async with lab(1, limits=Limits(claims=60, revocations=40)) as (_, (one,)):
        stream = visit(one)
        await Conversation(stream, timeout=5).send(COMPARE, *messages)
        assert said in await refusal(stream)
        await settle(1)
        actor = one.system.cell(one.spread.path).actor
        assert actor._links == {}
        assert "0 bytes" in repr(actor._exchanges)
        assert one.spread.incarnation == 1


@pytest.mark.parametrize("message", [Ranges((Settled(TOP),)), Ranges((Listing(TOP, numbers(1)),))])
async def test_what_belongs_to_no_exchange_is_refused(autojump_clock, message):
    async with lab(1) as (_, (one,)):
        stream = visit(one)
        await Conversation(stream, timeout=5).send(message)
        assert "did not begin" in await refusal(stream)


async def test_who_ends_the_stream_in_the_middle_of_an_exchange_is_told_that_it_is_no_end(autojump_clock):
    async with lab(1) as (_, (one,)):
        stream = visit(one)
        await Conversation(stream, timeout=5).send(COMPARE)
        await stream.shutdown()
        assert "before the exchange did" in await refusal(stream)


async def test_a_peer_that_never_answers_an_exchange_costs_only_its_link(autojump_clock):
    async with lab(2) as (wires, (one, other)):
        mute = Node(wires, 2)
        mute.spread = Silent()
        wires.links.add(frozenset((one.me, mute.me)))
        wires.connect(one, mute)
        wires.connect(one, other)
        await give(one, claim(0))
        await settle(300)
        assert await ids(other) == {claim(0).id}
        streams = [message.stream for message in mute.spread.messages if isinstance(message, InboundStream)]
        assert 4 <= len(streams) <= 6  # each was given up after a minute, and another tried
        assert one.spread.incarnation == 1


async def test_one_peer_compares_once_a_minute_after_the_first_times(autojump_clock):
    async with lab(1) as (_, (one,)):
        talk = Conversation(visit(one), timeout=90)
        assert sum([await compared(talk, (bytes(32),)) for _ in range(2)]) < 1
        assert sum([await compared(talk, (bytes(32),)) for _ in range(3)]) >= 170
        assert await compared(Conversation(visit(one, 51), timeout=5), (bytes(32),)) < 1


async def come_again(one, number=50):
    one.spread.tell(PeerDown(peer(number)))
    await trio.sleep(0.01)
    one.spread.tell(PeerUp(peer(number)))
    return Conversation(visit(one, number), timeout=90)


async def test_to_come_again_gives_nobody_more_comparisons(autojump_clock):
    async with lab(1) as (_, (one,)):
        took = [await compared(await come_again(one), (bytes(32),)) for _ in range(5)]
        assert sum(took[:2]) < 1
        assert sum(took[2:]) >= 170
        await trio.sleep(180)
        assert await compared(await come_again(one), (bytes(32),)) < 1


async def test_who_leaves_before_its_turn_to_compare_does_not_wait_for_longer_the_next_time(autojump_clock):
    async with lab(1) as (_, (one,)):
        for _ in range(2):
            await compared(await come_again(one), (bytes(32),))
        for _ in range(20):
            await (await come_again(one)).send(COMPARE)
            await trio.sleep(0.1)
        assert 50 < await compared(await come_again(one), (bytes(32),)) < 60


class Cuts(Busy):
    """Resets each stream."""

    def tell(self, message):
        if isinstance(message, InboundStream):
            self.times.append(trio.current_time())
            message.stream.abort()


def to_be_asked(wires, one, spread):
    """A machine that the node opens its exchanges with."""
    number = next(number for number in range(2, 99) if one.me < peer(number))
    other = Node(wires, number, owner=0)
    other.spread = spread
    return other


@pytest.mark.parametrize("hostile", [Busy, Cuts])
@pytest.mark.parametrize("comes_again", [None, 2, 7, 300])
@pytest.mark.parametrize("has_its_own", [False, True])
async def test_who_refuses_each_exchange_is_not_asked_more_often_than_once_a_minute(
    autojump_clock, hostile, comes_again, has_its_own
):
    async with lab(1) as (wires, (one,)):
        other = to_be_asked(wires, one, hostile())
        wires.connect(one, other)
        for second in range(1200):
            await trio.sleep(1)
            if has_its_own and second % 60 == 0:
                talk = Conversation(visit(one, other.number), timeout=120)
                await compared(talk)
                talk.close()
            if comes_again and second % comes_again == 0:
                wires.cut(one, other)
                await trio.sleep(0.1)
                wires.connect(one, other)
        assert len(other.spread.times) <= 1200 / 60 + 11


async def test_a_refusal_on_a_stream_of_the_peers_is_not_answered(autojump_clock):
    async with lab(1) as (_, (one,)):
        stream = visit(one)
        await Conversation(stream, timeout=5).send(Refuse("I won't."))
        with pytest.raises(ConnectionLost):
            await stream.read()


async def test_what_many_who_stall_hold_is_bounded(autojump_clock):
    """They come one after the other, and let each exchange rest."""
    async with lab(1, limits=Limits(exchange_bytes=40_000)) as (wires, (one,)):
        actor, before = one.system.cell(one.spread.path).actor, at_work(one)
        for turn in range(60):
            await give(one, claim(turn % 4, f"n{turn}"))
            other = Node(wires, 100 + turn, owner=0)
            other.spread = Silent()
            wires.connect(one, other)
            await trio.sleep(0.1)
            assert actor._exchanges._bytes <= 40_000
        for other in [node for node in wires.nodes.values() if node is not one]:
            one.spread.tell(PeerDown(other.me))
        await settle(1)
        assert not actor._links
        assert actor._exchanges._bytes == 0
        assert at_work(one) == before


async def test_who_says_nothing_and_comes_again_is_not_compared_with_more_often(autojump_clock):
    async with lab(1) as (wires, (one,)):
        other = to_be_asked(wires, one, Silent())
        wires.connect(one, other)
        compared = 0
        for _ in range(600):
            wires.cut(one, other)
            await trio.sleep(0.5)
            wires.connect(one, other)
            seen = len(wires.opened)
            await trio.sleep(0.5)
            compared += len(wires.opened) - seen
        assert 10 <= compared <= 12


async def test_one_comparison_of_a_peer_is_under_way_at_a_time(autojump_clock):
    async with lab(1) as (_, (one,)):
        first, second = (Conversation(visit(one), timeout=30) for _ in range(2))
        await first.send(COMPARE)
        await settle(1)
        with trio.move_on_after(10) as scope:
            await compared(second)
        assert scope.cancelled_caught
        first.abort()
        assert isinstance(await second.receive(), Ranges)


@pytest.mark.parametrize(
    ("peers", "room"), [("say nothing", 210), ("go silent", 2600), ("take nothing", 2600), ("do not end", 3200)]
)
async def test_of_exchanges_that_hold_too_much_the_longest_silent_one_gives_way(autojump_clock, peers, room):
    """Three that hold one claim each, of three times; in between something new came."""
    says = {"say nothing": (), "do not end": (Ranges((Listing(TOP, ()),)),)}.get(peers, (Ranges((UNKNOWN,)),))
    async with lab(1, limits=Limits(exchange_bytes=room)) as (_, (one,)):
        silent = []
        for number in range(3):
            await give(one, claim(number))
            silent.append(visit(one, 50 + number))
            if peers == "take nothing":
                silent[-1].incoming.ROOM = 0
            await Conversation(silent[-1], timeout=5).send(COMPARE, *says)
            await settle(1)
        assert [stream.outgoing.cut for stream in silent] == [True, False, False]


async def test_an_exchange_that_grows_too_much_ends(autojump_clock):
    async with lab(1, limits=Limits(exchange_bytes=10_000)) as (_, (one,)):
        stream = visit(one)
        await Conversation(stream, timeout=5).send(COMPARE, Ranges(tuple(Print(end, bytes(16)) for end in ENDS)))
        assert "busy" in await refusal(stream)
        assert await compared(Conversation(visit(one), timeout=5)) < 1


async def test_many_who_come_at_once_all_have_their_exchange_in_time(autojump_clock):
    """Each exchange costs some seconds here: all of them at once would end long after everybody gave up."""
    limits = Limits(exchanges=4, all_claims_per_second=1, all_claims_burst=1)
    shared = [claim(owner, f"n{number}") for owner in range(2) for number in range(16)]
    async with lab(25, limits=limits, owner=3) as (wires, nodes):
        *others, hub = sorted(nodes, key=lambda node: node.me)  # the lower id opens
        await give(hub, *shared, claim(2))
        for other in others:
            await give(other, *shared)
            wires.connect(other, hub)
        await settle(600)
        assert [claim(2).id in await ids(other) for other in others] == [True] * 24


async def test_whoever_comes_when_enough_are_compared_is_told_to_come_again(autojump_clock):
    async with lab(1, limits=Limits(exchanges=2, claims_per_second=10, claims_burst=20)) as (_, (one,)):
        slow = Conversation(visit(one, 50), timeout=60)  # says nothing more: takes no place
        await slow.send(COMPARE)
        await settle(1)
        for number in (51, 52):
            await Conversation(visit(one, number), timeout=60).send(COMPARE, Ranges((Listing(TOP, numbers(1024)),)))
        await settle(1)
        late = visit(one, 53)
        began = trio.current_time()
        await Conversation(late, timeout=60).send(COMPARE)
        assert await refusal(late) == "This node is busy comparing claims with other peers; ask again later."
        assert trio.current_time() - began < 1
        await settle(30)
        for _ in range(2):  # what was refused was not counted
            assert await compared(Conversation(visit(one, 53), timeout=60)) < 1
