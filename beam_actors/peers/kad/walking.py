"""A search of the DHT, carried out: asks whom `Search` names, and hands up at once what is kept under the key.

Whoever wants a search runs it in a worker of its own, and with that worker it ends; the actor of the DHT holds the
table, says where to begin, and hears who answered. Invariants: at most `searches` of a node are under way at once; each
ends within its time; a value never ends one, since those who lie answer first, but nobody waits for the end to have it.
"""

import math
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import attrs
import structlog
import trio

from beam_actors.errors import ActorError, ResourceExhausted, StreamCut
from beam_actors.peers.kad.ids import node_id
from beam_actors.peers.kad.limits import KadLimits
from beam_actors.peers.kad.messages import MAX_STORED, Fate, Find, Store, What
from beam_actors.peers.kad.node import KadNode
from beam_actors.peers.kad.notes import Doubted, Met, Missed, Start
from beam_actors.peers.kad.questions import FAILURES, Answer, Questions
from beam_actors.peers.kad.search import Search
from beam_actors.runtime import Ref
from beam_actors.values import PeerId, TcpAddress

Take = Callable[[PeerId, tuple[bytes, ...]], Awaitable[None]]
"""Is given what a node keeps under the key, unchecked, and whose word that is."""
Heard = Callable[[KadNode, Answer], Awaitable[None]]
_log = structlog.get_logger(__name__)
_Outcome = Callable[[Search], None]


@attrs.frozen(slots=True)
class Walked:
    """One search as it ended."""

    closest: tuple[KadNode, ...]
    """The nodes nearest to the key of those that answered."""
    asked: int
    rounds: int
    told: int
    """How many had values."""
    complete: bool
    """Whether nobody was left to ask; else its time was over."""


class Walker:
    """Searches of one node, each by whoever calls."""

    def __init__(self, *, us: PeerId, dht: Ref, questions: Questions, limits: KadLimits) -> None:
        self._us = us
        self._dht = dht
        self._questions = questions
        self._limits = limits
        self._places = trio.CapacityLimiter(limits.searches)
        self.ended = 0
        """How many searches came to their end."""
        self.most_rounds = 0
        """The most rounds that one of them took."""

    def __repr__(self) -> str:
        return f"Walker({self._places.borrowed_tokens} under way, {self.ended} ended)"

    async def walk(self, key: bytes, what: What, owner: Ref, take: Take | None = None) -> Walked:
        """Search for the nodes nearest to a key, for an actor to which the streams belong meanwhile.

        A node that knows nobody asks nobody. Raises `ActorError` when the room restarts.
        """
        told = 0

        async def heard(node: KadNode, answer: Answer) -> None:
            nonlocal told
            if answer.values and take is not None:
                told += 1
                await take(node.peer, answer.values)

        walked = await self._walk(Find(what, key), owner, heard)
        return attrs.evolve(walked, told=told)

    async def locate(self, peer: PeerId, owner: Ref) -> tuple[TcpAddress, ...]:
        """Where a peer is, by its own signed record, the newest first; empty if no node near its place knows it.

        The search ends a moment after the first that knows: others may have a newer record.
        """
        found: dict[TcpAddress, int] = {}
        scope = trio.CancelScope()

        async def heard(node: KadNode, answer: Answer) -> None:
            await trio.lowlevel.checkpoint()
            for one in (node, *answer.near):
                if one.peer == peer:
                    found[one.address] = max(one.record.seq, found.get(one.address, 0))
                    scope.deadline = min(scope.deadline, trio.current_time() + self._limits.locate_grace)

        with scope:
            await self._walk(Find(What.NODES, node_id(peer)), owner, heard)
        return tuple(sorted(found, key=lambda address: (-found[address], str(address))))

    async def _walk(self, find: Find, owner: Ref, heard: Heard) -> Walked:
        async with self._places:
            start: tuple[KadNode, ...] = await self._dht.ask(Start(find.key), timeout=self._limits.search_timeout)
            search = Search(find.key, start, own=self._us, limits=self._limits)
            walk = _Walk(search, find, owner, heard, self._questions, self._dht, self._limits)
            with trio.move_on_after(self._limits.search_timeout) as scope:
                await walk.run()
            for node in search.unanswered():
                self._dht.tell(Doubted(node.peer, node.address))
            self.ended += 1
            self.most_rounds = max(self.most_rounds, search.rounds)
            return Walked(
                tuple(search.closest()), search.asked, search.rounds, told=0, complete=not scope.cancelled_caught
            )

    async def store(self, key: bytes, what: What, values: Sequence[bytes], owner: Ref) -> tuple[PeerId, ...]:
        """Give values to the nodes nearest to the key; those that keep all of them now."""
        walked = await self.walk(key, What.NODES, owner)
        kept: list[PeerId] = []
        message = Store(what, key, tuple(values[:MAX_STORED]))

        async def give(node: KadNode) -> None:
            try:
                async with self._questions.turn(node):
                    fates = await self._questions.store(node, message, owner)
            except FAILURES as error:
                _log.debug("a node was not given what it should keep", peer=str(node.peer), error=str(error))
                return
            if all(fate in {Fate.KEPT, Fate.KNOWN} for fate in fates):
                kept.append(node.peer)

        with trio.move_on_after(self._limits.search_timeout):
            async with trio.open_nursery() as nursery:
                for node in walked.closest:
                    nursery.start_soon(give, node)
        return tuple(sorted(kept))


