"""How many exchanges this node answers at one time, so that those which it answers come to their end.

An opener waits in silence while the answerer pays for what it offered, and gives up after `stream_timeout`. Hence:
first come, first served, and whoever comes when enough are being paid for is told so and comes again later. Invariant:
an exchange has a place only while this node is at work for it; a peer that is slow to offer takes nobody's place.
"""

from collections.abc import Awaitable, Callable

from beam_actors.errors import ResourceExhausted
from beam_actors.naming.allowance import Allowance, Check

Pay = Callable[[float, Check], Awaitable[None]]
"""Waits until so much may be done."""


class Exchanges:
    """Those that are being paid for."""

    __slots__ = ("_paying", "_room")

    def __init__(self, room: int) -> None:
        """`room` exchanges at one time."""
        self._room = room
        self._paying = 0

    def admit(self) -> None:
        """Raise `ResourceExhausted` if no other exchange may begin now."""
        if self._paying >= self._room:
            raise ResourceExhausted("This node is busy comparing claims with other peers; ask again later.")

    async def pay(self, allowance: Allowance, count: float, check: Check) -> None:
        """Pay for a part of an exchange that was admitted."""
        self._paying += 1
        try:
            await allowance.pay(count, check)
        finally:
            self._paying -= 1

    def __repr__(self) -> str:
        return f"<Exchanges {self._paying} of {self._room}>"
