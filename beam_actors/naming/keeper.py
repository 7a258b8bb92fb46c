"""The actor of one name that is owned or pinned here: it keeps the own claim alive, and asks about a pinned one.

Invariant: at most one claim is being signed at a time, from what the registrar holds at that moment, and it is
committed before anybody hears of it; so this node never signs one seq twice, whenever it crashes. Work that a network
asks for is done before, while nothing is being signed. It holds the owner's key, and knows no peer but this machine's
own id.
"""

from collections.abc import Callable

import structlog
import trio

from beam_actors.errors import (
    ActorError,
    BeamError,
    ClaimRefused,
    NotAllowed,
    OwnerRevoked,
    ResourceExhausted,
    StorageError,
)
from beam_actors.identity import OwnerKey
from beam_actors.naming.claim import Claim, Kind, Terms
from beam_actors.naming.entry import Entry
from beam_actors.naming.grammar import Query
from beam_actors.naming.keeping import (
    TTL,
    Signer,
    check_era,
    handed_beside,
    is_due,
    next_terms,
    not_own,
    successor_of,
)
from beam_actors.naming.limits import HOUR
from beam_actors.naming.messages import GetHolding, Holding, Seek, Sought
from beam_actors.naming.records import Own
from beam_actors.naming.solving import Proof, Solver
from beam_actors.naming.tending import GiveUp, Publish, Rouse, TellProgress, Tend, Tended, Unreserve
from beam_actors.ports import Clock
from beam_actors.runtime import Actor, Ref, Reply, Timer, receives
from beam_actors.values import Name, OwnerId

_log = structlog.get_logger(__name__)
_ASK = 10.0
_RETRY = 5.0
_NEARLY = 0.99
"""What is said of work that is done while its claim is not signed yet."""
_ROUSED = 5.0
"""Seconds after a new claim of the owner's until the name is looked after: what two machines of one owner sign at each
other, or who has a copy of the key makes this one sign, is at most one claim in that time."""
ASK_FIRST = 10.0
"""Seconds for peers to say what they know of an own name, before it is claimed anew."""


