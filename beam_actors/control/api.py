"""What the control API needs of a node, as one small Protocol, and the results that cross it.

Results are frozen and hold only text, numbers and other results, so that their JSON is `attrs.asdict` and nothing
else: a field's name here is the key that scripts read (design: stable, so add, never rename). Times are seconds
unless the name says otherwise; ids and addresses are in their one text form.

The implementation lives at the composition root; this room never sees peers, naming or tunnels.
"""

from typing import Literal, Protocol

import attrs

from beam_actors.values import Multiaddr, OwnerId, TcpAddress

TunnelKind = Literal["http", "tcp"]


@attrs.frozen(slots=True, kw_only=True)
class Identity:
    """Who this node is and where it listens (full multiaddrs with `/p2p/`)."""

    peer_id: str
    owner: str
    addresses: tuple[str, ...]


@attrs.frozen(slots=True, kw_only=True)
class Status:
    """One look at the whole node. `dns`, `https` and `http` are the bound HOST:PORT, or None when switched off."""

    peer_id: str
    peers: int
    reachability: str
    tunnels: int
    names: int
    dns: str | None
    https: str | None
    http: str | None
    uptime_s: float
    network: str
    suffix: str


@attrs.frozen(slots=True, kw_only=True)
class PeerRow:
    """One peer that is wanted or connected. `path` and `rtt_ms` are None while it is not up."""

    peer_id: str
    state: str
    path: str | None
    rtt_ms: float | None
    agent: str | None
    address: str | None
    failure: str | None
    """Why the last dial failed, while it is not up."""


@attrs.frozen(slots=True, kw_only=True)
class Connected:
    """The peer that answered at an address."""

    peer_id: str


@attrs.frozen(slots=True, kw_only=True)
class PingResult:
    """A round trip through the session, and why that path was taken."""

    peer_id: str
    path: str
    rtt_ms: float
    why: str


@attrs.frozen(slots=True, kw_only=True)
class ExposeRequest:
    """A local service to offer, not checked: the node refuses with `UsageError` what can't be offered.

    `port` None means HTTP (on 80 and 443 of the name), else raw TCP on that port. `allow` are peer ids, or "everyone"
    alone; HTTP without any is open to everyone, a raw port must say who. A foreground tunnel lives as long as the
    command that asked for it and is never stored; asking again for one that is offered already returns that one.
    Without `name`, a foreground tunnel gets the random name that was made for its target before, a kept one is reached
    by peer id.
    """

    target: TcpAddress
    name: str | None = None
    port: int | None = None
    allow: tuple[str, ...] = ()
    foreground: bool = False
    contest: bool = False
    """Whether `name` is claimed although somebody else is known to hold it."""


@attrs.frozen(slots=True, kw_only=True)
class TunnelRow:
    """An offered service. `allow` holds peer ids, or is empty when everyone may use it.

    `running` is false for a moment, while its actor restarts.
    """

    id: str
    name: str | None
    target: str
    kind: TunnelKind
    port: int | None
    allow: tuple[str, ...]
    foreground: bool
    running: bool
    urls: tuple[str, ...]
    connections: int


@attrs.frozen(slots=True, kw_only=True)
class ForwardRequest:
    """A local port to hold: connections to `listen` go to `destination` (a name or a peer id), on its `port`."""

    destination: str
    port: int | None
    listen: TcpAddress


@attrs.frozen(slots=True, kw_only=True)
class ForwardRow:
    """A held local port; `listen` has the real port.

    `failure` says why it does not listen, or how its last connection failed.
    """

    id: str
    listen: str
    destination: str
    port: int | None
    listening: bool
    failure: str | None
    connections: int


@attrs.frozen(slots=True, kw_only=True)
class NameRow:
    """A name that is owned (`relation` "own") or pinned ("pin") here. `full` is it with the suffix."""

    name: str
    full: str
    relation: str
    owner: str
    peer_ids: tuple[str, ...]
    expires_in_s: float | None
    url: str | None


@attrs.frozen(slots=True, kw_only=True)
class Registered:
    """A claim that was signed and stored; `told` is the number of peers that it was pushed to at once."""

    name: str
    full: str
    owner: str
    peer_id: str
    told: int
    look_alikes: tuple[str, ...]
    """Own or pinned names that are easily taken for this one."""
    url: str | None


@attrs.frozen(slots=True, kw_only=True)
class Resolution:
    """What a name leads to. `source` is own, petname, pin, registry, cache or dht; `address` is on loopback."""

    name: str
    owner: str
    peer_id: str
    peer_ids: tuple[str, ...]
    source: str
    age_s: float
    address: str | None


