import itertools

from simulations.faults import Leave
from simulations.operations import Expose, Fetch, Follow, Register, Unexpose
from simulations.plan import MachinePlan, Plan
from simulations.report import summary
from simulations.run import run_plan
from simulations.traffic import Traffic

OFFER = (Register(at=0.5, machine=1, name="one"), Expose(at=1.0, machine=1, port=9000, name="one"))


def test_a_connection_is_judged_by_the_tunnel_that_served_it():
    """An own name leads home, so machine 1 is served by itself, and cuts that when it withdraws its tunnel."""
    plan = Plan(
        scenario="drawn",
        seed=1,
        machines=(MachinePlan(), MachinePlan(bootstrap=(0,))),
        safety=20.0,
        operations=(
            Register(at=0.0, machine=0, name="drawn-a"),
            Expose(at=1.0, machine=0, port=9000, name="drawn-a"),
            Register(at=2.0, machine=1, name="drawn-a", contest=True),
            Expose(at=3.0, machine=1, port=9000, name="drawn-a"),
            Fetch(at=10.0, machine=1, of=0, port=9000, name="drawn-a", up=200_000, down=200_000, duplex=True, pace=0.5),
            Unexpose(at=12.0, machine=1, port=9000, name="drawn-a"),
        ),
    )
    report = run_plan(plan)
    assert report.passed, summary(report)
    assert report.counts["operations"]["fetch: cut"] == 1


def spoiled(monkeypatch, *operations):
    """What is said when each byte that programs send or expect is another one."""
    turns = itertools.count()
    monkeypatch.setattr(
        Traffic, "block", lambda _self, _number, _way, size, _start=0: bytes([next(turns) % 256]) * size
    )
    machines = (MachinePlan(), MachinePlan(bootstrap=(0,)))
    plan = Plan(scenario="drawn", seed=1, machines=machines, settle=2.0, safety=12.0, operations=(*OFFER, *operations))
    return str(run_plan(plan).first)


def test_wrong_bytes_are_said_with_the_operation_whose_they_are(monkeypatch):
    wish = Fetch(at=8.0, machine=0, of=1, port=9000, name="one")
    said = spoiled(monkeypatch, wish)
    assert said.startswith("S9 at ")
    assert "connection 1 from m0 to one:9000 of m1 (operations[2] of the plan) up: the bytes from 0" in said


def test_visits_that_follow_an_owner_are_those_of_their_operation(monkeypatch):
    said = spoiled(monkeypatch, Follow(at=8.0, machine=0, of=1, port=9000, name="one"))
    assert "(operations[2] of the plan)" in said


def test_a_visit_that_no_operation_made_says_so(monkeypatch):
    assert "connection 1 from m0 to one:9000 of m1 (a visit after the heal)" in spoiled(monkeypatch)


def test_nobody_is_expected_to_reach_an_owner_that_left_for_good():
    machines = (MachinePlan(), MachinePlan(bootstrap=(0,)))
    visits = tuple(Fetch(at=at, machine=0, of=1, port=9000) for at in (110.0, 125.0))
    plan = Plan(
        scenario="drawn",
        seed=1,
        machines=machines,
        safety=140.0,
        operations=(Expose(at=1.0, machine=1, port=9000), *visits),
        faults=(Leave(at=5.0, machine=1, back=False),),
    )
    report = run_plan(plan)
    assert report.passed, summary(report)
    assert report.counts["operations"]["fetch: cut"] == 2
