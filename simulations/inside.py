"""The one place that looks inside the nodes of a run: what an invariant has to see and no facade shows.

The runtime's cells are given out as they are; what is private of an actor is read here alone. Invariant: it changes
nothing and awaits nothing, so looking does not change a run; what is not there at this moment (an actor between two
incarnations) is None or empty. Whoever renames what is read here is told so by the tests.
"""

from collections.abc import Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any

from beam_actors.naming import Claim
from beam_actors.runtime import Ref, Restart, Supervisor
from beam_actors.runtime.cell import State
from beam_actors.runtime.tracer import Tracer
from beam_actors.testing.network.endpoint import VirtualEndpoint
from beam_actors.values import Name, OwnerId, PeerId

if TYPE_CHECKING:
    from pykka._envelope import Envelope

    from beam_actors.flow import Pump
    from beam_actors.naming.knowledge import Knowledge
    from beam_actors.naming.registry import Registry
    from beam_actors.node import Node
    from beam_actors.node.limits import NodeLimits
    from beam_actors.peers.kad.contacts import Bucket
    from beam_actors.runtime import ChildSpec
    from beam_actors.runtime.cell import Cell
    from beam_actors.runtime.incarnation import Incarnation

SERVICES = "node/core/services"


def actor(node: "Node", path: str) -> Any:
    """The actor that runs at a path below the services; None while it starts, since it knows nothing yet."""
    cell = cell_at(node, f"{SERVICES}/{path}")
    return cell.actor if cell is not None and cell.state is not State.STARTING else None


class _Listener(Tracer):
    """Where a trace would stand that records nothing: each message is shown to `hear`, and handled as ever."""

    __slots__ = ("_hear",)

    def __init__(self, cell: "Cell", hear: Callable[[Any], None]) -> None:
        super().__init__(cell, (), ())
        self._hear = hear

    def serve(self, actor: "Incarnation", envelope: "Envelope[Any]") -> Coroutine[Any, Any, None] | None:
        self._hear(envelope.message)
        return super().serve(actor, envelope)


def listen(node: "Node", path: str, hear: Callable[[Any], None]) -> None:
    """Call `hear` with each message just before the actor at a path below the services handles it, restarted or not.

    `hear` must not raise and must keep no message. A trace of the same actor, once opened, ends it.
    """
    cell = cell_at(node, f"{SERVICES}/{path}")
    if cell is None:
        raise LookupError(f"There is no actor at {path}.")
    cell.tracer = _Listener(cell, hear)


def cell_at(node: "Node", path: str) -> "Cell | None":
    """The cell at a whole path, such as `node/core`; None if there is none."""
    return node.system._cells.get(path)  # noqa: SLF001 (see above)


def kept(parent: "Cell") -> "dict[Cell, ChildSpec]":
    """The children on a supervisor's books, in the order of their start, each with its spec."""
    return {child: entry.spec for child, entry in _books(parent).items()}


def is_stopping(parent: "Cell", child: "Cell") -> bool:
    """Whether the supervisor is stopping a child that is on its books."""
    entry = _books(parent).get(child)
    return entry is not None and entry.stopping


def permanent(parent: "Cell") -> list[str]:
    """The names of the children that a `Supervisor` must always have; none of another actor."""
    if not isinstance(parent.actor, Supervisor):
        return []
    return [spec.name for spec in parent.actor._specs if spec.restart is Restart.PERMANENT]  # noqa: SLF001 (see above)


def owes_answers(cell: "Cell") -> bool:
    """Whether the actor has deferred a reply that it has not given."""
    return cell.actor is not None and bool(cell.actor._actor_replies)  # noqa: SLF001 (see above)


def runs(node: "Node", path: str) -> bool:
    """Whether the actor at a path below the services has started and goes on."""
    cell = cell_at(node, f"{SERVICES}/{path}")
    return cell is not None and cell.state is State.RUNNING


def knowledge(node: "Node") -> "Knowledge | None":
    """All that the node knows of names."""
    registrar = actor(node, "registry")
    return registrar._known if registrar is not None else None  # noqa: SLF001 (see above)


def keeps_beside(node: "Node", claim: Claim) -> bool:
    """Whether the node keeps the claim beside its quotas, because somebody who uses the node relies on it."""
    known = knowledge(node)
    if known is None or not claim.label:
        return False
    is_last_word = claim.id in known.registry and not known.registry.holds(claim)
    return is_last_word or known._admission._stays(claim, 1)  # noqa: SLF001 (see above)


