"""Who else holds a name: the owners among whom a person here may choose, and what decides between them.

Invariant: as of `answering`, a function of the knowledge and the time.
"""

from collections.abc import Iterator
from typing import Literal

from beam_actors.errors import NameContested, NameNotFound
from beam_actors.naming.answering import resolve
from beam_actors.naming.grammar import Query
from beam_actors.naming.knowledge import Knowledge
from beam_actors.naming.ranking import Clear, decide, is_live
from beam_actors.naming.results import Choice, Conflict
from beam_actors.values import Name, OwnerId


def conflicts(knowledge: Knowledge, now: float, name: Name | None = None) -> tuple[Conflict, ...]:
    """The names that several owners hold, or whose owner equivocates; of one name only if given."""
    names = sorted(knowledge.registry.names) if name is None else [name]
    return tuple(conflict for one in names for conflict in _conflict(knowledge, one, now))


def _conflict(knowledge: Knowledge, name: Name, now: float) -> Iterator[Conflict]:
    choices = claimants(knowledge, name, now)
    if len(choices) > 1 or any(choice.equivocates for choice in choices):
        yield Conflict(name=name, choices=choices, settled_by=_settled_by(knowledge, name, now))


def claimants(knowledge: Knowledge, name: Name, now: float) -> tuple[Choice, ...]:
    """The owners who hold the name now, however many, whomever it leads to here."""
    used = _used(knowledge, name, now)
    return tuple(
        Choice(
            owner=entry.claim.owner,
            peers=entry.claim.peers,
            since=float(knowledge.seen(entry.claim).first),
            equivocates=entry.rival is not None,
            level=entry.level,
            relation=_relation(knowledge, name, entry.claim.owner),
            used=entry.claim.owner == used,
        )
        for entry in knowledge.registry.entries(name)
        if is_live(entry.claim, now)
    )


def _settled_by(
    knowledge: Knowledge, name: Name, now: float
) -> Literal["own", "petname", "pin", "settled", "work"] | None:
    bindings = knowledge.bindings
    if name in bindings.petnames:
        return "petname"
    if name in knowledge.own:
        return "own"
    if name in bindings.pins or name in bindings.lost:
        return bindings.lost.get(name, "pin")
    if knowledge.settled(name, now) is not None:
        return "settled"
    return "work" if isinstance(decide(knowledge.registry.entries(name), now), Clear) else None


def _used(knowledge: Knowledge, name: Name, now: float) -> OwnerId | None:
    if name in knowledge.bindings.petnames:
        return None
    try:
        return resolve(knowledge, Query(name), now).owner
    except (NameNotFound, NameContested):
        return None


def _relation(knowledge: Knowledge, name: Name, owner: OwnerId) -> Literal["own", "pin", "other"]:
    if owner == knowledge.owner:
        return "own"
    pin = knowledge.bindings.pins.get(name)
    return "pin" if pin is not None and pin.owner == owner else "other"
