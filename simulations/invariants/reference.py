"""The rule of the merge, written a second time: over all claims at once, shorter and slower than the product's."""

from collections.abc import Callable, Iterable

from beam_actors.naming import Claim, Kind
from beam_actors.values import OwnerId, cbor


def reference(claims: Iterable[Claim], level: Callable[[Claim], int]) -> dict[bytes, Claim]:
    """What a registry holds that was given these claims, by their ids: the rule of docs/naming.md, taken literally.

    `level` says what the work of a claim is worth.
    """
    given = {claim.id: claim for claim in claims}
    revoked = {claim.owner: claim for claim in given.values() if claim.kind is Kind.REVOCATION}
    kept = {claim.id: claim for claim in revoked.values()}
    standing = [claim for claim in given.values() if claim.owner not in revoked]
    eras: dict[OwnerId, int] = {}
    for claim in standing:
        eras[claim.owner] = max(claim.era, eras.get(claim.owner, 0))
    groups: dict[tuple[str, OwnerId], list[Claim]] = {}
    for claim in standing:
        if claim.era == eras[claim.owner]:
            groups.setdefault((claim.name.label, claim.owner), []).append(claim)
    for group in groups.values():
        highest = max(claim.seq for claim in group)
        rivals = [claim for claim in group if claim.seq == highest]
        rivals.sort(key=rank, reverse=True)
        kept.update((claim.id, claim) for claim in rivals[:2])
        most = max(level(claim) for claim in group)
        backers = [claim for claim in group if level(claim) == most]
        backers.sort(key=lambda claim: (claim.seq, rank(claim)))
        kept[backers[-1].id] = backers[-1]
    return kept


def rank(claim: Claim) -> tuple[int, bytes]:
    """Of two claims with one number, the one with more of this counts."""
    return claim.issued, claim.id


def canonical(claims: dict[bytes, Claim]) -> bytes:
    """The bytes that a registry of these claims says it is."""
    return cbor.encode([claims[claim_id].body for claim_id in sorted(claims)])
