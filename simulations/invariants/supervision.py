"""Whether supervisors do what their children's specs say: judged from outside, by the events that every system tells.

Each end of a child is an expectation: by its spec it is started again within its backoff, or its supervisor ends too.
The intensities are counted here a second time. What is lost (a child that is dead and still on the books, or a
permanent one that no book has) is found by looking at the tree.
"""

from collections import deque
from typing import TYPE_CHECKING, Any

import attrs
import trio

from beam_actors.runtime import Event, Supervisor
from beam_actors.runtime.cell import Cell, State
from beam_actors.runtime.restarts import Decision, Restart
from beam_actors.testing.seeded import OWNER
from simulations import inside
from simulations.invariants.base import Invariant

if TYPE_CHECKING:
    from collections.abc import Callable

    from beam_actors.runtime.specs import ChildSpec
    from simulations.stage import Place

_GRACE = 3.0
"""Seconds that a supervisor may take beyond a child's backoff: a restart awaits `on_start`, which may ask others."""
_STOPPING = 60.0
"""Seconds that a supervisor which gives up may take to stop its other children, each within its own time."""
_UNWIND = 60.0
"""Seconds after the last daemon's end by which the tasks of killed ones are gone."""
_TURNS = 5
"""A tree is walked each so many looks."""


@attrs.frozen(slots=True)
class _Due:
    """What must follow a child's end."""

    incarnation: int
    by: float
    parent: str
    parent_incarnation: int
    reason: str


