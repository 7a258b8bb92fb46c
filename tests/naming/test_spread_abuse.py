"""Spread beside peers that are noisy, fast, silent or greedy: what each may cost, and whom."""

import pytest
import trio
from structlog.testing import capture_logs

from beam_actors.errors import ConnectionLost
from beam_actors.flow import read_frame
from beam_actors.naming import Limits, exchanging, protocol
from beam_actors.naming.conversation import Conversation
from beam_actors.naming.protocol import Ask, Compare, Done, Have, Push, Ranges, Refuse, Want
from beam_actors.naming.ranges import PREFIX, SALT, TOP, Listing, Print, Settled
from beam_actors.peers import InboundStream, PeerDown, PeerUp
from beam_actors.values import TcpAddress
from beam_actors.wire import FrameReader, frame
from tests.naming.builders import NAMES, claim, peer
from tests.naming.lab import Busy, Node, Silent, at_work, give, ids, lab, settle, visit

COMPARE = Compare(bytes(SALT), bytes(PREFIX), TOP)
UNKNOWN = Print(TOP, bytes(16))


def numbers(count):
    return tuple(number.to_bytes(32, "big") for number in range(count))


async def refusal(stream) -> str:
    """In which words the node refuses, if that is what comes next."""
    message = protocol.decode(await read_frame(stream, FrameReader(protocol.MAX_MESSAGE)))
    assert isinstance(message, Refuse)
    return message.text


async def test_another_version_is_refused_in_words(autojump_clock):
    async with lab(1) as (_, (one,)):
        stream = visit(one)
        await stream.write(frame(protocol.cbor.encode([2, 1, []])))
        assert await refusal(stream) == "This node speaks version 1 of /beam/names/1, not 2."
        assert await stream.read() == b""


@pytest.mark.parametrize("data", [b"\xff" * 8, b"\x00" * 4, b"\x02\x01", b"\x03abc"])
async def test_noise_ends_its_own_stream_only(autojump_clock, data):
    async with lab(1) as (_, (one,)):
        stream = visit(one)
        await stream.write(data)
        await stream.shutdown()
        with trio.fail_after(100):
            received = b""
            while more := await stream.read():
                received += more
        assert b"\x01\x00" in received or received == b""
        assert one.spread.incarnation == 1
        assert await ids(one) == set()


async def test_a_message_that_stays_unfinished_is_given_up(autojump_clock):
    async with lab(1) as (_, (one,)):
        stream = visit(one)
        await trio.sleep(3600)  # a stream may rest between messages
        await stream.write(b"\x30half of")
        with pytest.raises(ConnectionLost), trio.fail_after(120):
            await stream.read()


async def test_bad_claims_are_counted_and_cost_nobody_else(autojump_clock):
    forged = protocol.cbor.encode([claim(0).body, bytes(64)])
    async with lab(1) as (_, (one,)):
        talk = Conversation(visit(one), timeout=5)
        await talk.send(Push((b"noise", forged, claim(1, network="other").encoded, claim(2).encoded)))
        await settle()
        assert (await one.naming.statistics()).refused == {"form": 1, "signature": 1, "network": 1}
        assert await ids(one) == {claim(2).id}


async def test_a_fast_peer_is_slowed_down(autojump_clock):
    limits = Limits(claims_per_second=10, claims_burst=20)
    async with lab(1, limits=limits) as (_, (one,)):
        streams = [Conversation(visit(one), timeout=600) for _ in range(2)]
        async with trio.open_nursery() as nursery:
            for number, talk in enumerate(streams):  # two streams share one allowance
                many = [claim(owner, f"n{index}").encoded for owner in (number, number + 2) for index in range(16)]
                nursery.start_soon(talk.send, *protocol.pushes(one for one in many for _ in range(3)))
        await settle(10)
        held = len(await ids(one))
        assert 0 < held < 64
        await settle(60)
        assert len(await ids(one)) == 64


