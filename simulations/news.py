"""How far and how fast a change to a name spreads, and how many copies it costs, in a network with real latencies.

`python -m simulations.news` boots a mesh of whole nodes in regions and lets names be registered, released and renewed
at random ones of them. Of each change it says after how many seconds 50, 90, 99 and 100 % of the connected nodes held
it, and how many copies of it a node was sent on average. Exits with 1 when a change took longer, or cost more, than it
may.

Invariant: seconds are virtual, from the moment at which the change is durable where it was made to the moment at which
it is durable elsewhere; they count network and disk, and no processor. A copy is a claim that came to a node's
registrar from a peer, by a push or in an exchange, whether it was known there or not. One seed, one result.
"""

import enum
import json
import math
import sys
from collections.abc import Sequence
from typing import Any

import attrs
import click
import trio

from beam_actors.identity import OwnerChain, PeerKey
from beam_actors.naming import Claim
from beam_actors.naming.messages import Changed, CountLinks, Submit
from beam_actors.node import Node, NodeConfig
from beam_actors.testing.machine import CONTROL, Machine
from beam_actors.testing.network.regions import WEIGHTS
from beam_actors.testing.world import Profile, World, run_world
from beam_actors.values import Multiaddr, Name
from simulations import inside
from simulations.hostile.forging import signed
from simulations.topology import mesh

BOUND_S = 10.0
"""Seconds within which 99 % of the connected nodes must hold a change."""
BOUND_COPIES = 3.0
"""Copies of a change that a node may be sent, on average over the nodes."""
SHARES = (50, 90, 99, 100)
_SETTLE = 20.0
_WAIT = 180.0
"""Seconds after which nobody waits any longer for a change to be everywhere: three exchanges by chance of each node."""
_NETWORK = NodeConfig(control=CONTROL).network


class Kind(enum.StrEnum):
    """What changes."""

    REGISTER = enum.auto()
    RELEASE = enum.auto()
    RENEW = enum.auto()
    """The owner's other machine says anew what is known already: a claim of a higher number comes to another node."""


@attrs.frozen(slots=True, kw_only=True)
class Setting:
    """What is measured."""

    machines: int
    links: int
    """Machines before it that each knows at its first boot, drawn by chance, beside those of the tree."""
    changes: int
    rate: float
    """Changes a second, at times that are independent of each other."""


@attrs.frozen(slots=True, kw_only=True)
class Spread:
    """How one change spread."""

    kind: Kind
    nodes: int
    """Connected ones, the one where it was made among them."""
    seconds: tuple[float, ...]
    """Until each share of `SHARES` held it; infinite if that did not come."""
    copies: float
    """That a node was sent, on average."""

    @property
    def within_bounds(self) -> bool:
        """Whether it was fast and cheap enough."""
        return self.seconds[SHARES.index(99)] <= BOUND_S and self.copies <= BOUND_COPIES


class Heard:
    """What came to all nodes: each claim's way through the network."""

    def __init__(self) -> None:
        self.held: dict[bytes, dict[int, float]] = {}
        """By encoded claim: since when which machine holds it durably."""
        self.copies: dict[bytes, int] = {}
        """By encoded claim: how often peers sent it."""

    def listen(self, index: int, node: Node) -> None:
        """Follow what comes to a node from now on."""

        def submitted(message: object) -> None:
            if isinstance(message, Submit):
                for claim in message.claims:
                    self.copies[claim] = self.copies.get(claim, 0) + 1

        def changed(message: object) -> None:
            if isinstance(message, Changed):
                for claim in message.claims:
                    self.held.setdefault(claim.encoded, {})[index] = trio.current_time()

        inside.listen(node, "registry", submitted)
        inside.listen(node, "spread", changed)

    def __repr__(self) -> str:
        return f"<Heard of {len(self.held)} claims>"