class _Walk:
    """One search under way."""

    def __init__(
        self,
        search: Search,
        find: Find,
        owner: Ref,
        heard: Heard,
        questions: Questions,
        dht: Ref,
        limits: KadLimits,
    ) -> None:
        self._search = search
        self._find = find
        self._owner = owner
        self._heard = heard
        self._questions = questions
        self._dht = dht
        self._limits = limits
        self._tell, self._hear = trio.open_memory_channel[_Outcome](math.inf)  # at most three of each that is asked

    async def run(self) -> None:
        """Ask until nobody is left to ask."""
        async with trio.open_nursery() as nursery:
            while True:
                for node in self._search.asks():
                    nursery.start_soon(self._ask, node, nursery)
                if self._search.done:
                    break
                outcome = await self._hear.receive()
                outcome(self._search)
            nursery.cancel_scope.cancel()  # those who are slow

    async def _ask(self, node: KadNode, nursery: trio.Nursery) -> None:
        outcome: _Outcome = partial(Search.failed, asked=node)
        try:
            async with self._questions.turn(node):
                nursery.start_soon(self._lose_patience, node)
                answer = await self._questions.find(node.peer, node.address, self._find, self._owner)
            await self._taken(node, answer)
            outcome = partial(Search.answered, asked=node, nodes=answer.near)
        except (ResourceExhausted, ActorError) as error:  # here, which says nothing of the other
            outcome = partial(Search.unasked, asked=node)
            _log.debug("a node was not asked", peer=str(node.peer), error=str(error))
        except FAILURES as error:
            _log.debug("a node did not answer", peer=str(node.peer), error=str(error))
            self._dht.tell(Missed(node.peer, node.address, cut=isinstance(error, StreamCut)))
        self._tell.send_nowait(outcome)

    async def _lose_patience(self, node: KadNode) -> None:
        await trio.sleep(self._limits.slow)
        self._tell.send_nowait(partial(Search.slow, asked=node))
        await trio.sleep(self._limits.silent - self._limits.slow)
        self._tell.send_nowait(partial(Search.silent, asked=node))

    async def _taken(self, node: KadNode, answer: Answer) -> None:
        self._dht.tell(Met(answer.own, answer.dialled))
        try:
            await self._heard(node, answer)
        except ActorError as error:
            _log.debug("what a node says was not taken in", peer=str(node.peer), error=str(error))
