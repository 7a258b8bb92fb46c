"""`Peers`: what the rooms above ask of this room. A plain object over refs: it holds nothing that a restart forgets."""

from contextlib import AbstractAsyncContextManager
from typing import Any

import attrs
import trio

from beam_actors.errors import (
    BeamError,
    ConnectionLost,
    PeerOffline,
    UsageError,
)
from beam_actors.flow import Stream
from beam_actors.peers.book import parse_bootstrap
from beam_actors.peers.dialling import Listening
from beam_actors.peers.inquiry import Locate
from beam_actors.peers.limits import PeersLimits
from beam_actors.peers.messages import (
    Connect,
    DialAt,
    Ensure,
    ListPeers,
    OpenedStream,
    OpenStream,
    PeerStatus,
    Ping,
    PingPeer,
    Release,
    Released,
    Remember,
)
from beam_actors.peers.routes import Routes
from beam_actors.peers.sessions import announced
from beam_actors.peers.visits import Visits
from beam_actors.ports import Clock
from beam_actors.runtime import GONE, Ref, System, persist
from beam_actors.values import Multiaddr, PeerId, TcpAddress

_LOOPBACK = {False: TcpAddress("127.0.0.1", 0), True: TcpAddress("::1", 0)}


class Peers:
    """Streams to other nodes, wherever they are. Every call ends by its deadline, also while actors restart."""

    def __init__(
        self,
        system: System,
        *,
        us: PeerId,
        manager: Ref,
        pool: Ref,
        inquirer: Ref,
        clock: Clock,
        listening: Listening,
        routes: Routes,
        visits: Visits,
        limits: PeersLimits,
    ) -> None:
        self._system = system
        self._us = us
        self._manager = manager
        self._pool = pool
        self._inquirer = inquirer
        self._clock = clock
        self._listening = listening
        self._routes = routes
        self._visits = visits
        self._limits = limits

    def __repr__(self) -> str:
        return f"Peers(of {self._us.short})"

    @property
    def us(self) -> PeerId:
        """The id of this node."""
        return self._us

    def addresses(self) -> tuple[Multiaddr, ...]:
        """Where this node listens, with `/p2p/`; a wildcard is shown as loopback."""
        found: list[Multiaddr] = []
        for address in self._listening():
            local = _LOOPBACK[":" in address.ip]
            found += (Multiaddr.parse(f"{item}/p2p/{self._us}") for item in announced((address,), local))
        return tuple(found)

    async def open(self, peer: PeerId, protocol: str, *, owner: Ref | None = None, search: bool = True) -> Stream:
        """Open a stream, joining a dial that is under way or beginning one.

        When no known address leads there soon, the connected peers are asked for one, unless `search` is false. The
        stream belongs to `owner`, or to the session's actor until somebody adopts it. A peer that doesn't speak the
        protocol shows in the first read or write, as `ConnectionRefused`.

        Raises:
            PeerOffline: no address of the peer led to it.
            TimedOut: all that took longer than `PeersLimits.open_timeout`.
            ResourceExhausted: a bound of this node or of the session was reached.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        self._check(peer)
        stream = self._routes.open(peer, protocol, owner)
        if stream is not None:
            return stream
        deadline = self._clock.monotonic() + self._limits.open_timeout
        message = OpenStream(peer, protocol, deadline)
        try:
            if search:
                opened = await self._open_or_find(peer, message)
            else:
                opened = await self._ask(peer, message, self._left(deadline))
        except PeerOffline:
            if not search or not await self._search(peer, deadline):
                raise
            opened = await self._ask(peer, message, self._left(deadline))
        if owner is not None:
            opened.stream.adopt(owner)
        return opened.stream

    async def _open_or_find(self, peer: PeerId, message: OpenStream) -> OpenedStream:
        """Dial what is known, and after a while also what others know: who moved may have left a silent address."""
        outcome: OpenedStream | BeamError | None = None

        async def find() -> None:
            await trio.sleep(self._limits.search_after)
            await self._search(peer, message.deadline)

        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(find)
                try:
                    outcome = await self._ask(peer, message, self._left(message.deadline))
                except BeamError as error:  # which would be one of a group, raised here
                    outcome = error
                nursery.cancel_scope.cancel()
        except BaseException:
            if isinstance(outcome, OpenedStream):
                outcome.stream.abort()
            raise
        if isinstance(outcome, BeamError):
            raise outcome
        return outcome

    def open_now(self, peer: PeerId, protocol: str, owner: Ref) -> Stream | None:
        """A stream to a connected peer that is not this node, without waiting; None if there is no session.

        Raises:
            ResourceExhausted: the session carries as many streams as it may.
        """
        return self._routes.open(peer, protocol, owner)

    def turn(self, peer: PeerId, address: TcpAddress | None) -> AbstractAsyncContextManager[None]:
        """Wait until a stranger may be asked something; see `Visits.turn`."""
        return self._visits.turn(peer, None if peer in self._routes else address)

    def knocking(self, address: TcpAddress) -> AbstractAsyncContextManager[None]:
        """Wait until somebody who came may be looked for at an address; see `Visits.knock`."""
        return self._visits.knock(address)

    async def visit(
        self, peer: PeerId, address: TcpAddress | None, protocol: str, *, owner: Ref
    ) -> tuple[Stream, TcpAddress | None]:
        """A stream to a peer that nobody here wants but to ask it something, in the turn that the caller has taken.

        The second of the two is the address at which this node dialled the session, None where the peer did.

        Raises:
            PeerOffline, TimedOut, ResourceExhausted: as for `open`; nobody is asked where the peer is.
        """
        self._check(peer)
        deadline = self._clock.monotonic() + self._limits.open_timeout
        addresses = () if address is None else (Multiaddr.from_address(address),)
        message = OpenStream(peer, protocol, deadline, addresses, visit=True)
        opened: OpenedStream = await self._ask(peer, message, self._left(deadline), visit=True)
        opened.stream.adopt(owner)
        return opened.stream, None if opened.dialled is None else opened.dialled.tcp

    async def connect(self, address: Multiaddr, *, keep: bool = False) -> PeerId:
        """Find the peer at this very address, and remember that it works; with `keep`, dial the peer for ever.

        The address is dialled also while the peer is connected by another one, unless a session stands that came
        about by dialling it. One that does not lead to the peer is not remembered, and changes nothing.

        Raises:
            InvalidValue: the address has no `/p2p/`, or is not TCP over an IP literal.
            PeerOffline: the address did not lead to the peer; the message says so when another one does.
            TimedOut, ResourceExhausted: like `open`.
        """
        peer, bare = parse_bootstrap(address)
        # The worker's own deadlines come first: a ping of the session that stands, then the dial.
        seconds = self._limits.ping_timeout + self._limits.dial_timeout + self._limits.dial_spacing
        await self._ask(peer, DialAt(peer, bare), seconds)
        if keep:
            await self._ask_manager(Remember(peer, bare), self._limits.dial_timeout)
        return peer

    async def reach(self, address: Multiaddr) -> PeerId:
        """Have a session with the peer of this address: any that stands, else one by dialling it before what is known.

        Raises:
            InvalidValue: the address has no `/p2p/`, or is not TCP over an IP literal.
            PeerOffline: neither this address nor a known one led to the peer.
            TimedOut, ResourceExhausted: like `open`.
        """
        peer, bare = parse_bootstrap(address)
        seconds = self._limits.open_timeout
        await self._ask(peer, Connect(peer, (bare,), self._clock.monotonic() + seconds), seconds)
        return peer

    async def disconnect(self, peer: PeerId) -> Released:
        """Undo `connect` with `keep`: dial the peer no longer for ever, durably, and close the sessions with it.

        The peer may come again by itself, and is dialled when somebody here wants it.

        Raises:
            PeerNotKept: it is not dialled for ever; nothing is closed then.
            StorageError: it could not be made durable; the peer is still kept, and nothing is closed.
            TimedOut: the connection manager did not answer.
        """
        self._check(peer)
        result: Released = await self._ask_manager(Release(peer), self._limits.open_timeout)
        return result

    async def ping(self, peer: PeerId) -> Ping:
        """One round trip; raises like `open`."""
        seconds = self._limits.ping_timeout
        result: Ping = await self._ask(peer, PingPeer(peer, self._clock.monotonic() + seconds), seconds)
        return result

    async def snapshot(self) -> tuple[PeerStatus, ...]:
        """How all peers stand that are wanted or connected, by peer id."""
        result: tuple[PeerStatus, ...] = await self._ask_manager(ListPeers(), self._limits.open_timeout)
        return tuple(map(self._counted, result))

    def _counted(self, status: PeerStatus) -> PeerStatus:
        """With the bytes of now: what the peers' actors report is as old as their last change."""
        moved = self._routes.moved(status.peer)
        return status if moved is None else attrs.evolve(status, bytes_sent=moved.sent, bytes_received=moved.received)

    async def connected(self) -> tuple[PeerId, ...]:
        """The peers with a session, by id, without mere visits; raises `TimedOut` when the room does not answer."""
        return tuple(status.peer for status in await self.snapshot() if status.sessions and not status.visit)

    # --- inside ---

    def _left(self, deadline: float) -> float:
        return max(0.0, deadline - self._clock.monotonic())

    async def _search(self, peer: PeerId, deadline: float) -> bool:
        """Ask the connected peers where it is, and dial what they say; whether there is a session now."""
        seconds = min(self._limits.search_timeout, self._left(deadline))
        try:
            found: tuple[Multiaddr, ...] = await self._inquirer.ask(Locate(peer), timeout=seconds)
            if not found:
                return False
            await self._ask(peer, Connect(peer, found, deadline), self._left(deadline))
        except BeamError:  # beside a dial it would be one of a group
            return False
        return True

    async def _ask(self, peer: PeerId, message: object, seconds: float, *, visit: bool = False) -> Any:
        """Ask the peer's actor, starting it if there is none and asking again while it restarts."""
        self._check(peer)

        async def attempt() -> Any:
            ref = self._system.whereis(f"{self._pool.path}/{peer.short}")
            if ref is None or not ref.alive:
                ref = await self._manager.ask(Ensure(peer, visit))
            return await ref.ask(message)

        late = f"{peer} did not answer within {seconds:.3g} s."
        return await persist(attempt, seconds=seconds, late=late, over=(*GONE, ConnectionLost))

    async def _ask_manager(self, message: object, seconds: float) -> Any:
        late = "The connection manager did not answer in time."
        return await persist(lambda: self._manager.ask(message), seconds=seconds, late=late)

    def _check(self, peer: PeerId) -> None:
        if peer == self._us:
            raise UsageError(f"{peer} is this node itself.")
