"""The clock port on the operating system's clocks."""

import time


class SystemClock:
    """Wall time may jump with the machine's clock; monotonic time counts from boot or thereabouts."""

    def wall(self) -> float:
        """See `ports.Clock`."""
        return time.time()

    monotonic = staticmethod(time.monotonic)
    """See `ports.Clock`. The pump asks some five times for each packet, so nothing lies between."""
