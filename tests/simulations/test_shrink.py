import attrs
import pytest
from hypothesis import given, settings

from simulations import faults
from simulations.choices import SeededChoices
from simulations.draw import draw_plan, plans
from simulations.faults import Crash, Split
from simulations.operations import Fetch, Operation, Register
from simulations.plan import OPERATIONS, MachinePlan, NatPlan, Plan
from simulations.shrink import shrink, without_machine


def many(seed=3):
    return draw_plan(SeededChoices(seed, "many"), scenario="drawn", seed=seed, size=9)


def test_what_is_left_is_what_the_failure_needs():
    wanted = Register(at=7.0, machine=4, name="needed"), Crash(at=8.0, machine=2)
    plan = many()
    assert plan.size > 5
    plan = attrs.evolve(plan, operations=(*plan.operations, wanted[0]), faults=(*plan.faults, wanted[1]))

    def fails(candidate):
        named = any(isinstance(one, Register) and one.name == "needed" for one in candidate.operations)
        return named and any(isinstance(one, Crash) and one.at == 8.0 for one in candidate.faults)

    small = shrink(plan, fails)
    assert fails(small)
    assert small.events == 2
    assert small.size == 2
    assert small.safety < plan.safety


def test_no_more_plans_are_tried_than_that():
    tried = []

    def never(plan):
        tried.append(plan)
        return False

    plan = many()
    assert shrink(plan, never, tries=7) == plan
    assert len(tried) == 7


def test_a_machine_that_nothing_is_about_goes_and_the_others_keep_their_ways():
    plan = Plan(
        scenario="drawn",
        seed=1,
        machines=(MachinePlan(), MachinePlan(bootstrap=(0,)), MachinePlan(bootstrap=(1,))),
        operations=(Fetch(at=1.0, machine=2, of=0, port=1),),
        faults=(Split(at=1.0, groups=((0,), (2,))),),
    )
    small = without_machine(plan, 1)
    assert small.machines == (MachinePlan(), MachinePlan(bootstrap=(0,)))
    assert small.operations == (Fetch(at=1.0, machine=1, of=0, port=1),)
    assert small.faults == (Split(at=1.0, groups=((0,), (1,))),)


@given(plans(size=6))
@settings(max_examples=50, deadline=None)
def test_every_drawn_plan_can_be_shrunk_to_almost_nothing(plan):
    smallest = shrink(plan, lambda _candidate: True, tries=1000)
    assert smallest.events == 0
    assert smallest.size == 1


ABOUT = {
    "machine": 2,
    "of": 3,
    "to": 3,
    "source": 2,
    "target": 3,
    "foreign": 3,
    "groups": ((0, 2), (3,)),
    "victims": (2, 3),
    "introduced": (3,),
    "allow": (2, 3),
}
NEEDED = {"at": 1.0, "name": "a", "petname": "b", "port": 1, "path": "control", "kind": "gossip", "by": 1.0, "nat": 0}


@pytest.mark.parametrize("kind", [*OPERATIONS, *faults.KINDS], ids=lambda kind: kind.__name__.lower())
def test_whatever_an_event_is_about_is_what_it_is_about_when_a_machine_goes(kind):
    fields = {field.name for field in attrs.fields(kind)}
    event = kind(**{name: value for name, value in (ABOUT | NEEDED).items() if name in fields})
    happens = {"operations" if isinstance(event, Operation) else "faults": (event,)}
    plan = Plan(scenario="drawn", seed=1, machines=(MachinePlan(),) * 4, nats=(NatPlan(),), **happens)
    small = without_machine(plan, 1)
    (moved,) = (*small.operations, *small.faults)
    assert moved.machines() == tuple(index - (index > 1) for index in event.machines())
