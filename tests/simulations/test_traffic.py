from simulations.operations import Expose, Fetch, Register, Unexpose
from simulations.plan import MachinePlan, Plan
from simulations.report import summary
from simulations.run import run_plan


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
