"""The children of one actor: starting, watching, restarting and stopping them.

Every decision is taken in the parent's own loop, one at a time. Invariants: a child is stopped, in order, and waited
for before its parent's life is over; an exit of an older incarnation is ignored; too many restarts crash the parent,
which is how trouble climbs.
"""

from typing import TYPE_CHECKING

import attrs
import trio

from beam_actors.errors import ActorError, StartFailed
from beam_actors.runtime.cell import NOTHING, Cell, State
from beam_actors.runtime.exits import SHUTDOWN, ExitKind, ExitReason, crashed
from beam_actors.runtime.life import INTERRUPTED, Keeper
from beam_actors.runtime.ref import Ref, StopRequest
from beam_actors.runtime.restarts import AutoShutdown, Decision, Restart, RestartWindow, Strategy, concerned
from beam_actors.runtime.specs import ChildSpec

if TYPE_CHECKING:
    from beam_actors.runtime.incarnation import Incarnation

NORMAL_PAUSE = 0.1
"""Seconds before a permanent child that ended normally is started again."""


class TooManyRestarts(ActorError):
    """A child was restarted more often than its supervisor's intensity allows."""

    code = "too-many-restarts"


class Escalated(ActorError):
    """A child crashed with an error that its spec escalates; `__cause__` is that error."""

    code = "escalated"


class SignificantExit(ActorError):
    """A significant child ended, so its supervisor does."""

    code = "significant-exit"


@attrs.frozen(slots=True)
class ChildExited:
    """On the parent's system lane: one incarnation of a child ended by itself."""

    cell: Cell
    incarnation: int
    reason: ExitReason


@attrs.frozen(slots=True)
class RestartNow:
    """On the parent's system lane: the backoff of these children is over, unless a later restart took its turn."""

    cells: tuple[Cell, ...]
    turn: int


class _Entry(Keeper):
    __slots__ = ("attempts", "keeps_waiting", "returns", "siblings", "spec", "stopping", "turn", "window")

    def __init__(self, siblings: "Children", spec: ChildSpec) -> None:
        super().__init__()
        self.siblings = siblings
        self.spec = spec
        self.stopping = False
        self.returns = False
        """While it is stopped: whether its siblings' restart starts it again."""
        self.attempts = 0
        self.turn = 0
        self.window: RestartWindow | None = None
        self.keeps_waiting: RestartNow | None = None
        """Who was to be started after it when it failed to start, and waits until its exit is decided about."""

    def over(self, cell: Cell, reason: ExitReason) -> None:
        self.siblings.over(cell, self, reason)


