"""What this node answers about names: the order in which a name is decided, and the lists for people.

    petname · own name · pin · the global rule (`ranking`)          name.<owner> skips to the owner's own claim

Invariant: an answer is a function of the knowledge and the time. A petname or a pin answers or fails; it never gives
way to another owner. A contested name fails and says who the choices are. Devices of the LAN are asked by `ingress`.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

import attrs

from beam_actors.errors import NameContested, NameGivenUp, NameNotFound, NameRevoked, NameUnclaimed, NameUnheld
from beam_actors.naming.claim import Claim, Kind
from beam_actors.naming.entry import Entry, Key
from beam_actors.naming.events import Relation
from beam_actors.naming.grammar import Query
from beam_actors.naming.inheriting import check_bound, check_name
from beam_actors.naming.knowledge import Knowledge
from beam_actors.naming.limits import STALE_GRACE
from beam_actors.naming.messages import Holding
from beam_actors.naming.pins import Pin
from beam_actors.naming.precedence import place_of
from beam_actors.naming.ranking import Contested, decide, holders, is_live
from beam_actors.naming.results import Held, Resolution, Source
from beam_actors.values import Name, OwnerId

_LISTED = 8
_LOST = {
    "pin": "{name} is pinned, but the pin on this disk can't be read; make it again with `beam pin {name} OWNER`, "
    "or let it go with `beam unpin {name}`.",
    "petname": "{name} is a petname, but what it stands for can't be read on this disk; make it again with "
    "`beam petname {name} NAME.OWNER`, or let it go with `beam petname --forget {name}`.",
}


@attrs.frozen(slots=True)
class Standing:
    """How far it is known here who holds a name."""

    certainty: Literal["open", "sole", "firm"]
    """`open`: whom the name leads to isn't known. `sole`: as far as is known, one owner holds it, or shows four times
    the work of any other. `firm`: another rival would change nothing, for the name is own, bound to an owner whose
    claim is known, settled, or contested."""
    owners: frozenset[OwnerId]
    """Those with a live claim."""


def resolve(knowledge: Knowledge, query: Query, now: float, *, cut_off: bool = False) -> Resolution:
    """Decide what the name leads to; `cut_off` says that nobody else can be asked.

    Raises:
        NameNotFound: nobody is known to hold it; `NameUnheld`: whom it is bound to doesn't; `NameUnclaimed`: it is own.
        NameHandedOver: that is so since the owner handed it over, and the next one has not registered it yet.
        NameContested: several owners do and nothing decides between them.
    """
    name, owner = query.name, query.owner
    if owner is not None:
        source: Source = "own" if owner == knowledge.owner else "registry"
        return _by_owner(knowledge, name, owner, source, now, cut_off=cut_off)
    bindings = knowledge.bindings
    if name in bindings.petnames:
        return _by_binding(knowledge, _Petname(name, bindings.petnames[name]), now, cut_off=cut_off)
    if name in knowledge.own:
        return _own(knowledge, name, now, cut_off=cut_off)
    if name in bindings.lost:
        raise NameNotFound(_LOST[bindings.lost[name]].format(name=name))
    if name in bindings.pins:
        return _by_binding(knowledge, _Pinned(bindings.pins[name]), now, cut_off=cut_off)
    entries = knowledge.registry.entries(name)
    settled = knowledge.settled(name, now) if len(entries) > 1 else None
    decision = decide(entries, now, settled=settled, cut_off=cut_off)
    if decision is None:
        check_name(knowledge, name, now)
        raise NameNotFound(f"Nobody is known to hold {name}: check its spelling, and by `beam peers` who is connected.")
    if isinstance(decision, Contested):
        raise NameContested(
            f"{name} is held by several owners ({_listed(decision.claims)}); choose with `beam pin {name} OWNER`."
        )
    return _resolution(knowledge, name, decision.claim, "registry", now)


def _listed(claims: Sequence[Claim]) -> str:
    """The owners of the claims; of many the first ones, since anybody may be one."""
    more = f" and {len(claims) - _LISTED} more" if len(claims) > _LISTED else ""
    return ", ".join(str(claim.owner) for claim in claims[:_LISTED]) + more


def _own(knowledge: Knowledge, name: Name, now: float, *, cut_off: bool) -> Resolution:
    own, owner = knowledge.own[name], knowledge.owner
    waits = knowledge.levels.asked and _signs(knowledge) and knowledge.registry.entry(name, owner) is None
    if not waits or knowledge.me is None:
        try:
            return _by_owner(knowledge, name, owner, "own", now, cut_off=cut_off)
        except NameNotFound:
            raise NameUnclaimed(f"{name} is yours, but no claim for it counts now; `beam names` says why.") from None
    # The work for its first claim is being done: others hear of it in seconds, and here nothing is in doubt.
    return Resolution(name=name, owner=owner, peers=(knowledge.me,), source="own", age_s=0.0, since=float(own.since))


def _signs(knowledge: Knowledge) -> bool:
    """Whether the owner's key on this machine signs for names."""
    owner = knowledge.owner
    return not knowledge.registry.is_revoked(owner) and knowledge.registry.era_of(owner) <= knowledge.era


