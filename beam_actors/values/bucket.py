"""A token bucket, for what may come at a rate. Pure: the time is an argument (seconds, never going back)."""


class Bucket:
    """`rate` tokens a second, at most `burst` at once. Debt is allowed and paid by waiting, so nothing is lost."""

    __slots__ = ("_burst", "_level", "_rate", "_then")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._level = burst
        self._then = now

    def has_one(self, now: float) -> bool:
        """Whether `try_take` would get a token."""
        self.take(0, now)
        return self._level >= 1

    def is_full(self, now: float) -> bool:
        """Whether all of the burst is there."""
        self.take(0, now)
        return self._level >= self._burst

    def try_take(self, now: float) -> bool:
        """Take one token if there is one; whether there was. Never makes debt."""
        if not self.has_one(now):
            return False
        self._level -= 1
        return True

    def take(self, count: float, now: float) -> float:
        """Take `count` tokens; how many seconds to wait before going on (0 while there is no debt)."""
        self._level = min(self._burst, self._level + (now - self._then) * self._rate) - count
        self._then = now
        return max(0.0, -self._level / self._rate)

    def charge(self, count: float, now: float) -> None:
        """Take `count` tokens, as far as no more than all of the burst is owed by that."""
        self.take(0, now)
        self._level = max(self._level - count, min(self._level, -self._burst))

    def __repr__(self) -> str:
        return f"Bucket({self._level:.1f} of {self._burst:g} at {self._then:g})"
