"""How this room is wired: the subtree `network`, the facade, and the refs by which others know its actors."""

from collections.abc import Collection, Mapping, Sequence

import attrs

from beam_actors.flow import Flow, Taker
from beam_actors.identity import PeerKey
from beam_actors.peers.backoff import DialBackoff
from beam_actors.peers.book import parse_bootstrap
from beam_actors.peers.dialling import Dialler, Listening
from beam_actors.peers.facade import Peers
from beam_actors.peers.inquirer import Inquirer
from beam_actors.peers.inquiry import PROTOCOL as INQUIRY_PROTOCOL
from beam_actors.peers.kad.answers import Custodian, Nowhere
from beam_actors.peers.kad.dht import DhtActor
from beam_actors.peers.kad.facade import Dht
from beam_actors.peers.kad.limits import KadLimits
from beam_actors.peers.kad.messages import PROTOCOL as KAD_PROTOCOL
from beam_actors.peers.kad.questions import Questions
from beam_actors.peers.kad.walking import Walker
from beam_actors.peers.limits import PeersLimits
from beam_actors.peers.listeners import Bind, Bindings, Listeners
from beam_actors.peers.manager import Manager
from beam_actors.peers.peer import Peer
from beam_actors.peers.rates import Rates
from beam_actors.peers.routes import Routes
from beam_actors.peers.sessions import SessionMaker
from beam_actors.peers.setting import PeerSetting
from beam_actors.peers.visits import Visits
from beam_actors.ports import Clock, Entropy, Store
from beam_actors.runtime import ChildSpec, Intensity, Pool, Ref, Restart, Supervisor, System
from beam_actors.values import Multiaddr, PeerId
from beam_actors.wire import NOISE, Security, SessionLimits


@attrs.frozen(slots=True, kw_only=True)
class PeersRoom:
    """The room, ready to be started: `spec` goes below the services, `peers` to the rooms above."""

    peers: Peers
    dht: Dht
    listening: Listening
    """Where this node listens now, wildcards as they were bound."""
    spec: ChildSpec


def compose_peers(
    system: System,
    services: str,
    *,
    key: PeerKey,
    flow: Flow,
    store: Store,
    clock: Clock,
    entropy: Entropy,
    network: str,
    listen: Sequence[Bind],
    bootstrap: Sequence[Multiaddr] = (),
    serve: Mapping[str, Ref],
    takers: Mapping[str, Taker] | None = None,
    subscribers: Sequence[Ref] = (),
    visiting: Collection[str] = (),
    kad: KadLimits | None = None,
    custodian: Custodian | None = None,
    limits: PeersLimits | None = None,
    session_limits: SessionLimits | None = None,
    security: Security = NOISE,
) -> PeersRoom:
    """Wire the room below the supervisor at the path `services`.

    `serve` says which ref gets `InboundStream` for a protocol, of which `visiting` are those for which strangers are
    visited. `takers` says who takes streams of a protocol without a message, where it can. `subscribers` get `PeerUp`
    and `PeerDown`. With `kad` the node takes part in the DHT, in which `custodian` keeps what others store here.

    Raises:
        InvalidValue: a bootstrap address does not say whom to expect, or cannot be dialled.
    """
    bounds = limits or PeersLimits()
    path = f"{services}/network"
    pool, manager = system.ref(f"{path}/peers"), system.ref(f"{path}/manager")
    inquirer = system.ref(f"{path}/inquirer")
    serve = {**serve, INQUIRY_PROTOCOL: inquirer}
    subscribers = (*subscribers, inquirer)
    dht = system.ref(f"{path}/dht")
    if kad is not None:
        serve[KAD_PROTOCOL] = dht
        subscribers = (*subscribers, dht)
        visiting = (*visiting, KAD_PROTOCOL)
    bindings = Bindings()
    routes, visits = Routes(), Visits(clock, bounds)
    maker = SessionMaker(
        key=key,
        entropy=entropy,
        protocols=serve.keys(),
        protocol_version=f"beam/{network}",
        budget=flow.windows,
        limits=session_limits,
        security=security,
    )
    dialler = Dialler(flow=flow, maker=maker, listening=bindings, limits=bounds)
    setting = PeerSetting(
        us=key.peer_id,
        dialler=dialler,
        manager=manager,
        subscribers=tuple(subscribers),
        inquirer=inquirer,
        serve=dict(serve),
        takers=dict(takers or {}),
        clock=clock,
        entropy=entropy,
        limits=bounds,
        backoff=DialBackoff(first=bounds.back_off_first, most=bounds.back_off_most, alone=bounds.back_off_alone),
        routes=routes,
        visits=visits,
        introductions=Rates(
            per_second=bounds.introductions / bounds.introductions_period,
            burst=bounds.introductions,
            sources=bounds.connection_sources,
        ),
        visiting=frozenset(visiting),
    )
    wanted = [parse_bootstrap(address) for address in bootstrap]
    released: set[PeerId] = set()

    def member(name: str, peer: PeerId) -> ChildSpec:
        # Transient: a peer that nobody wants any more ends by itself; a crash restarts it.
        return ChildSpec(name, lambda: Peer(peer, setting), restart=Restart.TRANSIENT)

    def dht_child() -> DhtActor:
        return DhtActor(
            key=key,
            peers=peers,
            questions=questions,
            walker=walker,
            custodian=custodian or Nowhere(),
            listening=bindings,
            clock=clock,
            entropy=entropy,
            limits=kad_bounds,
        )

    def supervisor() -> Supervisor:
        return Supervisor(
            [
                ChildSpec("peers", lambda: Pool(member)),
                ChildSpec(
                    "manager",
                    lambda: Manager(
                        pool=pool,
                        store=store,
                        clock=clock,
                        us=key.peer_id,
                        listening=bindings,
                        bootstrap=wanted,
                        released=released,
                        limits=bounds,
                    ),
                ),
                ChildSpec(
                    "listeners",
                    lambda: Listeners(
                        binds=listen,
                        bindings=bindings,
                        flow=flow,
                        maker=maker,
                        manager=manager,
                        store=store,
                        limits=bounds,
                    ),
                ),
                ChildSpec(
                    "inquirer",
                    lambda: Inquirer(
                        key=key,
                        peers=peers,
                        listening=bindings,
                        clock=clock,
                        limits=bounds,
                        dht=None if kad is None else walker,
                    ),
                ),
                *([] if kad is None else [ChildSpec("dht", dht_child)]),
            ],
            # One for one: they share nothing but messages, and each finds its way back alone.
            intensity=Intensity(restarts=5, period=10.0),
        )

    peers = Peers(
        system,
        us=key.peer_id,
        manager=manager,
        pool=pool,
        inquirer=inquirer,
        clock=clock,
        listening=bindings,
        routes=routes,
        visits=visits,
        limits=bounds,
    )
    kad_bounds = kad or KadLimits()
    questions = Questions(peers=peers, dialler=dialler, listening=bindings, clock=clock, limits=kad_bounds)
    walker = Walker(us=key.peer_id, dht=dht, questions=questions, limits=kad_bounds)
    found = Dht(key.peer_id, walker)
    return PeersRoom(peers=peers, dht=found, listening=bindings, spec=ChildSpec("network", supervisor))
