"""What this node answers about names: the order in which a name is decided, and the lists for people.

    own name · pin · the global rule (`ranking`)          name.<owner> skips to the owner's own claim

Invariant: an answer is a function of the knowledge and the time. A pin answers or fails; it never gives way to another
owner. A contested name fails and says who the choices are. Petnames and devices on the LAN are not asked yet.
"""

from collections.abc import Iterator
from typing import Literal

import attrs

from beam_actors.errors import NameContested, NameNotFound
from beam_actors.naming.claim import Claim, Kind
from beam_actors.naming.grammar import Query
from beam_actors.naming.knowledge import Knowledge
from beam_actors.naming.limits import STALE_GRACE
from beam_actors.naming.pins import Pin
from beam_actors.naming.ranking import Contested, decide, is_live
from beam_actors.naming.results import Choice, Conflict, Held, Resolution, Source
from beam_actors.values import Name, OwnerId


@attrs.frozen(slots=True)
class Standing:
    """How far it is known here who holds a name."""

    certainty: Literal["open", "sole", "firm"]
    """`open`: whom the name leads to isn't known. `sole`: one owner holds it, as far as is known. `firm`: another
    rival would change nothing, for the name is own, pinned to an owner whose claim is known, settled, or contested."""
    owners: frozenset[OwnerId]
    """Those with a live claim."""


def resolve(knowledge: Knowledge, query: Query, now: float, *, cut_off: bool = False) -> Resolution:
    """Decide what the name leads to; `cut_off` says that nobody else can be asked.

    Raises:
        NameNotFound: nobody is known to hold it, or the owner that it is bound to doesn't now.
        NameContested: several owners do and nothing decides between them.
    """
    name, owner = query.name, query.owner
    if owner is not None:
        return _by_owner(
            knowledge, name, owner, "own" if owner == knowledge.owner else "registry", now, cut_off=cut_off
        )
    if name in knowledge.own:
        return _by_owner(knowledge, name, knowledge.owner, "own", now, cut_off=cut_off)
    if name in knowledge.lost_pins:
        raise NameNotFound(
            f"{name} is pinned, but the pin on this disk can't be read; make it again with `beam pin {name} OWNER`, "
            f"or let it go with `beam unpin {name}`."
        )
    pin = knowledge.pins.get(name)
    if pin is not None:
        return _by_pin(knowledge, pin, now, cut_off=cut_off)
    settled = knowledge.settled(name, now)
    decision = decide(knowledge.registry.entries(name), now, settled=settled, cut_off=cut_off)
    if decision is None:
        raise NameNotFound(f"Nobody is known to hold {name}: check its spelling, and by `beam peers` who is connected.")
    if isinstance(decision, Contested):
        who = ", ".join(str(claim.owner) for claim in decision.claims)
        raise NameContested(f"{name} is held by several owners ({who}); choose with `beam pin {name} OWNER`.")
    return _resolution(knowledge, decision.claim, "registry", now)


def _by_owner(
    knowledge: Knowledge, name: Name, owner: OwnerId, source: Source, now: float, *, cut_off: bool
) -> Resolution:
    entry = knowledge.registry.entry(name, owner)
    if entry is None or not is_live(entry.claim, now, grace=STALE_GRACE if cut_off else 0.0):
        raise NameNotFound(f"{owner.short} is not known to hold {name} now.")
    return _resolution(knowledge, entry.claim, source, now)


def _by_pin(knowledge: Knowledge, pin: Pin, now: float, *, cut_off: bool) -> Resolution:
    if knowledge.registry.is_revoked(pin.owner):
        raise NameNotFound(
            f"{pin.name} is pinned to {pin.owner.short}, whose key was revoked; `beam unpin {pin.name}`."
        )
    entry = knowledge.registry.entry(pin.name, pin.owner)
    if entry is None or not pin.accepts(entry.claim):
        raise NameNotFound(f"{pin.name} is pinned to {pin.owner.short}, of whom no present claim is known.")
    if not is_live(entry.claim, now, grace=STALE_GRACE if cut_off else 0.0):
        said = {Kind.TOMBSTONE: "has released it", Kind.TRANSFER: "has handed it over"}
        why = said.get(entry.claim.kind, "let the claim end")
        raise NameNotFound(f"{pin.name} is pinned to {pin.owner.short}, who {why}; `beam unpin {pin.name}` to let go.")
    return _resolution(knowledge, entry.claim, "pin", now)


