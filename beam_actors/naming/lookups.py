"""Look-ups: some of the connected peers are asked about a name that is not known here, and then the DHT.

Invariant: one look-up per question at a time, however many ask, and none within a few seconds of one that was answered;
each ends by its deadline, or is refused at once when too many are under way. Whoever asks is told with the first answer
that decides the question; the look-up goes on, and what comes later is taken in as well. What peers say goes through
the registrar like every claim, and a look-up judges by what the registrar makes of it. Which peers are asked is drawn:
nobody is always asked for having ground the right id. The DHT is searched where the peers do not decide the question at
once, and its search is given up when they do.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs
import structlog
import trio

from beam_actors.errors import RemoteProtocolError, ResourceExhausted
from beam_actors.naming.conversation import Conversation
from beam_actors.naming.custody import Keepers
from beam_actors.naming.grammar import Query, parse_query
from beam_actors.naming.limits import Limits
from beam_actors.naming.lodgers import Lodging
from beam_actors.naming.messages import GetStanding, Refresh, Seek, Sought, Submit
from beam_actors.naming.network import FAILURES, PeerNetwork
from beam_actors.naming.protocol import PROTOCOL, Ask, Push
from beam_actors.ports import Clock, Entropy
from beam_actors.runtime import Actor, ChildSpec, Down, Pool, Ref, Reply, Restart, StartMember, Timer, receives
from beam_actors.values import PeerId

if TYPE_CHECKING:
    from beam_actors.naming.answering import Standing

_log = structlog.get_logger(__name__)

_OPINIONS = 2
"""Peers that say one owner holds the name, for nobody to wait for more."""


@attrs.frozen(slots=True)
class Heard:
    """From a look-up to its pool: one more peer has answered, or a second opinion had its time."""

    query: Query
    answered: int
    decided: bool
    """Whether it can be said whom the name leads to, or that several hold it; or that the owner asked for does."""
    by_dht: bool = False
    """Whether it was a node of the DHT that has answered."""


@attrs.frozen(slots=True)
class Waited:
    """From a look-up to itself: a second opinion had its time."""


@attrs.define(slots=True)
class _UnderWay:
    """A look-up, who waits for it, and what it said last."""

    ref: Ref
    waiting: list[Reply] = attrs.Factory(list)
    heard: Heard | None = None

    def wait(self, reply: Reply) -> None:
        """Be told when the question is decided, which may be now."""
        self.waiting.append(reply)
        self._tell()

    def hear(self, heard: Heard) -> None:
        """One more answer: tell those whose question it decides."""
        self.heard = heard
        self._tell()

    def end(self, sought: Sought) -> None:
        """Tell everybody else that this is all."""
        for reply in self.waiting:
            reply.set(sought)
        self.waiting.clear()

    def _tell(self) -> None:
        heard = self.heard
        if heard is None or not heard.decided:
            return
        waiting, self.waiting = self.waiting, []
        for reply in waiting:
            reply.set(Sought(heard.query, heard.answered, by_dht=heard.by_dht, more=True))


class LookUps(Pool):
    """The pool of `LookUp`s, with what was asked in the last seconds."""

    def __init__(
        self,
        registrar: Ref,
        peers: PeerNetwork,
        clock: Clock,
        entropy: Entropy,
        *,
        limits: Limits | None = None,
        keepers: Keepers | None = None,
    ) -> None:
        """`keepers` are where the DHT keeps claims; without them the peers alone are asked."""
        bounds = limits or Limits()

        def member(label: str) -> ChildSpec:
            def look_up() -> LookUp:
                return LookUp(parse_query(label), registrar, peers, entropy, bounds, keepers)

            return ChildSpec(label, look_up, restart=Restart.TEMPORARY)

        super().__init__(member)
        self._clock = clock
        self._limits = bounds
        self._under_way: dict[Query, _UnderWay] = {}
        self._recent: OrderedDict[Query, tuple[float, Sought]] = OrderedDict()  # until when, and how it ended

    def __repr__(self) -> str:
        return f"<LookUps {len(self._under_way)} under way, {len(self._recent)} recent>"

    @receives(Seek)
    async def on_seek(self, message: Seek) -> None:
        """Begin or join a look-up."""
        await self._seek(message.query, self.defer())

    @receives(Refresh)
    async def on_refresh(self, message: Refresh) -> None:
        """The same, for nobody."""
        await self._seek(Query(message.name), self.defer())

    async def _seek(self, query: Query, reply: Reply) -> None:
        recent = self._recent.get(query)
        if query in self._under_way:
            self._under_way[query].wait(reply)
        elif recent is not None and self._clock.monotonic() < recent[0]:
            reply.set(recent[1])
        elif len(self._under_way) >= self._limits.lookups:  # nobody was asked, which must not look like "nobody knows"
            reply.fail(ResourceExhausted("Too many names are being asked of peers at once; try again in a moment."))
        else:
            ref = await self.start_member(StartMember(str(query)))
            self._under_way[query] = _UnderWay(ref, [reply])
            self.monitor(ref)

    @receives(Heard)
    def on_heard(self, message: Heard) -> None:
        """A look-up has one more answer."""
        under_way = self._under_way.get(message.query)
        if under_way is not None:
            under_way.hear(message)

    @receives(Sought)
    async def on_sought(self, message: Sought) -> None:
        """A look-up is over. When nobody answered it says nothing of the name, and the next question asks again."""
        under_way = self._under_way.pop(message.query, None)
        if under_way is None:
            return
        self.demonitor(under_way.ref)
        if message.answered:
            self._recent[message.query] = self._clock.monotonic() + self._limits.negative_ttl, message
            self._recent.move_to_end(message.query)
            while len(self._recent) > self._limits.negatives:
                self._recent.popitem(last=False)
        under_way.end(message)
        await self.stop_child(under_way.ref)

    @receives(Down)
    def on_down(self, message: Down) -> None:
        """A look-up crashed: nobody answered."""
        self.demonitor(message.ref)
        for query, under_way in list(self._under_way.items()):
            if under_way.ref == message.ref:
                del self._under_way[query]
                under_way.end(Sought(query, 0))


class LookUp(Actor):
    """Asks some connected peers about one name, all at once, and tells its pool of each answer and of the end."""

    def __init__(
        self,
        query: Query,
        registrar: Ref,
        peers: PeerNetwork,
        entropy: Entropy,
        limits: Limits,
        keepers: Keepers | None = None,
    ) -> None:
        super().__init__()
        self._query = query
        self._name = query.name
        self._registrar = registrar
        self._peers = peers
        self._entropy = entropy
        self._limits = limits
        self._keepers = keepers
        self._settled = trio.Event()  # nobody need be searched for, or nobody is left to answer
        self._decided = False
        self._searching = trio.CancelScope()
        self._answered = 0
        self._by_dht = False  # whether it was a node of the DHT whose claims decided the question, or came last
        self._knowing = 0  # of these, who had a claim to tell
        self._waited = False  # for a second opinion, long enough
        self._timer: Timer | None = None
        self._cut_off = False

    def __repr__(self) -> str:
        return f"<LookUp {self._query}, {self._answered} answered>"

    async def on_start(self) -> None:
        """Begin."""
        self.spawn(self._search, name="search")

    async def _search(self) -> None:
        async with trio.open_nursery() as nursery:
            if self._keepers is not None:
                nursery.start_soon(self._search_keepers, self._keepers)
            await self._ask_peers()
            if not self._knowing:  # else a second opinion may still be waited for
                self._settled.set()
        self._tell(Sought(self._query, self._answered, self._cut_off, by_dht=self._by_dht))

    async def _search_keepers(self, keepers: Keepers) -> None:
        with trio.move_on_after(self._limits.lookup_dht_after):
            await self._settled.wait()
        if self._decided:
            return
        self._searching.deadline = trio.current_time() + self._limits.lookup_dht_timeout
        with self._searching:
            try:
                self._answered += await keepers.search(self._name, self._query.owner, self.ref, self._found)
            except FAILURES as error:
                _log.debug("the DHT can't be searched for a name", name=str(self._name), error=str(error))

    async def _found(self, peer: PeerId, claims: tuple[bytes, ...]) -> None:
        """A node of the DHT keeps something under the name's key."""
        known = Submit(claims[: 2 * self._limits.owners_per_name], peer, Lodging.SOUGHT)
        try:
            await self._registrar.ask(known, timeout=self._limits.lookup_timeout)
        except FAILURES:
            return
        self._heard_something(by_dht=True)
        await self._judge()

    async def _ask_peers(self) -> None:
        with trio.move_on_after(self._limits.lookup_timeout):
            try:
                up = await self._peers.connected()
                self._cut_off = not up
            except FAILURES:
                up = ()  # peers are restarting themselves: nobody can be asked
            async with trio.open_nursery() as nursery:
                for peer in drawn(up, self._limits.lookup_peers, self._entropy):
                    nursery.start_soon(self._ask, peer)

    def _tell(self, message: Heard | Sought) -> None:
        if self.parent is not None:
            self.parent.tell(message)

    async def _ask(self, peer: PeerId) -> None:
        try:
            stream = await self._peers.open(peer, PROTOCOL, owner=self.ref)
        except FAILURES as error:
            _log.debug("a peer can't be asked about a name", peer=str(peer), error=str(error))
            return
        talk = Conversation(stream, timeout=self._limits.lookup_timeout)
        try:
            told = await self._question(talk, peer)
        except FAILURES as error:
            _log.debug("a peer doesn't say what it knows of a name", peer=str(peer), error=str(error))
            talk.abort()
        except BaseException:
            talk.abort()
            raise
        else:
            talk.close()
            self._answered += 1
            if told:
                self._heard_something(by_dht=False)
            await self._judge()

    async def _question(self, talk: Conversation, peer: PeerId) -> int:
        await talk.send(Ask(self._name))
        most = left = 3 * self._limits.owners_per_name  # a claim, a proof of an equivocation, and the most work
        while (message := await talk.listed()) is not None:
            if not isinstance(message, Push) or len(message.claims) > left:
                raise RemoteProtocolError("The peer answers a question with something else.")
            left -= len(message.claims)
            known = Submit(message.claims, peer, Lodging.SOUGHT)
            await self._registrar.ask(known, timeout=self._limits.lookup_timeout)
        return most - left

    @receives(Waited)
    async def on_waited(self, _message: Waited) -> None:
        """No second opinion came in time."""
        self._waited = True
        await self._judge()

    def _heard_something(self, *, by_dht: bool) -> None:
        self._knowing += 1
        if not self._decided:
            self._by_dht = by_dht

    async def _judge(self) -> None:
        """Tell what the answers so far decide. What one peer alone says waits for a moment: others may know a rival."""
        try:
            asked = self._registrar.ask(GetStanding(self._name), timeout=self._limits.lookup_timeout)
            standing: Standing = await asked
        except FAILURES:
            return  # the registrar restarts: the next answer is judged, or the end comes
        whose = self._query.owner
        alone = whose is None and standing.certainty == "sole" and self._knowing < _OPINIONS and not self._waited
        if alone and self._timer is None:
            self._timer = self.send_after(self._limits.second_opinion, Waited())
        decided = (standing.certainty != "open" and not alone) if whose is None else whose in standing.owners
        if decided and not self._decided:
            self._decided = True
            self._settled.set()
            if not self._by_dht:
                self._searching.cancel()
        self._tell(Heard(self._query, self._answered, decided, by_dht=self._by_dht))


def drawn(peers: Sequence[PeerId], count: int, entropy: Entropy) -> list[PeerId]:
    """At most `count` of the peers, each as likely as any other."""
    left = list(peers)
    return [left.pop(int(entropy.uniform() * len(left))) for _ in range(min(count, len(left)))]
