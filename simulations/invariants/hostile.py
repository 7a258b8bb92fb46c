"""What attackers get: no more room than strangers are entitled to, no name to themselves, and no place after their end.

The bounds are read from the product's own limits, since what is asked here is that each of them is enforced.
"""

from collections import Counter
from typing import TYPE_CHECKING

import trio

from beam_actors.errors import ActorError, BeamError, TimedOut
from beam_actors.naming import Claim, Kind
from simulations.invariants.base import Invariant
from simulations.invariants.quotas import to_be_equal

if TYPE_CHECKING:
    from beam_actors.naming.registry import Registry
    from simulations.model import Person
    from simulations.place import Place

_MOST_QUESTIONS = 4_000
_SILENCE = 20.0
"""Seconds after which nobody takes a peer for there that fell silent."""


class RoomIsBounded(Invariant):
    """S16. Beside S10, which bounds all together: what one owner, and the owners of one name, have in a registry."""

    id = "S16"
    title = "what strangers can make a node keep is bounded"
    why = "nobody was hostile"

    def __init__(self, stage: object) -> None:
        super().__init__(stage)  # type: ignore[arg-type]
        self._kept: Counter[int] = Counter()

    def claims_changed(self, place: "Place", registry: "Registry", new: list[Claim], gone: list[Claim]) -> None:
        """See `Invariant`."""
        known, strangers = self.stage.inside.knowledge(place.node), self.stage.model.strangers
        if known is None or not strangers:
            return
        inside = self.stage.inside
        limits, trusted = inside.limits(place.node).naming, known.bindings.trusted
        judged = (claim.owner for claim in new if claim.owner in strangers and claim.owner not in trusted)
        for owner in dict.fromkeys(judged):
            names = [held.label for held in registry.held_by(owner) if not inside.keeps_beside(place.node, held)]
            self.expect(len(names) <= limits.holds_per_owner, f"{place.name} keeps {len(names)} names of {owner.short}")
        for name in dict.fromkeys(claim.name for claim in new if claim.kind is not Kind.REVOCATION):
            here = registry.entries(name)
            owners = sum(not inside.keeps_beside(place.node, entry.claim) for entry in here)
            self.expect(
                owners <= limits.owners_per_name,
                f"{place.name} keeps {len(here)} owners of {name}, for {owners} no reason",
            )
        self._kept[place.index] += sum(claim.owner in strangers for claim in new)
        self._kept[place.index] -= sum(claim.owner in strangers for claim in gone)
        self.figures["most hostile claims at one node"] = float(max(self._kept.values()))

    def lost_memory(self, place: "Place") -> None:
        """See `Invariant`."""
        self._kept[place.index] = 0


class FullFormLeads(Invariant):
    """L7. `name.<owner>` leads to its owner everywhere, whoever else claims the name, and all holders are listed."""

    id = "L7"
    title = "each holder of a name is reached by its full form, and a conflict is seen everywhere"

    async def after_heal(self) -> None:
        """See `Invariant`."""
        model, places = self.stage.model, self.stage.core
        held = [(name, holders) for name in model.wanted if (holders := model.holders(name)) and model.is_sure(name)]
        step = max(1, len(held) * len(places) // _MOST_QUESTIONS)
        for turn, (name, holders) in enumerate(held):
            for place in places[turn % step :: step]:
                for holder in holders:
                    await self._ask(place, name, holder)
                if len({holder.owner for holder in holders}) > 1:
                    await self._list(place, name, holders)

    async def _ask(self, place: "Place", name: str, holder: "Person") -> None:
        home = self.stage.places[holder.index]
        if holder.owner is None or home.gone:
            return
        try:
            found = await place.node.naming.resolve(f"{name}.{holder.owner}")
        except BeamError as error:
            self.expect(False, f"{name}.{holder.owner.short} at {place.name}: {error.code}")
            return
        self.expect(
            found.owner == holder.owner and home.peer_text in map(str, found.peers),
            f"{name}.{holder.owner.short} leads at {place.name} to {found!r}, not to {home.name}",
        )

    async def _list(self, place: "Place", name: str, holders: "list[Person]") -> None:
        try:
            conflicts = await place.node.naming.conflicts(name)
        except (ActorError, TimedOut) as error:
            self.expect(False, f"{place.name} does not list who holds {name}: {error.code}")
            return
        listed = {choice.owner for conflict in conflicts for choice in conflict.choices}
        owners = {holder.owner for holder in holders}
        strangers = listed - owners - set(self.stage.former_holders(name))
        self.expect(
            owners <= listed and not strangers,
            f"{place.name} lists {len(listed)} holders of {name}, and {len(owners)} were told that they hold it",
        )


class AttackersLeave(Invariant):
    """L8. Here the attackers go: those that follow judge what is left of them."""

    id = "L8"
    title = "nobody is connected to attackers that are gone, and what they left behind is the same everywhere"
    why = "nobody was hostile"

    async def after_heal(self) -> None:
        """See `Invariant`."""
        gang = self.stage.gang
        if not len(gang):
            return
        self.figures["attackers"] = float(len(gang))
        self.figures |= {f"they: {word}": float(count) for word, count in sorted(gang.tally.items())}
        gang.leave()
        await trio.sleep(_SILENCE)
        for place in self.stage.core:
            peers = {str(status.peer) for status in await place.node.peers.snapshot() if status.sessions}
            honest = {peer for other in self.stage.places for peer in other.peers}
            left = len(peers - honest)
            self.expect(not left, f"{place.name} still has sessions with {left} peers that are gone")
        if not gang.overflows:
            await self._agree()

    async def _agree(self) -> None:
        """What attackers left behind is the same everywhere, their equivocations too, since nobody adds to it now."""
        start = trio.current_time()
        while True:
            self.stage.invariants.look(self.stage.core)
            kinds = {frozenset(claims) for claims in to_be_equal(self.stage).values()}
            if len(kinds) == 1 or trio.current_time() - start > self.stage.plan.bounds.converge:
                break
            await trio.sleep(1.0)
        self.figures["seconds until they agree"] = round(trio.current_time() - start, 1)
        apart = len(frozenset.union(*kinds) - frozenset.intersection(*kinds))
        self.expect(len(kinds) == 1, f"{apart} claims that attackers left behind are not everywhere")
