from beam_actors.runtime import Actor, ChildSpec, Intensity, Supervisor
from beam_actors.runtime.restarts import RestartWindow
from simulations.faults import PlannedCrash
from simulations.invariants.base import Outcome
from simulations.invariants.supervision import ChildrenAreKept
from tests.simulations.invariants.scene import Scene

PLANNED = PlannedCrash("on purpose")
ROOM = ChildSpec("room", lambda: Supervisor([ChildSpec("a", Actor)], intensity=Intensity(restarts=3, period=10.0)))


async def test_a_supervisor_that_is_as_new_has_not_seen_the_crashes_of_the_one_before(autojump_clock):
    async with Scene(ChildrenAreKept, children=[ROOM]) as seen:
        for _ in range(3):
            await seen.crash("node/core/room/a", PLANNED)
        await seen.crash("node/core", PLANNED)
        assert seen.system.whereis("node/core/room").incarnation == 1  # it begins anew with its supervisor
        await seen.crash("node/core/room/a", PLANNED)
        await seen.look(10)
        assert not seen.violations
        assert seen.invariant.verdict().outcome is Outcome.HELD


async def test_one_that_goes_on_after_too_many_crashes_is_a_violation(autojump_clock, monkeypatch):
    monkeypatch.setattr(RestartWindow, "allows", lambda _self, _now: True)
    async with Scene(ChildrenAreKept, children=[ROOM]) as seen:
        for _ in range(4):
            await seen.crash("node/core/room/a", PLANNED)
        await seen.look(10)
    assert "goes on after more crashes of node/core/room/a" in str(seen.violations[0])


async def test_one_that_gives_up_too_early_is_a_violation(autojump_clock, monkeypatch):
    monkeypatch.setattr(RestartWindow, "allows", lambda self, _now: self._intensity.restarts != 3)
    async with Scene(ChildrenAreKept, children=[ROOM]) as seen:
        await seen.crash("node/core/room/a", PLANNED)
    assert "gave up after 1 crashes, of 3 that it allows" in str(seen.violations[0])
