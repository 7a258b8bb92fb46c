"""What a node is given: the choices of a person, and the world as ports."""

from collections.abc import Awaitable, Callable, Sequence

import attrs

from beam_actors.node.limits import NodeLimits
from beam_actors.ports import Clock, Compute, Entropy, Files, NetworkDriver, Store, TlsPort
from beam_actors.values import Multiaddr, TcpAddress, UnixAddress


@attrs.frozen(slots=True)
class Bind:
    """Where a server listens. When `fixed` (a person asked for it) failure is fatal; else any free port will do."""

    address: TcpAddress
    fixed: bool = False


@attrs.frozen(slots=True, kw_only=True)
class NodeConfig:
    """What a person may choose about a node."""

    control: UnixAddress
    """The control socket, in a short runtime folder."""
    network: str = "beam"
    """Claims and sessions of other networks are refused."""
    network_fixed: bool = False
    """Whether a person asked for it; else a home that was filled in another one goes on in that."""
    listen: tuple[Multiaddr, ...] = (Multiaddr.parse("/ip4/0.0.0.0/tcp/4747"),)
    listen_fixed: bool = False
    bootstrap: tuple[Multiaddr, ...] = ()
    dns: Bind | None = Bind(TcpAddress("127.0.0.1", 5354))
    https: Bind | None = Bind(TcpAddress("127.0.0.1", 8443))
    http: Bind | None = Bind(TcpAddress("127.0.0.1", 8480))
    mdns: bool = True
    """Whether devices of the LAN are asked for names by multicast DNS."""
    suffixes: tuple[str, ...] = ("local", "localhost")
    passphrase: str | None = attrs.field(default=None, repr=False)
    """What opens the keystore; None where a device key beside it does."""
    limits: NodeLimits = attrs.field(factory=NodeLimits)
    other_home: bool = False
    """Whether commands need `--home` to find this node, so that the pages which show some say so."""
    chaos: bool = False
    """Whether `beam crash` is allowed."""


@attrs.frozen(slots=True, kw_only=True)
class NodePorts:
    """The world as one node sees it."""

    clock: Clock
    entropy: Entropy
    compute: Compute
    files: Files
    tls: TlsPort
    driver: Callable[[], NetworkDriver]
    """A new driver for each incarnation of the pump."""
    control_driver: Callable[[], NetworkDriver]
    """The same for the pump of the control API, which does not compete with the other one for anything."""
    store: Callable[[], Awaitable[Store]]
    """Opens the database anew for each incarnation of the store actor."""
    cpu_clock: Callable[[], float] | None
    """Seconds of CPU time of this thread, for per-actor accounting. None keeps no such books: in the simulator, where
    the accounts of a thousand nodes would each look at every step of every node, and no time passes while code runs."""
    interfaces: Callable[[], Sequence[str]]
    """The IP literals by which other machines may reach this one."""
    descriptors: int
    """Sockets that this node may have open at once, in all."""
    uid: int
    """The user whose programs may use the control API: this process's own."""
    step_clock: Callable[[], float] | None = None
    """Seconds, by which an actor that holds the loop too long is found out. None, as in the simulator: not timed."""
