"""Whether supervisors do what their children's specs say: judged from outside, by the events that every system tells.

Each end of a child is an expectation: by its spec it is started again within its backoff, or its supervisor ends too.
The intensities are counted here a second time. What is lost (a child that is dead and still on the books, or a
permanent one that no book has) is found by looking at the tree.
"""

from collections import Counter, deque
from typing import TYPE_CHECKING, Any

import attrs
import trio

from beam_actors.runtime import Event, ExitKind, Strategy, Supervisor
from beam_actors.runtime.cell import Cell, State
from simulations import inside
from simulations.invariants.base import Invariant
from simulations.invariants.children import returns

if TYPE_CHECKING:
    from collections.abc import Callable

    from beam_actors.runtime.specs import ChildSpec
    from simulations.place import Place

_GRACE = 3.0
"""Seconds that a supervisor may take beyond a child's backoff: a restart awaits `on_start`, which may ask others."""
_STOPPING = 40.0
"""Seconds that a supervisor which gives up may take to stop its other children, each within its own time."""
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
    cause: tuple[str, int] = ("", 0)
    """Of one that a sibling's end takes along: the sibling, and the incarnation of it that ended."""


class ChildrenAreKept(Invariant):
    """S11."""

    id = "S11"
    title = "restarts keep within their intensity, and no child's end is lost"

    def __init__(self, stage: object) -> None:
        super().__init__(stage)  # type: ignore[arg-type]
        self._due: dict[tuple[int, str], _Due] = {}
        self._crashes: dict[tuple[int, str], dict[str, deque[float]]] = {}
        """Those below each supervisor's present incarnation, by child where each counts alone; a number would not tell
        incarnations apart, since it begins anew with the supervisor above."""
        self._all_crashes: dict[tuple[int, str], Counter[str]] = {}
        self._allowed: dict[tuple[int, str], int] = {}
        self._must_end: dict[tuple[int, str], tuple[int, float, str]] = {}
        self._odd: dict[tuple[int, str], tuple[int, float]] = {}
        self._unwatch: dict[int, Callable[[], None]] = {}
        self._last: dict[tuple[int, str], tuple[str, int]] = {}
        self._leaving: set[int] = set()
        self._turn = 0
        self._crashed = 0

    # --- events -------------------------------------------------------------------------------------------------------

    def booted(self, place: "Place") -> None:
        """See `Invariant`."""
        self._forget(place.index)
        for cell in inside.cells(place.node):
            self._last[place.index, cell.path] = "started", cell.incarnation
        self._unwatch[place.index] = place.node.system.observe(lambda event: self._heard(place, event))

    def goes_down(self, place: "Place", how: str) -> None:
        """See `Invariant`: from now on its actors end because the daemon does; only their order matters."""
        if how == "shutdown":
            self._leaving.add(place.index)
        else:
            self._unwatch.pop(place.index, lambda: None)()
        if how == "gave up":
            self.figures["daemons that gave up"] = self.figures.get("daemons that gave up", 0.0) + 1

    def _forget(self, index: int) -> None:
        self._leaving.discard(index)
        books: tuple[dict[Any, Any], ...] = (
            self._due,
            self._must_end,
            self._odd,
            self._crashes,
            self._all_crashes,
            self._last,
        )
        for book in books:
            for key in [key for key in book if key[0] == index]:
                del book[key]

    def _heard(self, place: "Place", event: Event) -> None:
        key = place.index, event.path
        if event.kind in {"started", "exited"}:
            self._one_at_a_time(place, event)
        if event.kind == "started":
            self._crashes.pop(key, None)
            self._all_crashes.pop(key, None)
            due = self._due.get(key)
            if due is not None and event.incarnation > due.incarnation:
                self._after_those_before(place, event.path, due)
                del self._due[key]
                self.checks += 1
            self._all_stopped(place, event.path)
        elif event.kind == "exited" and event.reason is not None:
            self._ended(place, event)

    def _one_at_a_time(self, place: "Place", event: Event) -> None:
        """A cell has one incarnation at a time, and each ends once."""
        kind, incarnation = self._last.get((place.index, event.path), ("", 0))
        again = kind == event.kind and (kind == "started" or incarnation == event.incarnation)
        self.expect(
            not again, f"{event.path} of {place.name} {event.kind} twice, the second time as #{event.incarnation}"
        )
        self._last[place.index, event.path] = event.kind, event.incarnation

    def _in_order(self, place: "Place", event: Event, parent: Cell, cell: Cell) -> None:
        """Who is stopped by its supervisor is the last of those that are left; and nobody is stopped for a sibling."""
        if event.reason is None or event.reason.kind is not ExitKind.SHUTDOWN or parent.actor is None:
            return
        if parent.state is State.STOPPING:
            left = list(inside.kept(parent))
            self.expect(
                left and left[-1] is cell,
                f"{event.path} of {place.name} was stopped before {left[-1].path if left else 'anybody'}",
            )
        elif isinstance(parent.actor, Supervisor) and parent.state is State.RUNNING:
            strategy, every = parent.actor.strategy, list(inside.kept(parent))
            causes = {Strategy.ONE_FOR_ONE: [], Strategy.ONE_FOR_ALL: every}.get(strategy, every[: every.index(cell)])
            giving_up = (place.index, parent.path) in self._must_end  # and may still do what it decided before
            self.expect(
                giving_up or any((place.index, cause.path) in self._due for cause in causes),
                f"{event.path} of {place.name} was stopped by a supervisor that goes on, {strategy.value}",
            )

    def _ended(self, place: "Place", event: Event) -> None:
        reason = event.reason
        if reason is not None and place.up:
            self._judge_giving_up(place, event)
        self._forget_below(place.index, f"{event.path}/")
        if reason is None or not place.up:
            return
        parent_path = event.path.rpartition("/")[0]
        parent, cell = inside.cell_at(place.node, parent_path), inside.cell_at(place.node, event.path)
        spec = inside.kept(parent).get(cell) if parent is not None and cell is not None else None
        if parent is None or cell is None or spec is None:
            return
        self._in_order(place, event, parent, cell)
        if place.index in self._leaving or inside.is_stopping(parent, cell) or not returns(spec, reason):
            return
        now = trio.current_time()
        if parent.state is State.STARTING and reason.abnormal:
            # It is decided about when the start is done.
            self._count(place, event.path, parent, now, certain=False)
        if parent.state is not State.RUNNING:
            return
        taken_along = self._is_taken_along(place, parent, cell)
        self._siblings(place, event, parent, cell, now)
        backoff = spec.backoff.most * (1 + spec.backoff.jitter) if spec.backoff.first > 0 else 0.0
        self._due[place.index, event.path] = _Due(
            event.incarnation, now + backoff + _GRACE, parent_path, parent.incarnation, str(reason)
        )
        if reason.kind in {ExitKind.CRASHED, ExitKind.KILLED}:
            self._crashed += 1
            self.figures["crashes seen"] = float(self._crashed)
            self._count(place, event.path, parent, now, certain=not taken_along)

    def _forget_below(self, index: int, below: str) -> None:
        """With an actor go the cells of its children: the incarnations of the next ones count from one again."""
        for key in [key for key in self._due if key[0] == index and key[1].startswith(below)]:
            del self._due[key]  # its supervisor ended, which is one of the two things that may follow
            self.checks += 1
        books: tuple[dict[Any, Any], ...] = (self._must_end, self._crashes, self._all_crashes)
        for book in books:
            for key in [key for key in book if key[0] == index and f"{key[1]}/".startswith(below)]:
                del book[key]

    def _siblings(self, place: "Place", event: Event, parent: Cell, cell: Cell, now: float) -> None:
        """By the strategy, others are started again, too."""
        actor = parent.actor
        if actor is None or actor.strategy is Strategy.ONE_FOR_ONE:
            return
        every = list(inside.kept(parent))
        others = every if actor.strategy is Strategy.ONE_FOR_ALL else every[every.index(cell) + 1 :]
        for other in others:
            if other is not cell:
                by = now + _STOPPING + _GRACE  # each is stopped within its own time first
                before = self._due.get((place.index, other.path))  # then it is being started for that one's sake
                self._due[place.index, other.path] = _Due(
                    other.incarnation,
                    by,
                    parent.path,
                    parent.incarnation,
                    f"with {event.path}",
                    before.cause if before is not None else (event.path, event.incarnation),
                )

    def _after_those_before(self, place: "Place", path: str, due: _Due) -> None:
        """Those that are started again together are started in their order: each finds what it rests on."""
        parent, cause = inside.cell_at(place.node, due.parent), inside.cell_at(place.node, due.cause[0])
        if parent is None or cause is None:
            return
        for other in inside.kept(parent):
            if other.path == path:
                break
            before = self._due.get((place.index, other.path))
            late = cause.incarnation == due.cause[1] if other is cause else before and before.cause == due.cause
            self.expect(not late, f"{path} of {place.name} was started before {other.path}, which it rests on")

    def _all_stopped(self, place: "Place", path: str) -> None:
        """When an actor is back, those that its crash takes along have been stopped."""
        for (index, other), due in self._due.items():
            if index == place.index and due.reason == f"with {path}":
                cell = inside.cell_at(place.node, other)
                alive = cell is not None and cell.alive and cell.incarnation == due.incarnation
                self.expect(
                    not alive, f"{path} of {place.name} is back and {other}, which rests on it, was not stopped"
                )

    def _is_taken_along(self, place: "Place", parent: Cell, cell: Cell) -> bool:
        """Whether a sibling's crash restarts it anyway; then its own may be an old story when its turn comes."""
        if parent.actor is None or parent.actor.strategy is Strategy.ONE_FOR_ONE:
            return False
        return any((place.index, other.path) in self._due for other in inside.kept(parent) if other is not cell)

    def _count(self, place: "Place", path: str, parent: Cell, now: float, *, certain: bool) -> None:
        """One more crash below a supervisor: it may be one too many."""
        actor = parent.actor
        if actor is None:
            return
        whose = path if actor.count_per_child else ""
        key = place.index, parent.path
        self._all_crashes.setdefault(key, Counter())[whose] += 1
        if not certain:
            return
        times = self._crashes.setdefault(key, {}).setdefault(whose, deque())
        times.append(now)
        self._allowed[key] = actor.intensity.restarts
        while times[0] <= now - actor.intensity.period:
            times.popleft()
        if len(times) > actor.intensity.restarts:
            self._due.pop((place.index, path), None)
            self._must_end[key] = (parent.incarnation, now + _GRACE, path)

    def _judge_giving_up(self, place: "Place", event: Event) -> None:
        """A supervisor that says that there were too many restarts must have seen too many crashes."""
        error = event.reason.error if event.reason is not None else None
        if type(error).__name__ != "TooManyRestarts":
            return
        key = place.index, event.path
        most, allowed = max(self._all_crashes.get(key, Counter()).values(), default=0), self._allowed.get(key, 0)
        self.expect(
            most > allowed, f"{event.path} of {place.name} gave up after {most} crashes, of {allowed} that it allows"
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
        cell = inside.cell_at(place.node, path)
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
            kept = inside.kept(cell) if cell.children else {}
            for child in cell.children.values():
                spec = kept.get(child)
                if spec is None or child.state is not State.RUNNING:  # nearly all run, nearly always
                    self._look_at_child(place, child, spec, now)
            for name in inside.permanent(cell):
                if name not in cell.children:
                    path = f"{cell.path}/{name}"
                    self._is_odd(place, path, cell.incarnation, now, _GRACE, "is permanent and missing")

    def _look_at_child(self, place: "Place", child: Cell, spec: "ChildSpec | None", now: float) -> None:
        patience = _GRACE
        if spec is not None and child.state is State.WAITING and spec.backoff.first > 0:
            patience += spec.backoff.most * (1 + spec.backoff.jitter)
        if child.state in {State.DEAD, State.UNBORN, State.WAITING}:
            self._is_odd(place, child.path, child.incarnation, now, patience, f"is {child.state.value}")
        elif spec is None:
            self._is_odd(place, child.path, child.incarnation, now, patience, "is on no supervisor's books")

    def _is_odd(self, place: "Place", path: str, incarnation: int, now: float, patience: float, what: str) -> None:
        """It may be so for a moment, and for the time of a backoff; the turns of looking come on top."""
        key = place.index, path
        before = self._odd.get(key)
        if before is None or before[0] != incarnation or now - before[1] > 4 * _TURNS + patience + _STOPPING:
            self._odd[key] = incarnation, now
        elif now - before[1] > patience + _STOPPING / 6:
            self.expect(False, f"{path} of {place.name} {what} for {now - before[1]:.0f} s, and nobody cares")

    async def after_heal(self) -> None:
        """See `Invariant`: what is due comes, or its time passes."""
        while self._due or self._must_end:
            await trio.sleep(1.0)
            for place in self.stage.core:
                if place.up:
                    self.look(place)
