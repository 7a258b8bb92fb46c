"""The actor of the DHT: the table of whom this node knows in the space of ids, and its answers to others.

It learns of others by who is connected and by who asks: each is asked back once, and enters the table when it was
reached at its own address under its own key. Then this node looks for its own place, and now and then where it has not
looked for long. Invariants: whom others name goes to searches only; who doesn't answer is forgotten only while others
do; a node that knows nobody does nothing. What is searched for, and kept, is no matter here.
"""

from collections import OrderedDict

import structlog

from beam_actors.errors import ActorError, ResourceExhausted, StreamCut
from beam_actors.flow import Stream
from beam_actors.identity import PeerKey
from beam_actors.peers.dialling import Listening
from beam_actors.peers.kad.answers import Answers, Custodian
from beam_actors.peers.kad.contacts import Contacts
from beam_actors.peers.kad.ids import distance, node_id
from beam_actors.peers.kad.limits import KadLimits
from beam_actors.peers.kad.messages import Find, What
from beam_actors.peers.kad.node import KadNode
from beam_actors.peers.kad.notes import Doubted, Join, LookAround, Met, Missed, Start
from beam_actors.peers.kad.questions import FAILURES, Network, Questions
from beam_actors.peers.kad.walking import Walker
from beam_actors.peers.messages import InboundStream, PeerDown, PeerUp
from beam_actors.peers.presence import who_is_up
from beam_actors.peers.sessions import announced, own_record
from beam_actors.ports import Clock, Entropy
from beam_actors.runtime import Actor, Mailbox, Overflow, receives
from beam_actors.values import Bucket, PeerId, TcpAddress
from beam_actors.wire import PeerRecord

_log = structlog.get_logger(__name__)


