"""How this room is wired: its four actors below the services, the facade, and the one ref that `peers` must know."""

from collections.abc import Collection

import attrs

from beam_actors.identity import OwnerKey
from beam_actors.naming.custody import ClaimCustodian, Custody, Keepers
from beam_actors.naming.events import Events
from beam_actors.naming.facade import Naming
from beam_actors.naming.grammar import DEFAULT_SUFFIXES
from beam_actors.naming.limits import Limits
from beam_actors.naming.lookups import LookUps
from beam_actors.naming.names import Names
from beam_actors.naming.network import KeyValues, PeerNetwork
from beam_actors.naming.proving import Proving
from beam_actors.naming.ranges import ID
from beam_actors.naming.registrar import Registrar
from beam_actors.naming.solving import Solver
from beam_actors.naming.spread import Spread
from beam_actors.naming.work import Difficulty, Levels, difficulty_of
from beam_actors.ports import Clock, Compute, Entropy, Store
from beam_actors.runtime import ChildSpec, Ref, System
from beam_actors.values import PeerId


@attrs.frozen(slots=True, kw_only=True)
class NamingRoom:
    """The room, ready to be started: `specs` go below the services in this order, `naming` to the rooms above."""

    naming: Naming
    specs: tuple[ChildSpec, ...]
    """Registry, spread, look-ups, names, custody if there is a DHT. One for one: each finds its way back alone."""


def spread_ref(system: System, services: str) -> Ref:
    """Who serves `PROTOCOL` and subscribes to `PeerUp` and `PeerDown`, given the path of the services."""
    return system.ref(f"{services}/spread")


def custodian_of(system: System, services: str, network: str) -> ClaimCustodian:
    """What is kept here for the DHT, given the path of the services: the custodian that `peers` must know."""
    return ClaimCustodian(system.ref(f"{services}/registry"), network)


def compose_naming(
    system: System,
    services: str,
    *,
    owner: OwnerKey,
    me: PeerId,
    network: str,
    peers: PeerNetwork,
    store: Store,
    clock: Clock,
    entropy: Entropy,
    compute: Compute,
    suffixes: Collection[str] = DEFAULT_SUFFIXES,
    watchers: Collection[Ref] = (),
    limits: Limits | None = None,
    difficulty: Difficulty | None = None,
    dht: KeyValues | None = None,
) -> NamingRoom:
    """Wire the room below the supervisor at the path `services`.

    `owner` is the owner's present key; `watchers` are told `Changed` for every claim that is new. `difficulty` is for
    simulations and tests: in a daemon, the network says how much work it asks for. With `dht` own claims are kept
    there, too, and names are searched for.
    """
    bounds = limits or Limits()
    levels = Levels(network, difficulty or difficulty_of(network))
    proving = Proving(levels, compute, bounds)
    solver = Solver(network, owner.owner_id, levels, compute)
    events = Events()  # it outlives the registrar's incarnations: who watches goes on from a number
    registrar, spread = system.ref(f"{services}/registry"), spread_ref(system, services)
    names, lookups = system.ref(f"{services}/names"), system.ref(f"{services}/lookups")
    keepers = None if dht is None else Keepers(dht, network)
    place = bytes(ID) if dht is None else dht.place
    watchers = (*watchers, *([] if keepers is None else [system.ref(f"{services}/custody")]))
    specs = [
        ChildSpec(
            "registry",
            lambda: Registrar(
                store,
                clock,
                spread,
                names,
                network=network,
                owner=owner.owner_id,
                era=owner.era,
                me=me,
                proving=proving,
                watchers=watchers,
                limits=bounds,
                events=events,
                place=place,
            ),
        ),
        ChildSpec("spread", lambda: Spread(registrar, peers, clock, entropy, me=me, limits=bounds)),
        ChildSpec("lookups", lambda: LookUps(registrar, peers, clock, entropy, limits=bounds, keepers=keepers)),
        ChildSpec("names", lambda: Names(registrar, lookups, clock, key=owner, me=me, network=network, solver=solver)),
    ]
    if keepers is not None:
        given = keepers  # which mypy knows to be there in the function below

        def custody() -> Custody:
            return Custody(registrar, given, store, clock, entropy, owner=owner.owner_id, limits=bounds)

        specs.append(ChildSpec("custody", custody))
    naming = Naming(
        registrar=registrar,
        names=names,
        lookups=lookups,
        spread=spread,
        entropy=entropy,
        patience=solver.patience,
        suffixes=suffixes,
    )
    return NamingRoom(naming=naming, specs=tuple(specs))
