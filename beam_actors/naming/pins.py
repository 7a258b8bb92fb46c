"""Pins: names that are bound to an owner on this machine, by a person's word or by a use that a person saw.

Invariant: a pin changes its owner only by a transfer which that owner signed in an era later than any seen before; it
never goes back behind the greatest claim (by era, seq, issued and id) that it has seen, and it never gives way to
another owner's claim.
"""

from typing import Literal

import attrs

from beam_actors.naming.claim import Claim, Kind
from beam_actors.naming.registry import Registry
from beam_actors.values import Name, OwnerId

_MAX_HOPS = 8

How = Literal["command", "navigation", "forward"]
"""What made a pin: a command, a page that a person opened in a browser, or a forward that led there."""


@attrs.frozen(slots=True)
class Pin:
    """A binding, with the high-water mark of what its owner has said since."""

    name: Name
    owner: OwnerId
    since: float
    """When it was made, in seconds since 1970."""
    era: int = 0
    seq: int = 0
    issued: int = 0
    mark: bytes = b""
    """Id of the claim at (era, seq, issued); empty as long as none was seen."""
    how: How = "command"
    used: int = 0
    """When a pin that was made by use was last used, give or take a day, in seconds since 1970."""

    @property
    def order(self) -> tuple[int, int, int, bytes]:
        """`Claim.order` of the greatest claim seen."""
        return self.era, self.seq, self.issued, self.mark

    def accepts(self, claim: Claim) -> bool:
        """Whether the claim is by the pinned owner and not older than what was seen before."""
        return claim.owner == self.owner and claim.order >= self.order

    def raised(self, claim: Claim) -> "Pin":
        """With the mark at `claim`, if that is later."""
        if not self.accepts(claim):
            return self
        return attrs.evolve(self, era=claim.era, seq=claim.seq, issued=claim.issued, mark=claim.id)


def heir_of(registry: Registry, name: Name, owner: OwnerId) -> OwnerId | None:
    """To whom the owner handed the name over, if that is what the owner said last of it."""
    entry = registry.entry(name, owner)
    return entry.claim.terms.successor if entry is not None and entry.claim.kind is Kind.TRANSFER else None


def follow(pin: Pin, registry: Registry) -> Pin:
    """The pin as what is known now leaves it: its mark raised, and moved along transfers that its owners signed."""
    for _ in range(_MAX_HOPS):
        entry = registry.entry(pin.name, pin.owner)
        if entry is None or not pin.accepts(entry.claim):
            return pin
        claim = entry.claim
        if claim.kind is not Kind.TRANSFER:
            return pin.raised(claim)
        # A transfer counts only if the pin had seen no claim of its era: the key of a machine alone can't open one.
        # One that doesn't count leaves no mark, or it would pass for one that did.
        if claim.era <= pin.era and claim.id != pin.mark:
            return pin
        pin = pin.raised(claim)
        successor = claim.terms.successor
        if successor is None or registry.entry(pin.name, successor) is None:
            return pin
        pin = attrs.evolve(pin, owner=successor, era=0, seq=0, issued=0, mark=b"")
    return pin
