"""Making a failing plan small: what is left is needed for the failure.

Greedy: events are removed in halves, quarters and so on down to one by one, then machines that nothing is about, then
time. Invariant: what is returned fails in the same way, judged by `fails`; and no more than `tries` plans were tried.
It knows nothing of how a plan is run.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import attrs

from simulations.faults import Fault
from simulations.operations import Operation
from simulations.plan import BadPlan, MachinePlan, Plan

Event = Operation | Fault
_ABOUT = ("machine", "of", "to", "source", "target", "foreign", "groups", "victims", "introduced", "allow")
"""The fields of events that name machines, by their places in the plan."""


class _Spent(Exception):
    """No tries are left."""


class _Shrinker:
    def __init__(self, plan: Plan, fails: Callable[[Plan], bool], tries: int) -> None:
        self.best = plan
        self._fails = fails
        self._left = tries

    def better(self, make: Callable[[], Plan]) -> bool:
        """Keep what `make` makes if it is a plan that fails."""
        try:
            plan = make()
        except BadPlan:
            return False
        if plan == self.best:
            return False
        if self._left <= 0:
            raise _Spent
        self._left -= 1
        if not self._fails(plan):
            return False
        self.best = plan
        return True


def shrink(plan: Plan, fails: Callable[[Plan], bool], *, tries: int = 200) -> Plan:
    """A smaller plan for which `fails` is still true; `plan` itself if there is none within so many tries."""
    work = _Shrinker(plan, fails, tries)
    try:
        while True:
            before = work.best
            _fewer_events(work)
            _fewer_machines(work)
            _less_time(work)
            _simpler_machines(work)
            if work.best == before:
                return before
    except _Spent:
        return work.best


def _fewer_events(work: _Shrinker) -> None:
    size = max(1, work.best.events // 2)
    while True:
        start = 0
        while start < work.best.events:
            if not work.better(partial(_without, work.best, start, start + size)):
                start += size
        if size == 1:
            return
        size = max(1, size // 2)


def _without(plan: Plan, start: int, end: int) -> Plan:
    return _with_events(plan, [*plan.happenings[:start], *plan.happenings[end:]])


def _with_events(plan: Plan, events: list[Event]) -> Plan:
    return attrs.evolve(
        plan,
        operations=tuple(event for event in events if isinstance(event, Operation)),
        faults=tuple(event for event in events if isinstance(event, Fault)),
    )


def _fewer_machines(work: _Shrinker) -> None:
    for index in reversed(range(work.best.size)):
        if index < work.best.size and work.best.size > 1:
            work.better(partial(without_machine, work.best, index))


def without_machine(plan: Plan, gone: int) -> Plan:
    """The plan without a machine that no event is about; raise `BadPlan` if one is.

    Whoever was given its address is given those that it was given itself.
    """
    if any(gone in event.machines() for event in plan.happenings):
        raise BadPlan(f"m{gone} is needed.")
    moved = {old: old - (old > gone) for old in range(plan.size) if old != gone}

    def given(machine: MachinePlan) -> tuple[int, ...]:
        wanted: list[int] = []
        for other in machine.bootstrap:
            wanted += plan.machines[gone].bootstrap if other == gone else (other,)
        return tuple(dict.fromkeys(moved[other] for other in wanted))

    machines = [
        attrs.evolve(machine, bootstrap=given(machine)) for old, machine in enumerate(plan.machines) if old != gone
    ]
    events = [_moved(event, moved) for event in plan.happenings]
    return _with_events(attrs.evolve(plan, machines=tuple(machines), operations=(), faults=()), events)


def _moved(event: Event, moved: dict[int, int]) -> Event:
    """The event about the same machines, at their new places."""
    fields = {field.name for field in attrs.fields(type(event))}
    changes: dict[str, Any] = {name: _at(getattr(event, name), moved) for name in _ABOUT if name in fields}
    return attrs.evolve(event, **changes)


def _at(what: Any, moved: dict[int, int]) -> Any:
    """Places, one or some in tuples, as they are now."""
    return moved[what] if isinstance(what, int) else what and tuple(_at(part, moved) for part in what)


def _less_time(work: _Shrinker) -> None:
    for seconds in _shorter(work.best):
        if work.better(partial(attrs.evolve, work.best, safety=seconds)):
            return


def _shorter(plan: Plan) -> Iterator[float]:
    last = max((event.at for event in plan.happenings), default=0.0)
    for more in (1.0, 10.0, 30.0):
        if last + more < plan.safety:
            yield round(last + more, 3)


def _simpler_machines(work: _Shrinker) -> None:
    for index in range(work.best.size):
        plain = MachinePlan(bootstrap=work.best.machines[index].bootstrap)
        if plain != work.best.machines[index]:
            machines = (*work.best.machines[:index], plain, *work.best.machines[index + 1 :])
            work.better(partial(attrs.evolve, work.best, machines=machines))
