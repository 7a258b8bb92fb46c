"""An owner who sits at several machines by one recovery phrase: L11.

The rule is that of docs/naming.md and docs/identity.md: each machine claims what it holds, beside the others that do;
in a later era, once it has the key. Two that claim at once sign one number twice, and one of them heals that.
"""

from typing import TYPE_CHECKING

import trio

from beam_actors.naming import Kind
from beam_actors.naming.limits import MAX_PEERS
from beam_actors.values import Name, OwnerId
from simulations.invariants.base import Invariant

if TYPE_CHECKING:
    from simulations.lineage import Estate
    from simulations.place import Place


class SeatsServe(Invariant):
    """L11. After L1, which says that all registries are the same."""

    id = "L11"
    title = "each machine of an owner serves what it holds, beside the others, and no number stays signed twice"
    why = "no owner sat at two machines, of which one held a name"

    async def after_heal(self) -> None:
        """See `Invariant`."""
        start = trio.current_time()
        while wrong := self._wrong():
            if trio.current_time() - start > self.stage.plan.bounds.converge:
                self.expect(False, f"{self.stage.plan.bounds.converge:g} s after L1 {wrong}")
                return
            await trio.sleep(1.0)
        if self.checks:
            self.figures["seconds"] = round(trio.current_time() - start, 1)

    def _wrong(self) -> str:
        """What is not as it should be, or nothing."""
        for owner, estate in self.stage.model.lineage.estates.items():
            if not estate.shared or estate.revoked is not False or estate.latest is None:
                continue
            here = [place for place in self.stage.seats_of(owner) if not place.gone and place.person.estate is estate]
            for name in sorted({name for place in here for name in place.person.held}):
                if self.stage.model.is_sure(name):
                    holders = [place for place in here if place.person.holds(name)]
                    for place in here:
                        self.checks += 1
                        if wrong := self._wrong_at(place, Name(name), owner, estate, holders):
                            return wrong
        return ""

    def _wrong_at(self, place: "Place", name: Name, owner: OwnerId, estate: "Estate", holders: "list[Place]") -> str:
        known = self.stage.inside.knowledge(place.node) if place.up else None
        if known is None:
            return f"{place.name} can't be asked"
        entry = known.registry.entry(name, owner)
        if entry is None or entry.claim.kind is not Kind.LIVE or entry.claim.era != estate.latest:
            return f"{place.name} has {entry and entry.claim!r} for {name}, which {holders[0].name} holds"
        peers = [str(peer) for peer in entry.claim.peers]
        if missing := [one.name for one in holders if one.peer_text not in peers] if len(peers) < MAX_PEERS else []:
            return f"{entry.claim!r} at {place.name} does not lead to {', '.join(missing)}, told that it holds the name"
        ever = {peer for seat in estate.seats for peer in self.stage.places[seat.index].peers}
        if not ever.issuperset(peers):
            return f"{entry.claim!r} at {place.name} leads to a machine that never was the owner's"
        if entry.rival is not None:
            if any(one.peer_text == peers[0] for one in holders):
                return f"{name} at {place.name} is signed twice with one number: {entry.claim!r} and {entry.rival!r}"
            self.forgiven["signed twice, and whose turn it is to heal that is not there"] += 1
        return ""
