import pytest
import trio
import trio.testing

from beam_actors.errors import ActorUnavailable, ConnectionLost
from beam_actors.flow import Accepted, Flow, PumpActor
from beam_actors.runtime import Actor, Backoff, ChildSpec, Intensity, Strategy, Supervisor, System, receives
from beam_actors.testing.clock import SimClock
from beam_actors.testing.network import VirtualNetwork
from beam_actors.testing.seeded import JumpClock
from tests.flow.rig import LOOPBACK


class Listens(Actor):
    """Listens, and keeps what it accepts."""

    def __init__(self, flow: Flow, seen: list) -> None:
        super().__init__()
        self._flow = flow
        self._seen = seen

    async def on_start(self) -> None:
        self._seen.append(self._flow.listen(LOOPBACK, self.ref))

    @receives(Accepted)
    def accepted(self, message: Accepted) -> None:
        self._seen.append(message.stream)


class Dials(Actor):
    """Owns what the test dials."""


async def tree(case) -> None:
    flow, seen = Flow(), []
    host = VirtualNetwork().host("a")
    backoff = Backoff()
    root = ChildSpec(
        "core",
        lambda: Supervisor(
            strategy=Strategy.REST_FOR_ONE,
            intensity=Intensity(restarts=10, period=60.0),
            children=[
                ChildSpec("pump", lambda: PumpActor(flow, host.driver, SimClock()), backoff=backoff),
                ChildSpec("dials", Dials, backoff=backoff),
                ChildSpec("listens", lambda: Listens(flow, seen), backoff=backoff),
            ],
        ),
    )
    system = System("test", clock=trio.current_time)
    with trio.fail_after(60):
        async with system.run(root):
            await case(system, flow, seen)
    with pytest.raises(ActorUnavailable):
        flow.statistics()


def under_mock_clock(case):
    def test() -> None:
        trio.run(tree, case, clock=JumpClock())

    test.__name__ = case.__name__
    return test


@under_mock_clock
async def test_connections_reach_their_owner_and_die_with_it(system: System, flow: Flow, seen: list) -> None:
    ref = system.ref("core/dials")
    stream = await flow.dial(seen[0].local, ref, timeout=5)
    await stream.write(b"hello")
    await trio.sleep(0.1)
    accepted = seen[1]
    assert await accepted.read() == b"hello"
    before = system.ref("core/pump").incarnation
    system.ref("core/listens").crash(RuntimeError("chaos"))
    with pytest.raises(ConnectionLost):
        await stream.read()
    await trio.sleep(10)
    assert system.ref("core/pump").incarnation == before
    assert len(seen) == 3  # the new incarnation listens again
    again = await flow.dial(seen[2].local, ref, timeout=5)
    await again.write(b"x")


@under_mock_clock
async def test_a_new_pump_follows_a_crash_and_nobody_hangs(system: System, flow: Flow, seen: list) -> None:
    ref = system.ref("core/dials")
    stream = await flow.dial(seen[0].local, ref, timeout=5)
    old = flow.pump
    async with trio.open_nursery() as nursery:

        async def waits() -> None:
            with pytest.raises(ConnectionLost):
                await stream.read()

        nursery.start_soon(waits)
        await trio.testing.wait_all_tasks_blocked()
        system.ref("core/pump").crash(RuntimeError("chaos"))
    assert not old.is_open
    await trio.sleep(10)
    assert flow.pump is not old
    assert ref.alive
    again = await flow.dial(seen[-1].local, ref, timeout=5)
    await again.write(b"x")


@under_mock_clock
async def test_a_bug_in_a_handler_crashes_the_owner_alone(system: System, flow: Flow, seen: list) -> None:
    ref = system.ref("core/dials")
    stream = await flow.dial(seen[0].local, ref, timeout=5)
    link, _unread = stream.detach()
    flow.pump.call_soon(lambda: 1 // 0, link)
    await trio.sleep(10)
    assert system.ref("core/dials").incarnation == 2
    assert system.ref("core/pump").incarnation == 1
    assert not link.is_open
