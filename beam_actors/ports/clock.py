"""The clock port: two readings that are never mixed."""

from typing import Protocol


class Clock(Protocol):
    """Time as a node sees it. Sleeping is trio's business (`trio.sleep`, a mock clock in the simulator)."""

    def wall(self) -> float:
        """Seconds since 1970-01-01 UTC; may jump. For what is signed, stored or shown."""
        ...

    def monotonic(self) -> float:
        """Seconds since an arbitrary start, never going back. For deadlines, ages and rates."""
        ...
