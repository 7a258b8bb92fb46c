import os
from typing import Any

import pytest
import trio

from beam_actors.errors import ConnectionLost, RemoteProtocolError
from beam_actors.flow import FlowLimits, IncomingStream, SessionDown, SessionUp, Stream
from beam_actors.wire import Role
from beam_actors.wire.yamux import Kind
from tests.flow.rig import KINDS, FakeOwner, Rig, digest, eventually, on_both, on_virtual, read_all, run, send_all
from tests.flow.sessions import ECHO, channel, make_session, sessions, sessions_over


@on_both
async def test_a_cut_connection_takes_its_streams_down(rig: Rig) -> None:
    ends = await sessions(rig)
    here, there = await channel(ends)
    ends.a.abort()
    for stream in (here, there):
        with pytest.raises(ConnectionLost):
            await stream.read()
    assert isinstance((await ends.owner_b.expect(SessionDown)).error, ConnectionLost)
    assert isinstance((await ends.owner_a.expect(SessionDown)).error, ConnectionLost)


@pytest.mark.parametrize("kind", KINDS)
def test_frames_are_read_in_turns_and_nothing_is_lost(kind: str) -> None:
    async def case(rig: Rig) -> None:
        ends = await sessions(rig)
        pairs = [await channel(ends) for _ in range(5)]
        data = os.urandom(300_000)

        async def both(here, there) -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(send_all, here, data)
                nursery.start_soon(send_all, there, data)
                for stream in (here, there):
                    assert digest(await read_all(stream)) == digest(data)

        async with trio.open_nursery() as nursery:
            for here, there in pairs:
                nursery.start_soon(both, here, there)
        assert ends.a.statistics().wire.streams == 0
        ends.a.abort()
        await ends.owner_b.expect(SessionDown)

    run(kind, case, FlowLimits(slice_frames=1))


@on_virtual
async def test_a_flood_of_small_frames_leaves_others_their_turn(rig: Rig) -> None:
    flooding, quiet = await sessions(rig), await sessions(rig)
    here, there = await channel(quiet)
    streams = [(await channel(flooding))[0] for _ in range(4)]
    link = streams[0]._link
    assert link is not None
    wire = link._carrier.session
    turns = 0

    async def flood() -> None:
        # As a hostile peer would: straight into the session, past what an application can say.
        for _ in range(5000):
            wire._mux.outbox.control(Kind.WINDOW_UPDATE, 0, link.id, 1)
        link._carrier.flush_soon()

    await flood()
    before = rig.pump.statistics().callbacks
    await here.write(b"quiet")
    assert await there.read() == b"quiet"
    turns = rig.pump.statistics().callbacks - before
    assert flooding.b._link.session.backlog  # far from done, and the other one was served
    assert turns < 40
    while flooding.b._link.session.backlog:
        await trio.sleep(0.01)
    await flooding.a.ping()


@on_both
async def test_garbage_instead_of_a_handshake(rig: Rig) -> None:
    mine, theirs = await rig.streams()
    owner = FakeOwner("victim")
    rig.flow.session(mine, make_session(Role.RESPONDER), owner)
    await theirs.write(b"GET / HTTP/1.1\r\n\r\n" * 100)
    assert isinstance((await owner.expect(SessionDown)).error, RemoteProtocolError)
    assert rig.pump.is_open


@on_both
async def test_what_was_read_too_early_is_not_lost(rig: Rig) -> None:
    mine, theirs = await rig.streams()
    owner, other = FakeOwner("a"), FakeOwner("b")
    rig.flow.session(mine, make_session(Role.INITIATOR), owner)
    theirs.unread(await theirs.read(5))
    rig.flow.session(theirs, make_session(Role.RESPONDER), other)
    await owner.expect(SessionUp)
    await other.expect(SessionUp)


@on_both
async def test_a_stream_is_offered_with_what_came_with_it_before_the_owner_is_told(rig: Rig) -> None:
    ends = await sessions(rig)
    seen: list[Any] = []

    def taker(peer: Any, stream: Stream) -> bool:
        data = stream.read_nowait()
        seen.append((peer, data))
        if data == b"crash":
            raise ValueError(data)
        if data is not None and data != b"mine":
            stream.unread(data)
        return data == b"mine"

    ends.b.ask_first(ECHO, taker)
    mine, yours = [ends.a.open(ECHO) for _ in range(2)]
    mine.write_nowait(b"mine")
    yours.write_nowait(b"yours")
    message = await ends.owner_b.expect(IncomingStream)
    assert await message.stream.read() == b"yours"
    crash = ends.a.open(ECHO)
    crash.write_nowait(b"crash")
    await eventually(lambda: bool(ends.owner_b.crashes))
    assert [data for _, data in seen] == [b"mine", b"yours", b"crash"]
    assert {peer for peer, _ in seen} == {ends.b.peer}
    with pytest.raises(ConnectionLost):
        await crash.read()
    await message.stream.write(b"still here")
    assert await yours.read() == b"still here"


@on_both
async def test_a_session_over_a_stream_of_a_session(rig: Rig) -> None:
    outer = await sessions(rig)
    inner = await sessions_over((rig, rig), await channel(outer))
    here, there = await channel(inner)
    data = os.urandom(1 << 20)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(send_all, here, data)
        assert digest(await read_all(there)) == digest(data)
    outer.a.abort()
    assert isinstance((await inner.owner_b.expect(SessionDown)).error, ConnectionLost)
