"""The clock port on the operating system's clocks."""

import time


class SystemClock:
    """Wall time may jump with the machine's clock; monotonic time counts from boot or thereabouts."""

    def wall(self) -> float:
        """See `ports.Clock`."""
        return time.time()

    def monotonic(self) -> float:
        """See `ports.Clock`."""
        return time.monotonic()
