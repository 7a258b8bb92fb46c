"""Spread: claims go to the peers that lack them, and come from those that have them, by `/beam/names/1`.

What was made here is pushed to every connected peer; of what came from one the others hear the id, and ask if they lack
it. On each new connection one side opens an exchange, and each node one a minute with any of its peers, by which either
gets what it lacks. Invariant: what a peer, and what all peers together, can make this node hold or do is bounded
(streams, claims a second, ids in an exchange, claims waiting to be told, lines in the log); it ends with the stream and
the peer that wanted it, and a failure costs its own link only. The registrar judges claims; none goes on twice.
"""

from functools import partial

import trio

from beam_actors.errors import ActorError, RemoteProtocolError, ResourceExhausted, StorageError
from beam_actors.naming import protocol
from beam_actors.naming.allowance import Purse
from beam_actors.naming.claim import with_ids
from beam_actors.naming.commons import Line, fixed, wait
from beam_actors.naming.complaints import Complaints
from beam_actors.naming.conversation import Conversation
from beam_actors.naming.exchanges import Exchanges
from beam_actors.naming.exchanging import RANGES_READ, Exchange
from beam_actors.naming.hearsay import Hearsay
from beam_actors.naming.limits import Limits
from beam_actors.naming.link import Link
from beam_actors.naming.links import Links
from beam_actors.naming.messages import Changed, CountLinks, GetAbout, GetClaims, GetMissing, Meet, Submit, Taken
from beam_actors.naming.network import FAILURES, ByteStream, PeerNetwork
from beam_actors.naming.news import News
from beam_actors.naming.protocol import PROTOCOL, Ask, Compare, Done, Have, Push, Want
from beam_actors.naming.pushing import Pushing
from beam_actors.naming.ranges import SALT
from beam_actors.peers import InboundStream, PeerDown, PeerUp, who_is_up
from beam_actors.ports import Clock, Entropy
from beam_actors.runtime import Actor, Mailbox, Overflow, Ref, receives
from beam_actors.values import PeerId

_ASK = 30.0
_RETRY = 5.0
_IN_VAIN = 15.0
"""Seconds after which a peer has seen that its earlier session with this node is dead; with a new one it would ask."""
_HOLD_BACK = 0.5
"""Seconds within which a peer is told what another peer told this node, when of them is chance: most of those that know
it already say so first, and are not told it again."""


