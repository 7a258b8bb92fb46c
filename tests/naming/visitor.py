"""A peer that opens streams to a node, and what it says and hears there."""

import trio

from beam_actors.flow import read_frame
from beam_actors.naming import protocol
from beam_actors.naming.protocol import Compare, Ranges, Refuse, Want
from beam_actors.naming.ranges import PREFIX, SALT, TOP, Listing, Print, Settled
from beam_actors.wire import FrameReader

COMPARE = Compare(bytes(SALT), bytes(PREFIX), TOP)

UNKNOWN = Print(TOP, bytes(16))


def numbers(count):
    return tuple(number.to_bytes(32, "big") for number in range(count))


async def refusal(stream) -> str:
    """In which words the node refuses, if that is what comes next."""
    message = protocol.decode(await read_frame(stream, FrameReader(protocol.MAX_MESSAGE)))
    assert isinstance(message, Refuse)
    return message.text


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
