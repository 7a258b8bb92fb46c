"""When this node heard of each owner's hold on a name, and which hold is settled here.

A hold is settled once this node has seen it live, without a break and without a rival, for `settle_after` seconds when
a rival comes; from then on the rival does not stop the name here. Invariant: that time is counted by a clock of the
node's own, which stands still while it does not run and knows nothing of the wall clock, so that a date that was set,
or a claim that says it is old, settles nothing. What is settled is local: it is no part of the merge.
"""

from collections.abc import Callable, Collection, Iterable

import attrs

from beam_actors.naming.entry import Key
from beam_actors.naming.limits import HOUR, MAX_TIME
from beam_actors.naming.shelf import Shelf
from beam_actors.values import Name, OwnerId

_SUSPENDED = 1024
_BITS = (MAX_TIME - 1).bit_length()
_MASK = MAX_TIME - 1
_TIMES = (1 << 4 * _BITS) - 1
_KEEP_HEARD = 6 * HOUR
"""How old the stored time of hearing may be: a write for each echo of each claim would wear the disk for nothing."""


@attrs.frozen(slots=True)
class Seen:
    """What this node saw of one owner's hold on one name."""

    first: int
    """When the present hold was first seen, in seconds since 1970."""
    heard: int
    """When its claim was last heard of, in seconds since 1970."""
    alone: int = 0
    """Since when nobody else held the name, by `Holds.running`; 0 while somebody does, or the hold has ended."""
    settled: bool = False
    """Whether it had been alone long enough when a rival came."""


# A line is what is kept of one owner's hold on a name, in one number, for there are very many: the owner's digest, a
# mark, four times.


def _line(owner: int, seen: Seen, stored: int) -> int:
    first, heard, alone = seen.first, seen.heard, seen.alone
    if (first | heard | alone | stored) >> _BITS:  # beyond every date, or negative
        first, heard, alone, stored = (min(max(0, value), MAX_TIME - 1) for value in (first, heard, alone, stored))
    return ((((owner << 1 | seen.settled) << _BITS | first) << _BITS | heard) << _BITS | alone) << _BITS | stored


def _owner(line: int) -> int:
    return line >> 4 * _BITS + 1


def _settled(line: int) -> bool:
    return bool(line >> 4 * _BITS & 1)


def _stored(line: int) -> int:
    """The `heard` that the store holds."""
    return line & _MASK


def _seen(line: int) -> Seen:
    times = line & _TIMES  # fewer digits to shift
    return Seen(times >> 3 * _BITS, times >> 2 * _BITS & _MASK, times >> _BITS & _MASK, _settled(line))


class _Book:
    """`Seen` by name and owner, and of each the `heard` that the store holds."""

    __slots__ = ("_count", "_lines")

    def __init__(self) -> None:
        self._lines: Shelf[str, int, int] = Shelf(_owner)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, key: Key) -> Seen:
        name, owner = key
        line = self._lines.get(name.label, _number(owner))
        if line is None:
            raise KeyError(key)
        return _seen(line)

    def __setitem__(self, key: Key, seen: Seen) -> None:
        self._put(*key, seen, self.stored(key))

    def _find(self, key: Key) -> int | None:
        name, owner = key
        return self._lines.get(name.label, _number(owner))

    def _put(self, name: Name, owner: OwnerId, seen: Seen, stored: int) -> None:
        self._count += self._lines.put(name.label, _line(_number(owner), seen, stored))

    def get(self, key: Key) -> Seen | None:
        line = self._find(key)
        return None if line is None else _seen(line)

    def pop(self, key: Key) -> None:
        name, owner = key
        if self._lines.pop(name.label, _number(owner)) is not None:
            self._count -= 1

    def settled(self, key: Key) -> bool:
        line = self._find(key)
        return line is not None and _settled(line)

    def stored(self, key: Key) -> int:
        line = self._find(key)
        return 0 if line is None else _stored(line)

    def store(self, key: Key) -> None:
        """The store is being told."""
        seen = self.get(key)
        if seen is not None:
            self._put(*key, seen, seen.heard)

    def load(self, label: str, owner: OwnerId, seen: Seen) -> None:
        """The store has it."""
        self._count += self._lines.put(label, _line(_number(owner), seen, seen.heard))


def _number(owner: OwnerId) -> int:
    return int.from_bytes(owner.digest, "big")


