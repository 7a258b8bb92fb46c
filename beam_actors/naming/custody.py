"""Names and the DHT: what this node keeps for others there, and that others keep this node's own claims.

A claim is kept under its name's key by the nodes that are nearest to it. They judge it as every claim is judged, by the
registrar, so there is one store, one admission and one quota. Own claims are given to the nearest nodes when they are
new, and again each few hours, since nodes come and go; when that was is remembered across restarts. Invariants: nothing
is kept or told that the registrar does not hold; own claims are given out one name at a time. It knows no node.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import structlog
import trio

from beam_actors.errors import ClaimRefused, InvalidValue, StorageError
from beam_actors.naming.claim import Claim, Kind
from beam_actors.naming.limits import Limits
from beam_actors.naming.lodgers import Lodging
from beam_actors.naming.messages import Changed, GetHeld, GetHolding, GetUnder, Holding, ListHeld, Submit, Taken
from beam_actors.naming.network import FAILURES, KeyValues, Take
from beam_actors.naming.ranges import hold_key, name_key
from beam_actors.peers import Fate, Kept
from beam_actors.ports import Change, Clock, Entropy, Store
from beam_actors.runtime import Actor, Mailbox, Overflow, Ref, receives
from beam_actors.values import Name, OwnerId, PeerId, Record, encode_record

if TYPE_CHECKING:
    from beam_actors.naming.results import Held

PUBLISHED = "names.published"
_VERSION = 1
_MAX_ROW = 128
_ASK = 10.0
_RETRY = 5.0
_MOST_FAILURES = 8
_REST = 600.0
"""Seconds after which the wall clock is looked at again at the latest, since it may be set."""
_log = structlog.get_logger(__name__)


class ClaimCustodian:
    """What is kept here for the network: a `peers.Custodian`."""

    def __init__(self, registrar: Ref, network: str) -> None:
        self._registrar = registrar
        self._network = network

    def __repr__(self) -> str:
        return f"ClaimCustodian(of {self._registrar.path})"

    async def find(self, key: bytes) -> tuple[bytes, ...]:
        """The claims for the name that stands at the key, or one owner's hold that was deposited under it."""
        found: tuple[bytes, ...] = await self._registrar.ask(GetUnder(key), timeout=_ASK)
        return found

    async def keep(self, key: bytes, values: tuple[bytes, ...], source: PeerId, *, near: bool) -> Kept:
        """Have the registrar judge the claims, if the key is their name's or their hold's and this node is near."""
        claims = [self._read(key, value) for value in values]
        ids = tuple(claim.id for claim in claims if claim is not None)
        before = await self._held(ids)
        fresh = tuple(claim.encoded for claim in claims if claim is not None and (near or claim.id in before))
        taken = Taken(0)
        if fresh:
            deposited = near and any(claim is not None and self._hold_key(claim) == key for claim in claims)
            lodging = Lodging.DEPOSITED if deposited else Lodging.KEPT
            taken = await self._registrar.ask(Submit(fresh, source, lodging), timeout=_ASK)
        after = await self._held(ids)
        return Kept(tuple(_fate(claim, before, after, near=near) for claim in claims), taken.bad)

    def _read(self, key: bytes, value: bytes) -> Claim | None:
        try:
            claim = Claim.parse(value, network=self._network)
        except ClaimRefused:
            return None
        if claim.kind is Kind.REVOCATION:
            return None
        return claim if key in {name_key(self._network, claim.name), self._hold_key(claim)} else None

    def _hold_key(self, claim: Claim) -> bytes:
        return hold_key(self._network, claim.name, claim.owner)

    async def _held(self, ids: tuple[bytes, ...]) -> frozenset[bytes]:
        held: frozenset[bytes] = await self._registrar.ask(GetHeld(ids), timeout=_ASK)
        return held


def _fate(claim: Claim | None, before: frozenset[bytes], after: frozenset[bytes], *, near: bool) -> Fate:
    if claim is None:
        return Fate.REFUSED
    if claim.id in before:
        return Fate.KNOWN
    if claim.id in after:
        return Fate.KEPT
    return Fate.REFUSED if near else Fate.NOT_MINE


class Keepers:
    """The claims that others keep: by the names' keys, and each owner's by a key of its own."""

    def __init__(self, dht: KeyValues, network: str) -> None:
        self._dht = dht
        self._network = network

    def __repr__(self) -> str:
        return f"Keepers({self._dht!r})"

    async def search(self, name: Name, whose: OwnerId | None, actor: Ref, take: Take) -> int:
        """Search for claims for the name, or for one owner's; `take` gets what each node keeps.

        How many nodes near the key have answered.
        """
        key = name_key(self._network, name) if whose is None else hold_key(self._network, name, whose)
        return len((await self._dht.find(key, actor, take)).closest)

    async def give(self, name: Name, whose: OwnerId, claims: Sequence[bytes], actor: Ref) -> int:
        """Have an owner's claims for the name kept by the nodes near either key: how many do, of those fewer."""
        keys = name_key(self._network, name), hold_key(self._network, name, whose)
        return min([len(await self._dht.store(key, claims, actor)) for key in keys])


