"""Workers and timers: what an actor runs beside its loop. Both end with the incarnation that started them.

Invariants: a worker that fails crashes its actor, and one that is cancelled says nothing; whoever dismisses them goes
on when the last has ended, and those that they start meanwhile are cancelled, too.
"""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import trio

from beam_actors.runtime.cell import NOTHING, Cell
from beam_actors.runtime.life import INTERRUPTED
from beam_actors.runtime.mailbox import discard

if TYPE_CHECKING:
    from beam_actors.runtime.future import Future, Wait
    from beam_actors.runtime.incarnation import Incarnation

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


class Workers:
    """Those of one incarnation, while there are any."""

    __slots__ = ("_actor", "_alone", "_cell", "_running")

    def __init__(self, actor: "Incarnation", cell: Cell) -> None:
        self._actor = actor
        self._cell = cell
        self._running: dict[Worker, None] = {}
        self._alone: trio.Event | None = None  # set with the end of the last, for whoever dismisses them

    def __len__(self) -> int:
        return len(self._running)

    def __repr__(self) -> str:
        return f"<Workers {len(self)} of {self._cell.path}{' dismissed' if self._alone is not None else ''}>"

    def start(
        self,
        home: trio.Nursery,
        function: Callable[..., Awaitable[Any]],
        args: tuple[Any, ...],
        name: str,
        serves: tuple["Future[Any]", ...],
    ) -> Worker:
        """Run it in `home`; `serves` are the deferred replies that are its to give."""
        worker = Worker(f"{self._cell.path}:{name or getattr(function, '__name__', 'worker')}", self._cell, serves)
        if self._alone is not None:
            worker.cancel()
        for future in serves:
            if future.servers is None:
                future.servers = {}
            future.servers[worker] = None
        self._running[worker] = None
        home.start_soon(self._run, worker, function, args, name=worker.name)
        return worker

    async def dismiss(self) -> None:
        """Cancel them, those too that they still start, and wait for the last; what they raise then changes nothing."""
        if not self._running:
            return
        self._alone = trio.Event()
        for worker in list(self._running):
            worker.cancel()
        await self._alone.wait()

    async def _run(self, worker: Worker, function: Callable[..., Awaitable[Any]], args: tuple[Any, ...]) -> None:
        WORKING.set(worker)
        try:
            with worker.scope:
                await function(*args)
        except Exception as error:  # noqa: BLE001 (a worker's failure is its actor's crash)
            self._actor.crash_now(error)
        except BaseException as error:
            self._actor.finish_now(INTERRUPTED)
            if not self._cell.system.interrupt(error):
                raise
        finally:
            del self._running[worker]
            worker.ended = True
            for future in worker.serves:
                if future.servers is not None:
                    del future.servers[worker]
            if not self._running:
                if self._alone is None:
                    self._actor.workers_gone()
                else:
                    self._alone.set()


async def deliver_later(cell: Cell, seconds: float, message: Any) -> None:
    """A timer's work: tell the actor `message` when the time has come."""
    try:
        await trio.sleep(seconds)
    except trio.Cancelled:
        discard(message)
        raise
    cell.ref.tell(message)


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
