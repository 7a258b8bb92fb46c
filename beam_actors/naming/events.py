"""What happens to the names that are owned or bound here, for people: contested, rotated, signed twice, given up.

Invariant: only own names, pinned ones, those that petnames stand for and those that are handed to this node's owner
make events, each kind by one owner at most once an hour for one name, and a claim makes one: that which says most. What
any stranger can do (to contest a name, to take one, or to hand one over) is told at most `CONTESTS` times in an hour,
each, and kept apart from the rest. So whoever does it again and again fills neither the memory nor the screen, and
hides nothing but more of the same; `conflicts` lists all contests. Numbers go up by one from 1 for as long as the node
runs.
"""

import enum
from collections import deque
from collections.abc import Collection
from itertools import chain
from typing import Literal

import attrs

from beam_actors.naming.claim import Claim, Kind
from beam_actors.naming.entry import Entry
from beam_actors.naming.limits import HOUR
from beam_actors.values import Name, OwnerId

KEPT = 128
"""Events that strangers make, and others."""
CONTESTS = 60
"""Told in an hour; and as many names that are handed to this node's owner."""


Relation = Literal["own", "petname", "pin"]
"""What a name is to this node: its own, pinned, or what a petname stands for."""


class Happening(enum.Enum):
    """What happened to a name."""

    CONTESTED = "contested"
    """Another owner claims it, too."""
    TAKEN = "taken"
    """Another owner claims it, which whoever it is pinned to does not hold (any more)."""
    EQUIVOCATED = "equivocated"
    """Its owner signed two different claims with one number: a key on two machines, or a lie."""
    ROTATED = "rotated"
    """Its owner signs in a later era."""
    RELEASED = "released"
    """Its owner gave it up."""
    LEFT_BEHIND = "left-behind"
    """Its owner opened a later era, in which no machine of the owner has claimed it."""
    TRANSFERRED = "transferred"
    """Its owner handed it over to `heir`."""
    INHERITED = "inherited"
    """The one to whom its owner handed it over has registered it."""
    HANDED = "handed"
    """A name was handed over to this node's owner, who may register it; it may be bound here, too."""
    REVOKED = "revoked"
    """Its owner revoked all keys."""


_BY_STRANGERS = frozenset({Happening.CONTESTED, Happening.TAKEN, Happening.HANDED})
"""The last one unless the name is bound to the owner who hands it over."""


@attrs.frozen(slots=True)
class Event:
    """One of them."""

    number: int
    at: float
    """Seconds since 1970."""
    what: Happening
    name: Name
    owner: OwnerId
    """Who did it: the challenger of a contested name, the heir of an inherited one, else its owner."""
    relation: Relation | Literal["heir"]
    heir: OwnerId | None = None
    """To whom it was handed over, if that is what happened."""
    era: int | None = None
    """The later era of its owner's keys, if it is signed in that now, or was left behind."""


@attrs.frozen(slots=True)
class Interest:
    """A name that is owned or bound here, or handed to this node's owner ("heir"), and whose it is."""

    relation: Relation | Literal["heir"]
    owner: OwnerId