async def test_to_come_again_gives_nobody_a_new_allowance(autojump_clock):
    """Neither over another stream when the last one ended, nor over another session."""
    async with lab(1, limits=Limits(claims_per_second=10, claims_burst=20)) as (_, (one,)):
        began = trio.current_time()
        for _ in range(10):
            one.spread.tell(PeerUp(peer(50)))
            talk = Conversation(visit(one), timeout=60)
            await elapsed(talk, *[Push(())] * 19, Ask(NAMES[0]))
            talk.close()
            await trio.sleep(0.01)
            one.spread.tell(PeerDown(peer(50)))
            await trio.sleep(0.01)
        assert trio.current_time() - began >= (10 * 20 - 20) / 10
        actor = one.system.cell(one.spread.path).actor
        assert not actor._links
        await trio.sleep(5)
        assert await elapsed(Conversation(visit(one), timeout=60), *[Push(())] * 19, Ask(NAMES[0])) < 1


async def test_many_keys_of_one_network_get_the_share_of_one(autojump_clock):
    """A key costs nothing, so whoever makes a new one for each connection shares with all that came from there."""
    limits = Limits(claims_per_second=10, claims_burst=20, network_claims_per_second=15, network_claims_burst=30)
    crowd, neighbour, far = (TcpAddress(ip, 4747) for ip in ("198.51.100.7", "198.51.100.8", "203.0.113.1"))
    async with lab(1, limits=limits) as (_, (one,)):
        began = trio.current_time()
        for number in range(10):
            talk = Conversation(visit(one, 50 + number, remote=crowd), timeout=60)
            await elapsed(talk, *[Push(())] * 19, Ask(NAMES[0]))
            talk.close()
        assert trio.current_time() - began >= (10 * 20 - 30) / 15
        assert await elapsed(Conversation(visit(one, 70, remote=far), timeout=60), *[Push(())] * 19, Ask(NAMES[0])) < 1
        near = Conversation(visit(one, 71, remote=neighbour), timeout=60)
        assert await elapsed(near, *[Push(())] * 19, Ask(NAMES[0])) >= 1


async def elapsed(talk, *messages, lists=1):
    """How long the node takes to answer all of it with so many lists."""
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(talk.send, *messages)
        for _ in range(lists):
            while await talk.listed() is not None:
                pass
    return trio.current_time() - began


async def compared(talk, ids=()):
    """How long an exchange takes in which the peer lists so much, and gives nothing."""
    began = trio.current_time()
    await talk.send(COMPARE, Ranges((Listing(TOP, ids),)))
    wanted = []
    while not isinstance(message := await talk.receive(), Ranges):
        if isinstance(message, Want):
            wanted += message.ids
    assert wanted == list(ids)
    if wanted:
        await talk.send(Ranges((Settled(TOP),)))
    return trio.current_time() - began


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


SAY_NOTHING = [Push(()), Ranges((Settled(b"\1"),)), Done(), Have(()), Want(())]


@pytest.mark.parametrize("message", SAY_NOTHING)
async def test_messages_that_say_nothing_are_paid_for(autojump_clock, message):
    async with lab(1, limits=Limits(claims_per_second=10, claims_burst=20)) as (_, (one,)):
        talk = Conversation(visit(one), timeout=60)
        many = [message] * 100
        if isinstance(message, Ranges):  # they have to rise
            ends = [*(bytes([number]) for number in range(1, 99)), TOP]
            many = [COMPARE, *(Ranges((Settled(end),)) for end in ends)]
        assert await elapsed(talk, *many, Ask(NAMES[0])) >= (100 - 20) / 10


@pytest.mark.parametrize("message", [Push(()), Want(())])
async def test_nor_are_they_free_in_an_exchange(autojump_clock, message):
    async with lab(1, limits=Limits(claims_per_second=10, claims_burst=20)) as (_, (one,)):
        talk = Conversation(visit(one), timeout=60)
        assert await elapsed(talk, COMPARE, *[message] * 98, Ranges((Settled(TOP),)), Ask(NAMES[0])) >= (100 - 20) / 10


