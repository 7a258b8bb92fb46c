"""Tracing: what an actor, or all of a subtree, handles, for somebody who watches; it never costs the node its health.

The rule is recon's (Erlang): no trace without a limit and a rate. Invariants: a trace ends by itself at its limit and
when its actor is gone for good; beyond its rate, or when its reader is slow, messages are counted and not shown; it
holds a bounded number of records, and those hold words only (see `shown`), never a message. An actor that nobody
traces pays for one comparison with None per message. What workers do is not traced, only what they send.
"""

from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Final, Literal, Self

import attrs
import trio
from pykka._envelope import Envelope

from beam_actors.errors import ActorError
from beam_actors.runtime.cell import Cell
from beam_actors.runtime.exits import ExitReason
from beam_actors.runtime.future import SET_ASIDE, Future, Reply
from beam_actors.runtime.shown import show_error, show_message, show_value
from beam_actors.runtime.waits import current_node
from beam_actors.runtime.workers import Worker

if TYPE_CHECKING:
    from beam_actors.runtime.incarnation import Incarnation
    from beam_actors.runtime.system import System

Kind = Literal["message", "notice", "answer", "started", "exited"]
Outcome = Literal["handled", "replied", "refused", "deferred", "stashed", "crashed", "cut", ""]
End = Literal["limit", "gone", "closed"]
GRACE: Final = 3.0
"""Seconds that nobody may live at the path before it counts as gone: its supervisor may be restarting."""
_WINDOW: Final = 1.0


class TracesFull(ActorError):
    """As many traces run as the system allows."""

    code = "resource-exhausted"


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

    def __init__(self, tracing: "Tracing", path: str, *, subtree: bool, limit: int, rate: int) -> None:
        self.path = path
        self.subtree = subtree
        self.limit = limit
        self.rate = rate
        self.recorded = 0
        self.missed = 0
        """Records that were left out, in all."""
        self.ended: End | None = None
        self._tracing = tracing
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

    def offer(self, now: float, make: Callable[[int], TraceRecord]) -> None:
        """Record what `make` makes of the number of those left out before it, if there is room; else count it."""
        if self.ended is not None:
            return
        began, count = self._window
        if now - began >= _WINDOW:
            began, count = now, 0
        if count >= self.rate or len(self._waiting) >= self._tracing.limits.waiting:
            self.missed += 1
            self._unreported += 1
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
            self._tracing.close(self)
            self._woken.set()


class TracedEnvelope(Envelope[Any]):
    """A message on its way to a traced actor, with whoever sent it."""

    __slots__ = ("at", "sender")

    def __init__(self, envelope: Envelope[Any], sender: str | None, at: float) -> None:
        super().__init__(envelope.message, envelope.reply_to)
        self.sender = sender
        self.at = at


