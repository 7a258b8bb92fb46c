"""How fast connections of one source may come, and what else may (pure): a token bucket for each (see `places`).

A handshake costs the one who accepts it more than the one who asks for it. Invariants: a source gets at most `burst`
at once and `per_second` in the long run, whatever others do; at most `sources` are remembered, those that came last.
"""

from collections import OrderedDict

from beam_actors.values import Bucket


class Rates:
    """What each source has used up; one that came long ago, or never, may have all of `burst`."""

    def __init__(self, *, per_second: float, burst: int, sources: int) -> None:
        self._per_second = per_second
        self._burst = burst
        self._sources = sources
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()
        """The one that came longest ago is first."""

    def __len__(self) -> int:
        return len(self._buckets)

    def __repr__(self) -> str:
        return f"Rates({len(self)} sources, {self._per_second:g} a second)"

    def may(self, source: str, now: float) -> bool:
        """Whether one more may come now."""
        bucket = self._buckets.get(source)
        return bucket is None or bucket.has_one(now)

    def spend(self, source: str, now: float) -> bool:
        """Whether one more may come now; it has used up nothing if not."""
        return self._bucket(source, now).try_take(now)

    def charge(self, source: str, count: float, now: float) -> None:
        """The source owes so many more, and nothing of it may come until that is paid by waiting.

        By that it owes no more than the burst in all, or many who come at once would shut a source for hours.
        """
        self._bucket(source, now).charge(count, now)

    def _bucket(self, source: str, now: float) -> Bucket:
        bucket = self._buckets.get(source)
        if bucket is None:
            bucket = self._buckets[source] = Bucket(self._per_second, self._burst, now)
            if len(self._buckets) > self._sources:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(source)
        return bucket
