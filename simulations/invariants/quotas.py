"""The quotas on owners of a name and names of an owner, written a second time: shorter, slower, and over all at once.

What a node keeps beside them is for people who use that node, so it may differ from node to node; which that is, the
node itself is asked (`inside.keeps_beside`), and how much of it there may be is S16's matter.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from beam_actors.naming import Claim, Kind
from beam_actors.naming.registry import Registry
from beam_actors.values import Name, OwnerId
from simulations.invariants.reference import reference

if TYPE_CHECKING:
    from simulations.stage import Stage

OWNERS = 32
"""Of a name; this and what follows stands in docs/naming.md."""
NAMES = 80
"""Of an owner."""

Hold = tuple[str, OwnerId]
Level = Callable[[Claim], int]


def to_be_equal(stage: "Stage") -> dict[int, dict[bytes, Claim]]:
    """What each machine holds by their last looks, without what its own people alone made it keep beside the quotas."""
    known = {place.index: stage.invariants.known_claims(place) for place in stage.core}
    every = {claim_id: claim for claims in known.values() for claim_id, claim in claims.items()}
    shared = within_quotas(reference(every.values(), stage.work.level), stage.work.level)
    if shared == every.keys():
        return known
    return {
        place.index: {
            claim_id: claim
            for claim_id, claim in known[place.index].items()
            if claim_id in shared or not stage.inside.keeps_beside(place.node, claim)
        }
        for place in stage.core
    }


def within_quotas(claims: dict[bytes, Claim], level: Level) -> set[bytes]:
    """The ids of those that every node keeps which has heard of all of them."""
    holds: dict[Hold, list[Claim]] = {}
    for claim in claims.values():
        if claim.kind is not Kind.REVOCATION:
            holds.setdefault((claim.label, claim.owner), []).append(claim)
    kept = {claim.id for claim in claims.values() if claim.kind is Kind.REVOCATION}
    of_name: Counter[str] = Counter()
    of_owner: Counter[OwnerId] = Counter()
    for label, owner in sorted(holds, key=lambda hold: precedence(hold, holds[hold], level)):
        if of_name[label] < OWNERS and of_owner[owner] < NAMES:
            of_name[label] += 1
            of_owner[owner] += 1
            kept.update(claim.id for claim in holds[label, owner])
    return kept


def precedence(hold: Hold, claims: Iterable[Claim], level: Level) -> tuple[int, bytes]:
    """More work comes first, then the lesser hash."""
    label, owner = hold
    subject = label.encode() + b"\0" + owner.digest
    return -max(map(level, claims), default=0), hashlib.blake2b(
        subject, digest_size=16, person=b"beam-quota-1"
    ).digest()


def pushed_out(hold: Hold, registry: Registry, level: Level, gone: Claim | None = None) -> bool:
    """Whether a hold that is not here would have no room beside what is; `gone` is what was here of it."""
    label, owner = hold
    mine = precedence(hold, [gone] if gone else [], level)
    rivals, names = registry.entries(Name(label)), registry.names_of(owner)
    return any(
        sum(precedence((one.label, one.owner), one.claims, level) < mine for one in entries) >= most
        for entries, most in ((rivals, OWNERS), (names, NAMES))
    )
