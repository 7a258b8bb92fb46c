"""What a node may hold of claims: genuine ones, merged by the rule, never lost before their time, never twice a number.

The rule of the merge is written a second time, shorter and slower (`reference`), and so are here the bounds and the
check of a signature, so that the product's are judged by others: a wrong constant would judge itself. These see each
node's registry once a second and compare with what it held before.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import trio
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from beam_actors.errors import ClaimRefused
from beam_actors.naming import Claim, Kind
from beam_actors.naming.entry import Entry
from beam_actors.naming.registry import Registry
from beam_actors.naming.tending import Publish
from beam_actors.values import OwnerId, PeerId, cbor
from simulations.invariants.base import Invariant
from simulations.invariants.quotas import pushed_out
from simulations.invariants.reference import canonical, reference
from simulations.owner_operations import Recover

if TYPE_CHECKING:
    from beam_actors.node import Node
    from simulations.place import Place

T = TypeVar("T")
MAX_CLAIM = 1024
"""Bytes; this and what follows stands in docs/naming.md."""
MAX_AHEAD = 10 * 60
MAX_VALIDITY = 30 * 86_400
RETENTION = 31 * 86_400
_DOMAIN = b"beam-actors/claim/1\x00"
_LATE = 1.5
"""Seconds after which what a look found is an old fact: more than the time between two looks."""


def _signed(claim: Claim) -> bool:
    """Whether the key chain leads to the owner and its last revealed key signed the body."""
    keys = claim.terms.keyset
    chain = keys.rest
    for key in reversed(keys.revealed):
        chain = hashlib.blake2b(key + chain, digest_size=32, person=b"beam-owner-chain").digest()
    try:
        VerifyKey(keys.revealed[-1]).verify(_DOMAIN + claim.body, claim.signature)
    except BadSignatureError:
        return False
    return chain == claim.owner_digest


class GenuineClaims(Invariant):
    """S1. Each distinct encoding is verified once; its times are judged where and when it came in."""

    id = "S1"
    title = "every accepted claim is its owner's, shows the work asked for, and is within the bounds of size and time"

    def __init__(self, stage: object) -> None:
        super().__init__(stage)  # type: ignore[arg-type]
        self._genuine: set[bytes] = set()

    def claims_changed(self, place: "Place", registry: Registry, new: list[Claim], gone: list[Claim]) -> None:  # noqa: ARG002
        """See `Invariant`."""
        for claim in new:
            if claim.encoded not in self._genuine:
                self._judge(claim)
                self._genuine.add(claim.encoded)
            if claim.kind is not Kind.REVOCATION:
                self._judge_times(place, claim)

    def _judge(self, claim: Claim) -> None:
        self.expect(len(claim.encoded) <= MAX_CLAIM, f"{claim!r} has {len(claim.encoded)} bytes")
        try:
            again = Claim.parse(claim.encoded, network=self.stage.network_id)
        except ClaimRefused as error:
            self.fail(f"{claim!r} was accepted and can't be parsed: {error}")
            return
        same = (again.kept, again.id, again.owner, again.label) == (claim.kept, claim.id, claim.owner, claim.label)
        self.expect(same, f"{claim!r} says something else than its bytes")
        only = claim.terms.encode() == claim.body and cbor.encode([claim.body, claim.signature]) == claim.encoded
        self.expect(only, f"{claim!r} was accepted in an encoding that is not its only one")
        self.expect(_signed(claim), f"{claim!r} was accepted and its owner did not sign it")
        asked = 0 if claim.kind is Kind.REVOCATION else self.stage.plan.work
        self.expect(self.stage.work.level(claim) >= asked, f"{claim!r} was accepted without the work that is asked for")

    def _judge_times(self, place: "Place", claim: Claim) -> None:
        since_step = trio.current_time() - place.stepped_at
        if since_step < _LATE or place.machine.boots > 1:
            self.forgiven["the clock was set, or the claim came from the disk"] += 1
            return
        now = place.machine.clock.wall()
        self.expect(
            claim.issued <= now + MAX_AHEAD + 1, f"{place.name} took {claim!r} {claim.issued - now:.0f} s early"
        )
        self.expect(
            claim.issued + MAX_VALIDITY >= now - _LATE, f"{place.name} took {claim!r}, which is older than its validity"
        )


class MergeIsJoin(Invariant):
    """S2. Over all claims that any node of the run ever held, in several orders, and at each node as it is."""

    id = "S2"
    title = "the merge is commutative, associative, idempotent and monotone, to the byte"

    def __init__(self, stage: object) -> None:
        super().__init__(stage)  # type: ignore[arg-type]
        self._ever: dict[bytes, Claim] = {}

    def claims_changed(self, place: "Place", registry: Registry, new: list[Claim], gone: list[Claim]) -> None:
        """See `Invariant`: what a node holds is always what the rule makes of it."""
        for claim in new:
            self._ever[claim.id] = claim
            entry = None if claim.kind is Kind.REVOCATION else registry.entry(claim.name, claim.owner)
            if entry is not None and entry.rival is not None:
                one, other = ((rival.issued, rival.id) for rival in (entry.claim, entry.rival))
                self.expect(one > other, f"at {place.name} the lesser of two rivals counts: {entry.claim!r}")
        if gone or len(registry) < 64:
            # Claims of other owners stand as they stood: the rule knows nothing that reaches from one owner to another.
            owners = {claim.owner for claim in (*new, *gone)}
            known = self.stage.invariants.known_claims(place)
            held = {claim_id: claim for claim_id, claim in known.items() if claim.owner in owners}
            self.expect(
                reference(held.values(), self.stage.work.level).keys() == held.keys(),
                f"{place.name} holds claims that the rule would not let stand together",
            )

    async def after_heal(self) -> None:
        """See `Invariant`."""
        await trio.lowlevel.checkpoint()
        claims = list(self._ever.values())
        if not claims:
            return
        whole = canonical(reference(claims, self.stage.work.level))
        entropy = self.stage.world.entropy("merge order")
        orders = [sorted(claims, key=lambda claim: claim.id), sorted(claims, key=lambda claim: claim.order)]
        orders += [orders[1][::-1], _shuffled(claims, entropy.uniform), _shuffled(claims, entropy.uniform)]
        for order in orders:
            registry = Registry()
            registry.merge_all(order)
            self.expect(registry.canonical() == whole, "the same claims in another order are another registry")
            registry.merge_all(order)
            self.expect(registry.canonical() == whole, "merging the same claims again changes the registry")
        half = Registry()
        half.merge_all(claims[::2])
        other = Registry()
        other.merge_all(claims[1::2])
        half.merge_all(other)
        self.expect(half.canonical() == whole, "merging two registries is not merging all of their claims")
        self.figures["claims ever seen"] = float(len(claims))


def _replaced(claim: Claim, entry: Entry | None) -> bool:
    """Whether what is known now takes its place: a claim of a greater number, or two of its own that are greater."""
    if entry is None:
        return False
    least = entry.claim if entry.claim.position > claim.position else entry.rival
    return least is not None and least.order > claim.order


class NothingComesBack(Invariant):
    """S4. A claim leaves a registry for a greater one, a later era, a revocation, when too old, or for want of room."""

    id = "S4"
    title = "what was released or revoked never comes back, and nothing is forgotten too early"

    def __init__(self, stage: object) -> None:
        super().__init__(stage)  # type: ignore[arg-type]
        self._since: dict[tuple[int, bytes], float] = {}
        self._down_at: dict[int, float] = {}

    def claims_changed(self, place: "Place", registry: Registry, new: list[Claim], gone: list[Claim]) -> None:
        """See `Invariant`."""
        now = trio.current_time()
        for claim in new:
            self._since[place.index, claim.id] = now
        for claim in gone:
            since = self._since.pop((place.index, claim.id), now)
            if claim.kind is Kind.REVOCATION:
                self.expect(registry.is_revoked(claim.owner), f"{place.name} forgot the revocation {claim!r}")
                continue
            entry = registry.entry(claim.name, claim.owner)
            too_old = claim.issued + RETENTION < place.machine.clock.wall()
            outdated = registry.era_of(claim.owner) > claim.era
            if _replaced(claim, entry) or outdated or registry.is_revoked(claim.owner) or too_old:
                self.checks += 1
            elif entry is None and pushed_out((claim.label, claim.owner), registry, self.stage.work.level, claim):
                self.checks += 1
                self.figures["pushed out by others"] = self.figures.get("pushed out by others", 0.0) + 1
            elif self._was_new(place, since):
                self.forgiven["it was not durable when the machine went down, or its disk refused"] += 1
            elif entry is not None:
                self.expect(False, f"{place.name} went back from {claim!r} to {entry.claim!r}")
            else:
                self.expect(False, f"{place.name} forgot {claim!r}, which others can still tell it")

    def _was_new(self, place: "Place", since: float) -> bool:
        """Whether the claim may not have reached the disk, so that a node rightly knows nothing of it any more."""
        down = self._down_at.get(place.index, -_LATE)
        return 0 <= down - since <= _LATE or place.disk_refused_around(since, _LATE)

    def goes_down(self, place: "Place", how: str) -> None:
        """See `Invariant`."""
        if how != "shutdown":
            self._down_at[place.index] = trio.current_time()

    def lost_memory(self, place: "Place") -> None:
        """See `Invariant`."""
        self.stage.invariants.forget_claims(place)
        self._since = {key: since for key, since in self._since.items() if key[0] != place.index}


class NumbersOnlyGrow(Invariant):
    """S5. Each owner's machine signs each number once, and what it has told others it never falls behind.

    Of an owner who sits at one machine that is said of all claims by the owner's key. Of several machines two may sign
    one number before they hear of each other, so in plans in which somebody sits down at a second one each machine is
    listened to as it signs: it signs no number that it has heard of, nor one twice, and comes back with its own.
    """

    id = "S5"
    title = "sequence numbers never go back, and no machine of an owner signs one number twice"

    def __init__(self, stage: object) -> None:
        super().__init__(stage)  # type: ignore[arg-type]
        self._abroad: dict[tuple[PeerId | None, OwnerId, str], tuple[int, int]] = {}
        """The greatest position of each owner's claims that another machine was seen to hold; by who signed it, too."""
        self._listens = any(isinstance(one, Recover) for one in self.stage.plan.operations)
        self._signers: dict[bytes, PeerId] = {}
        """Which daemon was heard to sign a claim, by the claim's id."""

    def claims_changed(self, place: "Place", registry: Registry, new: list[Claim], gone: list[Claim]) -> None:  # noqa: ARG002
        """See `Invariant`."""
        for claim in new:
            if claim.kind is Kind.REVOCATION:
                continue
            home, signer = self.stage.home_of(claim.owner), None
            if home is not None and len(self.stage.seats_of(claim.owner)) > 1:
                signer = self._signers.get(claim.id)
                if signer is None:
                    self.forgiven["nobody heard which of the owner's several machines signed it"] += 1
                    continue
                home = self.stage.machine_of(signer)
            elif (claim.owner, claim.era) in self.stage.model.lineage.stolen:
                self.forgiven["the key of the era is in two hands"] += 1
                continue
            self._judge_twice(home, signer, registry.entry(claim.name, claim.owner))
            key = signer, claim.owner, claim.name.label
            if home is not place:
                self._abroad[key] = max(self._abroad.get(key, (0, 0)), claim.position)
            elif not home.person.signs_again:
                told = self._abroad.get(key, (0, 0))
                self.expect(
                    claim.position >= told, f"{place.name} is back at {claim!r} after others were told of {told}"
                )

    def _judge_twice(self, home: "Place | None", signer: PeerId | None, entry: Entry | None) -> None:
        if entry is None or entry.rival is None:
            return
        if home is None or home.person.signs_again:
            self.forgiven["an owner that lost its memory, or is hostile, signed a number twice"] += 1
        elif signer is not None and {self._signers.get(one.id) for one in (entry.claim, entry.rival)} != {signer}:
            self.forgiven["an owner's several machines signed a number before they heard of each other"] += 1
        else:
            self.expect(False, f"{home.name} signed one number twice: {entry.claim!r} and {entry.rival!r}")

    def booted(self, place: "Place") -> None:
        """See `Invariant`: what others were told is there after every end of the daemon."""
        if self._listens:
            node = place.node
            self.stage.inside.listen(node, "registry", lambda message: self._hear(place, node, message))
        known = self.stage.inside.knowledge(place.node)
        if known is None or place.person.signs_again:
            return
        shared = place.person.estate.shared
        for (signer, owner, label), told in self._abroad.items():
            if owner != known.owner or signer != (place.node.peers.us if shared else None):
                continue
            if shared or (owner, told[0]) not in self.stage.model.lineage.stolen:
                entries = [entry for entry in known.registry.names_of(owner) if entry.claim.name.label == label]
                # With the era in which it was said, or with all that the owner said.
                ended = known.registry.era_of(owner) > told[0] or known.registry.is_revoked(owner)
                self.expect(
                    ended or (entries and entries[0].claim.position >= told),
                    f"{place.name} came back without its claim for {label} at {told}, which others were told of",
                )

    def _hear(self, place: "Place", node: "Node", message: object) -> None:
        """What a machine's registrar is about to handle."""
        known = self.stage.inside.knowledge(node)
        if not isinstance(message, Publish) or known is None:
            return
        for claim in message.claims:
            self._signers[claim.id] = node.peers.us
            before = known.registry.entry(claim.name, claim.owner)
            if before is not None and claim.position <= before.claim.position:
                if before.claim.id in self.stage.invariants.known_claims(place):
                    self.expect(False, f"{place.name} signs {claim!r}, and knew of {before.claim!r}")
                else:
                    self.forgiven["it heard of another claim within a second before it signed"] += 1
            else:
                self.checks += 1


def _shuffled(values: Sequence[T], uniform: Callable[[], float]) -> list[T]:
    return [value for _key, _index, value in sorted((uniform(), index, value) for index, value in enumerate(values))]
