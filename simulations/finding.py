"""How many names are found in the DHT by whole nodes, none of which holds all, while machines leave and others come.

`python -m simulations.finding` boots a network in which each machine registers a name and no registry has room for more
than a few, waits until they are given out, and then has machines leave for good and be replaced by others, at so large
a share of them an hour. Meanwhile machines search for names that they don't know, of owners who are there: in the DHT
alone (`dht`), and as people do (by where the answer came from). Exits with 1 when less than the bound is found. With
`--hostile 0.2` so large a share of the neighbourhoods of some names is hostile (`siege`), and those are searched for.

Invariant: the nodes are the production ones, with the sessions, dials and handshakes of each question; times are
virtual. What a search does among 10,000 is in `rounds`.
"""

import json
import math
import statistics
import sys
from collections.abc import Sequence
from typing import Any

import attrs
import click
import trio

from beam_actors.errors import BeamError, NameNotFound
from beam_actors.naming import Limits
from beam_actors.naming.ranges import name_key
from beam_actors.node import Node, NodeLimits
from beam_actors.peers import KadLimits
from beam_actors.testing.machine import Machine
from beam_actors.testing.network.regions import WEIGHTS
from beam_actors.testing.world import Profile, World, run_world
from beam_actors.values import Name, OwnerId, PeerId
from simulations import inside
from simulations.hostile.poisoners import POISONERS
from simulations.siege import Siege

BOUND = 0.99
"""The share of searches that must find what is searched for."""
_BOOTSTRAPS = 3
_HOUR = 3600.0
_JOINED = 90.0
"""Seconds in which nodes find their places, before anything is given out."""
_EVERY = 2.0
"""Seconds between two searches, in turns of the two kinds."""


@attrs.frozen(slots=True, kw_only=True)
class Setting:
    """What is measured."""

    machines: int
    claims: int
    """Claims for which a registry has room, beside what is near or was asked for."""
    churn: float
    """The share of machines that leaves in an hour."""
    settle: float
    """Seconds for names to be registered and given out."""
    seconds: float
    """Of searching, and of leaving."""
    paths: int = 4
    """Disjoint paths of a search."""
    hostile: float = 0.0
    """The share of the neighbourhoods that is hostile."""
    kind: str = "eclipse"
    """What those do: one of `POISONERS`."""
    targets: int = 0
    """Names that are searched for, and around which the hostile stand; 0 for all, where nobody is hostile."""


@attrs.frozen(slots=True, kw_only=True)
class Searched:
    """One search."""

    how: str
    """`dht` for a search there alone; else where the answer came from, or the code of an error."""
    found: bool
    seconds: float
    """Until the first claim of the owner; until the end if there was none."""
    rounds: int = 0
    asked: int = 0


class Network:
    """The machines, the names of those that are there, and who comes and goes."""

    def __init__(self, world: World, setting: Setting) -> None:
        self._world = world
        self._setting = setting
        self._draw = world.entropy("finding")
        self._regions = [region for region, weight in WEIGHTS.items() for _ in range(weight)]
        self.living: list[Machine] = []
        self.names: dict[str, OwnerId] = {}
        """Of machines that are there, by the machine's name."""
        self.called: dict[str, Name] = {}
        self.left = 0

    def __repr__(self) -> str:
        return f"<Network of {len(self.living)}, {self.left} left>"

    def any(self, count: int) -> list[Machine]:
        """Some that are there."""
        if not self.living:
            return []
        found = {int(self._draw.uniform() * len(self.living)) for _ in range(count)}
        return [self.living[index] for index in sorted(found)]

    async def come(self, name: str) -> Machine:
        """One more machine, which is given the addresses of some others."""
        region = self._regions[int(self._draw.uniform() * len(self._regions))]
        machine = self._world.machine(name, region=region)
        known = [other.address_of(other.node) for other in self.any(_BOOTSTRAPS) if other.node is not None]
        limits = NodeLimits(naming=Limits(claims=self._setting.claims), dht=KadLimits(paths=self._setting.paths))
        await machine.boot(bootstrap=tuple(known), limits=limits)
        self.living.append(machine)
        return machine

    @property
    def wanted(self) -> list[str]:
        """Machines whose names are searched for."""
        targets = {f"m{index}" for index in range(self._setting.targets)}
        return sorted(name for name in self.names if not targets or name in targets)

    async def grow(self) -> None:
        """All machines."""
        for index in range(self._setting.machines):
            await self.come(f"m{index}")
            await trio.sleep(0.1)
        if self._setting.hostile:
            await trio.sleep(_JOINED)

    async def register(self) -> None:
        """Each machine registers a name of its own, and gives it out."""
        async with trio.open_nursery() as nursery:
            for machine in list(self.living):
                nursery.start_soon(self._register, machine)
        await trio.sleep(self._setting.settle)

    async def _register(self, machine: Machine) -> None:
        await trio.sleep(self._draw.uniform() * self._setting.settle / 2)
        if machine.node is not None:
            registered = await machine.node.naming.register(_name_of(machine.name))
            self.names[machine.name] = registered.owner
            self.called[machine.name] = registered.name

    async def change(self) -> None:
        """For ever: one leaves without a word, or in order, and another one comes."""
        rate = self._setting.churn * self._setting.machines / _HOUR
        while rate:
            await trio.sleep(-math.log1p(-self._draw.uniform()) / rate)
            (machine,) = self.any(1)
            self.living.remove(machine)
            self.names.pop(machine.name, None)
            self.left += 1
            if self._draw.uniform() < 0.5:
                machine.crash()
            else:
                await machine.shutdown()
            await self.come(f"late{self.left}")


