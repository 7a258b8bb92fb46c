"""What peers say they have and this node lacks: of whom it is asked, and when of the next.

Invariant: a claim is asked of the peer that named it first, at once, and of each other a while after the one before,
for as long as it is not taken in: so it comes once, and a peer that names what it does not give delays it by that
while, once. What was taken in lately is asked of nobody. The book is bounded, and so is each peer's part of it. It
reads no clock and knows neither streams nor claims, only their ids: `spread` asks.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterable
from math import inf

import attrs

from beam_actors.values import PeerId

_PEERS = 8
"""Peers that are remembered for one claim: after them an exchange brings it. Also, a peer's part is one in so many."""


@attrs.define(slots=True, eq=False)
class _Named:
    """One claim."""

    peers: list[PeerId] = attrs.field(factory=list)
    owing: list[PeerId] = attrs.field(factory=list)
    """Those of them that have not given it."""
    turn: float = 0.0
    """When the next peer may be asked; never, once it was taken in."""


class Hearsay:
    """The claims that peers named lately, and those that were taken in lately."""

    __slots__ = ("_named", "_owed", "_patience", "_room", "_wanted", "passed_over")

    def __init__(self, room: int, patience: float) -> None:
        """`room` claims; `patience` in seconds of the caller's clock."""
        self._room = room
        self._patience = patience
        self._named: OrderedDict[bytes, _Named] = OrderedDict()
        self._owed: Counter[PeerId] = Counter()
        """How many claims each peer has named that it did not give, nor anybody else one that was taken in."""
        self._wanted: dict[PeerId, dict[bytes, float]] = {}
        self.passed_over = False
        """Whether the last peer that `said` something has a claim for which it will not be asked."""

    def unsettled(self, ids: Iterable[bytes]) -> tuple[bytes, ...]:
        """Those of them that were not taken in lately."""
        return tuple(one for one in ids if (named := self._named.get(one)) is None or named.turn < inf)

    def said(self, peer: PeerId, ids: Iterable[bytes], now: float) -> bool:
        """The peer has these, and this node does not; whether there was room for all.

        Of a claim that many have already said to have, one more is not asked; it is `passed_over`.
        """
        self.passed_over = False
        for one in ids:
            if self._owed[peer] * _PEERS >= self._room:
                return False
            named = self._name(one)
            if named.turn < inf and len(named.peers) >= _PEERS and peer not in named.peers:
                self.passed_over = True
            elif named.turn < inf and peer not in named.peers:
                named.peers.append(peer)
                named.owing.append(peer)
                self._owed[peer] += 1
                when = max(named.turn, now)
                named.turn = when + self._patience
                self._wanted.setdefault(peer, {})[one] = when
        return True

    def gave(self, peer: PeerId, ids: Iterable[bytes]) -> None:
        """The peer sent these, taken in or not: it is not asked again, and owes them no longer."""
        for one in ids:
            named = self._named.get(one)
            if named is not None and peer in named.owing:
                named.owing.remove(peer)
                self._settle(peer, one)

    def came(self, ids: Iterable[bytes]) -> None:
        """These were taken in."""
        for one in ids:
            named = self._name(one)
            self._forget(one, named)
            named.turn = inf

    def due(self, peer: PeerId) -> float:
        """When the peer is to be asked for something; never, if it has nothing that is wanted."""
        return min(self._wanted.get(peer, {}).values(), default=inf)

    def take(self, peer: PeerId, now: float, most: int) -> tuple[bytes, ...]:
        """What the peer is to be asked for now."""
        taken = tuple(one for one, when in self._wanted.get(peer, {}).items() if when <= now)[:most]
        for one in taken:
            self._drop(peer, one)
        return taken

    def gone(self, peer: PeerId) -> None:
        """The peer can't be asked any more."""
        self._wanted.pop(peer, None)

    def _name(self, one: bytes) -> _Named:
        named = self._named.get(one)
        if named is None:
            named = self._named[one] = _Named()
            if len(self._named) > self._room:
                self._forget(*self._named.popitem(last=False))
        return named

    def _forget(self, one: bytes, named: _Named) -> None:
        for peer in named.owing:
            self._settle(peer, one)
        named.owing.clear()
        named.peers.clear()

    def _settle(self, peer: PeerId, one: bytes) -> None:
        self._drop(peer, one)
        self._owed[peer] -= 1
        if not self._owed[peer]:
            del self._owed[peer]

    def _drop(self, peer: PeerId, one: bytes) -> None:
        wanted = self._wanted.get(peer)
        if wanted is not None:
            wanted.pop(one, None)
            if not wanted:
                del self._wanted[peer]

    def __len__(self) -> int:
        """How many questions wait for their time."""
        return sum(map(len, self._wanted.values()))

    def __repr__(self) -> str:
        return f"<Hearsay, {len(self)} to ask for>"
