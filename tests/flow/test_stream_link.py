import contextlib

import pytest
import trio

from beam_actors.errors import ConnectionLost, ConnectionRefused
from beam_actors.flow import FlowLimits, IncomingStream, SessionDown, Stream
from beam_actors.values import TcpAddress
from beam_actors.wire import PeerLeaving
from tests.flow.rig import FakeOwner, Rig, on_both, on_virtual, read_all, send_all, settled, two_hosts
from tests.flow.sessions import ECHO, channel, sessions, sessions_over


@on_both
async def test_a_protocol_that_the_peer_does_not_speak(rig: Rig) -> None:
    ends = await sessions(rig)
    stream = ends.a.open("/test/unknown/1")
    with pytest.raises(ConnectionRefused):
        await stream.read()


@on_both
async def test_aborting_one_stream_resets_its_other_end_and_no_neighbour(rig: Rig) -> None:
    ends = await sessions(rig)
    (here, there), (other, other_there) = await channel(ends), await channel(ends)
    here.abort()
    with pytest.raises(ConnectionLost):
        await there.read()
    await other.write(b"neighbour")
    assert await other_there.read() == b"neighbour"


@on_virtual
async def test_what_streams_say_is_on_its_way_at_once_and_not_with_the_next_ping(rig: Rig) -> None:
    ends = await sessions(rig)
    (reset, reset_there), (ended, ended_there), (closed, closed_there) = [await channel(ends) for _ in range(3)]
    start = trio.current_time()
    reset.abort()
    with pytest.raises(ConnectionLost):
        await reset_there.read()
    await ended.shutdown()
    assert await ended_there.read() == b""
    closed.close()
    assert await closed_there.read() == b""
    ends.a.leave()
    await ends.owner_b.expect(PeerLeaving)
    await ends.a.ping()
    await ends.a.close()
    await ends.owner_b.expect(SessionDown)
    assert trio.current_time() - start < 0.1


@on_both
async def test_a_stream_closed_while_the_peer_sends_is_reset_there(rig: Rig) -> None:
    ends = await sessions(rig)
    here, there = await channel(ends)
    here.close()

    async def keep_writing() -> None:
        while True:
            await there.write(bytes(1000))
            await trio.sleep(0.001)

    with pytest.raises(ConnectionLost):
        await keep_writing()


@on_virtual
async def test_what_a_stream_held_is_off_the_books_when_it_is_gone(rig: Rig) -> None:
    ends = await sessions(rig)
    for end in ("abort", "close", "reset by the peer"):
        here, there = await channel(ends)
        await there.write(bytes(5000))
        await settled(rig)
        assert rig.pump.budget.total == 5000
        if end == "reset by the peer":
            there.abort()
        else:
            getattr(here, end)()
        await settled(rig)
        assert rig.pump.budget.total == 0


@on_both
async def test_an_incoming_stream_that_nobody_takes_is_reset(rig: Rig) -> None:
    ends = await sessions(rig)
    here = ends.a.open(ECHO)
    await here.write(b"x")
    (await ends.owner_b.expect(IncomingStream)).dispose()
    with pytest.raises(ConnectionLost):
        await here.read()


@on_both
async def test_a_stream_dies_with_its_owner(rig: Rig) -> None:
    ends = await sessions(rig)
    here, there = await channel(ends)
    there.adopt(FakeOwner("tunnel"))
    rig.pump.owner_ended("tunnel")
    with pytest.raises(ConnectionLost):
        await here.read()
    assert ends.a.is_open


@on_both
async def test_a_stalled_stream_stops_its_sender_and_nobody_else_and_resumes(rig: Rig) -> None:
    ends = await sessions(rig)
    stalled = [await channel(ends) for _ in range(20)]
    size = 1 << 20
    received = [0] * len(stalled)

    async def read(index: int, stream: Stream) -> None:
        while part := await stream.read():
            received[index] += len(part)

    async with trio.open_nursery() as nursery:
        for here, _there in stalled:
            nursery.start_soon(send_all, here, bytes(size))
        await settled(rig)
        held = ends.b.statistics().bytes_held
        assert 0 < held <= len(stalled) * (256 << 10)
        here, there = await channel(ends)
        await send_all(here, bytes(size // 8))
        assert len(await read_all(there)) == size // 8
        for index, (_here, there) in enumerate(stalled):
            nursery.start_soon(read, index, there)
    assert received == [size] * len(stalled)
    assert rig.pump.budget.total == 0


@on_virtual
async def test_above_the_sessions_cap_the_streams_longest_idle_are_reset(outer: Rig) -> None:
    async def case(a: Rig, b: Rig, net, hosts) -> None:
        ends = await sessions_over((a, b), await a.streams(b, TcpAddress("10.0.0.2", 0)))
        async with trio.open_nursery() as nursery:
            pairs = []
            for _ in range(6):
                here, there = await channel(ends)
                pairs.append((here, there))

                async def push(stream: Stream) -> None:
                    with contextlib.suppress(ConnectionLost):
                        await stream.write(bytes(1 << 20))

                nursery.start_soon(push, here)
                await trio.sleep(1)
                assert ends.b.statistics().bytes_held <= 3 << 18
            broken = [there.error is not None for _here, there in pairs]
            assert broken == [True] * 3 + [False] * 3
            assert ends.a.is_open
            nursery.cancel_scope.cancel()

    await two_hosts(case, FlowLimits(session_bytes=3 << 18))
