"""The reply to an ask: pykka's Future, awaitable on trio.

Invariant: it is resolved once; later answers are dropped, and disposed of if they carry a handle. Reading it before
it is resolved raises instead of blocking the loop.
"""

import sys
from collections.abc import Callable, Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar, cast

import pykka
import trio
from trio.lowlevel import current_task, reschedule, wait_task_rescheduled

from beam_actors.errors import ActorError, AskTimeout
from beam_actors.runtime.mailbox import discard

if TYPE_CHECKING:
    from beam_actors.runtime.cell import Cell
    from beam_actors.runtime.workers import Worker

T = TypeVar("T")
OptExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]


class Wait(Protocol):
    """What a loop or a worker waits for: a reply, or an actor's start or end."""

    @property
    def callee(self) -> "Cell | None":
        """Who is waited for."""
        ...

    @property
    def servers(self) -> "dict[Worker, None] | None":
        """The workers that see to it; None for the callee's loop."""
        ...


class WouldBlock(ActorError):
    """A future was read before it was resolved; await it instead."""


class Future(pykka.Future[T], Generic[T]):
    """Await it for the reply, or for the error that the ask ended with."""

    __slots__ = ("_error", "_others", "_task", "abandoned", "asker", "callee", "done", "servers", "timeout", "value")

    def __init__(self) -> None:
        # Not pykka's: what it sets belongs to the hook that is refused below.
        self.done = False
        self.abandoned = False
        self.value: Any = None
        self.timeout: float | None = None
        self.asker: Cell | Worker | None = None
        self.callee: Cell | None = None
        self.servers: dict[Worker, None] | None = None
        """The workers that a deferred reply was handed to; None while the callee's loop is to answer."""
        self._error: BaseException | None = None
        self._task: trio.lowlevel.Task | None = None
        self._others: list[trio.lowlevel.Task] | None = None
        """Who waits beside the first."""

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
        if self._error is not None:
            raise self._error
        return cast("T", self.value)

    def set(self, value: Any = None) -> None:
        """Resolve with a reply; one that comes too late is disposed of, and who waits again later learns of it."""
        if self.done:
            discard(value)
            return
        if self.abandoned and discard(value):
            self._error = ActorError("The reply came when nobody waited for it, so what it carries was given up.")
        else:
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
        # Generators and no coroutines that await each other: each of them would be passed at each switch of tasks.
        return self._wait() if self.timeout is None else self._wait_in_time(self.timeout)

    def _wait_in_time(self, seconds: float) -> Generator[Any, None, T]:
        with trio.move_on_after(seconds):  # noqa: ASYNC100 (it is left by a generator's await)
            return (yield from self._wait())
        if not self.done:
            raise AskTimeout(f"No reply came within {seconds:g} s.")
        return self.get()

    def _wait(self) -> Generator[Any, None, T]:
        if self.done:
            yield from trio.lowlevel.cancel_shielded_checkpoint().__await__()  # noqa: ASYNC105 (as above)
            return self.get()
        task = current_task()
        self.abandoned = False
        if self._task is None:
            self._task = task
            abort: Callable[[Any], trio.lowlevel.Abort] = self._first_leaves
        else:
            abort = self._join(task)
        asker = self.asker
        if asker is not None:
            asker.begin_wait(self, task)
        try:
            yield from wait_task_rescheduled(abort).__await__()  # noqa: ASYNC105 (as above)
        finally:
            if asker is not None:
                asker.end_wait(self)
            if not self.done:
                self._left()
        if self._error is not None:
            raise self._error
        return cast("T", self.value)

    def _left(self) -> None:
        self.abandoned = self._task is None and not self._others

    def _first_leaves(self, _raise: Any) -> trio.lowlevel.Abort:
        self._task = None
        return trio.lowlevel.Abort.SUCCEEDED

    def _join(self, task: trio.lowlevel.Task) -> Callable[[Any], trio.lowlevel.Abort]:
        others = self._others = self._others or []
        others.append(task)

        def leave(_raise: Any) -> trio.lowlevel.Abort:
            others.remove(task)
            return trio.lowlevel.Abort.SUCCEEDED

        return leave

    def _resolve(self) -> None:
        self.done = True
        if self.servers is not None:
            self._release_servers()
        task = self._task
        if task is not None:
            self._task = None
            reschedule(task)
        if self._others is not None:
            for task in self._others:
                reschedule(task)
            self._others = None

    def _release_servers(self) -> None:
        # A worker may run on for hours; it must not hold what it answered.
        servers, self.servers = self.servers, None
        for worker in servers or ():
            worker.serves = tuple(other for other in worker.serves if other is not self)


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
            discard(value)
        self._done(self)

    def fail(self, error: BaseException) -> None:
        """Answer with an error, which is raised at the asker."""
        if self.future is not None:
            self.future.set_exception(error)
        self._done(self)


SET_ASIDE: Final = Reply(None, lambda _done: None)
"""In the place of the reply to a message that was stashed: whoever handles it later answers."""
