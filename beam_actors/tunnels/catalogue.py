"""The gate: where inbound tunnel streams arrive, and the list of what this node offers.

Invariants: nothing is acknowledged before it is in the store; the pool holds an actor for each stored tunnel once the
gate has started (a new gate compares and fills it); a stream whose request isn't read in time is reset. The gate reads
requests and never dials: what a tunnel leads to is its own actor's business.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
import trio

from beam_actors.errors import (
    ActorError,
    ActorUnavailable,
    BeamError,
    NetworkError,
    NotAllowed,
    RemoteProtocolError,
    StorageError,
    TunnelNotFound,
    UsageError,
)
from beam_actors.flow import Flow
from beam_actors.peers import InboundStream
from beam_actors.ports import Change, Store
from beam_actors.runtime import (
    Actor,
    ListMembers,
    Mailbox,
    Overflow,
    Ref,
    Reply,
    StartMember,
    StopMember,
    receives,
)
from beam_actors.tunnels.access import check_target
from beam_actors.tunnels.catalogue import Catalogue
from beam_actors.tunnels.limits import TunnelsLimits
from beam_actors.tunnels.messages import Expose, FindTunnel, ListTunnels, Serve, Unexpose
from beam_actors.tunnels.offered import Listeners, give_answer
from beam_actors.tunnels.opening import read_message
from beam_actors.tunnels.protocol import Answer, Status, UnsupportedVersion, decode_request
from beam_actors.tunnels.records import TUNNELS_TABLE, decode_tunnel, encode_tunnel
from beam_actors.tunnels.spec import TunnelSpec
from beam_actors.values import PeerId

_log = structlog.get_logger(__name__)


class Gate(Actor):
    """Inbound streams and the catalogue. Overflow: a stream beyond the mailbox is dropped, which resets it."""

    mailbox = Mailbox(capacity=4096, overflow=Overflow.DROP_NEWEST)
    reply_errors = (TunnelNotFound, ActorUnavailable)

    def __init__(
        self,
        *,
        offered: Ref,
        flow: Flow,
        store: Store,
        run: bytes,
        limits: TunnelsLimits,
        forbidden: Listeners,
    ) -> None:
        super().__init__()
        self._offered = offered
        self._flow = flow
        self._store = store
        self._run = run
        self._limits = limits
        self._forbidden = forbidden
        self._catalogue = Catalogue(limits.tunnels)
        self._changing = trio.Lock()
        self._reading = Counter[PeerId]()

    def __repr__(self) -> str:
        return f"Gate({self._catalogue!r}, {self._reading.total()} requests)"

    async def on_start(self) -> None:
        """Read the store, drop what an earlier run left, and have an actor for each tunnel."""
        stale: list[Change] = []
        for key, value in await self._store.scan(TUNNELS_TABLE):
            try:
                spec = decode_tunnel(value, self._run)
                if spec is not None:
                    self._catalogue.add(spec)
                    continue
            except UsageError as error:
                _log.warning("a stored tunnel can't be read and is not offered", key=key.decode(), error=str(error))
                continue  # kept as it is: a newer version may understand it
            stale.append(Change(TUNNELS_TABLE, key, None))
        if stale:
            await self._store.commit(stale)
        for spec in self._catalogue.specs:
            await self._start(spec)
        for key in await self._offered.ask(ListMembers()):
            if self._catalogue.get(key) is None:  # it was withdrawn while the gate before this one crashed
                await self._end(key)

    # --- what is offered ---

    @receives(ListTunnels)
    def list_tunnels(self, _message: ListTunnels) -> tuple[TunnelSpec, ...]:
        """What is offered now."""
        return self._catalogue.specs

    @receives(Expose)
    def expose(self, message: Expose) -> None:
        """Offer a tunnel."""
        self.spawn(self._answer, self.defer(), self._expose, message.spec)

    @receives(Unexpose)
    def unexpose(self, message: Unexpose) -> None:
        """Withdraw a tunnel."""
        self.spawn(self._answer, self.defer(), self._unexpose, message.selector)

    async def _expose(self, spec: TunnelSpec) -> TunnelSpec:
        check_target(spec.target, self._forbidden())
        before = self._catalogue.get(spec.key)
        if before is not None and before.serves_as(spec):
            if spec.kept and not before.kept:
                await self._save(spec)
                self._catalogue.replace(spec)
            return self._catalogue.get(spec.key) or spec
        self._catalogue.add(spec)
        try:
            await self._save(spec)
            await self._start(spec)
        except BeamError:
            self._catalogue.remove(spec.key)
            await self._store.commit([Change(TUNNELS_TABLE, spec.key.encode(), None)])
            raise
        return spec

    async def _start(self, spec: TunnelSpec) -> None:
        await self._offered.ask(StartMember(spec.key, (spec,)))

    def _tunnel(self, spec: TunnelSpec) -> Ref | None:
        return self.system.whereis(f"{self._offered.path}/{spec.key}")

    async def _unexpose(self, selector: str) -> TunnelSpec:
        spec = self._catalogue.select(selector)
        await self._store.commit([Change(TUNNELS_TABLE, spec.key.encode(), None)])
        self._catalogue.remove(spec.key)
        await self._end(spec.key)
        return spec

    async def _end(self, key: str) -> None:
        """End a tunnel's actor, and what goes through it."""
        await self._offered.ask(StopMember(key))
        self._flow.splices.abort(f"{self._offered.path}/{key}")

    async def _answer(
        self, reply: Reply, change: Callable[[Any], Awaitable[TunnelSpec]], argument: TunnelSpec | str
    ) -> None:
        """Carry out one change at a time; what a person can act on is a reply, the rest a crash."""
        try:
            async with self._changing:
                reply.set(await change(argument))
        except (UsageError, NotAllowed, TunnelNotFound, StorageError, ActorError) as error:
            reply.fail(error)

    async def _save(self, spec: TunnelSpec) -> None:
        await self._store.commit([Change(TUNNELS_TABLE, spec.key.encode(), encode_tunnel(spec, self._run))])

    @receives(FindTunnel)
    def find_tunnel(self, message: FindTunnel) -> Ref:
        """The actor of the tunnel that a request means, for programs of this machine."""
        spec = self._catalogue.find(message.request.name, message.request.port)
        if spec is None:
            raise TunnelNotFound("This node offers nothing there.")
        tunnel = self._tunnel(spec)
        if tunnel is None:
            raise ActorUnavailable(f"The tunnel {spec.key} is restarting; try again.")
        return tunnel

    # --- inbound streams ---

    @receives(InboundStream)
    def inbound(self, message: InboundStream) -> None:
        """Begin to read a request, within the bounds."""
        limits = self._limits
        if self._reading.total() >= limits.requests or self._reading[message.peer] >= limits.requests_per_peer:
            message.stream.abort()
            return
        self._reading[message.peer] += 1
        self.spawn(self._read, message)

    async def _read(self, message: InboundStream) -> None:
        stream = message.stream
        answer: Answer | None = None
        try:
            with trio.fail_after(self._limits.request_timeout):
                request = decode_request(await read_message(stream))
            spec = self._catalogue.find(request.name, request.port)
            tunnel = None if spec is None else self._tunnel(spec)
            if spec is None:
                answer = Answer(status=Status.NOT_FOUND)
            elif tunnel is None or not tunnel.alive:
                answer = Answer(status=Status.FAILED, message="The tunnel is restarting; try again.")
            else:
                stream.adopt(tunnel)
                tunnel.tell(Serve(message.peer, request, stream))
        except UnsupportedVersion as error:
            answer = Answer(status=Status.UNSUPPORTED, message=str(error))
        except RemoteProtocolError as error:
            answer = Answer(status=Status.FAILED, message=str(error))
        except (NetworkError, trio.TooSlowError):
            stream.abort()
        finally:
            self._reading[message.peer] -= 1
            if not self._reading[message.peer]:
                del self._reading[message.peer]
        if answer is not None:
            await give_answer(stream, answer, seconds=self._limits.request_timeout)
