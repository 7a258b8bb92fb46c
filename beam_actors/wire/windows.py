"""Receive windows: when the peer may send again, and how much more than before.

Rules:
- The window is granted again when half of it was taken by the application.
- A window doubles when it is the bottleneck, which needs no clock to see: the peer had used up three quarters of it
  and yet the application took nearly all, or half of it arrived while a ping travelled there and back. A slow
  application keeps its window, and so does a session whose budget is spent.
- No window doubles while round trips take much longer than the shortest one did: what is under way waits in a queue
  then, and more of it would only keep small things waiting behind it. That needs a clock (`timed_by`).

Invariant: the sum by which windows exceed their initial size is taken from the budget, and given back once.
"""

from collections.abc import Callable
from math import inf
from typing import Final

from beam_actors.errors import LocalProtocolError
from beam_actors.wire.limits import INITIAL_WINDOW, WindowBudget
from beam_actors.wire.outbox import Outbox
from beam_actors.wire.stream import Life, Stream
from beam_actors.wire.yamux import Flag, Kind

PROBE: Final = 2**31
"""Pings of this value and above are asked here, to see how much arrives in a round trip."""
_SLACK: Final = 0.002
"""Seconds by which a round trip may exceed twice the shortest one: what a busy machine takes to answer."""


class Windows:
    """The receive windows of one session's streams; one probe at a time is under way.

    Args:
        limit: the largest window, in bytes.
        budget: what growth is taken from.
        outbox: takes window updates and probes.
    """

    __slots__ = ("_asked_at", "_budget", "_clock", "_limit", "_outbox", "_probe", "_probed", "_queued", "_shortest")

    def __init__(self, limit: int, budget: WindowBudget, outbox: Outbox) -> None:
        self._limit = limit
        self._budget = budget
        self._outbox = outbox
        self._probed: tuple[Stream, int] | None = None
        self._probe = PROBE
        self._clock: Callable[[], float] | None = None
        self._asked_at = 0.0
        self._shortest = inf
        self._queued = False
        """Whether the last round trip was much longer than the shortest."""

    def timed_by(self, clock: Callable[[], float]) -> None:
        """Measure round trips with this clock, in seconds from any beginning."""
        self._clock = clock

    def measured(self, seconds: float) -> None:
        """A round trip took so long."""
        self._shortest = min(self._shortest, seconds)
        self._queued = seconds > 2 * self._shortest + _SLACK

    def consumed(self, stream: Stream, size: int) -> None:
        """The application took `size` bytes; raise `LocalProtocolError` for more than it holds."""
        if not 0 <= size <= stream.held:
            raise LocalProtocolError(f"Stream {stream.id} holds {stream.held} bytes; {size} cannot be taken.")
        stream.taken += size
        if stream.life is Life.GOT_ALL:
            return
        if stream.taken * 2 >= stream.window:
            stream.used_up = stream.used_up or stream.granted * 4 <= stream.window
            size, stream.taken = stream.taken, 0
            self._grant(stream, size)
            if self._probed is None and stream.window < self._limit:
                self._probed = stream, stream.received
                self._outbox.control(Kind.PING, Flag.SYN, 0, self._probe)
                if self._clock is not None:
                    self._asked_at = self._clock()
        if stream.used_up and not self._queued and stream.held * 8 <= stream.window:
            stream.used_up = False
            self._grow(stream)

    def ponged(self, value: int) -> None:
        """The peer answered a ping of `PROBE` or above; others than the one under way mean nothing."""
        if self._probed is None or value != self._probe:
            return
        stream, before = self._probed
        self._probed = None
        self._probe = PROBE | (value + 1) % PROBE
        if self._clock is not None:
            self.measured(self._clock() - self._asked_at)
        in_flight = stream.received - before
        open_to_bytes = stream.life in {Life.OPEN, Life.SENT_ALL}
        if open_to_bytes and not self._queued and in_flight * 2 >= stream.window >= stream.held * 2:
            self._grow(stream)

    def give_back(self, stream: Stream) -> None:
        """The stream is gone: what its window grew by is free again."""
        self._budget.give(stream.window - INITIAL_WINDOW)

    def _grant(self, stream: Stream, size: int) -> None:
        stream.granted += size
        flags, stream.flags = stream.flags, 0
        self._outbox.control(Kind.WINDOW_UPDATE, flags, stream.id, size)

    def _grow(self, stream: Stream) -> None:
        """Double the window as far as limits and budget permit."""
        size = min(stream.window, self._limit - stream.window)
        if size > 0 and self._budget.take(size):
            stream.window += size
            self._grant(stream, size)
