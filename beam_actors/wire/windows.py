"""Receive windows: when the peer may send again, and how much more than before.

Rules:
- The window is granted again when half of it was taken by the application.
- A window doubles when it is the bottleneck, which needs no clock to see: the peer had used up three quarters of it
  and yet the application took nearly all, or half of it arrived while a ping travelled there and back. A slow
  application keeps its window, and so does a session whose budget is spent.
- No window doubles while round trips take much longer than the path does: what is under way waits in a queue then, and
  more of it would only keep small things waiting behind it. That needs a clock (`timed_by`). How long the path takes is
  what a round trip took after a quiet second, or the shortest since; a longer one is believed little by little, since
  paths change.

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
"""Seconds by which a round trip may exceed twice what the path takes: a busy machine answers late."""
_QUIET: Final = 1.0
"""Seconds without a byte after which nothing can wait in a queue."""
_FORGET: Final = 60.0
"""Seconds in which a longer round trip is believed to be the path's."""


class Windows:
    """The receive windows of one session's streams; one probe at a time is under way.

    Args:
        limit: the largest window, in bytes.
        budget: what growth is taken from.
        outbox: takes window updates and probes.
    """

    __slots__ = (
        "_asked", "_budget", "_clock", "_fresh", "_learnt_at", "_limit", "_moved_at", "_outbox", "_path", "_probe",
        "_probed", "_queued",
    )  # fmt: skip

    def __init__(self, limit: int, budget: WindowBudget, outbox: Outbox) -> None:
        self._limit = limit
        self._budget = budget
        self._outbox = outbox
        self._probed: tuple[Stream, int] | None = None
        self._probe = PROBE
        self._clock: Callable[[], float] | None = None
        self._asked = (0.0, False)  # when the probe left, and whether it was the first after a quiet second
        self._moved_at = self._learnt_at = -inf
        self._fresh = False
        self._path = inf  # seconds
        self._queued = False

    def timed_by(self, clock: Callable[[], float]) -> None:
        """Measure round trips with this clock, in seconds from any beginning."""
        self._clock = clock

    def measured(self, seconds: float) -> None:
        """A round trip of a ping of somebody else's took so long; nothing without a clock."""
        if self._clock is not None:
            now = self._clock()
            self._learn(seconds, now, fresh=now - seconds - self._moved_at >= _QUIET)

    def _learn(self, seconds: float, now: float, *, fresh: bool) -> None:
        if fresh or seconds <= self._path:
            self._path = seconds
        else:
            self._path += (seconds - self._path) * min(1.0, (now - self._learnt_at) / _FORGET)
        self._learnt_at = now
        self._queued = seconds > 2 * self._path + _SLACK

    def consumed(self, stream: Stream, size: int) -> None:
        """The application took `size` bytes; raise `LocalProtocolError` for more than it holds."""
        if not 0 <= size <= stream.held:
            raise LocalProtocolError(f"Stream {stream.id} holds {stream.held} bytes; {size} cannot be taken.")
        stream.taken += size
        if self._clock is not None:
            now = self._clock()
            self._fresh = self._fresh or now - self._moved_at >= _QUIET
            self._moved_at = now
        if stream.life is Life.GOT_ALL:
            return
        if stream.taken * 2 >= stream.window:
            stream.used_up = stream.used_up or stream.granted * 4 <= stream.window
            size, stream.taken = stream.taken, 0
            self._grant(stream, size)
            if self._probed is None and stream.window < self._limit:
                self._probed = stream, stream.received
                self._outbox.control(Kind.PING, Flag.SYN, 0, self._probe)
                self._asked, self._fresh = (self._moved_at, self._fresh), False
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
            now, (asked_at, fresh) = self._clock(), self._asked
            self._learn(now - asked_at, now, fresh=fresh)
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
