"""Long lists of ids that a peer holds too, taken in pieces, so that whoever resolves a name meanwhile hardly waits.

Invariant: between two pieces everybody else has a turn, of several lists one is walked at a time, and a long one only
now and then, since peers say each minute that they hold everything. It changes only when what was heard of.
"""

from collections.abc import Sequence

import trio

from beam_actors.naming.ledger import Ledger
from beam_actors.naming.limits import MINUTE
from beam_actors.ports import Clock

_PIECE = 128
"""Ids between two turns of everybody else: a millisecond or two."""
_KEEP_CONFIRMED = 256
"""How many claims of one peer's list are written because of it: the rest is, when the next list confirms it."""
_LONG = 1024
"""Ids; a registry that is full would cost half a second of each minute and peer."""
_PAUSE = 10 * MINUTE
"""Seconds in which a long list is passed over after one that was no shorter; a ttl is an hour unless it is said."""


class Confirmer:
    """Walks lists for the actor that holds the ledger."""

    __slots__ = ("_clock", "_ledger", "_longest", "_turn", "_until")

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._turn = trio.Lock()
        self._longest, self._until = 0, 0.0  # lists up to this length are passed over until then

    async def confirm(self, ids: Sequence[bytes]) -> None:
        """What a peer holds too was heard of again."""
        now = self._clock.monotonic()
        if len(ids) > _LONG:
            if len(ids) <= self._longest and now < self._until:
                return
            self._longest, self._until = len(ids), now + _PAUSE
        async with self._turn:
            left = _KEEP_CONFIRMED
            for start in range(0, len(ids), _PIECE):
                if not self._ledger.refuses:
                    left -= self._ledger.known.confirm(ids[start : start + _PIECE], self._clock.wall(), most=left)
                await trio.lowlevel.checkpoint()
            if not self._ledger.refuses:
                self._ledger.commit()

    def __repr__(self) -> str:
        return f"<Confirmer, {'at work' if self._turn.locked() else 'idle'}>"