def asked_for(node: "Node") -> int:
    """How many holds the node keeps beside its quotas because somebody asked for them by their full form, at most."""
    known = knowledge(node)
    return 0 if known is None else len(known._admission.asked) + len(known._admission.chosen)  # noqa: SLF001 (see above)


def deposited(node: "Node") -> int:
    """How many holds the node keeps beside its quotas for the network."""
    known = knowledge(node)
    return 0 if known is None else len(known.deposits)


def pinned_by_use(node: "Node", name: str) -> OwnerId | None:
    """To whom the node has pinned the name because it led there, if it has."""
    known = knowledge(node)
    pin = known.bindings.pins.get(Name(name)) if known is not None else None
    return pin.owner if pin is not None and pin.how != "command" else None


def bound_to(node: "Node", name: str) -> OwnerId | None:
    """To whom the name is pinned at the node, however, if it is."""
    known = knowledge(node)
    pin = known.bindings.pins.get(Name(name)) if known is not None else None
    return None if pin is None else pin.owner


def decides(node: "Node", name: str) -> bool:
    """Whether a person there owns the name or bound it."""
    known = knowledge(node)
    return known is not None and (Name(name) in known.own or known.bindings.decides(Name(name)))


def exchanges(node: "Node") -> list[tuple[int, int]]:
    """Of each peer with which names are exchanged: the claims to push to it, and the streams about names."""
    spread = actor(node, "spread")
    links = () if spread is None else spread._links.values()  # noqa: SLF001 (see above)
    return [(len(link.outbox), len(link.streams)) for link in links]


def given(node: "Node") -> int:
    """Of how many claims it is remembered at most that one peer was given them."""
    spread = actor(node, "spread")
    links = () if spread is None else spread._links.values()  # noqa: SLF001 (see above)
    return max((len(link.unkept) for link in links), default=0)


def named(node: "Node") -> int:
    """How many claims are remembered that peers named, or sent."""
    spread = actor(node, "spread")
    return 0 if spread is None else len(spread._hearsay._named)  # noqa: SLF001 (see above)


def lookups(node: "Node") -> tuple[int, int]:
    """How many look-ups are under way, and how many negative answers are remembered."""
    pool = actor(node, "lookups")
    return (0, 0) if pool is None else (len(pool._under_way), len(pool._recent))  # noqa: SLF001 (see above)


def left_links(node: "Node") -> int:
    """Connections that belong to tunnels and forwards, beside the forwards' listeners."""
    running = pump(node)
    if running is None:
        return 0
    forwards, tunnels = (actors_at(node, f"core/services/{pool}/*") for pool in ("forwards/local", "tunnels/offered"))
    links: int = sum(running.owned_by(ref.path) for ref in (*forwards, *tunnels))
    return max(0, links - len(forwards))


def places_taken(node: "Node") -> int:
    """Connections that are being opened, requests that are being read, served and refused, as the books say."""
    taken: int = node.tunnels._opener._live._opening  # noqa: SLF001 (see above)
    acceptor = actor(node, "tunnels/acceptor")
    quotas = [] if acceptor is None else [acceptor._reading, acceptor._refusing]  # noqa: SLF001 (see above)
    for ref in actors_at(node, "core/services/tunnels/offered/*"):
        tunnel = actor(node, ref.path.removeprefix(f"{SERVICES}/"))
        if tunnel is not None:
            quotas += [tunnel._serving, tunnel._refusing]  # noqa: SLF001 (see above)
            taken += tunnel._dialling  # noqa: SLF001 (see above)
    return taken + sum(map(len, quotas))


def connected(node: "Node") -> bool:
    """Whether the node knows of a session with anybody."""
    manager = actor(node, "network/manager")
    return manager is not None and any(report.status.sessions for report in manager._reports.values())  # noqa: SLF001 (see above)


def actors_at(node: "Node", path: str) -> list[Ref]:
    """The actors at a path below `node/`; a last `*` stands for each child there, in the order of their start."""
    whole = f"node/{path}"
    if not whole.endswith("/*"):
        ref = node.system.whereis(whole)
        return [] if ref is None else [ref]
    parent = cell_at(node, whole.removesuffix("/*"))
    return [] if parent is None else [child.ref for child in parent.children.values() if child.alive]


def cells(node: "Node") -> Iterator["Cell"]:
    """Every cell of the tree, parents first."""
    root = node.system._root  # noqa: SLF001 (see above)
    stack = [] if root is None else [root]
    while stack:
        cell = stack.pop()
        yield cell
        if cell.children:
            stack.extend(reversed(cell.children.values()))


