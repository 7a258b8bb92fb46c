"""How long it takes to learn where a name leads, by where the answer comes from, in a network with real latencies.

`python -m simulations.resolving` boots a settled network that knows all names, lets a newcomer come to each region, and
has people there ask for names by Zipf's law: from the moment of the first session (*cold*), when hardly anything has
been told yet, then (*warm*), and after two hours without a network (*alone*). Exits with 1 when the mean of the first
two phases is not below the bound.

Invariant: times are virtual. They count what is waited for, which is the network and the disk, and no processor; what
comes from memory takes none, and its cost by the wall is printed beside it. The network is `testing.network`'s.
"""

import bisect
import itertools
import json
import math
import statistics
import sys
import time
from collections.abc import Sequence

import attrs
import click
import trio

from beam_actors.errors import BeamError, NameNotFound
from beam_actors.identity import OwnerChain, PeerKey
from beam_actors.naming import Limits, claim_rows
from beam_actors.naming.entry import Entry
from beam_actors.naming.holds import Seen
from beam_actors.node import Node, NodeConfig
from beam_actors.ports import Change, Entropy
from beam_actors.testing.entropy import SeededEntropy
from beam_actors.testing.machine import CONTROL, Machine
from beam_actors.testing.network import REGIONS
from beam_actors.testing.network.regions import WEIGHTS
from beam_actors.testing.store import MemoryStore
from beam_actors.testing.world import Profile, World, run_world
from beam_actors.values import Multiaddr, Name
from simulations.hostile.forging import signed
from simulations.topology import tree

BOUND_MS = 50.0
"""The mean over a workload of Zipf's law must stay below it."""
_BOOTSTRAPS = 8
_SETTLE = 20.0
_ALONE = 2 * 3600.0
_FROM_MEMORY = ("registry", "cache")


@attrs.frozen(slots=True, kw_only=True)
class Asked:
    """One question."""

    phase: str
    source: str
    """`neighbours` when peers were asked; else the resolution's source, or the code of an error."""
    ms: float
    """Virtual."""
    wall_us: float
    """What it took by the wall, which means something when nothing was waited for."""


@attrs.frozen(slots=True, kw_only=True)
class Setting:
    """What is measured."""

    machines: int
    names: int
    seconds: float
    """Of each of the phases cold and warm."""
    rate: float
    """Questions a second at each newcomer."""
    silent: int
    """Settled machines that get no processor during the cold phase."""


class Zipf:
    """Draws ranks from 0 on: the chance of rank `n` is as 1 / (n + 1)."""

    def __init__(self, count: int) -> None:
        self._sums = list(itertools.accumulate(1 / rank for rank in range(1, count + 1)))

    def draw(self, entropy: Entropy) -> int:
        """One rank."""
        return bisect.bisect_right(self._sums, entropy.uniform() * self._sums[-1])

    def __repr__(self) -> str:
        return f"<Zipf over {len(self._sums)}>"


def name_of(rank: int) -> Name:
    """The name of a rank."""
    return Name(f"zipf-{rank}")


