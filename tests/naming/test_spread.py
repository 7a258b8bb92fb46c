import itertools

import pytest
import trio

from beam_actors.errors import ActorDead, ConnectionLost, StorageError
from beam_actors.flow import read_frame
from beam_actors.naming import Kind, Limits, protocol
from beam_actors.naming.claim import Claim
from beam_actors.naming.conversation import Conversation
from beam_actors.naming.messages import CountLinks, GetIds, Submit
from beam_actors.naming.protocol import PROTOCOL, Ask, Done, Have, Push, Refuse, Want
from beam_actors.peers import InboundStream
from beam_actors.wire import FrameReader, frame
from tests.naming.builders import NAMES, NOW, claim, peer, pool, revocation
from tests.naming.lab import MemoryStream, Node, Silent, lab, settle
from tests.wire.support import unframed


async def ids(node) -> set[bytes]:
    return set(await node.registrar.ask(GetIds()))


async def give(node, *claims):
    await node.registrar.ask(Submit(tuple(one.encoded for one in claims), peer(99)))


def visit(node, number=50) -> MemoryStream:
    """A stream that a peer opens to the node."""
    mine, theirs = MemoryStream.pair()
    node.spread.tell(InboundStream(peer(number), PROTOCOL, theirs))
    return mine


async def refusal(stream) -> str:
    """In which words the node refuses, if that is what comes next."""
    message = protocol.decode(await read_frame(stream, FrameReader(protocol.MAX_MESSAGE)))
    assert isinstance(message, Refuse)
    return message.text


async def test_a_new_connection_brings_both_to_the_same_claims(autojump_clock):
    async with lab(2) as (wires, (one, other)):
        await give(one, claim(0), claim(1, "bob"), revocation(2))
        await give(other, claim(0, seq=2), claim(1), claim(2))
        wires.connect(one, other)
        await settle()
        assert (
            await ids(one)
            == await ids(other)
            == {claim(0, seq=2).id, claim(1, "bob").id, revocation(2).id, claim(1).id}
        )


async def test_more_claims_than_one_message_holds_are_exchanged(autojump_clock):
    many = [claim(owner, f"n{number}") for owner in range(3) for number in range(16)]
    async with lab(2) as (wires, (one, other)):
        await give(one, *many)
        await give(other, *(claim(3, f"m{number}") for number in range(16)))
        wires.connect(one, other)
        await settle()
        assert len(await ids(one)) == len(many) + 16
        assert await ids(one) == await ids(other)


async def test_a_change_reaches_the_far_end_of_a_chain_without_echo(autojump_clock):
    async with lab(4) as (wires, nodes):
        for one, other in itertools.pairwise(nodes):
            wires.connect(one, other)
        await settle()
        wires.sent.clear()
        await give(nodes[0], claim(0))
        await settle()
        assert [await ids(node) for node in nodes] == [{claim(0).id}] * 4
        pushed = [protocol.decode(unframed(sent)) for sent in wires.sent]
        assert pushed == [Push((claim(0).encoded,))] * 3  # once over each link: never back, never again
        await give(nodes[0], claim(0))
        await give(nodes[3], claim(0))
        await settle()
        assert len(wires.sent) == 3


async def test_partitions_heal(autojump_clock):
    async with lab(3) as (wires, (one, two, three)):
        wires.connect(one, two)
        wires.connect(two, three)
        await settle()
        wires.cut(one, two)
        await give(one, claim(0, seq=1), claim(1))
        await give(three, claim(0, seq=2), claim(2, "bob", kind=Kind.TOMBSTONE))
        await settle()
        assert await ids(two) == await ids(three) != await ids(one)
        assert await two.spread.ask(CountLinks()) == 1
        wires.connect(one, two)
        await settle()
        assert await ids(one) == await ids(two) == await ids(three)
        assert len(await ids(one)) == 3


async def test_a_push_that_fails_is_repaired_by_an_exchange(autojump_clock):
    async with lab(2) as (wires, (one, other)):
        wires.connect(one, other)
        await give(one, claim(0))
        await settle()
        for stream, _ in wires.opened:
            stream.abort()  # the links' streams break while the connection stays
        await give(one, claim(1))
        await give(other, claim(2))
        await settle(20)
        assert await ids(one) == await ids(other) == {claim(0).id, claim(1).id, claim(2).id}


