"""All claims here by their ids, and the items under which they are compared with those of other nodes.

Invariant: the items are those of the claims that are here, whatever came and went. They are made when somebody asks for
them the first time, and kept up from then on. What a claim says is no matter.
"""

from collections.abc import Collection, Iterator

from beam_actors.naming.claim import Claim, Kind
from beam_actors.naming.ranges import PREFIX, Items, Snapshot, item_of, name_key


class Catalogue:
    """Claims by id, in the order in which they came."""

    __slots__ = ("_claims", "_items")

    def __init__(self) -> None:
        self._claims: dict[bytes, Claim] = {}
        self._items: Items | None = None

    def __getitem__(self, claim_id: bytes) -> Claim:
        return self._claims[claim_id]

    def __setitem__(self, claim_id: bytes, claim: Claim) -> None:
        self._claims[claim_id] = claim
        if self._items is not None:
            self._items.add(_item(claim))

    def __delitem__(self, claim_id: bytes) -> None:
        claim = self._claims.pop(claim_id)
        if self._items is not None:
            self._items.discard(_item(claim))

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._claims)

    def __len__(self) -> int:
        return len(self._claims)

    def __contains__(self, claim_id: bytes) -> bool:
        return claim_id in self._claims

    def get(self, claim_id: bytes) -> Claim | None:
        """The claim with this id, if it is here."""
        return self._claims.get(claim_id)

    def values(self) -> Collection[Claim]:
        """The claims, in the order in which they came."""
        return self._claims.values()

    def near(self, key: bytes) -> Iterator[Claim]:
        """The claims whose names stand where this key does, by its first bytes; another name may stand there, too."""
        items, prefix = self.snapshot(), key[:PREFIX]
        start = items.place(prefix)
        for place in range(start, len(items)):
            if not items[place].startswith(prefix):
                break
            yield self._claims[items.id(place)]

    def snapshot(self) -> Snapshot:
        """The items of all claims that are here now."""
        if self._items is None:
            self._items = Items(map(_item, self._claims.values()))
        return self._items.snapshot()


def _item(claim: Claim) -> bytes:
    key = None if claim.kind is Kind.REVOCATION else name_key(claim.network, claim.name)
    return item_of(claim.id, key)
