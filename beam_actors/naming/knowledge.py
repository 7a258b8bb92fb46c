"""All that this node knows of names: the registry, when it heard of what, own and made names, and pins.

Invariant: each method that changes something returns or collects the store's changes that make it durable, and nothing
else changes the state; so what is in memory after a load is what was committed. The clock is an argument. Pure: no
store, no actors; the `registrar` commits what is collected here and then answers.
"""

from collections import Counter
from collections.abc import Iterable

from beam_actors.errors import ClaimRefused, NameTaken, NotAllowed
from beam_actors.naming import claim_rows, records
from beam_actors.naming.admission import Admission, Verdict
from beam_actors.naming.bindings import Bindings
from beam_actors.naming.claim import Claim, Kind
from beam_actors.naming.deposits import Deposits
from beam_actors.naming.entry import Key
from beam_actors.naming.events import Events
from beam_actors.naming.holds import Holds, Seen
from beam_actors.naming.limits import MINUTE, Limits
from beam_actors.naming.lodgers import Lodgers, Lodging
from beam_actors.naming.made import MadeNames
from beam_actors.naming.merging import Merger
from beam_actors.naming.own import OwnNames
from beam_actors.naming.ranges import ID
from beam_actors.naming.ranking import is_live
from beam_actors.naming.registry import Registry
from beam_actors.naming.timekeeping import Doubt, day_of
from beam_actors.naming.work import Levels
from beam_actors.ports import Change
from beam_actors.values import Name, OwnerId, PeerId

_KEEP_RUNNING = 600.0