class NameKeeper(Actor):
    """Tends one name, once an hour and when told; ends when the name is neither owned nor pinned any more."""

    def __init__(
        self,
        name: Name,
        registrar: Ref,
        lookups: Ref,
        clock: Clock,
        *,
        key: OwnerKey,
        signer: Signer,
        solver: Solver,
    ) -> None:
        super().__init__()
        self._name = name
        self._registrar = registrar
        self._lookups = lookups
        self._clock = clock
        self._key = key
        self._signer = signer
        self._solver = solver
        self._signing = trio.Lock()
        self._asked = trio.Event()  # peers were asked what they know, or had their time
        self._level = 0  # the work that a person wants to be shown
        self._failure: BeamError | None = None  # of looking after the name, until that succeeds
        self._timer: Timer | None = None
        self._roused = False  # and due within seconds
        self._giving_up = 0  # requests under way: they are answered before this actor ends

    def __repr__(self) -> str:
        return f"<NameKeeper {self._name} for {self._signer.keyset!r}>"

    async def on_start(self) -> None:
        """Look after the name at once: it may have been due while nothing ran."""
        self.spawn(self._begin, name="begin")

    async def _begin(self) -> None:
        """Before a claim is replaced, ask peers whether they know a later one: this disk may be a copy of before.

        A number that is signed twice says that the key is in two hands. Some seconds are for the first peers to come.
        """
        try:
            with trio.move_on_after(ASK_FIRST):
                while await self._replaces():
                    sought: Sought = await self._lookups.ask(Seek(Query(self._name)), timeout=_ASK)
                    if sought.answered:
                        break
                    await trio.sleep(_RETRY)
        except (ActorError, ResourceExhausted, NotAllowed) as error:  # which looking after it will meet again, and say
            _log.debug("nobody is asked about an own name", name=str(self._name), error=str(error))
        finally:
            self._asked.set()
        self.ref.tell(Tend())

    async def _replaces(self) -> bool:
        """Whether the next claim of an own name would be one that follows another."""
        holding = await self._holding()
        if holding.own is None:
            return False
        return _is_renewal(holding.entry, self._due(holding.own, holding.entry, self._solver.bits))

    @receives(Tend)
    def on_tend(self, message: Tend) -> None:
        """Look after the name; the reply comes when that is done, or all but the work is."""
        if message.level:
            self._level = message.level
            self._solver.lower(self._name, message.level)
        self._roused = False
        self.spawn(self._tend, self.defer(), message.patient, name="tend")

    @receives(Rouse)
    def on_rouse(self, _message: Rouse) -> None:
        """Look after the name soon: it may have been signed twice, here and on another machine."""
        if not self._roused:
            self._roused = True
            self.send_after(_ROUSED, Tend())

    @receives(TellProgress)
    def on_tell_progress(self, _message: TellProgress) -> None:
        """Say how far the work is, or why the claim could not be signed or stored when that was tried last."""
        self.spawn(self._tell_progress, self.defer(), name="progress")

    @receives(GiveUp)
    def on_give_up(self, _message: GiveUp) -> None:
        """Sign a tombstone; the reply comes when it is durable."""
        self._giving_up += 1
        self.spawn(self._give_up, self.defer(), name="give-up")

    async def _tend(self, reply: Reply, patient: bool) -> None:  # noqa: FBT001 (a worker's arguments have no names)
        def working() -> None:
            if not patient:
                reply.set(Tended(self._solver.progress(self._name), 0.0))

        delay: float = HOUR
        try:
            seconds = await self._sign_when_due(working)
            self._failure = None
            reply.set(Tended(1.0, seconds))
            await self._improve()
        except (ActorError, StorageError, NotAllowed, ClaimRefused) as error:
            passes = isinstance(error, ActorError | StorageError)
            if passes or str(error) != str(self._failure):  # what stays so is said once
                _log.warning("a name could not be looked after", name=str(self._name), error=str(error))
            delay = _RETRY if passes else HOUR
            self._failure = error.with_traceback(None)  # which would hold all that its frames hold
            reply.fail(error)
        except ResourceExhausted as error:  # the name is held all the same; only what peers know of it comes later
            _log.info("peers are asked about a pinned name later", name=str(self._name), error=str(error))
            delay = _RETRY
            reply.set(Tended(1.0, 0.0))
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.send_after(delay, Tend())

    async def _sign_when_due(self, working: Callable[[], None]) -> float:
        """Claim the name anew if that is due; the seconds of work. `working` is called if work must be done first."""
        seconds = 0.0
        while True:
            async with self._signing:
                holding = await self._holding()
                if holding.own is None:
                    await self._look_after_other(holding)
                    return seconds
                proof = self._solver.proof(self._name, _claims(holding))
                kind = self._due(holding.own, holding.entry, self._solver.bits if proof is None else proof.level)
                if kind is None:
                    return seconds
                asked = self._asked.is_set() or not _is_renewal(holding.entry, kind)
                if proof is not None and asked:
                    await self._publish(holding, kind, proof)
                    if kind is Kind.TRANSFER:
                        self.ref.tell(Tend())
                    return seconds
            working()
            if proof is not None:
                await self._asked.wait()
                continue
            began = self._clock.monotonic()
            await self._solver.solve(self._name, _claims(holding))
            seconds += self._clock.monotonic() - began

    async def _tell_progress(self, reply: Reply) -> None:
        try:
            holding = await self._holding()
        except BeamError as error:
            reply.fail(error)
            return
        if holding.own is None:
            reply.fail(not_own(self._name))
            return
        proof = self._solver.proof(self._name, _claims(holding))
        waits = self._due(holding.own, holding.entry, self._solver.bits if proof is None else proof.level) is not None
        if waits and self._failure is not None:  # whoever looks on would wait for as long as it fails
            reply.fail(self._failure.with_traceback(None))  # or it grew with each look
            return
        reply.set(Tended(min(self._solver.progress(self._name), _NEARLY) if waits else 1.0, 0.0))

    async def _improve(self) -> None:
        """Do more work than the network asks for, if a person wants it, and show it."""
        if not self._solver.bits:
            return
        while self._level:
            holding = await self._holding()
            if holding.own is None or self._solver.proof(self._name, _claims(holding), self._level) is not None:
                self._level = 0
                await self._sign_when_due(_nothing)
            else:
                await self._solver.solve(self._name, _claims(holding), self._level)

    async def _holding(self) -> Holding:
        """What this node has to do with the name; raises `NotAllowed` if it is own and the key signs for it no more."""
        holding: Holding = await self._registrar.ask(GetHolding(self._name), timeout=_ASK)
        if holding.own is not None:
            if holding.revoked:
                raise OwnerRevoked
            check_era(self._signer, holding.era)
        return holding

    def _due(self, own: Own, entry: Entry | None, level: int) -> Kind | None:
        """What is to be signed, if anything; `level` is the work to show."""
        if self._heir(own, entry) is not None:
            return Kind.TRANSFER
        return Kind.LIVE if is_due(entry, self._signer, self._clock.wall(), level=level) else None

    def _heir(self, own: Own, entry: Entry | None) -> OwnerId | None:
        """To whom the next claim is to hand the name over, if to anybody."""
        return successor_of(own, self._signer) or handed_beside(own, entry, self._signer)

    async def _look_after_other(self, holding: Holding) -> None:
        if holding.bound:
            if holding.entry is None or self._clock.wall() - holding.heard >= TTL:
                await self._lookups.ask(Seek(Query(self._name)), timeout=_ASK)
        elif not self._giving_up:
            self.stop()

    async def _publish(self, holding: Holding, kind: Kind, proof: Proof) -> None:
        successor = self._heir(holding.own, holding.entry) if holding.own and kind is Kind.TRANSFER else None
        terms = next_terms(
            self._name,
            holding.entry,
            self._signer,
            kind,
            self._clock.wall(),
            successor=successor,
            inherits=holding.inherits,
            work=proof.work,
        )
        await self._registrar.ask(Publish((signed(terms, self._key, proof),)), timeout=_ASK)
        self._solver.forget(self._name)

    async def _give_up(self, reply: Reply) -> None:
        try:
            reply.set(await self._sign_tombstone())
        except BeamError as error:
            reply.fail(error)
        self._giving_up -= 1
        self.ref.tell(Tend())

    async def _sign_tombstone(self) -> bool:
        """Give the name up; False if that is for this machine alone, since the owner's keys sign nothing any more."""
        while True:
            async with self._signing:
                holding: Holding = await self._registrar.ask(GetHolding(self._name, as_own=True), timeout=_ASK)
                if holding.own is None and not _is_claimed(holding):  # else another machine of the owner keeps it
                    raise not_own(self._name)
                if holding.revoked:
                    await self._registrar.ask(Unreserve(self._name), timeout=_ASK)
                    return False
                check_era(self._signer, holding.era)
                proof = self._solver.proof(self._name, _claims(holding))
                if proof is not None:
                    await self._publish(holding, Kind.TOMBSTONE, proof)
                    return True
            await self._solver.solve(self._name, _claims(holding))


def signed(terms: Terms, key: OwnerKey, proof: Proof) -> Claim:
    """The terms as a claim of which it is known what its work is worth."""
    claim = Claim.sign(terms, key)
    return claim.proved(proof.level) if proof.level else claim


def _is_renewal(entry: Entry | None, kind: Kind | None) -> bool:
    return kind is Kind.LIVE and entry is not None and entry.claim.kind is Kind.LIVE


def _is_claimed(holding: Holding) -> bool:
    return holding.entry is not None and holding.entry.claim.kind is Kind.LIVE


def _claims(holding: Holding) -> tuple[Claim, ...]:
    return holding.entry.claims if holding.entry else ()


def _nothing() -> None:
    """Nobody waits for less than all."""
