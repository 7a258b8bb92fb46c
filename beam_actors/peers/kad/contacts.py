"""The table of contacts: whom this node knows where in the space of ids, more of them the nearer (pure).

Invariants: a contact was reached by this node under its own key, or it isn't here; this node itself is never here;
each bucket holds at most k contacts, all of its range, and the ranges cover the space without a gap; of one network at
most `network_per_bucket` and `network_per_table`; a contact that answers is never pushed out, since who was there long
will most likely stay (section 2.4 of the paper) and since new keys cost nothing.

The buckets are those of `kademlia`. Overridden: what reads a clock (`touch_last_updated`), what starts asyncio or lets
strangers steer the splits (`add_contact` is `met`), what misses nearer nodes (`find_neighbors` is `closest`), what
cuts a space of 160 bits (`flush`) or loses an id at the end of a range (`get_bucket_for`), and what puts a node into a
free place unseen (`split`, `remove_node`): a place is given by the table, which knows the caps.
"""

import heapq
import math
from bisect import bisect_left
from collections import Counter, OrderedDict
from collections.abc import Iterator

from kademlia.node import Node
from kademlia.routing import KBucket, RoutingTable

from beam_actors.peers.kad.ids import BITS, BYTES, node_id
from beam_actors.peers.kad.limits import KadLimits
from beam_actors.peers.kad.node import KadNode
from beam_actors.ports import Entropy
from beam_actors.values import PeerId


class Bucket(KBucket):
    """One range of ids. `nodes` and `replacement_nodes` are in the order in which they were last met."""

    nodes: OrderedDict[bytes, KadNode]
    replacement_nodes: OrderedDict[bytes, KadNode]

    def __init__(self, lower: int, upper: int, *, size: int, waiting: int) -> None:
        super().__init__(lower, upper, size)
        self.max_replacement_nodes = waiting
        self.seen: dict[bytes, float] = {}
        """When each of them, those who wait too, was last met."""
        self.silent: set[bytes] = set()
        """Contacts that did not answer the last time."""
        self.asked: dict[bytes, float] = {}
        """When each contact was last given out to be asked whether it lives, of those not met since."""
        self.pinged: tuple[bytes, float] | None = None
        """Which of them that was last, and when, until it is known what came of it."""

    def __repr__(self) -> str:
        return f"Bucket({len(self)} of {self.ksize}, {len(self.replacement_nodes)} waiting)"

    def touch_last_updated(self) -> None:
        """Not by the machine's clock, as the package's constructor would; the table says when."""
        self.last_updated = 0.0

    def split(self) -> tuple["Bucket", "Bucket"]:
        """Two buckets of half the range each; who waits goes on waiting."""
        lower, upper = self.range
        middle = (lower + upper) // 2
        halves = (self._part(lower, middle), self._part(middle + 1, upper))
        for node in self.nodes.values():
            halves[node.long_id > middle].nodes[node.id] = node
        for node in self.replacement_nodes.values():
            halves[node.long_id > middle].replacement_nodes[node.id] = node
        return halves

    def _part(self, lower: int, upper: int) -> "Bucket":
        part = Bucket(lower, upper, size=self.ksize, waiting=self.max_replacement_nodes)
        part.last_updated = self.last_updated
        part.seen = {name: at for name, at in self.seen.items() if lower <= int.from_bytes(name, "big") <= upper}
        part.silent = self.silent & part.seen.keys()
        part.asked = {name: at for name, at in self.asked.items() if name in part.seen}
        return part

    def remove_node(self, node: Node) -> None:
        """Forget the node; its place stays free until the table gives it away."""
        self.replacement_nodes.pop(node.id, None)
        self.nodes.pop(node.id, None)
        self.seen.pop(node.id, None)
        self.asked.pop(node.id, None)
        self.silent.discard(node.id)
        self.heard_of(node.id)

    def heard_of(self, name: bytes) -> None:
        """It is known what came of asking the contact, if it was asked: the next one may be."""
        if self.pinged is not None and self.pinged[0] == name:
            self.pinged = None

    def turn(self, name: bytes) -> float:
        """When the contact was met or asked last: whoever's turn is longest ago is asked next."""
        return max(self.seen[name], self.asked.get(name, -math.inf))

    def of_network(self, network: str) -> int:
        """How many contacts it holds of a network."""
        return sum(node.network == network for node in self.nodes.values())


