"""What crosses the control API: the requests that a node takes and the results that it gives, as plain values.

Results are frozen and hold only text, numbers and other results, so that their JSON is `attrs.asdict` and nothing
else: a field's name here is the key that scripts read (design: stable, so add, never rename). Times are seconds
unless the name says otherwise; ids and addresses are in their one text form.
"""

from typing import Literal

import attrs

from beam_actors.values import TcpAddress

TunnelKind = Literal["http", "tcp"]


@attrs.frozen(slots=True, kw_only=True)
class Identity:
    """Who this node is and where it listens (full multiaddrs with `/p2p/`)."""

    peer_id: str
    owner: str
    addresses: tuple[str, ...]
    revoked: bool = False
    """Whether the owner revoked all keys. False, too, while that can't be said."""
    replaced_by_era: int | None = None
    """The later era that the owner opened elsewhere, so that this machine signs nothing more; else null."""


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
    revoked: bool = False
    """Whether the owner revoked all keys. False, too, while that can't be said."""
    replaced_by_era: int | None = None
    """As of `Identity`."""


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
    bytes_sent: int
    bytes_received: int
    """On the wire, over the session that new streams take."""
    kept: bool
    """Whether it is dialled for ever: somebody connected to it here, or the daemon was started with its address."""


@attrs.frozen(slots=True, kw_only=True)
class Connected:
    """The peer that answered at an address."""

    peer_id: str


@attrs.frozen(slots=True, kw_only=True)
class Disconnected:
    """A peer that is dialled for ever no longer, and what was closed."""

    peer_id: str
    sessions: int
    bootstrap: bool
    """Whether the daemon was started with its address, so that a start like that one connects to it again."""


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
class TrafficRow:
    """What went through a tunnel or a forward since it was made, or the daemon (or its data plane) started."""

    connections: int
    bytes_to_service: int
    bytes_from_service: int


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
    yours: bool
    """Whether its name is registered here and this machine's key signs for it. True without a name.

    It is not any more once it was handed over, say, or the key was replaced.
    """
    urls: tuple[str, ...]
    connections: int
    """Those that are open now."""
    traffic: TrafficRow
    replaced_by_era: int | None = None
    """The later era that the owner opened elsewhere, so that this machine claims the name no more; else null."""


@attrs.frozen(slots=True, kw_only=True)
class Exposed(TunnelRow):
    """A service that is offered from now on."""

    gave_up: str | None = None
    """The random name that nothing used and that was released to make room for its name, with the suffix."""


@attrs.frozen(slots=True, kw_only=True)
class ForwardRequest:
    """A local port to hold: connections to `listen` go to `destination` (a name or a peer id), on its `port`."""

    destination: str
    port: int | None
    listen: TcpAddress


@attrs.frozen(slots=True, kw_only=True)
class ForwardRow:
    """A held local port; `listen` has the real port.

    `state` is "no-port" (somebody else has the local port), "unused" (nobody connected yet), "works" or "fails" (as the
    last connection did). `failure` is what went wrong last, also if it works again, and `failed_at` when (seconds since
    1970); `failed` counts the connections that got no tunnel.
    """

    id: str
    listen: str
    destination: str
    port: int | None
    listening: bool
    state: str
    failure: str | None
    failed_at: float | None
    failed: int
    connections: int
    """Those that are open now."""
    traffic: TrafficRow


@attrs.frozen(slots=True, kw_only=True)
class ExitRow:
    """How an earlier incarnation of an actor ended."""

    incarnation: int
    reason: str
    ago_s: float


@attrs.frozen(slots=True, kw_only=True)
class DeadRow:
    """An actor that ended for good a while ago, at whose path nobody lives now."""

    path: str
    kind: str
    incarnation: int
    reason: str
    ago_s: float
    last_messages: tuple[str, ...]
    """The types of the last messages that it handled, the oldest first."""


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
    workers_wait_for: tuple[str, ...] = ()
    """The actors that asks of its workers hang on."""
    stashed: int = 0
    """Messages that it has put aside."""
    capacity: int = 0
    """How many messages its mailbox holds at most, the stashed ones among them."""
    exits: tuple[ExitRow, ...] = ()
    """How its latest incarnations ended, the oldest first."""
    links: tuple[str, ...] = ()
    """The actors whose fate it shares."""
    groups: tuple[str, ...] = ()
    """The groups that it joined."""


@attrs.frozen(slots=True, kw_only=True)
class Tree:
    """The whole tree, and the recently dead, the latest first."""

    root: TreeNode
    dead: tuple[DeadRow, ...]


@attrs.frozen(slots=True, kw_only=True)
class TraceRequest:
    """What to watch: an actor by its path (or the end of it, if that is one actor's alone), or all at and below it.

    It ends after `limit` records; beyond `rate` in a second they are only counted.
    """

    actor: str
    subtree: bool = False
    limit: int = 100
    rate: int = 50


@attrs.frozen(slots=True, kw_only=True)
class TraceRow:
    """One message that an actor handled, or one incarnation that began or ended (see `runtime.TraceRecord`).

    `shown` and `detail` hold types, sizes and public values, never text or bytes of a message.
    """

    time: float
    """Seconds since 1970."""
    path: str
    incarnation: int
    kind: str
    message: str
    shown: str
    sender: str | None
    asked: bool
    waited_s: float | None
    took_s: float
    outcome: str
    detail: str
    missed: int


@attrs.frozen(slots=True, kw_only=True)
class CaInfo:
    """The root certificate of the local CA: its file (PEM), SHA-256 fingerprint and what it may sign."""

    path: str
    sha256: str
    permitted: tuple[str, ...]
