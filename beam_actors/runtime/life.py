"""One life: the task of an incarnation, from the making of its actor to the end that is reported.

Invariants: a life runs in a shielded scope of its own, so only its actor's fate cancels it, and an outer cancellation
reaches the tree as an ordered stop; before it is over, its children were stopped, `on_stop` ran and its workers
ended, even when it was interrupted; its start and its end are each told once. It knows nothing of restarts.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import trio

from beam_actors.errors import ActorDead
from beam_actors.runtime.cell import STARTING, Cell, State
from beam_actors.runtime.exits import ExitKind, ExitReason, crashed, unwrap
from beam_actors.runtime.future import Future
from beam_actors.runtime.specs import ChildSpec

if TYPE_CHECKING:
    from beam_actors.runtime.incarnation import Incarnation

INTERRUPTED: Final = ExitReason(ExitKind.KILLED, detail="it was interrupted")
"""Something that is no error (as a KeyboardInterrupt) went through the task."""


async def live(cell: Cell, spec: ChildSpec, begun: Future[None], over: Callable[[ExitReason], None]) -> None:
    """Run one incarnation of `spec` in `cell`, which is `occupied`, from its making to its end.

    `begun` is resolved when `on_start` is done, with an error if it failed; `over` is called last, with the reason.
    An idle actor is what this coroutine and the loop's hold, so neither awaits through others.
    """
    reason = INTERRUPTED
    actor: Incarnation | None = None
    try:
        try:
            actor = _make(cell, spec)
            with actor._actor_scope:  # noqa: SLF001 (the task and the actor are two halves of an incarnation)
                await actor.on_start()
                cell.state = State.RUNNING
                begun.set()
                reason = await actor._actor_receive_loop()  # noqa: SLF001 (as above)
        except Exception as error:  # noqa: BLE001 (whatever its code raises is this actor's crash)
            reason = crashed(unwrap(error))
        if actor is not None:
            cell.state = State.STOPPING
            reason = actor._actor_fate or reason  # noqa: SLF001 (as above)
        if not begun.done:
            begun.set_exception(reason.error or ActorDead(f"{cell.path} was stopped while it started."))
    finally:
        try:
            if actor is not None:
                reason = await actor._actor_finish(reason)  # noqa: SLF001 (as above)
        finally:
            if not begun.done:
                begun.set_exception(ActorDead(f"{cell.path} was interrupted while it started."))
            over(reason)


def _make(cell: Cell, spec: ChildSpec) -> "Incarnation":
    cell.incarnation += 1
    if cell.incarnation > 1:
        cell.restarts += 1
    cell.state = State.STARTING
    cell.started_at = cell.system.clock()
    cell.task = trio.lowlevel.current_task()
    STARTING.set(cell)
    actor: Incarnation = spec.factory()
    cell.actor, cell.actor_class = actor, type(actor)
    cell.system.started(cell)
    return actor
