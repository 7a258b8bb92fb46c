"""The seeded world: machines with disks on a virtual network, running production nodes and ordinary local programs.

Only the ports differ from a real node; actors, pump and protocols are the production ones. Invariant: the trace of a
world depends on its seed and on what the scenario does, and on nothing else of this process.
"""

import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio

from beam_actors.naming import NO_WORK
from beam_actors.runtime import unwrap
from beam_actors.testing.entropy import SeededEntropy
from beam_actors.testing.journal import Journal
from beam_actors.testing.machine import Machine
from beam_actors.testing.network import NatBox, VirtualHost, VirtualNetwork
from beam_actors.testing.network.realm import Site
from beam_actors.testing.security import LIGHT, Profile, Seals
from beam_actors.testing.seeded import Trace, current_clock, run_seeded, schedule_so_far

_BURIED = 50


class NonceReused(AssertionError):
    """A run sealed twice with one key and one nonce."""


class World:
    """Everything of one run: the network, the machines, the trace. `open_world` and `run_world` make one."""

    def __init__(self, nursery: trio.Nursery, seed: int, journal: Journal, profile: Profile) -> None:
        self.seed = seed
        self.profile = profile
        self.network = VirtualNetwork(entropy=self.entropy("network"))
        self.trace = Trace()
        self.network.observe(self._carried)
        self.journal = journal
        self.stops = current_clock().stops
        self.seals = Seals()
        self.security = LIGHT if profile is Profile.LIGHT else self.seals.security()
        self.difficulty = NO_WORK
        """The work that daemons ask for which start from now on; whatever their network would."""
        self.nursery = nursery
        """Where processes live; a scenario that starts its own tasks opens its own."""
        self.machines: dict[str, Machine] = {}
        self._buried = 0
        self._addresses = 0

    def machine(
        self,
        name: str,
        *,
        region: str | None = None,
        behind: NatBox | None = None,
        offset: float = 0.0,
        drift: float = 0.0,
    ) -> Machine:
        """A new machine with an address of its own and an empty disk, on the internet or behind a box.

        It stands in a region (see `testing.network.REGIONS`), or on the LAN of a NAT box. Its wall clock is `offset`
        seconds ahead and gains `drift` seconds a second.
        """
        ip = self.fresh_ip(behind)
        machine = Machine(self, name, ip, region=region, behind=behind, offset=offset, drift=drift)
        self.machines[name] = machine
        return machine

    def fresh_ip(self, behind: NatBox | None = None) -> str:
        """An address that nobody has had: on the internet, or in the network behind a box."""
        self._addresses += 1
        number = self._addresses
        return f"{10 if behind is None else 172}.{number >> 16}.{number >> 8 & 255}.{number & 255}"

    def entropy(self, purpose: str) -> SeededEntropy:
        """A stream of the scenario's own: more draws for one purpose change no other."""
        return SeededEntropy(self.seed, f"world/{purpose}")

    def buried(self) -> None:
        """A daemon has ended: once so many have as there are machines, what is left of them is collected."""
        self._buried += 1
        if self._buried >= max(_BURIED, len(self.machines)):
            self._buried = 0
            gc.collect()

    async def close(self) -> None:
        """Shut all daemons down in order, paused ones too, each at once."""
        async with trio.open_nursery() as nursery:
            for machine in self.machines.values():
                if machine.node is not None:
                    machine.resume()
                    nursery.start_soon(machine.shutdown)

    def conclude(self) -> None:
        """Record what all that happened has left behind: on the disks, and in the scheduler."""
        for machine in self.machines.values():
            self.trace.add(machine.name, "disk", machine.disk.digest)
        self.trace.add("schedule", schedule_so_far())

    def _carried(self, source: VirtualHost, target: Site | None, payload: bytes) -> None:
        self.trace.carried(source.name, "nobody" if target is None else target.name, payload)

    def __repr__(self) -> str:
        return f"<World {self.seed}: {len(self.machines)} machines, {self.trace!r}>"


@asynccontextmanager
async def open_world(seed: int, profile: Profile = Profile.FULL) -> AsyncIterator[World]:
    """A world for a block, at whose end all daemons stop: in order, unless the block failed.

    Raises:
        NonceReused: at the end, if the block did not fail itself.
    """
    journal = Journal()
    try:
        with journal.taking():
            async with trio.open_nursery() as nursery:
                world = World(nursery, seed, journal, profile)
                try:
                    yield world
                    await world.close()
                    world.conclude()
                finally:
                    for machine in world.machines.values():
                        machine.abandon()
                    nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        raise unwrap(group) from None  # the nursery is an implementation detail; the scenario's error is the caller's
    if world.seals.reused:
        raise NonceReused("; ".join(world.seals.reused))


def run_world(seed: int, scenario: Callable[[World], Awaitable[None]], profile: Profile = Profile.FULL) -> Trace:
    """Run a scenario in a new world and return its trace; the same seed gives the same trace in any process."""

    async def main() -> Trace:
        async with open_world(seed, profile) as world:
            await scenario(world)
        return world.trace

    return run_seeded(seed, main)


__all__ = ["Machine", "NonceReused", "Profile", "World", "open_world", "run_world"]
