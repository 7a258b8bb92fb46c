"""The control API's `NodeApi`, over the rooms' facades: which of them does what a command asks for.

Invariant: it holds no state of its own, so that the API can restart at any time. What an answer looks like is `rows`'
matter, and what must be remembered is that of the room which knows what it means.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress

import trio

from beam_actors.control import (
    CaInfo,
    Conflict,
    Connected,
    Disconnected,
    Exposed,
    ExposeRequest,
    ForwardRequest,
    ForwardRow,
    Identity,
    NameEvent,
    NameRow,
    PeerRow,
    PetnameMade,
    PingResult,
    PinMade,
    Progress,
    Registered,
    Resolution,
    Revoked,
    Status,
    TraceFeed,
    TraceRequest,
    Tree,
    TunnelRow,
)
from beam_actors.errors import (
    BeamError,
    InvalidValue,
    NotAllowed,
    TunnelNotFound,
    UsageError,
)
from beam_actors.identity import Keyring
from beam_actors.ingress import Ingress
from beam_actors.naming import Naming, OwnerState
from beam_actors.node.choosing import Choosing
from beam_actors.node.config import NodeConfig
from beam_actors.node.looking import Looking
from beam_actors.node.offering import REMARK_SECONDS, Offering
from beam_actors.node.rows import Rows, address_text, forward_row, peer_row, reached_at
from beam_actors.peers import Peers, State
from beam_actors.ports import Clock
from beam_actors.runtime import System
from beam_actors.tunnels import ForwardSpec, ForwardStatus, Tunnels, TunnelStatus
from beam_actors.values import Multiaddr, Name, OwnerId, PeerId, TcpAddress

_HTTP_PORT = 80


class Api:
    """A node as its control API sees it."""

    def __init__(
        self,
        *,
        config: NodeConfig,
        keys: Keyring,
        system: System,
        clock: Clock,
        listening: Callable[[], Sequence[TcpAddress]],
        interfaces: Callable[[], Sequence[str]],
        peers: Peers,
        naming: Naming,
        tunnels: Tunnels,
        ingress: Ingress,
        stopping: trio.Event,
    ) -> None:
        self._config = config
        self._me = keys.peer.peer_id
        self._owner = keys.owner.owner_id
        self._looking = Looking(system, clock, chaos=config.chaos)
        self._clock = clock
        self._listening = listening
        self._interfaces = interfaces
        self._peers = peers
        self._naming = naming
        self._tunnels = tunnels
        self._keys = keys.owner.keyset
        self._offering = Offering(naming, tunnels, era=self._keys.era)
        self._ingress = ingress
        self._stopping = stopping
        self._started = clock.monotonic()
        self._rows = Rows(config.suffixes[0])
        self._choosing = Choosing(naming, ingress, self._rows, self._owner)

    def __repr__(self) -> str:
        return f"<Api of {self._me.short}>"

    # --- the node -----------------------------------------------------------------------------------------------------

    async def id(self) -> Identity:
        """Who this node is."""
        found = reached_at(self._listening(), self._interfaces())
        addresses = tuple(str(Multiaddr.from_address(address, self._me)) for address in found)
        owner = await self._owner_state()
        return Identity(
            peer_id=str(self._me),
            owner=str(self._owner),
            addresses=addresses,
            revoked=owner.revoked,
            replaced_by_era=owner.replaces(self._keys.era),
        )

    async def status(self) -> Status:
        """One look at the node."""
        bound = await self._ingress.bound()
        owner = await self._owner_state()
        return Status(
            peer_id=str(self._me),
            peers=sum(row.state is State.UP for row in await self._peers.snapshot()),
            reachability="unknown",
            tunnels=len(await self._tunnels.list()),
            names=sum(row.relation == "own" for row in await self._naming.names()),
            dns=address_text(bound.dns),
            https=address_text(bound.https),
            http=address_text(bound.http),
            uptime_s=round(self._clock.monotonic() - self._started, 3),
            network=self._config.network,
            suffix=self._config.suffixes[0],
            revoked=owner.revoked,
            replaced_by_era=owner.replaces(self._keys.era),
        )

    async def _owner_state(self) -> OwnerState:
        """What is known of the owner; that nothing is, while the registry can't say."""
        with trio.move_on_after(REMARK_SECONDS), suppress(BeamError):
            return await self._naming.owner_state()
        return OwnerState(0, revoked=False)

    async def tree(self) -> Tree:
        """The live supervision tree."""
        return await self._looking.tree()

    async def trace(self, request: TraceRequest) -> TraceFeed:
        """Watch what an actor handles."""
        return self._looking.trace(request)

    async def crash(self, path: str) -> None:
        """Crash the actor at a path."""
        self._looking.crash(path)

    async def ca(self) -> CaInfo:
        """The local CA's root certificate."""
        root = await self._ingress.root_certificate()
        return CaInfo(path=root.path, sha256=root.sha256, permitted=root.permitted)

    async def stop(self) -> None:
        """Begin an ordered shutdown."""
        self._stopping.set()

    # --- peers --------------------------------------------------------------------------------------------------------

    async def peers(self) -> tuple[PeerRow, ...]:
        """The peers that are wanted or connected."""
        statuses = await self._peers.snapshot()
        # What is left of a peer that was wanted, for a minute, is neither.
        return tuple(peer_row(status) for status in statuses if status.kept or status.state is not State.IDLE)

    async def connect(self, address: Multiaddr) -> Connected:
        """Connect, then remember."""
        return Connected(peer_id=str(await self._peers.connect(address, keep=True)))

    async def disconnect(self, peer: PeerId) -> Disconnected:
        """Forget that, and close."""
        released = await self._peers.disconnect(peer)
        return Disconnected(peer_id=str(peer), sessions=released.sessions, bootstrap=released.bootstrap)

    async def ping(self, target: str) -> PingResult:
        """One round trip."""
        try:
            peer = PeerId.parse(target)
        except InvalidValue:
            peer = (await self._naming.resolve(target)).peers[0]
        if peer == self._me:
            raise UsageError(f"{target} is this machine itself.")
        ping = await self._peers.ping(peer)
        return PingResult(peer_id=str(peer), path=ping.path, rtt_ms=round(ping.rtt_ms, 3), why=ping.why)

    # --- tunnels ------------------------------------------------------------------------------------------------------

    async def expose(self, request: ExposeRequest) -> Exposed:
        """Offer a service, registering its name if it is free."""
        return self._rows.exposed(*await self._offering.expose(request))

    async def unexpose(self, tunnel: str) -> TunnelRow:
        """Withdraw a tunnel."""
        spec = await self._tunnels.unexpose(self._choosing.bare(tunnel))
        standing = (await self._offering.standings({spec.name}))[spec.name]
        return self._rows.tunnel(TunnelStatus(spec=spec, running=False), standing)

    async def tunnels(self) -> tuple[TunnelRow, ...]:
        """The offered services."""
        return tuple(self._rows.tunnel(status, standing) for status, standing in await self._offering.list())

    async def forward(self, request: ForwardRequest) -> ForwardRow:
        """Hold a local port."""
        self._check_destination(request.destination)
        spec = ForwardSpec(destination=request.destination, port=request.port or _HTTP_PORT, listen=request.listen)
        return forward_row(await self._tunnels.forward(spec))

    def _check_destination(self, text: str) -> None:
        """Raise `UsageError` for what will never lead anywhere: no name (which may be unknown yet), peer or address."""
        try:
            if text.startswith("/"):
                if Multiaddr.parse(text).peer is None:
                    raise UsageError(f"{text[:80]} does not end with /p2p/PEER-ID, so anybody could answer there.")
                return
            try:
                PeerId.parse(text)
            except InvalidValue:
                self._naming.parse(text)
        except InvalidValue as error:
            raise UsageError(f"{error} A peer id, or the address of a peer, will do, too.") from None

    async def unforward(self, forward: str) -> ForwardRow:
        """Give up a forward."""
        try:
            spec = await self._tunnels.unforward(forward)
        except TunnelNotFound:
            specs = [status.spec for status in await self._tunnels.forwards()]
            key = self._choosing.forward_to(forward, specs)
            if key is None:
                raise
            spec = await self._tunnels.unforward(key)
        return forward_row(ForwardStatus(spec=spec, state="no-port"))

    async def forwards(self) -> tuple[ForwardRow, ...]:
        """The held local ports."""
        return tuple(forward_row(status) for status in await self._tunnels.forwards())

    async def _offered(self) -> set[Name]:
        """The names on which this node offers HTTP."""
        statuses = await self._tunnels.list()
        return {status.spec.name for status in statuses if status.spec.name is not None and status.spec.port is None}

    # --- names --------------------------------------------------------------------------------------------------------

    async def register(
        self, name: str, *, contest: bool, background: bool = False, work: int | None = None
    ) -> Registered:
        """Claim a name."""
        done, gave_up = await self._offering.with_room(
            self._naming.parse(name).name,
            lambda: self._naming.register(name, contest=contest, patient=not background, level=work or 0),
        )
        return self._rows.registered(done, self._me, await self._offered(), gave_up=gave_up)

    async def progress(self, name: str) -> Progress:
        """How far a registered name is from being claimed."""
        return self._rows.progress(await self._naming.progress(name))

    async def release(self, name: str) -> bool:
        """Give up an owned name, and a pin of it to oneself; refused while something is offered under it.

        False if its owner was revoked and signs nothing any more: then it is forgotten here alone.
        """
        wanted = self._naming.parse(name).name
        offered = [status.key for status in await self._tunnels.list() if status.spec.name == wanted]
        if offered:
            raise NotAllowed(f"{offered[0]} is still offered under {wanted}: `beam unexpose {offered[0]}` first.")
        signed = await self._naming.release(name)
        held = await self._naming.names()
        if any((row.name, row.relation, row.owner) == (wanted, "pin", self._owner) for row in held):
            await self._naming.unpin(name)
        return signed

    async def names(self) -> tuple[NameRow, ...]:
        """The names that are owned or pinned here, and petnames; and those that the owner claims elsewhere."""
        offered = await self._offered()
        here, elsewhere = await self._naming.names(), await self._naming.elsewhere()
        return self._rows.names(here, elsewhere, self._keys, offered, self._clock.wall())

    async def resolve(self, name: str) -> Resolution:
        """What a name leads to."""
        return await self._choosing.resolve(name)

    async def pin(self, name: str, owner: OwnerId | None) -> PinMade:
        """Hold on to an owner for a name."""
        return await self._choosing.pin(name, owner)

    async def unpin(self, name: str) -> None:
        """Forget a pin."""
        await self._choosing.unpin(name)

    async def petname(self, petname: str, name: str) -> PetnameMade:
        """Let a petname stand for an owner's name."""
        return await self._choosing.petname(petname, name)

    async def forget_petname(self, petname: str) -> None:
        """Forget a petname."""
        await self._choosing.forget_petname(petname)

    async def events(self, after: int) -> tuple[NameEvent, ...]:
        """What happened to names."""
        return tuple(map(self._rows.event, await self._naming.events(after)))

    async def revoke(self, claim: bytes) -> Revoked:
        """Take in a revocation."""
        owner, told = await self._naming.revoke(claim)
        return Revoked(owner=str(owner), told=told)

    async def conflicts(self) -> tuple[Conflict, ...]:
        """The contested names that are known here."""
        now = self._clock.wall()
        return tuple(self._rows.conflict(conflict, now) for conflict in await self._naming.conflicts())
