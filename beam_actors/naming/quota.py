"""Which holds a node keeps when more owners claim one name, or one owner more names, than it keeps (pure).

    of one name's owners, and of one owner's names, released ones too: those that come first by
    (most work, lowest hash of name and owner)

Invariant: the order is one and the same for both quotas and everybody, and no time or order of arrival is in it. So
there is exactly one set of holds, of all that are known, of which each is within both quotas and none outside of it
would be: take all holds in this order, each that has room in both. Whoever is within it when all is heard is taken
whenever it is heard again; and what a newcomer pushes out comes after it in the order, so nothing goes round in
circles. (With one order for names and another one for owners there may be several such sets, as there may be several
stable marriages, and two nodes would each refuse what the other one holds, for ever.)

What is released counts like what is live: if it did not, to release a name would make room, for the next claim or for
the same one again, and what is kept would depend on which was heard first.

What a person here relies on is kept beside the quotas. What is beyond one of them takes no room in the other.
"""

import heapq
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable

from beam_actors.naming.claim import Claim
from beam_actors.naming.entry import Held, Key
from beam_actors.naming.precedence import place_of
from beam_actors.naming.registry import Registry

OF_ONE_NAME = 32
"""Holds on one name that are kept beside the quotas, for each reason for which that can be decided by others."""


class Quotas:
    """The two quotas over one registry."""

    __slots__ = ("_names", "_owners", "_registry")

    def __init__(self, registry: Registry, *, owners: int, names: int) -> None:
        """At most so many `owners` of one name, and `names` of one owner."""
        self._registry = registry
        self._owners = owners
        self._names = names

    def __repr__(self) -> str:
        return f"<Quotas: {self._owners} owners of a name, {self._names} names of an owner>"

    def refusal(self, claim: Claim) -> str:
        """Why there is no room for a hold that is not here, or nothing."""
        here = self._registry.by_name.of(claim.label)
        if len(here) >= self._owners and _before(claim, filter(self._within_owner, here)) >= self._owners:
            return "Enough owners claim this name who show more work, or as much with a lesser hash."
        here = () if claim.era > self._registry.era_of(claim.owner) else self._registry.by_owner.of(claim.owner_digest)
        if len(here) >= self._names and _before(claim, filter(self._within_name, here)) >= self._names:
            return f"The owner has {self._names} other names, live or released, that come before this one."
        return ""

    def surplus(self, key: Key | None, beside: Callable[[Claim, int], bool]) -> list[Key]:
        """The holds beyond a quota that must go: of the name and the owner of `key`, or any.

        `beside` says which are kept all the same, by a claim and how many holds its owner has here.
        """
        if not (beyond := self._beyond(key)):
            return []
        gone: set[Key] = set()
        left: dict[bytes, int] = {}  # how many holds of an owner stay
        for held in sorted(beyond, key=place_of, reverse=True):
            key, digest = (held.name, held.owner), held.owner_digest
            holds = left.setdefault(digest, len(self._registry.by_owner.of(digest)))
            if key not in gone and not beside(_claim(held), holds):
                gone.add(key)
                left[digest] -= 1
        return sorted(gone)

    def _beyond(self, key: Key | None) -> list[Held]:
        names = self._registry.by_name.groups() if key is None else [key[0].label]
        owners = self._registry.by_owner.groups() if key is None else [key[1].digest]
        found = [held for label in names for held in self._beyond_name(label)]
        return found + [held for owner in owners for held in self._beyond_owner(owner)]

    # --- one name, one owner ------------------------------------------------------------------------------------------

    def _beyond_name(self, label: str) -> list[Held]:
        here = self._registry.by_name.of(label)
        return _beyond_most(here, self._owners, self._within_owner) if len(here) > self._owners else []

    def _beyond_owner(self, digest: bytes) -> list[Held]:
        here = self._registry.by_owner.of(digest)
        return _beyond_most(here, self._names, self._within_name) if len(here) > self._names else []

    def _within_owner(self, held: Held) -> bool:
        """Whether it has room among its owner's names, so that it counts among the owners of its name."""
        here = self._registry.by_owner.of(held.owner_digest)
        return len(here) <= self._names or _before(held, here) < self._names

    def _within_name(self, held: Held) -> bool:
        here = self._registry.by_name.of(held.label)
        return len(here) <= self._owners or _before(held, here) < self._owners


def _claim(held: Held) -> Claim:
    return held if isinstance(held, Claim) else held.claim


def _before(held: Held, others: Iterable[Held]) -> int:
    place = place_of(held)
    return sum(place_of(other) < place for other in others)


def _beyond_most(here: Collection[Held], most: int, counts: Callable[[Held], bool]) -> list[Held]:
    within = heapq.nsmallest(most, filter(counts, here), key=place_of)
    kept = {(held.label, held.owner) for held in within}
    return [held for held in here if (held.label, held.owner) not in kept]


class Latest:
    """Holds that are kept beside the quotas for now: the last ones that were added, at most so many.

    Of one name there are `OF_ONE_NAME` at most: what is done about a name takes a time that grows with its owners.
    """

    __slots__ = ("_keys", "_most")

    def __init__(self, most: int) -> None:
        self._most = most
        self._keys: OrderedDict[Key, None] = OrderedDict()

    def __contains__(self, key: Key) -> bool:
        return key in self._keys

    def __len__(self) -> int:
        return len(self._keys)

    def __repr__(self) -> str:
        return f"<Latest: {len(self._keys)} of {self._most}>"

    def add(self, key: Key) -> Key | None:
        """Keep it from now on; which one is kept no longer."""
        self._keys[key] = None
        self._keys.move_to_end(key)
        same = [one for one in self._keys if one[0] == key[0]]
        if len(same) > OF_ONE_NAME:
            del self._keys[same[0]]
            return same[0]
        return self._keys.popitem(last=False)[0] if len(self._keys) > self._most else None

    def discard(self, key: Key) -> None:
        """It is gone."""
        self._keys.pop(key, None)
