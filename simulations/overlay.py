"""A network of DHT nodes as one search meets it: who lives, what each has in its table, and who lies.

The tables are the daemon's own (`peers.kad.contacts`), filled as they would stand: each range of a table was refreshed
at some moment of the last hour, from those who lived then; some have left since, and of those who came after only the
nearest are known, since a newcomer searches for itself. A table is made when it is first asked, so that 10,000 nodes
cost what a search touches. Invariant: everything follows from the seed, and an id from a key: a gang really grinds.
"""

import functools
import ipaddress
import random
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import attrs

from beam_actors.peers.kad.contacts import Contacts
from beam_actors.peers.kad.ids import BITS, distance, node_id
from beam_actors.peers.kad.limits import KadLimits
from beam_actors.peers.kad.node import KadNode
from beam_actors.testing.network.regions import REGIONS, WEIGHTS
from beam_actors.values import Multiaddr, PeerId, TcpAddress
from beam_actors.wire import PeerRecord

HOUR = 3600.0
REPUBLISHED = 6 * HOUR
"""How often an owner publishes: what a search finds was put there at some moment of this time, and not repaired."""
_FIRST_NETWORK = int(ipaddress.IPv4Address("11.0.0.0"))
_NETWORKS = 1 << 16
"""Networks of /24 among which honest nodes are strewn."""
_SAMPLE = 24
"""How many of a range a node had met when it refreshed it: more than a bucket holds, so that the caps have a choice."""


@attrs.frozen(slots=True, eq=False)
class Life:
    """One node from when it came until it left; seconds, the moment of the search is 0."""

    node: KadNode
    region: str
    born: float = -float("inf")
    died: float = float("inf")
    hostile: bool = False
    hidden: bool = False
    """Whether nobody has it in a table: it is named by liars alone."""

    def at(self, moment: float) -> bool:
        """Whether it is there."""
        return self.born <= moment < self.died


def population(size: int, churn: float, dice: random.Random) -> list[Life]:
    """`size` nodes at every moment, of which a share of `churn` an hour leaves and is replaced by others."""
    lives: list[Life] = []
    for _ in range(size):
        born, died = -float("inf"), -REPUBLISHED
        while died < 0:
            died = died + dice.expovariate(churn / HOUR) if churn else float("inf")
            until = died if died < 0 else float("inf")
            lives.append(Life(_node(dice, _honest_network(dice)), _region(dice), born, until))
            born = died
    return lives


@functools.lru_cache(maxsize=64)  # the same ones serve each attack on a key, and grinding takes longest of all
def ground(size: int, key: bytes, within: int) -> tuple[PeerId, ...]:
    """Peers whose ids are nearer to a key than `within`: as in life, each takes many keys."""
    dice = random.Random(key)
    found: list[PeerId] = []
    while len(found) < size:
        peer = PeerId(dice.randbytes(32))
        if distance(node_id(peer), key) < within:
            found.append(peer)
    return tuple(found)


def gang(peers: Sequence[PeerId], networks: int, dice: random.Random, **life: Any) -> list[Life]:
    """Nodes of one attacker, in so many networks of /24, none of them an honest one's; `life` are fields of `Life`."""
    return [
        Life(_node(dice, _NETWORKS + which % networks, peer), _region(dice), hostile=True, **life)
        for which, peer in enumerate(peers)
    ]


