"""Long lists of ids against all that is known here, in pieces, so that whoever resolves a name meanwhile hardly waits.

Invariant: between two pieces everybody else has a turn, and of several lists one is walked at a time. What changes
meanwhile is news, which is pushed anyway; a claim that went is no loss. It changes only when what was heard of.
"""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import trio

from beam_actors.naming.ledger import Ledger
from beam_actors.ports import Clock

T = TypeVar("T")
_PIECE = 128
"""Ids between two turns of everybody else: a millisecond or two."""
_KEEP_CONFIRMED = 256
"""How many claims of one peer's list are written because of it: the rest is, when the next list confirms it."""


class Comparer:
    """Walks lists for the actor that holds the ledger."""

    __slots__ = ("_clock", "_ledger", "_turn")

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._turn = trio.Lock()

    async def compare(self, ids: Sequence[bytes]) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
        """The ids that are missing here, and the encoded claims that are missing there; `StorageError` as the ledger.

        What both hold was heard of again.
        """
        async with self._turn:
            missing = await self._confirm(ids)
            theirs = frozenset(ids)
            lacking: list[bytes] = []
            for some in _pieces(tuple(self._ledger.known.registry)):
                lacking += [claim.encoded for claim in some if claim.id not in theirs]
                await trio.lowlevel.checkpoint()
        self._ledger.check_durable()
        return tuple(missing), tuple(lacking)

    async def confirm(self, ids: Sequence[bytes]) -> None:
        """What a peer holds too was heard of again."""
        async with self._turn:
            await self._confirm(ids)

    async def _confirm(self, ids: Sequence[bytes]) -> list[bytes]:
        """Those that are not here."""
        left, missing = _KEEP_CONFIRMED, []
        for some in _pieces(ids):
            if not self._ledger.refuses:
                left -= self._ledger.known.confirm(some, self._clock.wall(), most=left)
            missing += [one for one in some if one not in self._ledger.known.registry]
            await trio.lowlevel.checkpoint()
        if not self._ledger.refuses:
            self._ledger.commit()
        return missing

    def __repr__(self) -> str:
        return f"<Comparer, {'at work' if self._turn.locked() else 'idle'}>"


def _pieces(values: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), _PIECE):
        yield values[start : start + _PIECE]
