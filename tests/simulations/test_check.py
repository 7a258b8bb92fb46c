import attrs

from simulations import check, scenarios
from simulations.faults import Crash
from simulations.operations import Register
from simulations.plan import MachinePlan, Plan
from simulations.run import run_plan

SMALL = Plan(
    scenario="drawn",
    seed=1,
    machines=(MachinePlan(), MachinePlan(bootstrap=(0,))),
    settle=2.0,
    safety=5.0,
    operations=(Register(at=0.5, machine=1, name="small"),),
)


def test_kept_plans_and_each_scenario_are_run_and_one_of_each_in_both_processes(tmp_path, monkeypatch):
    SMALL.save(tmp_path / "kept-one.json")
    monkeypatch.setattr(scenarios, "names", lambda: ["made"])
    monkeypatch.setattr(scenarios, "load", lambda _name: Made)
    results = []
    assert check.check(tmp_path, results.append)
    assert sorted(result.name for result in results) == ["kept kept-one", "made 1", "made 1, again", "made 2"]
    assert all(result.passed and not result.words for result in results)


def test_two_runs_that_differ_fail_and_so_does_a_violation():
    job = check._Job("x 1", SMALL, twice=True)
    one = run_plan(SMALL)
    other = run_plan(attrs.evolve(SMALL, faults=(Crash(at=2.0, machine=1),)))
    assert check._judge(job, one, one, 1.0).passed
    result = check._judge(job, other, one, 1.0)
    assert not result.passed
    assert "two processes differ" in result.words
    bad = check._judge(job, attrs.evolve(one, passed=False), None, 1.0)
    assert not bad.passed
    assert "VIOLATED" in bad.words


class Made:
    @staticmethod
    def plan(seed, size):
        return attrs.evolve(SMALL, seed=seed)
