import pytest
import trio

from beam_actors.errors import ConnectionLost, RemoteProtocolError
from beam_actors.naming.conversation import Conversation
from beam_actors.naming.protocol import Done, Push
from beam_actors.naming.pushing import Pushing
from tests.naming.lab import MemoryStream


class Clock:
    def monotonic(self):
        return trio.current_time()


class Peer:
    """Takes streams, and holds their other ends."""

    def __init__(self):
        self.ends: list[Conversation] = []

    async def open(self):
        mine, theirs = MemoryStream.pair()
        self.ends.append(Conversation(theirs, timeout=5.0))
        return Conversation(mine, timeout=5.0)

    async def take(self, place=0):
        while await self.ends[place].receive(idle=True) is not None:
            pass
        self.ends[place].close()


async def test_one_stream_is_ended_when_nothing_was_said_for_a_while(autojump_clock):
    peer = Peer()
    pushing = Pushing(peer.open, Clock())
    assert pushing.due == float("inf")
    for _ in range(2):
        await (await pushing.talk()).send(Push((b"claim",)))
        await trio.sleep(2.0)
    assert (len(peer.ends), pushing.due) == (1, trio.current_time() + 1.0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(peer.take)
        await pushing.end()
    assert pushing.due == float("inf")
    await pushing.end()  # there is none
    await pushing.talk()
    assert len(peer.ends) == 2
    pushing.abort()


async def test_whoever_did_not_take_in_what_was_said_last_is_found_out(autojump_clock):
    peer = Peer()
    pushing = Pushing(peer.open, Clock())
    await pushing.talk()
    await peer.ends[0].send(Done())
    with pytest.raises(RemoteProtocolError):
        await pushing.end()
    pushing.abort()


async def test_that_the_peer_ended_the_stream_is_heard(autojump_clock):
    peer = Peer()
    pushing = Pushing(peer.open, Clock())
    with trio.move_on_after(100.0) as scope:
        await pushing.hear()
    assert scope.cancelled_caught
    await pushing.talk()
    peer.ends[0].close()
    with pytest.raises(ConnectionLost):
        await pushing.hear()
    pushing.abort()
