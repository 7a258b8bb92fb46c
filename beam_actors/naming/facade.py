"""`Naming`: what the rooms above call. It holds refs and settings, no state, and survives every restart below it.

Invariant: a text is parsed here once; below there are names and owners only. A question is answered from what this
node knows; the connected peers are asked when it knows nothing.
"""

from collections.abc import Collection
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from beam_actors.errors import InvalidName, NameNotFound, NameTaken, NotAllowed
from beam_actors.naming.events import Event
from beam_actors.naming.grammar import (
    DEFAULT_SUFFIXES,
    Query,
    look_alikes,
    parse_query,
)
from beam_actors.naming.making import Making
from beam_actors.naming.messages import (
    CheckFree,
    CountLinks,
    DropPetname,
    DropPin,
    GetMeaning,
    GetOwnerState,
    GetStanding,
    GetStatistics,
    IsDecided,
    IsPetname,
    ListClaimants,
    ListConflicts,
    ListElsewhere,
    ListEvents,
    ListHeld,
    Refresh,
    Resolve,
    Revoke,
    Seek,
    SetPetname,
    SetPin,
    Sought,
    Used,
)
from beam_actors.naming.pins import How, Pin
from beam_actors.naming.results import (
    Choice,
    Conflict,
    Held,
    OwnerState,
    Progress,
    Registered,
    RegistryStatistics,
    Resolution,
)
from beam_actors.naming.tending import GetProgress, Keep, Release, Reserve, Tended, Unreserve
from beam_actors.ports import Entropy
from beam_actors.runtime import Ref, ask_patiently, persist
from beam_actors.values import Name, OwnerId

if TYPE_CHECKING:
    from beam_actors.naming.answering import Standing

_ASK = 10.0
"""Seconds for an answer from memory or a commit; look-ups end by their own deadline long before."""
_LATE = "The work for {name} takes long; it goes on, and `beam names` shows when the name is claimed."


