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
from simulations.invariants.base import TURNS, Invariant
from simulations.invariants.children import returns

if TYPE_CHECKING:
    from collections.abc import Callable

    from beam_actors.runtime.specs import ChildSpec
    from simulations.place import Place

_GRACE = 3.0
"""Seconds that a supervisor may take beyond a child's backoff: a restart awaits `on_start`, which may ask others."""
_STOPPING = 40.0
"""Seconds that a supervisor which gives up may take to stop its other children, each within its own time."""


@attrs.frozen(slots=True)
class _Due:
    """What must follow a child's end."""

    incarnation: int
    by: float
    parent: str
    reason: str
    cause: tuple[str, int] = ("", 0)
    """Of one that a sibling's end takes along: the sibling, and the incarnation of it that ended."""


@attrs.define(slots=True)
class _Book:
    """What was seen of one daemon since its start, and what must follow; by the paths of its actors."""

    due: dict[str, _Due] = attrs.Factory(dict)
    must_end: dict[str, tuple[int, float, str]] = attrs.Factory(dict)
    crashes: dict[str, dict[str, deque[float]]] = attrs.Factory(dict)
    """Those below each supervisor's present incarnation, by child where each counts alone; a number would not tell
    incarnations apart, since it begins anew with the supervisor above."""
    all_crashes: dict[str, Counter[str]] = attrs.Factory(dict)
    allowed: dict[str, int] = attrs.Factory(dict)
    odd: dict[str, tuple[int, float]] = attrs.Factory(dict)
    last: dict[str, int] = attrs.Factory(dict)
    """The incarnation that runs; less than nothing if it ended."""


