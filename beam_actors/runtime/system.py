"""A system: the cells of one node, its root, its events and its books. There are no globals; a node has its own."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import attrs
import trio

from beam_actors.errors import ActorError, StartFailed
from beam_actors.runtime.cell import Cell, State
from beam_actors.runtime.exits import LONGEST_REASON, SHUTDOWN, ExitKind, ExitReason, cut, unwrap
from beam_actors.runtime.graves import EXITS, Grave, GraveLimits, Graves, PastExit
from beam_actors.runtime.groups import GroupLimits, Groups
from beam_actors.runtime.life import Keeper, not_started
from beam_actors.runtime.ref import Ref, StopRequest
from beam_actors.runtime.shown import LONGEST
from beam_actors.runtime.snapshot import Snapshot, snapshot
from beam_actors.runtime.specs import ChildSpec
from beam_actors.runtime.steps import CpuAccount, Held, StepAccount, StepLimit
from beam_actors.runtime.trace import Trace, TraceLimits
from beam_actors.runtime.tracing import Tracing

STOP_PATIENCE = 30.0
"""Seconds that the tree may take to stop in order before its root is killed."""


class SystemFailed(ActorError):
    """The root supervisor gave up; `__cause__` is why."""

    code = "system-failed"


@attrs.frozen(slots=True)
class Event:
    """Something that happened to an actor: `started`, `exited`, `dead-letter`, or `held` (the loop, for too long)."""

    kind: str
    path: str
    incarnation: int
    detail: str = ""
    reason: ExitReason | None = None
    history: tuple[str, ...] = ()
    """The types of the last messages, on an exit."""
    message: str = ""
    """The type of the message that it held the loop with, or the name of the worker."""
    seconds: float = 0.0
    """For how long."""


Observer = Callable[[Event], None]


class _RootKeeper(Keeper):
    __slots__ = ("end", "interruption", "nursery")

    def __init__(self, nursery: trio.Nursery) -> None:
        super().__init__()
        self.nursery = nursery
        self.end: ExitReason | None = None
        self.interruption: BaseException | None = None

    def over(self, cell: Cell, reason: ExitReason) -> None:
        cell.ended(reason)
        cell.bury()
        cell.system.tracing.gone(cell)
        self.end = reason
        if reason.kind is not ExitKind.SHUTDOWN:
            self.nursery.cancel_scope.cancel()


class System:
    """All actors of one node. `clock` and `cpu_clock` give seconds, `jitter` a float in [0, 1).

    With a `cpu_clock` the snapshots know each actor's CPU time. With a `step_limit` whoever holds the loop longer is a
    `held` event. Without them neither costs anything. `public` are types of values that traces may show.
    """

    def __init__(
        self,
        name: str,
        *,
        clock: Callable[[], float],
        cpu_clock: Callable[[], float] | None = None,
        jitter: Callable[[], float] = lambda: 0.5,
        group_limits: GroupLimits | None = None,
        grave_limits: GraveLimits | None = None,
        step_limit: StepLimit | None = None,
        trace_limits: TraceLimits | None = None,
        public: tuple[type, ...] = (),
    ) -> None:
        self.name = name
        self.clock = clock
        self.cpu_clock = cpu_clock or (lambda: 0.0)
        self.jitter = jitter
        self.groups = Groups(group_limits or GroupLimits())
        self.graves = Graves(grave_limits or GraveLimits())
        self.tracing = Tracing(self, trace_limits or TraceLimits(), public)
        self.dead_letters: Counter[str] = Counter()
        """Undeliverable messages, by the path that they were for; those of forgotten children as `parent/*`."""
        self.steps = StepAccount(self, step_limit, self._held) if step_limit is not None else None
        self._instruments: list[trio.abc.Instrument] = [CpuAccount(self)] if cpu_clock is not None else []
        if self.steps is not None:
            self._instruments.append(self.steps)
        self._cells: dict[str, Cell] = {}
        self._observers: tuple[Observer, ...] = ()
        self._root: Cell | None = None
        self.home: trio.Nursery | None = None
        """Where all tasks of its actors live while it runs."""
        self._keeper: _RootKeeper | None = None

    def __repr__(self) -> str:
        return f"<System {self.name}: {len(self._cells)} cells>"

    def cell(self, path: str) -> Cell:
        """The cell at `path`, made if there is none."""
        cell = self._cells.get(path)
        if cell is None:
            cell = self._cells[path] = Cell(self, path)
            cell.ref = Ref(cell)
        return cell

    def ref(self, path: str) -> Ref:
        """The ref of `path`, whether or not an actor was started there; its cell is kept for good."""
        cell = self.cell(path)
        cell.kept = True
        return cell.ref

    def whereis(self, path: str) -> Ref | None:
        """The ref of the actor that runs at `path`, or None."""
        cell = self._cells.get(path)
        return cell.ref if cell is not None and cell.state not in {State.UNBORN, State.DEAD} else None

    def members(self, group: str) -> list[Ref]:
        """The actors that joined the group, in the order in which they did."""
        return self.groups.members(group)

    def tree(self) -> Snapshot | None:
        """The whole tree now, or None before it was started."""
        if self._root is None:
            return None
        return snapshot(self._root, self.clock(), self.recently_dead())

    def recently_dead(self) -> tuple[Grave, ...]:
        """What is known of the actors that ended for good a while ago, the latest first."""
        return self.graves.recent(self.clock(), lambda path: self.whereis(path) is not None)

    def observe(self, observer: Observer) -> Callable[[], None]:
        """Call `observer` for every event until the function that this returns is called; it must not raise."""
        self._observers = (*self._observers, observer)

        def leave() -> None:
            rest = list(self._observers)
            rest.remove(observer)
            self._observers = tuple(rest)

        return leave

    def cells(self) -> list[Cell]:
        """The cells that are in the book now, those without an actor among them."""
        return list(self._cells.values())

    def trace(self, path: str, *, subtree: bool = False, limit: int = 100, rate: int = 50) -> Trace:
        """Watch what the actor at `path` handles, or all at and below it: `with` it, and iterate.

        It ends after `limit` records and with the actor's end; beyond `rate` in a second they are only counted.

        Raises:
            TracesFull: as many run as the system allows.
            ValueError: more is asked for than the system allows, or less than 1.
        """
        return self.tracing.open(path, subtree=subtree, limit=limit, rate=rate)

    @asynccontextmanager
    async def run(self, spec: ChildSpec) -> AsyncIterator[Ref]:
        """Start the root and yield its ref; leaving stops the tree in order.

        Raises:
            StartFailed: the root's `on_start` raised.
            SystemFailed: the root ended with a crash; the body is cancelled.
            BaseException: an actor's code raised something that is no `Exception`, as KeyboardInterrupt; as above.
        """
        cell = self._root = self.cell(spec.name)
        failed_start: Exception | None = None
        for instrument in self._instruments:
            trio.lowlevel.add_instrument(instrument)
        try:
            async with trio.open_nursery() as nursery:
                vacant = trio.Event()
                with trio.CancelScope(shield=True):  # a start that is cancelled would wait for a task that nobody ends
                    await nursery.start(self._shelter, vacant)
                keeper = self._keeper = _RootKeeper(nursery)
                try:
                    try:
                        await keeper.launch(cell, spec)
                    except Exception as error:  # noqa: BLE001 (it is raised below, out of the nursery)
                        failed_start = error
                    else:
                        yield cell.ref
                finally:
                    with trio.CancelScope(shield=True):
                        await self._stop_root(cell)
                    vacant.set()
        except BaseExceptionGroup as group:
            raise unwrap(group) from None  # the nursery is an implementation detail; the body's error is the caller's
        finally:
            self.home = self._keeper = None
            for instrument in self._instruments:
                trio.lowlevel.remove_instrument(instrument)
        if keeper.interruption is not None:
            raise keeper.interruption
        if failed_start is not None:
            raise StartFailed(not_started(cell.path, failed_start)) from failed_start
        # A root that had to be killed while it was told to leave took too long; it did not fail.
        if keeper.end is not None and keeper.end.kind is ExitKind.CRASHED:
            raise SystemFailed(f"{cell.path} gave up: {keeper.end}") from keeper.end.error

    async def _shelter(self, vacant: trio.Event, task_status: trio.TaskStatus[None]) -> None:
        """Hold the nursery of all its actors' tasks, which no cancellation from outside reaches."""
        with trio.CancelScope(shield=True):
            async with trio.open_nursery() as self.home:
                task_status.started()
                await vacant.wait()

    async def _stop_root(self, cell: Cell) -> None:
        while cell.occupied and cell.actor is None:
            await trio.lowlevel.checkpoint()  # it was launched and has not run yet
        if cell.actor is not None:
            cell.inbox.put_system(StopRequest(SHUTDOWN))
            with trio.move_on_after(STOP_PATIENCE):
                await cell.vacated()
        if cell.actor is not None:
            cell.actor.cut_short()
            await cell.vacated()

    # --- what cells report ---

    def interrupt(self, error: BaseException) -> bool:
        """Stop in order because of what went through a task of an actor, and raise it then; False if that can't be."""
        rest = error.split(trio.Cancelled)[1] if isinstance(error, BaseExceptionGroup) else error
        if self._keeper is None or rest is None or isinstance(rest, (trio.Cancelled, GeneratorExit)):
            return False
        if self._keeper.interruption is None:
            self._keeper.interruption = unwrap(rest)
            self._keeper.nursery.cancel_scope.cancel()
        return True

    def started(self, cell: Cell) -> None:
        """An incarnation began."""
        if self.tracing.traces:
            self.tracing.started(cell)
        if self._observers:
            self._publish(Event("started", cell.path, cell.incarnation))

    def exited(self, cell: Cell, reason: ExitReason) -> None:
        """An incarnation ended."""
        past = PastExit(cell.incarnation, cut(str(reason), LONGEST), self.clock())
        cell.exits = (*cell.exits[1 - EXITS :], past)
        if self.tracing.traces:
            self.tracing.exited(cell, reason)
        if self._observers:
            self._publish(
                Event("exited", cell.path, cell.incarnation, str(reason), reason, cell.history),
            )

    def dead_letter(self, cell: Cell, message: Any, why: str) -> None:
        """A message will be handled by nobody."""
        self.dead_letters[cell.path if cell.path in self._cells else self._gone(cell.path)] += 1
        if self._observers:
            self._publish(Event("dead-letter", cell.path, cell.incarnation, f"{type(message).__name__}: {why}"))

    def _held(self, held: Held) -> None:
        cell = held.cell
        more = f", and {held.unreported} more since the last report" if held.unreported else ""
        detail = f"{held.message or cell.state.value} held the loop for {held.seconds * 1000:.0f} ms{more}"
        event = Event("held", cell.path, cell.incarnation, detail, message=held.message, seconds=held.seconds)
        self._publish(event)

    def forget(self, cell: Cell) -> None:
        """A child is gone for good. Its cell leaves the book, so that temporary actors leave nothing behind.

        Cells that were asked for by path (`ref`) stay: a later actor at the path is what their holders mean.
        """
        if cell.last_exit is not None:
            self.graves.bury(
                Grave(
                    path=cell.path,
                    kind=cell.actor_class.__name__ if cell.actor_class is not None else "",
                    incarnation=cell.incarnation,
                    reason=cut(str(cell.last_exit), LONGEST_REASON),
                    last_messages=cell.history,
                    at=self.clock(),
                )
            )
        if self.tracing.traces:
            self.tracing.gone(cell)
        if not cell.kept and self._cells.get(cell.path) is cell:
            del self._cells[cell.path]
            for entry in (cell.path, f"{cell.path}/*"):
                letters = self.dead_letters.pop(entry, 0)
                if letters:
                    self.dead_letters[self._gone(cell.path)] += letters

    def _gone(self, path: str) -> str:
        """One entry for all forgotten ones below an actor that is not, so that the book is bounded by the tree."""
        above = path.rpartition("/")[0]
        while above and above not in self._cells:
            above = above.rpartition("/")[0]
        return f"{above}/*"

    def _publish(self, event: Event) -> None:
        for observer in self._observers:
            observer(event)