class ChildrenAreKept(Invariant):
    """S11."""

    id = "S11"
    title = "restarts keep within their intensity, no child's end is lost, no task outlives its daemon"

    def __init__(self, stage: object) -> None:
        super().__init__(stage)  # type: ignore[arg-type]
        self._due: dict[tuple[int, str], _Due] = {}
        self._crashes: dict[tuple[int, str, int, str], deque[float]] = {}
        self._must_end: dict[tuple[int, str], tuple[int, float, str]] = {}
        self._odd: dict[tuple[int, str], tuple[int, float]] = {}
        self._unwatch: dict[int, Callable[[], None]] = {}
        self._turn = 0
        self._crashed = 0

    # --- events -------------------------------------------------------------------------------------------------------

    def booted(self, place: "Place") -> None:
        """See `Invariant`."""
        system = place.node.system
        self._unwatch[place.index] = system.observe(lambda event: self._heard(place, event))

    def goes_down(self, place: "Place", how: str) -> None:
        """See `Invariant`: from now on its actors end because the daemon does."""
        unwatch = self._unwatch.pop(place.index, None)
        if unwatch is not None:
            unwatch()
        for book in (self._due, self._must_end, self._odd):
            for key in [key for key in book if key[0] == place.index]:
                del book[key]
        for crash in [crash for crash in self._crashes if crash[0] == place.index]:
            del self._crashes[crash]
        if how == "gave up":
            self.figures["daemons that gave up"] = self.figures.get("daemons that gave up", 0.0) + 1

    def _heard(self, place: "Place", event: Event) -> None:
        key = place.index, event.path
        if event.kind == "started":
            due = self._due.get(key)
            if due is not None and event.incarnation > due.incarnation:
                del self._due[key]
                self.checks += 1
        elif event.kind == "exited" and event.reason is not None:
            self._ended(place, event)

    def _ended(self, place: "Place", event: Event) -> None:
        self._must_end.pop((place.index, event.path), None)
        for key in [key for key in self._due if key[0] == place.index and key[1].startswith(f"{event.path}/")]:
            del self._due[key]  # its supervisor ended, which is one of the two things that may follow
            self.checks += 1
        reason = event.reason
        if reason is None or not place.up:
            return
        self._judge_giving_up(place, event)
        parent_path = event.path.rpartition("/")[0]
        parent = place.node.system._cells.get(parent_path)  # noqa: SLF001 (like `inside`)
        cell = place.node.system._cells.get(event.path)  # noqa: SLF001 (as above)
        found = _entry(parent, cell)
        if parent is None or found is None:
            return
        spec, stopping = found
        if stopping or parent.state is not State.RUNNING or spec.decide(reason) is not Decision.RESTART:
            return
        now = trio.current_time()
        backoff = spec.backoff.most * (1 + spec.backoff.jitter) if spec.backoff.first > 0 else 0.0
        self._due[place.index, event.path] = _Due(
            event.incarnation, now + backoff + _GRACE, parent_path, parent.incarnation, str(reason)
        )
        if reason.abnormal:
            self._crashed += 1
            self.figures["crashes seen"] = float(self._crashed)
            self._count(place, event.path, parent, now)

    def _count(self, place: "Place", path: str, parent: Cell, now: float) -> None:
        """One more crash below a supervisor: it may be one too many."""
        actor = parent.actor
        if actor is None:
            return
        whose = path if actor.count_per_child else ""
        times = self._crashes.setdefault((place.index, parent.path, parent.incarnation, whose), deque())
        times.append(now)
        while times[0] <= now - actor.intensity.period:
            times.popleft()
        if len(times) > actor.intensity.restarts:
            self._due.pop((place.index, path), None)
            self._must_end[place.index, parent.path] = (parent.incarnation, now + _GRACE, path)

    def _judge_giving_up(self, place: "Place", event: Event) -> None:
        """A supervisor that says that there were too many restarts must have seen too many crashes."""
        error = event.reason.error if event.reason is not None else None
        if type(error).__name__ != "TooManyRestarts":
            return
        counts = [
            len(times)
            for (index, path, incarnation, _whose), times in self._crashes.items()
            if (index, path, incarnation) == (place.index, event.path, event.incarnation)
        ]
        cell = place.node.system._cells.get(event.path)  # noqa: SLF001 (like `inside`)
        allowed = cell.actor.intensity.restarts if cell is not None and cell.actor is not None else 0
        self.expect(
            max(counts, default=0) > allowed,
            f"{event.path} of {place.name} gave up after {max(counts, default=0)} crashes, of {allowed} that it allows",
        )

    # --- looking ------------------------------------------------------------------------------------------------------

    def look(self, place: "Place") -> None:
        """See `Invariant`."""
        if place.machine.paused:
            self._postpone(place)
            return
        now = trio.current_time()
        for key, due in [item for item in self._due.items() if item[0][0] == place.index and item[1].by < now]:
            del self._due[key]
            self.expect(False, f"{key[1]} of {place.name} ended ({due.reason}) and was not started again")
        for key, (incarnation, by, child) in list(self._must_end.items()):
            if key[0] == place.index and by < now:
                self._judge_end(place, key[1], incarnation, child)
                del self._must_end[key]
        self._turn += 1
        if (self._turn + place.index) % _TURNS == 0 or self.stage.healed.is_set():
            self._walk(place, now)

    def _postpone(self, place: "Place") -> None:
        """A process without CPU is late with everything."""
        for key, due in self._due.items():
            if key[0] == place.index:
                self._due[key] = attrs.evolve(due, by=trio.current_time() + _GRACE)
        for key, (incarnation, _by, child) in self._must_end.items():
            if key[0] == place.index:
                self._must_end[key] = incarnation, trio.current_time() + _GRACE, child

    def _judge_end(self, place: "Place", path: str, incarnation: int, child: str) -> None:
        cell = place.node.system._cells.get(path)  # noqa: SLF001 (like `inside`)
        alive = cell is not None and cell.incarnation == incarnation and cell.state is State.RUNNING
        self.expect(
            not alive, f"{path} of {place.name} goes on after more crashes of {child} than its intensity allows"
        )

    def _walk(self, place: "Place", now: float) -> None:
        """Whether every supervisor has its children, and every child on a supervisor's book is alive or awaited."""
        for cell in inside.cells(place.node):
            self.checks += 1
            if cell.state is not State.RUNNING or cell.actor is None:
                continue
            for child in cell.children.values():
                found = _entry(cell, child)
                patience = _GRACE
                if found is not None and child.state is State.WAITING and found[0].backoff.first > 0:
                    patience += found[0].backoff.most * (1 + found[0].backoff.jitter)
                if child.state in {State.DEAD, State.UNBORN, State.WAITING}:
                    self._is_odd(place, child.path, child.incarnation, now, patience, f"is {child.state.value}")
                elif found is None:
                    self._is_odd(place, child.path, child.incarnation, now, patience, "is on no supervisor's books")
            if isinstance(cell.actor, Supervisor):
                for spec in cell.actor._specs:  # noqa: SLF001 (like `inside`)
                    if spec.restart is Restart.PERMANENT and spec.name not in cell.children:
                        path = f"{cell.path}/{spec.name}"
                        self._is_odd(place, path, cell.incarnation, now, _GRACE, "is permanent and missing")

    def _is_odd(self, place: "Place", path: str, incarnation: int, now: float, patience: float, what: str) -> None:
        """It may be so for a moment, and for the time of a backoff; the turns of looking come on top."""
        key = place.index, path
        before = self._odd.get(key)
        if before is None or before[0] != incarnation or now - before[1] > 4 * _TURNS + patience + _STOPPING:
            self._odd[key] = incarnation, now
        elif now - before[1] > patience + _STOPPING / 6:
            self.expect(False, f"{path} of {place.name} {what} for {now - before[1]:.0f} s, and nobody cares")

    # --- daemons ------------------------------------------------------------------------------------------------------

    def ended_by_itself(self, place: "Place") -> None:
        """See `Invariant`: only crashes that the plan made, or a disk that refuses, may end a daemon."""
        if place.crashed_actors or place.disk_refused_around(trio.current_time(), _STOPPING):
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


def _entry(parent: Cell | None, child: Cell | None) -> "tuple[ChildSpec, bool] | None":
    """The spec of a child, and whether its supervisor is stopping it; None when it is not on the books."""
    if parent is None or parent.actor is None or child is None:
        return None
    entry: Any = parent.actor._actor_children._entries.get(child)  # noqa: SLF001 (like `inside`)
    return None if entry is None else (entry.spec, entry.stopping)


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