class ChildrenAreKept(Invariant):
    """S11."""

    id = "S11"
    title = "restarts keep within their intensity, and no child's end is lost"

    def __init__(self, stage: object) -> None:
        super().__init__(stage)  # type: ignore[arg-type]
        self._books: dict[int, _Book] = {}
        """By machine: a machine forgets at each start, and must not look through all others' actors."""
        self._unwatch: dict[int, Callable[[], None]] = {}
        self._leaving: set[int] = set()
        self._crashed = 0

    # --- events -------------------------------------------------------------------------------------------------------

    def booted(self, place: "Place") -> None:
        """See `Invariant`."""
        self._leaving.discard(place.index)
        book = self._books[place.index] = _Book()
        for cell in inside.cells(place.node):
            if cell.alive:  # one that has just ended may be in the tree still
                book.last[cell.path] = cell.incarnation
        self._unwatch[place.index] = place.node.system.observe(lambda event: self._heard(place, event))

    def goes_down(self, place: "Place", how: str) -> None:
        """See `Invariant`: from now on its actors end because the daemon does; only their order matters."""
        if how == "shutdown":
            self._leaving.add(place.index)
        else:
            self._unwatch.pop(place.index, lambda: None)()
        if how == "gave up":
            self.figures["daemons that gave up"] = self.figures.get("daemons that gave up", 0.0) + 1

    def _heard(self, place: "Place", event: Event) -> None:
        book, path = self._books[place.index], event.path
        if event.kind in {"started", "exited"}:
            self._one_at_a_time(place, event)
        if event.kind == "started":
            book.crashes.pop(path, None)
            book.all_crashes.pop(path, None)
            due = book.due.get(path)
            if due is not None and event.incarnation > due.incarnation:
                self._after_those_before(place, path, due)
                del book.due[path]
                self.checks += 1
            self._all_stopped(place, path)
        elif event.kind == "exited" and event.reason is not None:
            self._ended(place, event)

    def _one_at_a_time(self, place: "Place", event: Event) -> None:
        """A cell has one incarnation at a time, and each ends once."""
        seen = self._books[place.index].last
        before = seen.get(event.path, 0)
        again = before > 0 if event.kind == "started" else before == -event.incarnation
        self.expect(
            not again, f"{event.path} of {place.name} {event.kind} twice, the second time as #{event.incarnation}"
        )
        seen[event.path] = event.incarnation if event.kind == "started" else -event.incarnation

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
            book = self._books[place.index]
            giving_up = parent.path in book.must_end  # and may still do what it decided before
            self.expect(
                giving_up or any(cause.path in book.due for cause in causes),
                f"{event.path} of {place.name} was stopped by a supervisor that goes on, {strategy.value}",
            )

    def _ended(self, place: "Place", event: Event) -> None:
        reason = event.reason
        if reason is not None and place.up:
            self._judge_giving_up(place, event)
        self._forget_below(self._books[place.index], f"{event.path}/")
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
        self._books[place.index].due[event.path] = _Due(
            event.incarnation, now + backoff + _GRACE, parent_path, str(reason)
        )
        if reason.kind in {ExitKind.CRASHED, ExitKind.KILLED}:
            self._crashed += 1
            self.figures["crashes seen"] = float(self._crashed)
            self._count(place, event.path, parent, now, certain=not taken_along)

    def _forget_below(self, book: _Book, below: str) -> None:
        """With an actor go the cells of its children: the incarnations of the next ones count from one again."""
        for path in [path for path in book.due if path.startswith(below)]:
            del book.due[path]  # its supervisor ended, which is one of the two things that may follow
            self.checks += 1
        kinds: tuple[dict[str, Any], ...] = (book.must_end, book.crashes, book.all_crashes)
        for kind in kinds:
            for path in [path for path in kind if f"{path}/".startswith(below)]:
                del kind[path]

    def _siblings(self, place: "Place", event: Event, parent: Cell, cell: Cell, now: float) -> None:
        """By the strategy, others are started again, too."""
        actor = parent.actor
        if actor is None or actor.strategy is Strategy.ONE_FOR_ONE:
            return
        due = self._books[place.index].due
        every = list(inside.kept(parent))
        others = every if actor.strategy is Strategy.ONE_FOR_ALL else every[every.index(cell) + 1 :]
        for other in others:
            if other is not cell:
                by = now + _STOPPING + _GRACE  # each is stopped within its own time first
                before = due.get(other.path)  # then it is being started for that one's sake
                due[other.path] = _Due(
                    other.incarnation,
                    by,
                    parent.path,
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
            before = self._books[place.index].due.get(other.path)
            late = cause.incarnation == due.cause[1] if other is cause else before and before.cause == due.cause
            self.expect(not late, f"{path} of {place.name} was started before {other.path}, which it rests on")

    def _all_stopped(self, place: "Place", path: str) -> None:
        """When an actor is back, those that its crash takes along have been stopped."""
        for other, due in self._books[place.index].due.items():
            if due.reason == f"with {path}":
                cell = inside.cell_at(place.node, other)
                alive = cell is not None and cell.alive and cell.incarnation == due.incarnation
                self.expect(
                    not alive, f"{path} of {place.name} is back and {other}, which rests on it, was not stopped"
                )

    def _is_taken_along(self, place: "Place", parent: Cell, cell: Cell) -> bool:
        """Whether a sibling's crash restarts it anyway; then its own may be an old story when its turn comes."""
        if parent.actor is None or parent.actor.strategy is Strategy.ONE_FOR_ONE:
            return False
        due = self._books[place.index].due
        return any(other.path in due for other in inside.kept(parent) if other is not cell)

    def _count(self, place: "Place", path: str, parent: Cell, now: float, *, certain: bool) -> None:
        """One more crash below a supervisor: it may be one too many."""
        actor = parent.actor
        if actor is None:
            return
        whose = path if actor.count_per_child else ""
        book = self._books[place.index]
        book.all_crashes.setdefault(parent.path, Counter())[whose] += 1
        if not certain:
            return
        times = book.crashes.setdefault(parent.path, {}).setdefault(whose, deque())
        times.append(now)
        book.allowed[parent.path] = actor.intensity.restarts
        while times[0] <= now - actor.intensity.period:
            times.popleft()
        if len(times) > actor.intensity.restarts:
            book.due.pop(path, None)
            book.must_end[parent.path] = (parent.incarnation, now + _GRACE, path)

    def _judge_giving_up(self, place: "Place", event: Event) -> None:
        """A supervisor that says that there were too many restarts must have seen too many crashes."""
        error = event.reason.error if event.reason is not None else None
        if type(error).__name__ != "TooManyRestarts":
            return
        book, path = self._books[place.index], event.path
        most, allowed = max(book.all_crashes.get(path, Counter()).values(), default=0), book.allowed.get(path, 0)
        self.expect(
            most > allowed, f"{event.path} of {place.name} gave up after {most} crashes, of {allowed} that it allows"
        )

    # --- looking ------------------------------------------------------------------------------------------------------

    def look(self, place: "Place") -> None:
        """See `Invariant`."""
        book = self._books.get(place.index)
        if book is None:
            return  # it starts for the first time
        if place.machine.paused:
            self._postpone(book)
            return
        now = trio.current_time()
        for path, due in [item for item in book.due.items() if item[1].by < now]:
            del book.due[path]
            self.expect(False, f"{path} of {place.name} ended ({due.reason}) and was not started again")
        for path, (incarnation, _by, child) in [item for item in book.must_end.items() if item[1][1] < now]:
            self._judge_end(place, path, incarnation, child)
            del book.must_end[path]
        if self.is_close(place):
            self._walk(place, now)

    @staticmethod
    def _postpone(book: _Book) -> None:
        """A process without CPU is late with everything."""
        by = trio.current_time() + _GRACE
        for path, due in book.due.items():
            book.due[path] = attrs.evolve(due, by=by)
        for path, (incarnation, _by, child) in book.must_end.items():
            book.must_end[path] = incarnation, by, child

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
        odd = self._books[place.index].odd
        before = odd.get(path)
        if before is None or before[0] != incarnation or now - before[1] > 4 * TURNS + patience + _STOPPING:
            odd[path] = incarnation, now
        elif now - before[1] > patience + _STOPPING / 6:
            self.expect(False, f"{path} of {place.name} {what} for {now - before[1]:.0f} s, and nobody cares")

    async def after_heal(self) -> None:
        """See `Invariant`: what is due comes, or its time passes."""
        while any(book.due or book.must_end for book in self._books.values()):
            await trio.sleep(1.0)
            for place in self.stage.core:
                if place.up:
                    self.look(place)