class Children:
    """The children of one incarnation of an actor, in the order of their start."""

    def __init__(self, parent: "Incarnation", cell: Cell) -> None:
        self._parent = parent
        self._cell = cell
        self._entries: dict[Cell, _Entry] = {}
        self._window: RestartWindow | None = None
        self._turn = 0
        self._significant = 0

    async def start(self, spec: ChildSpec) -> Ref:
        """Start a child under its name and wait for its `on_start`; raise `StartFailed`."""
        system = self._cell.system
        cell = system.cell(f"{self._cell.path}/{spec.name}")
        if cell in self._entries:
            raise StartFailed(f"{cell.path} runs already.")
        if spec.significant:
            if self._parent.auto_shutdown is AutoShutdown.NEVER:
                raise StartFailed(f"{cell.path} is significant, and {self._cell.path} never shuts down by itself.")
            self._significant += 1
        entry = _Entry(self, spec)
        self._entries[cell] = entry
        if self._cell.children is NOTHING:
            self._cell.children = {}
        self._cell.children[spec.name] = cell
        try:
            await self._launch(cell, entry)
        except StartFailed:
            self._forget(cell)
            raise
        return cell.ref

    async def stop(self, ref: Ref) -> None:
        """Stop one child in order and forget it."""
        cell = ref._cell  # noqa: SLF001 (the runtime's own half of the ref)
        if cell in self._entries:
            await self._halt(cell, self._entries[cell])
            self._forget(cell)

    async def stop_all(self, *, brutal: bool) -> None:
        """Stop all, the last started first; at once when `brutal`."""
        for cell, entry in reversed(list(self._entries.items())):
            await self._halt(cell, entry, brutal=brutal)
            self._forget(cell)

    async def exited(self, message: ChildExited) -> ExitReason | None:
        """Decide about a child that ended; the parent's own exit reason if that must end too."""
        cell, reason = message.cell, message.reason
        entry = self._entries.get(cell)
        if entry is None or entry.stopping or message.incarnation != cell.incarnation or reason is INTERRUPTED:
            return None
        decision = entry.spec.decide(reason)
        if decision is Decision.RESTART:
            return await self._restart(cell, entry, reason)
        self._forget(cell)
        if decision is Decision.ESCALATE:
            escalated = Escalated(f"{cell.path} crashed with what it may not be restarted after ({reason}).")
            escalated.__cause__ = reason.error
            return crashed(escalated)
        if entry.spec.significant and (
            self._parent.auto_shutdown is AutoShutdown.ANY_SIGNIFICANT or not self._significant
        ):
            error = SignificantExit(f"{cell.path} ended ({reason}).")
            error.__cause__ = reason.error
            return crashed(error) if reason.abnormal else reason
        if entry.keeps_waiting is not None:
            await self.restart_now(entry.keeps_waiting)
        return None

    async def restart_now(self, message: RestartNow) -> None:
        """Start again what waited for its backoff, each when those before it have started."""
        for position, cell in enumerate(message.cells):
            entry = self._entries.get(cell)
            if entry is None or entry.turn != message.turn or cell.state is not State.WAITING:
                continue
            try:
                await self._launch(cell, entry)
            except StartFailed:  # the incarnation has reported its exit itself, and that is what counts
                entry.keeps_waiting = RestartNow(message.cells[position + 1 :], message.turn)
                return
            entry.keeps_waiting = None

    # --- restarting ---

    async def _restart(self, cell: Cell, entry: _Entry, reason: ExitReason) -> ExitReason | None:
        # A normal exit (what it served went away) never counts; NORMAL_PAUSE keeps it from spinning.
        if reason.abnormal and not self._window_of(entry).allows(self._cell.system.clock()):
            self._forget(cell)
            intensity = self._parent.intensity
            error = TooManyRestarts(
                f"{cell.path} was restarted more than {intensity.restarts} times in {intensity.period:g} s ({reason})."
            )
            error.__cause__ = reason.error
            return crashed(error)
        strategy = self._parent.strategy
        # In a pool of thousands nobody lists all members to restart one.
        affected = [cell] if strategy is Strategy.ONE_FOR_ONE else concerned(strategy, list(self._entries), cell)
        for other in reversed(affected):
            if other is not cell:
                # A temporary one is never started again, even when a sibling takes it down.
                returns = self._entries[other].spec.restart is not Restart.TEMPORARY
                await self._halt(other, self._entries[other], returns=returns)
                if not returns:
                    self._forget(other)
        affected = [other for other in affected if other in self._entries]
        self._turn += 1
        for other in affected:
            other.state = State.WAITING
            self._entries[other].turn = self._turn
        delay = self._delay(cell, entry)
        if not reason.abnormal:
            delay = max(delay, NORMAL_PAUSE)
        message = RestartNow(tuple(affected), self._turn)
        if delay > 0:
            self._parent._actor_spawn(self._restart_later, (delay, message), "restart")  # noqa: SLF001 (as below)
        else:
            await self.restart_now(message)
        return None

    async def _restart_later(self, delay: float, message: RestartNow) -> None:
        await trio.sleep(delay)
        self._cell.inbox.put_system(message)

    def _window_of(self, entry: _Entry) -> RestartWindow:
        if self._parent.count_per_child:
            if entry.window is None:
                entry.window = RestartWindow(self._parent.intensity)
            return entry.window
        if self._window is None:
            self._window = RestartWindow(self._parent.intensity)
        return self._window

    def _delay(self, cell: Cell, entry: _Entry) -> float:
        system, backoff = self._cell.system, entry.spec.backoff
        if system.clock() - cell.started_at > backoff.reset:
            entry.attempts = 0
        delay = backoff.delay(entry.attempts, system.jitter())
        entry.attempts += 1
        return delay

    # --- starting and stopping one ---

    async def _launch(self, cell: Cell, entry: _Entry) -> None:
        if self._parent._actor_let_go:  # noqa: SLF001 (one half of the actor)
            raise StartFailed(f"{self._cell.path} is not running, so it has no children.")
        try:
            await entry.launch(cell, entry.spec)
        except Exception as error:
            await cell.vacated()
            raise StartFailed(f"{cell.path} did not start: {error}") from error

    def over(self, cell: Cell, entry: _Entry, reason: ExitReason) -> None:
        """A child's life is over, in the child's own task; what follows is decided in the parent's loop."""
        wanted = entry.returns if entry.stopping else entry.spec.decide(reason) is Decision.RESTART
        wanted = wanted and reason is not INTERRUPTED
        will_return = wanted and self._cell.alive
        if will_return:
            cell.state = State.WAITING  # before its mailbox is flushed: askers learn that it will be back
        cell.ended(reason)
        if not will_return:
            cell.bury()
        if not entry.stopping:
            self._cell.inbox.put_system(ChildExited(cell, cell.incarnation, reason))
        cell.vacate()

    async def _halt(self, cell: Cell, entry: _Entry, *, brutal: bool = False, returns: bool = False) -> None:
        entry.stopping, entry.returns = True, returns
        try:
            if not brutal and cell.occupied:
                cell.inbox.put_system(StopRequest(SHUTDOWN))
                with trio.move_on_after(entry.spec.shutdown):
                    await cell.vacated()
            while cell.occupied and cell.actor is None:
                # It was launched and has not run yet: its next step makes the actor, or fails to.
                await trio.lowlevel.checkpoint()
            if cell.actor is not None:
                cell.actor.finish_now(ExitReason(ExitKind.KILLED, detail="it did not stop in time"))
                await cell.vacated()
        finally:
            entry.stopping = False

    def _forget(self, cell: Cell) -> None:
        entry = self._entries.pop(cell, None)
        if entry is not None and entry.spec.significant:
            self._significant -= 1
        name = cell.path.rpartition("/")[2]
        self._cell.children.pop(name, None)
        cell.bury()
        cell.system.forget(cell)
