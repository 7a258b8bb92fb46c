"""Workers and timers: what an actor runs beside its loop. Both end with the incarnation that started them."""

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import trio

from beam_actors.runtime.cell import NOTHING, Cell

if TYPE_CHECKING:
    from beam_actors.runtime.future import Future, Wait

WORKING: ContextVar["Worker"] = ContextVar("beam_actors.runtime.working")
"""The worker that runs now; trio copies it into the tasks that the worker's own nurseries start."""


class Worker:
    """A task of an actor; `cancel` ends it without a word to the actor."""

    __slots__ = ("cell", "ended", "name", "scope", "serves", "waits")

    def __init__(self, name: str, cell: Cell, serves: tuple["Future[Any]", ...] = ()) -> None:
        self.name = name
        self.cell = cell
        self.serves = serves
        """The deferred replies that are its to give."""
        self.waits: dict[Wait, None] | None = None
        """What it waits for now."""
        self.scope = trio.CancelScope()
        self.ended = False

    def cancel(self) -> None:
        """Cancel it; nothing happens if it has ended."""
        self.scope.cancel()

    def begin_wait(self, future: "Wait", _task: trio.lowlevel.Task) -> None:
        """It waits for this reply now."""
        if self.waits is None:
            self.waits = {}
            if self.cell.waiting_workers is NOTHING:
                self.cell.waiting_workers = {}
            self.cell.waiting_workers[self] = None
        self.waits[future] = None

    def end_wait(self, future: "Wait") -> None:
        """It waits for it no longer."""
        if self.waits is not None and self.waits.pop(future, future) is None and not self.waits:
            self.waits = None
            self.cell.waiting_workers.pop(self, None)

    def __repr__(self) -> str:
        return f"<Worker {self.name} {'ended' if self.ended else 'running'}>"


class Timer:
    """A message that is on its way; `cancel` takes it back if it was not delivered."""

    __slots__ = ("_worker",)

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def cancel(self) -> None:
        """Take it back; its task disposes of the message."""
        self._worker.cancel()

    def __repr__(self) -> str:
        return f"<Timer {'ended' if self._worker.ended else 'running'}>"