class Events:
    """The feed of one node."""

    __slots__ = ("_by_strangers", "_last", "_others", "_told")

    def __init__(self) -> None:
        self._by_strangers: dict[Happening, deque[Event]] = {what: deque(maxlen=KEPT) for what in _BY_STRANGERS}
        self._others: deque[Event] = deque(maxlen=KEPT)
        self._told: dict[tuple[Happening, Name, OwnerId, int | None], float] = {}
        self._last = 0

    def __repr__(self) -> str:
        return f"<Events, {self._last} so far>"

    @property
    def last(self) -> int:
        """The number of the latest event; 0 before the first."""
        return self._last

    def after(self, number: int) -> tuple[Event, ...]:
        """Those with a greater number, as far as they are kept, the oldest first."""
        kept = chain(self._others, *self._by_strangers.values())
        return tuple(sorted((event for event in kept if event.number > number), key=lambda event: event.number))

    def note(
        self,
        what: Happening,
        name: Name,
        owner: OwnerId,
        interest: Interest,
        now: float,
        *,
        heir: OwnerId | None = None,
        era: int | None = None,
    ) -> None:
        """Keep it, unless the same was told within an hour, of the same era if any, or strangers did too much of it."""
        self._told = {key: at for key, at in self._told.items() if 0 <= now - at < HOUR}
        by_stranger = what in _BY_STRANGERS and not (what is Happening.HANDED and interest.relation != "heir")
        if (what, name, owner, era) in self._told:
            return
        if by_stranger and sum(key[0] is what for key in self._told) >= CONTESTS:
            return
        if len(self._told) >= 2 * KEPT:  # the names' own owners, in a hurry
            return
        self._told[what, name, owner, era] = now
        self._last += 1
        kept = self._by_strangers[what] if by_stranger else self._others
        kept.append(Event(self._last, now, what, name, owner, interest.relation, heir, era))

    def merged(
        self,
        claim: Claim,
        name: Name,
        interest: Interest,
        now: float,
        *,
        entries: tuple[Entry | None, Entry | None],
        came: Collection[OwnerId],
        held: bool,
        heir: OwnerId | None,
        ours: bool,
        yours: bool,
    ) -> None:
        """A claim changed what is known of the name: its owner's entry before and after, and who newly holds it.

        `held` says that the owner in the interest holds it now.
        `heir` is to whom the owner in the interest handed it over, if so; `ours` says that this node signed the claim,
        and `yours` that the heir is this node's owner, who does not hold the name yet.
        A name that ended because its owner opened an era without it is told by `left`, when it is sure that it doesn't
        come again.
        """
        before, after = entries
        if claim.owner != interest.owner:
            for owner in came:
                if owner == heir:
                    self.note(Happening.INHERITED, name, owner, interest, now)
                elif interest.relation != "petname":  # which leads to its owner, whoever comes
                    taken = interest.relation == "pin" and not held
                    self.note(Happening.TAKEN if taken else Happening.CONTESTED, name, owner, interest, now)
            return
        if claim.kind is Kind.REVOCATION:
            self.note(Happening.REVOKED, name, claim.owner, interest, now)
        elif after is not None:
            self._changed(before, after, name, interest, now, ours=ours, yours=yours)

    def handed(self, claim: Claim, heir: OwnerId, now: float, *, has_it: bool) -> None:
        """A transfer to this node's owner came in, who may hold the name already; told once if it was bound, too."""
        if not has_it:
            self.note(Happening.HANDED, claim.name, claim.owner, Interest("heir", heir), now, heir=heir)

    def left(self, name: Name, interest: Interest, now: float, *, era: int) -> None:
        """The owner spoke in a later `era`, and not of this name: nobody gave it up, and it may be claimed yet."""
        self.note(Happening.LEFT_BEHIND, name, interest.owner, interest, now, era=era)

    def _changed(
        self, before: Entry | None, after: Entry, name: Name, interest: Interest, now: float, *, ours: bool, yours: bool
    ) -> None:
        owner, claim = after.claim.owner, after.claim
        if after.rival is not None and (before is None or before.rival is None):
            self.note(Happening.EQUIVOCATED, name, owner, interest, now)
        if before is None or ours:
            return
        heir = claim.terms.successor
        if claim.kind is Kind.LIVE or (claim.kind, heir) == (before.claim.kind, before.claim.terms.successor):
            if claim.era > before.claim.era:
                self.note(Happening.ROTATED, name, owner, interest, now, era=claim.era)
        elif claim.kind is Kind.TOMBSTONE:
            self.note(Happening.RELEASED, name, owner, interest, now)
        else:
            self.note(Happening.HANDED if yours else Happening.TRANSFERRED, name, owner, interest, now, heir=heir)
