"""The search for the nodes nearest to a key, over disjoint paths (sans-IO: it says whom to ask, and is told answers).

Source: Kademlia section 2.3, S/Kademlia section 4.4. Each path has candidates of its own, those that nodes on it have
named; a node is asked by one path alone, so whoever lies there misleads no other. Of whom a node named in vain a path
takes few: then the rest of what it alone named is left aside, until more of it answers. A path ends when the k nearest
that it has heard of were asked, by whichever path; the result is what answered on all of them.

Invariants: nobody is asked twice at one address, nor this node itself; no more than `asks` in all, each path its
share, so a search ends under any answers; what an answer names is cut before it is looked at. Values don't pass
through here: none can end the search, since who lies answers first. It holds no clock: the caller says of an answer
that it is late (`slow`), or so late that nobody may be there (`silent`), or won't come (`failed`), or that nobody was
asked for it (`unasked`), and leaves off when it likes.
"""

from collections import Counter
from collections.abc import Container, Iterable, Iterator
from itertools import islice

import attrs
from kademlia.node import Node, NodeHeap

from beam_actors.peers.kad.ids import node_id
from beam_actors.peers.kad.limits import KadLimits
from beam_actors.peers.kad.node import KadNode
from beam_actors.values import PeerId, TcpAddress

Where = tuple[bytes, TcpAddress]
"""The id of a node, and its address."""


@attrs.define(slots=True)
class Outcomes:
    """What became of those that one search asked."""

    of: dict[Where, int] = attrs.field(factory=dict)
    """-1 for one that answered, 1 for one that was silent, 0 for one of which nobody can know."""
    led: bool = False
    """Whether anybody answered whom another had named; else this node may be on a line so slow that all are silent."""


class Path:
    """The candidates of one path: the k nearest that count, and as many behind them as may take their places."""

    def __init__(self, target: Node, limits: KadLimits, asks: int, outcomes: Outcomes) -> None:
        self._target = target
        self._limits = limits
        self._outcomes = outcomes
        self._heap = self._heap_of(())
        self._named: dict[bytes, KadNode] = {}
        """All that it ever took up, at most `told` of each answer; they stay counted when they are forgotten."""
        self._namers: dict[bytes, set[bytes]] = {}
        """Who named each; nobody, of what this node knew."""
        self._vain: Counter[bytes] = Counter()
        """How many more of those that each has named were in vain than answered."""
        self._aside: list[KadNode] = []
        """Those that are left aside, since all who named them named too much in vain."""
        self._networks: Counter[str] = Counter()
        self._sure: list[KadNode] = []
        """Whom it asks at the latest when there is nobody else: an honest one may show where others were led astray."""
        self.left = asks
        """How many it may still ask."""
        self.waiting = 0
        """How many it waits for now."""

    def __repr__(self) -> str:
        return f"Path({len(self._named)} named, {self.left} asks left, {self.waiting} waited for)"

    def _heap_of(self, nodes: Iterable[tuple[int, KadNode]]) -> "NodeHeap[KadNode]":
        heap: NodeHeap[KadNode] = NodeHeap(self._target, self._limits.bucket)
        heap.heap = list(nodes)
        return heap

    def take(
        self,
        nodes: Iterable[KadNode],
        gone: Container[Where],
        per_network: int,
        namer: KadNode | None = None,
    ) -> list[KadNode]:
        """Take up what an answer names, the nearest first, without what is `gone`; returns what is new."""
        fresh: list[KadNode] = []
        of_answer: Counter[str] = Counter()
        for node in sorted(nodes, key=self._target.distance_to):
            self._names(namer, node)
            if (node.id, node.address) in gone or node.id in self._named:
                continue
            network = node.network
            if of_answer[network] >= per_network or self._networks[network] >= self._limits.path_per_network:
                continue
            of_answer[network] += 1
            self._networks[network] += 1
            self._named[node.id] = node
            self._namers[node.id] = set() if namer is None else {namer.id}
            fresh.append(node)
        self._heap.push(fresh)
        # The package bounds what a heap shows, not what it holds: it would keep all that liars name.
        most = 3 * self._limits.bucket
        if len(self._heap.heap) > most:
            contacted = self._heap.contacted
            self._heap = self._heap_of(sorted(self._heap.heap)[:most])
            self._heap.contacted = contacted
        return fresh

    def begin(self, nodes: Iterable[KadNode]) -> list[KadNode]:
        """Take up what this node knew, which the caps of its table have bounded; some of them it asks for sure."""
        fresh = self.take(nodes, (), per_network=self._limits.bucket)
        self._sure = fresh[: self._limits.sure]
        return fresh

    def next(self) -> KadNode | None:
        """The nearest of its k that nobody has asked, or one that it asks for sure; None when there is none."""
        if not self.left:
            return None
        if self._aside or (self._outcomes.led and max(self._vain.values(), default=0) >= self._limits.vain):
            self._sift()
        nodes = self._heap.get_uncontacted() or [node for node in self._sure if node.id not in self._heap.contacted]
        return nodes[0] if nodes else None

    def asked(self, node: KadNode) -> None:
        """Some path asks the node, so this one won't."""
        self._heap.mark_contacted(node)

    def lost(self, node: KadNode) -> None:
        """The node doesn't answer: the next one moves up among the k.

        Unless this path is told another address: a liar may have passed on an old record, to have it missed by all.
        """
        named = self._named.get(node.id)
        if named is not None and named.address == node.address:
            self._heap.remove([node.id])
        else:
            self._heap.contacted.discard(node.id)

    def _names(self, namer: KadNode | None, node: KadNode) -> None:
        """One more names a node: it answers for what became of it, or will."""
        if namer is not None:
            self._vain[namer.id] += self._outcomes.of.get((node.id, node.address), 0)
            known, namers = self._named.get(node.id), self._namers.get(node.id)
            if known is not None and namers and known.address == node.address:
                namers.add(namer.id)

    def told(self, node: KadNode, change: int) -> None:
        """What became of a node that was asked: all who named it answer for that."""
        if node.id in self._named and self._named[node.id].address == node.address:
            self._vain.update(dict.fromkeys(self._namers[node.id], change))

    def _sift(self) -> None:
        """Leave aside what only those named who named too much in vain, and take up again what others name, too."""
        again = [node for node in self._aside if not self._is_in_vain(node)]
        if again:
            self._aside = [node for node in self._aside if node not in again]
            self._heap.push(again)
        while left := [node for node in self._heap.get_uncontacted() if self._is_in_vain(node)]:
            self._aside += left
            self._heap.remove([node.id for node in left])

    def _is_in_vain(self, node: KadNode) -> bool:
        namers = self._namers[node.id]
        return bool(namers) and all(self._vain[namer] >= self._limits.vain for namer in namers)

    def back(self, node: KadNode) -> None:
        """The node has answered after all: it counts again, if the path had heard of it."""
        if node.id in self._named:
            self._heap.push(node)