async def test_streams_of_one_peer_are_bounded(autojump_clock):
    async with lab(1) as (_, (one,)):
        streams = [visit(one) for _ in range(9)]
        await settle()
        with pytest.raises(ConnectionLost):
            await streams[8].read()
        for stream in streams[:8]:
            await Conversation(stream, timeout=5).send(Ask(NAMES[0]))
            assert await Conversation(stream, timeout=5).receive() == Done()
            stream.close()
        await settle()
        assert one.system.cell(one.spread.path).actor._links == {}
        again = Conversation(visit(one), timeout=5)
        await again.send(Ask(NAMES[0]))
        assert await again.receive() == Done()


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


async def test_what_is_named_and_wanted_is_paid_for(autojump_clock):
    many = [claim(owner, f"n{number}") for owner in range(4) for number in range(16)]
    async with lab(1, limits=Limits(claims_per_second=10, claims_burst=20)) as (_, (one,)):
        await give(one, *many)
        talk = Conversation(visit(one), timeout=60)
        assert await elapsed(talk, *[Have(numbers(160))] * 10, Ask(NAMES[0])) >= (10 * 11 - 20) / 10
        assert await elapsed(talk, *[Want(tuple(item.id for item in many))] * 2, Ask(NAMES[0])) >= (128 - 20) / 10


async def test_what_is_wanted_without_having_been_named_is_bounded(autojump_clock):
    many = [claim(owner, f"n{number}") for owner in range(4) for number in range(16)]
    async with lab(1, limits=Limits(outbox=4)) as (wires, (one,)):
        slow = Node(wires, 2)
        slow.spread = Silent()
        wires.connect(one, slow)
        await give(one, *many)
        await Conversation(visit(one, 2), timeout=5).send(Want(tuple(item.id for item in many)), Want(numbers(40)))
        await settle(1)
        (link,) = one.system.cell(one.spread.path).actor._links.values()
        assert len(link.outbox) <= 4
        assert one.spread.incarnation == 1


async def test_a_peer_that_names_what_nobody_has_fills_its_part_of_the_book_only(autojump_clock):
    async with lab(2, limits=Limits(named=80)) as (wires, (one, other)):
        mute = Node(wires, 2)
        mute.spread = Silent()
        wires.connect(one, mute)
        wires.connect(one, other)
        await settle()
        talk = Conversation(visit(one, 2), timeout=60)
        for start in range(0, 10_000, 1000):
            await talk.send(Have(numbers(10_000)[start : start + 1000]))
        await settle(1)
        hearsay = one.system.cell(one.spread.path).actor._hearsay
        assert len(hearsay._named) == 10
        began = trio.current_time()
        await give(other, claim(0))
        while not await ids(one):
            await trio.sleep(0.01)
        assert trio.current_time() - began < 0.6
        one.spread.tell(PeerDown(mute.me))
        await settle(1)
        assert len(hearsay) == 0


async def test_pushes_to_a_slow_peer_are_bounded(autojump_clock):
    async with lab(1, limits=Limits(outbox=4)) as (wires, (one,)):
        slow = Node(wires, 2)
        slow.spread = Silent()
        wires.connect(one, slow)
        await settle()
        (link,) = one.system.cell(one.spread.path).actor._links.values()
        for number in range(8):
            await give(one, claim(0, f"n{number}"))
        assert len(link.outbox) <= 4
        assert link.behind


# --- whoever leaves, and everybody together ---------------------------------------------------------------------------


async def run_up_debts(node, number, streams=8):
    """A stranger opens streams and asks for far more than its share on each."""
    node.spread.tell(PeerUp(peer(number)))
    opened = [visit(node, number) for _ in range(streams)]
    for stream in opened:
        await Conversation(stream, timeout=5).send(*[Push((b"-",) * 48)] * 22)
    return opened


async def test_strangers_who_leave_in_debt_leave_no_worker_behind(autojump_clock):
    async with lab(1) as (_, (one,)):
        await settle()
        before = at_work(one)
        for number in range(50, 60):
            await run_up_debts(one, number)
        await settle(1)
        assert at_work(one) >= before + 80
        for number in range(50, 60):
            one.spread.tell(PeerDown(peer(number)))
        await settle(1)
        assert at_work(one) == before
        assert one.spread.incarnation == 1


