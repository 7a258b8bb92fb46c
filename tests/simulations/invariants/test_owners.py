"""That S24 and L10 can fail beside what the mutants plant: nodes are changed behind their own backs."""

import attrs
import pytest

from beam_actors.values import Name
from simulations import operations
from simulations.operations import Petname, Pin, Register, Resolve
from simulations.owner_operations import Revoke, Rotate
from simulations.plan import MachinePlan, Plan
from simulations.report import summary
from simulations.run import run_plan

STAR = (MachinePlan(), MachinePlan(bootstrap=(0,)), MachinePlan(bootstrap=(0,)))
PLAN = Plan(
    scenario="drawn",
    seed=1,
    machines=STAR,
    settle=3.0,
    safety=40.0,
    operations=(
        Register(at=0.0, machine=0, name="one"),
        Register(at=0.0, machine=1, name="two"),
        Pin(at=2.0, machine=2, name="one"),
        Petname(at=2.0, machine=2, petname="dear", name="two"),
        Rotate(at=5.0, machine=0),
        Revoke(at=20.0, machine=2, of=1),
        Resolve(at=30.0, machine=2, name="one"),
    ),
)


def interfering(monkeypatch, change):
    """Do it where the last line of the plan would ask for a name."""

    async def run(self, stage, place):
        change(stage.inside.knowledge(place.node), stage)
        return "done"

    monkeypatch.setattr(operations.Resolve, "run", run)
    report = run_plan(PLAN)
    assert report.first is not None, summary(report)
    return report.first.invariant


def test_nothing_is_found_where_nothing_is_wrong():
    report = run_plan(PLAN)
    assert report.passed, summary(report)
    done = report.counts["operations"]
    assert [done[f"{word}: done"] for word in ("register", "pin", "petname", "rotate", "revoke")] == [2, 1, 1, 1, 1]


@pytest.mark.parametrize(("label", "table"), [("one", "pins"), ("dear", "petnames")])
def test_a_binding_that_goes_over_to_somebody_else(monkeypatch, label, table):
    def change(known, _stage):
        bound = getattr(known.bindings, table)
        bound[Name(label)] = attrs.evolve(bound[Name(label)], owner=known.owner)

    assert interfering(monkeypatch, change) == "S24"


def test_an_era_that_its_owner_is_said_to_have_opened_and_nobody_knows(monkeypatch):
    def change(_known, stage):
        stage.model.people[0].era = 2

    assert interfering(monkeypatch, change) == "L1"


def test_an_owner_who_is_said_to_be_revoked_and_nobody_knows(monkeypatch):
    def change(_known, stage):
        stage.model.people[2].estate.revoked = True

    assert interfering(monkeypatch, change) == "L1"


def test_a_claim_that_leads_to_a_machine_which_is_not_its_owners(monkeypatch):
    def change(_known, stage):
        stage.places[0].peers[:] = ["another"]

    assert interfering(monkeypatch, change) in {"L7", "L10"}
