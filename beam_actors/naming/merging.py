"""What follows when a claim is merged: whose hold began, ended or passed on, and what people here hear of it.

The registry knows what owners said and no time. This compares who held each name before and after a claim: `holds`
counts how long, pins and petnames follow their owners, own names that another machine gave up are set aside, and
`events` tells people. Invariants: a claim is merged here and nowhere else once the store was read back; what came of it
is told in full, so that a store that is given each `Merged` holds what is here. Pure: the time is an argument.
"""

from collections.abc import Collection, Iterable

import attrs

from beam_actors.naming.bindings import Bindings
from beam_actors.naming.claim import Claim, Kind
from beam_actors.naming.entry import Entry, Key
from beam_actors.naming.events import Events, Interest
from beam_actors.naming.holds import Holds
from beam_actors.naming.own import OwnNames
from beam_actors.naming.pins import heir_of
from beam_actors.naming.ranking import holders
from beam_actors.naming.registry import Registry
from beam_actors.values import Name, OwnerId


@attrs.frozen(slots=True)
class Merged:
    """What came of a claim."""

    ended: tuple[Key, ...]
    """Holds of which the registry has nothing any more: their owner speaks in a later era, or revoked all."""
    changed: tuple[Key, ...]
    """Holds of which something else is to be stored, in order; those that ended may be among them."""
    elsewhere: tuple[Name, ...]
    """What may lead elsewhere now, beside the claim's own name: names that ended, and petnames."""


class Merger:
    """The parts of one node's knowledge that a merge changes. One holder."""

    __slots__ = ("_bindings", "_events", "_holds", "_left", "_own", "_owner", "_registry", "_silent")

    def __init__(
        self, registry: Registry, holds: Holds, bindings: Bindings, own: OwnNames, events: Events, *, owner: OwnerId
    ) -> None:
        """`owner` is this node's."""
        self._registry = registry
        self._holds = holds
        self._bindings = bindings
        self._own = own
        self._events = events
        self._owner = owner
        self._left: set[Name] = set()  # in a later era their owner has not spoken of them yet
        self._silent: dict[Key, Entry] = {}  # what ended so of holds that matter here, until their owner does

    def __repr__(self) -> str:
        return f"<Merger into {self._registry!r}, {len(self._left)} names left>"

    def holders(self, name: Name, now: float) -> list[OwnerId]:
        """Who holds the name now, in the registry's order."""
        return holders(self._registry.entries(name), now)

    def merge(self, claim: Claim, now: float, *, ours: bool) -> Merged:
        """Merge a claim that was admitted at `now`, in seconds since 1970; `ours` says that this node signed it."""
        owner = claim.owner
        ended = [entry.claim.name for entry in self._registry.ended_by(claim)]
        touched = ended if claim.kind is Kind.REVOCATION else [*ended, claim.name]
        before = [(self.holders(name, now), self._registry.entry(name, owner)) for name in touched]
        silent: Entry | None = None
        if claim.kind is not Kind.REVOCATION:
            silent = self._silent.pop((claim.name, owner), None)
            held = {name for name, (had, _entry) in zip(touched, before, strict=True) if owner in had}
            self._carry_on_holds(claim, ended, held)
            self._left.update(ended)
            for name, (_had, entry) in zip(ended, before, strict=False):
                if entry is not None and self._matters((name, owner)):
                    self._silent[name, owner] = entry
        self._registry.merge(claim)
        changed: set[Key] = set()
        for name, (had, entry) in zip(touched, before, strict=True):
            after = self.holders(name, now)
            changed |= self._holds.changed(name, had, after, now)
            for interest in self._bindings.interests(name, own=name in self._own):
                came = [] if ours else _came(had, after)
                known = silent if entry is None else entry
                has = interest.owner in after
                self._tell(claim, name, interest, now, before=known, came=came, held=has, ours=ours)
        petnames = [petname for name in touched for petname in self._bindings.petnames_of(name)]
        if claim.kind is not Kind.REVOCATION:
            self._holds.heard((claim.name, owner), now)
            changed.add((claim.name, owner))
            self._follow(claim, now, before[-1][1])
        return Merged(tuple((name, owner) for name in ended), tuple(sorted(changed)), (*ended, *petnames))

    def tell_left(self, now: float) -> None:
        """Tell of names that ended with an era a while ago, and were not claimed again since."""
        left, self._left = self._left, set()
        for name in sorted(left):
            for interest in self._bindings.interests(name, own=name in self._own):
                if self._registry.entry(name, interest.owner) is None:
                    self._events.left(name, interest, now, era=self._registry.era_of(interest.owner))
        self._silent = {key: entry for key, entry in self._silent.items() if self._matters(key)}

    def _matters(self, key: Key) -> bool:
        """Whether a person here owns or bound the hold."""
        name, owner = key
        return any(one.owner == owner for one in self._bindings.interests(name, own=name in self._own))

    def _carry_on_holds(self, claim: Claim, ended: Iterable[Name], held: Collection[Name]) -> None:
        """A later era began, or the name is handed over: what was `held` until then, and had not lapsed, may go on."""
        for name in ended:
            if name in held:
                self._holds.suspend((name, claim.owner))
        if claim.kind is Kind.TRANSFER and claim.terms.successor is not None:
            opens = claim.era > self._registry.era_of(claim.owner) and claim.name in held
            self._holds.hand_over(claim.name, claim.owner, claim.terms.successor, opens=opens)

    def _tell(
        self,
        claim: Claim,
        name: Name,
        interest: Interest,
        now: float,
        *,
        before: Entry | None,
        came: Iterable[OwnerId],
        held: bool,
        ours: bool,
    ) -> None:
        """Tell whoever the name matters to; `came` holds it newly, and that this node's owner does is no news.

        `held` says that the owner in the interest holds it.
        """
        heir = heir_of(self._registry, name, interest.owner)
        self._events.merged(
            claim,
            name,
            interest,
            now,
            entries=(before, self._registry.entry(name, claim.owner)),
            came=[one for one in came if one == heir or one != self._owner],
            held=held,
            heir=heir,
            ours=ours,
            yours=heir == self._owner and name not in self._own,
        )

    def _follow(self, claim: Claim, now: float, before: Entry | None) -> None:
        self._bindings.follow(claim.name)
        if claim.owner == self._owner:
            self._own.reconsider(claim.name, begins=before is None or before.era < claim.era)
        if heir_of(self._registry, claim.name, claim.owner) == self._owner:
            self._events.handed(claim, self._owner, now, has_it=claim.name in self._own)


def _came(before: Iterable[OwnerId], after: Iterable[OwnerId]) -> list[OwnerId]:
    known = frozenset(before)
    return [owner for owner in after if owner not in known]
