"""Whole nodes with the DHT, and what peers achieve that lie of themselves or of others."""

import pytest
import trio

from beam_actors.flow import read_frame
from beam_actors.peers.kad.messages import (
    MAX_MESSAGE,
    Find,
    Nodes,
    Refuse,
    What,
    encode,
)
from beam_actors.testing.clock import EPOCH
from beam_actors.values import Multiaddr, TcpAddress
from beam_actors.wire import FrameReader, frame, sign_record
from tests.peers.kad.lab import KEY


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
