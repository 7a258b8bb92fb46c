"""What peers may have this node do about names: so much each, so much all together, and each in its turn.

Invariant: one peer has one thing done at a time, however many streams it opens; what it owes it has waited for before
anything is done. Above the peers' own buckets stands one for all, which serves whoever waits in slices, in turn: a
peer that asks for much delays another one by a slice, and many peers by as many. It counts claims, and knows neither
streams nor messages, nor which peers are wanted.
"""

from collections.abc import Callable

import trio

from beam_actors.ports import Clock
from beam_actors.values import Bucket

Check = Callable[[], None]
"""Raises when it is in vain to wait any longer; asked once a second at least."""

_SLICE = 48.0
"""What one peer takes of the common bucket in one turn: the claims of one message."""
_LOOK = 1.0


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


class Commons:
    """The bucket of all peers."""

    __slots__ = ("_bucket", "_clock", "_turn")

    def __init__(self, rate: float, burst: float, clock: Clock) -> None:
        """`rate` claims a second from all, `burst` at once after a silence."""
        self._bucket = Bucket(rate, burst, clock.monotonic())
        self._clock = clock
        self._turn = Turn()

    async def pay(self, count: float, check: Check) -> None:
        """Wait until all peers together may do so much more."""
        while count > 0:
            async with self._turn:
                check()
                await wait(self._bucket.take(min(count, _SLICE), self._clock.monotonic()), check)
            count -= _SLICE

    def __repr__(self) -> str:
        return f"Commons({self._bucket!r})"


class Allowance:
    """The bucket of one peer, below that of all."""

    __slots__ = ("_bucket", "_clock", "_commons", "_turn")

    def __init__(self, rate: float, burst: float, commons: Commons, clock: Clock) -> None:
        """`rate` claims a second from this peer, `burst` at once after a silence."""
        self._bucket = Bucket(rate, burst, clock.monotonic())
        self._commons = commons
        self._clock = clock
        self._turn = Turn()

    async def pay(self, count: float, check: Check) -> None:
        """Wait until the peer may do so much more; what `check` raises ends the wait."""
        async with self._turn:
            check()
            await wait(self._bucket.take(count, self._clock.monotonic()), check)
            await self._commons.pay(count, check)

    def charge(self, count: float) -> None:
        """Owe so much more: whatever the peer does next waits for it, over whichever stream."""
        self._bucket.take(count, self._clock.monotonic())

    async def settle(self) -> None:
        """Wait until nothing of the peer waits: before its next message is read."""
        async with self._turn:
            pass

    def __repr__(self) -> str:
        return f"Allowance({self._bucket!r})"


async def wait(seconds: float, check: Check) -> None:
    """Sleep, unless it is in vain."""
    while seconds > 0:
        await trio.sleep(min(seconds, _LOOK))
        check()
        seconds -= _LOOK
