import os

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import ConnectionLost, RemoteProtocolError, TimedOut
from beam_actors.flow import FlowLimits, SessionDown, SessionUp
from beam_actors.testing.clock import SimClock
from beam_actors.testing.network import Conditions
from beam_actors.values import TcpAddress
from beam_actors.wire import Role
from beam_actors.wire.noise import CHACHA
from beam_actors.wire.security import NOISE, Security
from beam_actors.wire.yamux import Kind
from tests.flow.rig import (
    KINDS,
    FakeOwner,
    Rig,
    digest,
    on_both,
    on_virtual,
    read_all,
    run,
    send_all,
    two_hosts,
    virtual_run,
)
from tests.flow.sessions import channel, make_session, sessions, sessions_over


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


@given(st.floats(0, 10, allow_nan=False))
def test_a_peer_that_answers_after_three_seconds_stays(pause: float) -> None:
    """A lost packet or two make of a short way a long one; the silence is not over before the answer may be there."""

    async def case(a: Rig, b: Rig, net, hosts) -> None:
        ends = await sessions_over((a, b), await a.streams(b, TcpAddress("10.0.0.2", 0)))
        await trio.sleep(pause)
        net.between(*hosts, Conditions(latency=1.5))
        await trio.sleep(60)
        assert ends.a.is_open
        assert ends.b.is_open

    virtual_run(two_hosts, case)


@pytest.mark.parametrize("security", [NOISE, Security(suites=(CHACHA,))], ids=["beam nodes", "any peers"])
def test_of_two_beam_nodes_one_asks_and_of_other_peers_both(security: Security) -> None:
    async def case(a: Rig, b: Rig, net, hosts) -> None:
        ends = await sessions_over((a, b), await a.streams(b, TcpAddress("10.0.0.2", 0)), security=security)
        await trio.sleep(1)
        before = [end.statistics().wire.records_sent for end in (ends.a, ends.b)]
        await trio.sleep(75)
        each = 10 if security is NOISE else 20
        assert [end.statistics().wire.records_sent for end in (ends.a, ends.b)] == [count + each for count in before]

    virtual_run(two_hosts, case)


def test_an_end_that_only_listens_is_heard_too() -> None:
    """The other relies on being asked: what it says itself keeps this end from asking for nothing."""

    async def case(a: Rig, b: Rig, net, hosts) -> None:
        ends = await sessions_over((a, b), await a.streams(b, TcpAddress("10.0.0.2", 0)))
        here, there = await channel(ends)
        for _ in range(60):
            await there.write(b"x")
            await trio.sleep(1)
        assert len(await here.read()) == 60
        assert ends.b.is_open

    virtual_run(two_hosts, case)


@pytest.mark.parametrize("rate", [5_000, 20_000])
def test_an_end_that_hears_all_the_time_still_asks_in_time(rate: int) -> None:
    """It asks because it said nothing, and what it hears meanwhile is no reason to ask late the next time."""

    async def case(a: Rig, b: Rig, net, hosts) -> None:
        net.between(*hosts, Conditions(latency=0.02, jitter=0.02))
        ends = await sessions_over((a, b), await a.streams(b, TcpAddress("10.0.0.2", 0)))
        here, there = await channel(ends)
        for _ in range(2_000):
            await there.write(bytes(rate // 10))
            await trio.sleep(0.1)
            await here.read(rate)
        assert ends.b.is_open

    virtual_run(two_hosts, case)


def test_an_idle_node_looks_at_all_its_sessions_at_one_time() -> None:
    async def case(a: Rig, b: Rig, net, hosts) -> None:
        for index in range(20):
            await sessions_over((a, b), await a.streams(b, TcpAddress("10.0.0.2", 0)))
            await trio.sleep(index / 7)
        before = a.pump.statistics().slices
        await trio.sleep(300)
        # Two wake-ups for its looks and the answers, two for the other's, in each of three phases.
        assert a.pump.statistics().slices - before < 300 / 7.5 * 3 * 4

    virtual_run(two_hosts, case)


@pytest.mark.timeout(30)  # the pump went on for ever at one instant
def test_a_silence_ends_however_its_time_is_rounded() -> None:
    """As many seconds after it was heard last may be a time from which a little fewer seconds are counted back."""

    async def case(a: Rig, b: Rig, net, hosts) -> None:
        for number in range(30):
            await trio.sleep(number / 7)
            ends = await sessions_over((a, b), await a.streams(b, TcpAddress("10.0.0.2", 0)))
            net.partition(*hosts)
            assert isinstance((await ends.owner_a.expect(SessionDown)).error, ConnectionLost)
            net.heal(*hosts)

    virtual_run(two_hosts, case)


def test_a_stopped_process_does_not_blame_its_peer() -> None:
    async def case(a: Rig, b: Rig, net, hosts) -> None:
        asleep = 0.0
        a.pump.clock = SimClock(now=lambda: trio.current_time() + asleep)
        ends = await sessions_over((a, b), await a.streams(b, TcpAddress("10.0.0.2", 0)))
        await trio.sleep(7)
        asleep = 600.0  # as after SIGCONT
        for _ in range(60):
            a.pump.driver.wake()  # which waits by the network's clock, on which its timers are ten minutes away
            await trio.sleep(1)
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