async def test_a_restarted_spread_finds_its_peers_again(autojump_clock):
    async with lab(2) as (wires, (one, other)):
        wires.connect(one, other)
        await settle()
        one.spread.crash(RuntimeError("on purpose"))
        await settle()
        assert one.spread.incarnation == 2
        await give(one, claim(0))
        await settle(20)
        assert await ids(other) == {claim(0).id}


async def test_a_restarted_registrar_keeps_what_was_acknowledged(autojump_clock):
    async with lab(1) as (_, (one,)):
        await give(one, *pool())
        before = await ids(one)
        one.registrar.crash(RuntimeError("on purpose"))
        await settle()
        assert await ids(one) == before
        assert one.spread.incarnation == 1


# --- against a peer that does what it likes ---------------------------------------------------------------------------


async def test_a_question_is_answered_with_claims_and_done(autojump_clock):
    async with lab(1) as (_, (one,)):
        await give(one, claim(0), claim(1), claim(2, "bob"))
        talk = Conversation(visit(one), timeout=5)
        await talk.send(Ask(NAMES[0]))
        answer = []
        while (message := await talk.listed()) is not None:
            answer.append(message)
        assert {data for push in answer for data in push.claims} == {claim(0).encoded, claim(1).encoded}
        await talk.send(Want((claim(2, "bob").id, bytes(32))))
        assert await talk.receive() == Push((claim(2, "bob").encoded,))


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


async def test_an_exchange_that_takes_longer_than_a_message_may_comes_to_its_end(autojump_clock):
    many = [claim(owner, f"n{number}") for owner in range(4) for number in range(16)]
    limits = Limits(claims_per_second=1, claims_burst=1, stream_timeout=60.0)
    async with lab(2, limits=limits) as (wires, nodes):
        first, last = sorted(nodes, key=lambda node: node.me)
        await last.registrar.ask(Submit(tuple(one.encoded for one in many), peer(99)))
        wires.connect(first, last)
        await settle(150)
        assert await ids(first) == {one.id for one in many}


async def test_a_full_disk_with_many_peers_costs_no_incarnation(autojump_clock):
    async with lab(13, owner=3) as (wires, (one, *others)):
        for other in others:
            wires.connect(one, other)
        await settle()
        one.disk.capacity = 0
        for round_ in range(15):
            for number, other in enumerate(others):
                await give(other, claim(number % 3, f"n{round_}"))
            with pytest.raises(StorageError):
                await give(one, claim(round_ % 3, "full"))
            await trio.sleep(1)
        with pytest.raises(StorageError):
            await one.naming.register("mine")
        cells = [one.registrar, one.spread, *(one.system.ref(f"services/{name}") for name in ("names", "lookups"))]
        assert [cell.incarnation for cell in cells] == [1] * 4
        one.disk.capacity = None
        await settle(30)
        assert str((await one.naming.register("mine")).name) == "mine"
        await settle()
        assert await ids(one) == await ids(others[0])
        assert len(await ids(one)) == 3 * 15 + 1
        assert [cell.incarnation for cell in cells] == [1] * 4


async def test_peers_that_cannot_say_who_is_up_are_asked_again(autojump_clock):
    async with lab(2) as (wires, (one, other)):
        wires.connect(one, other)
        await settle()
        view = one.system.cell(one.spread.path).actor._peers
        real = view.connected

        async def dead():
            raise ActorDead("peers are restarting")

        view.connected = dead
        one.spread.crash(RuntimeError("on purpose"))
        await settle(60)
        assert await one.spread.ask(CountLinks()) == 0
        view.connected = real
        await settle(10)
        assert await one.spread.ask(CountLinks()) == 1


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


async def test_what_waits_for_its_time_is_spread_when_it_comes(autojump_clock):
    async with lab(2) as (wires, (one, other)):
        wires.connect(one, other)
        early = claim(0, issued=NOW + 3600)
        await give(one, early)
        await settle()
        assert (await one.naming.statistics()).waiting == 1
        assert await ids(one) == set()
        await settle(3600)
        assert await ids(one) == await ids(other) == {early.id}
        assert isinstance(early, Claim)
