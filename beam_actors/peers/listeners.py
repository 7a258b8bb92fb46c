"""Listening: takes strangers' connections, drives their handshake within bounds, and hands the sessions over.

Invariants: at most `handshakes` strangers are in their handshake at once, and `handshakes_per_address` from one source
(see `places`), and no source connects faster than `rates` allows; each ends within its deadline; a session whose peer
isn't admitted is cut. An address with port 0, or one that can't be had, gets a free port once and the same one
afterwards, so that peers which remember us find us again.
"""

from collections.abc import Sequence

import attrs
import structlog
import trio

from beam_actors.errors import BeamError
from beam_actors.flow import Accepted, Flow, ListenerHandle, RememberedPorts, Stream
from beam_actors.peers.handshake import establish
from beam_actors.peers.limits import PeersLimits
from beam_actors.peers.messages import Admit, AdoptSession
from beam_actors.peers.places import Place, Places, source_of
from beam_actors.peers.rates import Rates
from beam_actors.peers.sessions import SessionMaker
from beam_actors.ports import Store
from beam_actors.runtime import Actor, Mailbox, Overflow, Ref, receives
from beam_actors.values import TcpAddress
from beam_actors.wire import Role

_log = structlog.get_logger(__name__)


@attrs.define(slots=True)
class Bindings:
    """Where this node listens now. Written by the listeners' actor alone, read by whoever introduces this node."""

    addresses: tuple[TcpAddress, ...] = ()

    def __call__(self) -> tuple[TcpAddress, ...]:
        """The addresses, with their real ports; wildcards as they were bound."""
        return self.addresses


@attrs.frozen(slots=True)
class Bind:
    """One address to listen at; when `fixed`, that it can't be had is fatal, else any free port will do."""

    address: TcpAddress
    fixed: bool = False


class Listeners(Actor):
    """All listening sockets of a node. Overflow: a connection beyond the mailbox is dropped, which resets it."""

    mailbox = Mailbox(capacity=1024, overflow=Overflow.DROP_NEWEST)

    def __init__(
        self,
        *,
        binds: Sequence[Bind],
        bindings: Bindings,
        flow: Flow,
        maker: SessionMaker,
        manager: Ref,
        store: Store,
        limits: PeersLimits,
    ) -> None:
        super().__init__()
        self._binds = tuple(binds)
        self._bindings = bindings
        self._flow = flow
        self._maker = maker
        self._manager = manager
        self._ports = RememberedPorts(store)
        self._limits = limits
        self._handles: list[ListenerHandle] = []
        self._places = Places(
            total=limits.handshakes, per_source=limits.handshakes_per_address, patience=limits.handshake_patience
        )
        self._rates = Rates(
            per_second=limits.connections_per_second, burst=limits.connections_burst, sources=limits.connection_sources
        )
        self._accepted = self._refused = self._failed = 0

    def __repr__(self) -> str:
        where = ", ".join(map(str, self._bindings.addresses)) or "nowhere"
        return f"Listeners({where}; {self._accepted} accepted, {self._refused} refused, {self._failed} failed)"

    async def on_start(self) -> None:
        """Listen at all addresses.

        Raises:
            AddressInUse, AddressNotPermitted: an address can't be bound, and no other port will do.
        """
        bound: list[TcpAddress] = []
        for bind in self._binds:
            handle = await self._listen(bind)
            self._handles.append(handle)
            if isinstance(handle.local, TcpAddress):
                bound.append(handle.local)
        self._bindings.addresses = tuple(bound)

    @receives(Accepted)
    def accepted(self, message: Accepted) -> None:
        """Somebody connected."""
        source, now = source_of(message.stream.remote), self.system.clock()
        place = self._places.take(source, now) if self._rates.may(source, now) else None
        if place is None:
            self._refused += 1
            message.stream.abort()
            return
        self._rates.spend(source, now)  # only now: whoever is turned away comes again, and must not pay twice
        place.evict = self.spawn(self._welcome, message.stream, place, name="handshake").cancel

    async def _welcome(self, stream: Stream, place: Place) -> None:
        established = None
        try:
            session = self._maker.make(
                Role.RESPONDER,
                expected=None,
                local=stream.local,
                remote=stream.remote,
                listening=self._bindings(),
            )
            timeout = self._limits.handshake_timeout
            established = await establish(self._flow, stream, session, self.ref, seconds=timeout)
            if established.peer == self._maker.us:
                established.dispose()
                return
            peer: Ref = await self._manager.ask(Admit(established.peer, established.remote), timeout=timeout)
            peer.tell(AdoptSession(established, None))
            self._accepted += 1
        except BeamError as error:
            self._failed += 1
            if established is not None:
                established.dispose()
            _log.debug("an inbound connection came to nothing", source=place.source, error=str(error))
        except trio.Cancelled:
            stream.abort()  # evicted, perhaps before the session took the stream over
            if established is not None:
                established.dispose()
            raise
        finally:
            self._places.give_back(place)

    async def _listen(self, bind: Bind) -> ListenerHandle:
        if bind.fixed and bind.address.port:
            return self._flow.listen(bind.address, self.ref)
        return await self._ports.bind(
            bind.address, lambda address: self._flow.listen(address, self.ref), lambda handle: handle.local
        )