@attrs.frozen(slots=True, kw_only=True)
class Change:
    """One change that was made."""

    kind: Kind
    home: int
    claim: bytes
    connected: frozenset[int]
    """Machines with a session at that moment, and the one where it was made."""

    def spread(self, heard: Heard) -> Spread:
        """How far it came."""
        held = heard.held[self.claim]
        began = held[self.home]
        times = sorted(held.get(index, math.inf) - began for index in self.connected)
        sent = heard.copies.get(self.claim, 0)
        if self.kind is Kind.RENEW:
            sent -= 1  # by the other machine, which is none of these
        return Spread(
            kind=self.kind,
            nodes=len(times),
            seconds=tuple(times[math.ceil(share * len(times) / 100) - 1] for share in SHARES),
            copies=sent / len(times),
        )


class Network:
    """The machines, and the people who change names."""

    def __init__(self, world: World, setting: Setting) -> None:
        self.heard = Heard()
        self.changes: list[Change] = []
        self._world = world
        self._setting = setting
        self._entropy = world.entropy("news")
        self._machines: list[Machine] = []

    def __repr__(self) -> str:
        return f"<Network of {len(self._machines)} machines, {len(self.changes)} changes>"

    def _node(self, index: int) -> Node:
        node = self._machines[index].node
        if node is None:
            raise RuntimeError(f"m{index} runs no daemon.")
        return node

    async def degrees(self) -> list[int]:
        """How many peers each machine tells of changes, in rising order."""
        spreads = [self._node(index).system.ref(f"{inside.SERVICES}/spread") for index in self._all]
        return sorted([await one.ask(CountLinks()) for one in spreads])

    @property
    def _all(self) -> range:
        return range(self._setting.machines)

    async def boot(self) -> None:
        """Start all machines, one after the other, in regions by their weights."""
        regions = [region for region, weight in WEIGHTS.items() for _ in range(weight)]
        addresses: list[Multiaddr] = []
        for index in self._all:
            region = regions[int(self._entropy.uniform() * len(regions))]
            machine = self._world.machine(f"m{index}", region=region)
            known = mesh(index, self._setting.links, self._entropy)
            node = await machine.boot(bootstrap=tuple(addresses[other] for other in known))
            self.heard.listen(index, node)
            self._machines.append(machine)
            addresses.append(machine.address_of(node))
        await trio.sleep(_SETTLE)

    async def live(self) -> None:
        """Let everything change that is to change, and wait until all changes are everywhere."""
        kinds = list(Kind)
        plan = [(number, kinds[number % len(kinds)], self._draw()) for number in range(self._setting.changes)]
        async with trio.open_nursery() as nursery:
            for number, kind, home in plan:
                if kind is not Kind.REGISTER:
                    nursery.start_soon(self._begin, number, kind, home)
        await self._until_everywhere(list(self.heard.held))
        async with trio.open_nursery() as nursery:
            for number, kind, home in plan:
                nursery.start_soon(self._change, number, kind, home)
                await trio.sleep(-math.log1p(-self._entropy.uniform()) / self._setting.rate)
        await self._until_everywhere([change.claim for change in self.changes])

    def _draw(self) -> int:
        return int(self._entropy.uniform() * self._setting.machines)

    async def _until_everywhere(self, claims: Sequence[bytes]) -> None:
        with trio.move_on_after(_WAIT):
            while any(len(self.heard.held[claim]) < self._setting.machines for claim in claims):  # noqa: ASYNC110
                await trio.sleep(1.0)  # virtual time costs nothing

    async def _begin(self, number: int, kind: Kind, home: int) -> None:
        """What there must be before it can change."""
        if kind is Kind.RELEASE:
            await self._node(home).naming.register(_name(number).label)
        else:
            await self._bring(_elsewhere(number, seq=1, now=self._now()), home)

    async def _change(self, number: int, kind: Kind, home: int) -> None:
        node, name = self._node(home), _name(number)
        if kind is Kind.RENEW:
            claim = _elsewhere(number, seq=2, now=self._now())
            await self._bring(claim, home)
        else:
            if kind is Kind.REGISTER:
                await node.naming.register(name.label)
            else:
                await node.naming.release(name.label)
            known = inside.knowledge(node)
            entry = known.registry.entry(name, known.owner) if known is not None else None
            if entry is None:
                raise RuntimeError(f"{name} was changed at m{home}, whose registry does not have it.")
            claim = entry.claim
            await self._durable(claim.encoded, home)
        connected = frozenset(index for index in self._all if inside.connected(self._node(index))) | {home}
        self.changes.append(Change(kind=kind, home=home, claim=claim.encoded, connected=connected))

    async def _bring(self, claim: Claim, home: int) -> None:
        """Bring a claim to a node as a peer does."""
        node = self._node(home)
        node.system.ref(f"{inside.SERVICES}/registry").tell(Submit((claim.encoded,), claim.peers[0]))
        await self._durable(claim.encoded, home)

    async def _durable(self, claim: bytes, home: int) -> None:
        while home not in self.heard.held.get(claim, {}):  # noqa: ASYNC110 (virtual time costs nothing)
            await trio.sleep(0.001)

    def _now(self) -> int:
        return int(self._machines[0].clock.wall())