def _by_owner(
    knowledge: Knowledge, name: Name, owner: OwnerId, source: Source, now: float, *, cut_off: bool
) -> Resolution:
    entry = knowledge.registry.entry(name, owner)
    if entry is None or not is_live(entry.claim, now, grace=STALE_GRACE if cut_off else 0.0):
        raise NameNotFound(f"{owner.short} is not known to hold {name} now.")
    return _resolution(knowledge, name, entry.claim, source, now)


def _by_binding(knowledge: Knowledge, bound: "_Pinned | _Petname", now: float, *, cut_off: bool) -> Resolution:
    pin = bound.pin
    if knowledge.registry.is_revoked(pin.owner):
        raise NameRevoked(f"{bound}, whose key was revoked; {bound.way_out}.{_others(knowledge, bound, now)}")
    entry = knowledge.registry.entry(pin.name, pin.owner)
    if entry is None or not pin.accepts(entry.claim):
        raise NameUnheld(f"{bound}, of whom no present claim is known.{_others(knowledge, bound, now)}")
    if not is_live(entry.claim, now, grace=STALE_GRACE if cut_off else 0.0):
        check_bound(knowledge, str(bound), pin, entry, now)
        if entry.claim.kind is Kind.TOMBSTONE:
            raise NameGivenUp(
                f"{bound}, who has released it; {bound.way_out} to let go.{_others(knowledge, bound, now)}"
            )
        raise NameUnheld(f"{bound}, who let the claim end; {bound.way_out} to let go.{_others(knowledge, bound, now)}")
    return _resolution(knowledge, pin.name, entry.claim, bound.source, now)


def _others(knowledge: Knowledge, bound: "_Pinned | _Petname", now: float) -> str:
    """Who else holds a pinned name, in words; a petname is for what one owner holds, whoever else does."""
    live = [] if bound.source == "petname" else knowledge.live(bound.pin.name, now)
    others = [claim for claim in live if claim.owner != bound.pin.owner]
    return f" It is held by {_listed(others)} now." if others else ""


@attrs.frozen(slots=True)
class _Pinned:
    """A pin, in words."""

    pin: Pin
    source: Source = "pin"

    @property
    def way_out(self) -> str:
        return f"`beam unpin {self.pin.name}`"

    def __str__(self) -> str:
        return f"{self.pin.name} is pinned to {self.pin.owner.short}"


@attrs.frozen(slots=True)
class _Petname:
    """A petname, in words."""

    petname: Name
    pin: Pin
    source: Source = "petname"

    @property
    def way_out(self) -> str:
        return f"`beam petname --forget {self.petname}`"

    def __str__(self) -> str:
        return f"{self.petname} is your petname for {self.pin.name} of {self.pin.owner.short}"


def _resolution(knowledge: Knowledge, name: Name, claim: Claim, source: Source, now: float) -> Resolution:
    owner = claim.owner
    seen = knowledge.holds[name, owner]
    age = 0.0 if source == "own" and owner == knowledge.owner else max(0.0, now - seen.heard)
    if source == "registry" and (age > claim.ttl or now > claim.not_after):
        source = "cache"
    return Resolution(name=name, owner=owner, peers=claim.peers, source=source, age_s=age, since=float(seen.first))


def standing(knowledge: Knowledge, name: Name, now: float) -> Standing:
    """How far it is known who holds the name, for whoever may still hear more of it."""
    return Standing(_certainty(knowledge, name, now), frozenset(holders(knowledge.registry.entries(name), now)))


def _certainty(knowledge: Knowledge, name: Name, now: float) -> Literal["open", "sole", "firm"]:
    try:
        source = resolve(knowledge, Query(name), now).source
    except NameNotFound:
        return "open"
    except NameContested:
        return "firm"
    return "firm" if source in {"own", "petname", "pin"} or knowledge.settled(name, now) is not None else "sole"


def held(knowledge: Knowledge, now: float) -> tuple[Held, ...]:
    """The names that are owned or pinned here, and petnames, in the order of names."""
    bindings = knowledge.bindings
    own = [Pin(one.name, knowledge.owner, one.since) for one in knowledge.own.values()]
    found = [_held(knowledge, one.name, "own", one, now) for one in own]
    found += [_held(knowledge, name, "pin", pin, now) for name, pin in bindings.pins.items()]
    found += [_held(knowledge, petname, "petname", pin, now) for petname, pin in bindings.petnames.items()]
    return tuple(sorted(found, key=lambda one: (one.name, one.relation)))


def elsewhere(knowledge: Knowledge, now: float) -> tuple[Held, ...]:
    """The names that this node's owner claims on other machines alone, as far as is known here, in their order.

    They count among as many as one owner may hold, also when their claims have ended, until these are forgotten.
    """
    claims = (entry.claim for entry in knowledge.registry.names_of(knowledge.owner))
    names = [claim.name for claim in claims if claim.kind is Kind.LIVE and claim.name not in knowledge.own]
    return tuple(
        _held(knowledge, name, "own", Pin(name, knowledge.owner, knowledge.holds[name, knowledge.owner].first), now)
        for name in names
    )