def _resolution(knowledge: Knowledge, claim: Claim, source: Source, now: float) -> Resolution:
    seen = knowledge.seen(claim)
    age = 0.0 if source == "own" and claim.owner == knowledge.owner else max(0.0, now - seen.heard)
    if source == "registry" and (age > claim.terms.ttl or now > claim.terms.not_after):
        source = "cache"
    return Resolution(
        name=claim.name, owner=claim.owner, peers=claim.peers, source=source, age_s=age, since=float(seen.first)
    )


def standing(knowledge: Knowledge, name: Name, now: float) -> Standing:
    """How far it is known who holds the name, for whoever may still hear more of it."""
    owners = frozenset(entry.claim.owner for entry in knowledge.registry.entries(name) if is_live(entry.claim, now))
    return Standing(certainty=_certainty(knowledge, name, now), owners=owners)


def _certainty(knowledge: Knowledge, name: Name, now: float) -> Literal["open", "sole", "firm"]:
    try:
        source = resolve(knowledge, Query(name), now).source
    except NameNotFound:
        return "open"
    except NameContested:
        return "firm"
    return "firm" if source in {"own", "pin"} or knowledge.settled(name, now) is not None else "sole"


def held(knowledge: Knowledge) -> tuple[Held, ...]:
    """The names that are owned or pinned here, in the order of names."""
    own: list[tuple[Name, Literal["own", "pin"], OwnerId, float]] = [
        (one.name, "own", knowledge.owner, one.since) for one in knowledge.own.values()
    ]
    pinned: list[tuple[Name, Literal["own", "pin"], OwnerId, float]] = [
        (pin.name, "pin", pin.owner, pin.since) for pin in knowledge.pins.values()
    ]
    return tuple(_held(knowledge, *row) for row in sorted(own + pinned))


def _held(knowledge: Knowledge, name: Name, relation: Literal["own", "pin"], owner: OwnerId, since: float) -> Held:
    entry = knowledge.registry.entry(name, owner)
    claim = entry.claim if entry and entry.claim.kind is Kind.LIVE else None
    return Held(
        name=name,
        relation=relation,
        owner=owner,
        peers=claim.peers if claim else (),
        expires=float(claim.terms.not_after) if claim else None,
        since=since,
    )


def conflicts(knowledge: Knowledge, now: float, name: Name | None = None) -> tuple[Conflict, ...]:
    """The names that several owners hold, or whose owner equivocates; of one name only if given."""
    names = sorted(knowledge.registry.names) if name is None else [name]
    return tuple(conflict for one in names for conflict in _conflict(knowledge, one, now))


def _conflict(knowledge: Knowledge, name: Name, now: float) -> Iterator[Conflict]:
    used = _used(knowledge, name, now)
    choices = tuple(
        Choice(
            owner=entry.claim.owner,
            peers=entry.claim.peers,
            since=float(knowledge.seen(entry.claim).first),
            equivocates=entry.rival is not None,
            relation=_relation(knowledge, name, entry.claim.owner),
            used=entry.claim.owner == used,
        )
        for entry in knowledge.registry.entries(name)
        if is_live(entry.claim, now)
    )
    if len(choices) > 1 or any(choice.equivocates for choice in choices):
        yield Conflict(name=name, choices=choices, settled_by=_settled_by(knowledge, name, now))


def _settled_by(knowledge: Knowledge, name: Name, now: float) -> Literal["own", "pin", "settled"] | None:
    if name in knowledge.own:
        return "own"
    if name in knowledge.pins or name in knowledge.lost_pins:
        return "pin"
    return None if knowledge.settled(name, now) is None else "settled"


def _used(knowledge: Knowledge, name: Name, now: float) -> OwnerId | None:
    try:
        return resolve(knowledge, Query(name), now).owner
    except (NameNotFound, NameContested):
        return None


def _relation(knowledge: Knowledge, name: Name, owner: OwnerId) -> Literal["own", "pin", "other"]:
    if owner == knowledge.owner:
        return "own"
    pin = knowledge.pins.get(name)
    return "pin" if pin is not None and pin.owner == owner else "other"
