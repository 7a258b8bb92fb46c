import json

import attrs
import pytest

from simulations import scenarios
from simulations.faults import Crash, Split
from simulations.operations import Fetch, Register
from simulations.plan import BadPlan, MachinePlan, Plan

SMALL = Plan(
    scenario="drawn",
    seed=7,
    machines=(MachinePlan(), MachinePlan(bootstrap=(0,), boot=3.5)),
    operations=(Register(at=1.0, machine=1, name="a"), Fetch(at=2.0, machine=0, of=1, port=9000, duplex=True)),
    faults=(Crash(at=5.0, machine=1, torn=True), Split(at=6.0, groups=((0,), (1,)))),
)


@pytest.mark.parametrize("name", scenarios.names())
def test_every_scenarios_plan_comes_back_from_its_file(name):
    plan = scenarios.load(name).plan(3, 7)
    assert Plan.loads(plan.dumps()) == plan
    assert plan == scenarios.load(name).plan(3, 7)
    assert plan != scenarios.load(name).plan(4, 7)


def test_a_file_has_a_line_for_each_event_and_says_only_what_is_not_usual():
    lines = SMALL.dumps().splitlines()
    assert '  {"at": 1.0, "machine": 1, "name": "a", "do": "register"},' in lines
    assert '  {"at": 5.0, "machine": 1, "torn": true, "fault": "crash"},' in lines
    changed = attrs.evolve(SMALL, faults=(attrs.evolve(SMALL.faults[0], torn=False), SMALL.faults[1]))
    assert sum(one != other for one, other in zip(lines, changed.dumps().splitlines(), strict=True)) == 1


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("format",), 2),
        (("seed",), "7"),
        (("seed",), True),
        (("unknown",), 1),
        (("machines", 0, "boots"), 1.0),
        (("operations", 0, "machine"), 2),
        (("operations", 0, "do"), "fly"),
        (("operations", 0, "at"), 61.0),
        (("operations", 0, "at"), "1"),
        (("faults", 1, "groups"), [[0], [9]]),
        (("profile",), "heavy"),
    ],
)
def test_a_file_that_says_something_else_is_refused(where, value):
    data = json.loads(SMALL.dumps())
    place = data
    for step in where[:-1]:
        place = place[step]
    place[where[-1]] = value
    with pytest.raises(BadPlan):
        Plan.loads(json.dumps(data))


def test_a_machine_is_given_addresses_of_machines_before_it_only():
    with pytest.raises(BadPlan):
        Plan(scenario="drawn", seed=1, machines=(MachinePlan(bootstrap=(0,)),))


def test_no_plan_is_without_machines_and_no_json_is_no_plan():
    with pytest.raises(BadPlan):
        Plan(scenario="drawn", seed=1, machines=())
    with pytest.raises(BadPlan):
        Plan.loads("{")
    with pytest.raises(BadPlan):
        Plan.loads("[]")


def test_a_machine_that_would_know_nobody_for_ever_is_refused():
    late = MachinePlan(bootstrap=(0,), boot=5.0)
    with pytest.raises(BadPlan, match="m2 boots before"):
        Plan(scenario="drawn", seed=1, machines=(MachinePlan(), late, MachinePlan(bootstrap=(1,), boot=4.0)))
    Plan(scenario="drawn", seed=1, machines=(MachinePlan(), late, MachinePlan(bootstrap=(0, 1), boot=4.0)))


@pytest.mark.parametrize("name", scenarios.names())
def test_nobody_is_alone_in_a_large_plan(name):
    machines = scenarios.load(name).plan(1, 500).machines
    assert all(any(machines[other].boot <= one.boot for other in one.bootstrap) for one in machines if one.bootstrap)
