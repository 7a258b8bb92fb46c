"""Doing the work for own names: off the loop, in slices of milliseconds, with what was found kept until it is claimed.

Invariant: of all own names one slice is computed at a time, each name in its turn, so that the work takes one core at
most and checking others' claims hardly waits for it. A slice that is cancelled is lost alone: whoever asks for the same
name again goes on from there. What is known of a name's work already is used, and at most improved.
"""

from collections.abc import Iterable

import attrs

from beam_actors.naming.claim import Claim
from beam_actors.naming.turn import Turn
from beam_actors.naming.work import SOLUTIONS, Levels, Search, salt_of
from beam_actors.ports import Compute
from beam_actors.values import Name, OwnerId

_TRIES = 64
"""Argon2id's in one slice: fifteen milliseconds at the public difficulty."""


_WORK = 100.0
"""Seconds: a small board takes twenty in a bad case, and several names have their turns."""
_NO_WORK = 10.0


@attrs.frozen(slots=True)
class Proof:
    """Work that is known to be good."""

    work: bytes
    level: int


NOTHING = Proof(b"", 0)
"""What a network that asks for no work is shown."""


class Solver:
    """Of one node and its owner."""

    def __init__(self, network: str, owner: OwnerId, levels: Levels, compute: Compute) -> None:
        self._network = network
        self._owner = owner
        self._levels = levels
        self._compute = compute
        self._turn = Turn()
        self._under_way: dict[Name, Search] = {}

    def __repr__(self) -> str:
        return f"<Solver, {len(self._under_way)} names>"

    @property
    def bits(self) -> int:
        """The level that the network asks for."""
        return self._levels.difficulty.bits

    @property
    def patience(self) -> float:
        """Seconds for whoever waits until a name is claimed."""
        return _WORK if self.bits else _NO_WORK

    def proof(self, name: Name, claims: Iterable[Claim], level: int = 0) -> Proof | None:
        """What to show for the name: the best that earlier claims show or that was found; None if it is too little.

        `level` is what is wanted, if that is more than the network asks for.
        """
        if not self.bits:
            return NOTHING
        best = self._best(name, claims)
        return best if best.level >= max(level, self.bits) else None

    def _best(self, name: Name, claims: Iterable[Claim]) -> Proof:
        known = [Proof(claim.work, claim.level or 0) for claim in claims]
        search = self._under_way.get(name)
        if search is not None and search.done:
            known.append(Proof(search.found, search.least))
        return max(known, key=lambda proof: proof.level, default=NOTHING)

    async def solve(self, name: Name, claims: Iterable[Claim], level: int = 0) -> None:
        """Return when `proof` has enough, or when less is wanted or nothing, so that the caller must look again.

        The claims are those that are known of the owner for the name.
        """
        search = self._under_way.get(name)
        if search is None or (search.done and search.least < max(level, self.bits)):
            best = self._best(name, claims)
            salt = salt_of(self._network, name, self._owner)
            search = Search.begin(salt, self._levels.difficulty, level=level, known=best.work if best.level else b"")
            self._under_way[name] = search
        while not search.done:
            async with self._turn:
                current = self._under_way.get(name)  # several may wait for the same one
                if current is None or current.target != search.target:
                    return
                search = await self._compute.run(current.step, _TRIES)
                if self._under_way.get(name) is not current:
                    return
                self._under_way[name] = search

    def lower(self, name: Name, level: int) -> None:
        """No more than this level is wanted for the name any more, or what the network asks for."""
        search, target = self._under_way.get(name), max(level, self.bits)
        if search is not None and not search.done and search.target > target:
            self._under_way[name] = attrs.evolve(search, target=target)  # what was found is good for that, too

    def progress(self, name: Name) -> float:
        """How much of the work for the name is done, from 0 to 1."""
        search = self._under_way.get(name)
        return search.solved / SOLUTIONS if search else 0.0

    def forget(self, name: Name) -> None:
        """What was found stands in a claim now, or the name is held no longer."""
        self._under_way.pop(name, None)
