"""The clock port on trio's own clock, which in a simulated run jumps when all tasks wait (`seeded.JumpClock`).

Invariant: monotonic time is the run's time, the same for all nodes; what differs between nodes, and may be wrong or
jump, is the wall. Knows nothing of the nodes.
"""

from collections.abc import Callable

import trio

EPOCH = 1_800_000_000.0
"""The wall time at which every simulated run begins: 2027-01-15T08:00:00Z."""


class SimClock:
    """One node's clock: its wall is `offset` seconds ahead and gains `drift` seconds a second."""

    def __init__(self, *, offset: float = 0.0, drift: float = 0.0, now: Callable[[], float] | None = None) -> None:
        self._now = trio.lowlevel.current_clock().current_time if now is None else now
        self._start = self._now()
        self._offset = offset
        self._drift = drift

    def wall(self) -> float:
        """See `ports.Clock`."""
        elapsed = self._now() - self._start
        return EPOCH + elapsed + self._offset + elapsed * self._drift

    def monotonic(self) -> float:
        """See `ports.Clock`."""
        return self._now()

    def step(self, seconds: float) -> None:
        """Let the wall jump, forwards or (negative) back, as it does when a machine learns the time."""
        self._offset += seconds

    def __repr__(self) -> str:
        return f"SimClock(wall {self.wall():.3f}, monotonic {self.monotonic():.3f})"
