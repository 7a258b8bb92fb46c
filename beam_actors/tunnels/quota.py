"""How many requests are under way, in all and of each peer (pure).

Invariant: never more than the two bounds, and what was taken once is given back once. A peer that has nothing under way
costs no memory.
"""

from beam_actors.values import PeerId


class Quota:
    """Places for requests. `take` before the work, `give` when it is done, however it ended."""

    def __init__(self, *, total: int, per_peer: int) -> None:
        self._total = total
        self._per_peer = per_peer
        self._taken = 0
        self._of: dict[PeerId, int] = {}

    def __repr__(self) -> str:
        return f"Quota({self._taken} of {self._total}, by {len(self._of)} peers)"

    def __len__(self) -> int:
        return self._taken

    def take(self, peer: PeerId) -> bool:
        """Take a place for the peer; False when it has all that it may have, or all are taken."""
        has = self._of.get(peer, 0)
        if self._taken >= self._total or has >= self._per_peer:
            return False
        self._taken += 1
        self._of[peer] = has + 1
        return True

    def give(self, peer: PeerId) -> None:
        """Give a place of the peer back."""
        self._taken -= 1
        left = self._of.pop(peer) - 1
        if left:
            self._of[peer] = left