class DhtActor(Actor):
    """Serves `/beam/kad/1`. Overflow: a question beyond the mailbox is dropped, which resets its stream."""

    mailbox = Mailbox(capacity=1024, overflow=Overflow.DROP_NEWEST)

    def __init__(
        self,
        *,
        key: PeerKey,
        peers: Network,
        questions: Questions,
        walker: Walker,
        custodian: Custodian,
        listening: Listening,
        clock: Clock,
        entropy: Entropy,
        limits: KadLimits,
    ) -> None:
        super().__init__()
        self._key = key
        self._own_id = node_id(key.peer_id)
        self._peers = peers
        self._questions = questions
        self._walker = walker
        self._listening = listening
        self._clock = clock
        self._entropy = entropy
        self._limits = limits
        now = clock.monotonic()
        self._contacts = Contacts(key.peer_id, limits, now)
        self._answers = Answers(
            nearest=lambda target, asker: self._contacts.closest(target, without=asker),
            is_near=self._is_near,
            own=self._own,
            custodian=custodian,
            clock=clock,
            limits=limits,
        )
        self._newcomers: set[PeerId] = set()
        """Those that are being looked at."""
        self._looked_at: OrderedDict[PeerId, float] = OrderedDict()
        """Those that were, and when."""
        self._refusing: OrderedDict[PeerId, float] = OrderedDict()
        """Since when those who cut the last question have cut each."""
        self._pinging: set[PeerId] = set()
        """Contacts of which it is being found out whether they live."""
        self._pace = Bucket(limits.newcomers_per_second, limits.newcomers, now)
        self._heard = now
        """When anybody answered last."""
        self._joins = 0
        self._own_record: PeerRecord | None = None
        self._signed_at = now

    def __repr__(self) -> str:
        return f"<DhtActor {self._contacts!r}, {self._answers!r}>"

    async def on_start(self) -> None:
        """Find out who is connected already: an earlier incarnation heard of it."""
        self.spawn(self._catch_up, name="catch-up")
        self._look_later()

    async def _catch_up(self) -> None:
        for peer in await who_is_up(self._peers):
            self.ref.tell(PeerUp(peer))

    # --- whom it knows ------------------------------------------------------------------------------------------------

    @receives(PeerUp)
    def on_peer_up(self, message: PeerUp) -> None:
        """Get to know an acquaintance, also when it was known before: it may be elsewhere."""
        if message.peer not in self._newcomers:
            self._look_at(message.peer)

    @receives(PeerDown)
    def on_peer_down(self, _message: PeerDown) -> None:
        """It may be back at once: who is asked next finds out."""

    def _stranger(self, peer: PeerId) -> None:
        """Somebody asks, and so may be worth knowing."""
        now, limits = self._clock.monotonic(), self._limits
        if peer in self._newcomers or peer in self._contacts or len(self._newcomers) >= limits.newcomers:
            return
        if now - self._looked_at.get(peer, -limits.newcomer_again) < limits.newcomer_again:
            return
        if self._pace.try_take(now):
            self._look_at(peer)

    def _look_at(self, peer: PeerId) -> None:
        self._newcomers.add(peer)
        self._looked_at[peer] = self._clock.monotonic()
        self._looked_at.move_to_end(peer)
        if len(self._looked_at) > self._limits.newcomers_remembered:
            self._looked_at.popitem(last=False)
        self.spawn(self._ask_back, peer, name="acquaint")

    async def _ask_back(self, peer: PeerId) -> None:
        try:
            answer = await self._questions.find(peer, None, Find(What.NODES, self._own_id), self.ref)
            where = answer.dialled
            if where is None and not self._is_known(peer, answer.where):
                where = await self._questions.knock(peer, answer.where, self.ref)
        except FAILURES as error:
            _log.debug("a peer is no node of the DHT", peer=str(peer), error=str(error))
        else:
            self.ref.tell(Met(answer.own, where))
        finally:
            self._newcomers.discard(peer)

    def _is_known(self, peer: PeerId, where: tuple[TcpAddress, ...]) -> bool:
        """Whether it is in the table, at one of these addresses."""
        known = self._contacts.get(peer)
        return known is not None and known.address in where

    @receives(Met)
    def on_met(self, message: Met) -> None:
        """A peer answered: it enters the table, if it was reached at its own address."""
        self._heard = now = self._clock.monotonic()
        self._refusing.pop(message.record.peer, None)
        if message.dialled is None:
            self._contacts.lives(message.record.peer)
            return
        was_empty = not self._contacts
        unsure = self._contacts.met(KadNode(message.record, message.dialled), now)
        if unsure is not None:
            self._see_to(unsure)
        if was_empty and self._contacts:
            self._joins = 0
            self._join_later()

    @receives(Missed)
    def on_missed(self, message: Missed) -> None:
        """A peer did not answer; if nobody does, it is this node that is cut off.

        Who cuts a stream is there, and was asked too much, unless it does nothing else for long.
        """
        if message.cut and not self._refuses_for_long(message.peer):
            self._contacts.refused(message.peer)
            return
        known = self._contacts.get(message.peer)
        elsewhere = known is not None and known.address != message.address
        if self._clock.monotonic() - self._heard < self._limits.cut_off and not elsewhere:
            self._contacts.failed(message.peer)

    def _refuses_for_long(self, peer: PeerId) -> bool:
        now = self._clock.monotonic()
        since = self._refusing.setdefault(peer, now)
        if len(self._refusing) > self._limits.askers:
            self._refusing.popitem(last=False)
        return now - since > self._limits.refusing

    @receives(Doubted)
    def on_doubted(self, message: Doubted) -> None:
        """Find out whether a contact still lives, with all the time that an answer may take."""
        known = self._contacts.get(message.peer)
        if known is not None and known.address == message.address:
            self._see_to(known)

    def _see_to(self, node: KadNode) -> None:
        if node.peer not in self._pinging and len(self._pinging) < self._limits.pings:
            self._pinging.add(node.peer)
            self.spawn(self._ping, node, name="ping")

    async def _ping(self, node: KadNode) -> None:
        try:
            async with self._questions.turn(node):
                answer = await self._questions.find(node.peer, node.address, Find(What.NODES, self._own_id), self.ref)
        except (ResourceExhausted, ActorError) as error:  # here, which says nothing of the other
            _log.debug("a node of the table was not asked", peer=str(node.peer), error=str(error))
        except FAILURES as error:
            _log.debug("a node of the table does not answer", peer=str(node.peer), error=str(error))
            self.ref.tell(Missed(node.peer, node.address, cut=isinstance(error, StreamCut)))
        else:
            self.ref.tell(Met(answer.own, answer.dialled))
        finally:
            self._pinging.discard(node.peer)

    # --- its own searches ---------------------------------------------------------------------------------------------

    @receives(Start)
    def on_start_of_search(self, message: Start) -> tuple[KadNode, ...]:
        """Where to begin; the range is fresh after that."""
        self._contacts.searched(message.key, self._clock.monotonic())
        return tuple(self._contacts.start(message.key, self._entropy))

    @receives(Join)
    def on_join(self, _message: Join) -> None:
        """Look for the nodes nearest to this one, who then know it and are known."""
        self._joins += 1
        if self._contacts:
            self.spawn(self._search, self._own_id, name="join")
            self._join_later()

    def _join_later(self) -> None:
        limits = self._limits
        if self._joins < limits.joins:
            after = limits.join * limits.join_growth**self._joins
            self.send_after(after * (0.75 + 0.5 * self._entropy.uniform()), Join())

    @receives(LookAround)
    def on_look_around(self, _message: LookAround) -> None:
        """Search for somebody in one range in which that was not done for long, and for those who were silent."""
        self._look_later()
        for node in self._contacts.silent():
            self._see_to(node)  # no search asks it, and nobody is told of it
        if self._contacts:
            for key in self._contacts.lonely(self._clock.monotonic(), self._entropy)[:1]:
                self.spawn(self._search, key, name="refresh")

    def _look_later(self) -> None:
        self.send_after(self._limits.refresh * (0.75 + 0.5 * self._entropy.uniform()), LookAround())

    async def _search(self, key: bytes) -> None:
        try:
            await self._walker.walk(key, What.NODES, self.ref)
        except FAILURES as error:
            _log.debug("a search for the sake of the table was given up", error=str(error))

    # --- what others ask ----------------------------------------------------------------------------------------------

    @receives(InboundStream)
    def on_stream(self, message: InboundStream) -> None:
        """Answer a question, if not too many are being answered, and look at who asks."""
        if not self._answers.take(message.peer, message.stream.remote):
            message.dispose()
            return
        message.stream.adopt(self.ref)
        self.spawn(self._answers.answer, message.peer, message.stream, name="answer")
        self._stranger(message.peer)

    def _is_near(self, key: bytes) -> bool:
        """Whether this node is, as far as it knows, among the k nearest to a key."""
        nearest = self._contacts.closest(key)
        own = distance(self._own_id, key)
        return len(nearest) < self._limits.bucket or own < distance(nearest[-1].id, key)

    def _own(self, stream: Stream) -> PeerRecord:
        """This node's record for whoever is at the other end of the stream."""
        now = self._clock.monotonic()
        where = announced(self._listening(), stream.local)
        signed = self._own_record
        if signed is None or signed.addresses != where or now - self._signed_at >= self._limits.record_seconds:
            signed = self._own_record = own_record(self._key, self._clock, self._listening(), stream.local)
            self._signed_at = now
        return signed
