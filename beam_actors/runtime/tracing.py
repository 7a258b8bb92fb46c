"""The traces of a system: whom each of them covers, now and when it starts later.

Invariants: they are bounded in number and in what they may ask for; a cell has a tracer exactly while a trace covers
it, so an actor that nobody traces pays for one comparison with None per message.
"""

from typing import TYPE_CHECKING

from beam_actors.errors import ActorError
from beam_actors.runtime.cell import Cell
from beam_actors.runtime.exits import ExitReason
from beam_actors.runtime.trace import Trace, TraceLimits
from beam_actors.runtime.tracer import Tracer

if TYPE_CHECKING:
    from beam_actors.runtime.system import System


class TracesFull(ActorError):
    """As many traces run as the system allows."""

    code = "resource-exhausted"


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
        waiting = self.limits.waiting
        trace = Trace(path, subtree=subtree, limit=limit, rate=rate, waiting=waiting, on_end=self.close)
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
