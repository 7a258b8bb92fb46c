"""How daemons end: not by themselves, in time when they are asked to, and with all of their tasks."""

from typing import TYPE_CHECKING

import trio

from beam_actors.testing.seeded import OWNER
from simulations.invariants.base import Invariant

if TYPE_CHECKING:
    from simulations.place import Place

_UNWIND = 60.0
"""Seconds after the last daemon's end by which the tasks of killed ones are gone."""
_TROUBLED = 60.0
"""Seconds after which a disk that refused explains the end of a daemon no longer."""


class NoTaskIsLeft(Invariant):
    """S21: of whole daemons, what S11 is of actors."""

    id = "S21"
    title = "no daemon ends by itself, and no task outlives its daemon"

    def ended_by_itself(self, place: "Place") -> None:
        """See `Invariant`: only crashes that the plan made, or a disk that refuses, may end a daemon."""
        if place.crashed_actors or place.disk_refused_around(trio.current_time(), _TROUBLED):
            self.forgiven["the plan crashed its actors, or its disk refused"] += 1
            return
        failures = place.machine.failures
        self.expect(
            False, f"the daemon of {place.name} ended by itself: {failures[-1] if failures else 'nobody knows why'}"
        )

    async def after_stop(self) -> None:
        """See `Invariant`: no task of any daemon is left, those that unwind after a kill included."""
        start = trio.current_time()
        while (left := _owned_tasks()) and trio.current_time() - start < _UNWIND:  # noqa: ASYNC110 (virtual time)
            await trio.sleep(1.0)
        self.expect(not left, f"{len(left)} tasks outlive their daemons: {', '.join(sorted(set(left))[:5])}")


class DaemonsStop(Invariant):
    """L6."""

    id = "L6"
    title = "a daemon that is asked to stop does so in time"

    def stopped(self, place: "Place", seconds: float) -> None:
        """See `Invariant`."""
        bound = self.stage.plan.bounds.stop
        self.expect(seconds <= bound, f"{place.name} took {seconds:.1f} s to stop, of {bound:g}")
        self.figures["longest s"] = max(self.figures.get("longest s", 0.0), round(seconds, 3))


def _owned_tasks() -> list[str]:
    """The names of all tasks that belong to a simulated process."""
    root = trio.lowlevel.current_root_task()
    stack = [] if root is None else [root]
    names: list[str] = []
    while stack:
        task = stack.pop()
        if task.context.get(OWNER) is not None:
            names.append(task.name)
        stack.extend(child for nursery in task.child_nurseries for child in nursery.child_tasks)
    return names