class Holds:
    """The books of one node. `Knowledge` tells it of every change, and keeps what it says durable."""

    __slots__ = ("_contested", "_seen", "_settle_after", "_suspended", "running")

    def __init__(self, settle_after: float) -> None:
        self._settle_after = settle_after
        self._seen = _Book()
        self._contested: set[Name] = set()
        self._suspended: dict[Key, tuple[float, Seen]] = {}
        self.running = 1.0
        """Seconds for which this node has run in its life, about; never 0."""

    def __getitem__(self, key: Key) -> Seen:
        return self._seen[key]

    def __repr__(self) -> str:
        return f"<Holds of {len(self._seen)} entries, {len(self._contested)} names contested>"

    # --- what happens -------------------------------------------------------------------------------------------------

    def changed(self, name: Name, before: Collection[OwnerId], after: Collection[OwnerId], now: float) -> set[Key]:
        """Who holds the name live was `before` and is `after`; the entries of which something else is to be stored."""
        before, after = dict.fromkeys(before), dict.fromkeys(after)  # there may be a hundred
        written: set[Key] = set()
        for owner in before:
            if owner not in after:
                written |= self._put((name, owner), alone=0)
        came = after.keys() - before.keys()
        for owner in after:
            key = name, owner
            if owner in came:
                begun = Seen(int(now), int(now), int(self.running) if len(after) == 1 else 0)
                self._seen[key] = self._resumed(key, now) or begun
                if len(after) > 1:
                    written |= self._meet_rival(key, was_alone=True)
                written.add(key)
            elif came:
                written |= self._meet_rival(key, was_alone=len(before) == 1)
        if len(after) > 1:
            self._contested.add(name)
        else:
            written |= self._end_contest(name, after)
        return written

    def suspend(self, key: Key) -> None:
        """The hold ends with the era that its owner left. If it is claimed again soon, it is the same hold."""
        if len(self._suspended) < _SUSPENDED:
            self._suspended[key] = self.running, self._seen[key]

    def hand_over(self, name: Name, owner: OwnerId, successor: OwnerId, *, opens: bool) -> None:
        """The owner hands the name over. If the successor claims it soon, it is the same hold.

        Only by a claim that opened an era here (`opens`, or another claim of that era came just before): a transfer by
        a key that had spoken before may be a thief's.
        """
        ended = self._suspended.pop((name, owner), None)
        seen = self._seen.get((name, owner))
        if ended is None and opens and seen is not None:
            ended = self.running, seen
        if ended is not None and len(self._suspended) < _SUSPENDED:
            self._suspended[name, successor] = ended

    def _resumed(self, key: Key, now: float) -> Seen | None:
        since, seen = self._suspended.pop(key, (0.0, None))
        if seen is None or self.running - since > HOUR:
            return None
        return Seen(seen.first, int(now), seen.alone, seen.settled)

    def _meet_rival(self, key: Key, *, was_alone: bool) -> set[Key]:
        seen = self._seen[key]
        if seen.settled:
            return set()
        if was_alone and seen.alone and self.running - seen.alone >= self._settle_after:
            return self._put(key, alone=seen.alone, settled=True)
        return self._put(key, alone=0)

    def _end_contest(self, name: Name, holders: Iterable[OwnerId]) -> set[Key]:
        """Whoever is left begins anew to hold the name alone."""
        self._contested.discard(name)
        left = [(name, owner) for owner in holders if not self._seen[name, owner].alone]
        return {key for one in left for key in self._put(one, alone=int(self.running))}

    def look_at_contests(self, holders: Callable[[Name], Collection[OwnerId]]) -> set[Key]:
        """Notice contests that ended because a claim did; the entries to be stored. Once an hour is often enough."""
        self._suspended = {key: one for key, one in self._suspended.items() if self.running - one[0] <= HOUR}
        ended = [name for name in self._contested if len(holders(name)) < 2]
        return {key for name in ended for key in self._end_contest(name, holders(name))}

    def _put(self, key: Key, *, alone: int, settled: bool = False) -> set[Key]:
        seen = self._seen[key]
        self._seen[key] = after = Seen(seen.first, seen.heard, alone, settled)
        return {key} if after != seen else set()

    def heard(self, key: Key, now: float) -> bool:
        """The present claim was heard of again; whether the store should be told."""
        seen = self._seen.get(key)
        if seen is None:
            self._seen[key] = Seen(int(now), int(now))
        elif seen.heard != int(now):
            self._seen[key] = Seen(seen.first, int(now), seen.alone, seen.settled)
        return now - self._seen.stored(key) >= _KEEP_HEARD

    def stored(self, key: Key) -> None:
        """What is known of the entry is being stored."""
        self._seen.store(key)

    def forget(self, key: Key) -> None:
        """The entry is gone."""
        self._seen.pop(key)

    # --- reading ------------------------------------------------------------------------------------------------------

    def settled(self, name: Name, holders: Iterable[OwnerId]) -> OwnerId | None:
        """Whose hold of these is settled here."""
        found = [owner for owner in holders if self._seen.settled((name, owner))]
        return found[0] if len(found) == 1 else None

    def is_settled(self, key: Key) -> bool:
        """Whether this hold is settled here."""
        return self._seen.settled(key)

    def load(self, label: str, owner: OwnerId, seen: Seen) -> None:
        """Take back what the store holds of an entry."""
        if seen.alone > self.running + HOUR:  # damage, here or of the clock, which is stored more often
            seen = Seen(seen.first, seen.heard, int(self.running) if seen.settled else 0, seen.settled)
        self._seen.load(label, owner, seen)
        if seen.alone > self.running:
            self.running = float(seen.alone)
        if not seen.alone:
            self._contested.add(Name(label))  # perhaps; the next look will tell
