"""S22: what a node takes for settled it saw alone for as long as it should have been, and it takes that for settled.

The times are measured here anew, by virtual time and by looks once a second, since the product counts by a clock of
its own that stands still while the node does not run. A hold that ended with its owner's era goes on, for that owner or
for whoever got the name by that era's transfer, within an hour (docs/naming.md); whether the node saw it in time to
carry it on, a look can't tell, so that is allowed here and not asked for.
"""

import math
from typing import TYPE_CHECKING, Any

import attrs
import trio

from beam_actors.naming import Claim, Kind
from beam_actors.naming.registry import Registry
from beam_actors.values import Name, OwnerId
from simulations.invariants.base import Invariant

if TYPE_CHECKING:
    from simulations.place import Place

_SLACK = 5.0
"""Seconds by which what was seen here may differ: looks are a second apart, in a large run several."""
_CARRIED = 3600.0
"""Seconds within which a name is to be claimed again, for its hold to go on."""


@attrs.frozen(slots=True)
class _Alone:
    """An owner who holds a name alone at one machine, since when, and in which boot that began."""

    owner: OwnerId
    since: float
    boot: int
    carried: float
    """Since when with the hold that this one may go on with."""


class SettledWasAlone(Invariant):
    """S22."""

    id = "S22"
    title = "a contested name leads on only to who held it alone for long, and then it does"
    why = "no name was contested that one owner had held alone"

    def __init__(self, stage: object) -> None:
        super().__init__(stage)  # type: ignore[arg-type]
        self._alone: dict[tuple[int, Name], _Alone] = {}
        self._settled: dict[tuple[int, Name], OwnerId] = {}
        self._ended: dict[tuple[int, Name], dict[OwnerId, tuple[float, float]]] = {}
        """Whose hold ended with an era, and who may go on with it: since when it was, and when it ended."""
        self._eras: dict[tuple[int, OwnerId], int] = {}
        """The era of each owner at the last look."""
        self._first: set[tuple[int, OwnerId]] = set()
        """Machines and owners of whom a stolen key may have been the first there to speak in an era."""

    def claims_changed(self, place: "Place", registry: Registry, new: list[Claim], gone: list[Claim]) -> None:
        """See `Invariant`."""
        known = self.stage.inside.knowledge(place.node)
        if known is None:
            return
        now = place.machine.clock.wall()
        names = {claim.name for claim in (*new, *gone) if claim.label}
        for name in sorted(names):
            holders = [claim.owner for claim in known.live(name, now)]
            self._carry_on(place, name, holders, registry)
            self._judge(place, name, holders, known.settled(name, now))
        for owner in {claim.owner for claim in (*new, *gone)}:
            before, now_era = self._eras.get((place.index, owner), 0), registry.era_of(owner)
            if any((owner, era) in self.stage.model.lineage.stolen for era in range(before + 1, now_era + 1)):
                self._first.add((place.index, owner))
            self._eras[place.index, owner] = now_era

    def _carry_on(self, place: "Place", name: Name, holders: list[OwnerId], registry: Registry) -> None:
        """Note a hold that ended because its owner opened an era here, and to whom the owner hands it over."""
        key, now = (place.index, name), trio.current_time()
        ended = self._ended.setdefault(key, {})
        before = self._alone.get(key)
        known = {} if before is None else {before.owner: before.carried}
        if key in self._settled:
            known[self._settled[key]] = -math.inf
        for owner, since in known.items():
            if owner not in holders and registry.era_of(owner) > self._eras.get((place.index, owner), 0):
                ended[owner] = since, now
        for owner, hold in list(ended.items()):
            entry = registry.entry(name, owner)
            if entry is not None and entry.claim.kind is Kind.TRANSFER and entry.claim.terms.successor is not None:
                ended[entry.claim.terms.successor] = hold

    def _carried(self, place: "Place", name: Name, owner: OwnerId) -> float:
        """Since when the owner holds the name, with the hold that this one may go on with."""
        now = trio.current_time()
        since, at = self._ended.get((place.index, name), {}).get(owner, (now, now))
        return since if now - at <= _CARRIED else now

    def _judge(self, place: "Place", name: Name, holders: list[OwnerId], settled: OwnerId | None) -> None:
        key = place.index, name
        now = trio.current_time()
        before = self._alone.get(key)
        if len(holders) == 1:
            if before is None or before.owner != holders[0]:
                stays = self._settled.get(key) == holders[0]  # whoever challenges it comes and goes
                carried = -math.inf if stays else self._carried(place, name, holders[0])
                self._alone[key] = _Alone(holders[0], now, place.machine.boots, carried)
            self._settled.pop(key, None)
            return
        self._alone.pop(key, None)
        if settled is not None and self._settled.get(key) != settled:
            self._settled[key] = settled
            own = before is not None and before.owner == settled
            alone = now - (before.carried if before is not None and own else self._carried(place, name, settled))
            early = alone < self.stage.plan.settle_after - _SLACK
            if early and self._misled(place, name, settled):
                self.forgiven["a stolen key spoke before anybody else did in that era, and handed the hold over"] += 1
                return
            if early and self._in_two_hands(settled):
                self.forgiven["the key is in two hands: the hold may have begun between two looks"] += 1
                return
            self.expect(
                not early,
                f"{place.name} takes {name} for settled on {settled.short}, who held it alone for {alone:.0f} s",
            )
        elif settled is None and before is not None and before.owner in holders and before.boot == place.machine.boots:
            if self._in_two_hands(before.owner):
                self.forgiven["the key is in two hands: the hold may have ended between two looks"] += 1
                return
            alone = now - before.since
            self.expect(
                alone < self.stage.plan.settle_after + _SLACK,
                f"{name} is contested at {place.name}, where {before.owner.short} held it alone for {alone:.0f} s",
            )

    def _in_two_hands(self, owner: OwnerId) -> bool:
        return any(one == owner for one, _era in self.stage.model.lineage.stolen)

    def _misled(self, place: "Place", name: Name, settled: OwnerId) -> bool:
        """Whether it may have gone to an attacker by a transfer that came and went between two looks."""
        claimants = self.stage.model.claimants.get(name.label, ())
        return settled in self.stage.model.strangers and any((place.index, one) in self._first for one in claimants)

    def lost_memory(self, place: "Place") -> None:
        """See `Invariant`."""
        tables: tuple[dict[Any, Any], ...] = self._alone, self._settled, self._ended, self._eras
        for known in tables:
            for key in [key for key in known if key[0] == place.index]:
                del known[key]
