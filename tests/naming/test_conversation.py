import pytest
import trio

from beam_actors.errors import ConnectionLost, PeerRefused, RemoteProtocolError, TimedOut
from beam_actors.naming import protocol
from beam_actors.naming.conversation import Conversation
from beam_actors.naming.protocol import Ask, Done, Push
from beam_actors.values import Name
from tests.naming.lab import Half, MemoryStream


def both() -> tuple[Conversation, Conversation]:
    one, other = MemoryStream.pair()
    return Conversation(one, timeout=5), Conversation(other, timeout=5)


async def test_messages_arrive_however_they_are_cut(autojump_clock):
    stream, mine = MemoryStream.pair()
    talk = Conversation(mine, timeout=5)
    data = b"".join(protocol.encode(message) for message in (Ask(Name("alice")), Push((b"x" * 100,)), Done()))
    async with trio.open_nursery() as nursery:

        async def drip():
            for byte in data:
                await stream.write(bytes([byte]))
            stream.close()

        nursery.start_soon(drip)
        assert await talk.receive(idle=True) == Ask(Name("alice"))
        assert await talk.listed() == Push((b"x" * 100,))
        assert await talk.listed() is None
        assert await talk.receive(idle=True) is None


async def test_a_list_that_is_cut_short_is_an_error(autojump_clock):
    one, other = both()
    await one.send(Push((b"x",)))
    one.close()
    assert await other.listed() == Push((b"x",))
    with pytest.raises(RemoteProtocolError, match="before the list did"):
        await other.listed()


async def test_a_refusal_ends_it_in_words(autojump_clock):
    one, other = both()
    await one.refuse("Go away.")
    with pytest.raises(PeerRefused, match=r"The peer refused: Go away\."):
        await other.receive()
    assert await other.receive() is None


async def test_a_refusal_that_nobody_takes_is_a_reset(autojump_clock):
    one, other = both()
    other.abort()
    await one.refuse("Go away.")
    with pytest.raises(ConnectionLost):
        await one.receive()


async def test_every_wait_ends(autojump_clock):
    one, other = both()
    began = trio.current_time()
    with pytest.raises(TimedOut):
        await one.receive()
    with pytest.raises(TimedOut):
        await other.send(*protocol.pushes([b"x" * 1000] * Half.ROOM))
    assert trio.current_time() - began == 10
    assert (await one.receive()) == Push((b"x" * 1000,) * 48)
