"""The registrar: the one actor that changes what this node knows of names, durably.

Invariant: whoever is answered "done" is answered after the change would survive a loss of power (`ledger`), and others
hear of it after that too (`announcing`). It refills itself from the store before it answers anything. It knows no peer
and no protocol: `spread`, names and look-ups bring claims, the facade brings wishes.
"""

from collections.abc import Collection

import structlog

from beam_actors.errors import (
    ClaimRefused,
    InvalidValue,
    NameContested,
    NameNotFound,
    NameTaken,
    NotAllowed,
    QuotaExceeded,
    ResourceExhausted,
    StorageError,
)
from beam_actors.naming import answering, inheriting
from beam_actors.naming.announcing import Announcer
from beam_actors.naming.claim import Claim, Kind
from beam_actors.naming.confirming import Confirmer
from beam_actors.naming.events import Events
from beam_actors.naming.grammar import Query
from beam_actors.naming.knowledge import Knowledge
from beam_actors.naming.ledger import Ledger
from beam_actors.naming.limits import MINUTE, Limits
from beam_actors.naming.lodgers import Lodging
from beam_actors.naming.messages import (
    Confirm,
    DropPetname,
    DropPin,
    GetStatistics,
    Resolve,
    Revoke,
    SetPetname,
    SetPin,
    Submit,
    Taken,
    Tick,
    Used,
)
from beam_actors.naming.proving import Proving
from beam_actors.naming.questions import ANSWERS, TOLD, PeersQuestion, Question
from beam_actors.naming.ranges import ID
from beam_actors.naming.results import RegistryStatistics
from beam_actors.naming.tending import Keep, KeepMade, Publish, Reserve, TakeBack, Unreserve
from beam_actors.naming.timekeeping import Timekeeper
from beam_actors.ports import Clock, Store
from beam_actors.runtime import Actor, Mailbox, Overflow, Ref, Reply, receives
from beam_actors.values import OwnerId, PeerId

_log = structlog.get_logger(__name__)


