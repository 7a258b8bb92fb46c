"""How this room is wired: the subtrees `tunnels` and `forwards`, the facade, and the gate's ref for `peers`."""

import attrs

from beam_actors.flow import Flow
from beam_actors.peers import Peers
from beam_actors.ports import Store
from beam_actors.runtime import ChildSpec, Intensity, Pool, Ref, Strategy, Supervisor, System
from beam_actors.tunnels.desk import Desk
from beam_actors.tunnels.facade import Tunnels
from beam_actors.tunnels.gate import Gate
from beam_actors.tunnels.held import HeldForward
from beam_actors.tunnels.limits import TunnelsLimits
from beam_actors.tunnels.offered import Listeners, OfferedTunnel
from beam_actors.tunnels.opening import Opener, Resolver
from beam_actors.tunnels.spec import ForwardSpec, TunnelSpec

_INTENSITY = Intensity(restarts=5, period=10.0)


@attrs.frozen(slots=True, kw_only=True)
class TunnelsRoom:
    """The room, ready to be started: both specs go below the services, `tunnels` to the rooms above."""

    tunnels: Tunnels
    tunnels_spec: ChildSpec
    forwards_spec: ChildSpec


def gate_ref(system: System, services: str) -> Ref:
    """The ref that serves `/beam/tunnel/1` in the room composed at `services`."""
    return system.ref(f"{services}/tunnels/gate")


def compose_tunnels(
    system: System,
    services: str,
    *,
    flow: Flow,
    peers: Peers,
    resolver: Resolver,
    store: Store,
    run: bytes,
    forbidden: Listeners,
    limits: TunnelsLimits | None = None,
) -> TunnelsRoom:
    """Wire the room below the supervisor at the path `services`.

    `run` is an id of this run of the daemon (at most 64 random bytes): ephemeral tunnels of another run are dropped.
    `forbidden` tells where the daemon itself listens now.
    """
    bounds = limits or TunnelsLimits()
    gate, offered = gate_ref(system, services), system.ref(f"{services}/tunnels/offered")
    desk, held = system.ref(f"{services}/forwards/desk"), system.ref(f"{services}/forwards/held")
    opener = Opener(peers, resolver, gate, bounds)

    def tunnel(key: str, spec: TunnelSpec) -> ChildSpec:
        return ChildSpec(key, lambda: OfferedTunnel(spec, flow=flow, limits=bounds, forbidden=forbidden))

    def forward(key: str, spec: ForwardSpec) -> ChildSpec:
        return ChildSpec(key, lambda: HeldForward(spec, flow=flow, opener=opener, limits=bounds))

    def make_gate() -> Gate:
        return Gate(offered=offered, flow=flow, store=store, run=run, limits=bounds, forbidden=forbidden)

    def make_desk() -> Desk:
        return Desk(held=held, flow=flow, store=store, limits=bounds)

    # Rest for one: a new pool is empty, and only a new gate (or desk) fills it.
    def tunnels_supervisor() -> Supervisor:
        return Supervisor(
            [ChildSpec("offered", lambda: Pool(tunnel)), ChildSpec("gate", make_gate)],
            strategy=Strategy.REST_FOR_ONE,
            intensity=_INTENSITY,
        )

    def forwards_supervisor() -> Supervisor:
        return Supervisor(
            [ChildSpec("held", lambda: Pool(forward)), ChildSpec("desk", make_desk)],
            strategy=Strategy.REST_FOR_ONE,
            intensity=_INTENSITY,
        )

    return TunnelsRoom(
        tunnels=Tunnels(system, gate=gate, offered=offered, desk=desk, held=held, opener=opener),
        tunnels_spec=ChildSpec("tunnels", tunnels_supervisor),
        forwards_spec=ChildSpec("forwards", forwards_supervisor),
    )