def tree(node: "Node") -> list[str]:
    """The paths of all actors of the tree, as a person would read them."""
    return [f"{cell.path} ({cell.actor_class.__name__ if cell.actor_class else ''})" for cell in cells(node)]


def claims(registry: "Registry") -> "dict[bytes, Claim]":
    """The claims, proofs and revocations of a registry by their ids."""
    return {claim.id: claim for claim in registry}


def limits(node: "Node") -> "NodeLimits":
    """What the node was told that it may hold."""
    return node.api._config.limits  # noqa: SLF001 (see above)


def pump(node: "Node") -> "Pump | None":
    """The pump of the data plane."""
    running = node.flow._pump  # noqa: SLF001 (see above)
    return running if running is not None and running.is_open else None


def sessions(node: "Node", *, visits: bool = True) -> dict[str, int]:
    """How many sessions each peer has that has an actor, by the peer's path; with all that are visits, or without."""
    peers = cell_at(node, f"{SERVICES}/network/peers")
    found = () if peers is None else peers.children.values()
    return {cell.path: len(cell.children) for cell in found if visits or _is_acquaintance(cell)}


def _is_acquaintance(cell: "Cell") -> bool:
    return cell.actor is not None and cell.actor._acquaintance.made  # type: ignore[attr-defined]  # noqa: SLF001 (see above)


def is_visit(node: "Node", other: PeerId) -> bool:
    """Whether a peer is nobody to the node but one of whom something is asked, or who asks."""
    peer = actor(node, f"network/peers/{other.short}")
    return peer is not None and not peer._acquaintance.made  # noqa: SLF001 (see above)


def is_acquainted(node: "Node", other: PeerId) -> bool:
    """Whether a peer is more to the node than that."""
    peer = actor(node, f"network/peers/{other.short}")
    return peer is not None and bool(peer._acquaintance.made)  # noqa: SLF001 (see above)


def visits(node: "Node") -> int:
    """How many visits of the node to others stand."""
    return len(node.peers._visits)  # noqa: SLF001 (see above)


def buckets(node: "Node") -> "list[Bucket]":
    """The table of the DHT."""
    dht = actor(node, "network/dht")
    return [] if dht is None else dht._contacts.buckets  # noqa: SLF001 (see above)


def searches(node: "Node") -> tuple[int, int]:
    """How many searches of the DHT have ended, and the most rounds of one of them."""
    walker = node.dht._walker  # noqa: SLF001 (see above)
    return walker.ended, walker.most_rounds


def owner_of_streams(node: "Node") -> Ref:
    """An actor for what a search from outside opens."""
    return node.system.ref(f"{SERVICES}/lookups")


def network(node: "Node") -> str:
    """The name of the network that the node is of."""
    return node.api._config.network  # noqa: SLF001 (see above)


def claim_ids(values: tuple[bytes, ...], of: str) -> list[bytes]:
    """The ids of encoded claims of a network."""
    return [Claim.parse(value, network=of).id for value in values]


def claimed_by(values: tuple[bytes, ...], of: str) -> set[OwnerId]:
    """Whose claims of a network these are."""
    return {Claim.parse(value, network=of).owner for value in values}


def can_find(node: "Node", other: "Node") -> bool:
    """Whether they are connected or share a peer, who then tells either where the other is, whatever the DHT knows."""
    mine, theirs = ({path for path, count in sessions(each, visits=False).items() if count} for each in (node, other))
    return f"{SERVICES}/network/peers/{other.peers.us.short}" in mine or not mine.isdisjoint(theirs)


def has_session(node: "Node", other: "Node") -> bool:
    """Whether they are connected, as the first one sees it."""
    return bool(sessions(node).get(f"{SERVICES}/network/peers/{other.peers.us.short}"))


def connections(node: "Node") -> int:
    """How many sockets the data plane has open that are connections."""
    running = pump(node)
    driver: Any = getattr(running, "driver", None)
    open_now = () if driver is None else driver._driver._pollables  # noqa: SLF001 (see above)
    return sum(isinstance(one, VirtualEndpoint) for one in open_now)


def _books(parent: "Cell") -> "dict[Cell, Any]":
    children = None if parent.actor is None else parent.actor._actor_brood  # noqa: SLF001 (see above)
    return {} if children is None else children._entries  # noqa: SLF001 (see above)
