"""The children of one actor: starting, watching, restarting and stopping them.

Every decision is taken in the parent's own loop, one at a time. Invariants: a child is stopped, in order, and waited
for before its parent's life is over; an exit of an older incarnation is ignored; too many restarts crash the parent,
which is how trouble climbs.
"""

from typing import TYPE_CHECKING, Any

import attrs
import trio

from beam_actors.errors import ActorError, StartFailed
from beam_actors.runtime.cell import NOTHING, Cell, State
from beam_actors.runtime.exits import SHUTDOWN, ExitReason, crashed
from beam_actors.runtime.life import INTERRUPTED, Keeper, not_started
from beam_actors.runtime.ref import Ref, StopRequest
from beam_actors.runtime.restarts import AutoShutdown, Decision, Restart, RestartWindow, Strategy, concerned
from beam_actors.runtime.specs import ChildSpec
from beam_actors.runtime.waits import WaitingFor

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
    __slots__ = (
        "attempts",
        "keeps_waiting",
        "leaving",
        "returns",
        "siblings",
        "spec",
        "starting",
        "stopping",
        "turn",
        "window",
    )

    def __init__(self, siblings: "Children", spec: ChildSpec) -> None:
        super().__init__()
        self.siblings = siblings
        self.spec = spec
        self.starting = True
        """Until its first start is over, of whose failure whoever started it is told, and nobody else."""
        self.stopping = 0
        """How many wait until it has stopped."""
        self.leaving = False
        """Whether it was given up by `stop_child`: nobody starts it again, whoever else stops it meanwhile."""
        self.returns = False
        """While it is stopped: whether its siblings' restart starts it again."""
        self.attempts = 0
        self.turn = 0
        self.window: RestartWindow | None = None
        self.keeps_waiting: RestartNow | None = None
        """Who was to be started after it when it failed to start, and waits until its exit is decided about."""

    @property
    def stays(self) -> bool:
        """Whether it is no worker's that gives it up, or that has not started it yet and will hear why not."""
        return not self.leaving and not self.starting

    def over(self, cell: Cell, reason: ExitReason) -> None:
        self.siblings.over(cell, self, reason)

    def begun(self, failure: BaseException | None) -> None:
        if failure is None:
            self.starting = False
        super().begun(failure)

    def _stop_waiting(self, _raise: Any) -> trio.lowlevel.Abort:
        self.starting = False  # nobody waits to be told, so a failure is decided about
        return super()._stop_waiting(_raise)


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
            self._forget(cell, entry)
            raise
        return cell.ref

    async def stop(self, ref: Ref) -> None:
        """Stop one child in order and forget it."""
        cell = ref._cell  # noqa: SLF001 (the runtime's own half of the ref)
        entry = self._entries.get(cell)
        if entry is not None:
            entry.leaving = True
            await self._halt(cell, entry)
            self._forget(cell, entry)

    async def stop_all(self, *, brutal: bool) -> None:
        """Stop all, the last started first; at once when `brutal`."""
        for cell, entry in reversed(list(self._entries.items())):
            await self._halt(cell, entry, brutal=brutal)
            self._forget(cell, entry)

    async def exited(self, message: ChildExited) -> ExitReason | None:
        """Decide about a child that ended; the parent's own exit reason if that must end too."""
        cell, reason = message.cell, message.reason
        entry = self._entries.get(cell)
        # An occupied cell: a worker has started the next incarnation, which has not run yet.
        older = message.incarnation != cell.incarnation or cell.occupied
        if entry is None or entry.starting or entry.stopping or older or reason is INTERRUPTED:
            return None
        decision = Decision.STOP if entry.leaving else entry.spec.decide(reason)
        if decision is Decision.RESTART:
            return await self._restart(cell, entry, reason)
        self._forget(cell, entry)
        if decision is Decision.ESCALATE:
            escalated = Escalated(f"{cell.path} crashed with what it may not be restarted after ({reason}).")
            escalated.__cause__ = reason.error
            return crashed(escalated)
        if (
            entry.spec.significant
            and not entry.leaving
            and (self._parent.auto_shutdown is AutoShutdown.ANY_SIGNIFICANT or not self._significant)
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
            if entry is None or not entry.stays or entry.turn != message.turn or cell.state is not State.WAITING:
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
            self._forget(cell, entry)
            intensity = self._parent.intensity
            error = TooManyRestarts(
                f"{cell.path} was restarted more than {intensity.restarts} times in {intensity.period:g} s ({reason})."
            )
            error.__cause__ = reason.error
            return crashed(error)
        strategy = self._parent.strategy
        # In a pool of thousands nobody lists all members to restart one.
        affected = [cell] if strategy is Strategy.ONE_FOR_ONE else concerned(strategy, list(self._entries), cell)
        entries = {other: self._entries[other] for other in affected}
        for other in reversed(affected):
            if other is not cell and self._entries.get(other) is entries[other]:
                # A temporary one is never started again, even when a sibling takes it down.
                returns = entries[other].spec.restart is not Restart.TEMPORARY
                await self._halt(other, entries[other], returns=returns)
                if not returns:
                    self._forget(other, entries[other])
        affected = [one for one in affected if self._entries.get(one) is entries[one] and entries[one].stays]
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
        # Its children are stopped first of all, so what an `on_stop` or a worker started now would never be.
        if self._cell.actor is not self._parent or self._cell.state is State.STOPPING:
            raise StartFailed(f"{self._cell.path} is ending or over, so it starts no children.")
        try:
            with WaitingFor(cell):
                await entry.launch(cell, entry.spec)
        except Exception as error:
            with trio.CancelScope(shield=True):
                if self._holds(cell, entry):
                    await cell.vacated()
            raise StartFailed(not_started(cell.path, error)) from error

    def over(self, cell: Cell, entry: _Entry, reason: ExitReason) -> None:
        """A child's life is over, in the child's own task; what follows is decided in the parent's loop."""
        wanted = entry.returns if entry.stopping else entry.spec.decide(reason) is Decision.RESTART
        will_return = wanted and not entry.leaving and reason is not INTERRUPTED and self._cell.alive
        if will_return:
            cell.state = State.WAITING  # before its mailbox is flushed: askers learn that it will be back
        cell.ended(reason)
        if not will_return:
            cell.bury()
        if not entry.stopping:
            self._cell.inbox.put_system(ChildExited(cell, cell.incarnation, reason))

    async def _halt(self, cell: Cell, entry: _Entry, *, brutal: bool = False, returns: bool = False) -> None:
        entry.stopping += 1
        entry.returns = returns
        try:
            if not brutal and self._holds(cell, entry):
                cell.inbox.put_system(StopRequest(SHUTDOWN))
                with trio.move_on_after(entry.spec.shutdown), WaitingFor(cell):
                    await cell.vacated()
            while self._holds(cell, entry) and cell.actor is None:
                # It was launched and has not run yet: its next step makes the actor, or fails to.
                await trio.lowlevel.checkpoint()
            if self._holds(cell, entry) and cell.actor is not None:
                cell.actor.cut_short()
                with WaitingFor(cell):
                    await cell.vacated()
        finally:
            entry.stopping -= 1

    def _holds(self, cell: Cell, entry: _Entry) -> bool:
        """Whether a life of this entry is in the cell; a worker may have put another entry there meanwhile."""
        return cell.occupied and self._entries.get(cell) is entry

    def _forget(self, cell: Cell, entry: _Entry) -> None:
        if self._entries.get(cell) is not entry:
            return  # somebody else did, and may have started another one there
        del self._entries[cell]
        if entry.spec.significant:
            self._significant -= 1
        name = cell.path.rpartition("/")[2]
        self._cell.children.pop(name, None)
        cell.bury()
        cell.system.forget(cell)
