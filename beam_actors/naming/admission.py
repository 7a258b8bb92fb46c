"""Which claims are taken in: the checks in the order of their cost, and the only use of a clock in deciding it.

    size · canonical form · version · network · name · order of its times     (`Claim.parse`: microseconds)
    already known · superseded · revoked                                       (look-ups)
    the time window                                                            (two comparisons)
    quota (`quota`), for holds that are not here                               (counts; if they are full, hashes)
    without room for the hold: whether it says in which era its owner speaks   (`last_words`)
    signature                                                                  (50 µs)
    work, if the network asks for it                                           (milliseconds, so not here)

Work of which nothing is known yet is computed elsewhere, and the claim judged again; what is known of it is looked at
before the signature.

Invariant: the clock is used monotonically. As it advances, a claim that waits becomes acceptable and then expired, and
never goes back; hence forgetting an expired claim can't bring it back. Nothing here changes the registry.
"""

import enum
from collections.abc import Callable

from beam_actors.errors import ClaimRefused
from beam_actors.naming.claim import Claim, Kind
from beam_actors.naming.deposits import Deposits
from beam_actors.naming.entry import Key
from beam_actors.naming.limits import DAY, MAX_AHEAD, MAX_VALIDITY, Limits
from beam_actors.naming.lodgers import Lodgers, Lodging
from beam_actors.naming.quota import Latest, Quotas
from beam_actors.naming.ranges import ID, name_key
from beam_actors.naming.registry import Registry
from beam_actors.naming.work import Levels

_MOST = 256
"""A level that none is above."""


class Verdict(enum.Enum):
    """What to do with a claim that was not refused."""

    NEW = "new"
    """It is genuine and changes the registry: merge it, keep it, pass it on."""
    KNOWN = "known"
    """It is here already: refresh when it was heard of, and don't pass it on."""
    SUPERSEDED = "superseded"
    """A greater one of the same owner is here, or one of a later era: the sender is behind."""
    LAST_WORD = "last word"
    """It is genuine and there is no room for the hold, but it says in which later era its owner speaks: keep that."""
    UNPROVEN = "unproven"
    """It is genuine, and what its work is worth must be computed: do that, and ask again."""
    EARLY = "early"
    """It is genuine and from the near future: keep it aside and ask again when its time has come."""


REASONS = (
    "size", "form", "version", "network", "name", "window", "seq",  # by Claim.parse
    "revoked", "expired", "future", "quota", "signature", "work",
)  # fmt: skip
"""Every reason that a `ClaimRefused` of this room can carry, for counting."""


