"""The connection manager: the address book in the store, which peers have an actor, and the bounds on connections.

Invariants: a kept peer always has an actor (also after the pool or this actor was restarted); what a person asked to
remember is durable before it is acknowledged; a stranger's session is admitted within the bounds only, which leave
places for the peers that this node itself wants. Established sessions don't need it: a peer's actor goes on with what
it was told last.
"""

from collections.abc import Sequence

import structlog

from beam_actors.errors import ActorError, InvalidValue, PeerNotKept, ResourceExhausted, StorageError
from beam_actors.peers.book import TABLE, AddressBook, Entry, decode_entry, encode_entry
from beam_actors.peers.dialling import Listening
from beam_actors.peers.guests import Guests
from beam_actors.peers.limits import PeersLimits
from beam_actors.peers.messages import (
    Admit,
    Claimed,
    Disconnect,
    Ensure,
    FillPool,
    ListPeers,
    PeerStatus,
    Proved,
    Release,
    Released,
    Remember,
    Report,
    Started,
    Wake,
)
from beam_actors.peers.places import source_of
from beam_actors.peers.sessions import announced
from beam_actors.ports import Change, Clock, Store
from beam_actors.runtime import Actor, Down, ListMembers, Mailbox, Overflow, Ref, Reply, StartMember, receives
from beam_actors.values import Multiaddr, PeerId

_log = structlog.get_logger(__name__)
_FILL_RETRY = 0.2


