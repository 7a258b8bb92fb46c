"""Spread beside peers that are noisy, fast, silent or greedy: what each may cost, and whom."""

import pytest
import trio

from beam_actors.errors import ConnectionLost
from beam_actors.flow import read_frame
from beam_actors.naming import Limits, protocol
from beam_actors.naming.conversation import Conversation
from beam_actors.naming.protocol import Ask, Done, Have, Push, Refuse, Want
from beam_actors.peers import InboundStream
from beam_actors.wire import FrameReader, frame
from tests.naming.builders import NAMES, claim
from tests.naming.lab import Node, Silent, give, ids, lab, settle, visit


async def refusal(stream) -> str:
    """In which words the node refuses, if that is what comes next."""
    message = protocol.decode(await read_frame(stream, FrameReader(protocol.MAX_MESSAGE)))
    assert isinstance(message, Refuse)
    return message.text


async def test_another_version_is_refused_in_words(autojump_clock):
    async with lab(1) as (_, (one,)):
        stream = visit(one)
        await stream.write(frame(protocol.cbor.encode([2, 1, []])))
        assert await refusal(stream) == "This node speaks version 1 of the names protocol, not 2."
        assert await stream.read() == b""


@pytest.mark.parametrize("data", [b"\xff" * 8, b"\x00" * 4, b"\x02\x01", b"\x03abc"])
async def test_noise_ends_its_own_stream_only(autojump_clock, data):
    async with lab(1) as (_, (one,)):
        stream = visit(one)
        await stream.write(data)
        stream.close()
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
                nursery.start_soon(talk.send_claims, [one for one in many for _ in range(3)])
        await settle(10)
        held = len(await ids(one))
        assert 0 < held < 64
        await settle(60)
        assert len(await ids(one)) == 64


async def elapsed(talk, *messages, lists=1):
    """How long the node takes to answer all of it with so many lists."""
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(talk.send, *messages)
        for _ in range(lists):
            while await talk.listed() is not None:
                pass
    return trio.current_time() - began


async def test_a_peer_that_compares_again_and_again_is_slowed_down(autojump_clock):
    many = [claim(owner, f"n{number}") for owner in range(4) for number in range(16)]
    async with lab(1, limits=Limits(claims_per_second=10, claims_burst=20)) as (_, (one,)):
        await give(one, *many)
        talk = Conversation(visit(one), timeout=60)
        offer = Have((bytes(32),))
        assert await elapsed(talk, *(offer, Done()) * 10, lists=10) >= (10 * (len(many) + 2) - 20) / 10


@pytest.mark.parametrize("message", [Push(()), Have(()), Want(()), Done()])
async def test_messages_that_say_nothing_are_paid_for(autojump_clock, message):
    async with lab(1, limits=Limits(claims_per_second=10, claims_burst=20)) as (_, (one,)):
        talk = Conversation(visit(one), timeout=60)
        assert await elapsed(talk, *[message] * 100, Ask(NAMES[0])) >= (100 - 20) / 10


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


async def test_an_endless_offer_is_refused(autojump_clock):
    async with lab(1, limits=Limits(claims=100)) as (_, (one,)):
        stream = visit(one)
        talk = Conversation(stream, timeout=5)
        await talk.send(Have((bytes(32),) * 200))
        await talk.send(Have((bytes(32),)))
        assert await refusal(stream) == "The peer offers more claims than anybody keeps."


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
