import itertools
import signal
import sys
from pathlib import Path

import attrs
import pytest
import trio

from beam_actors.testing import seeded
from beam_actors.testing.seeded import OWNER, Stops, run_seeded
from simulations import scenarios
from simulations.invariants import Outcome
from simulations.plan import Plan
from simulations.report import summary
from simulations.run import Stuck, _limited, run_plan

REGRESSIONS = sorted((Path(__file__).parents[2] / "simulations" / "regressions").glob("*.json"))


@pytest.fixture(scope="module")
def partition():
    return run_plan(scenarios.load("partition").plan(1, 5))


def test_a_partition_heals_and_the_report_says_what_was_looked_at(partition):
    assert partition.passed, summary(partition)
    held = {verdict.id for verdict in partition.verdicts if verdict.outcome is Outcome.HELD}
    assert held >= {"S1", "S2", "S3", "S4", "S5", "S9", "S13", "L1", "L2", "L3"}
    assert all(verdict.why for verdict in partition.verdicts if verdict.outcome is Outcome.NOT_EVALUATED)
    assert partition.figures["contested"] >= 1
    assert partition.counts["operations"]["register: done"] >= 5
    assert len(partition.tree) > 20
    assert partition.bytes_moved


def test_a_plan_gives_the_same_run_again(partition):
    assert run_plan(partition.plan).same(partition)


def test_a_network_that_asks_for_work_holds_what_it_promises_too(partition):
    plan = attrs.evolve(partition.plan, work=2)
    report = run_plan(plan)
    assert report.passed, summary(report)
    assert {verdict.id for verdict in report.verdicts if verdict.outcome is Outcome.HELD} >= {"S1", "S2", "L1", "L2"}
    assert run_plan(plan).same(report)
    assert not report.same(partition)


@pytest.mark.parametrize("name", [name for name in scenarios.names() if name != "partition"])
def test_every_scenario_holds_in_small(name):
    report = run_plan(scenarios.load(name).plan(1, 3))  # larger ones are for `make sim-check`
    assert report.passed, summary(report)


@pytest.mark.parametrize("path", REGRESSIONS, ids=lambda path: path.stem)
def test_what_once_failed_holds(path):
    report = run_plan(Plan.load(path))
    assert report.passed, summary(report)


@pytest.mark.parametrize("line", range(12))
@pytest.mark.parametrize("move", ["stop", "turn", "go_on", "task_scheduled"])
def test_the_end_of_a_run_that_takes_too_long_never_strikes_where_a_task_would_be_lost(move, line):
    """The alarm at each line of each of the moves of tasks between the scheduler and who is stopped."""
    stops, owner, lines, cancelled = Stops(), object(), itertools.count(), []

    def trace(frame, event, _arg):
        if frame.f_code.co_name != move or frame.f_code.co_filename != seeded.__file__:
            return None
        if event == "line" and next(lines) == line:
            signal.raise_signal(signal.SIGALRM)
        return trace

    async def worker():
        OWNER.set(owner)
        try:
            await trio.sleep_forever()
        except trio.Cancelled:
            cancelled.append("in order")
            raise

    async def main():
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(worker)
            await trio.sleep(1)
            sys.settrace(trace)
            try:
                stops.stop(owner)
                nursery.cancel_scope.cancel()  # each is scheduled, and held
                stops.turn(owner)
                stops.go_on(owner)
                sys.settrace(None)
                signal.raise_signal(signal.SIGALRM)
                pytest.fail("it was not told")
            finally:
                sys.settrace(None)
                stops.go_on(owner)

    with pytest.raises(Stuck), _limited(30):
        run_seeded(1, main)
    assert cancelled == ["in order"] * 3
