"""The control API's `NodeApi`, over the rooms' facades: the one place where their values become rows of text.

Invariant: it holds no state of its own, so that the API can restart at any time; what must be remembered (the random
name that was made for a target) is in the store.
"""

from collections.abc import Callable, Sequence

import trio

from beam_actors.control import (
    CaInfo,
    Choice,
    Conflict,
    Connected,
    ExposeRequest,
    ForwardRequest,
    ForwardRow,
    Identity,
    NameRow,
    PeerRow,
    PingResult,
    Registered,
    Resolution,
    Status,
    TreeNode,
    TunnelRow,
    tree_node,
)
from beam_actors.errors import (
    ActorDead,
    ActorUnavailable,
    BeamError,
    InvalidValue,
    NameNotFound,
    NameTaken,
    NotAllowed,
    UsageError,
)
from beam_actors.identity import Keyring
from beam_actors.ingress import Ingress
from beam_actors.naming import Naming
from beam_actors.node.config import NodeConfig
from beam_actors.peers import Peers, PeerStatus, State
from beam_actors.ports import Change, Clock, Store
from beam_actors.runtime import System
from beam_actors.tunnels import EVERYONE, Access, ForwardSpec, ForwardStatus, Tunnels, TunnelSpec, TunnelStatus
from beam_actors.values import Multiaddr, Name, OwnerId, PeerId, TcpAddress

_MADE_NAMES = "made-names"
"""Target of a foreground tunnel -> the random name that was made for it."""
_HTTP_PORT = 80


class ChaosCrash(Exception):
    """A person crashed the actor with `beam crash`."""