class Naming:
    """Names of one node. Every method waits for actors that restart, and may raise `TimedOut` or `ActorError`."""

    def __init__(
        self,
        *,
        registrar: Ref,
        names: Ref,
        lookups: Ref,
        spread: Ref,
        entropy: Entropy,
        patience: float,
        suffixes: Collection[str] = DEFAULT_SUFFIXES,
    ) -> None:
        """`patience` is for how many seconds to wait until a name is claimed.

        `suffixes` are what a name may end with, lower-case and without dots at the ends.
        """
        self._registrar = registrar
        self._names = names
        self._lookups = lookups
        self._spread = spread
        self._patience = patience
        self._suffixes = tuple(suffixes)
        self.making = Making(partial(self._ask, registrar), self.register, entropy)
        """Random names, for what is offered without a name."""

    def parse(self, text: str) -> Query:
        """What the text asks for; raise `InvalidName`."""
        return parse_query(text, self._suffixes)

    async def resolve(self, text: str, *, chosen: bool = False) -> Resolution:
        """What the name leads to, from memory if it is known at all; else some connected peers are asked, and the DHT.

        The first answer that decides the question is given out, after some 6 s at most; what the others say later is
        taken in, too, and counts for the next question. What a person asks for themselves (`chosen`) by its full form
        is kept longer than what anything else here does.

        Raises:
            InvalidName: the text is none.
            NameNotFound: nobody is known to hold it; `NameUnheld`: the owner that it is bound to doesn't.
            NameContested: several owners hold it and nothing decides; `conflicts` has them.
            ResourceExhausted: it is not known here, and too many names are being asked of peers already.
        """
        query = self.parse(text)
        try:
            resolution: Resolution = await self._ask(self._registrar, Resolve(query, chosen=chosen))
        except NameNotFound:
            meant: Query = await self._ask(self._registrar, GetMeaning(query))
            sought: Sought = await self._ask(self._lookups, Seek(meant))
            resolution = await self._ask(self._registrar, Resolve(query, cut_off=sought.cut_off, chosen=chosen))
            if sought.by_dht and resolution.source == "registry":
                resolution = attrs.evolve(resolution, source="dht")
        if resolution.source == "cache":
            self._lookups.tell(Refresh(resolution.name))
        return resolution

    async def recall(self, text: str) -> Resolution:
        """What the name leads to as far as this node knows, at once: no peer is asked. Raises like `resolve`."""
        resolution: Resolution = await self._ask(self._registrar, Resolve(self.parse(text)))
        return resolution

    async def register(
        self, text: str, *, contest: bool = False, patient: bool = True, level: int = 0, made: bool = False
    ) -> Registered:
        """Claim the name for this node's owner; returns once the claim is durable. Again does no harm.

        The work that the network asks for is done before, which takes seconds: so long the name leads here on this
        machine alone. Unless `patient`, return then; ask again to hear how far it is. `level` is how much work to show,
        if that is more; it is done afterwards, and takes the place of what was wanted before. `made` says that the name
        is a random one that nobody asked for by itself.

        Raises:
            InvalidName: the text is none, or names an owner.
            NameTaken: somebody else is known to hold it, here or by a connected peer, and `contest` is false; or
                another machine of the owner, or another command here, gave it to them in that moment.
            NameNotFound: it was given up, or handed over and waits for its heir, in that moment.
            QuotaExceeded: the owner holds as many names as one may.
            NotAllowed: the owner's key on this machine was replaced or revoked, or the name is a petname here.
            ResourceExhausted: too many names are being asked of peers to find out whether somebody holds this one.
            TimedOut: the work takes long, and goes on.
        """
        name = self._plain(text)
        await self._ask(self._registrar, CheckFree(name))  # before peers hear of it
        await self._ask(self._lookups, Seek(Query(name)))
        held = await self.names()
        new: bool = await self._ask(self._registrar, Reserve(name, contest, made))
        try:
            tended: Tended = await persist(
                lambda: self._names.ask(Keep(name, patient, level)),
                seconds=self._patience,
                late=_LATE.format(name=name),
            )
        except NotAllowed:
            if new:
                await self._ask(self._registrar, Unreserve(name))
            raise
        resolution: Resolution = await self._ask(self._registrar, Resolve(Query(name)))
        if resolution.source != "own":
            raise NameTaken(
                f"{name} is no longer yours: it was given up or handed over in that moment, by another command or "
                f"another machine of yours, and leads to {resolution.owner} now."
            )
        return Registered(
            name=name,
            owner=resolution.owner,
            peers=resolution.peers,
            told=await self._ask(self._spread, CountLinks()),
            look_alikes=look_alikes(name, (other.name for other in held)),
            progress=tended.progress,
            work_s=tended.work_s,
            new=new,
        )

    async def progress(self, text: str) -> Progress:
        """How far a name that is registered is from being claimed, at once: no peer is asked.

        Raises:
            InvalidName: the text is none, or names an owner.
            NameNotFound: it is not registered here (any more).
            NotAllowed: the owner's key on this machine was replaced or revoked, so it can't be claimed.
            StorageError, ClaimRefused: the claim could not be stored or was refused; the node goes on trying.
        """
        name = self._plain(text)
        tended: Tended = await self._ask(self._names, GetProgress(name))
        return Progress(name=name, progress=tended.progress, told=await self._ask(self._spread, CountLinks()))

    async def release(self, text: str) -> bool:
        """Give a name of this node's owner up for all the owner's machines, unless one claims it later.

        Returns once the tombstone is durable. Raises `InvalidName`, `NameNotFound`, and `NotAllowed` if the owner's key
        on this machine was replaced.

        False if the owner was revoked, who signs nothing any more: then the name is forgotten on this machine.
        """
        signed: bool = await ask_patiently(self._names, Release(self._plain(text)), seconds=self._patience)
        return signed

    async def pin(self, text: str, owner: OwnerId | None = None) -> Pin:
        """Bind the name to `owner` on this machine, or to the owner in the text, or to whom it resolves to now.

        Raises:
            InvalidName: the text is no name.
            NameNotFound: no owner was given and nobody is known to hold it.
            NameContested: no owner was given and several hold it.
        """
        query = self.parse(text)
        owner = owner if owner is not None else query.owner
        if owner is None:
            owner = (await self.resolve(str(query.name))).owner
        pin: Pin = await self._ask(self._registrar, SetPin(query.name, owner))
        await self._look_up(query.name)
        return pin

    def used(self, text: str, owner: OwnerId, how: How) -> None:
        """A person was led to the owner by `text` and saw it: pin the name unless it is own or bound or says its owner.

        Returns at once. If the name leads to somebody else by now, nothing is pinned. One that says its owner is kept
        as what a person asked for.
        """
        query = self.parse(text)
        self._registrar.tell(Used(query.name, query.owner or owner, how, full=query.owner is not None))

    async def is_decided(self, text: str) -> bool:
        """Whether a person owns the name or bound it, so that no device of the LAN changes what it leads to."""
        decided: bool = await self._ask(self._registrar, IsDecided(self.parse(text).name))
        return decided

    async def is_petname(self, text: str) -> bool:
        """Whether the name is a petname here, so that it can't be claimed."""
        query = self.parse(text)
        if query.owner is not None:
            return False
        petname: bool = await self._ask(self._registrar, IsPetname(query.name))
        return petname

    async def unpin(self, text: str) -> None:
        """Forget a pin; raise `InvalidName` or `NameNotFound`."""
        await self._ask(self._registrar, DropPin(self.parse(text).name))

    async def petname(self, petname: str, text: str) -> Query:
        """Let a petname, which this machine alone knows, stand for a name of the owner in `text`, or of its owner now.

        What it stands for, with the owner; whether that owner holds the name now is another question.

        Raises:
            InvalidName: either text is no name, or the petname names an owner.
            NameNotFound: no owner was given and nobody is known to hold the name.
            NameContested: no owner was given and several hold it.
            NotAllowed: the petname is one of the own or pinned names.
            QuotaExceeded: there are as many petnames as there may be.
        """
        label, query = self._plain(petname), self.parse(text)
        name, owner = query.name, query.owner
        if owner is None:
            found = await self.resolve(text)
            name, owner = found.name, found.owner
        await self._ask(self._registrar, SetPetname(label, name, owner))
        await self._look_up(name)
        return Query(name, owner)

    async def holders(self, text: str) -> frozenset[OwnerId]:
        """Who is known here to hold the name now, whatever it leads to here; no peer is asked."""
        standing: Standing = await self._ask(self._registrar, GetStanding(self.parse(text).name))
        return standing.owners

    async def claimants(self, text: str) -> tuple[Choice, ...]:
        """The same with what a person is to know to choose among them."""
        found: tuple[Choice, ...] = await self._ask(self._registrar, ListClaimants(self.parse(text).name))
        return found

    async def forget_petname(self, petname: str) -> None:
        """Forget a petname; raise `InvalidName` or `NameNotFound`."""
        await self._ask(self._registrar, DropPetname(self.parse(petname).name))

    async def revoke(self, claim: bytes) -> tuple[OwnerId, int]:
        """Take in an owner's encoded revocation once it is durable, and pass it on: the owner, and how many peers hear.

        Raises:
            ClaimRefused: it is no genuine revocation of this network.
        """
        owner: OwnerId = await self._ask(self._registrar, Revoke(claim))
        return owner, await self._ask(self._spread, CountLinks())

    async def owner_state(self) -> OwnerState:
        """What is known here of this node's owner, whatever the name."""
        state: OwnerState = await self._ask(self._registrar, GetOwnerState())
        return state

    async def names(self) -> tuple[Held, ...]:
        """The names that are owned or pinned here and the petnames, in the order of names."""
        held: tuple[Held, ...] = await self._ask(self._registrar, ListHeld())
        return held

    async def elsewhere(self) -> tuple[Held, ...]:
        """The names that this node's owner claims on other machines alone, as far as is known here, in their order."""
        held: tuple[Held, ...] = await self._ask(self._registrar, ListElsewhere())
        return held

    async def conflicts(self, text: str | None = None) -> tuple[Conflict, ...]:
        """The contested names that are known here; of one name only if given."""
        name = self.parse(text).name if text is not None else None
        found: tuple[Conflict, ...] = await self._ask(self._registrar, ListConflicts(name))
        return found

    async def events(self, after: int = 0) -> tuple[Event, ...]:
        """What happened to the names that are owned or pinned here, from the event after number `after` on."""
        happened: tuple[Event, ...] = await self._ask(self._registrar, ListEvents(after))
        return happened

    async def statistics(self) -> RegistryStatistics:
        """What the registry holds and what it refused."""
        counts: RegistryStatistics = await self._ask(self._registrar, GetStatistics())
        return counts

    async def _look_up(self, name: Name) -> None:
        """Have a name looked after that was bound just now: peers are asked if nothing is known of it.

        To bind it takes no key; that of an own one's owner may sign for it no more, or have yet to do its work.
        """
        with suppress(NotAllowed):
            await self._ask(self._names, Keep(name, patient=False))

    async def _ask(self, ref: Ref, message: object) -> Any:
        return await ask_patiently(ref, message, seconds=_ASK)

    def _plain(self, text: str) -> Name:
        query = self.parse(text)
        if query.owner is not None:
            raise InvalidName(f"{text[:80]!r} names an owner, where a name alone is wanted.")
        return query.name

    def __repr__(self) -> str:
        return f"<Naming .{' .'.join(self._suffixes)}>"
