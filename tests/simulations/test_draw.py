from hypothesis import HealthCheck, given, settings

from simulations.choices import SeededChoices
from simulations.draw import MAKERS, draw_plan, plans
from simulations.plan import Plan
from simulations.report import summary
from simulations.run import run_plan


@given(plans(size=5))
@settings(max_examples=100, deadline=None)
def test_what_is_drawn_is_a_plan_that_comes_back_from_its_file(plan):
    assert Plan.loads(plan.dumps()) == plan


def test_each_class_of_faults_is_on_in_about_half_of_the_plans():
    drawn = [draw_plan(SeededChoices(seed, "swarm"), seed=seed, size=30) for seed in range(60)]
    counts = {}
    for plan in drawn:
        for kind in {type(fault).__name__ for fault in plan.faults}:
            counts[kind] = counts.get(kind, 0) + 1
    assert len(counts) == len(MAKERS)
    assert all(3 < count < 57 for count in counts.values())


@given(plans(size=3, safety=30.0))
@settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
def test_whatever_happens_the_invariants_hold(plan):
    report = run_plan(plan)
    assert report.passed, summary(report)
