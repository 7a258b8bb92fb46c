"""One at a time, in turn: a lock that costs nothing while nobody waits for it.

Invariant: whoever waits gets it in the order in which they came, and who gave up, or was cancelled, is in nobody's
way. It knows nothing of what is done meanwhile.
"""

import trio


class Turn:
    """One at a time, in the order in which they came; at once, without a checkpoint, if it is nobody's.

    A `trio.Lock` yields each time, and each peer has two of these that nobody ever waits for: three objects less.
    """

    __slots__ = ("_taken", "_waiting")

    def __init__(self) -> None:
        self._taken = False
        self._waiting: trio.lowlevel.ParkingLot | None = None

    async def __aenter__(self) -> None:
        if self._taken:
            if self._waiting is None:
                self._waiting = trio.lowlevel.ParkingLot()
            await self._waiting.park()  # whoever had it hands it over, so that nobody comes between
        self._taken = True

    async def __aexit__(self, *_error: object) -> None:
        if self._waiting:
            self._waiting.unpark()
        else:
            self._taken = False
            self._waiting = None

    def __repr__(self) -> str:
        return f"Turn({'taken' if self._taken else 'free'}, {len(self._waiting or ())} wait)"
