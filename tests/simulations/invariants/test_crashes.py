import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from beam_actors.errors import StorageError
from beam_actors.runtime import Strategy
from simulations.faults import AnyActorCrash, CrashLoop, PlannedCrash
from simulations.invariants import crashes
from simulations.invariants.base import Outcome
from simulations.invariants.crashes import CrashesArePlanned, CrashesStay
from simulations.plan import MachinePlan, Plan
from simulations.report import summary
from simulations.run import run_plan
from tests.simulations.invariants.scene import CORE, Scene

PLANNED = PlannedCrash("on purpose")


async def test_what_is_built_on_the_crashed_one_is_restarted_with_it(autojump_clock):
    async with Scene(CrashesStay) as seen:
        for child in CORE:
            await seen.crash(f"node/core/{child}", PLANNED)
        await seen.crash("node/core", PLANNED)
        await seen.crash("node/core/store", PLANNED)
        assert not seen.violations
        assert seen.invariant.verdict().outcome is Outcome.HELD
        assert seen.invariant.figures["restarts"] == 3 + 2 + 1 + 1 + 3


async def test_a_crash_that_comes_while_others_are_taken_along_explains_their_restart_too(autojump_clock):
    async with Scene(CrashesStay) as seen:

        def again(event):
            if (event.kind, event.path, event.incarnation) == ("started", "node/core/store", 2):
                seen.system.whereis("node/core/store").crash(PLANNED)

        seen.system.observe(again)
        await seen.crash("node/core/store", PLANNED)
        assert seen.system.whereis("node/core/store").incarnation == 3
        assert not seen.violations


async def test_one_that_is_left_over_is_a_violation(autojump_clock):
    async with Scene(CrashesStay, strategy=Strategy.ONE_FOR_ONE) as seen:
        await seen.crash("node/core/pump", PLANNED)
    assert [violation.invariant for violation in seen.violations] == ["S19"]
    assert "services, which is built on it, was not" in str(seen.violations[0])


@pytest.mark.parametrize(("strategy", "name"), [(Strategy.ONE_FOR_ALL, "core"), (Strategy.REST_FOR_ONE, "elsewhere")])
async def test_one_that_is_taken_along_for_nothing_is_a_violation(autojump_clock, strategy, name):
    async with Scene(CrashesStay, strategy=strategy, name=name) as seen:
        await seen.crash(f"node/{name}/pump", PLANNED)
    assert seen.violations
    assert "although neither it nor what it is built on had ended" in str(seen.violations[0])


async def test_spinning_is_a_violation(autojump_clock, monkeypatch):
    monkeypatch.setattr(crashes, "_SPINS", 50)
    async with Scene(CrashesStay) as seen:
        for _ in range(49):
            seen.system.whereis("node/core/services").crash(PLANNED)
            await wait_all_tasks_blocked()
        assert not seen.violations
        await seen.crash("node/core/services", PLANNED)
    assert "50 times in a second" in str(seen.violations[0])


async def test_a_crash_that_nobody_planned_is_a_violation(autojump_clock):
    async with Scene(CrashesArePlanned) as seen:
        await seen.crash("node/core/pump", PLANNED)
        assert not seen.violations
        await seen.crash("node/core/pump", KeyError("a fault of the product"))
    assert "KeyError" in str(seen.violations[0])


async def test_a_planned_crash_explains_who_escalates_it_and_who_misses_somebody_for_a_while(autojump_clock):
    async with Scene(CrashesArePlanned, restarts=3) as seen:
        for _ in range(4):
            await seen.crash("node/core/pump", PLANNED)
        await seen.crash("node/core/store", StorageError("It is being opened."))
        assert seen.invariant.figures["planned crashes"] == 5  # the last one took the supervisor along
        assert not seen.violations
        await trio.sleep(61)
        await seen.crash("node/core/store", StorageError("It is being opened."))
    assert len(seen.violations) == 1


async def test_a_disk_that_refuses_explains_errors_of_the_store_only(autojump_clock):
    async with Scene(CrashesArePlanned) as seen:
        seen.disk_refuses = True
        await seen.crash("node/core/store", StorageError("full"))
        assert not seen.violations
        await seen.crash("node/core/store", TypeError("a fault of the product"))
    assert len(seen.violations) == 1


def test_a_loop_climbs_to_the_top_and_its_daemon_comes_back():
    plan = Plan(
        scenario="drawn",
        seed=3,
        machines=(MachinePlan(), MachinePlan(bootstrap=(0,))),
        settle=3.0,
        safety=20.0,
        faults=(
            CrashLoop(at=1.0, machine=0, path="core/store", seconds=1.0),
            AnyActorCrash(at=5.0, machine=1, times=30, apart=0.1),
        ),
    )
    report = run_plan(plan)
    assert report.passed, summary(report)
    figures = {name: value for verdict in report.verdicts for name, value in verdict.figures.items()}
    assert figures["daemons that gave up"] >= 1
    assert figures["planned crashes"] > 20
    assert figures["restarts"] > 20