async def test_a_stream_that_is_reset_in_debt_is_let_go(autojump_clock):
    async with lab(1) as (_, (one,)):
        streams = await run_up_debts(one, 50)
        await settle(1)
        assert at_work(one) >= 8
        for stream in streams:
            stream.abort()
        await settle(2)
        assert at_work(one) == 2  # the outgoing side, which tries again, and the timer


async def test_streams_of_all_peers_are_bounded_and_whoever_has_most_gives_way(autojump_clock):
    async with lab(1, limits=Limits(streams=16)) as (_, (one,)):
        for number in (50, 51):
            await run_up_debts(one, number)
        await settle(1)
        for number in (52, 53, 54):  # each finds room, at the cost of the two who took all
            talk = Conversation(visit(one, number), timeout=30)
            await talk.send(Ask(NAMES[0]))
            assert await talk.receive() == Done()
        await settle(1)
        assert at_work(one) <= 16 + 2 + 1
        links = one.system.cell(one.spread.path).actor._links
        assert sorted(len(link.streams) for link in links.values()) == [1, 1, 1, 6, 7]
        crowd = [visit(one, 60 + number) for number in range(40)]
        await settle(1)
        assert at_work(one) <= 16 + 2 + 1
        with pytest.raises(ConnectionLost):  # nobody has two more than a newcomer would
            await crowd[-1].read()


async def test_all_peers_together_may_bring_so_much_and_each_has_its_turn(autojump_clock):
    limits = Limits(claims_per_second=1000, claims_burst=1000, all_claims_per_second=100, all_claims_burst=100)
    took = {}

    async def flood(number):
        many = [Push([claim(number % 4, f"n{turn}x{index}").encoded for index in range(48)]) for turn in range(10)]
        took[number] = await elapsed(Conversation(visit(one, number), timeout=60), *many, Ask(NAMES[1]))

    async with lab(1, limits=limits) as (_, (one,)), trio.open_nursery() as nursery:
        for number in range(50, 54):
            nursery.start_soon(flood, number)
        await settle(3)
        assert await elapsed(Conversation(visit(one, 60), timeout=60), Ask(NAMES[0])) < 4
    assert max(took.values()) >= (4 * 480 - 100) / 100
    assert max(took.values()) - min(took.values()) < 5  # shared alike


@pytest.mark.parametrize("known", [True, False])
async def test_what_is_here_already_costs_a_sixteenth_of_what_is_new(autojump_clock, known):
    many = [claim(owner, f"n{number}") for owner in range(3) for number in range(16)]
    async with lab(1, limits=Limits(claims_per_second=10, claims_burst=20)) as (_, (one,)):
        if known:
            await give(one, *many)
        junk = bytes(40)  # which has no id
        push = Push([*(item.encoded for item in many[1:]), junk])
        took = await elapsed(Conversation(visit(one), timeout=60), *[push] * 10, Ask(NAMES[0]))
        news = 0 if known else 47  # once
        assert took == pytest.approx((10 * (1 + 47 / 16) + news * 15 / 16 + 1 - 20) / 10, abs=0.3)


@pytest.mark.parametrize(("count", "further"), [(48, 4), (48, 0), (8, 0)])
async def test_what_many_bring_at_once_is_paid_for_as_new_once(autojump_clock, count, further):
    """After a partition all who are connected to a node bring it the same, be it in the same order or not."""
    many = [claim(owner, f"n{number}").encoded for owner in range(3) for number in range(16)][:count]
    took = {}

    async def bring(number):
        start = number * further
        took[number] = await elapsed(
            Conversation(visit(one, 50 + number), timeout=90), Push(many[start:] + many[:start]), Ask(NAMES[0])
        )

    async with lab(1, limits=Limits(all_claims_per_second=10, all_claims_burst=1)) as (_, (one,)):
        async with trio.open_nursery() as nursery:
            for number in range(12):
                nursery.start_soon(bring, number)
        assert len(await ids(one)) == count
    once, known, question = count, max(1, count / 16), 1
    assert max(took.values()) < (once + 8 + 11 * known + 12 * question) / 10


