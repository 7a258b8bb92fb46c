"""What goes through tunnels: every byte in its place, and after a heal a way through each tunnel."""

from typing import TYPE_CHECKING

import trio

from beam_actors.errors import BeamError
from beam_actors.values import Name
from simulations.invariants.base import Invariant, offer_text
from simulations.operations import Fetch

if TYPE_CHECKING:
    from simulations.model import Offer
    from simulations.place import Place

_VISITORS = 2
"""Machines that visit each tunnel after the heal."""
_MOST_TUNNELS = 100
_LARGE = 3
"""Tunnels through which so much is sent that windows must be given back."""
_MORE_THAN_A_WINDOW = 300_000


class BytesAreConserved(Invariant):
    """S9. `traffic` judges each byte; a part is never taken for the whole."""

    id = "S9"
    title = "what comes out of a tunnel is what went in, in order, unmixed, and its end is its end"
    why = "no byte went through a tunnel"

    def __init__(self, stage: object) -> None:
        super().__init__(stage)  # type: ignore[arg-type]
        self._bytes = 0

    def bytes_whole(self, size: int) -> None:
        """See `Invariant`."""
        self.checks += 1
        self._bytes += size
        self.figures["bytes in whole exchanges"] = float(self._bytes)

    def bytes_wrong(self, message: str) -> None:
        """See `Invariant`."""
        self.expect(False, message)


class TunnelsWork(Invariant):
    """L3. Each tunnel that a living owner was told it offers is visited from other machines that can find the owner."""

    id = "L3"
    title = "tunnels can be used again"
    why = "no tunnel was offered"

    async def after_heal(self) -> None:
        """See `Invariant`."""
        tunnels = [(place, offer) for place in self.stage.core for offer in place.person.offered]
        for index, (owner, offer) in enumerate(tunnels[:_MOST_TUNNELS]):
            name = offer.name
            if name is not None and not self._leads(owner, name):
                if not self._claims(owner, name):
                    self.forgiven["the tunnel's name is not its owner's"] += 1
                    continue
                name = f"{name}.{owner.person.owner}"  # which needs no agreement
            for turn, visitor in enumerate(self._visitors(index, owner, offer)):
                await self._visit(visitor, owner, offer, name, large=index < _LARGE and not turn)

    def _visitors(self, index: int, owner: "Place", offer: "Offer") -> list["Place"]:
        """Some of those who may come in, others for each tunnel."""
        may = [
            place
            for place in self.stage.core
            if place is not owner and offer.lets_in(place.index) and not self._bound_elsewhere(place, owner, offer.name)
        ]
        turns = dict.fromkeys((index * 7 + turn * 3) % len(may) for turn in range(len(may)))
        found: list[Place] = []
        for place in (may[turn] for turn in turns):
            if len(found) == _VISITORS:
                break
            if self.stage.inside.can_find(place.node, owner.node):
                found.append(place)
            else:
                self.forgiven["machines that share no peer with the owner"] += 1
        return found

    def _bound_elsewhere(self, place: "Place", owner: "Place", name: str | None) -> bool:
        if name is None or name in place.person.pins or (place.person.astray and name in place.person.names):
            return name is not None
        return self.stage.inside.pinned_by_use(place.node, name) not in {None, owner.person.owner}

    def _claims(self, owner: "Place", name: str) -> bool:
        """Whether the machine's owner holds the name there.

        If nobody can know whether the machine has the owner's latest key, its node does: it has heard all by now (L1).
        """
        if not owner.person.doubtful:
            return owner.person.holds(name)
        known = self.stage.inside.knowledge(owner.node)
        entry = None if known is None else known.registry.entry(Name(name), known.owner)
        return owner.person.holds(name) and entry is not None and owner.node.peers.us in entry.claim.peers

    def _leads(self, owner: "Place", name: str) -> bool:
        model = self.stage.model
        only = model.holders(name) == [owner.person] and not owner.person.shares(name)
        return model.is_sure(name) and only and not self.stage.former_holders(name)

    async def _visit(self, visitor: "Place", owner: "Place", offer: "Offer", name: str | None, *, large: bool) -> None:
        start = trio.current_time()
        up, down = (_MORE_THAN_A_WINDOW, 2 * _MORE_THAN_A_WINDOW) if large else (500, 5000)
        wish = Fetch(at=0.0, machine=visitor.index, of=owner.index, port=offer.port, name=name, up=up, down=down)
        while True:
            try:
                outcome = await self.stage.traffic.fetch(visitor, owner, wish)
            except BeamError as error:
                outcome = error.code
            seconds = trio.current_time() - start
            if outcome == "done":
                break
            if seconds > self.stage.plan.bounds.tunnels:
                break
            await trio.sleep(0.5)
        self.expect(
            outcome == "done",
            f"{visitor.name} got through {offer_text(owner, offer)} of {owner.name} not in {seconds:.0f} s: {outcome}",
        )
        self.figures["longest s"] = max(self.figures.get("longest s", 0.0), seconds)


class OwnersAreFollowed(Invariant):
    """L9. Judged while faults go on: the plan sees to it that nothing else is in the way, and says within what time."""

    id = "L9"
    title = "an owner that moves to another network is reached again by those whom it knows"
    why = "nobody moved while somebody visited"

    def __init__(self, stage: object) -> None:
        super().__init__(stage)  # type: ignore[arg-type]
        self._seconds: list[float] = []

    def followed(self, visitor: "Place", owner: "Place", seconds: float, within: float) -> None:
        """See `Invariant`."""
        self.expect(
            seconds <= within,
            f"{visitor.name} did not reach {owner.name} for {seconds:.1f} s after it moved, of {within:g}",
        )
        self._seconds.append(seconds)
        self._seconds.sort()
        self.figures |= {
            "p50 s": round(self._seconds[len(self._seconds) // 2], 3),
            "p95 s": round(self._seconds[int(len(self._seconds) * 0.95)], 3),
            "longest s": round(self._seconds[-1], 3),
        }