class Custody(Actor):
    """Gives own claims to the DHT. Overflow: news that is dropped is found again by the next look at what is held."""

    mailbox = Mailbox(capacity=4096, overflow=Overflow.DROP_NEWEST)

    def __init__(
        self,
        registrar: Ref,
        keepers: Keepers,
        store: Store,
        clock: Clock,
        entropy: Entropy,
        *,
        owner: OwnerId,
        limits: Limits,
    ) -> None:
        super().__init__()
        self._registrar = registrar
        self._keepers = keepers
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._owner = owner
        self._limits = limits
        self._due: dict[Name, float] = {}
        """When each name is to be given out, on the wall clock."""
        self._given: dict[Name, tuple[int, bytes]] = {}
        """When a name was, and the id of its claim."""
        self._failures = 0
        self._wake = trio.Event()

    def __repr__(self) -> str:
        return f"<Custody of {len(self._due)} names, {len(self._given)} given out>"

    async def on_start(self) -> None:
        """Remember what was given out when, and begin."""
        for key, value in await self._store.scan(PUBLISHED):
            try:
                record = Record.decode(value, limit=_MAX_ROW)
                record.integer("v", least=_VERSION, most=_VERSION)
                self._given[Name(key.decode())] = record.integer("at"), record.data("id", limit=32)
            except (InvalidValue, UnicodeDecodeError) as error:  # it is given out again
                _log.warning("when a name was given to others can't be read", error=str(error))
        self.spawn(self._run, name="give")

    @receives(Changed)
    def on_changed(self, message: Changed) -> None:
        """What is new of the own owner is given out at once."""
        names = {
            claim.name for claim in message.claims if claim.owner == self._owner and claim.kind is not Kind.REVOCATION
        }
        for name in sorted(names):
            self._due[name] = 0.0
            self._failures = 0
        if names:
            self._wake.set()

    async def _run(self) -> None:
        looked = False
        while True:
            try:
                if not looked:
                    await self._look()
                    looked = True
                now = self._clock.wall()
                name = min(self._due, key=lambda one: (self._due[one], one), default=None)
                if name is not None and self._due[name] <= now:
                    await self._give(name, now)
                    continue
            except FAILURES as error:
                _log.debug("own names are given to others later", error=str(error))
                await trio.sleep(_RETRY)
                continue
            self._wake = trio.Event()
            with trio.move_on_after(_REST if name is None else min(_REST, self._due[name] - now)):
                await self._wake.wait()

    async def _look(self) -> None:
        """What is held, and when it is due: a start is no reason to give all of it out again."""
        held: tuple[Held, ...] = await self._registrar.ask(ListHeld(), timeout=_ASK)
        for one in held:
            if one.relation == "own" and one.name not in self._due:
                at, claim_id = self._given.get(one.name, (0, b""))
                entry = (await self._holding(one.name)).entry
                same = entry is not None and entry.claim.id == claim_id and at <= self._clock.wall()
                self._due[one.name] = self._next(at) if same else 0.0

    async def _holding(self, name: Name) -> Holding:
        holding: Holding = await self._registrar.ask(GetHolding(name), timeout=_ASK)
        return holding

    def _next(self, at: float) -> float:
        return at + self._limits.republish * (5 / 6 + self._entropy.uniform() / 3)

    async def _give(self, name: Name, now: float) -> None:
        """Give out what this owner says of a name; what it says last of one that it gives up, once."""
        entry = (await self._holding(name)).entry
        if entry is None or entry.claim.owner != self._owner:
            del self._due[name]
            return
        claims = [claim.encoded for claim in entry.claims]
        self._failures = min(self._failures + 1, _MOST_FAILURES)
        later = min(self._limits.republish, self._limits.publish_retry * 2.0**self._failures)
        self._due[name] = again = now + later
        kept = await self._keepers.give(name, self._owner, claims, self.ref)
        if not kept:  # nobody is known, or nobody near it answers
            return
        self._failures = 0
        _log.debug("a name is kept by others", name=str(name), peers=kept)
        await self._given_out(name, entry.claim, now, superseded=self._due[name] != again)

    async def _given_out(self, name: Name, claim: Claim, now: float, *, superseded: bool) -> None:
        """Remember it; if the owner has said something new meanwhile, that is still to be given out."""
        row: bytes | None = None
        if claim.kind is Kind.LIVE:
            self._given[name] = int(now), claim.id
            row = encode_record({"v": _VERSION, "at": max(0, int(now)), "id": claim.id})
            if not superseded:
                self._due[name] = self._next(now)
        else:
            self._given.pop(name, None)
            if not superseded:
                del self._due[name]
        try:
            await self._store.commit([Change(PUBLISHED, name.label.encode(), row)])
        except StorageError as error:  # then it is given out again after a restart
            _log.warning("when a name was given to others was not written down", error=str(error))
