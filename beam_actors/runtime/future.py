"""The reply to an ask: pykka's Future, awaitable on trio.

Invariant: it is resolved once; later answers are dropped, and disposed of if they carry a handle. Reading it before
it is resolved raises instead of blocking the loop.
"""

import sys
from collections.abc import Callable, Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import pykka
import trio

from beam_actors.errors import ActorError, AskTimeout

if TYPE_CHECKING:
    from beam_actors.runtime.cell import Cell
    from beam_actors.runtime.workers import Worker

T = TypeVar("T")
OptExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]


class WouldBlock(ActorError):
    """A future was read before it was resolved; await it instead."""


class Future(pykka.Future[T], Generic[T]):
    """Await it for the reply, or for the error that the ask ended with."""

    __slots__ = ("_error", "_tasks", "abandoned", "asker", "callee", "done", "servers", "timeout", "value")

    def __init__(self) -> None:
        super().__init__()
        self.done = False
        self.abandoned = False
        self.value: Any = None
        self.timeout: float | None = None
        self.asker: Cell | Worker | None = None
        self.callee: Cell | None = None
        self.servers: dict[Worker, None] | None = None
        """The workers that a deferred reply was handed to; None while the callee's loop is to answer."""
        self._error: BaseException | None = None
        self._tasks: list[trio.lowlevel.Task] = []

    def __repr__(self) -> str:
        return f"<Future {'done' if self.done else 'pending'}>"

    def get(self, *, timeout: float | None = None) -> T:  # noqa: ARG002 (pykka's signature)
        """The reply, if it is there; raise its error, or `WouldBlock`."""
        if not self.done:
            raise WouldBlock("This future is not resolved yet: await it.")
        return self._outcome()

    def set(self, value: Any = None) -> None:
        """Resolve with a reply; too late a reply is disposed of."""
        if self.done or self.abandoned:
            dispose = getattr(value, "dispose", None)
            if callable(dispose):
                dispose()
            return
        self.value = value
        self._resolve()

    def set_exception(self, exc_info: OptExcInfo | BaseException | None = None) -> None:
        """Resolve with an error (by default the one being handled)."""
        if self.done:
            return
        if isinstance(exc_info, BaseException):
            self._error = exc_info
        else:
            self._error = (exc_info or sys.exc_info())[1]
        self._resolve()

    def set_get_hook(self, func: Any) -> None:
        """Refused: pykka's `map`, `filter`, `join` and `reduce` are built on it and on a `get` that blocks."""
        raise NotImplementedError("Await the future, then compute.")

    def __await__(self) -> Generator[Any, None, T]:
        return self._wait().__await__()

    async def _wait(self) -> T:
        if not self.done:
            await self._park()
        else:
            await trio.lowlevel.cancel_shielded_checkpoint()
        return self._outcome()

    async def _park(self) -> None:
        try:
            if self.timeout is None:
                await self._suspend()
            else:
                with trio.move_on_after(self.timeout) as scope:
                    await self._suspend()
                if scope.cancelled_caught and not self.done:
                    raise AskTimeout(f"No reply came within {self.timeout:g} s.")
        finally:
            if self.asker is not None:
                self.asker.end_wait(self)
            if not self.done:
                self.abandoned = True

    async def _suspend(self) -> None:
        task = trio.lowlevel.current_task()
        self._tasks.append(task)
        if self.asker is not None:
            self.asker.begin_wait(self, task)

        def abort(_raise: Any) -> trio.lowlevel.Abort:
            self._tasks.remove(task)
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)

    def _resolve(self) -> None:
        self.done = True
        if self.servers is not None:
            self._release_servers()
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            trio.lowlevel.reschedule(task)

    def _release_servers(self) -> None:
        # A worker may run on for hours; it must not hold what it answered.
        servers, self.servers = self.servers, None
        for worker in servers or ():
            worker.serves = tuple(other for other in worker.serves if other is not self)

    def _outcome(self) -> T:
        if self._error is not None:
            raise self._error
        value: T = self.value
        return value


class Reply:
    """A handler's right to answer later. The actor's death fails it; setting it twice does nothing."""

    __slots__ = ("_done", "future")

    def __init__(self, future: Future[Any] | None, done: Callable[["Reply"], None]) -> None:
        self.future = future
        self._done = done

    @property
    def wanted(self) -> bool:
        """Whether somebody still waits for it."""
        return self.future is not None and not self.future.abandoned and not self.future.done

    def set(self, value: Any = None) -> None:
        """Answer; if nobody waits any more, the value's `dispose` is called."""
        self._done(self)
        if self.future is not None:
            self.future.set(value)
        else:
            dispose = getattr(value, "dispose", None)
            if callable(dispose):
                dispose()

    def fail(self, error: BaseException) -> None:
        """Answer with an error, which is raised at the asker."""
        self._done(self)
        if self.future is not None:
            self.future.set_exception(error)


SET_ASIDE: Final = Reply(None, lambda _done: None)
"""In the place of the reply to a message that was stashed: whoever handles it later answers."""
