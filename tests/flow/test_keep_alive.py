import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import ConnectionLost, ResourceExhausted, TimedOut
from beam_actors.flow import SessionDown
from beam_actors.testing.clock import SimClock
from beam_actors.testing.network import Conditions
from beam_actors.values import TcpAddress
from beam_actors.wire import Role
from beam_actors.wire.noise import CHACHA
from beam_actors.wire.security import NOISE, Security
from tests.flow.rig import FakeOwner, Rig, read_all, two_hosts, virtual_run
from tests.flow.sessions import channel, make_session, sessions_over


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


def test_so_many_pings_are_under_way_and_each_has_its_answer() -> None:
    async def case(a: Rig, b: Rig, net, hosts) -> None:
        net.between(*hosts, Conditions(latency=0.5))
        ends = await sessions_over((a, b), await a.streams(b, TcpAddress("10.0.0.2", 0)))
        took: list[float] = []

        async def ping() -> None:
            took.append(await ends.a.ping())

        async with trio.open_nursery() as nursery:
            for _ in range(16):
                nursery.start_soon(ping)
            await trio.sleep(0.1)
            with pytest.raises(ResourceExhausted):
                await ends.a.ping()
        assert took == pytest.approx([1.0] * 16)
        assert await ends.a.ping() == pytest.approx(1.0)

    virtual_run(two_hosts, case)


def test_whoever_waits_for_a_pong_hears_of_the_end() -> None:
    async def case(a: Rig, b: Rig, net, hosts) -> None:
        ends = await sessions_over((a, b), await a.streams(b, TcpAddress("10.0.0.2", 0)))
        net.partition(*hosts)
        with pytest.raises(ConnectionLost):
            await ends.a.ping()
        assert not ends.a.is_open

    virtual_run(two_hosts, case)