class Contacts(RoutingTable):
    """The table of one node; times are seconds of a clock that never goes back."""

    buckets: list[Bucket]

    def __init__(self, own: PeerId, limits: KadLimits, now: float) -> None:
        self._limits = limits
        self._networks: Counter[str] = Counter()
        self._reach: int | None = None
        """How far the k-th nearest contact is, where that was computed since the last one came or went."""
        super().__init__(None, limits.bucket, Node(node_id(own)))
        self.buckets[0].last_updated = now

    def __repr__(self) -> str:
        return f"<Contacts {len(self)} in {len(self.buckets)} buckets>"

    def __len__(self) -> int:
        return sum(map(len, self.buckets))

    def __iter__(self) -> Iterator[KadNode]:
        for bucket in self.buckets:
            yield from bucket.nodes.values()

    def __contains__(self, peer: PeerId) -> bool:
        return not self.is_new_node(Node(node_id(peer)))

    def get(self, peer: PeerId) -> KadNode | None:
        """The peer as it is known, if it is; or as it waits for a place."""
        name = node_id(peer)
        bucket = self._bucket(Node(name))
        return bucket.nodes.get(name) or bucket.replacement_nodes.get(name)

    def flush(self) -> None:
        """Forget everybody: one bucket for the whole space."""
        limits = self._limits
        self.buckets = [Bucket(0, 2**BITS - 1, size=limits.bucket, waiting=limits.waiting)]
        self._networks.clear()
        self._reach = None

    def get_bucket_for(self, node: Node) -> int:
        """The place of the bucket in whose range the node is."""
        return bisect_left(self.buckets, node.long_id, key=lambda bucket: bucket.range[1])

    # --- who comes and goes -------------------------------------------------------------------------------------------

    def met(self, node: KadNode, now: float) -> KadNode | None:
        """This node reached the node under its key; returns whom to ask now whether it still lives, if anybody.

        A newcomer to a full bucket waits until a contact is `failed`: the one returned is whoever of them was neither
        met nor asked for longest. So each has its turn, and one that is there and refuses shields no other.
        """
        if node.id == self.node.id:
            return None
        bucket = self._bucket(node)
        known = bucket[node.id]
        if known is not None and known.network != node.network:
            self._remove(known)  # it moved, and counts where it is now
        while bucket.is_new_node(node):
            if not self._fits(bucket, node):
                bucket.remove_node(node)
                self._fill(bucket)
                return None
            if len(bucket) < bucket.ksize:
                break
            if not self._may_split(bucket, node):
                return self._wait(bucket, node, now)
            self._split(bucket)
            bucket = self._bucket(node)
        self._put(bucket, node, now)
        return None

    def lives(self, peer: PeerId) -> None:
        """A contact answered over a session of its own making: it is there, whatever its address leads to now."""
        name = node_id(peer)
        bucket = self._bucket(Node(name))
        bucket.silent.discard(name)
        bucket.heard_of(name)

    def refused(self, peer: PeerId) -> None:
        """A contact cut the question: it is there, which says nothing of the others of its bucket."""
        name = node_id(peer)
        self._bucket(Node(name)).heard_of(name)

    def failed(self, peer: PeerId) -> None:
        """The peer did not answer. It goes if somebody waits for its place, or if it had not answered before.

        Whoever calls this must know that it is not this node that is cut off: then everybody seems to be gone.
        """
        node = Node(node_id(peer))
        bucket = self._bucket(node)
        known = bucket[node.id]
        if known is None:
            bucket.remove_node(node)
            return
        if not bucket.replacement_nodes and node.id not in bucket.silent:
            bucket.silent.add(node.id)
            bucket.heard_of(node.id)
            return
        self._remove(known)
        self._fill(bucket)

    def _bucket(self, node: Node) -> Bucket:
        return self.buckets[self.get_bucket_for(node)]

    def _fits(self, bucket: Bucket, node: KadNode) -> bool:
        """Whether one more of the node's network may enter the bucket."""
        limits, there = self._limits, self._networks[node.network]
        if there < min(limits.network_per_bucket, limits.network_per_table):
            return True
        return there < limits.network_per_table and bucket.of_network(node.network) < limits.network_per_bucket

    def _may_split(self, bucket: Bucket, node: KadNode) -> bool:
        """Only around this node, where the paper wants every node known: its own bucket, and its k nearest (§4.2)."""
        if len(self.buckets) >= self._limits.buckets:
            return False
        if bucket.has_in_range(self.node):
            return True
        if self._reach is None:
            self._reach = heapq.nsmallest(self.ksize, map(self.node.distance_to, self))[-1]
        return self.node.distance_to(node) < self._reach

    def _split(self, bucket: Bucket) -> None:
        index = self.buckets.index(bucket)
        self.split_bucket(index)
        for half in self.buckets[index : index + 2]:
            self._fill(half)

    def _put(self, bucket: Bucket, node: KadNode, met: float) -> None:
        if bucket.is_new_node(node):
            self._networks[node.network] += 1
            self._reach = None
        bucket.replacement_nodes.pop(node.id, None)
        bucket.add_node(node)
        bucket.seen[node.id] = met
        bucket.silent.discard(node.id)
        bucket.asked.pop(node.id, None)
        bucket.heard_of(node.id)

    def _remove(self, node: KadNode) -> None:
        self.remove_contact(node)
        self._reach = None
        self._networks[node.network] -= 1
        if not self._networks[node.network]:
            del self._networks[node.network]

    def _fill(self, bucket: Bucket) -> None:
        """Give free places to those who wait and whom the caps allow, the one met last first."""
        for node in reversed(tuple(bucket.replacement_nodes.values())):
            if len(bucket) >= bucket.ksize:
                return
            if self._fits(bucket, node):
                self._put(bucket, node, bucket.seen[node.id])

    def _wait(self, bucket: Bucket, node: KadNode, now: float) -> KadNode | None:
        """Let the newcomer wait, and say whom of the bucket to ask."""
        waiting = bucket.replacement_nodes
        bucket.remove_node(node)
        same = [other for other in waiting.values() if other.network == node.network]
        if len(same) >= self._limits.network_per_bucket:
            bucket.remove_node(same[0])
        elif len(waiting) >= bucket.max_replacement_nodes:
            bucket.remove_node(next(iter(waiting.values())))
        bucket.add_node(node)
        bucket.seen[node.id] = now
        quiet = self._limits.quiet
        if bucket.pinged is not None and now - bucket.pinged[1] < quiet:
            return None
        name = min(bucket.nodes, key=bucket.turn)
        if now - bucket.turn(name) < quiet:
            return None
        bucket.asked[name] = now
        bucket.pinged = (name, now)
        return bucket.nodes[name]

    # --- who is where -------------------------------------------------------------------------------------------------

    def closest(self, key: bytes, count: int | None = None, *, without: PeerId | None = None) -> list[KadNode]:
        """The contacts nearest to a key, nearest first: k of them, or `count`; none that was silent, nor `without`."""
        target = int.from_bytes(key, "big")
        asker = None if without is None else node_id(without)
        candidates = (
            node
            for bucket in self.buckets
            for node in bucket.nodes.values()
            if node.id != asker and node.id not in bucket.silent
        )
        return heapq.nsmallest(count or self.ksize, candidates, key=lambda node: node.long_id ^ target)

    def start(self, key: bytes, entropy: Entropy) -> list[KadNode]:
        """Where to begin a search: k contacts, three quarters of them the nearest to the key, the others any.

        The others are far most likely, and so no part of a gang whose ids were ground for the key. When all were
        silent the last time they are asked again: else nobody ever would be, by a node whom nobody asks.
        """
        near = self.closest(key, self.ksize - self.ksize // 4)
        if not near:
            return self.silent()[: self.ksize]
        chosen = {node.id for node in near}
        others = [
            node
            for bucket in self.buckets
            for node in bucket.nodes.values()
            if node.id not in chosen and node.id not in bucket.silent
        ]
        far = heapq.nsmallest(self.ksize - len(near), others, key=lambda _: entropy.token(8))
        return near + far

    def silent(self) -> list[KadNode]:
        """The contacts that did not answer the last time."""
        return [bucket.nodes[name] for bucket in self.buckets for name in sorted(bucket.silent)]

    def searched(self, key: bytes, now: float) -> None:
        """This node searched for the key, so the range around it is fresh."""
        self._bucket(Node(key)).last_updated = now

    def lonely(self, now: float, entropy: Entropy) -> list[bytes]:
        """A key in each range that was not searched for long: search for them to refresh the table (section 2.3)."""
        since = now - self._limits.lonely
        return [_somewhere(bucket.range, entropy) for bucket in self.buckets if bucket.last_updated <= since]


def _somewhere(between: tuple[int, int], entropy: Entropy) -> bytes:
    """A key of a range, whose size is a power of two."""
    lower, upper = between
    return (lower + int.from_bytes(entropy.token(BYTES), "big") % (upper - lower + 1)).to_bytes(BYTES, "big")
