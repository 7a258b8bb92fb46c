"""The supervision tree of one node: which supervisor, which strategy, and how the rooms are wired to each other.

    node (one_for_one)          the API and the core share nothing: each restarts alone
    ├── core (rest_for_one)     without its store or its pump no service is worth anything; the reverse does not hold
    │   ├── store
    │   ├── pump
    │   └── services (one_for_one)   they know each other by ref only, and refill themselves from the store
    └── control                 with a pump of its own, so that the tree can be read while the core restarts

Refs are made here before anything runs, so no restart can lose a registration. Docs: docs/supervision.md.
"""

from typing import Any

import attrs
import trio

from beam_actors.control import Control, ControlLimits, log_event
from beam_actors.errors import InvalidValue
from beam_actors.flow import Flow, PumpActor, RememberedPorts
from beam_actors.identity import Keyring
from beam_actors.ingress import (
    NETWORK,
    OF_ANOTHER_HOME,
    PROGRAM,
    Binding,
    Ingress,
    Zone,
    compose_ingress,
    resolver_ref,
)
from beam_actors.naming import PROTOCOL as NAMES_PROTOCOL
from beam_actors.naming import Difficulty, Naming, compose_naming, custodian_of, spread_ref
from beam_actors.node.api import Api
from beam_actors.node.config import Bind, NodeConfig, NodePorts
from beam_actors.node.storage import StoreActor, StoreHandle
from beam_actors.peers import Bind as PeerBind
from beam_actors.peers import Dht, Peers, compose_peers
from beam_actors.runtime import ChildSpec, Intensity, StepLimit, Strategy, Supervisor, System
from beam_actors.tunnels import PROTOCOL as TUNNEL_PROTOCOL
from beam_actors.tunnels import Reception, Tunnels, acceptor_ref, compose_tunnels
from beam_actors.values import Multiaddr, Name, OwnerId, PeerId, TcpAddress
from beam_actors.wire import NOISE, Security

ROOT = "node"
SERVICES = f"{ROOT}/core/services"
INGRESS = f"{SERVICES}/ingress"
PUBLIC = (PeerId, OwnerId, Name, Multiaddr, TcpAddress)
"""Values that a trace may show as they are: this user's own programs see them in every listing anyway."""
_RUN_ID_BYTES = 16


@attrs.frozen(slots=True, kw_only=True)
class Node:
    """A composed node: the spec of its root, and the facades by which programs in this process use it."""

    system: System
    spec: ChildSpec
    flow: Flow
    peers: Peers
    dht: Dht
    naming: Naming
    tunnels: Tunnels
    ingress: Ingress
    api: Api
    stopping: trio.Event
    """Set when somebody asked the node to stop."""


