from pathlib import Path

import pytest

from simulations import scenarios
from simulations.invariants import Outcome
from simulations.plan import Plan
from simulations.report import summary
from simulations.run import run_plan

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


@pytest.mark.parametrize("name", [name for name in scenarios.names() if name != "partition"])
def test_every_scenario_holds_in_small(name):
    report = run_plan(scenarios.load(name).plan(1, 3))  # larger ones are for `make sim-check`
    assert report.passed, summary(report)


@pytest.mark.parametrize("path", REGRESSIONS, ids=lambda path: path.stem)
def test_what_once_failed_holds(path):
    report = run_plan(Plan.load(path))
    assert report.passed, summary(report)
