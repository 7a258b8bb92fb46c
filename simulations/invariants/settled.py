"""S22: what a node takes for settled it saw alone for as long as it should have been, and it takes that for settled.

The times are measured here anew, by virtual time and by looks once a second, since the product counts by a clock of
its own that stands still while the node does not run.
"""

from typing import TYPE_CHECKING

import attrs
import trio

from beam_actors.naming import Claim
from beam_actors.naming.registry import Registry
from beam_actors.values import Name, OwnerId
from simulations.invariants.base import Invariant

if TYPE_CHECKING:
    from simulations.place import Place

_SLACK = 5.0
"""Seconds by which what was seen here may differ: looks are a second apart, in a large run several."""


@attrs.frozen(slots=True)
class _Alone:
    """An owner who holds a name alone at one machine, since when, and in which boot that began."""

    owner: OwnerId
    since: float
    boot: int


class SettledWasAlone(Invariant):
    """S22."""

    id = "S22"
    title = "a contested name leads on only to who held it alone for long, and then it does"
    why = "no name was contested that one owner had held alone"

    def __init__(self, stage: object) -> None:
        super().__init__(stage)  # type: ignore[arg-type]
        self._alone: dict[tuple[int, Name], _Alone] = {}
        self._settled: dict[tuple[int, Name], OwnerId] = {}

    def claims_changed(self, place: "Place", registry: Registry, new: list[Claim], gone: list[Claim]) -> None:  # noqa: ARG002
        """See `Invariant`."""
        known = self.stage.inside.knowledge(place.node)
        if known is None:
            return
        now = place.machine.clock.wall()
        names = {claim.name for claim in (*new, *gone) if claim.label}
        for name in sorted(names):
            holders = [claim.owner for claim in known.live(name, now)]
            self._judge(place, name, holders, known.settled(name, now))

    def _judge(self, place: "Place", name: Name, holders: list[OwnerId], settled: OwnerId | None) -> None:
        key = place.index, name
        now = trio.current_time()
        before = self._alone.get(key)
        if len(holders) == 1:
            if before is None or before.owner != holders[0]:
                self._alone[key] = _Alone(holders[0], now, place.machine.boots)
            self._settled.pop(key, None)
            return
        self._alone.pop(key, None)
        if settled is not None and self._settled.get(key) != settled:
            self._settled[key] = settled
            alone = now - before.since if before is not None and before.owner == settled else 0.0
            self.expect(
                alone >= self.stage.plan.settle_after - _SLACK,
                f"{place.name} takes {name} for settled on {settled.short}, who held it alone for {alone:.0f} s",
            )
        elif settled is None and before is not None and before.owner in holders and before.boot == place.machine.boots:
            alone = now - before.since
            self.expect(
                alone < self.stage.plan.settle_after + _SLACK,
                f"{name} is contested at {place.name}, where {before.owner.short} held it alone for {alone:.0f} s",
            )

    def lost_memory(self, place: "Place") -> None:
        """See `Invariant`."""
        for known in (self._alone, self._settled):
            for key in [key for key in known if key[0] == place.index]:
                del known[key]
