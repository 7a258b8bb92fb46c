"""What happens to the names that are owned or bound here, for people: contested, rotated, signed twice, given up.

Invariant: only own names, pinned ones and those that petnames stand for make events, each kind by one owner at most
once an hour for one name, and contests at most `CONTESTS` in an hour; contests are kept apart from the others. So
whoever challenges names again and again fills neither the memory nor the screen, and hides nothing but further
contests, which `conflicts` lists. Numbers go up by one from 1 for as long as the node runs.
"""

import enum
from collections import deque
from collections.abc import Collection
from typing import Literal

import attrs

from beam_actors.naming.claim import Claim, Kind
from beam_actors.naming.limits import HOUR
from beam_actors.naming.registry import Entry
from beam_actors.values import Name, OwnerId

KEPT = 128
"""Contests, and other events."""
CONTESTS = 60
"""Told in an hour."""


Relation = Literal["own", "petname", "pin"]
"""What a name is to this node: its own, pinned, or what a petname stands for."""


class Happening(enum.Enum):
    """What happened to a name."""

    CONTESTED = "contested"
    """Another owner claims it."""
    EQUIVOCATED = "equivocated"
    """Its owner signed two different claims with one number: a key on two machines, or a lie."""
    ROTATED = "rotated"
    """Its owner signs in a later era."""
    RELEASED = "released"
    """Its owner gave it up, or holds it no longer in a later era."""
    TRANSFERRED = "transferred"
    """Its owner handed it over."""
    REVOKED = "revoked"
    """Its owner revoked all keys."""


@attrs.frozen(slots=True)
class Event:
    """One of them."""

    number: int
    at: float
    """Seconds since 1970."""
    what: Happening
    name: Name
    owner: OwnerId
    """Who did it: the challenger of a contested name, else its owner."""
    relation: Relation


@attrs.frozen(slots=True)
class Interest:
    """A name that is owned or bound here, and whose it is."""

    relation: Relation
    owner: OwnerId


class Events:
    """The feed of one node."""

    __slots__ = ("_contests", "_last", "_others", "_told")

    def __init__(self) -> None:
        self._contests: deque[Event] = deque(maxlen=KEPT)
        self._others: deque[Event] = deque(maxlen=KEPT)
        self._told: dict[tuple[Happening, Name, OwnerId], float] = {}
        self._last = 0

    def __repr__(self) -> str:
        return f"<Events, {self._last} so far>"

    @property
    def last(self) -> int:
        """The number of the latest event; 0 before the first."""
        return self._last

    def after(self, number: int) -> tuple[Event, ...]:
        """Those with a greater number, as far as they are kept, the oldest first."""
        kept = (*self._contests, *self._others)
        return tuple(sorted((event for event in kept if event.number > number), key=lambda event: event.number))

    def note(self, what: Happening, name: Name, owner: OwnerId, interest: Interest, now: float) -> None:
        """Keep it, unless the same was told within an hour, or too many contests were."""
        self._told = {key: at for key, at in self._told.items() if 0 <= now - at < HOUR}
        contest = what is Happening.CONTESTED
        if (what, name, owner) in self._told:
            return
        if contest and sum(key[0] is what for key in self._told) >= CONTESTS:
            return
        if len(self._told) >= 2 * KEPT:  # the names' own owners, in a hurry
            return
        self._told[what, name, owner] = now
        self._last += 1
        kept = self._contests if contest else self._others
        kept.append(Event(self._last, now, what, name, owner, interest.relation))

    def merged(
        self,
        claim: Claim,
        name: Name,
        interest: Interest,
        now: float,
        *,
        entries: tuple[Entry | None, Entry | None],
        came: Collection[OwnerId],
        ours: bool,
    ) -> None:
        """A claim changed what is known of the name: its owner's entry before and after, and who newly holds it.

        `ours` says that this node signed it. A name that ended because its owner opened an era without it is told by
        `left`, when it is sure that it doesn't come again.
        """
        before, after = entries
        if claim.owner != interest.owner:
            if interest.relation != "petname":  # which leads to its owner, whoever comes
                for owner in came:
                    self.note(Happening.CONTESTED, name, owner, interest, now)
            return
        if claim.kind is Kind.REVOCATION:
            self.note(Happening.REVOKED, name, claim.owner, interest, now)
        elif after is not None:
            self._changed(before, after, name, interest, now, ours=ours)

    def left(self, name: Name, interest: Interest, now: float) -> None:
        """The owner spoke in a later era, and not of this name."""
        self.note(Happening.RELEASED, name, interest.owner, interest, now)

    def _changed(
        self, before: Entry | None, after: Entry, name: Name, interest: Interest, now: float, *, ours: bool
    ) -> None:
        owner = after.claim.owner
        if after.rival is not None and (before is None or before.rival is None):
            self.note(Happening.EQUIVOCATED, name, owner, interest, now)
        if before is None or ours:
            return
        if after.claim.era > before.claim.era:
            self.note(Happening.ROTATED, name, owner, interest, now)
        gone = {Kind.TOMBSTONE: Happening.RELEASED, Kind.TRANSFER: Happening.TRANSFERRED}.get(after.claim.kind)
        if gone is not None and after.claim.kind is not before.claim.kind:
            self.note(gone, name, owner, interest, now)