def compose_node(
    config: NodeConfig,
    ports: NodePorts,
    keys: Keyring,
    *,
    security: Security = NOISE,
    difficulty: Difficulty | None = None,
) -> Node:
    """Wire a node; nothing runs yet.

    `security` and `difficulty` are for simulations: no daemon is started with another than Noise, or asks for other
    work than its network.

    Raises:
        InvalidValue: an address cannot be listened at or dialled.
    """
    limits = config.limits
    system = System(
        ROOT,
        clock=ports.clock.monotonic,
        cpu_clock=ports.cpu_clock,
        jitter=ports.entropy.uniform,
        step_limit=_step_limit(ports, limits.control),
        public=PUBLIC,
    )
    system.observe(log_event)
    flow, store, stopping = Flow(limits.flow), StoreHandle(), trio.Event()
    common: dict[str, Any] = {"store": store, "clock": ports.clock, "entropy": ports.entropy}
    reception = Reception()
    room = compose_peers(
        system,
        SERVICES,
        key=keys.peer,
        flow=flow,
        network=config.network,
        listen=[_peer_bind(address, fixed=config.listen_fixed) for address in config.listen],
        bootstrap=config.bootstrap,
        serve={TUNNEL_PROTOCOL: acceptor_ref(system, SERVICES), NAMES_PROTOCOL: spread_ref(system, SERVICES)},
        takers={TUNNEL_PROTOCOL: reception.take},
        subscribers=(spread_ref(system, SERVICES),),
        limits=limits.peers,
        kad=limits.dht,
        custodian=custodian_of(system, SERVICES, config.network),
        session_limits=limits.session,
        security=security,
        **common,
    )
    names = compose_naming(
        system,
        SERVICES,
        owner=keys.owner,
        me=keys.peer.peer_id,
        network=config.network,
        peers=room.peers,
        suffixes=config.suffixes,
        compute=ports.compute,
        watchers=(resolver_ref(system, INGRESS),),
        limits=limits.naming,
        difficulty=difficulty,
        dht=room.dht,
        **common,
    )
    remembered = RememberedPorts(store)
    dns, https, http = (_binding(bind, remembered) for bind in (config.dns, config.https, config.http))

    def own_listeners() -> tuple[TcpAddress, ...]:
        return (*room.listening(), *(binding.local for binding in (dns, https, http) if binding is not None))

    offered = compose_tunnels(
        system,
        SERVICES,
        flow=flow,
        peers=room.peers,
        resolver=names.naming,
        store=store,
        clock=ports.clock,
        run=ports.entropy.token(_RUN_ID_BYTES),
        forbidden=own_listeners,
        reserved=(NETWORK,),
        reception=reception,
        limits=limits.tunnels.within(ports.descriptors),
    )
    ingress_spec, ingress = compose_ingress(
        system,
        INGRESS,
        flow=flow,
        names=names.naming,
        tunnels=offered.tunnels,
        files=ports.files,
        tls=ports.tls,
        zone=Zone(config.suffixes),
        dns=dns,
        https=https,
        http=http,
        interfaces=ports.interfaces if config.mdns else None,
        limits=limits.ingress,
        program=OF_ANOTHER_HOME if config.other_home else PROGRAM,
        **common,
    )
    api = Api(
        config=config,
        keys=keys,
        system=system,
        clock=ports.clock,
        listening=room.listening,
        interfaces=ports.interfaces,
        peers=room.peers,
        naming=names.naming,
        tunnels=offered.tunnels,
        ingress=ingress,
        stopping=stopping,
    )
    services = (room.spec, *names.specs, offered.tunnels_spec, offered.forwards_spec, ingress_spec)
    return Node(
        system=system,
        spec=_root(config, ports, flow, store, services, api),
        flow=flow,
        peers=room.peers,
        dht=room.dht,
        naming=names.naming,
        tunnels=offered.tunnels,
        ingress=ingress,
        api=api,
        stopping=stopping,
    )


def _root(
    config: NodeConfig,
    ports: NodePorts,
    flow: Flow,
    store: StoreHandle,
    services: tuple[ChildSpec, ...],
    api: Api,
) -> ChildSpec:
    # A service that crashes for good takes all services with it, then the core, then the node: at each level the
    # whole is tried anew a few times, which is the last that can be done without a person.
    core = (
        ChildSpec("store", lambda: StoreActor(store, ports.store), shutdown=20.0),
        ChildSpec("pump", lambda: PumpActor(flow, ports.driver, ports.clock)),
        ChildSpec(
            "services", lambda: Supervisor(services, intensity=Intensity(restarts=10, period=10.0)), shutdown=15.0
        ),
    )
    top = (
        ChildSpec(
            "core",
            lambda: Supervisor(core, strategy=Strategy.REST_FOR_ONE, intensity=Intensity(restarts=5, period=30.0)),
            shutdown=25.0,
        ),
        ChildSpec(
            "control",
            lambda: Control(
                api,
                config.control,
                driver=ports.control_driver,
                clock=ports.clock,
                uid=ports.uid,
                limits=config.limits.control,
            ),
        ),
    )
    return ChildSpec(ROOT, lambda: Supervisor(top, intensity=Intensity(restarts=5, period=60.0)), shutdown=30.0)


def _step_limit(ports: NodePorts, limits: ControlLimits) -> StepLimit | None:
    if ports.step_clock is None:
        return None
    return StepLimit(limits.step_seconds, ports.step_clock, limits.step_pause_seconds)


def _peer_bind(address: Multiaddr, *, fixed: bool) -> PeerBind:
    tcp = address.tcp
    if tcp is None or address.peer is not None:
        raise InvalidValue(f"{address} cannot be listened at: use /ip4/ADDRESS/tcp/PORT.")
    return PeerBind(tcp, fixed=fixed)


def _binding(bind: Bind | None, ports: RememberedPorts) -> Binding | None:
    return None if bind is None else Binding(bind.address, fixed=bind.fixed, ports=ports)