class Spread(Actor):
    """Serves `/beam/names/1` and keeps one outgoing stream to each connected peer."""

    mailbox = Mailbox(capacity=4096, overflow=Overflow.DROP_NEWEST)  # a lost change is repaired by the next exchange

    def __init__(
        self,
        registrar: Ref,
        peers: PeerNetwork,
        clock: Clock,
        entropy: Entropy,
        *,
        me: PeerId,
        limits: Limits | None = None,
    ) -> None:
        """Of two nodes, the one with the lower peer id opens the exchange."""
        super().__init__()
        self._registrar = registrar
        self._peers = peers
        self._clock = clock
        self._entropy = entropy
        self._limits = limits or Limits()
        self._links = Links(self._limits, clock, me=me)
        self._news = News(self._limits.streams)
        self._hearsay = Hearsay(self._limits.named, self._limits.named_patience)
        self._exchanges = Exchanges(self._limits.exchanges, self._limits.exchange_bytes)
        self._refused = Complaints("peers are refused", clock)
        self._ended = Complaints("peers' streams about names end", clock)
        self._unreached = Complaints("names do not reach a peer", clock)

    def __repr__(self) -> str:
        return f"<Spread {len(self._links)} peers>"

    async def on_start(self) -> None:
        """Find out who is connected already: an earlier incarnation heard of it."""
        self.spawn(self._catch_up, name="catch-up")
        self._meet_later()

    async def _catch_up(self) -> None:
        for peer in await who_is_up(self._peers):
            self._links.of(peer).fall_behind()  # what was new while nobody was here was told to nobody
            self.ref.tell(PeerUp(peer))

    # --- every minute -------------------------------------------------------------------------------------------------

    def _meet_later(self) -> None:
        jitter = 1 + (self._entropy.uniform() - 0.5) / 3
        self.send_after(jitter * self._limits.exchange_interval, Meet())

    @receives(Meet)
    def on_meet(self, _message: Meet) -> None:
        """Compare with one of the peers: what no push and no exchange with others brought comes so."""
        self._meet_later()
        links = [link for link in self._links.values() if link.may_compare()]
        if links:
            links[int(self._entropy.uniform() * len(links))].fall_behind()

    # --- who is there -------------------------------------------------------------------------------------------------

    @receives(PeerUp)
    def on_peer_up(self, message: PeerUp) -> None:
        """Begin to spread to the peer."""
        link = self._links.of(message.peer)
        if link.worker is None:
            if not link.behind and not self._news.was_answered(message.peer):
                link.in_vain = self._clock.monotonic() + _IN_VAIN
            # It may have had its exchange before it was announced here; what was new in between was not pushed to it.
            if self._news.missed_by(message.peer):
                link.behind = True
            link.worker = self.spawn(self._serve_link, message.peer, link, name=f"to-{message.peer.short}")

    @receives(PeerDown)
    def on_peer_down(self, message: PeerDown) -> None:
        """Stop, whatever it still wants; what it missed comes with the exchange on the next connection."""
        self._hearsay.gone(message.peer)
        self._links.drop(message.peer)

    @receives(Changed)
    def on_changed(self, message: Changed) -> None:
        """Pass on what is new here: nobody else can tell what was made here, and what came is told by its id."""
        if not message.claims:
            return
        self._news.came()
        self._hearsay.came(claim.id for claim in message.claims)
        claims = [(claim.id, claim.encoded if message.source is None else b"") for claim in message.claims]
        longest = 0.0 if message.source is None else _HOLD_BACK
        now = self._clock.monotonic()
        for peer, link in self._links.items():
            if peer != message.source and link.worker is not None:
                link.tell(claims, now, longest and longest * self._entropy.uniform())

    @receives(CountLinks)
    def on_count_links(self, _message: CountLinks) -> int:
        """How many peers hear of changes."""
        return self._links.announced()

    # --- outgoing -----------------------------------------------------------------------------------------------------

    async def _serve_link(self, peer: PeerId, link: Link) -> None:
        """Exchange and push until cancelled; a failure is tried again after a while."""
        while True:
            try:
                await self._push_all(peer, link)
            except FAILURES as error:
                self._unreached.note(peer, error)
                link.behind = True
            await trio.sleep(_RETRY)

    async def _push_all(self, peer: PeerId, link: Link) -> None:
        pushing = Pushing(partial(self._open, peer), self._clock)
        try:
            while True:
                await self._exchange_when_due(peer, link)
                now, asked = self._clock.monotonic(), self._hearsay.due(peer)
                if min(asked, link.outbox.due) <= now:
                    await self._tell(await pushing.talk(), peer, link, now)
                elif pushing.due <= now:
                    await pushing.end()
                elif link.due is not None or not link.behind:
                    await link.rest(now, min(asked, pushing.due), pushing.hear)
        finally:
            pushing.abort()

    async def _tell(self, talk: Conversation, peer: PeerId, link: Link, now: float) -> None:
        """Say what is due, and ask for it."""
        if wanted := self._hearsay.take(peer, now, protocol.MAX_CLAIMS):
            await talk.send(Want(wanted))
        if link.outbox.due <= now:
            await talk.send(*protocol.news(*link.outbox.take(protocol.MAX_CLAIMS)))

    async def _exchange_when_due(self, peer: PeerId, link: Link) -> None:
        if link.in_vain is not None and link.in_vain <= self._clock.monotonic():
            # The peer was to ask: it may hold this node for the one that it was before a restart.
            link.in_vain = None
            link.behind |= not self._news.was_answered(peer)
        if link.due is None and link.behind:
            link.due = link.next_exchange(self._clock.monotonic())
        if link.due is None or link.due > self._clock.monotonic():
            return
        link.due = None
        link.behind = False  # before: what overflows meanwhile makes the next one due
        try:
            await self._exchange(peer, link)
        except FAILURES as error:
            again = self._links.get(peer) is link
            link.failed(error, self._clock.monotonic(), self._entropy.uniform(), again=again)
            raise
        link.allowance.failures = 0

    async def _open(self, peer: PeerId) -> Conversation:
        stream = await self._peers.open(peer, PROTOCOL, owner=self.ref)
        return Conversation(stream, timeout=self._limits.stream_timeout)

    async def _exchange(self, peer: PeerId, link: Link) -> None:
        """Bring this node and the peer to the same claims."""
        talk = await self._open(peer)
        try:
            exchange = self._exchange_over(talk, peer, link, Purse(link.allowance, talk.check))
            with link.allowance.over(talk.remote):
                await exchange.open(self._entropy.token(SALT))
            talk.close()
            link.compared(exchange.in_vain, self._clock.monotonic())
        except BaseException:
            talk.abort()
            raise

    def _exchange_over(self, talk: Conversation, peer: PeerId, link: Link, purse: Purse) -> Exchange:
        most = 2 * (self._limits.claims + self._limits.revocations)
        submit, unkept = partial(self._submit, peer, link, purse), link.unkept
        return Exchange(talk, self._registrar, self._exchanges, most=most, purse=purse, submit=submit, unkept=unkept)

    # --- incoming -----------------------------------------------------------------------------------------------------

    @receives(InboundStream)
    def on_inbound_stream(self, message: InboundStream) -> None:
        """Serve a stream that a peer opened."""
        link = self._links.of(message.peer)
        if not self._links.has_room(link):
            message.dispose()
            self._let_go(message.peer, link)
            return
        stream = message.stream
        stream.adopt(self.ref)
        worker = self.spawn(self._serve, message.peer, link, stream, name=f"from-{message.peer.short}")
        self._links.began(link, stream, worker)

    async def _serve(self, peer: PeerId, link: Link, stream: ByteStream) -> None:
        talk = Conversation(stream, timeout=self._limits.stream_timeout)
        try:
            with link.allowance.over(stream.remote):
                await self._answer_all(peer, link, talk)
            talk.close()
        except (RemoteProtocolError, ResourceExhausted) as error:
            self._refused.note(peer, error)
            await talk.refuse(str(error))
        except FAILURES as error:
            self._ended.note(peer, error)
            talk.abort()
            if isinstance(error, StorageError | ActorError):
                link.fall_behind()  # this node failed: what the peer pushed is lost, and nobody says it again
        except BaseException:
            talk.abort()
            raise
        finally:
            self._links.ended(link, stream)
            self._let_go(peer, link)

    def _let_go(self, peer: PeerId, link: Link) -> None:
        if self._links.drop_idle(peer, link):
            self._hearsay.gone(peer)

    async def _answer_all(self, peer: PeerId, link: Link, talk: Conversation) -> None:
        purse = Purse(link.allowance, talk.check)
        while True:
            await link.allowance.settle()
            match await talk.receive(idle=True):
                case None:
                    break
                case Push(claims):
                    await self._submit(peer, link, purse, claims)
                case Ask(name):
                    await purse.pay(1)
                    await talk.send_slowly(await self._registrar.ask(GetAbout(name), timeout=_ASK), purse.pay)
                    await talk.send(Done())
                case Have(ids):
                    await purse.pay(1 + len(ids) / RANGES_READ)
                    await self._hear_of(peer, link, ids)
                case Want(ids):
                    await purse.pay_in_line(Line.GIVEN, fixed(max(1, len(ids))))
                    some = with_ids(await self._registrar.ask(GetClaims(ids), timeout=_ASK))
                    link.tell(some, self._clock.monotonic(), 0.0)
                case Compare() as opening:
                    link.in_vain = None  # it knows of this session, and comes again if it is refused
                    async with link.comparing:
                        await self._answer_exchange(peer, link, talk, opening)
                case Done():
                    await purse.pay(1)  # the end of a list that was taken in already
                case _:
                    raise RemoteProtocolError("The peer says something of an exchange that is over, or did not begin.")

    async def _answer_exchange(self, peer: PeerId, link: Link, talk: Conversation, opening: Compare) -> None:
        answering = link.allowance.answering
        try:
            await wait(answering.take(1, self._clock.monotonic()), talk.check)
            await link.allowance.pay(1, talk.check)
            self._exchanges.admit()
        except BaseException:
            answering.take(-1, self._clock.monotonic())  # it was not answered
            raise
        self._news.answering(peer)  # before it is said what is here: what is new after this may not be in it
        purse = Purse(link.allowance, talk.check, self._exchanges.paying)
        exchange = self._exchange_over(talk, peer, link, purse)
        await exchange.answer(opening)
        link.compared(exchange.in_vain, self._clock.monotonic())

    async def _submit(self, peer: PeerId, link: Link, purse: Purse, claims: tuple[bytes, ...]) -> int:
        """Hand claims to the registrar, no faster than one peer may, which the stream's window slows; the new ones."""
        ids = tuple(one for one, _claim in with_ids(claims))

        async def price() -> float:
            # Found by the id: many bring the same to a node that has many peers.
            known = len(ids) - len(await self._registrar.ask(GetMissing(ids), timeout=_ASK))
            return max(1, len(claims) - known + known / RANGES_READ)

        await purse.pay_in_line(Line.TAKEN, price)
        with link.allowance.at_stake((self._limits.bad_work - 1) * len(claims)):
            taken: Taken = await self._registrar.ask(Submit(claims, peer), timeout=_ASK)
        if taken.bad:
            link.allowance.charge((self._limits.bad_work - 1) * taken.bad)  # owed, whatever becomes of the stream
        link.has(ids)
        self._hearsay.gave(peer, ids)
        return taken.new

    async def _hear_of(self, peer: PeerId, link: Link, ids: tuple[bytes, ...]) -> None:
        """The peer has these: what of them is missing here is asked for, in its turn."""
        link.has(ids)
        if unsettled := self._hearsay.unsettled(ids):
            missing = await self._registrar.ask(GetMissing(unsettled), timeout=_ASK)
            link.behind |= not self._hearsay.said(peer, missing, self._clock.monotonic())
            if self._hearsay.passed_over:
                link.rouse()  # all who are asked may be silent
            link.wake(0.0)
