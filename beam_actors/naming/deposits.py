"""The holds that are kept here for the network whatever others claim: each under a key of its own in the DHT (pure).

A name's key leads to whoever ranks highest for the name (`quota`), and who has the work done can crowd its holder out
there. What `name.<owner>` means is nobody else's business, so it has its own key, and near that it is kept beside the
quotas. Invariant: there are at most so many, each deposited by somebody and here since, and of more the
farthest gives way, as of more than `OF_ONE_NAME` of one name: whoever would drive one out of all nodes near it must
make keys that are nearer to each of them.
"""

from beam_actors.naming.entry import Key
from beam_actors.naming.lodgers import Nearest
from beam_actors.naming.quota import OF_ONE_NAME
from beam_actors.naming.ranges import hold_key


class Deposits:
    """The names and owners whose claims were deposited here."""

    __slots__ = ("_keys", "_nearest", "_network", "_touched")

    def __init__(self, network: str, place: bytes, most: int) -> None:
        """`place` is where this node stands among the keys."""
        self._network = network
        self._nearest = Nearest(place, most)
        self._keys: dict[bytes, Key] = {}
        self._touched: dict[Key, None] = {}

    def __len__(self) -> int:
        return len(self._nearest)

    def __contains__(self, key: Key) -> bool:
        return key in self._nearest

    def __repr__(self) -> str:
        return f"<Deposits: {len(self)}>"

    def under(self, at: bytes) -> Key | None:
        """Whose hold on what name was deposited under this key of the DHT."""
        return self._keys.get(at)

    def has_room(self, key: Key) -> bool:
        """Whether one more may come, if need be for another."""
        if key in self._nearest:
            return True
        rivals = self._rivals(key)
        if len(rivals) >= OF_ONE_NAME:
            return self._distance(key) < self._distance(rivals[-1])
        return self._nearest.has_room(self._at(key))

    def add(self, key: Key) -> Key | None:
        """Keep it from now on; which one is kept no longer, perhaps this one itself."""
        at = self._at(key)
        if key not in self._nearest:
            self._touched[key] = None
        self._keys[at] = key
        gone = self._nearest.add(key, at)
        if gone is None and len(rivals := self._rivals(key)) > OF_ONE_NAME:
            gone = rivals[-1]
            self._nearest.discard(gone)
        if gone is not None:
            del self._keys[self._at(gone)]
            self._touched[gone] = None
        return gone

    def load(self, key: Key) -> None:
        """Take back what the store holds."""
        self.add(key)
        if key in self:
            del self._touched[key]

    def touched(self) -> list[Key]:
        """Those that came or went since the last call, for the store."""
        touched, self._touched = list(self._touched), {}
        return touched

    def _rivals(self, key: Key) -> list[Key]:
        """Those of the same name, the nearest first."""
        return sorted((one for one in self._keys.values() if one[0] == key[0]), key=self._distance)

    def _distance(self, key: Key) -> int:
        return self._nearest.distance(self._at(key))

    def discard(self, key: Key) -> None:
        """It is gone."""
        if key in self._nearest:
            self._nearest.discard(key)
            del self._keys[self._at(key)]
            self._touched[key] = None

    def _at(self, key: Key) -> bytes:
        return hold_key(self._network, *key)