class Overlay:
    """The network around one key, whose value was published at some moment before 0."""

    def __init__(self, lives: Collection[Life], key: bytes, *, published: float, limits: KadLimits, seed: str) -> None:
        self.key = key
        self._limits = limits
        self._seed = seed
        self._lives = sorted((life for life in lives if not life.hidden), key=lambda life: life.node.long_id)
        self._ids = [life.node.long_id for life in self._lives]
        self._tables: dict[PeerId, Contacts] = {}
        self.by_peer = {life.node.peer: life for life in lives}
        self._liars = [life.node for life in nearest(key, (life for life in lives if life.hostile), limits.told + 1)]
        there = self._nearest_at(published)
        self.holders = {life.node.peer for life in there if not life.hostile}
        """Who was given the value, and keeps it."""
        self.left = sum(life.at(0) for life in there if not life.hostile)
        """How many of those are still there."""
        self.true = [life.node for life in self._nearest_at(0)]
        """The k nearest of those who live, whoever they are."""

    def _nearest_at(self, moment: float) -> list[Life]:
        """The k nearest of a moment, few of one network, as a search would return them."""
        chosen: list[Life] = []
        networks: Counter[str] = Counter()
        for life in nearest(self.key, (life for life in self._lives if life.at(moment)), 10 * self._limits.bucket):
            if networks[life.node.network] < self._limits.path_per_network and len(chosen) < self._limits.bucket:
                networks[life.node.network] += 1
                chosen.append(life)
        return chosen

    def searchers(self, count: int) -> list[Life]:
        """Honest nodes that live and don't hold the value themselves."""
        able = [life for life in self._lives if life.at(0) and not life.hostile and life.node.peer not in self.holders]
        return random.Random(f"searchers {self._seed}").sample(able, min(count, len(able)))

    def answer(self, asked: Life, asker: PeerId) -> list[KadNode]:
        """Whom a node names that is asked for the key."""
        if asked.hostile:
            return [node for node in self._liars if node.peer != asked.node.peer]
        return self.table(asked).closest(self.key, without=asker)

    def table(self, life: Life) -> Contacts:
        """The node's table, made when it is first wanted."""
        table = self._tables.get(life.node.peer)
        if table is None:
            table = self._tables[life.node.peer] = self._filled(life)
        return table

    def _filled(self, own: Life) -> Contacts:
        dice = random.Random(f"table {self._seed} {own.node.peer}")
        table = Contacts(own.node.peer, self._limits, -HOUR)
        refreshed: list[tuple[float, Sequence[Life]]] = []
        for shared in range(BITS):
            there = self._sharing(own.node.long_id, shared)
            if len(there) == 0:
                break
            at = max(-dice.random() * HOUR, own.born)
            refreshed.append((at, self._some(self._outside(own.node.long_id, shared), at, dice)))
        for at, met in sorted(refreshed, key=lambda item: item[0]):
            for life in met:
                table.met(life.node, at)
        near = self._sharing(own.node.long_id, max(0, len(refreshed) - 8))
        since = min(at for at, _ in refreshed)
        living = [self._lives[index] for index in near if self._lives[index].at(0) and self._lives[index] is not own]
        for life in sorted(_near(own.node.long_id, living, self._limits.bucket), key=lambda life: life.born):
            if life.born > since:
                table.met(life.node, life.born)
        return table

    def _sharing(self, own: int, shared: int) -> range:
        """The places of those whose ids share so many first bits with an id, itself among them, if there are others."""
        size = BITS - shared
        lower = own >> size << size
        found = range(bisect_left(self._ids, lower), bisect_left(self._ids, lower + (1 << size)))
        return found if len(found) > 1 else range(0)

    def _outside(self, own: int, shared: int) -> range:
        """The places of those whose ids share so many first bits and not one more."""
        size = BITS - shared - 1
        lower = (own >> size ^ 1) << size
        return range(bisect_left(self._ids, lower), bisect_left(self._ids, lower + (1 << size)))

    def _some(self, places: range, at: float, dice: random.Random) -> list[Life]:
        """Some of those who were there at a moment, as many as a node meets in a range."""
        chosen = dice.sample(places, min(len(places), 3 * _SAMPLE))
        return [self._lives[index] for index in chosen if self._lives[index].at(at)][:_SAMPLE]


def nearest(key: bytes, lives: Iterable[Life], count: int) -> list[Life]:
    """Those nearest to a key, nearest first."""
    return _near(int.from_bytes(key, "big"), lives, count)


def _near(target: int, lives: Iterable[Life], count: int) -> list[Life]:
    return sorted(lives, key=lambda life: life.node.long_id ^ target)[:count]


def _honest_network(dice: random.Random) -> int:
    return dice.randrange(_NETWORKS)


def _region(dice: random.Random) -> str:
    return dice.choices(REGIONS, [WEIGHTS[region] for region in REGIONS])[0]


def _node(dice: random.Random, network: int, peer: PeerId | None = None) -> KadNode:
    """A node in a network of /24; its record is not signed, since nobody here reads it."""
    ip = ipaddress.IPv4Address(_FIRST_NETWORK + network * 256 + dice.randrange(1, 255))
    address = TcpAddress(str(ip), 4747)
    record = PeerRecord(peer or PeerId(dice.randbytes(32)), 1, (Multiaddr.from_address(address),), b"")
    return KadNode(record, address)