def _held(knowledge: Knowledge, name: Name, relation: Relation, bound: Pin, now: float) -> Held:
    entry = knowledge.registry.entry(bound.name, bound.owner)
    claim = entry.claim if entry and entry.claim.kind is Kind.LIVE else None
    return Held(
        name=name,
        relation=relation,
        target=bound.name,
        how=bound.how if relation == "pin" else None,
        owner=bound.owner,
        peers=claim.peers if claim else (),
        expires=float(claim.not_after) if claim else None,
        since=bound.since,
        revoked=knowledge.registry.is_revoked(bound.owner),
        given_up=relation != "own" and _is_given_up(knowledge, relation, name, bound, now),
        contested=relation != "petname" and _is_contested(knowledge, name, relation, now),
        era=knowledge.registry.era_of(bound.owner),
    )


def _is_contested(knowledge: Knowledge, name: Name, relation: Relation, now: float) -> bool:
    holders_now = {claim.owner for claim in knowledge.live(name, now)}
    if relation == "own" and _signs(knowledge):  # it claims the name when its work is done, if it doesn't yet
        holders_now.add(knowledge.owner)
    return len(holders_now) > 1


def _is_given_up(knowledge: Knowledge, relation: Relation, name: Name, bound: Pin, now: float) -> bool:
    try:
        _by_binding(knowledge, _Petname(name, bound) if relation == "petname" else _Pinned(bound), now, cut_off=False)
    except NameGivenUp:
        return True
    except NameNotFound:
        return False
    return False


def holding(knowledge: Knowledge, name: Name, *, as_own: bool = False) -> Holding:
    """What this node has to do with a name; `as_own` asks for the own owner's entry, whoever it is bound to."""
    own, bound = knowledge.own.get(name), knowledge.bindings.owners_of(name)
    owners = bound if bound and own is None and not as_own else [knowledge.owner]
    entries = [knowledge.registry.entry(name, owner) for owner in owners]
    heard = [knowledge.seen(entry.claim).heard if entry else 0.0 for entry in entries]
    least = heard.index(min(heard))
    return Holding(
        own=own,
        bound=bool(bound),
        entry=entries[least],
        heard=heard[least],
        inherits=max(_handed_to(knowledge, name), default=b""),
        revoked=knowledge.registry.is_revoked(knowledge.owner),
        era=knowledge.registry.era_of(knowledge.owner),
    )


def former(knowledge: Knowledge, era: int) -> tuple[tuple[Name, Holding], ...]:
    """The own names of which their owner last spoke in an era before `era`; if there are none, another name.

    Those that another machine gave up are among them: it may have been a thief's.
    """
    own = {**knowledge.own, **knowledge.own.given_up}
    spoken = [entry.name for entry in knowledge.registry.names_of(knowledge.owner) if entry.era < era]
    names = [name for name in spoken if name in own]
    names = names or sorted(spoken, key=lambda name: (knowledge.bindings.decides(name), name))[:1]
    return tuple((name, attrs.evolve(holding(knowledge, name, as_own=True), own=own.get(name))) for name in names)


def about(knowledge: Knowledge, name: Name, now: float) -> tuple[bytes, ...]:
    """The encoded claims for the name that still mean something, by what they say or by their work.

    At most three for each owner whom a node keeps by its quotas, who come first; what counts before proofs and work.
    """
    ranked = sorted(knowledge.registry.entries(name), key=place_of)
    return _telling(ranked, now)[: 3 * knowledge.limits.owners_per_name]


def about_hold(knowledge: Knowledge, hold: Key, now: float) -> tuple[bytes, ...]:
    """The same of one owner's hold on a name."""
    entry = knowledge.registry.entry(*hold)
    return () if entry is None else _telling((entry,), now)


def _telling(entries: Sequence[Entry], now: float) -> tuple[bytes, ...]:
    counting = [one.claim for one in entries if one.claim.kind is not Kind.LIVE or is_live(one.claim, now)]
    others = [
        one
        for entry in entries
        for one in entry.claims[1:]
        if one.kind is not Kind.LIVE or one is entry.backer or is_live(one, now)
    ]
    return tuple(one.encoded for one in counting + others)


def _handed_to(knowledge: Knowledge, name: Name) -> Iterator[bytes]:
    return (
        entry.claim.id
        for entry in knowledge.registry.entries(name)
        if entry.claim.kind is Kind.TRANSFER and entry.claim.terms.successor == knowledge.owner
    )


def meaning(knowledge: Knowledge, query: Query) -> Query:
    """What others call what is asked for here: petnames mean nothing to them."""
    meant = knowledge.bindings.petnames.get(query.name) if query.owner is None else None
    return query if meant is None else Query(meant.name, meant.owner)
