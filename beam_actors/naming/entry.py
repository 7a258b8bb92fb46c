"""What is known of one owner's hold on one name: the claims that count, and how several become one answer (pure).

Invariant: `join` is commutative, associative, idempotent and monotone for claims of one name and owner.
"""

import attrs

from beam_actors.naming.claim import Claim
from beam_actors.values import Name, OwnerId

Key = tuple[Name, OwnerId]


@attrs.frozen(slots=True)
class Entry:
    """What is known of one owner's hold on one name."""

    claim: Claim
    """The greatest by (era, seq, issued, id): the one that counts."""
    rival: Claim | None = None
    """Another claim of the same owner, era and seq: the proof of an equivocation."""
    backer: Claim | None = None
    """An earlier claim with more work than either: the best work seen. A renewal keeps its work, so hardly ever."""

    def join(self, claim: Claim) -> "Entry":
        """With `claim` of the same name and owner in it; this very object when nothing changes."""
        known = self.claims
        if any(claim.id == other.id for other in known):
            return self  # the same signed bytes: a signature that was made again changes nothing
        if claim.era > self.claim.era:
            return Entry(claim)
        if claim.era < self.claim.era:
            return self  # a later era ended all that was said before, and its work
        top = max(claim.position, self.claim.position)
        counting = [one for one in (claim, *known) if one.position == top]
        best, *others = sorted(counting, key=lambda one: one.order, reverse=True)
        rival = others[0] if others else None
        backer = max(claim, *known, key=_worth)
        if claim not in {best, rival, backer}:
            return self
        return Entry(best, rival, None if backer in {best, rival} else backer)

    @property
    def places(self) -> tuple[Claim, Claim | None, Claim | None]:
        """The one that counts, the rival and the backer."""
        return self.claim, self.rival, self.backer

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Those of them that there are."""
        if self.rival is None and self.backer is None:
            return (self.claim,)
        return tuple(one for one in self.places if one is not None)

    @property
    def level(self) -> int:
        """The best work seen of the owner for the name."""
        if self.rival is None and self.backer is None:
            return self.claim.level or 0
        return max(one.level or 0 for one in self.claims)

    @property
    def name(self) -> Name:
        """The name that it is about."""
        return self.claim.name

    @property
    def label(self) -> str:
        """The same as text."""
        return self.claim.label

    @property
    def owner(self) -> OwnerId:
        """Whose hold it is."""
        return self.claim.owner

    @property
    def owner_digest(self) -> bytes:
        """The same as 32 bytes."""
        return self.claim.owner_digest

    @property
    def era(self) -> int:
        """The era in which the owner speaks."""
        return self.claim.era

    @property
    def issued(self) -> int:
        """When the later of its claims was signed."""
        return max(claim.issued for claim in self.claims)


def _worth(claim: Claim) -> tuple[int, tuple[int, int, int, bytes]]:
    return claim.level or 0, claim.order


Held = Claim | Entry
"""How an entry is kept: with a claim alone, as that claim, since nearly all are so."""


def entry_of(held: Held) -> Entry:
    """The entry, however it is kept."""
    return Entry(held) if isinstance(held, Claim) else held
