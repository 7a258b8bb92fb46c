"""How a search of the DHT grows with the network, and what liars make of it: rounds, time and success.

The daemon's own `Search` and tables over a small event loop with the latencies of regions; not whole nodes, no
sessions, no packets. A question to a node takes four round trips, since it is a stranger: TCP, two for the handshake
that proves its key, one for question and answer. A node that has left answers nothing. Invariant: one seed, one result.
"""

import enum
import heapq
import json
import math
import random
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from beam_actors.peers.kad.ids import BITS
from beam_actors.peers.kad.limits import KadLimits
from beam_actors.peers.kad.search import Search
from beam_actors.testing.entropy import SeededEntropy
from beam_actors.testing.network.regions import JITTER, latency_between
from simulations.overlay import REPUBLISHED, Life, Overlay, gang, ground, nearest, population

if TYPE_CHECKING:
    from beam_actors.peers.kad.node import KadNode
    from beam_actors.values import PeerId

SIZES = (50, 100_000)
"""The least and the greatest network that is measured: in a smaller one each node knows everybody."""
ROUND_TRIPS = 4
SLOW = 1.0
"""After so many seconds the search no longer waits for a node, though it still hears it."""
SILENT = 2.0
"""After so many whoever named it has named it in vain."""
GIVEN_UP = 5.0
"""After so many a dial is given up."""
DEADLINE = 12.0
"""After so many the whole search is."""
KEYS = 20
"""Keys of a row, each with a network around it; the searches are shared out among them."""
NEIGHBOURS = 64
"""Honest nodes that make the neighbourhood of a key, in which a gang has its share."""
NEAREST = 30
"""Members of a gang that stand nearer to the key than everybody."""


class Kind(enum.StrEnum):
    """Who lies. All of a gang name the twenty of it that are nearest to the key, and keep no value."""

    NEAR = enum.auto()
    """A share of the key's neighbourhood, by ids that were ground, since before the value was published."""
    EVERYWHERE = enum.auto()
    """A share of all nodes, with ids as they came."""
    NEAREST = enum.auto()
    """Some that stand before all others, and came after the value was published."""
    HIDDEN = enum.auto()
    """The same, but known to nobody; a share of all nodes name them, and lie."""
    HOLES = enum.auto()
    """The same, but nobody is there: each question to one is in vain."""


@attrs.frozen(slots=True, kw_only=True)
class Attack:
    """A gang; without a kind there is none."""

    kind: Kind | None = None
    share: float = 0.0
    networks: int = 0
    """Networks of /24 that it has; 0 is one for each node."""

    def __str__(self) -> str:
        if self.kind is None:
            return "none"
        count = f"{NEAREST}" if self.kind is Kind.NEAREST else f"{self.share:.0%}"
        return f"{count} {self.kind}" + (f", {self.networks} /24" if self.networks else "")


@attrs.frozen(slots=True, kw_only=True)
class Walk:
    """One search. Seconds are virtual."""

    rounds: int
    asked: int
    seconds: float
    first_value: float | None
    """When the first valid value came; None if none did."""
    recall: float
    """Of the k nodes that live nearest to the key, the share that answered."""
    lost: bool
    """Whether no honest node that was given the value is still there: then no search could find it."""


@attrs.frozen(slots=True, kw_only=True)
class Row:
    """Many searches in networks of one size."""

    size: int
    attack: str
    paths: int
    searches: int
    rounds: float
    """The mean; so are the next two."""
    asked: float
    recall: float
    success: float
    """The share of searches that got a valid value."""
    lost: float
    """The share whose value nobody keeps any more."""
    first_p50_s: float | None
    """Until the first valid value, of those that got one."""
    first_p95_s: float | None
    end_p50_s: float | None
    """Until the search was over."""
    end_p95_s: float | None


HEAD = (
    "  nodes  hostile           paths  searches  rounds  asked  k nearest  found   lost"
    "     value s p50/p95    end s p50/p95"
)


