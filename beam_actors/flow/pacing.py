"""Pacing: while somebody waits for small answers, bulk rests a moment every few KiB.

A daemon that moves bulk as fast as it can keeps all processors busy, its own, and those of the programs at both ends: a
small request beside it then waits for the kernel's scheduler at each of its hops. If whoever moves bulk really sleeps
now and then, all of them are woken at once.

Rules:
- A splice is bulk while its larger moves came to more than `bulk_bytes` in this `bulk_seconds`, or in those before.
- Bulk is held while any other splice made a small move within `pace_linger`. What answers bulk (acknowledgements in the
  other direction) belongs to its splice, and so holds nothing up; nor do bulk streams hold each other.
- All that are held share `pace_bytes`, in the order in which they came, and then rest for `pace_seconds`. However many
  make small moves, bulk gets that much; and each splice may move `bulk_bytes` in `bulk_seconds` without being held.

Invariant: while anybody rests, the timer that wakes them is set.
"""

from collections import OrderedDict, deque
from math import inf
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from beam_actors.flow.link import Link
    from beam_actors.flow.pump import Pump


class Resting(Protocol):
    """A direction of bulk that may not go on now."""

    @property
    def source(self) -> "Link":
        """Whose owner answers for its failures."""
        ...

    def resume(self) -> None:
        """Go on; it may come to rest again."""
        ...


class Pacer:
    """Tells bulk when to rest. `rests` counts how often somebody did."""

    __slots__ = ("_bulk_at", "_left", "_pump", "_resting", "_woken_by_timer", "least", "rests", "small")

    def __init__(self, pump: "Pump") -> None:
        self._pump = pump
        self._left = pump.limits.pace_bytes
        self._resting: deque[Resting] = deque()
        self.small: OrderedDict[Pace, float] = OrderedDict()
        """Whose small moves are why bulk is held, and when each made its last one, the latest last. While there are
        none, nobody has to ask."""
        self._woken_by_timer = False
        self._bulk_at = -inf
        self.rests = 0
        self.least = pump.limits.small_move
        """Moves of more bytes than this are to be weighed. Small ones are only while there is bulk, since most of what
        a node does is small and beside nothing: there a call for each move would be a twentieth of the whole."""

    @property
    def is_holding(self) -> bool:
        """Whether bulk is held now."""
        small = self.small
        return bool(small) and small[next(reversed(small))] + self._pump.limits.pace_linger > self._pump.slice_at

    @property
    def resting(self) -> int:
        """How many wait to be resumed."""
        return len(self._resting)

    def note_small(self, pace: "Pace") -> None:
        """It made a small move now."""
        small, now = self.small, self._pump.slice_at
        if now > self._bulk_at + self._pump.limits.pace_linger:
            self.least = self._pump.limits.small_move
            small.clear()
            return
        small[pace] = now
        small.move_to_end(pace)
        stale = now - self._pump.limits.pace_linger
        for _ in range(2):  # one comes, two may go: never more than moved within that time, at no cost of a sweep
            if small[oldest := next(iter(small))] >= stale:
                break
            del small[oldest]

    def note_bulk(self, pace: "Pace") -> None:
        """It is bulk, and moves: its small moves, if any, were the beginning of that."""
        if self.small:
            self.small.pop(pace, None)
        self._bulk_at, self.least = self._pump.slice_at, 0

    def allow(self, size: int, whom: Resting) -> int:
        """How many of `size` bytes it may move now; if none, it is resumed later, and has to ask no more until then."""
        if not self.is_holding:
            self.small.clear()
            return size
        if self._left > 0:
            return min(size, self._left)
        self.rests += 1
        self._resting.append(whom)
        self._wake_later()
        return 0

    def spend(self, size: int) -> None:
        """Bulk moved so many bytes."""
        self._left -= size

    def _wake_later(self) -> None:
        if not self._woken_by_timer:
            self._woken_by_timer = True
            self._pump.call_later(self._pump.limits.pace_seconds, self._wake)

    def _wake(self) -> None:
        self._woken_by_timer = False
        pump, resting = self._pump, self._resting
        self._left = pump.limits.pace_bytes
        if not self.is_holding:
            # All at once, but within the bounds of a slice.
            self._resting = deque()
            for whom in resting:
                pump.call_soon(whom.resume, whom.source)
            return
        # Whoever comes to rest again is behind the others, who have their turn before.
        for _ in range(min(len(resting), pump.limits.slice_callbacks)):
            if self._left <= 0:
                break
            whom = resting.popleft()
            try:
                whom.resume()
            except Exception as error:  # noqa: BLE001  # the link's owner answers for it
                whom.source.crash(error)
        if resting:
            self._wake_later()

    def __repr__(self) -> str:
        state = "holding" if self.is_holding else "idle"
        return f"<Pacer {state}, {len(self._resting)} rest, {self._left} bytes left>"


class Pace:
    """What one splice moved lately, in both directions together."""

    __slots__ = ("_ends", "_pump", "_sum", "_was_bulk", "seems_bulk")

    def __init__(self, pump: "Pump") -> None:
        self._pump = pump
        self._sum = 0
        self._ends = -inf
        self._was_bulk = False
        self.seems_bulk = False
        """Whether it was bulk when that was asked last; a quick answer for what never was."""

    @property
    def is_bulk(self) -> bool:
        """Whether it carries much."""
        if self._pump.slice_at >= self._ends:
            self._begin()
        self.seems_bulk = self._was_bulk or self._sum > self._pump.limits.bulk_bytes
        return self.seems_bulk

    def moved(self, size: int) -> None:
        """It moved so many bytes at once."""
        if size > self._pump.limits.small_move:
            if self._pump.slice_at >= self._ends:
                self._begin()
            self._sum += size
            if self._was_bulk or self._sum > self._pump.limits.bulk_bytes:
                self.seems_bulk = True
                self._pump.pacer.note_bulk(self)
        elif not self.is_bulk:
            self._pump.pacer.note_small(self)

    def _begin(self) -> None:
        limits, now = self._pump.limits, self._pump.slice_at
        self._was_bulk = self._sum > limits.bulk_bytes and now < self._ends + limits.bulk_seconds
        self._sum = 0
        self._ends = now + limits.bulk_seconds

    def __repr__(self) -> str:
        return f"<Pace {'bulk' if self.is_bulk else 'not bulk'}, {self._sum} bytes lately>"
