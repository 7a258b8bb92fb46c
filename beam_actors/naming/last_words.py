"""What owners said last in a later era than the first, of whom no hold is here: that they left the eras before (pure).

Of what goes for want of room nothing is remembered, and it may come again as to a node that never heard of it. That
must not be an era that its owner left: then the key of that era, which a thief may have, would be believed again for
all of the owner's names, and to crowd one name would do it. So one claim stays that says so. It is under no name, and
leads nowhere; but it is compared with peers and given to them as all claims are, so they learn of the era, too.

Invariant: at most one claim of an owner, none of the first era, and of too many those stay that show more work:
whoever wants one gone has as much work done, for as many owners as there is room for. What an owner says later counts
only if it shows no less work, so that no claims drive each other out in a circle.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator

from beam_actors.naming.claim import Claim

_Place = tuple[int, bytes]
"""Less work comes later; of equals the owners' order decides, whatever the name."""


class LastWords:
    """Claims by owner, at most `room`."""

    __slots__ = ("_by_owner", "_order", "_room", "_touched")

    def __init__(self, room: int) -> None:
        self._room = room
        self._by_owner: dict[bytes, Claim] = {}
        self._order: list[_Place] = []
        self._touched: dict[bytes, None] = {}

    def __len__(self) -> int:
        return len(self._by_owner)

    def __iter__(self) -> Iterator[Claim]:
        return iter(tuple(self._by_owner.values()))

    def __repr__(self) -> str:
        return f"<LastWords of {len(self)} owners>"

    def of(self, digest: bytes) -> Claim | None:
        """What the owner with this digest said last."""
        return self._by_owner.get(digest)

    def has_room(self, claim: Claim) -> bool:
        """Whether it would stay, and says more than what is here of its owner."""
        here = self._by_owner.get(claim.owner_digest)
        if here is not None:
            later = (claim.era, claim.issued, claim.id) > (here.era, here.issued, here.id)
            return later and (claim.level or 0) >= (here.level or 0)
        is_full = len(self) >= self._room
        return claim.era > 0 and (not is_full or (bool(self._order) and self._place(claim) < self._order[-1]))

    def put(self, claim: Claim) -> Claim | None:
        """Keep it in the place of what its owner said before, or of one that comes last; which one went for that.

        If there is no room for it, that is `claim` itself.
        """
        before = self.pop(claim.owner_digest)
        if before is None and len(self) >= self._room:
            if not self._order or self._place(claim) > self._order[-1]:
                return claim
            before = self.pop(self._order[-1][1])
        self._by_owner[claim.owner_digest] = claim
        insort(self._order, self._place(claim))
        self._touched[claim.owner_digest] = None
        return before

    def pop(self, digest: bytes) -> Claim | None:
        """Keep what this owner said no longer."""
        claim = self._by_owner.pop(digest, None)
        if claim is not None:
            del self._order[bisect_left(self._order, self._place(claim))]
            self._touched[digest] = None
        return claim

    def load(self, claim: Claim) -> Claim | None:
        """Take back what the store holds; as of `put`."""
        gone = self.put(claim)
        if gone is claim:
            self._touched[claim.owner_digest] = None
        else:
            del self._touched[claim.owner_digest]
        return gone

    def touched(self) -> list[tuple[bytes, Claim | None]]:
        """The owners of whom something else is to be stored than at the last call, and what."""
        touched, self._touched = self._touched, {}
        return [(digest, self._by_owner.get(digest)) for digest in touched]

    @staticmethod
    def _place(claim: Claim) -> _Place:
        return -(claim.level or 0), claim.owner_digest
