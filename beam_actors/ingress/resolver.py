"""The resolver: names to loopback addresses, for DNS and for whoever shows them.

Invariants: one look-up per name at a time, however many ask, each with a deadline; what this machine knows is answered
however many unknown names are asked for, as only those have to share what the peers may be asked; an address is stored
before anybody is told; an address that is given out is one that a web server listens on; what changed while it was
looked up is looked up again, so that an answer is never older than the last `Changed`; a device of the LAN goes before
whoever claims its name, but not before what a person owns or bound. It knows no DNS questions and no HTTP.

Two modes, chosen by what this process may do. Where it may bind the well-known ports, each name has an address of its
own in 127.77.0.0/16. Else (or when a person named an address) all names share the one address of the servers, which
tell them apart by SNI and Host.
"""

import structlog
import trio

from beam_actors.errors import (
    ActorError,
    BeamError,
    NameContested,
    NameNotFound,
    ResourceExhausted,
    StorageError,
    TimedOut,
)
from beam_actors.ingress.addresses import TABLE, AddressBook, Allocation
from beam_actors.ingress.answers import Located
from beam_actors.ingress.binding import RETRY_SECONDS
from beam_actors.ingress.limits import IngressLimits
from beam_actors.ingress.messages import FindDevice, Forget, Lookup, Served, ServerStarted, WebKind
from beam_actors.ingress.neighbours import Names, Resolution
from beam_actors.ingress.serving import ServedAddresses
from beam_actors.naming import Changed
from beam_actors.ports import Clock, Store
from beam_actors.runtime import Actor, Mailbox, Overflow, Ref, Reply, receives
from beam_actors.values import Bucket

_log = structlog.get_logger(__name__)
_WAITS = 2
"""For an address that somebody has: a listener of before is gone by then."""
_MOVES = 4
"""Other addresses that are tried for such a name: the daemons of other homes choose the same one for it."""
_REPEATS = 3  # of a look-up whose name keeps changing: whoever makes it change must not keep others waiting
CONTESTED = "status=contested"
_DEVICE = "source=mdns"
_DEVICE_SECONDS = 1.0
_FIRM = frozenset({"own", "petname", "pin"})
"""Sources of a name that a person owns or bound: a device changes nothing there, and the LAN is not asked."""