def text(row: Row) -> str:
    """A line below `HEAD`."""
    return (
        f"{row.size:>7}  {row.attack:<18}{row.paths:>5}{row.searches:>10}{row.rounds:>8.2f}{row.asked:>7.1f}"
        f"{row.recall:>10.1%}{row.success:>8.1%}{row.lost:>7.1%}"
        f"{_seconds(row.first_p50_s):>12} /{_seconds(row.first_p95_s):>5}"
        f"{_seconds(row.end_p50_s):>10} /{_seconds(row.end_p95_s):>5}"
    )


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def keep(row: Row, folder: Path) -> None:
    """Add a row to the folder's file, so that what was measured is there when a later row is interrupted."""
    with (folder / "rounds.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(attrs.asdict(row)) + "\n")


def walk(overlay: Overlay, searcher: Life, limits: KadLimits, seed: str) -> Walk:
    """Search for the overlay's key from one node, in virtual time."""
    own = searcher.node.peer
    entropy = SeededEntropy(seed.encode())
    start = overlay.table(searcher).start(overlay.key, entropy)
    search = Search(overlay.key, start, own=own, limits=limits)
    agenda: list[tuple[float, int, str, KadNode]] = []
    now, order, first = 0.0, 0, None
    heard: set[PeerId] = set()
    while now < DEADLINE:
        for node in search.asks():
            asked = overlay.by_peer[node.peer]
            events = [(SLOW, "slow"), (SILENT, "silent"), (GIVEN_UP, "failed")]
            if asked.at(0):
                once = 2 * latency_between(searcher.region, asked.region) * (1 + JITTER * entropy.uniform())
                events.append((ROUND_TRIPS * once, "answered"))
            for after, what in events:
                order += 1
                heapq.heappush(agenda, (now + after, order, what, node))
        if search.done:
            break
        now, _, what, node = heapq.heappop(agenda)
        match what:
            case "slow":
                search.slow(node)
            case "silent":
                search.silent(node)
            case "failed":
                search.failed(node)
            case _:
                heard.add(node.peer)
                first = now if first is None and node.peer in overlay.holders else first
                search.answered(node, overlay.answer(overlay.by_peer[node.peer], own))
    return Walk(
        rounds=search.rounds,
        asked=search.asked,
        seconds=now,
        first_value=first,
        recall=sum(node.peer in heard for node in overlay.true) / len(overlay.true),
        lost=not overlay.left,
    )


def measure(
    size: int, attacks: list[Attack], paths: list[int], *, searches: int, churn: float, seed: int, keys: int = KEYS
) -> Iterator[Row]:
    """A row for each attack and number of paths, in the same networks; `churn` is the share that leaves in an hour."""
    limits = KadLimits()
    lives = population(size, churn, random.Random(f"population {seed} {size} {churn}"))
    for attack in attacks:
        walks: dict[int, list[Walk]] = {count: [] for count in paths}
        for which in range(min(keys, searches)):
            name = f"{seed} {size} {which}"
            overlay = _around(lives, attack, limits, name)
            each = searches // keys + (which < searches % keys)
            for number, searcher in enumerate(overlay.searchers(each)):
                for count in paths:
                    made = walk(overlay, searcher, attrs.evolve(limits, paths=count), f"{name} {number}")
                    walks[count].append(made)
        for count in paths:
            yield _row(size, attack, count, walks[count])


def _around(lives: list[Life], attack: Attack, limits: KadLimits, seed: str) -> Overlay:
    """The network around a key, with the gang that wants it."""
    dice = random.Random(f"key {seed}")
    honest = [life for life in lives if life.at(0)]
    while True:
        key = dice.randbytes(32)
        near = nearest(key, honest, NEIGHBOURS)
        target = int.from_bytes(key, "big")
        if near[0].node.long_id ^ target > (1 << BITS) // (2 * len(honest)):
            break  # no node is nearer than half of what is usual, so that to grind before it takes no hours
    published = -dice.random() * REPUBLISHED
    odds = attack.share / (1 - attack.share)

    def ganged(count: int, within: int = 1 << BITS, **when: Any) -> list[Life]:
        return gang(ground(count, key, within), attack.networks or max(1, count), dice, **when)

    liars: list[Life] = []
    match attack.kind:
        case Kind.NEAR:
            liars = ganged(round(len(near) * odds), near[-1].node.long_id ^ target)
        case Kind.EVERYWHERE:
            liars = ganged(round(len(honest) * odds))
        case Kind.NEAREST:
            liars = ganged(NEAREST, near[0].node.long_id ^ target, born=published + 1)
        case Kind.HIDDEN | Kind.HOLES:
            liars = ganged(round(len(honest) * odds))
            ends = -math.inf if attack.kind is Kind.HOLES else math.inf
            liars += ganged(NEAREST, near[0].node.long_id ^ target, hidden=True, died=ends)
    return Overlay([*lives, *liars], key, published=published, limits=limits, seed=seed)


def _row(size: int, attack: Attack, paths: int, walks: list[Walk]) -> Row:
    firsts = [each.first_value for each in walks if each.first_value is not None]
    ends = [each.seconds for each in walks]
    return Row(
        size=size,
        attack=str(attack),
        paths=paths,
        searches=len(walks),
        rounds=statistics.fmean(each.rounds for each in walks),
        asked=statistics.fmean(each.asked for each in walks),
        recall=statistics.fmean(each.recall for each in walks),
        success=len(firsts) / len(walks),
        lost=statistics.fmean(each.lost for each in walks),
        first_p50_s=_quantile(firsts, 0.5),
        first_p95_s=_quantile(firsts, 0.95),
        end_p50_s=_quantile(ends, 0.5),
        end_p95_s=_quantile(ends, 0.95),
    )


def _quantile(values: list[float], share: float) -> float | None:
    """The least value that is not below so large a share of all, if there are any."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)] if values else None
