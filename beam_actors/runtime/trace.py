"""One trace: its records, its limit and its rate, and its reader.

The rule is recon's (Erlang): no trace without a limit and a rate. Invariants: a trace ends by itself at its limit and
when its actor is gone for good; beyond its rate, or when its reader is slow, messages are counted and left out; it
holds a bounded number of records, and those hold words only, never a message. It knows no cell and no envelope.
"""

from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Final, Literal, Self

import attrs
import trio

Kind = Literal["message", "notice", "answer", "started", "exited"]
Outcome = Literal["handled", "replied", "refused", "deferred", "stashed", "crashed", "cut", ""]
End = Literal["limit", "gone", "closed"]
GRACE: Final = 3.0
"""Seconds that nobody may live at the path before it counts as gone: its supervisor may be restarting."""
_WINDOW: Final = 1.0


@attrs.frozen(slots=True)
class TraceLimits:
    """What tracing may cost a system at most, whatever is asked for."""

    traces: int = 8
    """That run at once."""
    messages: int = 100_000
    """That one trace records before it ends."""
    rate: int = 1_000
    """Records a second."""
    waiting: int = 256
    """Records that wait for a trace's reader; further ones are dropped, and counted."""


@attrs.frozen(slots=True, kw_only=True)
class TraceRecord:
    """One thing that happened to a traced actor. `at` is by the system's clock, durations in seconds.

    A `message` has been handled; a `notice` is a `Down` or a `GroupChanged`; an `answer` is the reply to a message
    that was deferred. `started` and `exited` are incarnations.
    """

    at: float
    """When handling began, the answer was given, or the incarnation started or ended."""
    path: str
    incarnation: int
    kind: Kind
    message: str = ""
    """The type of the message."""
    shown: str = ""
    """What of it may be shown."""
    sender: str | None = None
    """The actor or worker that sent it; None for somebody outside, or if it waited already when the trace began."""
    asked: bool = False
    waited: float | None = None
    """For how long it was in the mailbox, where that is known."""
    took: float = 0.0
    """From taking it to the end of its handler, or to the answer."""
    outcome: Outcome = ""
    """`refused`: a declared error was the reply. `cut`: its actor was cancelled, for a reason that `exited` gives."""
    detail: str = ""
    """The reply, by what may be shown of it, the error, or the reason of an exit."""
    missed: int = 0
    """Records that were left out since the one before, for the rate's sake or the reader's."""


class Trace:
    """One running trace: iterate over its records, and close it (it is a context manager).

    `ended` says why there are no more: at its "limit", its actor is "gone", or it was "closed".
    """

    def __init__(
        self, path: str, *, subtree: bool, limit: int, rate: int, waiting: int, on_end: Callable[["Trace"], None]
    ) -> None:
        self.path = path
        self.subtree = subtree
        self.limit = limit
        self.rate = rate
        self.recorded = 0
        self.missed = 0
        """Records that were left out, in all."""
        self.ended: End | None = None
        self._bound = waiting
        self._on_end = on_end
        self._waiting: deque[TraceRecord] = deque()
        self._unreported = 0
        self._window = (0.0, 0)
        self._gone_at: float | None = None
        self._woken = trio.Event()

    def __repr__(self) -> str:
        return f"<Trace of {self.path}: {self.recorded} of {self.limit}, {self.missed} missed, {self.ended or 'runs'}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """End it; what waits can still be read."""
        self._end("closed")

    def __aiter__(self) -> AsyncIterator[TraceRecord]:
        return self

    async def __anext__(self) -> TraceRecord:
        while not self._waiting:
            if self.ended is not None:
                raise StopAsyncIteration
            self._woken = trio.Event()
            with trio.move_on_at(float("inf") if self._gone_at is None else self._gone_at + GRACE) as scope:
                await self._woken.wait()
            if scope.cancelled_caught:
                self._end("gone")
        return self._waiting.popleft()

    def covers(self, path: str) -> bool:
        """Whether what lives at `path` is traced."""
        return path == self.path or (self.subtree and path.startswith(f"{self.path}/"))

    def has_room(self, now: float) -> bool:
        """Whether one more record is within the rate, and the reader not too far behind."""
        began, count = self._window
        return (count < self.rate or now - began >= _WINDOW) and len(self._waiting) < self._bound

    def leave_out(self) -> None:
        """Count one."""
        self.missed += 1
        self._unreported += 1

    def offer(self, now: float, make: Callable[[int], TraceRecord], *, always: bool = False) -> None:
        """Record what `make` makes of the number of those left out before it, if there is room; else count it.

        What is `always` wanted is not left out for the rate's sake.
        """
        if self.ended is not None:
            return
        began, count = self._window
        if now - began >= _WINDOW:
            began, count = now, 0
        if (count >= self.rate and not always) or len(self._waiting) >= self._bound:
            self.leave_out()
            return
        self._window = (began, count + 1)
        self._waiting.append(make(self._unreported))
        self._unreported = 0
        self.recorded += 1
        if self.recorded >= self.limit:
            self._end("limit")
        self._woken.set()

    def lives(self, *, now: bool) -> None:
        """Whether somebody lives at the path itself now."""
        self._gone_at = None if now else trio.current_time()
        self._woken.set()

    def _end(self, why: End) -> None:
        if self.ended is None:
            self.ended = why
            self._on_end(self)
            self._woken.set()