class Resolver(Actor):
    """Answers `Lookup` with `Located`."""

    mailbox = Mailbox(capacity=4096, overflow=Overflow.DROP_NEWEST)  # askers see MailboxFull and answer SERVFAIL

    def __init__(
        self,
        names: Names,
        store: Store,
        clock: Clock,
        *,
        servers: dict[WebKind, Ref],
        dns: Ref | None = None,
        devices: Ref | None = None,
        shared: str | None,
        limits: IngressLimits | None = None,
    ) -> None:
        """`dns` is told what it must not keep; `devices` knows the LAN, if that is asked.

        `shared` is the IP that a person chose for all names, if one was.
        """
        super().__init__()
        self._names = names
        self._store = store
        self._clock = clock
        self._dns = dns
        self._devices = devices
        self._shared = shared
        self._limits = limits or IngressLimits()
        self._book = AddressBook(self._limits.addresses)
        self._under_way: dict[Lookup, list[Reply]] = {}
        self._asking = 0  # of those: about which peers are asked
        self._bucket = Bucket(self._limits.lookups_per_second, self._limits.lookups_burst, clock.monotonic())
        self.refused = 0
        """Look-ups that were refused because too many were under way, or too many a second."""
        self._void: set[Lookup] = set()  # of those under way: what changed since they were asked
        self._served = ServedAddresses(servers, self._limits.bound_addresses)
        self._crowded = False  # another program has all addresses that were tried for a name, so others are not moved

    def __repr__(self) -> str:
        return f"<Resolver {len(self._under_way)} under way, {self.refused} refused, {self._book!r}>"

    async def on_start(self) -> None:
        """Read which addresses names have."""
        if self._shared is not None:
            return
        self._book, damaged = AddressBook.load(await self._store.scan(TABLE), self._limits.addresses)
        if damaged:
            _log.warning("stored loopback addresses can't be read and are allocated anew", names=len(damaged))
            try:
                await self._store.commit(damaged)
            except StorageError as error:
                _log.warning("what can't be read stays on the disk for now", error=str(error))

    @receives(Lookup)
    def on_lookup(self, message: Lookup) -> None:
        """Join the look-up of that name, or begin one."""
        reply = self.defer()
        waiting = self._under_way.get(message)
        if waiting is not None:
            if len(waiting) >= self._limits.waiters:
                self.refused += 1
                reply.fail(ResourceExhausted("Too many programs ask for this name at once."))
            else:
                waiting.append(reply)
        elif len(self._under_way) >= self._limits.recalls:
            self.refused += 1
            reply.fail(ResourceExhausted("Too many names are being looked up at once."))
        else:
            self._under_way[message] = [reply]
            self.spawn(self._look_up, message)

    @receives(Changed)
    def on_changed(self, message: Changed) -> None:
        """Claims are new here: what was answered about their names may be wrong now."""
        labels = {claim.label for claim in message.claims if claim.label} | {name.label for name in message.elsewhere}
        self.on_forget(Forget(frozenset(labels)))

    @receives(Forget)
    def on_forget(self, message: Forget) -> None:
        """What names lead to changed, by a claim or because a person pinned one."""
        labels = message.labels
        self._void.update(
            lookup for lookup in self._under_way if labels is None or lookup.text.partition(".")[0] in labels
        )
        if self._dns is not None:
            self._dns.tell(message)

    @receives(ServerStarted)
    def on_server_started(self, message: ServerStarted) -> None:
        """Tell a web server that restarted which addresses it had."""
        self._crowded = False
        self._served.tell(message.kind)

    async def _look_up(self, lookup: Lookup) -> None:
        outcome: Located | BeamError
        try:
            with trio.fail_after(self._limits.lookup_seconds):
                outcome = await self._locate_now(lookup)
        except trio.TooSlowError:
            outcome = TimedOut(f"The look-up of {lookup.text} did not end in time.")
        except BeamError as error:
            outcome = error
        self._void.discard(lookup)
        for reply in self._under_way.pop(lookup):
            if isinstance(outcome, BeamError):
                reply.fail(outcome)
            else:
                reply.set(outcome)

    async def _locate_now(self, lookup: Lookup) -> Located:
        """What holds at the end of the look-up; without the repetitions, what held at its beginning would be kept."""
        for _ in range(_REPEATS):
            self._void.discard(lookup)
            try:
                located = await self._locate(lookup)
            except BeamError:
                if lookup not in self._void:
                    raise
            else:
                if lookup not in self._void:
                    return located
        return await self._locate(lookup)

    async def _locate(self, lookup: Lookup) -> Located:
        try:
            resolution = await self._names.recall(lookup.text)
        except NameNotFound:
            return await self._seek(lookup)
        except NameContested:
            facts: tuple[str, ...] = (CONTESTED,)  # it has an address, so that a browser gets the page that says so
        else:
            facts = _facts(resolution)
            if resolution.source in _FIRM:
                return Located(await self._address(lookup.text), facts)
        ip = await self._device(lookup, patient=False)
        return _device_at(ip) if ip is not None else Located(await self._address(lookup.text), facts)

    async def _seek(self, lookup: Lookup) -> Located:
        """Nobody here knows who holds the name: ask the LAN, and then the peers beside it; a device goes first.

        Not if a person owns or bound the name: then it leads to whom they mean, or nowhere.
        """
        if self._devices is None or not lookup.mdns or await self._names.is_decided(lookup.text):
            return await self._ask_peers(lookup.text)
        ip = await self._device(lookup, patient=False)  # what is a device's is not told to strangers, if it is quick
        if ip is not None:
            return _device_at(ip)
        device: list[str] = []
        told: list[Located | BeamError] = []

        async def ask_peers() -> None:
            try:
                told.append(await self._ask_peers(lookup.text))
            except BeamError as error:
                told.append(error)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask_peers)
            ip = await self._device(lookup, patient=True)
            if ip is not None:
                device.append(ip)
                nursery.cancel_scope.cancel()
        if device:
            return _device_at(device[0])
        [outcome] = told
        if isinstance(outcome, BeamError):
            raise outcome
        return outcome

    async def _device(self, lookup: Lookup, *, patient: bool) -> str | None:
        if self._devices is None or not lookup.mdns:
            return None
        try:
            ip: str | None = await self._devices.ask(FindDevice(lookup.text, patient), timeout=_DEVICE_SECONDS)
        except ActorError:  # it restarts, or has too much to do
            return None
        return ip

    async def _ask_peers(self, text: str) -> Located:
        try:
            resolution = await self._resolve(text)
        except NameContested:
            return Located(await self._address(text), (CONTESTED,))
        return Located(await self._address(text), _facts(resolution))

    async def _resolve(self, text: str) -> Resolution:
        self._check_bounds()
        self._asking += 1
        try:
            return await self._names.resolve(text)
        finally:
            self._asking -= 1

    def _check_bounds(self) -> None:
        """Whether the peers may be asked about one more name now; raise `ResourceExhausted` if not."""
        if self._asking >= self._limits.lookups or not self._bucket.try_take(self._clock.monotonic()):
            self.refused += 1
            raise ResourceExhausted("Too many unknown names are being looked up; try again in a moment.")

    async def _address(self, text: str) -> str:
        if self._shared is not None:
            return self._shared
        ip = await self._stored(text, self._book.allocate(text))
        served = await self._served.serve(ip)
        if served is Served.TAKEN and ip not in self._served and not self._crowded:
            ip, served = await self._move(text, ip)
        return ip if served is Served.YES else await self._served.common()

    async def _move(self, text: str, ip: str) -> tuple[str, Served]:
        """Where a name goes whose address another program has, and whether it is served there."""
        for _ in range(_WAITS):  # it may be a server's own listener of before, on its way out
            await trio.sleep(RETRY_SECONDS)
            served = await self._served.serve(ip)
            if served is not Served.TAKEN:
                return ip, served
        for other in self._book.others(ip, _MOVES):
            served = await self._served.serve(other)
            if self._book.find(text) != ip:  # another look-up moved it, or it had to make room; the next one finds that
                if other not in self._book:
                    self._served.leave(other)
                return ip, Served.TAKEN
            moved = self._book.move(text, other) if served is Served.YES else None
            if moved is not None:
                _log.info("a name has another loopback address", name=text, before=ip, ip=other)
                return await self._stored(text, moved), served
        self._crowded = True  # somebody listens at all of them
        return ip, Served.TAKEN

    async def _stored(self, name: str, allocation: Allocation) -> str:
        """The allocated address, which is remembered if the disk lets."""
        if allocation.changes:
            try:
                await self._store.commit(allocation.changes)
            except StorageError as error:
                _log.warning("a loopback address is not remembered", name=name, error=str(error))
        return allocation.ip


def _facts(resolution: Resolution) -> tuple[str, ...]:
    return (f"owner={resolution.owner}", *(f"peer={peer}" for peer in resolution.peers))


def _device_at(ip: str) -> Located:
    return Located(ip, (_DEVICE,), device=True)