def rows(names: int, now: int) -> list[Change]:
    """What a store holds in which each name has one genuine claim, heard of at `now`; each owner holds all it may."""
    network = NodeConfig(control=CONTROL).network
    each = Limits().names_per_owner
    found: list[Change] = []
    for number in range(-(-names // each)):
        key = OwnerChain(b"%032d" % number).era_key(0)
        peer = PeerKey.from_seed(b"%032d" % number).peer_id
        ranks = range(number * each, min(names, (number + 1) * each))
        told = (signed(key, network, name_of(rank), issued=now, peer=peer) for rank in ranks)
        found += [claim_rows.put_entry(Entry(claim), Seen(now, now, 1)) for claim in told]
    return found


class Newcomer:
    """A machine that comes to a settled network, and the people who ask there."""

    def __init__(self, machine: Machine, setting: Setting, known: Sequence[Multiaddr], entropy: Entropy) -> None:
        self.machine = machine
        self._setting = setting
        self._known = known
        self._entropy = entropy
        self._zipf = Zipf(setting.names)
        self.asked: list[Asked] = []

    def __repr__(self) -> str:
        return f"<Newcomer {self.machine.name}, {len(self.asked)} asked>"

    async def connect(self) -> Node:
        """Boot, and return with the first session."""
        node = await self.machine.boot(bootstrap=tuple(self._known))
        while not await node.peers.connected():  # noqa: ASYNC110 (virtual time costs nothing)
            await trio.sleep(0.01)
        return node

    async def live(self, node: Node, phase: str, seconds: float) -> None:
        """Ask for names for so long, at times that are independent of each other and of the answers."""
        end = trio.current_time() + seconds
        async with trio.open_nursery() as people:
            while trio.current_time() < end:
                people.start_soon(self._ask, node, phase, name_of(self._zipf.draw(self._entropy)))
                await trio.sleep(-math.log1p(-self._entropy.uniform()) / self._setting.rate)

    async def _ask(self, node: Node, phase: str, name: Name) -> None:
        try:
            known = bool(await node.naming.recall(str(name)))
        except NameNotFound:
            known = False
        began, wall = trio.current_time(), time.perf_counter()
        try:
            found = await node.naming.resolve(str(name))
            source: str = found.source if known else "neighbours"
        except BeamError as error:
            source = error.code
        took, wall = trio.current_time() - began, time.perf_counter() - wall
        self.asked.append(Asked(phase=phase, source=source, ms=1000 * took, wall_us=1e6 * wall))

    async def be_alone(self) -> None:
        """Start again two hours later, where there is no network."""
        await self.machine.shutdown()
        world = self.machine.world
        for other in world.machines.values():
            world.network.cut(self.machine.host, other.host)
            world.network.cut(other.host, self.machine.host)
        self.machine.clock.step(_ALONE)
        node = await self.machine.boot()
        await self.live(node, "alone", self._setting.seconds)


async def settled(world: World, setting: Setting) -> list[Machine]:
    """A network whose machines all know all names: they stood on each disk before the first boot."""
    draw = world.entropy("regions")
    regions = [region for region, weight in WEIGHTS.items() for _ in range(weight)]
    some: list[Machine] = []
    addresses: list[Multiaddr] = []
    known: list[Change] = []
    for index in range(setting.machines):
        machine = world.machine(f"m{index}", region=regions[int(draw.uniform() * len(regions))])
        known = known or rows(setting.names, int(machine.clock.wall()))
        store = await MemoryStore.open(machine.disk)
        await store.commit(known)
        await store.close()
        node = await machine.boot(bootstrap=tuple(addresses[other] for other in tree(index)))
        some.append(machine)
        addresses.append(machine.address_of(node))
    await trio.sleep(_SETTLE)
    return some


async def measure(world: World, setting: Setting) -> list[Asked]:
    """All that was asked."""
    network = await settled(world, setting)
    addresses = [machine.address_of(machine.node) for machine in network if machine.node is not None]
    draw = world.entropy("newcomers")
    newcomers = []
    for region in REGIONS:
        known = sorted({addresses[int(draw.uniform() * len(addresses))] for _ in range(_BOOTSTRAPS)}, key=str)
        machine = world.machine(region, region=region)
        newcomers.append(Newcomer(machine, setting, known, SeededEntropy(world.seed, f"people/{region}")))

    async def stay(newcomer: Newcomer) -> None:
        node = await newcomer.connect()
        await newcomer.live(node, "cold", setting.seconds)
        await newcomer.live(node, "warm", setting.seconds)
        await newcomer.be_alone()

    async with trio.open_nursery() as nursery:
        for newcomer in newcomers:
            nursery.start_soon(stay, newcomer)
        await trio.sleep(1.0)
        for machine in network[len(network) - setting.silent :]:
            machine.pause()
        await trio.sleep(setting.seconds)
        for machine in network[len(network) - setting.silent :]:
            machine.resume()
    return [one for newcomer in newcomers for one in newcomer.asked]


def table(asked: Sequence[Asked]) -> list[dict[str, object]]:
    """A row for each phase and source, and the mean of each phase."""
    found: list[dict[str, object]] = []
    for phase in dict.fromkeys(one.phase for one in asked):
        mine = [one for one in asked if one.phase == phase]
        sources = sorted({one.source for one in mine})
        found += [_row(phase, source, [one for one in mine if one.source == source]) for source in sources]
        found.append(_row(phase, "all", mine))
    return found


def _row(phase: str, source: str, some: Sequence[Asked]) -> dict[str, object]:
    times = sorted(one.ms for one in some)
    return {
        "phase": phase,
        "source": source,
        "asked": len(times),
        **{f"p{part}_ms": round(times[min(len(times) - 1, part * len(times) // 100)], 1) for part in (50, 95, 99)},
        "mean_ms": round(statistics.fmean(times), 1),
    } | ({"wall_p50_us": round(statistics.median(one.wall_us for one in some))} if source in _FROM_MEMORY else {})


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--machines", type=click.IntRange(min=_BOOTSTRAPS), default=24, show_default=True)
@click.option("--names", type=click.IntRange(1, Limits().claims), default=10_000, show_default=True)
@click.option("--seconds", type=click.FloatRange(min=1.0), default=60.0, show_default=True, help="Of each phase.")
@click.option("--rate", type=click.FloatRange(min=0.1), default=10.0, show_default=True, help="A second, per newcomer.")
@click.option("--silent", type=click.IntRange(min=0), default=0, show_default=True, help="Machines that don't answer.")
@click.option("--seed", type=int, default=1, show_default=True)
def main(*, seed: int, **setting: float) -> None:
    """Measure and print a row of JSON for each phase and source."""
    asked: list[Asked] = []

    async def run(world: World) -> None:
        asked.extend(await measure(world, Setting(**setting)))  # type: ignore[arg-type]  # click made the numbers

    run_world(seed, run, Profile.LIGHT)
    for row in table(asked):
        click.echo(json.dumps(row))
    mean = statistics.fmean(one.ms for one in asked if one.phase in {"cold", "warm"})
    click.echo(f"mean over both phases with a network: {mean:.1f} ms, bound {BOUND_MS:.0f}", err=True)
    sys.exit(0 if mean < BOUND_MS else 1)


if __name__ == "__main__":
    main()
