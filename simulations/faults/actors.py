"""What happens to single actors: a bug that crashes one of them, whichever it is, once, again and again, or always."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import attrs
import trio

from beam_actors.runtime import Event, Ref
from simulations import ranges
from simulations.faults.base import MachineFault, Moot

if TYPE_CHECKING:
    from beam_actors.node import Node
    from simulations.place import Place
    from simulations.stage import Stage


PATHS = (
    "core/services/registry",
    "core/services/spread",
    "core/services/lookups",
    "core/services/names",
    "core/services/names/*",
    "core/services/network/peers/*",
    "core/services/network/peers",
    "core/services/network/manager",
    "core/services/network/listeners",
    "core/services/network/inquirer",
    "core/services/network/dht",
    "core/services/custody",
    "core/services/network",
    "core/services/tunnels/offered",
    "core/services/tunnels/offered/*",
    "core/services/tunnels/catalogue",
    "core/services/tunnels/acceptor",
    "core/services/tunnels",
    "core/services/forwards/local",
    "core/services/forwards/local/*",
    "core/services/forwards/list",
    "core/services/forwards",
    "core/services/ingress/resolver",
    "core/services/ingress",
    "core/services",
    "core/store",
    "core/pump",
    "core",
    "control",
)
"""Whom a plan may crash: one of each kind in the tree of a node, as `ActorCrash.path`; `node` itself is a `Kill`."""


class PlannedCrash(Exception):
    """The plan crashes this actor."""


@attrs.frozen(slots=True, kw_only=True)
class ActorCrash(MachineFault):
    """An actor crashes, as a bug in it would make it."""

    disturbs = False
    """That an actor which carries connections ends is seen when it does."""
    path: str
    """Below `node/`, such as `core/services/registry`; a last `*` stands for each child."""
    times: int = attrs.field(default=1, validator=ranges.TIMES)
    apart: float = attrs.field(default=1.0, validator=ranges.SECONDS)

    async def strike(self, stage: "Stage") -> None:
        """See `Fault`."""
        await _crash(stage, self.machine, self.times, self.apart, lambda node: stage.inside.actors_at(node, self.path))


@attrs.frozen(slots=True, kw_only=True)
class AnyActorCrash(MachineFault):
    """Actors of the machine's tree crash, each time another one that is drawn from all that live then."""

    disturbs = False
    """See `ActorCrash`."""
    times: int = attrs.field(default=10, validator=ranges.TIMES)
    apart: float = attrs.field(default=0.5, validator=ranges.SECONDS)

    async def strike(self, stage: "Stage") -> None:
        """See `Fault`."""
        entropy = stage.world.entropy(f"any actor {self.machine} {self.at}")

        def one(node: "Node") -> list[Ref]:
            alive = [cell.ref for cell in stage.inside.cells(node) if cell.alive]
            return [alive[int(entropy.uniform() * len(alive))]] if alive else []

        await _crash(stage, self.machine, self.times, self.apart, one)


async def _crash(
    stage: "Stage", machine: int, times: int, apart: float, whom: Callable[["Node"], Sequence[Ref]]
) -> None:
    """Crash those actors of the machine's node, so many times; `Moot` if there never were any."""
    place = stage.places[machine]
    crashed = False
    for _ in range(times):
        node = place.machine.node
        found = [] if node is None else whom(node)
        if found:
            crashed = True
            place.crashed_actors += 1
        for ref in found:
            stage.world.trace.add(place.name, "crash", ref.path)
            ref.crash(PlannedCrash("crashed by the plan"))
        await stage.hold(apart)
    if not crashed:
        raise Moot


@attrs.frozen(slots=True, kw_only=True)
class CrashLoop(MachineFault):
    """Each incarnation of an actor crashes as soon as it runs, for a while: what it needs to live is not there."""

    disturbs = False
    """See `ActorCrash`."""
    path: str
    """Below `node/`; one actor."""
    seconds: float = attrs.field(default=10.0, validator=ranges.SECONDS)

    async def strike(self, stage: "Stage") -> None:
        """See `Fault`: daemons that give up for it and are started again are struck as well."""
        place = stage.places[self.machine]
        if not place.up:
            raise Moot
        struck: Counter[str] = Counter()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._haunt, stage, place, struck)
            await stage.hold(self.seconds)
            nursery.cancel_scope.cancel()
        if not struck:
            raise Moot

    async def _haunt(self, stage: "Stage", place: "Place", struck: Counter[str]) -> None:
        while True:
            if place.up:
                with place.while_up():
                    await self._crash_all(stage, place, struck)
            await trio.sleep(0.5)

    async def _crash_all(self, stage: "Stage", place: "Place", struck: Counter[str]) -> None:
        """Crash the actor that runs, and each that follows it, until the daemon goes down."""
        system, path = place.node.system, f"node/{self.path}"
        lives, born = trio.open_memory_channel[None](1)

        def heard(event: Event) -> None:
            if event.kind == "started" and event.path == path:
                try:
                    lives.send_nowait(None)
                except trio.WouldBlock:
                    return  # it will look at once in any case

        unwatch = system.observe(heard)
        try:
            while True:
                ref = system.whereis(path)
                if ref is not None:
                    struck[path] += 1
                    place.crashed_actors += 1
                    stage.world.trace.add(place.name, "crash", path)
                    ref.crash(PlannedCrash("crashed by the plan, as ever"))
                await born.receive()
        finally:
            unwatch()
