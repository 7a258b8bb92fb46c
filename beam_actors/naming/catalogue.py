"""All claims here by their ids, and the items under which they are compared with those of other nodes.

Invariant: the items are those of the claims that are here, whatever came and went. They are made when somebody asks for
them the first time, and kept up from then on. What a claim says is no matter.

No id is kept: as bytes it would take 80 of memory, and a claim says its own when it is hashed again. Claims are filed
by a number that takes 32, and those that share one, if any do, are told apart by their ids. The number is Python's
hash, which is keyed anew in each process: nobody can make claims that share one.
"""

from collections.abc import Callable, Iterator
from operator import attrgetter

from beam_actors.naming.claim import Claim, Kind
from beam_actors.naming.ranges import PREFIX, Items, Snapshot, item_of, name_key
from beam_actors.naming.shelf import Shelf

_MASK = (1 << 60) - 1
"""The greatest number for which Python takes 32 bytes; for the next it takes 48."""


def _number(claim_id: bytes) -> int:
    return hash(claim_id) & _MASK


class Catalogue:
    """Claims by id, in the order in which they came."""

    __slots__ = ("_claims", "_count", "_items", "_number")

    def __init__(self, number: Callable[[bytes], int] = _number) -> None:
        """`number` is for tests, which can't find two ids that share one either."""
        self._claims: Shelf[int, bytes, Claim] = Shelf(attrgetter("id"))
        self._number = number
        self._count = 0
        self._items: Items | None = None

    def __getitem__(self, claim_id: bytes) -> Claim:
        claim = self.get(claim_id)
        if claim is None:
            raise KeyError(claim_id)
        return claim

    def add(self, claim: Claim) -> None:
        """It is here from now on, in the place of another one with its id."""
        self._count += self._claims.put(self._number(claim.id), claim)
        if self._items is not None:
            self._items.add(_item(claim))

    def remove(self, claim: Claim) -> None:
        """It is here no longer; raise `KeyError` if it wasn't."""
        claim_id = claim.id
        if self._claims.pop(self._number(claim_id), claim_id) is None:
            raise KeyError(claim_id)
        self._count -= 1
        if self._items is not None:
            self._items.discard(_item(claim))

    def __len__(self) -> int:
        return self._count

    def __contains__(self, claim_id: bytes) -> bool:
        return self.get(claim_id) is not None

    def get(self, claim_id: bytes) -> Claim | None:
        """The claim with this id, if it is here."""
        return self._claims.get(self._number(claim_id), claim_id)

    def values(self) -> Iterator[Claim]:
        """The claims, in the order in which they came; none may come or go before the end of it."""
        return self._claims.values()

    def near(self, key: bytes) -> Iterator[Claim]:
        """The claims whose names stand where this key does, by its first bytes; another name may stand there, too."""
        items, prefix = self.snapshot(), key[:PREFIX]
        start = items.place(prefix)
        for place in range(start, len(items)):
            if not items[place].startswith(prefix):
                break
            yield self[items.id(place)]

    def snapshot(self) -> Snapshot:
        """The items of all claims that are here now."""
        if self._items is None:
            self._items = Items(map(_item, self.values()))
        return self._items.snapshot()


def _item(claim: Claim) -> bytes:
    key = None if claim.kind is Kind.REVOCATION else name_key(claim.network, claim.name)
    return item_of(claim.id, key)
