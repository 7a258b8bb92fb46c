"""What stands between a traced actor and its handlers: who sent a message, how long it took, and what came of it.

Invariants: the actor handles every message as if nobody looked; records hold what `shown` lets through, and nothing is
made of a message that no trace has room for. What workers do is not traced, only what they send.
"""

from collections.abc import Awaitable, Coroutine
from typing import TYPE_CHECKING, Any, Literal

import trio
from pykka._envelope import Envelope

from beam_actors.runtime.cell import Cell
from beam_actors.runtime.future import SET_ASIDE, Future, Reply
from beam_actors.runtime.shown import show_error, show_message, show_value
from beam_actors.runtime.trace import Kind, Outcome, Trace, TraceRecord
from beam_actors.runtime.waits import current_node
from beam_actors.runtime.workers import Worker

if TYPE_CHECKING:
    from beam_actors.runtime.incarnation import Incarnation


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
        """The envelope with its sender: whoever runs now. It stays as it is while nothing is recorded anyway."""
        now = self._cell.system.clock()
        if not self._has_room(now):
            return envelope
        node = current_node()
        sender = node.name if isinstance(node, Worker) else node.ref.actor_urn if node is not None else None
        return TracedEnvelope(envelope, sender, now)

    def serve(self, actor: "Incarnation", envelope: Envelope[Any]) -> Coroutine[Any, Any, None] | None:
        """Let the actor handle it; what is left to await. How it went is recorded, if there is room when it begins."""
        began = self._cell.system.clock()
        if not self._has_room(began):
            for trace in self.traces:
                trace.leave_out()
            return actor._actor_serve(envelope)  # noqa: SLF001 (the runtime's own loop, in which this stands)
        try:
            rest = actor._actor_serve(envelope)  # noqa: SLF001 (as above)
        except BaseException as error:
            self._failed(envelope, began, error)
            raise
        if rest is not None:
            return self._rest(rest, actor, envelope, began)
        self._served(actor, envelope, began)
        return None

    async def _rest(self, rest: Awaitable[None], actor: "Incarnation", envelope: Envelope[Any], began: float) -> None:
        try:
            await rest
        except BaseException as error:
            self._failed(envelope, began, error)
            raise
        self._served(actor, envelope, began)

    def _failed(self, envelope: Envelope[Any], began: float, error: BaseException) -> None:
        if isinstance(error, trio.Cancelled):
            self._record(envelope, began, "cut")
        else:
            self._record(envelope, began, "crashed", show_error(error))

    def _served(self, actor: "Incarnation", envelope: Envelope[Any], began: float) -> None:
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

    def _has_room(self, now: float) -> bool:
        for trace in self.traces:  # noqa: SIM110 (twice for each message of an actor that may be flooded)
            if trace.has_room(now):
                return True
        return False

    def notice(self, message: Any) -> None:
        """A system message that the actor's own code handles now."""
        now = self._cell.system.clock()
        self._offer(now, kind="notice", message=type(message).__name__, shown=show_message(message, self._public))

    def incarnation(self, kind: Literal["started", "exited"], detail: str = "") -> None:
        """One began or ended: what explains the messages that were cut, so no rate leaves it out."""
        self._offer(self._cell.system.clock(), always=True, kind=kind, detail=detail)

    def _follow(self, reply: Reply, envelope: Envelope[Any], began: float) -> None:
        """Record the answer once it is given; the actor's end fails it, so it always is."""
        done = reply._done  # noqa: SLF001 (it is called once the future has the answer)

        def answered(answer: Reply) -> None:
            done(answer)
            outcome, detail = self._answer(answer.future) if answer.future is not None else ("handled", "")
            self._record(envelope, began, outcome, detail, kind="answer")

        reply._done = answered  # noqa: SLF001 (as above)

    def _answer(self, future: Future[Any]) -> tuple[Outcome, str]:
        if future.abandoned or not future.done:
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
        self,
        now: float,
        *,
        envelope: Envelope[Any] | None = None,
        at: float | None = None,
        always: bool = False,
        **what: Any,
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
            trace.offer(now, make, always=always)


def _asker(envelope: Envelope[Any]) -> str | None:
    future = envelope.reply_to
    asker = future.asker if isinstance(future, Future) else None
    return asker.name if isinstance(asker, Worker) else asker.ref.actor_urn if asker is not None else None