class Searchers:
    """Who searches, and what became of it."""

    def __init__(self, world: World, network: Network) -> None:
        self._draw = world.entropy("searchers")
        self._network = network
        self.searched: list[Searched] = []

    def __repr__(self) -> str:
        return f"<Searchers {len(self.searched)} searches>"

    async def search(self, seconds: float) -> None:
        """For so long, one search at a time begins."""
        end = trio.current_time() + seconds
        turn = 0
        async with trio.open_nursery() as nursery:
            while trio.current_time() < end:
                turn += 1
                await trio.sleep(_EVERY)
                owners = self._network.wanted
                if not owners:
                    continue
                owner = owners[int(self._draw.uniform() * len(owners))]
                (machine,) = self._network.any(1)
                if machine.node is not None and machine.name != owner:
                    nursery.start_soon(self._in_dht if turn % 2 else self._as_people, machine, owner)

    async def _in_dht(self, machine: Machine, of: str) -> None:
        node, owner, name = machine.node, self._network.names[of], self._network.called[of]
        if node is None:
            return
        network = inside.network(node)
        began, first = trio.current_time(), math.inf

        async def take(_peer: PeerId, values: tuple[bytes, ...]) -> None:
            nonlocal first
            await trio.lowlevel.checkpoint()
            if owner in inside.claimed_by(values, network):
                first = min(first, trio.current_time() - began)

        try:
            walked = await node.dht.find(name_key(network, name), inside.owner_of_streams(node), take)
        except BeamError:
            return  # it leaves itself, meanwhile
        if machine.node is not node:
            return
        found = first < math.inf
        took = first if found else trio.current_time() - began
        self.searched.append(Searched(how="dht", found=found, seconds=took, rounds=walked.rounds, asked=walked.asked))

    async def _as_people(self, machine: Machine, of: str) -> None:
        node, owner, name = machine.node, self._network.names[of], self._network.called[of]
        if node is None or await self._knows(node, name):
            return
        began = trio.current_time()
        try:
            found = await node.naming.resolve(name.label)
            how, right = f"people, {found.source}", found.owner == owner
        except BeamError as error:
            how, right = f"people, {error.code}", False
        if machine.node is node:
            self.searched.append(Searched(how=how, found=right, seconds=trio.current_time() - began))

    @staticmethod
    async def _knows(node: Node, name: Name) -> bool:
        try:
            await node.naming.recall(name.label)
        except NameNotFound:
            return False
        except BeamError:
            return True
        return True


