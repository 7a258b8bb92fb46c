"""The global rule: which owner's claim answers for a name that nobody here has pinned.

Invariant: a pure function of the entries, the time, and whose hold is settled here. A claim is used when it is alone,
when it is the settled one (`holds`), or when its owner showed four times the work of every live rival (`work`); else,
with several live owners, nobody wins, and the caller lists the choices. Self-asserted times never rank,
since backdating is free. An owner who equivocates is still one owner: the greatest (era, seq, issued, id) speaks for it
everywhere.
"""

from collections.abc import Iterable, Sequence

import attrs

from beam_actors.naming.claim import Claim, Kind
from beam_actors.naming.entry import Entry
from beam_actors.naming.limits import MAX_AHEAD, STALE_GRACE
from beam_actors.naming.work import CLEAR
from beam_actors.values import OwnerId


@attrs.frozen(slots=True)
class Sole:
    """One owner holds the name."""

    claim: Claim


@attrs.frozen(slots=True)
class Settled:
    """Several owners hold the name, and this one did alone here for long enough before any other came."""

    claim: Claim


@attrs.frozen(slots=True)
class Clear:
    """Several owners hold the name, none of them settled, and this one showed four times the work of any other."""

    claim: Claim


@attrs.frozen(slots=True)
class Contested:
    """Several owners hold the name, and no rule decides between them; in the order of owners."""

    claims: tuple[Claim, ...]


def is_live(claim: Claim, now: float, *, grace: float = 0.0) -> bool:
    """Whether the claim says at `now` (seconds since 1970) that the name is served.

    Clocks may differ by `MAX_AHEAD` at its beginning; at its end `grace` seconds are forgiven.
    """
    begin, end = claim.span
    return begin <= now + MAX_AHEAD and now <= end + grace and claim.kind is Kind.LIVE


def holders(entries: Iterable[Entry], now: float) -> list[OwnerId]:
    """Who holds the name that the entries are of: whose claims are live, in their order."""
    return [entry.claim.owner for entry in entries if is_live(entry.claim, now)]


def decide(
    entries: Sequence[Entry], now: float, *, settled: OwnerId | None = None, cut_off: bool = False
) -> Sole | Settled | Clear | Contested | None:
    """Who holds the name that the entries are of; None when nobody does. `settled` is whose hold is settled here.

    `cut_off` says that no peer is connected: then claims that ended at most `STALE_GRACE` ago still count, unless one
    that has not ended does, because an old answer is better than none while no newer one can be had.
    """
    live = [entry for entry in entries if is_live(entry.claim, now)]
    if not live and cut_off:
        live = [entry for entry in entries if is_live(entry.claim, now, grace=STALE_GRACE)]
    if not live:
        return None
    if len(live) == 1:
        return Sole(live[0].claim)
    for entry in live:
        if entry.claim.owner == settled:
            return Settled(entry.claim)
    most, next_to_it, *_ = sorted(live, key=lambda entry: entry.level, reverse=True)
    if most.level >= next_to_it.level + CLEAR:
        return Clear(most.claim)
    return Contested(tuple(sorted((entry.claim for entry in live), key=lambda claim: claim.owner)))
