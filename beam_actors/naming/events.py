"""What happens to the names that are owned or pinned here, for people: contested, rotated, signed twice, given up.

Invariant: only own and pinned names make events, each kind at most once a minute for one name, and the last ones are
kept; so whoever challenges a name again and again fills neither the memory nor the screen. Numbers go up by one from 1
for as long as the node runs.
"""

import enum
from collections import deque
from collections.abc import Collection
from typing import Literal

import attrs

from beam_actors.naming.claim import Claim, Kind
from beam_actors.naming.limits import MINUTE
from beam_actors.naming.registry import Entry
from beam_actors.values import Name, OwnerId

KEPT = 256


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
    relation: Literal["own", "pin"]


@attrs.frozen(slots=True)
class Interest:
    """A name that is owned or pinned here, and whose it is."""

    relation: Literal["own", "pin"]
    owner: OwnerId


class Events:
    """The feed of one node."""

    __slots__ = ("_kept", "_last", "_told")

    def __init__(self) -> None:
        self._kept: deque[Event] = deque(maxlen=KEPT)
        self._told: dict[tuple[Happening, Name], float] = {}
        self._last = 0

    def __repr__(self) -> str:
        return f"<Events, {self._last} so far>"

    @property
    def last(self) -> int:
        """The number of the latest event; 0 before the first."""
        return self._last

    def after(self, number: int) -> tuple[Event, ...]:
        """Those with a greater number, as far as they are kept, the oldest first."""
        return tuple(event for event in self._kept if event.number > number)

    def note(self, what: Happening, name: Name, owner: OwnerId, interest: Interest, now: float) -> None:
        """Keep it, unless the same was told of the name within a minute."""
        told = self._told.get((what, name))
        if told is not None and 0 <= now - told < MINUTE:
            return
        if len(self._told) > KEPT:  # names come and go
            self._told = {key: at for key, at in self._told.items() if 0 <= now - at < MINUTE}
        self._told[what, name] = now
        self._last += 1
        self._kept.append(Event(self._last, now, what, name, owner, interest.relation))

    def merged(
        self,
        claim: Claim,
        name: Name,
        interest: Interest,
        now: float,
        *,
        entries: tuple[Entry | None, Entry | None],
        came: Collection[OwnerId],
    ) -> None:
        """A claim changed what is known of the name: its owner's entry before and after, and who newly holds it."""
        before, after = entries
        if claim.owner != interest.owner:
            for owner in came:
                self.note(Happening.CONTESTED, name, owner, interest, now)
            return
        if claim.kind is Kind.REVOCATION:
            self.note(Happening.REVOKED, name, claim.owner, interest, now)
        elif after is None:
            self.note(Happening.RELEASED, name, claim.owner, interest, now)
        else:
            self._changed(before, after, name, interest, now)

    def _changed(self, before: Entry | None, after: Entry, name: Name, interest: Interest, now: float) -> None:
        owner = after.claim.owner
        if after.rival is not None and (before is None or before.rival is None):
            self.note(Happening.EQUIVOCATED, name, owner, interest, now)
        if before is None or interest.relation == "own":
            return
        if after.claim.era > before.claim.era:
            self.note(Happening.ROTATED, name, owner, interest, now)
        gone = {Kind.TOMBSTONE: Happening.RELEASED, Kind.TRANSFER: Happening.TRANSFERRED}.get(after.claim.kind)
        if gone is not None and after.claim.kind is not before.claim.kind:
            self.note(gone, name, owner, interest, now)
