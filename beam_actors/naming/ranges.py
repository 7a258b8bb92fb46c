"""Items, their order, and the ranges in which two nodes compare what they hold.

An item stands for one claim: 8 bytes of the name's key, then the claim's id. Sorted so, near names in the sense of XOR
are an interval, and one mechanism will serve nodes that hold everything and nodes that hold a region. A revocation
concerns an owner with all names: its eight bytes are zero, and it is part of every region.

A range begins where the one before it ended and ends before its `end`; an empty end is the top of all. Invariant: a
snapshot never changes, and a fingerprint says which items are in a range, under a salt that nobody could know when they
made the items. This module knows neither claims nor messages.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from hashlib import blake2b
from typing import Final, Self

import attrs

from beam_actors.values import Name, OwnerId

PREFIX: Final = 8
"""Bytes of a name's key in an item: a claim's place. Two names with one place share it, which is harmless."""
ID: Final = 32
ITEM: Final = PREFIX + ID
FINGERPRINT: Final = 16
SALT: Final = 16
TOP: Final = b""
"""As an end: the top of all items."""
ABOVE: Final = b"\xff" * (ITEM + 1)
"""As a bound: the same top, above every item and every other end, so that it compares like any."""
FOR_OWNERS: Final = bytes(PREFIX)
"""The prefix of what concerns an owner with all names."""


# --- items ------------------------------------------------------------------------------------------------------------


def name_key(network: str, name: Name) -> bytes:
    """Where a name is among all names of its network: 32 bytes, even and the same for everybody."""
    return blake2b(f"{network}\0{name}".encode(), digest_size=32, person=b"beam-name-key-1").digest()


def hold_key(network: str, name: Name, owner: OwnerId) -> bytes:
    """Where one owner's hold on a name is kept for those who ask for `name.<owner>`: 32 bytes among the same keys."""
    subject = f"{network}\0{name}\0".encode() + owner.digest
    return blake2b(subject, digest_size=32, person=b"beam-hold-key-1").digest()


def item_of(claim_id: bytes, key: bytes | None) -> bytes:
    """The item of a claim to the name with this key, or of a revocation if there is none."""
    return (FOR_OWNERS if key is None else key[:PREFIX]) + claim_id


class Snapshot:
    """Items in order, each once; never changed. Places in it are numbered from 0."""

    __slots__ = ("_joined",)

    def __init__(self, items: Iterable[bytes] = ()) -> None:
        """`items` in any order, each of `ITEM` bytes."""
        self._joined = b"".join(sorted(set(items)))

    @classmethod
    def _of(cls, joined: bytes) -> Self:
        one = cls()
        one._joined = joined
        return one

    def __len__(self) -> int:
        return len(self._joined) // ITEM

    def __getitem__(self, place: int) -> bytes:
        if not 0 <= place < len(self):
            raise IndexError(place)
        return self._joined[place * ITEM : (place + 1) * ITEM]

    def id(self, place: int) -> bytes:
        """The id of the claim at a place."""
        return self[place][PREFIX:]

    def ids(self, places: range) -> Iterator[bytes]:
        """The ids at these places."""
        return (self._joined[place * ITEM + PREFIX : (place + 1) * ITEM] for place in places)

    def items_of(self, ids: AbstractSet[bytes]) -> dict[bytes, bytes]:
        """The items of these claims, by their ids; it looks at all."""
        return {one: self[place] for place, one in enumerate(self.ids(range(len(self)))) if one in ids}

    def place(self, bound: bytes) -> int:
        """How many items are less than `bound`."""
        return bisect_left(range(len(self)), bound, key=self.__getitem__)

    def border(self, place: int) -> bytes:
        """The shortest bound with exactly `place` items below it; `place` is neither 0 nor all."""
        before, after = self[place - 1], self[place]
        common = next(index for index in range(ITEM) if before[index] != after[index])
        return after[: common + 1]

    def fingerprint(self, salt: bytes, places: range) -> bytes:
        """16 bytes that are equal for equal items."""
        data = memoryview(self._joined)[places.start * ITEM : places.stop * ITEM]
        return blake2b(data, digest_size=FINGERPRINT, key=salt, person=b"beam-ranges-1").digest()

    def within(self, lower: bytes, upper: bytes) -> "Snapshot":
        """What is from the prefix `lower` to before `upper`, and what concerns owners with all names."""
        owners = self.place(FOR_OWNERS[:-1] + b"\1")
        start, stop = max(self.place(lower), owners), self.place(upper or ABOVE)
        if start <= owners and stop >= len(self):
            return self
        return Snapshot._of(self._joined[: owners * ITEM] + self._joined[start * ITEM : max(start, stop) * ITEM])

    def without(self, gone: AbstractSet[bytes]) -> "Snapshot":
        """Another one without these items, whether or not they are in it."""
        here = {item for item in gone if (place := self.place(item)) < len(self) and self[place] == item}
        return self.changed(frozenset(), here) if here else self

    def changed(self, new: AbstractSet[bytes], gone: AbstractSet[bytes]) -> "Snapshot":
        """Another one with `new` in it and without `gone`, which have none in common; it costs what has changed."""
        parts, done = [], 0  # up to this place
        for item in sorted(new | gone):
            place = self.place(item)
            parts.append(self._joined[done * ITEM : place * ITEM])
            if item in new:
                parts.append(item)
            is_here = place < len(self) and self[place] == item
            done = place + is_here
        parts.append(self._joined[done * ITEM :])
        return Snapshot._of(b"".join(parts))

    def __repr__(self) -> str:
        return f"Snapshot({len(self)} items)"


class Items:
    """The items of a set that changes, and its snapshot, made anew only when somebody asks after a change."""

    __slots__ = ("_gone", "_new", "_snapshot")

    def __init__(self, items: Iterable[bytes] = ()) -> None:
        self._snapshot = Snapshot(items)
        self._new: set[bytes] = set()
        self._gone: set[bytes] = set()

    def add(self, item: bytes) -> None:
        """It is there from now on."""
        self._gone.discard(item)
        self._new.add(item)

    def discard(self, item: bytes) -> None:
        """It is gone."""
        self._new.discard(item)
        self._gone.add(item)

    def snapshot(self) -> Snapshot:
        """All that is there."""
        if self._new or self._gone:
            self._snapshot = self._snapshot.changed(self._new, self._gone)
            self._new.clear()
            self._gone.clear()
        return self._snapshot

    def __repr__(self) -> str:
        return f"Items({len(self._snapshot)} sorted, {len(self._new)} new, {len(self._gone)} gone)"


# --- what is said of a range ------------------------------------------------------------------------------------------


@attrs.frozen(slots=True)
class Settled:
    """There is nothing more to say up to `end`: equal, compared, or none of the sender's business."""

    end: bytes


@attrs.frozen(slots=True)
class Print:
    """What the sender holds up to `end`, in 16 bytes."""

    end: bytes
    fingerprint: bytes


@attrs.frozen(slots=True)
class Listing:
    """All that the sender holds up to `end`, by the ids."""

    end: bytes
    ids: tuple[bytes, ...]


Range = Settled | Print | Listing
