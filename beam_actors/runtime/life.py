"""One life: the task of an incarnation, from the making of its actor to the end that is reported.

Invariants: nothing cancels a life but its actor's fate (the tasks of a system live behind one shield, and an outer
cancellation reaches the tree as an ordered stop); before it is over, its children were stopped, `on_stop` ran and its
workers ended, even when it was interrupted; its start and its end are each told once. It knows nothing of restarts.
"""

from typing import TYPE_CHECKING, Any, Final

import trio

from beam_actors.errors import ActorDead, StartFailed
from beam_actors.runtime.cell import STARTING, Cell, State
from beam_actors.runtime.exits import ExitKind, ExitReason, crashed, describe, sentence, unwrap, words
from beam_actors.runtime.specs import ChildSpec

if TYPE_CHECKING:
    from beam_actors.runtime.incarnation import Incarnation

INTERRUPTED: Final = ExitReason(ExitKind.KILLED, detail="it was interrupted")
"""Something that is no error went through the task, as a KeyboardInterrupt, which ends the system in order."""

TOO_LATE: Final = ExitReason(ExitKind.KILLED, detail="it did not stop in time")


def not_started(path: str, error: BaseException) -> str:
    """What whoever started the actor is told; of a failure inside a tree, down to who failed first, and of what."""
    return f"{path} did not start: {sentence(words(error) if isinstance(error, StartFailed) else describe(error))}"


class Keeper:
    """Who launches lives in a cell, one after the other, and is told how each began and ended."""

    __slots__ = ("_failure", "_waits")

    def __init__(self) -> None:
        self._failure: BaseException | None = None
        self._waits: trio.lowlevel.Task | None = None

    async def launch(self, cell: Cell, spec: ChildSpec) -> None:
        """Begin a life and wait until its `on_start` is done; raise what that raised, or `ActorDead`.

        Who is cancelled meanwhile leaves it running.
        """
        home = cell.system.home
        if home is None:
            raise ActorDead(f"{cell.path} has no system that runs.")
        cell.occupied = True
        home.start_soon(live, cell, spec, self, name=cell.path)
        self._waits = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(self._stop_waiting)
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def begun(self, failure: BaseException | None) -> None:
        """Its start is over, with this error or well."""
        if self._waits is not None:
            self._failure = failure
            trio.lowlevel.reschedule(self._waits)
            self._waits = None

    def over(self, cell: Cell, reason: ExitReason) -> None:
        """The life is over; `cell` is vacant once all that this does about it is done."""
        raise NotImplementedError

    def _stop_waiting(self, _raise: Any) -> trio.lowlevel.Abort:
        self._waits = None
        return trio.lowlevel.Abort.SUCCEEDED


async def live(cell: Cell, spec: ChildSpec, keeper: Keeper) -> None:
    """Run one incarnation of `spec` in `cell`, which is `occupied`, from its making to its end.

    An idle actor is little more than what this coroutine and the loop's hold, so neither awaits through others.
    """
    reason = INTERRUPTED
    unborn = True
    actor: Incarnation | None = None
    try:
        try:
            actor = _make(cell, spec)
            if actor._actor_has_start:  # noqa: SLF001 (the task and the actor are two halves of an incarnation)
                with actor._actor_cancellable():  # noqa: SLF001 (as above)
                    await actor.on_start()
                    unborn = False
                actor._actor_scope = None  # noqa: SLF001 (as above)
            else:
                unborn = False
            if not unborn:
                cell.state = State.RUNNING
                keeper.begun(None)
                reason = await actor._actor_receive_loop() or INTERRUPTED  # noqa: SLF001 (as above)
        except Exception as error:  # noqa: BLE001 (whatever its code raises is this actor's crash)
            reason = crashed(unwrap(error))
        except BaseException as error:
            if not cell.system.interrupt(error):
                raise
        if actor is not None:
            cell.state = State.STOPPING
            reason = actor._actor_fate or reason  # noqa: SLF001 (as above)
    finally:
        if unborn:
            keeper.begun(reason.error or ActorDead(f"{cell.path} was stopped while it started."))
        try:
            if actor is not None:
                reason = await actor._actor_finish(reason)  # noqa: SLF001 (as above)
        finally:
            try:
                keeper.over(cell, reason)
            finally:
                cell.vacate()  # whatever an observer raised: who waits for this end must not wait for ever


def _make(cell: Cell, spec: ChildSpec) -> "Incarnation":
    cell.incarnation += 1
    if cell.incarnation > 1:
        cell.restarts += 1
    cell.state = State.STARTING
    cell.started_at = cell.system.clock()
    cell.task = trio.lowlevel.current_task()
    STARTING.set(cell)
    actor: Incarnation = spec.factory()
    if getattr(actor, "_actor_cell", None) is not cell or actor._actor_number != cell.incarnation:  # noqa: SLF001 (as above)
        raise TypeError(f"The factory of {cell.path} made no new actor: {_misfit(actor)}")
    cell.actor, cell.actor_class = actor, type(actor)
    cell.system.started(cell)
    return actor


def _misfit(made: Any) -> str:
    kind = type(made)
    if not hasattr(kind, "_actor_has_start"):
        return f"{made!r} is no Actor."
    if not hasattr(made, "_actor_cell"):
        return f"{kind.__name__}.__init__ did not call super().__init__()."
    return f"this {kind.__name__} was made before, as {made.actor_urn}."
