"""How this room is wired: the subtrees `tunnels` and `forwards`, the facade, and the acceptor's ref for `peers`."""

from collections.abc import Collection

import attrs

from beam_actors.flow import Flow, ListenerHandle
from beam_actors.peers import Peers
from beam_actors.ports import Clock, Store
from beam_actors.runtime import ChildSpec, Intensity, Pool, Ref, Strategy, Supervisor, System
from beam_actors.tunnels.acceptor import Acceptor
from beam_actors.tunnels.catalogue import Catalogue
from beam_actors.tunnels.directory import Directory
from beam_actors.tunnels.facade import Tunnels
from beam_actors.tunnels.forwards import Forwards
from beam_actors.tunnels.limits import TunnelsLimits
from beam_actors.tunnels.live import Live
from beam_actors.tunnels.local_forward import Listening, LocalForward
from beam_actors.tunnels.members import Members
from beam_actors.tunnels.offered import OfferedTunnel
from beam_actors.tunnels.opening import Opener, Resolver
from beam_actors.tunnels.reception import Reception
from beam_actors.tunnels.spec import ForwardSpec, TunnelSpec
from beam_actors.tunnels.targets import Listeners, Network, check_target
from beam_actors.values import TcpAddress

_INTENSITY = Intensity(restarts=5, period=10.0)


@attrs.frozen(slots=True, kw_only=True)
class TunnelsRoom:
    """The room, ready to be started: both specs go below the services, `tunnels` to the rooms above."""

    tunnels: Tunnels
    tunnels_spec: ChildSpec
    forwards_spec: ChildSpec


def acceptor_ref(system: System, services: str) -> Ref:
    """The ref that serves `/beam/tunnel/1` in the room composed at `services`."""
    return system.ref(f"{services}/tunnels/acceptor")


def compose_tunnels(
    system: System,
    services: str,
    *,
    flow: Flow,
    peers: Peers,
    resolver: Resolver,
    store: Store,
    clock: Clock,
    run: bytes,
    forbidden: Listeners,
    reception: Reception,
    reserved: Collection[Network] = (),
    limits: TunnelsLimits | None = None,
) -> TunnelsRoom:
    """Wire the room below the supervisor at the path `services`.

    `run` is an id of this run of the daemon (at most 64 random bytes): ephemeral tunnels of another run are dropped.
    `forbidden` tells where the daemon itself listens now, apart from this room's own forwards, and `reserved` where it
    may begin to listen for any name: no tunnel leads to either. `reception` is asked about inbound streams before the
    acceptor is told of them.
    """
    bounds = limits or TunnelsLimits()
    catalogue, forwards = system.ref(f"{services}/tunnels/catalogue"), system.ref(f"{services}/forwards/list")
    offered, local = (Members(system.ref(f"{services}/{pool}"), flow) for pool in ("tunnels/offered", "forwards/local"))
    live = Live(flow, bounds, f"{services}/tunnels/offered")
    directory = Directory(system, offered)
    reception.open(directory)
    opener = Opener(peers, resolver, directory, bounds, live)
    listening: Listening = {}

    def check(target: TcpAddress) -> None:
        check_target(target, (*forbidden(), *listening.values()), reserved)

    def tunnel(key: str, spec: TunnelSpec) -> ChildSpec:
        return ChildSpec(
            key,
            lambda: OfferedTunnel(spec, flow=flow, limits=bounds, live=live, directory=directory, check_target=check),
        )

    def forward(key: str, spec: ForwardSpec, listener: ListenerHandle | None = None) -> ChildSpec:
        bound = [listener]

        def make() -> LocalForward:
            first = bound.pop() if bound else None  # a later incarnation binds the port itself
            return LocalForward(
                spec, flow=flow, opener=opener, clock=clock, limits=bounds, listening=listening, listener=first
            )

        return ChildSpec(key, make)

    def make_catalogue() -> Catalogue:
        return Catalogue(
            members=offered,
            directory=directory,
            store=store,
            run=run,
            limit=bounds.tunnels,
            return_time=bounds.return_time,
            check_target=check,
        )

    def make_forwards() -> Forwards:
        return Forwards(members=local, flow=flow, store=store, limit=bounds.forwards)

    # Rest for one: a new pool is empty, and only a new list fills it. The acceptor, which reads what strangers send
    # first, stands last: what they make it do restarts nothing else. Later they reach members of the pool, too.
    def tunnels_supervisor() -> Supervisor:
        return Supervisor(
            [
                ChildSpec("offered", lambda: Pool(tunnel)),
                ChildSpec("catalogue", make_catalogue),
                ChildSpec("acceptor", lambda: Acceptor(directory=directory, limits=bounds)),
            ],
            strategy=Strategy.REST_FOR_ONE,
            intensity=_INTENSITY,
        )

    def forwards_supervisor() -> Supervisor:
        return Supervisor(
            [ChildSpec("local", lambda: Pool(forward)), ChildSpec("list", make_forwards)],
            strategy=Strategy.REST_FOR_ONE,
            intensity=_INTENSITY,
        )

    return TunnelsRoom(
        tunnels=Tunnels(system, catalogue=catalogue, offered=offered, forwards=forwards, local=local, opener=opener),
        tunnels_spec=ChildSpec("tunnels", tunnels_supervisor),
        forwards_spec=ChildSpec("forwards", forwards_supervisor),
    )
