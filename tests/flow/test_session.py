import contextlib
import os
from functools import partial

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_actors.errors import ConnectionLost, ConnectionRefused, RemoteProtocolError, TimedOut
from beam_actors.flow import FlowLimits, IncomingStream, SessionDown, SessionUp, Stream
from beam_actors.testing.network import VirtualNetwork
from beam_actors.values import TcpAddress
from beam_actors.wire import PeerIdentified, PeerLeaving, Role
from tests.flow.rig import (
    FakeOwner,
    Rig,
    TrioClock,
    digest,
    on_both,
    on_virtual,
    read_all,
    send_all,
    settled,
    two_hosts,
    virtual_run,
)
from tests.flow.sessions import ECHO, KEYS, Ends, make_session, sessions, sessions_over


async def channel(ends: Ends) -> tuple[Stream, Stream]:
    """A stream opened by `a`, and its other end."""
    here = await ends.a.open(ECHO)
    await here.write(b"!")
    there = (await ends.owner_b.expect(IncomingStream)).stream
    assert await there.read(1) == b"!"
    return here, there


@on_both
async def test_up_streams_and_down(rig: Rig) -> None:
    ends = await sessions(rig)
    assert ends.a.peer == KEYS[1].peer_id
    assert ends.b.peer == KEYS[0].peer_id
    here, there = await channel(ends)
    await send_all(here, b"question")
    assert await read_all(there) == b"question"
    await send_all(there, b"answer")
    assert await read_all(here) == b"answer"
    await ends.owner_a.expect(PeerIdentified)
    assert 0 <= await ends.a.ping() < 5
    assert ends.a.statistics().rtt is not None
    other, _peer_end = await channel(ends)
    await ends.a.close()
    assert (await ends.owner_a.expect(SessionDown)).error is None
    assert isinstance((await ends.owner_b.expect(SessionDown)).error, ConnectionLost)  # a stream was cut by it
    for use in (other.read(), other.write(b"x")):
        with pytest.raises(ConnectionLost):
            await use
    with pytest.raises(ConnectionLost):
        await ends.a.open(ECHO)
    with pytest.raises(ConnectionLost):
        await ends.a.ping()
    assert not [message for message in ends.owner_a.inbox if isinstance(message, SessionDown)]  # told once
    repr((ends.a, ends.b, other))


@on_both
async def test_an_idle_session_ends_in_order_at_both_ends(rig: Rig) -> None:
    ends = await sessions(rig)
    await ends.owner_a.expect(PeerIdentified)
    await ends.owner_b.expect(PeerIdentified)
    await ends.a.ping()
    await ends.a.close()
    assert (await ends.owner_a.expect(SessionDown)).error is None
    assert (await ends.owner_b.expect(SessionDown)).error is None


@on_both
async def test_a_protocol_that_the_peer_does_not_speak(rig: Rig) -> None:
    ends = await sessions(rig)
    stream = await ends.a.open("/test/unknown/1")
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


@on_both
async def test_an_incoming_stream_that_nobody_takes_is_reset(rig: Rig) -> None:
    ends = await sessions(rig)
    here = await ends.a.open(ECHO)
    await here.write(b"x")
    (await ends.owner_b.expect(IncomingStream)).dispose()
    with pytest.raises(ConnectionLost):
        await here.read()


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


@on_both
async def test_the_session_dies_with_its_owner_or_lives_on_with_another(rig: Rig) -> None:
    ends = await sessions(rig)
    heir = FakeOwner("heir")
    ends.a.adopt(heir)
    rig.pump.owner_ended("session/a")
    assert ends.a.is_open
    rig.pump.owner_ended("heir")
    assert isinstance((await ends.owner_b.expect(SessionDown)).error, ConnectionLost)
    assert heir.inbox == []  # nobody is told who isn't there


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
async def test_leaving_takes_no_new_streams(rig: Rig) -> None:
    ends = await sessions(rig)
    here, there = await channel(ends)
    ends.b.leave()
    await ends.owner_a.expect(PeerLeaving)
    with pytest.raises(ConnectionLost):
        await ends.a.open(ECHO)
    await here.write(b"old ones go on")
    assert await there.read() == b"old ones go on"


@on_both
async def test_bulk_through_a_splice_at_each_end(rig: Rig) -> None:
    """client - splice - stream over the session - splice - server: a tunnel, but for the actors."""
    ends = await sessions(rig)
    (client, local), (remote, server) = await rig.streams(), await rig.streams()
    here, there = await channel(ends)
    local.splice(here, "ingress")
    there.splice(remote, "tunnel")
    forth, back = os.urandom(3 << 20), os.urandom(2 << 20)
    got: dict[str, bytes] = {}

    async def read(name: str, stream: Stream) -> None:
        got[name] = await read_all(stream)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send_all, client, forth)
        nursery.start_soon(send_all, server, back)
        nursery.start_soon(read, "server", server)
        nursery.start_soon(read, "client", client)
    assert digest(got["server"]) == digest(forth)
    assert digest(got["client"]) == digest(back)
    assert rig.pump.budget.total == 0


