"""A trace on its way out: the runtime's records as rows, and the lines of `POST /v1/trace`.

Invariants: a trace lives no longer than the connection that asked for it; a client that reads slowly costs records,
which are counted, and neither memory nor the traced actor's time. Lines: `tracing` first, a `record` each, a `beat`
when there was none for a while, `ended` last.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Self

import attrs
import trio

from beam_actors.control.api import TraceFeed
from beam_actors.control.results import TraceRequest, TraceRow
from beam_actors.errors import NetworkError
from beam_actors.runtime import Trace, TraceRecord

Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class RuntimeFeed:
    """A `TraceFeed` of the runtime's trace; `wall` makes seconds since 1970 of the system's clock."""

    def __init__(self, trace: Trace, wall: Callable[[float], float]) -> None:
        self._trace = trace
        self._wall = wall

    def __repr__(self) -> str:
        return f"RuntimeFeed({self._trace})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._trace.close()

    @property
    def actor(self) -> str:
        """The path that is watched."""
        return self._trace.path

    @property
    def ended(self) -> str | None:
        """Why there is no more."""
        return self._trace.ended

    @property
    def recorded(self) -> int:
        """How many records there were."""
        return self._trace.recorded

    @property
    def missed(self) -> int:
        """How many were left out."""
        return self._trace.missed

    async def next(self) -> TraceRow | None:
        """The next record, or None at the end."""
        async for record in self._trace:
            return self._row(record)
        return None

    def _row(self, record: TraceRecord) -> TraceRow:
        return TraceRow(
            time=round(self._wall(record.at), 6),
            path=record.path,
            incarnation=record.incarnation,
            kind=record.kind,
            message=record.message,
            shown=record.shown,
            sender=record.sender,
            asked=record.asked,
            waited_s=None if record.waited is None else round(record.waited, 6),
            took_s=round(record.took, 6),
            outcome=record.outcome,
            detail=record.detail,
            missed=record.missed,
        )


async def stream_trace(
    feed: TraceFeed, request: TraceRequest, *, send: Send, until_gone: Callable[[], Awaitable[None]], beat: float
) -> None:
    """Send a trace's lines until it ends or the client is gone; a `beat` after that many seconds without a record."""
    with feed:
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_until_gone, until_gone, nursery.cancel_scope)
                await send({"event": "tracing", **attrs.asdict(attrs.evolve(request, actor=feed.actor))})
                await _report(feed, send, beat)
                nursery.cancel_scope.cancel()
        except* NetworkError:
            pass  # the client's end, in whichever of the two it showed first


async def _until_gone(until_gone: Callable[[], Awaitable[None]], scope: trio.CancelScope) -> None:
    await until_gone()
    scope.cancel()


async def _report(feed: TraceFeed, send: Send, beat: float) -> None:
    while True:
        row = None
        with trio.move_on_after(beat) as scope:
            row = await feed.next()
        counts = {"recorded": feed.recorded, "missed": feed.missed}
        if row is not None:
            await send({"event": "record", **attrs.asdict(row)})
        elif scope.cancelled_caught:
            await send({"event": "beat", **counts})
        else:
            await send({"event": "ended", "why": feed.ended, **counts})
            return
