"""What goes wrong between machines."""

import itertools
from typing import TYPE_CHECKING

import attrs

from simulations.faults.base import Fault

if TYPE_CHECKING:
    from simulations.stage import Stage


@attrs.frozen(slots=True, kw_only=True)
class Split(Fault):
    """The network falls into groups; a machine that no group names is with the first."""

    groups: tuple[tuple[int, ...], ...]
    seconds: float = 30.0

    def machines(self) -> tuple[int, ...]:
        """See `Fault`."""
        return tuple(index for group in self.groups for index in group)

    async def strike(self, stage: "Stage") -> None:
        """See `Fault`."""
        named = set(self.machines())
        first = [place.index for place in stage.places if place.index not in named]
        groups = [[*self.groups[0], *first], *self.groups[1:]]
        network = stage.world.network
        pairs = [
            (stage.places[a].machine.host, stage.places[b].machine.host)
            for one, other in itertools.combinations(groups, 2)
            for a in one
            for b in other
        ]
        for one, other in pairs:
            network.partition(one, other)
        await stage.hold(self.seconds)
        for one, other in pairs:
            network.heal(one, other)


@attrs.frozen(slots=True, kw_only=True)
class PairFault(Fault):
    """One that is about what goes from one machine to another."""

    source: int
    target: int

    def machines(self) -> tuple[int, ...]:
        """See `Fault`."""
        return self.source, self.target


@attrs.frozen(slots=True, kw_only=True)
class Cut(PairFault):
    """Nothing passes."""

    seconds: float = 20.0

    async def strike(self, stage: "Stage") -> None:
        """See `Fault`."""
        network, source, target = stage.world.network, *stage.hosts(self.source, self.target)
        network.partition(source, target)
        await stage.hold(self.seconds)
        network.heal(source, target)


@attrs.frozen(slots=True, kw_only=True)
class Flap(PairFault):
    """A link that goes and comes."""

    times: int = 5
    away: float = 3.0
    there: float = 3.0

    async def strike(self, stage: "Stage") -> None:
        """See `Fault`."""
        network, source, target = stage.world.network, *stage.hosts(self.source, self.target)
        for _ in range(self.times):
            network.partition(source, target)
            await stage.hold(self.away)
            network.heal(source, target)
            await stage.hold(self.there)
