"""S10 and L5: what a node holds is within its limits, and comes back to nothing when nobody asks for anything."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import trio

from beam_actors.runtime.mailbox import Inbox
from simulations import inside
from simulations.invariants.base import Invariant

if TYPE_CHECKING:
    from beam_actors.node import Node
    from simulations.place import Place

_PATIENCE = 20.0


class MemoryIsBounded(Invariant):
    """S10. Each row is what a node holds of one kind, and the limit that it was given."""

    id = "S10"
    title = "what a node holds is within its limits"

    def look(self, place: "Place") -> None:
        """See `Invariant`."""
        if not self.is_close(place):
            return
        for what, held, most in _holdings(place.node):
            self.expect(held <= most, f"{place.name} holds {held} {what}, of at most {most}")
            self.figures[f"most {what}"] = max(self.figures.get(f"most {what}", 0.0), float(held))
        for cell in inside.cells(place.node):  # no words are made for each of some millions of mailboxes
            self.checks += 1
            if (held := _waiting(cell.inbox)) > cell.inbox.bounds.capacity:
                self.fail(f"the mailbox of {cell.path} at {place.name} holds {held} messages")


def _holdings(node: "Node") -> Iterator[tuple[str, int, int]]:
    limits = inside.limits(node)
    known = inside.knowledge(node)
    if known is not None:
        exempt = len(known.own) + len(known.bindings.pins) + inside.asked_for(node)
        exempt += inside.deposited(node)
        yield "claims", known.registry.claims - len(known.lodgers), limits.naming.claims + 4 * exempt
        yield "claims kept or sought beyond that", len(known.lodgers), limits.naming.kept + limits.naming.sought
        yield "revocations", known.registry.revocations, limits.naming.revocations + exempt
        most = limits.naming.asked + limits.naming.chosen
        yield "holds deposited", inside.deposited(node), limits.naming.deposits
        yield "names asked for by their full form", inside.asked_for(node), most
        yield "claims that wait", len(known.waiting), limits.naming.waiting
    exchanges = inside.exchanges(node)
    yield "claims to push", max((claims for claims, _ in exchanges), default=0), limits.naming.outbox
    yield "streams about names", sum(streams for _, streams in exchanges), limits.naming.streams
    yield "of one peer", max((streams for _, streams in exchanges), default=0), limits.naming.streams_per_peer
    yield "claims given to a peer", inside.given(node), limits.naming.unkept
    yield "claims named by peers", inside.named(node), limits.naming.named
    under_way, negative = inside.lookups(node)
    yield "look-ups", under_way, limits.naming.lookups
    yield "negative answers", negative, limits.naming.negatives
    sessions = inside.sessions(node)
    yield "peers", len(sessions), limits.peers.peers
    yield "sessions of a peer", max(sessions.values(), default=0), limits.peers.sessions_per_peer
    yield "visits", inside.visits(node), limits.peers.visits
    pump = inside.pump(node)
    if pump is not None:
        yield "bytes in the pump", pump.budget.total, limits.flow.node_bytes
    yield "bytes of windows' growth", node.flow.windows.used, limits.flow.node_bytes
    yield "bytes of windows' growth given back and never taken", -node.flow.windows.used, 0
    yield "graves", len(node.system.graves), node.system.graves.limits.number


def _waiting(inbox: Inbox) -> int:
    """User messages in a mailbox: in line, urgent, and put aside."""
    return len(inbox.user) + len(inbox.urgent or ()) + len(inbox.aside or ())


class QueuesDrain(Invariant):
    """L5. A node is at rest when it holds no message, no splice, no unanswered question, and no socket but its own."""

    id = "L5"
    title = "queues drain, and sockets and connections come back to what the sessions need"

    def unanswered(self, place: "Place", kind: str, start: float) -> None:
        """See `Invariant`: whoever is asked answers, or is seen to be gone, long before anybody loses patience."""
        refused = place.disk_refused_around(trio.current_time(), _PATIENCE)
        if kind != "fetch" and not refused and self.stage.calm.since(start, place):
            seconds = trio.current_time() - start
            self.expect(False, f"nobody answered a {kind} at {place.name} within {seconds:.0f} s")

    async def after_heal(self) -> None:
        """See `Invariant`."""
        start = trio.current_time()
        restless = {place.index: "was not looked at" for place in self.stage.core}
        while restless and trio.current_time() - start <= self.stage.plan.bounds.drain:
            for index in list(restless):
                place = self.stage.places[index]
                what = _unrest(place.node) if place.up else "is down"
                self.checks += 1
                if what:
                    restless[index] = what
                else:
                    del restless[index]
            if restless:
                await trio.sleep(0.5)
        self.figures["seconds"] = round(trio.current_time() - start, 1)
        for index, what in list(restless.items())[:3]:
            self.expect(False, f"{self.stage.places[index].name} {what}, long after the last request")


def _unrest(node: "Node") -> str:
    """What is not at rest, or nothing."""
    return next(_restless(node), "")


def _restless(node: "Node") -> Iterator[str]:
    for cell in inside.cells(node):
        if _waiting(cell.inbox):
            yield f"has messages for {cell.path}"
        if inside.owes_answers(cell):
            yield f"has a question that {cell.path} never answered"
    pump = inside.pump(node)
    if pump is None:
        yield "has no pump"
    elif len(pump.splices) or pump.budget.total:
        yield f"has {len(pump.splices)} splices and {pump.budget.total} bytes"
    if links := inside.left_links(node):
        yield f"holds {links} connections for tunnels that nobody uses"
    if places := inside.places_taken(node):
        yield f"counts {places} requests for tunnels that nobody makes"
    sockets, sessions = inside.connections(node), sum(inside.sessions(node).values())
    if sockets != sessions:
        yield f"has {sockets} connections open for {sessions} sessions"