class Knowledge:
    """The state of one node's naming. One holder."""

    def __init__(
        self,
        *,
        network: str,
        owner: OwnerId,
        era: int = 0,
        me: PeerId | None = None,
        limits: Limits,
        events: Events | None = None,
        levels: Levels | None = None,
        place: bytes = bytes(ID),
    ) -> None:
        """`era` is that of the owner's key on this machine, which is `me`.

        `events` is the node's feed, and `levels` what is known of work; both outlive this. `place` is where the node
        stands among the names' keys.
        """
        self.network = network
        self.owner = owner
        self.era = era
        self.me = me
        self.limits = limits
        self.registry = Registry(last_words=limits.last_words)
        self.bindings = Bindings(self.registry, self.record, owner=owner, limits=limits)
        self.remarks: list[str] = []
        """What the store held that is not used, and what a person may do about it."""
        self.made = MadeNames(self.record)
        self.own = OwnNames(self.registry, self.bindings, self.made, self.record, owner=owner, me=me, limits=limits)
        self.waiting: dict[bytes, Claim] = {}
        self.refused: Counter[str] = Counter()
        self.events = events if events is not None else Events()
        self._kept_running = 0.0
        self._doubt = Doubt()
        self._elsewhere: list[Name] = []
        self.admitted = 0
        self.holds = Holds(limits.settle_after)
        self._merger = Merger(self.registry, self.holds, self.bindings, self.own, self.events, owner=owner)
        self._changes: list[Change] = []
        self.levels = levels or Levels(network)
        self._unproven: list[Claim] = []
        self.lodgers = Lodgers(place, kept=limits.kept, sought=limits.sought)
        self.deposits = Deposits(network, place, limits.deposits)
        self._admission = Admission(
            self.registry,
            limits,
            self.bindings.spares,
            binds=self.bindings.binds,
            settled=self.holds.is_settled,
            levels=self.levels,
            lodgers=self.lodgers,
            deposits=self.deposits,
        )

    # --- claims -------------------------------------------------------------------------------------------------------

    def take(self, data: bytes, now: float, lodging: Lodging | None = None) -> Claim | None:
        """Judge a claim from a peer and take it in; the claim if it was new. Refusals are counted, not raised."""
        try:
            claim = Claim.parse(data, network=self.network, known=self.registry.get)
        except ClaimRefused as refused:
            self.refused[refused.reason] += 1
            return None
        return self.take_proved(claim, now, lodging)

    def take_proved(self, claim: Claim, now: float, lodging: Lodging | None = None) -> Claim | None:
        """The same for one that was parsed, when it was found out what its work is worth."""
        try:
            verdict = self._admit(claim, now, lodging=lodging)
        except ClaimRefused as refused:
            self.refused[refused.reason] += 1
            return None
        if verdict not in {Verdict.NEW, Verdict.LAST_WORD} or claim.id not in self.registry:
            return None  # a quota may have let it in, and another one not
        if self.registry.holds(claim):
            self.lodge(claim, lodging)
        return claim

    def lodge(self, claim: Claim, lodging: Lodging | None) -> None:
        """If it is beyond the bound on all claims it is a lodger's, for which another one may have to go."""
        self._let_go(self._admission.lodge(claim, lodging))

    def make_room(self, key: Key | None = None) -> None:
        """Let go of what is beyond the quotas: of the name and the owner of `key`, or of all."""
        self._let_go(self._admission.surplus(key))

    def _let_go(self, keys: Iterable[Key]) -> None:
        for gone in keys:
            self.registry.evict(gone)
            self.drop(gone)
            self._elsewhere.append(gone[0])

    def ask_for(self, name: Name, owner: OwnerId, now: float, *, chosen: bool = False) -> None:
        """Something here asks for `name.<owner>`: it is kept beside the quotas from now on.

        What a person asks for (`chosen`) has room of its own, which nothing that pages load takes.
        """
        (self._admission.chosen if chosen else self._admission.asked).add((name, owner))
        said = self.registry.last_words.of(owner.digest)
        if said is not None and said.name == name:
            self.take_proved(said, now)

    def publish(self, claim: Claim, now: float) -> bool:
        """Take in a claim that this node signed; whether it was new.

        A tombstone and a transfer also end the intent to hold the name.

        Raises:
            ClaimRefused: it would be refused by every other node too.
        """
        verdict = self._admit(claim, now, ours=True)
        self.own.signed(claim)
        return verdict is Verdict.NEW

    def check(self, claim: Claim, now: float, *, opens: bool = False) -> None:
        """Raise `ClaimRefused` if `publish` would, and `NotAllowed` if the name was handed over meanwhile.

        `opens` says that it is signed to open an era: `NotAllowed` also if that is needed no more.
        """
        self.own.check_meant(claim)
        if opens:
            self.own.check_opens(claim)
        self._admission.judge(self._admission.appraise(claim), now, ours=True)

    def wake(self, now: float) -> list[Claim]:
        """Judge again what waited for its time; what is new. Once a minute."""
        self._merger.tell_left(now)
        waiting, self.waiting = self.waiting, {}
        return [claim for one in waiting.values() if (claim := self.take_proved(one, now)) is not None]

    def _admit(self, claim: Claim, now: float, *, ours: bool = False, lodging: Lodging | None = None) -> Verdict:
        claim = self._admission.appraise(claim)
        verdict = self._admission.judge(claim, now, ours=ours, lodging=lodging)
        if verdict is Verdict.UNPROVEN:
            self._unproven.append(claim)
        elif verdict is Verdict.EARLY and len(self.waiting) < self.limits.waiting:
            self.waiting[claim.id] = claim
        elif verdict is Verdict.NEW:
            self._let_go(self._admission.deposit(claim, lodging))
            self._merge(claim, now, ours=ours)
        elif verdict is Verdict.LAST_WORD:
            self.registry.say(claim)
        elif verdict is Verdict.KNOWN and self.registry.holds(claim):
            self._let_go(self._admission.deposit(claim, lodging))
            key = claim.name, claim.owner
            if self.holds.heard(key, now):
                self._put(key)
        return verdict

    def _merge(self, claim: Claim, now: float, *, ours: bool) -> None:
        self.admitted += 1
        merged = self._merger.merge(claim, now, ours=ours)
        for key in merged.ended:
            self.drop(key)
        self._elsewhere += merged.elsewhere
        if claim.kind is Kind.REVOCATION:
            self._changes.append(claim_rows.put_revocation(claim))
        for key in merged.changed:
            self._put(key)
        if claim.kind is not Kind.REVOCATION:
            self.make_room((claim.name, claim.owner))

    def confirm(self, ids: Iterable[bytes], now: float, *, most: int) -> int:
        """A peer says that it holds the claims with these ids: those that are here were heard of again.

        At most `most` of them are written because of it; how many.
        """
        written = 0
        for claim_id in ids:
            claim = self.registry.get(claim_id)
            if claim is None or not self.registry.holds(claim):
                continue
            key = claim.name, claim.owner
            if abs(now - self.holds[key].heard) >= MINUTE and self.holds.heard(key, now) and written < most:
                self._put(key)
                written += 1
        return written

    def _put(self, key: Key) -> None:
        entry = self.registry.entry(*key)
        if entry is not None:
            self.holds.stored(key)
            self._changes.append(claim_rows.put_entry(entry, self.holds[key]))

    def drop(self, key: Key) -> None:
        """The registry holds the entry no longer."""
        self.lodgers.discard(key)
        self.deposits.discard(key)
        self.holds.forget(key)
        self._changes.append(claim_rows.drop_entry(*key))

    def forget(self, now: float) -> int:
        """Drop claims of which nothing can come back, not own and bound names; how many. If the clock is believed."""
        keep = {(name, self.owner) for name in self.own} | set(self.bindings.holds())
        floor, believed = self.registry.floor, self._believes(now)
        dropped = self.registry.forget(now, keep=keep) if believed else []
        lessened = self.registry.forget_backers(now) if believed else []
        for key in dropped:
            self.drop(key)
        self.own.forget()
        if self.registry.floor != floor:
            self._changes.append(records.put_floor(self.registry.floor))
        self.make_room()  # a person may have let go of what was kept beside the quotas
        for said in self._admission.readmitted():
            self.take_proved(said, now)
        for key in sorted(self.holds.look_at_contests(lambda name: self._merger.holders(name, now)).union(lessened)):
            self._put(key)
        return len(dropped)

    def _believes(self, now: float) -> bool:
        issued = (one.issued for one in self.registry if one.kind is not Kind.REVOCATION and one.owner != self.owner)
        return self._doubt.believes(max(issued, default=None), now, self.holds.running)

    def ran(self, seconds: float) -> None:
        """This node ran for so long since it was last told."""
        self.holds.running += seconds

    def keep_running(self) -> None:
        """Keep for how long it ran, each ten minutes: a laptop may be opened for less than an hour at a time."""
        if self.holds.running - self._kept_running >= _KEEP_RUNNING:
            self._kept_running = self.holds.running
            self._changes.append(records.put_running(int(self.holds.running)))

    # --- own names and pins -------------------------------------------------------------------------------------------

    def reserve(self, name: Name, *, contest: bool, now: float) -> bool:
        """Intend to hold the name from now on; whether that is new.

        Raises:
            NameTaken: somebody else is known to hold it, and `contest` is false.
            NotAllowed: it is a petname here.
            QuotaExceeded: this owner holds as many names as the others' nodes will keep.
        """
        if name in self.own:
            return False
        self.bindings.check_free(name)
        rivals = [claim for claim in self.live(name, now) if claim.owner != self.owner]
        if rivals and not contest:
            who = ", ".join(f"{one.owner.short} (known here since {day_of(self.seen(one).first)})" for one in rivals)
            raise NameTaken(f"{name} is held by {who}; choose another name, or use --contest to claim it all the same.")
        self.own.add(name, contest=contest, now=now)
        if self.levels.asked:  # while the work for its claim is done it leads to this machine already
            self._elsewhere.append(name)
        return True

    def call(self, petname: Name, name: Name, owner: OwnerId, now: float) -> None:
        """Let a petname stand for the owner's name here; raises like `Bindings.call`, and for an own name."""
        if petname in self.own:
            raise NotAllowed(f"{petname} is your own name; choose another petname.")
        self.bindings.call(petname, name, owner, now)

    # --- reading ------------------------------------------------------------------------------------------------------

    def live(self, name: Name, now: float) -> list[Claim]:
        """The claims by which somebody holds the name now."""
        return [entry.claim for entry in self.registry.entries(name) if is_live(entry.claim, now)]

    def settled(self, name: Name, now: float) -> OwnerId | None:
        """Which of those who hold the name now did so alone, for long enough, before the others came."""
        return self.holds.settled(name, self._merger.holders(name, now))

    def seen(self, claim: Claim) -> Seen:
        """When the owner of a claim that is here was first seen to hold the name, and when it was last heard of."""
        return self.holds[claim.name, claim.owner]

    # --- the store ----------------------------------------------------------------------------------------------------

    def changes(self) -> list[Change]:
        """The store's changes since the last call."""
        changes, self._changes = self._changes, []
        changes += [claim_rows.put_last_word(*one) for one in self.registry.last_words.touched()]
        deposits, put, drop = self.deposits, claim_rows.put_deposit, claim_rows.drop_deposit
        return changes + [(put if key in deposits else drop)(*key) for key in deposits.touched()]

    def unproven(self) -> tuple[Claim, ...]:
        """The claims since the last call whose work must be computed before they can be taken in."""
        unproven, self._unproven = tuple(self._unproven), []
        return unproven

    def elsewhere(self) -> tuple[Name, ...]:
        """The names that may lead elsewhere by anything but a claim of the name itself, since the last call."""
        names, self._elsewhere = tuple(dict.fromkeys(self._elsewhere)), []
        return names

    def carry_on(self, before: "Knowledge") -> None:
        """Keep what no store holds: the counts, and the claims that wait for their time."""
        self.waiting, self.refused, self.admitted = before.waiting, before.refused, before.admitted
        self.holds.running = max(self.holds.running, before.holds.running)

    def record(self, change: Change) -> None:
        """Have something written that was found while reading back."""
        self._changes.append(change)

    def __repr__(self) -> str:
        return f"Knowledge({self.registry!r}, {len(self.own)} own, {self.bindings!r})"
