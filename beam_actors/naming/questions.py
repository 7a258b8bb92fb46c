"""What can be asked about names without changing anything: each question, and the function that answers it.

Invariant: an answer is a function of the knowledge, the question and the time (seconds since 1970); it touches no store
and no actor, so whoever holds the knowledge answers at once.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from beam_actors.naming import answering, conflicts
from beam_actors.naming.knowledge import Knowledge
from beam_actors.naming.messages import (
    CheckFree,
    GetAbout,
    GetClaims,
    GetHeld,
    GetHolding,
    GetItems,
    GetMeaning,
    GetMissing,
    GetOwnerState,
    GetStanding,
    GetUnder,
    IsDecided,
    IsPetname,
    ListClaimants,
    ListConflicts,
    ListElsewhere,
    ListEvents,
    ListHeld,
    Resolve,
)
from beam_actors.naming.results import OwnerState
from beam_actors.naming.tending import GetMade, GetSpare, ListFormer

Question = (
    CheckFree
    | GetHolding
    | GetMade
    | GetMeaning
    | GetMissing
    | GetSpare
    | GetOwnerState
    | GetStanding
    | IsDecided
    | IsPetname
    | ListClaimants
    | ListConflicts
    | ListElsewhere
    | ListEvents
    | ListFormer
    | ListHeld
    | Resolve
)
PeersQuestion = GetAbout | GetUnder | GetItems | GetClaims | GetHeld
Answer = Callable[[Knowledge, Any, float], object]

ANSWERS: Final[Mapping[type[Question], Answer]] = {
    Resolve: lambda known, ask, now: answering.resolve(known, ask.query, now, cut_off=ask.cut_off),
    GetMeaning: lambda known, ask, _now: answering.meaning(known, ask.query),
    IsDecided: lambda known, ask, _now: ask.name in known.own or known.bindings.decides(ask.name),
    IsPetname: lambda known, ask, _now: known.bindings.is_petname(ask.name),
    GetOwnerState: lambda known, _ask, _now: OwnerState(
        known.registry.era_of(known.owner), known.registry.is_revoked(known.owner)
    ),
    CheckFree: lambda known, ask, _now: known.bindings.check_free(ask.name),
    GetStanding: lambda known, ask, now: answering.standing(known, ask.name, now),
    GetHolding: lambda known, ask, _now: answering.holding(known, ask.name, as_own=ask.as_own),
    GetMissing: lambda known, ask, _now: tuple(one for one in ask.ids if known.registry.get(one) is None),
    GetMade: lambda known, ask, _now: known.made.name_for(ask.purpose),
    GetSpare: lambda known, ask, _now: known.own.spare(ask.in_use),
    ListHeld: lambda known, _ask, now: answering.held(known, now),
    ListElsewhere: lambda known, _ask, now: answering.elsewhere(known, now),
    ListClaimants: lambda known, ask, now: conflicts.claimants(known, ask.name, now),
    ListConflicts: lambda known, ask, now: conflicts.conflicts(known, now, ask.name),
    ListEvents: lambda known, ask, _now: known.events.after(ask.after),
    ListFormer: lambda known, ask, _now: answering.former(known, ask.era),
}
"""What is raised goes back to whoever asked."""


def _under(known: Knowledge, ask: GetUnder, now: float) -> tuple[bytes, ...]:
    hold = known.deposits.under(ask.key)
    name = known.registry.at(ask.key) if hold is None else None
    return answering.about_hold(known, hold, now) if hold else answering.about(known, name, now) if name else ()


TOLD: Final[Mapping[type[PeersQuestion], Answer]] = {
    GetAbout: lambda known, ask, now: answering.about(known, ask.name, now),
    GetUnder: _under,
    GetItems: lambda known, _ask, _now: known.registry.snapshot(),
    GetClaims: lambda known, ask, _now: tuple(
        claim.encoded for one in ask.ids if (claim := known.registry.get(one)) is not None
    ),
    GetHeld: lambda known, ask, _now: frozenset(
        one for one in ask.ids if (claim := known.registry.get(one)) is not None and known.registry.holds(claim)
    ),
}
"""What peers may hear of. It must be durable: a claim that was not committed may be signed again, differently."""