async def test_beside_many_who_bring_much_a_question_waits_for_a_little_of_each(autojump_clock):
    limits = Limits(all_claims_per_second=100, all_claims_burst=1)
    async with lab(1, limits=limits) as (_, (one,)), trio.open_nursery() as nursery:
        for number in range(50):
            new = [claim(owner, f"n{number}x{index}").encoded for owner in range(3) for index in range(16)]
            nursery.start_soon(Conversation(visit(one, 50 + number), timeout=90).send, *[Push(new)] * 4)
        await trio.sleep(0.5)
        assert await elapsed(Conversation(visit(one, 200), timeout=60), Ask(NAMES[0])) < 0.2


async def test_beside_many_who_want_much_a_question_waits_for_a_little(autojump_clock):
    many = [claim(owner, f"n{number}") for owner in range(3) for number in range(16)]
    limits = Limits(all_claims_per_second=100, all_claims_burst=1)
    async with lab(1, limits=limits) as (_, (one,)), trio.open_nursery() as nursery:
        await give(one, *many)
        wants = [Want(tuple(item.id for item in many))] * 4
        for number in range(50):
            nursery.start_soon(Conversation(visit(one, 50 + number), timeout=90).send, *wants)
        await trio.sleep(0.5)
        assert await elapsed(Conversation(visit(one, 200), timeout=60), Ask(NAMES[0])) < 0.2


async def test_the_next_era_of_an_owner_is_taken_in_whole(autojump_clock):
    """Its first claim ends all of the era before, so no name is nobody's until the others of its message are there."""
    eras = [[claim(0, f"n{number}", era=era) for number in range(16)] for era in range(2)]
    mine, counts = {item.id for era in eras for item in era}, set()
    limits = Limits(claims_per_second=10, claims_burst=8)
    async with lab(1, limits=limits) as (_, (one,)), trio.open_nursery() as nursery:
        await give(one, *eras[0])
        await Conversation(visit(one), timeout=60).send(Push([item.encoded for item in eras[1]]))
        while eras[1][-1].id not in (held := await ids(one)):
            counts.add(len(held & mine))
            await trio.sleep(0.01)
        nursery.cancel_scope.cancel()
    assert counts == {16}


async def test_an_exchange_is_paid_for_by_its_size(autojump_clock):
    async with lab(1, limits=Limits(claims_per_second=10, claims_burst=20)) as (_, (one,)):
        took = await compared(Conversation(visit(one), timeout=60), numbers(1024))
        assert took >= (1024 / 16 + 1024 / 64 - 20) / 10


async def test_what_was_hashed_is_paid_for(autojump_clock, monkeypatch):
    monkeypatch.setattr(exchanging, "_ITEMS_HASHED", 1)
    many = [claim(owner, f"n{number}") for owner in range(4) for number in range(16)]
    async with lab(1, limits=Limits(claims_per_second=10, claims_burst=20)) as (_, (one,)):
        await give(one, *many)
        talk = Conversation(visit(one), timeout=60)
        began = trio.current_time()
        await talk.send(COMPARE, Ranges((UNKNOWN,)))
        await talk.receive()
        assert trio.current_time() - began >= (2 * len(many) - 20) / 10


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


async def test_strangers_write_one_line_a_minute_into_the_log(autojump_clock):
    with capture_logs() as lines:
        async with lab(1) as (_, (one,)):
            for second in range(120):
                for _ in range(4):
                    stream = visit(one, 50 + second)
                    await stream.write(frame(protocol.cbor.encode([1, 99, "A" * 200])))
                await trio.sleep(1)
            await settle(1)
    said = [line for line in lines if line["log_level"] != "debug" and "refused" in line["event"]]
    assert 2 <= len(said) <= 3
    assert said[1]["count"] == 240


# --- many at once -----------------------------------------------------------------------------------------------------


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