@attrs.frozen(slots=True, kw_only=True)
class Choice:
    """One of the owners that claim a contested name."""

    owner: str
    peer_ids: tuple[str, ...]
    relation: str
    """What the owner is here: "own", "pin" (the one that is pinned) or "other"."""
    used: bool
    """Whether the name leads to this owner on this machine."""
    since: float
    """When this node first saw the owner hold the name (seconds since 1970)."""
    held_for_s: float
    equivocates: bool
    """Whether the owner signed two different claims with one number."""
    always: str
    """The name with its owner, which leads to this choice whatever is decided here."""


@attrs.frozen(slots=True, kw_only=True)
class Conflict:
    """A name that several owners claim; `settled_by` ("own", "pin") is what decides it here, None when nothing does."""

    name: str
    settled_by: str | None
    choices: tuple[Choice, ...]


@attrs.frozen(slots=True, kw_only=True)
class TreeNode:
    """An actor and what it supervises. `last_exit` says why its previous incarnation ended.

    `message` is the type of the message in hand, `busy_s` for how long, `waits_for` the actor that its answer hangs on.
    """

    path: str
    kind: str
    state: str
    incarnation: int
    restarts: int
    last_exit: str | None
    mailbox: int
    uptime_s: float
    message: str | None
    busy_s: float
    cpu_s: float
    waits_for: str | None
    workers: int
    children: tuple["TreeNode", ...]


@attrs.frozen(slots=True, kw_only=True)
class CaInfo:
    """The root certificate of the local CA: its file (PEM), SHA-256 fingerprint and what it may sign."""

    path: str
    sha256: str
    permitted: tuple[str, ...]


class NodeApi(Protocol):
    """A node as its control API sees it. Every method may raise any `BeamError`; anything else is a bug there.

    Text for a name is what a person typed, with or without suffix; the node applies the grammar.
    """

    async def id(self) -> Identity:
        """Who this node is."""
        ...

    async def status(self) -> Status:
        """One look at the node."""
        ...

    async def peers(self) -> tuple[PeerRow, ...]:
        """The peers that are wanted or connected."""
        ...

    async def connect(self, address: Multiaddr) -> Connected:
        """Find a peer at this very address, then remember it; PeerOffline, and nothing is remembered."""
        ...

    async def ping(self, target: str) -> PingResult:
        """One round trip to a peer id or to the peer that serves a name."""
        ...

    async def expose(self, request: ExposeRequest) -> TunnelRow:
        """Offer a service, registering its name; UsageError, NotAllowed, NameTaken (unless contested), QuotaExceeded.

        A name that was not registered before stays so when the service is not offered.
        """
        ...

    async def unexpose(self, tunnel: str) -> TunnelRow:
        """Withdraw a tunnel and end its connections; return what it was.

        `tunnel` is its id, its name (with or without suffix), its target, or its target's port on this machine;
        TunnelNotFound when that is none or may be several.
        """
        ...

    async def tunnels(self) -> tuple[TunnelRow, ...]:
        """The offered services."""
        ...

    async def forward(self, request: ForwardRequest) -> ForwardRow:
        """Hold a local port; returns once it listens; AddressInUse, NameNotFound."""
        ...

    async def unforward(self, forward: str) -> ForwardRow:
        """Give up the forward with that id, local address or port, or destination; TunnelNotFound."""
        ...

    async def forwards(self) -> tuple[ForwardRow, ...]:
        """The held local ports."""
        ...

    async def register(self, name: str, *, contest: bool) -> Registered:
        """Claim a name; NameTaken unless `contest`; InvalidName, QuotaExceeded."""
        ...

    async def release(self, name: str) -> None:
        """Give up an owned name by a signed tombstone; NameNotFound."""
        ...

    async def names(self) -> tuple[NameRow, ...]:
        """The names that are owned or pinned here."""
        ...

    async def resolve(self, name: str) -> Resolution:
        """What a name leads to, as a browser on this machine would be led; NameNotFound, NameContested."""
        ...

    async def pin(self, name: str, owner: OwnerId | None) -> Resolution:
        """Hold on to an owner for a name (None: the one that it resolves to now).

        NameContested without an owner; NotAllowed for somebody else's claim to an own name, which goes before any pin.
        """
        ...

    async def unpin(self, name: str) -> None:
        """Forget a pin; NameNotFound."""
        ...

    async def conflicts(self) -> tuple[Conflict, ...]:
        """The contested names that are known here."""
        ...

    async def tree(self) -> TreeNode:
        """The live supervision tree; never asks an actor, so that it answers while the core restarts."""
        ...

    async def crash(self, path: str) -> None:
        """Crash the actor at a path; NotAllowed unless the node was started for it; ActorDead if there is none."""
        ...

    async def ca(self) -> CaInfo:
        """The local CA's root certificate."""
        ...

    async def stop(self) -> None:
        """Begin an ordered shutdown and return at once."""
        ...