async def measure(world: World, setting: Setting) -> tuple[list[Searched], dict[str, float]]:
    """All searches, and what the network was like at the end."""
    network = Network(world, setting)
    await network.grow()
    searchers = Searchers(world, network)
    targets = [_name_of(f"m{index}") for index in range(setting.targets)]
    siege = Siege(world, setting.kind, setting.hostile, targets)
    async with trio.open_nursery() as nursery:
        if setting.hostile:
            await nursery.start(siege.run, network.living)
            await trio.sleep(_JOINED)
        await network.register()
        nursery.start_soon(network.change)
        await searchers.search(setting.seconds)
        nursery.cancel_scope.cancel()
    nodes = [machine.node for machine in network.living if machine.node is not None]
    known = [found for node in nodes if (found := inside.knowledge(node)) is not None]
    tables = [sum(len(bucket) for bucket in inside.buckets(node)) for node in nodes]
    return searchers.searched, {
        "machines": float(len(nodes)),
        "left": float(network.left),
        "names": float(len(network.called)),
        "claims at a node, median": statistics.median(one.registry.claims for one in known),
        "claims at a node, most": float(max(one.registry.claims for one in known)),
        "contacts, median": statistics.median(tables),
        "contacts, least": float(min(tables)),
        **({} if not setting.hostile else _of(siege, nodes)),
    }


def _of(siege: Siege, nodes: Sequence[Node]) -> dict[str, float]:
    """What the gang did, and what a third party had of it."""
    tables = [
        [contact.peer in siege.peers for bucket in inside.buckets(node) for contact in bucket.nodes.values()]
        for node in nodes
    ]
    bystander = siege.bystander
    return {
        "hostile": float(siege.members),
        "hostile contacts, mean": round(statistics.fmean(map(sum, tables)), 1),
        "questions to the hostile": float(siege.tally["questions of the DHT"]),
        "values that they threw away": float(siege.tally["values taken and thrown away"]),
        "dials of a third party": float(bystander.came),
        "the same in a minute, most": float(bystander.most),
        "the same of one machine, most": float(bystander.most_of_one),
    }


def _name_of(machine: str) -> str:
    return f"name-of-{machine}"


def table(searched: Sequence[Searched]) -> list[dict[str, object]]:
    """A row for each kind of search, and one for all that people did."""
    kinds = sorted({one.how for one in searched})
    rows = [_row(how, [one for one in searched if one.how == how]) for how in kinds]
    people = [one for one in searched if one.how != "dht"]
    return [*rows, *([_row("people, all", people)] if people else [])]


def _row(how: str, some: Sequence[Searched]) -> dict[str, object]:
    times = sorted(one.seconds for one in some)
    row: dict[str, object] = {
        "how": how,
        "searches": len(some),
        "found": round(statistics.fmean(one.found for one in some), 4),
        **{f"p{part}_s": round(times[min(len(times) - 1, part * len(times) // 100)], 2) for part in (50, 95, 99)},
    }
    if how == "dht":
        row |= {
            "rounds": round(statistics.fmean(one.rounds for one in some), 2),
            "most_rounds": max(one.rounds for one in some),
            "asked": round(statistics.fmean(one.asked for one in some), 1),
        }
    return row


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--machines", type=click.IntRange(min=5), default=300, show_default=True)
@click.option("--claims", type=click.IntRange(min=1), default=32, show_default=True, help="Room of a registry.")
@click.option("--churn", type=click.FloatRange(min=0.0), default=0.2, show_default=True, help="Share in an hour.")
@click.option("--settle", type=click.FloatRange(min=1.0), default=240.0, show_default=True, help="Seconds.")
@click.option("--seconds", type=click.FloatRange(min=10.0), default=1200.0, show_default=True, help="Of searching.")
@click.option("--paths", type=click.IntRange(1, 8), default=4, show_default=True, help="Disjoint paths of a search.")
@click.option("--hostile", type=click.FloatRange(0.0, 0.9), default=0.0, show_default=True, help="Share near the keys.")
@click.option("--kind", type=click.Choice([kind.NAME for kind in POISONERS]), default="eclipse", show_default=True)
@click.option("--targets", type=click.IntRange(min=0), default=0, help="Names that are searched for; 0 for all.")
@click.option("--seed", type=int, default=1, show_default=True)
def main(*, seed: int, **setting: Any) -> None:
    """Measure and print a row of JSON for each kind of search, and one for the network."""
    if setting["hostile"] and not setting["targets"]:
        raise click.UsageError("Say around how many names the hostile are to stand: --targets.")
    rows: list[dict[str, object]] = []

    async def run(world: World) -> None:
        searched, network = await measure(world, Setting(**setting))
        rows.extend([*table(searched), dict(network)])

    run_world(seed, run, Profile.LIGHT)
    for row in rows:
        click.echo(json.dumps(row))
    sys.exit(0 if all(float(str(row["found"])) >= BOUND for row in rows if row.get("how") == "dht") else 1)


if __name__ == "__main__":
    main()
