"""The claims that are here beyond the bound on all claims (pure): kept for the network, or sought a moment ago.

A node that is full still keeps what stands near it in the DHT, and what somebody here asked for: else nobody could keep
or use a name once all nodes are full. Invariants: of each kind there are at most so many; of those that are kept for
the network the farthest gives way to a nearer one, so that whoever fills this node must make names that are near it; of
those that were sought, the one sought first. Whoever is in here because of both counts as kept.
"""

import enum
from collections import OrderedDict

from beam_actors.naming.entry import Key


class Lodging(enum.Enum):
    """Why a claim is taken in although the node is full."""

    KEPT = "kept"
    """This node is one of those nearest to the name's key, and was asked to keep it."""
    DEPOSITED = "deposited"
    """The same for the key of `name.<owner>` (`deposits`)."""
    SOUGHT = "sought"
    """Somebody here asks for the name."""


class Nearest:
    """The holds of those given that are nearest to a place, at most so many: of more the farthest gives way."""

    __slots__ = ("_distances", "_most", "_place")

    def __init__(self, place: bytes, most: int) -> None:
        self._place = int.from_bytes(place, "big")
        self._distances: dict[Key, int] = {}
        self._most = most

    def __len__(self) -> int:
        return len(self._distances)

    def __contains__(self, key: Key) -> bool:
        return key in self._distances

    def __repr__(self) -> str:
        return f"<Nearest: {len(self)} of {self._most}>"

    def has_room(self, at: bytes) -> bool:
        """Whether one more that stands at `at` may come, if need be for another."""
        if len(self._distances) < self._most:
            return True
        return self.distance(at) < max(self._distances.values(), default=0)

    def add(self, key: Key, at: bytes) -> Key | None:
        """Take one in; which one must give way for it, perhaps itself."""
        self._distances[key] = self.distance(at)
        if len(self._distances) <= self._most:
            return None
        farthest = max(self._distances, key=lambda one: (self._distances[one], one))
        del self._distances[farthest]
        return farthest

    def discard(self, key: Key) -> None:
        """It is gone."""
        self._distances.pop(key, None)

    def distance(self, at: bytes) -> int:
        """How far this is from the place."""
        return int.from_bytes(at, "big") ^ self._place


class Lodgers:
    """Who lodges here: names and owners whose claims are beyond the bound."""

    __slots__ = ("_kept", "_sought", "_sought_most")

    def __init__(self, place: bytes, *, kept: int, sought: int) -> None:
        """`place` is where this node stands among the names' keys; the rest is how many of each there may be."""
        self._kept = Nearest(place, kept)
        self._sought: OrderedDict[Key, None] = OrderedDict()
        self._sought_most = sought

    def __len__(self) -> int:
        return len(self._kept) + len(self._sought)

    def __contains__(self, key: Key) -> bool:
        return key in self._kept or key in self._sought

    def __repr__(self) -> str:
        return f"Lodgers({len(self._kept)} kept, {len(self._sought)} sought)"

    def has_room(self, at: bytes, lodging: Lodging) -> bool:
        """Whether one more whose name stands at `at` may come, if need be for another."""
        if lodging is Lodging.SOUGHT:
            return self._sought_most > 0
        return self._kept.has_room(at)

    def add(self, key: Key, at: bytes, lodging: Lodging) -> Key | None:
        """Take one in; whoever must give way for it, which may be the one itself."""
        if lodging is Lodging.SOUGHT:
            if key not in self._kept:
                self._sought[key] = None
                self._sought.move_to_end(key)
            return self._sought.popitem(last=False)[0] if len(self._sought) > self._sought_most else None
        self._sought.pop(key, None)
        return self._kept.add(key, at)

    def discard(self, key: Key) -> None:
        """It is gone."""
        self._kept.discard(key)
        self._sought.pop(key, None)
