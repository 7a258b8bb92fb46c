"""Counting what a peer may do so often in a period (pure), and no oftener."""


class Tally:
    """At most `most` in a period of `period` seconds, which begins with the first after the one before is over."""

    __slots__ = ("_count", "_most", "_period", "_since")

    def __init__(self, most: int, period: float) -> None:
        self._most = most
        self._period = period
        self._count = 0
        self._since: float | None = None

    def __repr__(self) -> str:
        return f"Tally({self._count} of {self._most} in {self._period:g} s)"

    def one_more(self, now: float) -> bool:
        """Count one; whether that is within the bound."""
        if self._since is None or now - self._since > self._period:
            self._count, self._since = 0, now
        self._count += 1
        return self._count <= self._most
