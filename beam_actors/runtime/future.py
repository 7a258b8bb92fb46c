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

    # What most asks never touch is the class's until it is set: making a future is a good part of what an ask costs.
    done = False
    abandoned = False
    value: Any = None
    timeout: float | None = None
    asker: "Cell | Worker | None" = None
    callee: "Cell | None" = None
    servers: "dict[Worker, None] | None" = None
    """The workers that a deferred reply was handed to; None while the callee's loop is to answer."""
    _error: BaseException | None = None
    _task: trio.lowlevel.Task | None = None
    _others: list[trio.lowlevel.Task] | None = None
    """Who waits beside the first."""

    def __init__(self) -> None:
        pass  # not pykka's: what it sets belongs to the hook that is refused below

    def __repr__(self) -> str:
        return f"<Future {'done' if self.done else 'pending'}>"

    @property
    def error(self) -> BaseException | None:
        """What it was resolved with instead of a reply."""
        return self._error

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
        # A generator and no coroutine that awaits others: with each of them every switch of tasks costs more.
        if self.done:
            yield from trio.lowlevel.cancel_shielded_checkpoint().__await__()  # noqa: ASYNC105 (a generator's await)
        elif self.timeout is None:
            yield from self._wait()
        else:
            with trio.move_on_after(self.timeout) as scope:  # noqa: ASYNC100 (as above)
                yield from self._wait()
            if scope.cancelled_caught and not self.done:
                raise AskTimeout(f"No reply came within {self.timeout:g} s.")
        return self._outcome()

    def _wait(self) -> Generator[Any, None, None]:
        task = trio.lowlevel.current_task()
        if self._task is None:
            self._task = task
        else:
            self._others = [*(self._others or ()), task]
        asker = self.asker
        if asker is not None:
            asker.begin_wait(self, task)

        def abort(_raise: Any) -> trio.lowlevel.Abort:
            self._withdraw(task)
            return trio.lowlevel.Abort.SUCCEEDED

        try:
            yield from trio.lowlevel.wait_task_rescheduled(abort).__await__()  # noqa: ASYNC105 (as above)
        finally:
            if asker is not None:
                asker.end_wait(self)
            if not self.done:
                self.abandoned = True

    def _withdraw(self, task: trio.lowlevel.Task) -> None:
        if self._task is task:
            self._task = None
        elif self._others is not None:
            self._others.remove(task)

    def _resolve(self) -> None:
        self.done = True
        if self.servers is not None:
            self._release_servers()
        if self._task is not None:
            trio.lowlevel.reschedule(self._task)
            self._task = None
        if self._others is not None:
            for task in self._others:
                trio.lowlevel.reschedule(task)
            self._others = None

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
        if self.future is not None:
            self.future.set(value)
        else:
            dispose = getattr(value, "dispose", None)
            if callable(dispose):
                dispose()
        self._done(self)

    def fail(self, error: BaseException) -> None:
        """Answer with an error, which is raised at the asker."""
        if self.future is not None:
            self.future.set_exception(error)
        self._done(self)


SET_ASIDE: Final = Reply(None, lambda _done: None)
"""In the place of the reply to a message that was stashed: whoever handles it later answers."""