class Registrar(Actor):
    """Holds the registry, own names and pins of one node; `naming.messages` says what it is asked."""

    # Whoever asks waits for the reply, so a full mailbox means hundreds of askers: they see MailboxFull and go on.
    mailbox = Mailbox(capacity=8192, overflow=Overflow.DROP_NEWEST)
    reply_errors = (
        ClaimRefused,
        InvalidValue,
        NameContested,
        NameNotFound,
        NameTaken,
        NotAllowed,
        QuotaExceeded,
        ResourceExhausted,
        StorageError,
    )

    def __init__(
        self,
        store: Store,
        clock: Clock,
        spread: Ref,
        names: Ref,
        *,
        network: str,
        owner: OwnerId,
        era: int = 0,
        me: PeerId,
        proving: Proving,
        watchers: Collection[Ref] = (),
        limits: Limits | None = None,
        events: Events | None = None,
        place: bytes = bytes(ID),
    ) -> None:
        """`owner` is whose names this node holds, by a key of `era`, and `me` the machine.

        `proving` finds out what claims' work is worth. `spread` and `watchers` are told of every claim that is new.
        `names` tends the own and pinned ones, and hears when the clock was set. `place` is where this node stands in
        the DHT.
        """
        super().__init__()
        self._clock = clock
        self._names = names
        self._proving = proving
        bounds = limits or Limits()
        told = events or Events()

        def empty() -> Knowledge:
            return Knowledge(
                network=network,
                owner=owner,
                era=era,
                me=me,
                limits=bounds,
                events=told,
                levels=proving.levels,
                place=place,
            )

        self._ledger = Ledger(store, empty, spawn=self.spawn)
        self._announcer = Announcer(self._ledger, spread=spread, names=names, watchers=watchers)
        self._confirmer = Confirmer(self._ledger, clock)
        self._time = Timekeeper(clock)

    def __repr__(self) -> str:
        return f"<Registrar {self._ledger!r}>"

    @property
    def _known(self) -> Knowledge:
        return self._ledger.known

    # --- its life -----------------------------------------------------------------------------------------------------

    async def on_start(self) -> None:
        """Refill from the store, then look at the time once a minute."""
        await self._ledger.load()
        self._known.make_room()  # a program of before kept others, and what was asked for is kept until the next start
        self._ledger.commit()
        self._time.begin()
        self.send_after(MINUTE, Tick())

    @receives(Tick)
    def on_tick(self, _message: Tick) -> None:
        """Judge again what waited, forget what is old if the clock can be believed, and wake names if it was set."""
        self.send_after(MINUTE, Tick())
        if self._time.was_set():  # or the machine slept: a name may be due
            for name in self._known.own.keys() | {name for name, _owner in self._known.bindings.holds()}:
                self._names.tell(Keep(name))
        if self._ledger.refuses:
            return
        now = self._clock.wall()
        self._known.ran(self._time.ran())
        self._known.keep_running()
        new = self._known.wake(now)
        if self._time.sweep_is_due() and self._time.sweep():
            self._known.forget(now)
        self._announcer.when_durable(new)

    # --- claims -------------------------------------------------------------------------------------------------------

    @receives(Submit)
    def on_submit(self, message: Submit) -> None:
        """Take in what a peer sent."""
        self._ledger.check_disk()
        self._known.ran(self._time.ran())
        now = self._clock.wall()
        taken = [self._known.take(data, now, message.lodging) for data in message.claims]
        new = [claim for claim in taken if claim is not None]
        unproven = self._known.unproven()
        if not unproven:
            self._announcer.answer_when_durable(self.defer(), Taken(len(new)), new, message.source)
            return
        self._announcer.when_durable(new, message.source)
        self.spawn(self._prove, unproven, message, len(new), self.defer(), name="prove")

    async def _prove(self, claims: tuple[Claim, ...], message: Submit, before: int, reply: Reply) -> None:
        """Find out what the work of claims is worth, and judge them again; `before` were new without that."""
        lodging = message.lodging
        try:
            proved = await self._proving.prove(claims, (message.source, lodging is Lodging.SOUGHT))
            self._ledger.check_disk()
        except (ResourceExhausted, StorageError) as error:
            reply.fail(error)
            return
        now = self._clock.wall()
        new = [claim for claim in (self._known.take_proved(one, now, lodging) for one in proved) if claim is not None]
        bad = sum((claim.level or 0) < self._proving.levels.difficulty.bits for claim in proved)
        self._announcer.answer_when_durable(reply, Taken(before + len(new), bad), new, message.source)

    @receives(Publish)
    def on_publish(self, message: Publish) -> None:
        """Take in own claims."""
        self._ledger.check_disk()
        self._known.ran(self._time.ran())
        now = self._clock.wall()
        for claim in message.claims:  # all or none
            self._known.check(claim, now, opens=message.opens)
        new = [claim for claim in message.claims if self._known.publish(claim, now)]
        self._announcer.answer_when_durable(self.defer(), None, new, ours=True)

    @receives(Revoke)
    def on_revoke(self, message: Revoke) -> None:
        """Take in a revocation that a person brought."""
        claim = Claim.parse(message.claim, network=self._known.network)
        if claim.kind is not Kind.REVOCATION:
            raise ClaimRefused("form", "This claim is no revocation.")
        self._ledger.check_disk()
        new = [claim] if self._known.publish(claim, self._clock.wall()) else []
        self._announcer.answer_when_durable(self.defer(), claim.owner, new)

    # --- own names and pins -------------------------------------------------------------------------------------------

    @receives(Reserve)
    def on_reserve(self, message: Reserve) -> None:
        """Intend to hold a name; what was handed over to this owner is no contest."""
        self._ledger.check_disk()
        known, name, now = self._known, message.name, self._clock.wall()
        contest = message.contest or inheriting.is_given(known, name, now)
        if not contest and name not in known.own:
            inheriting.check_unpromised(known, name, now)
        new = known.reserve(name, contest=contest, now=now)
        if not message.made:
            known.made.choose(name)
        self._announcer.answer_when_durable(self.defer(), new, ())

    @receives(Unreserve)
    def on_unreserve(self, message: Unreserve) -> None:
        """Intend it no longer."""
        self._ledger.check_disk()
        self._known.own.drop(message.name)
        self._ledger.commit_for(self.defer())

    @receives(TakeBack)
    def on_take_back(self, message: TakeBack) -> None:
        """Intend to hold a name again."""
        self._ledger.check_disk()
        back = self._known.own.take_back(message.name, message.era)
        self._announcer.answer_when_durable(self.defer(), back, ())

    @receives(KeepMade)
    def on_keep_made(self, message: KeepMade) -> None:
        """Remember it."""
        self._ledger.check_disk()
        self._known.made.keep(message.purpose, message.name, self._clock.wall())
        self._ledger.commit_for(self.defer())

    @receives(SetPin)
    def on_set_pin(self, message: SetPin) -> None:
        """Bind a name."""
        self._ledger.check_disk()
        pin = self._known.bindings.pin(message.name, message.owner, self._clock.wall())
        self._ledger.commit_for(self.defer(), pin)

    @receives(DropPin)
    def on_drop_pin(self, message: DropPin) -> None:
        """Let a name go."""
        self._ledger.check_disk()
        self._known.bindings.unpin(message.name)
        self._ledger.commit_for(self.defer())

    @receives(Used)
    def on_used(self, message: Used) -> None:
        """Pin a name by which a person was led to its only owner, or one that the rules chose; if the disk lets."""
        if self._ledger.refuses:
            return
        name, now = message.name, self._clock.wall()
        if message.full:
            self._known.ask_for(name, message.owner, now, chosen=True)
            self._ledger.commit()
            return
        try:
            found = answering.resolve(self._known, Query(name), now)
        except (NameNotFound, NameContested):  # it is so since a moment ago
            return
        if found.source == "pin":
            self._known.bindings.used(name, now)
        elif found.owner == message.owner and found.source in {"registry", "cache", "dht"}:
            self._known.bindings.pin_by_use(name, found.owner, message.how, now)
            _log.info("a name is pinned by use", name=str(name), owner=str(found.owner), how=message.how)
            self._names.tell(Keep(name))
        self._ledger.commit()

    @receives(SetPetname)
    def on_set_petname(self, message: SetPetname) -> None:
        """Let a petname stand for a name."""
        self._ledger.check_disk()
        self._known.call(message.petname, message.name, message.owner, self._clock.wall())
        self._ledger.commit_for(self.defer())

    @receives(DropPetname)
    def on_drop_petname(self, message: DropPetname) -> None:
        """Forget a petname."""
        self._ledger.check_disk()
        self._known.bindings.forget_petname(message.petname)
        self._ledger.commit_for(self.defer())

    # --- questions ----------------------------------------------------------------------------------------------------

    @receives(*ANSWERS)
    def on_question(self, message: Question) -> object:
        """What this node holds of names, as `questions` says. What is asked for by its full form is kept."""
        now = self._clock.wall()
        if isinstance(message, Resolve) and message.query.owner is not None and not self._ledger.refuses:
            self._known.ask_for(message.query.name, message.query.owner, now, chosen=message.chosen)
            self._ledger.commit()
        return ANSWERS[type(message)](self._known, message, now)

    @receives(*TOLD)
    def on_question_of_peers(self, message: PeersQuestion) -> object:
        """What peers are told, once it is durable: likewise."""
        self._ledger.check_durable()
        return TOLD[type(message)](self._known, message, self._clock.wall())

    @receives(Confirm)
    def on_confirm(self, message: Confirm) -> None:
        """What a peer holds too."""
        self.spawn(self._confirmer.confirm, message.ids, name="confirm")

    @receives(GetStatistics)
    def on_get_statistics(self, _message: GetStatistics) -> RegistryStatistics:
        """Counts."""
        known = self._known
        return RegistryStatistics(
            names=known.registry.claimed_names,
            claims=len(known.registry),
            waiting=len(known.waiting),
            admitted=known.admitted,
            refused=dict(known.refused),
            clock_jumps=self._time.jumps,
        )