class Admission:
    """The rules of one node: its bounds, and which claims go beyond them."""

    __slots__ = (
        "_binds",
        "_deposits",
        "_levels",
        "_limits",
        "_lodgers",
        "_quotas",
        "_registry",
        "_settled",
        "_spares",
        "asked",
        "chosen",
    )

    def __init__(
        self,
        registry: Registry,
        limits: Limits,
        spares: Callable[[Claim], bool] = lambda _claim: False,
        *,
        binds: Callable[[Key], bool] = lambda _key: False,
        settled: Callable[[Key], bool] = lambda _key: False,
        levels: Levels | None = None,
        lodgers: Lodgers | None = None,
        deposits: Deposits | None = None,
    ) -> None:
        """`spares` says of which claims a person decided that no flood must crowd them out.

        `binds` says which holds are own or bound to, `settled` which are that; `lodgers` are beyond the bound on all.
        `levels` says what the network asks for; without it, that is no work.
        """
        self._registry = registry
        self._limits = limits
        self._spares = spares
        self._levels = levels or Levels("")
        self._quotas = Quotas(registry, owners=limits.owners_per_name, names=limits.holds_per_owner)
        self._binds = binds
        self._settled = settled
        self.asked = Latest(limits.asked)
        """The holds that something here asked for by their full form: whatever a page loads, say."""
        self.chosen = Latest(limits.chosen)
        """Those of them that a person did."""
        self._deposits = deposits if deposits is not None else Deposits("", bytes(ID), 0)
        self._lodgers = lodgers if lodgers is not None else Lodgers(bytes(ID), kept=0, sought=0)

    def lodge(self, claim: Claim, lodging: Lodging | None) -> list[Key]:
        """Count a claim that was taken in for a lodger's if it is beyond the bound; what must go for it."""
        if lodging in {None, Lodging.DEPOSITED} or not self._is_overfull or self._spares(claim):
            return []
        lodgers, key = self._lodgers, (claim.name, claim.owner)
        if key in lodgers:
            return []
        gone = lodgers.add(key, name_key(claim.network, claim.name), lodging)
        return [] if gone is None else [gone]

    def deposit(self, claim: Claim, lodging: Lodging | None) -> list[Key]:
        """Count a claim that is taken in for a deposit if it is one; what must go for it.

        Whatever is a deposit no longer is kept as far as it would be if it had never been one.
        """
        if lodging is not Lodging.DEPOSITED or claim.kind is Kind.REVOCATION:
            return []
        key = claim.name, claim.owner
        gone = self._deposits.add(key)
        entry = None if gone is None or gone == key else self._registry.entry(*gone)
        if entry is None:
            return []
        former = entry.name, entry.owner
        return [former] if self._is_overfull and not self._stays(entry.claim, 1) else self.surplus(former)

    @property
    def _is_overfull(self) -> bool:
        return self._registry.claims - len(self._lodgers) > self._limits.claims

    def judge(self, claim: Claim, now: float, *, ours: bool = False, lodging: Lodging | None = None) -> Verdict:
        """Judge a parsed claim at `now`, in seconds since 1970; no quota holds for what a person here brought (`ours`).

        `appraise` it before. With `lodging` there may be room for it beyond the bound.

        Raises:
            ClaimRefused: `reason` is one of `REASONS`.
        """
        known = self._known(claim)
        if known is not None:
            return known
        self._check_work(claim, ours=ours)
        if claim.kind is not Kind.REVOCATION:
            self._check_window(claim, now)
        has_room = ours or self._check_quota(claim, lodging)
        if not has_room and claim.id in self._registry:
            return Verdict.KNOWN
        if not claim.genuine():
            raise ClaimRefused("signature", "The claim's signature is not by its owner's present key.")
        if claim.level is None and self._levels.asked and claim.kind is not Kind.REVOCATION:
            return Verdict.UNPROVEN
        if claim.kind is not Kind.REVOCATION and _begins(claim) > now + MAX_AHEAD:
            return Verdict.EARLY
        return Verdict.NEW if has_room else Verdict.LAST_WORD

    def appraise(self, claim: Claim) -> Claim:
        """The claim with what is known of its work: by the claim that it renews, or because it was computed before."""
        if claim.level is not None or not self._levels.asked or claim.kind is Kind.REVOCATION:
            return claim
        level = self._levels.of(claim)
        for before in self._said_before(claim) if level is None else ():
            if before.work == claim.work and before.level is not None:
                level = before.level
        return claim if level is None else claim.proved(level)

    def _said_before(self, claim: Claim) -> tuple[Claim, ...]:
        """What is here of its owner about its name."""
        entry = self._registry.entry(claim.name, claim.owner)
        if entry is not None:
            return entry.claims
        said = self._registry.last_words.of(claim.owner_digest)
        return (said,) if said is not None and said.name == claim.name else ()

    def _check_work(self, claim: Claim, *, ours: bool) -> None:
        bits = self._levels.difficulty.bits
        if claim.kind is Kind.REVOCATION or (claim.level is None and not ours):
            return
        if (claim.level or 0) < bits:
            raise ClaimRefused("work", f"The claim shows less work than the {bits} bits that this network asks for.")

    def _known(self, claim: Claim) -> Verdict | None:
        if claim.id in self._registry and (claim.kind is Kind.REVOCATION or self._registry.holds(claim)):
            return Verdict.KNOWN
        if claim.kind is Kind.REVOCATION:
            return None  # each owner has one possible revocation
        owner = claim.owner
        if self._registry.is_revoked(owner):
            raise ClaimRefused("revoked", "The owner of the claim has revoked all claims.")
        if claim.era < self._registry.era_of(owner):
            return Verdict.SUPERSEDED
        entry = self._registry.entry(claim.name, owner)
        if entry is None:
            return None
        # As long as it isn't known it may be any, and the claim may be kept for its work alone.
        whatever = claim.proved(_MOST) if claim.level is None and self._levels.asked else claim
        return Verdict.SUPERSEDED if entry.join(whatever) is entry else None

    def _check_window(self, claim: Claim, now: float) -> None:
        # Not `not_after`, which is looked at when a name is resolved: a claim that ended early must still reach those
        # who hold an older one, as long as that one could count.
        if claim.issued + MAX_VALIDITY < now or claim.issued <= self._registry.floor:
            raise ClaimRefused("expired", "The claim was issued more than 30 days ago.")
        if _begins(claim) > now + DAY:
            raise ClaimRefused("future", "The claim is from too far in the future; one of the two clocks is wrong.")

    def _check_quota(self, claim: Claim, lodging: Lodging | None) -> bool:
        """Whether there is room for the hold; raise `ClaimRefused` if it says nothing else."""
        registry, limits = self._registry, self._limits
        if claim.kind is Kind.REVOCATION:
            # Also of known owners: who wants to fill this node makes each known first, and revocations never end.
            if registry.revocations >= limits.revocations and not self._spares(claim):
                raise ClaimRefused("quota", "This node keeps as many revocations as it is allowed to.")
            return True
        known = registry.by_owner.of(claim.owner_digest)
        if registry.entry(claim.name, claim.owner) is not None or (known and claim.era > registry.era_of(claim.owner)):
            # It takes no further room, or ends all that is here of its owner: that must be known in any case.
            return True
        unproven = claim.level is None and self._levels.asked
        if unproven:  # it may show any work, and is judged again when that is known
            claim = claim.proved(_MOST)
        refusal = "" if unproven else self._quotas.refusal(claim)
        if (
            not refusal
            and registry.claims - len(self._lodgers) >= limits.claims
            and not self._may_lodge(claim, lodging)
        ):
            refusal = "This node keeps as many claims as it is allowed to."
        if not refusal or self._stays(claim, len(known) + 1) or self._may_deposit(claim, lodging):
            return True
        is_later = all(claim.issued > held.issued for held in known)  # it says the era for longer than any hold
        if not (claim.id in registry or (is_later and registry.last_words.has_room(claim))):
            raise ClaimRefused("quota", refusal)
        return False

    def _stays(self, claim: Claim, holds: int) -> bool:
        """Whether a claim is kept beside the quotas, if its owner has so many holds here.

        There is a bound for that, too, or who is trusted could fill this node. It is none for what somebody bound, or
        asked for, by name and owner: that has a bound of its own.
        """
        key = claim.name, claim.owner
        if key in self.chosen or key in self.asked or key in self._deposits or self._binds(key):
            return True
        return holds <= self._limits.holds_per_trusted_owner and (self._settled(key) or self._spares(claim))

    def surplus(self, key: Key | None = None) -> list[Key]:
        """Holds that must go now, since they are beyond a quota: of the name and the owner of `key`, or any."""
        return self._quotas.surplus(key, self._stays)

    def readmitted(self) -> list[Claim]:
        """Last words for whose holds there is room now."""
        if self._is_overfull:
            return []
        by_name, most = self._registry.by_name, self._limits.owners_per_name
        return [said for said in self._registry.last_words if len(by_name.of(said.label)) < most]

    def _may_deposit(self, claim: Claim, lodging: Lodging | None) -> bool:
        return lodging is Lodging.DEPOSITED and self._deposits.has_room((claim.name, claim.owner))

    def _may_lodge(self, claim: Claim, lodging: Lodging | None) -> bool:
        return lodging is not None and self._lodgers.has_room(name_key(claim.network, claim.name), lodging)


def _begins(claim: Claim) -> int:
    """From when on it counts. What was admitted counts at once, so nobody's hold begins later, by time alone."""
    return max(claim.issued, claim.not_before)