class Api:
    """A node as its control API sees it."""

    def __init__(
        self,
        *,
        config: NodeConfig,
        keys: Keyring,
        system: System,
        store: Store,
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
        self._system = system
        self._store = store
        self._clock = clock
        self._listening = listening
        self._interfaces = interfaces
        self._peers = peers
        self._naming = naming
        self._tunnels = tunnels
        self._ingress = ingress
        self._stopping = stopping
        self._started = clock.monotonic()

    def __repr__(self) -> str:
        return f"<Api of {self._me.short}>"

    # --- the node -----------------------------------------------------------------------------------------------------

    async def id(self) -> Identity:
        """Who this node is."""
        found: dict[TcpAddress, None] = {}
        for address in self._listening():
            for reached in _reached_at(address, self._interfaces()):
                found[reached] = None
        addresses = tuple(str(Multiaddr.from_address(address, self._me)) for address in found)
        return Identity(peer_id=str(self._me), owner=str(self._owner), addresses=addresses)

    async def status(self) -> Status:
        """One look at the node."""
        bound = await self._ingress.bound()
        return Status(
            peer_id=str(self._me),
            peers=sum(row.state is State.UP for row in await self._peers.snapshot()),
            reachability="unknown",
            tunnels=len(await self._tunnels.list()),
            names=sum(row.relation == "own" for row in await self._naming.names()),
            dns=_text(bound.dns),
            https=_text(bound.https),
            http=_text(bound.http),
            uptime_s=round(self._clock.monotonic() - self._started, 3),
            network=self._config.network,
            suffix=self._suffix,
        )

    async def tree(self) -> TreeNode:
        """The live supervision tree."""
        snapshot = self._system.tree()
        if snapshot is None:
            raise ActorUnavailable("The node is starting; try again in a moment.")
        return tree_node(snapshot)

    async def crash(self, path: str) -> None:
        """Crash the actor at a path."""
        if not self._config.chaos:
            raise NotAllowed("This daemon does not let itself be crashed: start it with --chaos.")
        ref = self._system.whereis(path.strip("/"))
        if ref is None or not ref.alive:
            raise ActorDead(f"No actor runs at {path!r}; `beam tree` lists them.")
        ref.crash(ChaosCrash("crashed by `beam crash`"))

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
        return tuple(_peer_row(status) for status in await self._peers.snapshot())

    async def connect(self, address: Multiaddr) -> Connected:
        """Connect and remember."""
        return Connected(peer_id=str(await self._peers.connect(address, keep=True)))

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

    async def expose(self, request: ExposeRequest) -> TunnelRow:
        """Offer a service, registering its name if it is free."""
        name = await self._name_for(request)
        spec = TunnelSpec(
            target=request.target,
            name=name,
            port=request.port,
            access=Access(frozenset(request.allow)) if request.allow else EVERYONE,
            kept=not request.foreground,
        )
        return self._tunnel_row(await self._tunnels.expose(spec))

    async def unexpose(self, tunnel: str) -> TunnelRow:
        """Withdraw a tunnel."""
        spec = await self._tunnels.unexpose(self._bare(tunnel))
        return self._tunnel_row(TunnelStatus(spec=spec, running=False, live=0))

    async def tunnels(self) -> tuple[TunnelRow, ...]:
        """The offered services."""
        return tuple(self._tunnel_row(status) for status in await self._tunnels.list())

    async def forward(self, request: ForwardRequest) -> ForwardRow:
        """Hold a local port."""
        spec = ForwardSpec(destination=request.destination, port=request.port or _HTTP_PORT, listen=request.listen)
        return _forward_row(await self._tunnels.forward(spec))

    async def unforward(self, forward: str) -> ForwardRow:
        """Give up a forward."""
        spec = await self._tunnels.unforward(forward)
        return _forward_row(ForwardStatus(spec=spec, listening=False, live=0))

    async def forwards(self) -> tuple[ForwardRow, ...]:
        """The held local ports."""
        return tuple(_forward_row(status) for status in await self._tunnels.forwards())

    async def _name_for(self, request: ExposeRequest) -> Name | None:
        if request.name is not None:
            return (await self._naming.register(request.name)).name
        return await self._made_name(request.target) if request.foreground else None

    async def _offered(self) -> set[Name]:
        """The names on which this node offers HTTP."""
        statuses = await self._tunnels.list()
        return {status.spec.name for status in statuses if status.spec.name is not None and status.spec.port is None}

    async def _made_name(self, target: TcpAddress) -> Name:
        """The random name of a target: the one that was made for it before, if it is still ours."""
        key = str(target).encode()
        known = await self._store.get(_MADE_NAMES, key)
        if known is not None:
            try:
                return (await self._naming.register(known.decode())).name
            except (InvalidValue, NameTaken, UnicodeDecodeError):
                pass  # a person released it and somebody else holds it now
        name = (await self._naming.register(str(self._naming.random_name()))).name
        await self._store.commit([Change(_MADE_NAMES, key, str(name).encode())])
        return name

    # --- names --------------------------------------------------------------------------------------------------------

    async def register(self, name: str, *, contest: bool) -> Registered:
        """Claim a name."""
        done = await self._naming.register(name, contest=contest)
        return Registered(
            name=str(done.name),
            full=self._full(done.name),
            owner=str(done.owner),
            peer_id=str(self._me),
            told=done.told,
            look_alikes=tuple(map(self._full, done.look_alikes)),
            url=self._url(done.name) if done.name in await self._offered() else None,
        )

    async def release(self, name: str) -> None:
        """Give up an owned name."""
        await self._naming.release(name)

    async def names(self) -> tuple[NameRow, ...]:
        """The names that are owned or pinned here."""
        now = self._clock.wall()
        offered = await self._offered()
        return tuple(
            NameRow(
                name=str(held.name),
                full=self._full(held.name),
                relation=held.relation,
                owner=str(held.owner),
                peer_ids=tuple(map(str, held.peers)),
                expires_in_s=round(held.expires - now, 3) if held.expires is not None else None,
                url=self._url(held.name) if held.relation == "pin" or held.name in offered else None,
            )
            for held in await self._naming.names()
        )

    async def resolve(self, name: str) -> Resolution:
        """What a name leads to."""
        found = await self._naming.resolve(name)
        try:
            address = (await self._ingress.locate(name)).address
        except BeamError:
            address = None  # no web server runs here, so no address leads there
        return Resolution(
            name=self._full(found.name),
            owner=str(found.owner),
            peer_id=str(found.peers[0]),
            peer_ids=tuple(map(str, found.peers)),
            source=found.source,
            age_s=round(found.age_s, 3),
            address=address,
        )

    async def pin(self, name: str, owner: OwnerId | None) -> Resolution:
        """Hold on to an owner for a name."""
        await self._naming.pin(name, owner)
        self._ingress.forget(self._bare(name))
        return await self.resolve(name)

    async def unpin(self, name: str) -> None:
        """Forget a pin."""
        await self._naming.unpin(name)
        self._ingress.forget(self._bare(name))

    async def conflicts(self) -> tuple[Conflict, ...]:
        """The contested names that are known here."""
        now = self._clock.wall()
        return tuple(
            Conflict(
                name=self._full(conflict.name),
                settled_by=conflict.settled_by,
                choices=tuple(
                    Choice(
                        owner=str(choice.owner),
                        peer_ids=tuple(map(str, choice.peers)),
                        held_for_s=round(max(0.0, now - choice.since), 3),
                        equivocates=choice.equivocates,
                    )
                    for choice in conflict.choices
                ),
            )
            for conflict in await self._naming.conflicts()
        )

    # --- texts --------------------------------------------------------------------------------------------------------

    @property
    def _suffix(self) -> str:
        return self._config.suffixes[0]

    def _full(self, name: Name) -> str:
        return f"{name}.{self._suffix}"

    def _url(self, name: Name) -> str:
        return f"https://{self._full(name)}"

    def _bare(self, text: str) -> str:
        """A name as typed, without its suffix; anything else as it is."""
        try:
            return str(self._naming.parse(text).name)
        except (InvalidValue, NameNotFound):
            return text

    def _tunnel_row(self, status: TunnelStatus) -> TunnelRow:
        spec = status.spec
        return TunnelRow(
            id=spec.key,
            name=str(spec.name) if spec.name is not None else None,
            target=str(spec.target),
            kind="http" if spec.port is None else "tcp",
            port=spec.port,
            allow=() if spec.access == EVERYONE else spec.access.words,
            foreground=not spec.kept,
            running=status.running,
            urls=self._urls(spec),
            connections=status.live,
        )

    def _urls(self, spec: TunnelSpec) -> tuple[str, ...]:
        if spec.name is None:
            return ()
        if spec.port is None:
            return (self._url(spec.name),)
        return (f"tcp://{self._full(spec.name)}:{spec.port}",)


def _reached_at(address: TcpAddress, interfaces: Sequence[str]) -> list[TcpAddress]:
    """Where others reach a listener: a wildcard stands for each interface of its family, and loopback at last."""
    if not address.is_wildcard:
        return [address]
    six = ":" in address.ip
    own = [ip for ip in interfaces if (":" in ip) == six]
    return [TcpAddress(ip, address.port) for ip in (*own, "::1" if six else "127.0.0.1")]


def _peer_row(status: PeerStatus) -> PeerRow:
    return PeerRow(
        peer_id=str(status.peer),
        state=status.state.value,
        path=status.path,
        rtt_ms=round(status.rtt_ms, 3) if status.rtt_ms is not None else None,
        agent=status.agent,
        address=str(status.address) if status.address is not None else None,
    )


def _forward_row(status: ForwardStatus) -> ForwardRow:
    return ForwardRow(
        id=status.spec.key,
        listen=str(status.spec.listen),
        destination=status.spec.destination,
        port=status.spec.port,
        listening=status.listening,
        failure=status.failure,
        connections=status.live,
    )


def _text(address: TcpAddress | None) -> str | None:
    return None if address is None else str(address)
