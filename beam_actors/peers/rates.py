"""How fast connections of one source may come (pure): a token bucket for each source (see `places`).

A handshake costs the one who accepts it more than the one who asks for it. Invariants: a source gets at most `burst`
at once and `per_second` in the long run, whatever others do; at most `sources` are remembered, those that came last.
"""

from collections import OrderedDict


class Rates:
    """What each source has used up; one that came long ago, or never, may have all of `burst`."""

    def __init__(self, *, per_second: float, burst: int, sources: int) -> None:
        self._per_second = per_second
        self._burst = burst
        self._sources = sources
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """Tokens of each source and when that was counted, in seconds; the one that came longest ago is first."""

    def __len__(self) -> int:
        return len(self._left)

    def __repr__(self) -> str:
        return f"Rates({len(self)} sources, {self._per_second:g} a second)"

    def may(self, source: str, now: float) -> bool:
        """Whether one more may come now."""
        return self._count(source, now) >= 1

    def spend(self, source: str, now: float) -> bool:
        """Whether one more may come now; it has used up nothing if not."""
        left = self._count(source, now)
        may = left >= 1
        self._left[source] = (left - 1 if may else left, now)
        self._left.move_to_end(source)
        if len(self._left) > self._sources:
            self._left.popitem(last=False)
        return may

    def _count(self, source: str, now: float) -> float:
        burst = float(self._burst)
        left, then = self._left.get(source, (burst, now))
        return min(burst, left + (now - then) * self._per_second)