class Manager(Actor):
    """Knows all peers. Overflow: a report beyond the mailbox is dropped; the peer's next change repeats it."""

    mailbox = Mailbox(capacity=16_384, overflow=Overflow.DROP_NEWEST)
    reply_errors = (ResourceExhausted, PeerNotKept, ActorError)

    def __init__(
        self,
        *,
        pool: Ref,
        store: Store,
        clock: Clock,
        us: PeerId,
        listening: Listening,
        bootstrap: Sequence[tuple[PeerId, Multiaddr]],
        released: set[PeerId],
        limits: PeersLimits,
    ) -> None:
        """`released` outlives this actor: those of `bootstrap` that a person let go since the node was started."""
        super().__init__()
        self._pool = pool
        self._store = store
        self._clock = clock
        self._listening = listening
        self._bootstrap = tuple(item for item in bootstrap if item[0] != us)
        self._released = released
        self._limits = limits
        self._book = AddressBook(peers=limits.book_peers, addresses=limits.book_addresses)
        self._peers: dict[PeerId, Ref] = {}
        self._paths: dict[str, PeerId] = {}
        self._reports: dict[PeerId, Report] = {}
        self._guests = Guests(total=limits.guests, per_source=limits.sessions_per_address)
        self._dirty: set[PeerId] = set()
        self._saving = False

    def __repr__(self) -> str:
        return f"Manager({self._book!r}, {len(self._peers)} actors, {self._guests!r})"

    async def on_start(self) -> None:
        """Read the book, take up the peers that have an actor, and begin to dial the kept ones."""
        entries: dict[PeerId, Entry] = {}
        for key, value in await self._store.scan(TABLE):
            try:
                entries[PeerId.from_multihash(key)] = decode_entry(value)
            except InvalidValue as error:
                _log.warning("a stored peer can't be read and is passed over", error=str(error))
        self._book.load(entries)
        now = self._clock.wall()
        for peer, address in self._bootstrap:
            if peer not in self._released:
                self._changed(self._book.keep(peer, address, now))
        self.monitor(self._pool)
        await self._fill()

    # --- which peers have an actor ---

    @receives(Ensure)
    async def ensure(self, message: Ensure) -> Ref:
        """Start the peer's actor if there is none, since this node wants the peer, or wants to ask it something."""
        if not message.visit:
            self._guests.discard(message.peer)
        elif message.peer not in self._peers and not self._book.chosen(message.peer):
            return await self._ensure_guest(message.peer, None)
        return await self._ensure(message.peer)

    @receives(Admit)
    async def admit(self, message: Admit) -> Ref:
        """Let a stranger's session in, within the bounds."""
        reports = self._reports.values()
        if sum(report.status.sessions for report in reports) >= self._limits.sessions:
            raise ResourceExhausted(f"This node has {self._limits.sessions} sessions already.")
        source = source_of(message.remote)
        taken = sum(report.accepted_from.count(source) for report in reports)
        if taken >= self._limits.sessions_per_address:
            raise ResourceExhausted(f"{source} has {self._limits.sessions_per_address} sessions already.")
        if message.peer in self._peers or self._book.chosen(message.peer):
            return await self._ensure(message.peer)
        return await self._ensure_guest(message.peer, source)

    async def _ensure_guest(self, peer: PeerId, source: str | None) -> Ref:
        self._guests.admit(peer, source)
        try:
            return await self._ensure(peer)
        except (ActorError, ResourceExhausted):
            self._guests.discard(peer)
            raise

    @receives(Started)
    def started(self, message: Started) -> None:
        """Tell a new incarnation of a peer's actor, or one that this manager hasn't met, what is known."""
        ref = self.system.whereis(f"{self._pool.path}/{message.peer.short}")
        if ref is not None:
            if message.peer not in self._peers and not self._book.chosen(message.peer):
                self._guests.found(message.peer)
            self._register(message.peer, ref)
        self._wake(message.peer)

    @receives(Report)
    def report(self, message: Report) -> None:
        """Note how a peer stands, unless the end of its actor, which is told on a lane of its own, came before."""
        if message.status.peer in self._peers:
            self._reports[message.status.peer] = message

    @receives(ListPeers)
    def list_peers(self, _message: ListPeers) -> tuple[PeerStatus, ...]:
        """How all peers stand that have an actor."""
        return tuple(self._reports[peer].status for peer in sorted(self._reports))

    @receives(Down)
    def down(self, message: Down) -> None:
        """A peer's actor ended, or the pool was restarted: fill it again."""
        if message.path == self._pool.path:
            for ref in self._peers.values():
                self.demonitor(ref)
            self._peers.clear()
            self._paths.clear()
            self._reports.clear()
            self._guests.clear()
            self.send_after(_FILL_RETRY, FillPool())
            return
        peer = self._paths.get(message.path)
        if peer is not None:
            self._reports.pop(peer, None)
            if not message.reason.abnormal:
                self._paths.pop(message.path)
                self._peers.pop(peer, None)
                self._guests.discard(peer)
                self.demonitor(message.ref)

    @receives(FillPool)
    async def fill_pool(self, _message: FillPool) -> None:
        """Have an actor for each kept peer."""
        await self._fill()

    async def _fill(self) -> None:
        try:
            for ref in (await self._pool.ask(ListMembers())).values():
                ref.tell(Wake(None))
            for peer in self._book.kept:
                await self._ensure(peer)
        except (ActorError, ResourceExhausted) as error:
            _log.warning("a kept peer has no actor yet", error=str(error))
            self.send_after(_FILL_RETRY, FillPool())

    async def _ensure(self, peer: PeerId) -> Ref:
        known = self._peers.get(peer)
        if known is not None and known.alive:
            return known
        if known is None and len(self._peers) >= self._limits.peers:
            raise ResourceExhausted(f"This node knows {self._limits.peers} peers already.")
        ref: Ref = await self._pool.ask(StartMember(peer.short, (peer,)))
        self._register(peer, ref)
        self._wake(peer)
        return ref

    def _register(self, peer: PeerId, ref: Ref) -> None:
        if ref.path not in self._paths:  # else it is known, or has the short id of another peer, whose actor refuses it
            self._peers[peer] = ref
            self._paths[ref.path] = peer
            self.monitor(ref)

    def _wake(self, peer: PeerId) -> None:
        ref, entry = self._peers.get(peer), self._book.get(peer) or Entry()
        if entry.chosen:
            self._guests.discard(peer)
        if ref is not None:
            ref.tell(Wake(entry))

    # --- the address book ---

    @receives(Proved)
    def proved(self, message: Proved) -> None:
        """The peer was found at the address."""
        self._changed(self._book.proved(message.peer, message.address, self._clock.wall()), message.peer)

    @receives(Claimed)
    def claimed(self, message: Claimed) -> None:
        """The peer says where it listens."""
        now, ours = self._clock.wall(), announced(self._listening(), message.contact.local)
        changed = self._book.claims(message.peer, message.addresses, message.contact, now, ours=ours)
        self._changed(changed, message.peer)

    @receives(Remember)
    async def remember(self, message: Remember) -> None:
        """A person gave an address."""
        await self._ensure(message.peer)  # first, since it may raise, and then nothing shall have changed
        changed = self._book.keep(message.peer, message.address, self._clock.wall())
        self._released.discard(message.peer)
        self._wake(message.peer)
        self.spawn(self._save_and_answer, changed, self.defer())

    @receives(Release)
    def release(self, message: Release) -> None:
        """A person takes back that the peer was to be remembered."""
        peer = message.peer
        if peer not in self._book.kept:
            raise PeerNotKept(self._why_not_kept(peer))
        self.spawn(self._save_and_disconnect, peer, self._book.release(peer), self.defer())

    def _why_not_kept(self, peer: PeerId) -> str:
        known = self._reports.get(peer)
        if known is not None and known.status.sessions:
            return (
                f"Nobody here asked to stay connected to {peer}, so there is nothing to take back: it came by itself, "
                "or something here uses it. Nothing keeps it from coming again."
            )
        if known is not None or self._book.get(peer) is not None:
            return f"{peer} is not connected, and not dialled unless something here wants it: nothing to take back."
        return f"No peer {peer} is known here: `beam peers` lists them."

    def _changed(self, changed: set[PeerId], told: PeerId | None = None) -> None:
        """Write the book behind, many changes at once, and let the peer's actor know."""
        if told is not None and told in changed:
            self._wake(told)
        self._dirty |= changed
        if self._dirty and not self._saving:
            self._saving = True
            self.spawn(self._save_behind, name="save")

    async def _save_behind(self) -> None:
        try:
            while self._dirty:
                changed, self._dirty = self._dirty, set()
                await self._store.commit(self._changes(changed))
        except (StorageError, ActorError) as error:
            # What was learned is learned again; the store's own supervisor deals with the disk.
            _log.warning("the address book was not written", error=str(error))
        finally:
            self._saving = False

    async def _save_and_answer(self, changed: set[PeerId], reply: Reply) -> None:
        try:
            if changed:
                await self._store.commit(self._changes(changed))
        except (StorageError, ActorError) as error:
            reply.fail(error)
        else:
            reply.set(None)

    async def _save_and_disconnect(self, peer: PeerId, changed: set[PeerId], reply: Reply) -> None:
        try:
            await self._store.commit(self._changes(changed))
        except (StorageError, ActorError) as error:
            self._changed(self._book.keep(peer, None, self._clock.wall()))  # nothing has happened
            reply.fail(error)
            return
        bootstrap = any(peer == item[0] for item in self._bootstrap)
        if bootstrap:
            self._released.add(peer)
        report, ref = self._reports.get(peer), self._peers.get(peer)
        self._wake(peer)
        if ref is not None:
            ref.tell(Disconnect())
        reply.set(Released(sessions=0 if report is None else report.status.sessions, bootstrap=bootstrap))

    def _changes(self, peers: set[PeerId]) -> list[Change]:
        found = ((peer, self._book.get(peer)) for peer in sorted(peers))
        return [Change(TABLE, peer.multihash, None if entry is None else encode_entry(entry)) for peer, entry in found]
