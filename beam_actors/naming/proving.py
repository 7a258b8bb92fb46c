"""Finding out what the work of claims is worth: off the loop, one claim at a time, peers in turn.

Invariant: one claim's work is computed at any time, and each peer that waits has one of its claims looked at before any
has a second, so a peer that brings many delays another one by milliseconds. What waits is bounded in all and for each
peer; one more is refused and comes again. The first bad solution ends a check, and what was computed is remembered,
good or bad. Where a network asks for no work nothing here is ever called.
"""

from collections import Counter
from collections.abc import Sequence

from beam_actors.errors import ResourceExhausted
from beam_actors.naming.claim import Claim
from beam_actors.naming.limits import Limits
from beam_actors.naming.turn import Turn
from beam_actors.naming.work import Levels
from beam_actors.ports import Compute
from beam_actors.values import PeerId

Source = tuple[PeerId | None, bool]
"""Who brought it, and whether it was asked for: an answer doesn't wait for what else its peer pushes."""


class Proving:
    """The queue of one node; what is found goes to `levels`."""

    def __init__(self, levels: Levels, compute: Compute, limits: Limits) -> None:
        self.levels = levels
        self._compute = compute
        self._limits = limits
        self._turn = Turn()
        self._turns: dict[Source, Turn] = {}
        self._waiting: Counter[Source] = Counter()

    def __repr__(self) -> str:
        return f"<Proving, {self._waiting.total()} messages of {len(self._waiting)} peers wait>"

    async def prove(self, claims: Sequence[Claim], source: Source) -> list[Claim]:
        """The same claims, of all of whose work the level is known.

        Raises:
            ResourceExhausted: too much waits already.
        """
        self._admit(source)
        try:
            async with self._turns.setdefault(source, Turn()):
                return [claim.proved(await self._prove(claim)) for claim in claims]
        finally:
            self._waiting[source] -= 1
            if not self._waiting[source]:
                del self._waiting[source], self._turns[source]

    def _admit(self, source: Source) -> None:
        """A peer may have one message waiting in any case, and more only as long as there is room for all."""
        mine = self._waiting[source]
        if mine and (mine >= self._limits.proofs_per_peer or self._waiting.total() >= self._limits.proofs):
            raise ResourceExhausted("This node is busy checking the work of claims; tell it again later.")
        self._waiting[source] += 1

    async def _prove(self, claim: Claim) -> int:
        async with self._turn:
            level = self.levels.of(claim)  # another peer may have brought it meanwhile
            if level is None:
                level = await self._compute.run(self.levels.compute, claim)
                self.levels.remember(claim, level)
            return level
