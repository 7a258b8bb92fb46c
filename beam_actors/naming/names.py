"""The pool of the actors of names: one for each that is owned or pinned here.

Invariant: whoever is asked to claim, renew or release a name asks the one actor of that name (`keeper`); and what a new
era begins with is said here, in one commit, before any of them runs.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import structlog
import trio

from beam_actors.errors import (
    ActorDead,
    ActorError,
    ActorUnavailable,
    BeamError,
    ClaimRefused,
    NotAllowed,
    QuotaExceeded,
    ResourceExhausted,
    StorageError,
)
from beam_actors.identity import OwnerKey
from beam_actors.naming.claim import Claim, Kind
from beam_actors.naming.grammar import Query
from beam_actors.naming.keeper import ASK_FIRST, NameKeeper, signed
from beam_actors.naming.keeping import Signer, next_terms, successor_of
from beam_actors.naming.limits import HOUR
from beam_actors.naming.messages import Holding, ListHeld, Seek, Sought
from beam_actors.naming.solving import Solver
from beam_actors.naming.tending import (
    GetProgress,
    GiveUp,
    Keep,
    ListFormer,
    Publish,
    Release,
    Rouse,
    Spoken,
    TakeBack,
    TellProgress,
    Tend,
)
from beam_actors.ports import Clock
from beam_actors.runtime import ChildSpec, Pool, Ref, Reply, Restart, StartMember, receives
from beam_actors.values import Name, PeerId

if TYPE_CHECKING:
    from beam_actors.naming.results import Held

_log = structlog.get_logger(__name__)
_Former = tuple[tuple[Name, Holding], ...]
"""As of `ListFormer`: by which names an era is to be opened."""
_ASK = 10.0
_RETRY = 5.0


class Names(Pool):
    """The pool of `NameKeeper`s. Refills itself from the registrar before it answers."""

    def __init__(
        self, registrar: Ref, lookups: Ref, clock: Clock, *, key: OwnerKey, me: PeerId, network: str, solver: Solver
    ) -> None:
        """`key` is the owner's present one, `me` this machine."""
        signer = Signer(network, key.keyset, me)

        def member(label: str) -> ChildSpec:
            def keeper() -> NameKeeper:
                return NameKeeper(Name(label), registrar, lookups, clock, key=key, signer=signer, solver=solver)

            return ChildSpec(label, keeper, restart=Restart.TRANSIENT)

        super().__init__(member)
        self._registrar = registrar
        self._lookups = lookups
        self._clock = clock
        self._key = key
        self._signer = signer
        self._solver = solver
        self._is_opening = False  # an era, or looking whether one is to be opened
        self._is_behind = False  # something was heard of an era before since that look

    async def on_start(self) -> None:
        """Have an actor for each name that is held; if the key is of a later era, when that is opened."""
        former = await self._former()
        if former:
            self._is_opening = True
            self.spawn(self._open, former, name="open")
            return
        for name in await self._held():
            await self.start_member(StartMember(name.label))

    @receives(Spoken)
    def on_spoken(self, message: Spoken) -> None:
        """Open the key's era if something of an earlier one is heard only now: the registry may have been empty."""
        if message.era < self._key.era:
            self._is_behind = True
            if not self._is_opening:
                self._is_opening = True
                self.spawn(self._open, (), name="open")

    async def _former(self) -> _Former:
        former: _Former = await self._registrar.ask(ListFormer(self._key.era), timeout=_ASK)
        return former

    async def _held(self) -> list[Name]:
        held: tuple[Held, ...] = await self._registrar.ask(ListHeld(), timeout=_ASK)
        return list(dict.fromkeys(one.target for one in held))

    async def _open(self, former: _Former) -> None:
        """Open the era by these names, if there are any; then as long as anything of an era before is heard."""
        if former:
            await self._begin(former)
        while self._is_behind:
            self._is_behind = False
            former = await self._former()
            if former and not self._are_tended(former):
                await self._begin(former)
        self._is_opening = False

    def _are_tended(self, former: _Former) -> bool:
        """Whether one of the names has its actor, which opens the era: two would sign one number."""
        return any(holding.own is not None and self._member(name.label) is not None for name, holding in former)

    async def _begin(self, former: _Former) -> None:
        """Claim the own names anew in the key's era, or hand them over; then begin to look after them.

        Peers are asked first: another machine of the owner may have opened the era, and handed a name over. Then in one
        commit, since the first claim of an era ends all that was said in the one before. Only what this machine
        itself holds is said again, and for this machine alone: what else stands in claims of the era before may be a
        thief's. If it holds nothing, a name of before is given up in the era, so that there is one. The owner's other
        machines claim theirs when they have the key. A name for which the work must be done first is its actor's
        matter.
        """
        try:
            with trio.move_on_after(ASK_FIRST):
                while True:
                    if await self._were_asked(name for name, _holding in former):
                        break
                    await trio.sleep(_RETRY)
        except (ActorError, ResourceExhausted) as error:
            _log.debug("nobody is asked about own names before an era", error=str(error))
        await self._open_era()
        await self._take_back(former)
        for name in await self._held():
            await self.ref.ask(StartMember(name.label), timeout=_ASK)

    async def _were_asked(self, names: Iterable[Name]) -> bool:
        """Whether a peer said what it knows of each of the names."""
        asked: list[Sought] = [await self._lookups.ask(Seek(Query(name)), timeout=_ASK) for name in names]
        return all(one.answered for one in asked)

    async def _open_era(self) -> None:
        former, now = await self._former(), self._clock.wall()
        claims = tuple(claim for name, holding in former if (claim := self._anew(name, holding, now)) is not None)
        if not claims:
            return
        try:
            await self._registrar.ask(Publish(claims, opens=True), timeout=_ASK)
        except (StorageError, ClaimRefused, NotAllowed) as error:
            _log.warning("names could not be claimed anew in a later era", era=self._key.era, error=str(error))
            # The names' actors try again, each for its own; but there may be none.
            self.send_after(HOUR if isinstance(error, ClaimRefused) else _RETRY, Spoken(claims[0].era - 1))
        else:
            _log.info("names are claimed anew in a later era", era=self._key.era, names=len(claims))

    async def _take_back(self, former: _Former) -> None:
        """Hold again what was given up before the era, where this machine could not say so as it opened it.

        Another machine of the owner may have opened it first: its claims ended what said that the names were given up,
        so that nothing was left of which to speak. What it says of them in the era goes first.
        """
        for name in [name for name, before in former if before.own is not None]:
            try:
                if await self._registrar.ask(TakeBack(name, self._key.era), timeout=_ASK):
                    _log.info("a name is taken back in an era that another machine opened", name=str(name))
            except (StorageError, QuotaExceeded) as error:
                again = f"`beam register {name}` takes it back"
                _log.warning("a name is not taken back", name=str(name), error=str(error), again=again)

    def _anew(self, name: Name, holding: Holding, now: float) -> Claim | None:
        """The first claim of the era for the name: of one that is not held here, that it is given up.

        The era must be opened by something, or the key before would go on to be believed.
        """
        proof = self._solver.proof(name, holding.entry.claims if holding.entry else ())
        if proof is None:
            return None
        successor = None if holding.own is None else successor_of(holding.own, self._signer)
        kind = Kind.TOMBSTONE if holding.own is None else Kind.LIVE if successor is None else Kind.TRANSFER
        terms = next_terms(name, None, self._signer, kind, now, successor=successor, work=proof.work)
        return signed(terms, self._key, proof)

    @receives(Keep)
    def on_keep(self, message: Keep) -> None:
        """Tend a name now."""
        tend = Tend(message.patient, message.level)
        self.spawn(self._pass_on, message.name, tend, self.defer(), name="keep")

    @receives(Rouse)
    def on_rouse(self, message: Rouse) -> None:
        """Have the name looked after soon, if its actor has begun; else it will see the claim when it does."""
        keeper = self._member(message.name.label)
        if keeper is not None:
            keeper.ref.tell(message)

    @receives(GetProgress)
    def on_get_progress(self, message: GetProgress) -> None:
        """Say how far the work for a name is."""
        self.spawn(self._pass_on, message.name, TellProgress(), self.defer(), name="progress")

    @receives(Release)
    def on_release(self, message: Release) -> None:
        """Give a name up."""
        self.spawn(self._pass_on, message.name, GiveUp(), self.defer(), name="release")

    async def _pass_on(self, name: Name, message: Tend | TellProgress | GiveUp, reply: Reply) -> None:
        try:
            reply.set(await self._ask_keeper(name, message))
        except BeamError as error:
            reply.fail(error)

    async def _ask_keeper(self, name: Name, message: Tend | TellProgress | GiveUp) -> Any:
        """Ask the name's actor; again once if it was just ending because the name was not held a moment ago.

        Raises:
            ActorUnavailable: it ended twice, since others claim and release the name at this moment.
        """
        for last in (False, True):
            keeper: Ref = await self.ref.ask(StartMember(name.label), timeout=_ASK)
            try:
                return await keeper.ask(message, timeout=self._solver.patience)
            except ActorDead as error:
                if last:
                    raise ActorUnavailable(f"{name} is being claimed and released at once; try again.") from error
        return None
