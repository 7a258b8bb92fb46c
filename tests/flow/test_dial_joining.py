"""A dial for a stream, for which no task waits."""

from typing import Any

import trio

from beam_actors.errors import ConnectionLost, ConnectionRefused, TimedOut
from beam_actors.flow import Stream
from beam_actors.flow.sockets import ListenerLink, SocketLink
from beam_actors.testing.network import VirtualNetwork
from beam_actors.values import TcpAddress
from tests.flow.joinings import NO, NOWHERE, YES, Told
from tests.flow.rig import LOOPBACK, Rig, eventually, on_both, on_virtual, read_all, run, two_hosts
from tests.flow.sessions import channel, sessions


async def dialling(rig: Rig, address: Any, *, first: bytes = b"", seconds: float = 3.0) -> tuple[Stream, Stream, Told]:
    """The visitor's end of a stream, the end here, and what was told of the dial for it."""
    here, there = await channel(await sessions(rig))
    await here.write(first or b"x")
    await eventually(lambda: bool(there._link and there._link.buffered()))  # type: ignore[attr-defined]
    if not first:
        await there.read()
    told = Told()
    rig.flow.join(there, address, rig.owner, timeout=seconds, greeting=YES, tags=("tunnel",), told=told)
    return here, there, told


@on_both
async def test_a_target_that_is_up_gets_what_came_already_and_the_visitor_its_greeting(rig: Rig) -> None:
    accepted: list[SocketLink] = []
    listener = ListenerLink(rig.pump, rig.pump.driver.listen(LOOPBACK), accepted.append, rig.owner)
    visitor, _, told = await dialling(rig, listener.local, first=b"request")
    await eventually(lambda: bool(accepted and told.calls))
    assert told.calls == [(None, 0)]
    target = Stream(accepted[0])
    assert await target.read() == b"request"
    await target.write(b" welcome")
    await target.shutdown()
    assert await read_all(visitor) == YES + b" welcome"
    await visitor.shutdown()
    assert await read_all(target) == b""
    await eventually(lambda: not len(rig.flow.splices))
    listener.close()


@on_both
async def test_a_target_that_is_down_leaves_the_stream_as_it_was(rig: Rig) -> None:
    visitor, there, told = await dialling(rig, NOWHERE, first=b"request")
    await eventually(lambda: bool(told.calls))
    assert [type(error) for error, _ in told.calls] == [ConnectionRefused]
    assert there.error is None
    assert await there.read() == b"request"
    await there.write(NO)
    assert await visitor.read() == NO
    assert not len(rig.flow.splices)


def test_a_target_that_is_silent_has_its_time_and_a_visitor_that_leaves_ends_the_dial() -> None:
    async def case(a: Rig, b: Rig, net: VirtualNetwork, hosts: Any) -> None:
        net.partition(*hosts)
        away = TcpAddress("10.0.0.2", 80)
        started = trio.current_time()
        _, there, told = await dialling(a, away)
        await eventually(lambda: bool(told.calls))
        assert [type(error) for error, _ in told.calls] == [TimedOut]
        assert there.error is None
        assert 2.9 < trio.current_time() - started < 3.5
        visitor, there, told = await dialling(a, away)
        links = a.pump.statistics().links
        visitor.abort()
        await eventually(lambda: bool(told.calls))
        assert isinstance(there.error, ConnectionLost)
        assert a.pump.statistics().links == links - 3  # both ends of the stream, and the dial
        await trio.sleep(10)
        assert len(told.calls) == 1

    async def main() -> None:
        await two_hosts(case)

    run("virtual", lambda _rig: main())


@on_both
async def test_a_dial_that_cannot_begin_is_told_like_one_that_failed(rig: Rig) -> None:
    _, there, told = await dialling(rig, TcpAddress("127.0.0.1", 9), first=b"request")
    await eventually(lambda: bool(told.calls))
    rig.flow.attach(None)
    rig.flow.join(there, LOOPBACK, rig.owner, timeout=1, greeting=YES, tags=(), told=told)
    assert len(told.calls) == 2
    assert told.calls[1][0].code == "actor-unavailable"


async def dialled_without_room(rig: Rig) -> tuple[ListenerLink, Stream, Stream, int]:
    """A target that was dialled for a stream without room, the visitor's end, and how many bytes are before it."""
    accepted: list[SocketLink] = []
    listener = ListenerLink(rig.pump, rig.pump.driver.listen(LOOPBACK), accepted.append, rig.owner)
    visitor, there = await channel(await sessions(rig))
    filled = 0
    while size := there.write_nowait(b"f" * 65_536):  # the visitor's whole window
        filled += size
        await trio.sleep(0.01)
    told = Told()
    rig.flow.splices.open_account("tunnel")
    rig.flow.join(there, listener.local, rig.owner, timeout=3, greeting=YES, tags=("tunnel",), told=told)
    await eventually(lambda: bool(accepted and told.calls))
    return listener, Stream(accepted[0]), visitor, filled


@on_both
async def test_a_greeting_that_finds_no_room_goes_before_what_the_target_says(rig: Rig) -> None:
    listener, target, visitor, filled = await dialled_without_room(rig)
    await target.write(b"said")
    await target.shutdown()
    assert (await read_all(visitor))[filled:] == YES + b"said"
    assert rig.flow.traffic("tunnel").back == 4
    listener.close()


@on_both
async def test_a_greeting_that_finds_no_room_waits_for_room_and_not_for_the_target(rig: Rig) -> None:
    listener, target, visitor, filled = await dialled_without_room(rig)
    assert rig.flow.traffic("tunnel").back == 0
    read = b""
    with trio.fail_after(5):
        while len(read) < filled + len(YES):
            read += await visitor.read()
    assert read[filled:] == YES
    assert rig.flow.traffic("tunnel").back == 0
    target.abort()
    listener.close()


@on_virtual
async def test_a_splice_that_is_cut_before_its_greeting_left_moved_nothing(rig: Rig) -> None:
    listener, _target, _visitor, _filled = await dialled_without_room(rig)
    assert rig.pump.splices.abort("tunnel") == 1
    assert rig.flow.traffic("tunnel").back == 0
    listener.close()
