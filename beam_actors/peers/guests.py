"""The guests (pure): peers that have an actor only because they came, not because this node went to them.

A key costs nothing, so guests are bounded in all and per source (see `places`), and what is left of the actors is for
the peers that this node itself wants. Invariants: at most `total` guests are admitted, and at most `per_source` of one
source; a peer that this node wants is no guest. It doesn't know who is connected; whose actor ends must be discarded.
"""

from beam_actors.errors import ResourceExhausted
from beam_actors.values import PeerId


class Guests:
    """Who is a guest now, and from where; None for one that is visited, or found."""

    def __init__(self, *, total: int, per_source: int) -> None:
        self._total = total
        self._per_source = per_source
        self._sources: dict[PeerId, str | None] = {}

    def __len__(self) -> int:
        return len(self._sources)

    def __contains__(self, peer: object) -> bool:
        return peer in self._sources

    def __repr__(self) -> str:
        return f"Guests({len(self)} of {self._total})"

    def admit(self, peer: PeerId, source: str | None) -> None:
        """Take a newcomer in; raise `ResourceExhausted` when there is no place for it. Who is visited has no source."""
        if peer in self._sources:
            return
        if len(self) >= self._total:
            raise ResourceExhausted(f"This node has {self._total} guests already.")
        if source is not None and sum(other == source for other in self._sources.values()) >= self._per_source:
            raise ResourceExhausted(f"{source} has {self._per_source} guests already.")
        self._sources[peer] = source

    def found(self, peer: PeerId) -> None:
        """A peer has an actor already, and nobody knows why: it counts in all, and for no source."""
        self._sources.setdefault(peer, None)

    def discard(self, peer: PeerId) -> None:
        """The peer's actor ended, or this node wants the peer now."""
        self._sources.pop(peer, None)

    def clear(self) -> None:
        """All actors ended."""
        self._sources.clear()
