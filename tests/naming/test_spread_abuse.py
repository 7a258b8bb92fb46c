"""Spread beside peers that are noisy, silent or greedy: what each may cost, and whom."""

import pytest
import trio
from structlog.testing import capture_logs

from beam_actors.errors import ConnectionLost
from beam_actors.naming import Limits, protocol
from beam_actors.naming.conversation import Conversation
from beam_actors.naming.protocol import Ask, Done, Have, Push, Want
from beam_actors.peers import PeerDown, PeerUp
from beam_actors.wire import frame
from tests.naming.builders import NAMES, claim, peer
from tests.naming.lab import Node, Silent, at_work, give, ids, lab, settle, visit
from tests.naming.visitor import numbers, refusal


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
