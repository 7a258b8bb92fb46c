"""What goes wrong between machines. One `Weather` holds at a time."""

from collections import Counter
from typing import TYPE_CHECKING

import attrs
import trio

from beam_actors.testing.network import Conditions
from simulations import ranges
from simulations.faults.base import Fault

if TYPE_CHECKING:
    from simulations.stage import Stage


@attrs.frozen(slots=True, kw_only=True)
class Split(Fault):
    """The network falls into groups; a machine that no group names is with the first. A later one replaces it."""

    groups: tuple[tuple[int, ...], ...]
    seconds: float = attrs.field(default=30.0, validator=ranges.SECONDS)

    def __attrs_post_init__(self) -> None:
        """Refuse what is no split."""
        if not self.groups:
            raise ranges.BadPlan("groups must name a group")
        twice = sorted(index for index, count in Counter(self.machines()).items() if count > 1)
        if twice:
            raise ranges.BadPlan(f"m{twice[0]} stands in two groups, or twice in one")

    def machines(self) -> tuple[int, ...]:
        """See `Fault`."""
        return tuple(index for group in self.groups for index in group)

    async def strike(self, stage: "Stage") -> None:
        """See `Fault`."""
        named = set(self.machines())
        first = [place.index for place in stage.places if place.index not in named]
        groups = [[*self.groups[0], *first], *self.groups[1:]]
        network = stage.world.network
        network.split([[stage.places[index].machine.host for index in group] for group in groups])
        await stage.hold(self.seconds)
        network.split([])


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
    """Nothing passes in one direction, or in both."""

    seconds: float = attrs.field(default=20.0, validator=ranges.SECONDS)
    both: bool = False

    async def strike(self, stage: "Stage") -> None:
        """See `Fault`."""
        network, source, target = stage.world.network, *stage.hosts(self.source, self.target)
        network.cut(source, target)
        if self.both:
            network.cut(target, source)
        await stage.hold(self.seconds)
        network.mend(source, target)
        if self.both:
            network.mend(target, source)


@attrs.frozen(slots=True, kw_only=True)
class Flap(PairFault):
    """A link that goes and comes."""

    times: int = attrs.field(default=5, validator=ranges.TIMES)
    away: float = attrs.field(default=3.0, validator=ranges.SECONDS)
    there: float = attrs.field(default=3.0, validator=ranges.SECONDS)

    async def strike(self, stage: "Stage") -> None:
        """See `Fault`."""
        network, source, target = stage.world.network, *stage.hosts(self.source, self.target)
        for _ in range(self.times):
            network.partition(source, target)
            await stage.hold(self.away)
            network.heal(source, target)
            await stage.hold(self.there)


@attrs.frozen(slots=True, kw_only=True)
class Degrade(PairFault):
    """A bad link, in both directions."""

    seconds: float = attrs.field(default=30.0, validator=ranges.SECONDS)
    latency: float = 0.05
    jitter: float = 0.02
    loss: float = 0.05
    duplicate: float = 0.0
    reorder: float = 0.0
    bandwidth: float | None = None

    def __attrs_post_init__(self) -> None:
        """Refuse what no link can be."""
        _conditions(self)

    async def strike(self, stage: "Stage") -> None:
        """See `Fault`."""
        network, source, target = stage.world.network, *stage.hosts(self.source, self.target)
        network.between(source, target, _conditions(self))
        await stage.hold(self.seconds)
        network.between(source, target, None)


@attrs.frozen(slots=True, kw_only=True)
class Clog(PairFault):
    """What is sent waits for some seconds, and then all of it arrives."""

    seconds: float = attrs.field(default=5.0, validator=ranges.SECONDS)

    async def strike(self, stage: "Stage") -> None:
        """See `Fault`."""
        await trio.lowlevel.checkpoint()
        source, target = stage.hosts(self.source, self.target)
        stage.world.network.clog(source, target, self.seconds)


@attrs.frozen(slots=True, kw_only=True)
class Weather(Fault):
    """Every link gets worse for a while."""

    seconds: float = attrs.field(default=30.0, validator=ranges.SECONDS)
    latency: float = 0.02
    jitter: float = 0.02
    loss: float = 0.02
    duplicate: float = 0.0
    reorder: float = 0.0
    bandwidth: float | None = None

    def __attrs_post_init__(self) -> None:
        """Refuse what no link can be."""
        _conditions(self)

    def machines(self) -> tuple[int, ...]:
        """See `Fault`."""
        return ()

    async def strike(self, stage: "Stage") -> None:
        """See `Fault`."""
        network = stage.world.network
        before = network.conditions
        network.conditions = _conditions(self)
        await stage.hold(self.seconds)
        network.conditions = before


def _conditions(fault: Degrade | Weather) -> Conditions:
    return Conditions(
        latency=fault.latency,
        jitter=fault.jitter,
        loss=fault.loss,
        duplicate=fault.duplicate,
        reorder=fault.reorder,
        bandwidth=fault.bandwidth,
    )


@attrs.frozen(slots=True, kw_only=True)
class Rebind(Fault):
    """A router forgets its mappings, as one that restarts does."""

    nat: int

    def machines(self) -> tuple[int, ...]:
        """See `Fault`."""
        return ()

    async def strike(self, stage: "Stage") -> None:
        """See `Fault`."""
        await trio.lowlevel.checkpoint()
        stage.nats[self.nat].rebind()


@attrs.frozen(slots=True, kw_only=True)
class Move(Fault):
    """A machine changes networks, and stays there: another address, perhaps behind a router."""

    machine: int
    nat: int | None = None

    def machines(self) -> tuple[int, ...]:
        """See `Fault`."""
        return (self.machine,)

    async def strike(self, stage: "Stage") -> None:
        """See `Fault`."""
        await trio.lowlevel.checkpoint()
        stage.places[self.machine].move(None if self.nat is None else stage.nats[self.nat])
