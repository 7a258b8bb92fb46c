"""How long to wait before dialling again: doubling, capped, and with jitter (pure).

Full jitter on the upper half keeps peers that lost the same network at the same time from dialling in step, and the
lower half keeps the delay from being nearly zero after many failures.
"""

import attrs

MAX_EXPONENT = 16


@attrs.frozen(slots=True)
class DialBackoff:
    """Delays in seconds: about `first`, then twice the one before, never above `most`, nor, while alone, `alone`."""

    first: float
    most: float
    alone: float

    def delay(self, failures: int, uniform: float) -> float:
        """The delay after `failures` dials in a row failed (at least 1); `uniform` is in [0, 1)."""
        exponent = min(max(failures, 1) - 1, MAX_EXPONENT)
        ceiling = min(self.most, self.first * 2.0**exponent)
        return ceiling / 2 + ceiling / 2 * uniform

    def part(self, rest: float, uniform: float) -> float:
        """How long of the `rest` to wait before it is looked at whether this node is alone."""
        return min(rest, self.alone / 2 + self.alone / 2 * uniform)