class Tracer:
    """What stands between a traced actor and its handlers: in its cell for as long as a trace covers it."""

    __slots__ = ("_cell", "_public", "traces")

    def __init__(self, cell: Cell, traces: tuple[Trace, ...], public: tuple[type, ...]) -> None:
        self._cell = cell
        self._public = public
        self.traces = traces

    def mark(self, envelope: Envelope[Any]) -> Envelope[Any]:
        """The envelope with its sender: whoever runs now."""
        node = current_node()
        sender = node.name if isinstance(node, Worker) else node.ref.actor_urn if node is not None else None
        return TracedEnvelope(envelope, sender, self._cell.system.clock())

    async def serve(self, actor: "Incarnation", envelope: Envelope[Any]) -> None:
        """Let the actor handle it, and record how that went."""
        began = self._cell.system.clock()
        try:
            rest = actor._actor_serve(envelope)  # noqa: SLF001 (the runtime's own loop, in which this stands)
            if rest is not None:
                await rest
        except BaseException as error:
            if isinstance(error, trio.Cancelled):
                self._record(envelope, began, "cut")
            else:
                self._record(envelope, began, "crashed", show_error(error))
            raise
        deferred, future = actor._actor_deferred, envelope.reply_to  # noqa: SLF001 (as above)
        if deferred is SET_ASIDE:
            self._record(envelope, began, "stashed")
        elif isinstance(future, Future) and future.done:
            self._record(envelope, began, *self._answer(future))
        elif deferred is not None and future is not None:
            self._record(envelope, began, "deferred")
            self._follow(deferred, envelope, began)
        else:
            self._record(envelope, began, "handled")

    def notice(self, message: Any) -> None:
        """A system message that the actor's own code handles now."""
        now = self._cell.system.clock()
        self._offer(now, kind="notice", message=type(message).__name__, shown=show_message(message, self._public))

    def incarnation(self, kind: Literal["started", "exited"], detail: str = "") -> None:
        """One began or ended."""
        self._offer(self._cell.system.clock(), kind=kind, detail=detail)

    def _follow(self, reply: Reply, envelope: Envelope[Any], began: float) -> None:
        """Record the answer once it is given; the actor's end fails it, so it always is."""
        done = reply._done  # noqa: SLF001 (it is called once the future has the answer)

        def answered(answer: Reply) -> None:
            done(answer)
            outcome, detail = self._answer(answer.future) if answer.future is not None else ("handled", "")
            self._record(envelope, began, outcome, detail, kind="answer")

        reply._done = answered  # noqa: SLF001 (as above)

    def _answer(self, future: Future[Any]) -> tuple[Outcome, str]:
        if not future.done:
            return "handled", "nobody waited for the reply any longer"
        error = future.error
        if error is not None:
            return "refused", show_error(error)
        return "replied", show_value(future.value, self._public)

    def _record(
        self, envelope: Envelope[Any], began: float, outcome: Outcome, detail: str = "", *, kind: Kind = "message"
    ) -> None:
        now = self._cell.system.clock()
        marked = envelope if isinstance(envelope, TracedEnvelope) else None
        self._offer(
            now,
            kind=kind,
            envelope=envelope,
            at=began if kind == "message" else now,
            sender=marked.sender if marked is not None else _asker(envelope),
            asked=envelope.reply_to is not None,
            waited=began - marked.at if marked is not None else None,
            took=now - began,
            outcome=outcome,
            detail=detail,
        )

    def _offer(
        self, now: float, *, envelope: Envelope[Any] | None = None, at: float | None = None, **what: Any
    ) -> None:
        cell = self._cell

        def make(missed: int) -> TraceRecord:
            if envelope is not None:  # only now: what is left out costs no look at it
                message = envelope.message
                what.update(message=type(message).__name__, shown=show_message(message, self._public))
            return TraceRecord(
                at=now if at is None else at, path=cell.path, incarnation=cell.incarnation, missed=missed, **what
            )

        for trace in self.traces:
            trace.offer(now, make)


class Tracing:
    """The traces of one system."""

    def __init__(self, system: "System", limits: TraceLimits, public: tuple[type, ...]) -> None:
        self.limits = limits
        self.public = public
        self.traces: list[Trace] = []
        self._system = system

    def __repr__(self) -> str:
        return f"<Tracing {len(self.traces)} of {self.limits.traces}>"

    def open(self, path: str, *, subtree: bool, limit: int, rate: int) -> Trace:
        """Begin a trace over those at and below the path, now and later.

        Raises:
            TracesFull: there are as many as there may be.
            ValueError: a limit or a rate below 1, or above what the system allows.
        """
        if not 1 <= limit <= self.limits.messages or not 1 <= rate <= self.limits.rate:
            raise ValueError(
                f"A trace records 1 to {self.limits.messages} messages, at 1 to {self.limits.rate} a second."
            )
        if len(self.traces) >= self.limits.traces:
            raise TracesFull(f"{self.limits.traces} traces run already, which is all there may be: end one first.")
        trace = Trace(self, path, subtree=subtree, limit=limit, rate=rate)
        self.traces.append(trace)
        for cell in self._system.cells():
            if trace.covers(cell.path):
                self._equip(cell)
        if self._system.whereis(path) is None:
            trace.lives(now=False)
        return trace

    def close(self, trace: Trace) -> None:
        """A trace is over: who was traced by it alone handles messages as before."""
        self.traces.remove(trace)
        for cell in self._system.cells():
            if cell.tracer is not None:
                self._equip(cell)

    def started(self, cell: Cell) -> None:
        """An incarnation began."""
        self._equip(cell)
        if cell.tracer is not None:
            cell.tracer.incarnation("started")
        for trace in self.traces:
            if trace.path == cell.path:
                trace.lives(now=True)

    def exited(self, cell: Cell, reason: ExitReason) -> None:
        """An incarnation ended."""
        if cell.tracer is not None:
            cell.tracer.incarnation("exited", str(reason))

    def gone(self, cell: Cell) -> None:
        """No other incarnation will follow in this cell."""
        cell.tracer = None
        for trace in self.traces:
            if trace.path == cell.path:
                trace.lives(now=False)

    def _equip(self, cell: Cell) -> None:
        traces = tuple(trace for trace in self.traces if trace.covers(cell.path))
        cell.tracer = Tracer(cell, traces, self.public) if traces else None


def _asker(envelope: Envelope[Any]) -> str | None:
    future = envelope.reply_to
    asker = future.asker if isinstance(future, Future) else None
    return asker.name if isinstance(asker, Worker) else asker.ref.actor_urn if asker is not None else None