@attrs.define(slots=True)
class _Ask:
    """One question that was given out."""

    node: KadNode
    path: Path
    late: bool = False


class Search:
    """One search. Ask whom `asks` names, report each (`answered`, `failed`, ...), and ask again, until it is `done`."""

    def __init__(self, key: bytes, start: Iterable[KadNode], *, own: PeerId, limits: KadLimits) -> None:
        self._limits = limits
        self._target = Node(key)
        self._own = node_id(own)
        self._gone: set[Where] = set()
        """Who didn't answer, each at which address."""
        self._outcomes = Outcomes()
        self._depth: dict[bytes, int] = {}
        """How many answers led to each node that was named; 1 for those that this node knew."""
        self._asks: dict[KadNode, _Ask] = {}
        self._answered: dict[PeerId, KadNode] = {}
        self.asked = 0
        """How many were asked."""
        self.rounds = 0
        """The most answers that led one to another: what takes the time, however many are asked at once."""
        candidates = (node for node in start if node.id != self._own)
        known = sorted(candidates, key=self._target.distance_to)[: limits.bucket]
        count = max(1, min(limits.paths, len(known)))
        self._paths = [Path(self._target, limits, limits.asks // count, self._outcomes) for _ in range(count)]
        self._turn = 0
        for path, nodes in zip(self._paths, _dealt(known, count), strict=True):
            for node in path.begin(nodes):
                self._depth.setdefault(node.id, 1)

    def __repr__(self) -> str:
        return f"<Search {self._target.id.hex()[:8]}, {len(self._paths)} paths, {self.asked} asked>"

    # --- asking -------------------------------------------------------------------------------------------------------

    def asks(self) -> list[KadNode]:
        """Whom to ask now, beside those that are being asked; call it again after each report."""
        chosen: list[KadNode] = []
        while (found := self._next()) is not None:
            path, node = found
            path.left -= 1
            path.waiting += 1
            for other in self._paths:
                other.asked(node)
            self._asks[node] = _Ask(node, path)
            self.asked += 1
            self.rounds = max(self.rounds, self._depth[node.id])
            chosen.append(node)
        return chosen

    def _next(self) -> tuple[Path, KadNode] | None:
        """The next path whose turn it is, and whom it asks; a silent one holds up its own path alone."""
        paths = self._paths
        nexts = {id(path): node for path in paths if (node := path.next()) is not None}
        going = sum(id(path) in nexts or path.waiting > 0 for path in paths)
        if not nexts or sum(path.waiting for path in paths) >= self._limits.parallel:
            return None
        share = max(1, self._limits.parallel // going)
        for step in range(len(paths)):
            path = paths[(self._turn + step) % len(paths)]
            if id(path) in nexts and path.waiting < share:
                self._turn = (self._turn + step + 1) % len(paths)
                return path, nexts[id(path)]
        return None

    # --- what became of it --------------------------------------------------------------------------------------------

    def answered(self, asked: KadNode, nodes: Iterable[KadNode]) -> None:
        """A node that `asks` gave out named these; one that was not, or that had failed, is not heard."""
        ask = self._asks.pop(asked, None)
        if ask is None:
            return
        if ask.late:
            self._gone.discard((asked.id, asked.address))
            for path in self._paths:
                path.asked(asked)
                path.back(asked)
        else:
            ask.path.waiting -= 1
        self._became(asked, -1)
        self._outcomes.led |= self._depth[asked.id] > 1
        self._answered[asked.peer] = asked
        depth = self._depth[asked.id] + 1
        limits = self._limits
        named = (node for node in islice(nodes, limits.told) if node.id != self._own)
        for node in ask.path.take(named, self._gone, limits.told_per_network, asked):
            self._depth.setdefault(node.id, depth)

    def slow(self, asked: KadNode) -> None:
        """The node takes long: the search goes on as if it were gone, and still hears it if it answers in time."""
        ask = self._asks.get(asked)
        if ask is not None and not ask.late:
            ask.late = True
            self._lose(ask)

    def silent(self, asked: KadNode) -> None:
        """The node takes so long that it is most likely not there: whoever named it answers for that."""
        if asked in self._asks:
            self._became(asked, 1)

    def _became(self, asked: KadNode, outcome: int) -> None:
        where = asked.id, asked.address
        before = self._outcomes.of.get(where, 0)
        if outcome != before:
            self._outcomes.of[where] = outcome
            for path in self._paths:
                path.told(asked, outcome - before)

    def failed(self, asked: KadNode) -> None:
        """The node can't be reached, or won't answer, or answered with what can't be read."""
        self.silent(asked)
        self._end(asked)

    def unasked(self, asked: KadNode) -> None:
        """This node could not ask it, for reasons of its own: the search does without it, and nobody answers for that.

        What its silence had already said of those who named it is taken back.
        """
        if asked in self._asks:
            self._became(asked, 0)
        self._end(asked)

    def _end(self, asked: KadNode) -> None:
        ask = self._asks.pop(asked, None)
        if ask is not None and not ask.late:
            self._lose(ask)

    def _lose(self, ask: _Ask) -> None:
        ask.path.waiting -= 1
        self._gone.add((ask.node.id, ask.node.address))
        for path in self._paths:
            path.lost(ask.node)

    def unanswered(self) -> list[KadNode]:
        """Who is still being asked, such as those that are slow when the search is done."""
        return list(self._asks)

    # --- what was found -----------------------------------------------------------------------------------------------

    @property
    def done(self) -> bool:
        """Whether nothing is left to ask, and nobody is waited for but those who are slow."""
        return all(path.waiting == 0 and path.next() is None for path in self._paths)

    def closest(self) -> list[KadNode]:
        """The k nearest of those that answered, whichever path found them, nearest first; few of one network.

        What is stored goes to these: were they all of one gang, near as it may be, nobody would find it again.
        """
        found: list[KadNode] = []
        networks: Counter[str] = Counter()
        for node in sorted(self._answered.values(), key=self._target.distance_to):
            if networks[node.network] < self._limits.path_per_network and len(found) < self._limits.bucket:
                networks[node.network] += 1
                found.append(node)
        return found


def _dealt(nodes: list[KadNode], paths: int) -> Iterator[list[KadNode]]:
    """The nearest ones to the first path, and so on.

    Whoever grinds ids for a key stands among the nearest. Had each path some of those, each would be led astray by its
    first question; so only the first ones are.
    """
    for which in range(paths):
        yield nodes[len(nodes) * which // paths : len(nodes) * (which + 1) // paths]