def _name(number: int) -> Name:
    return Name(f"news-{number}")


def _elsewhere(number: int, *, seq: int, now: int) -> Claim:
    """A claim of an owner whose machines are none of the network's."""
    seed = b"%032d" % number
    peer = PeerKey.from_seed(seed).peer_id
    return signed(OwnerChain(seed).era_key(0), _NETWORK, _name(number), issued=now, seq=seq, peer=peer)


@attrs.frozen(slots=True, kw_only=True)
class Found:
    """What was measured."""

    degrees: list[int]
    spreads: list[Spread]


async def measure(world: World, setting: Setting) -> Found:
    """How each change spread."""
    network = Network(world, setting)
    await network.boot()
    degrees = await network.degrees()
    await network.live()
    return Found(degrees=degrees, spreads=[change.spread(network.heard) for change in network.changes])


def table(found: Found) -> dict[str, Any]:
    """The median, 95th percentile and worst over the changes, of each share's seconds and of the copies.

    Seconds that did not come are None.
    """
    seconds = zip(*(spread.seconds for spread in found.spreads), strict=True)
    rows = dict(zip((f"{share} % s" for share in SHARES), seconds, strict=True))
    rows["copies"] = tuple(spread.copies for spread in found.spreads)
    return {
        "nodes": len(found.degrees),
        "peers": [_part(found.degrees, part) for part in (0, 50, 100)],
        "changes": len(found.spreads),
        **{name: [_rounded(_part(sorted(values), part)) for part in (50, 95, 100)] for name, values in rows.items()},
    }


def _rounded(value: float) -> float | None:
    return round(value, 2) if math.isfinite(value) else None


def _part(values: Sequence[float], part: int) -> float:
    """Of sorted values, the least that is not below so many per cent of all."""
    return values[max(0, math.ceil(part * len(values) / 100) - 1)]


def text(row: dict[str, Any]) -> str:
    """The table for people."""
    least, middle, most = row["peers"]
    head = f"{row['nodes']} nodes with {least} to {most} peers each (median {middle}), {row['changes']} changes"
    lines = [head, f"{'':<10}{'p50':>8}{'p95':>8}{'worst':>8}"]
    lines += [
        f"{name:<10}" + "".join(f"{'-' if value is None else value:>8}" for value in row[name])
        for name in (*(f"{share} % s" for share in SHARES), "copies")
    ]
    return "\n".join(lines)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--machines", type=click.IntRange(min=2), default=100, show_default=True)
@click.option("--links", type=click.IntRange(min=0), default=3, show_default=True, help="By chance, of each machine.")
@click.option("--changes", type=click.IntRange(min=1), default=60, show_default=True)
@click.option("--rate", type=click.FloatRange(min=0.01), default=1.0, show_default=True, help="Changes a second.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON instead of the table.")
def main(*, seed: int, as_json: bool, machines: int, links: int, changes: int, rate: float) -> None:
    """Measure how changes to names spread."""
    setting = Setting(machines=machines, links=links, changes=changes, rate=rate)
    found: list[Found] = []

    async def run(world: World) -> None:
        found.append(await measure(world, setting))

    run_world(seed, run, Profile.LIGHT)
    row = table(found[0])
    click.echo(json.dumps(row) if as_json else text(row))
    late = [spread for spread in found[0].spreads if not spread.within_bounds]
    click.echo(f"{len(late)} of {changes} changes beyond {BOUND_S:.0f} s or {BOUND_COPIES:.0f} copies", err=True)
    sys.exit(1 if late else 0)


if __name__ == "__main__":
    main()