@on_both
async def test_a_reset_travels_through_the_whole_tunnel(rig: Rig) -> None:
    ends = await sessions(rig)
    (client, local), (remote, server) = await rig.streams(), await rig.streams()
    here, there = await channel(ends)
    local.splice(here, "ingress")
    there.splice(remote, "tunnel")
    await client.write(b"partial")
    assert await server.read() == b"partial"
    server.abort()
    with pytest.raises(ConnectionLost):
        await client.read()


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


def test_a_peer_that_falls_silent_is_down_within_fifteen_seconds() -> None:
    async def case(a: Rig, b: Rig, net, hosts) -> None:
        ends = await sessions_over((a, b), await a.streams(b, TcpAddress("10.0.0.2", 0)))
        await trio.sleep(120)  # nothing to say, and both alive: pings keep it up
        assert ends.a.is_open
        assert ends.b.is_open
        assert ends.a.statistics().rtt == pytest.approx(0.002)
        since = trio.current_time()
        net.partition(*hosts)
        down = await ends.owner_a.expect(SessionDown)
        assert isinstance(down.error, ConnectionLost)
        assert trio.current_time() - since < 15
        await ends.owner_b.expect(SessionDown)
        assert a.pump.statistics().timers == 0

    virtual_run(two_hosts, case)


def test_a_stopped_process_does_not_blame_its_peer() -> None:
    async def case(a: Rig, b: Rig, net, hosts) -> None:
        class Sleepy(TrioClock):
            asleep = 0.0

            @classmethod
            def monotonic(cls) -> float:
                return trio.current_time() + cls.asleep

        a.pump.clock = Sleepy
        ends = await sessions_over((a, b), await a.streams(b, TcpAddress("10.0.0.2", 0)))
        await trio.sleep(7)
        Sleepy.asleep = 600.0  # as after SIGCONT
        await trio.sleep(60)
        assert ends.a.is_open

    virtual_run(two_hosts, case)


def test_a_handshake_has_a_deadline() -> None:
    async def case(a: Rig, b: Rig, net, hosts) -> None:
        mine, theirs = await a.streams(b, TcpAddress("10.0.0.2", 0))
        owner = FakeOwner("late")
        start = trio.current_time()
        a.flow.session(mine, make_session(Role.INITIATOR), owner)
        down = await owner.expect(SessionDown)
        assert isinstance(down.error, TimedOut)
        assert trio.current_time() - start == pytest.approx(10, abs=0.01)
        with pytest.raises(ConnectionLost):
            await read_all(theirs)

    virtual_run(two_hosts, case)


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


@settings(max_examples=25, deadline=None)
@given(
    streams=st.lists(
        st.tuples(st.lists(st.integers(1, 90_000), max_size=5), st.sampled_from([1000, 65536]), st.booleans()),
        min_size=1,
        max_size=6,
    ),
    buffer=st.sampled_from([1500, 1 << 16]),
    slice_callbacks=st.sampled_from([1, 256]),
    seed=st.integers(0, 1 << 20),
)
def test_every_stream_carries_its_own_bytes_through_splices(  # noqa: C901, PLR0915  # one conversation, told in order
    streams, buffer, slice_callbacks, seed
) -> None:
    async def main() -> None:  # noqa: C901, PLR0915  # as above
        host = VirtualNetwork(buffer=buffer).host("a")
        limits = FlowLimits(slice_callbacks=slice_callbacks)
        rig, ends_rig = Rig(host.driver(), TrioClock(), limits), Rig(host.driver(), TrioClock())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(rig.pump.run)
            nursery.start_soon(ends_rig.pump.run)
            ends = await sessions(rig)

            async def tunnel(number: int, sizes: list[int], read_size: int, *, aborts: bool) -> None:
                client, local = await ends_rig.streams(rig)
                here = await ends.a.open(ECHO)
                local.splice(here, f"{number}")
                whole = b"".join(bytes([number + 1]) * size for size in sizes)
                await client.write(b"%c" % number)

                async def write() -> None:
                    try:
                        for size in sizes:
                            await client.write(bytes([number + 1]) * size)
                        if aborts:
                            client.abort()
                        else:
                            await client.shutdown()
                    except ConnectionLost:
                        pass

                got = bytearray()
                try:
                    async with trio.open_nursery() as both:
                        both.start_soon(write)
                        while part := await client.read(read_size):
                            got += part
                except* ConnectionLost:
                    assert aborts
                assert whole.startswith(got)
                assert aborts or got == whole

            async def serve() -> None:
                while True:
                    stream = (await ends.owner_b.expect(IncomingStream)).stream
                    nursery.start_soon(echo, stream)

            async def echo(stream: Stream) -> None:
                try:
                    await stream.read(1)
                    while part := await stream.read():
                        await stream.write(part)
                    await stream.shutdown()
                except ConnectionLost:
                    pass

            nursery.start_soon(serve)
            async with trio.open_nursery() as tunnels:
                for number, (sizes, read_size, aborts) in enumerate(streams):
                    tunnels.start_soon(partial(tunnel, number, sizes, read_size, aborts=aborts))
            await trio.sleep(1)  # resets are still on their way
            assert rig.pump.budget.total == 0
            assert rig.pump.splices.total == len(streams)
            assert len(rig.pump.splices) == 0
            nursery.cancel_scope.cancel()

    virtual_run(main, seed=seed)
