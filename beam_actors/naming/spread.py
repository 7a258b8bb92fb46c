"""Spread: claims go to the peers that lack them, and come from those that have them, by `/beam/names/1`.

What is new here is pushed to every connected peer but the one it came from; on each new connection one side opens a
full exchange of ids, then of what either lacks. Invariant: what a peer can make this node hold or do is bounded
(streams, claims a second, ids in an exchange, claims waiting to be pushed), and a peer's failure costs its own link
only. Every claim goes through the registrar; this module judges none and never passes one on that was known.
"""

from collections import deque

import structlog
import trio

from beam_actors.errors import ActorError, RemoteProtocolError, StorageError
from beam_actors.naming import protocol
from beam_actors.naming.bucket import Bucket
from beam_actors.naming.conversation import Conversation
from beam_actors.naming.limits import Limits
from beam_actors.naming.messages import (
    Changed,
    Compare,
    Confirm,
    CountLinks,
    GetAbout,
    GetClaims,
    GetIds,
    Submit,
)
from beam_actors.naming.network import FAILURES, ByteStream, PeerNetwork
from beam_actors.naming.protocol import PROTOCOL, Ask, Done, Have, Push, Want
from beam_actors.peers import InboundStream, PeerDown, PeerUp
from beam_actors.ports import Clock
from beam_actors.runtime import Actor, Mailbox, Overflow, Ref, Worker, receives
from beam_actors.values import PeerId

_log = structlog.get_logger(__name__)
_ASK = 30.0
_RETRY = 5.0


class _Link:
    """What this node owes one connected peer."""

    __slots__ = ("behind", "bucket", "news", "outbox", "streams", "worker")

    def __init__(self, bucket: Bucket, room: int, *, behind: bool) -> None:
        self.bucket = bucket
        self.outbox: deque[bytes] = deque(maxlen=room)
        self.behind = behind  # a full exchange is due: at first by one side, later when a push was lost
        self.news = trio.Event()
        self.streams = 0
        self.worker: Worker | None = None

    def push(self, claims: list[bytes]) -> None:
        if len(self.outbox) + len(claims) > (self.outbox.maxlen or 0):
            self.behind = True
        self.outbox.extend(claims)
        self.news.set()

    def fall_behind(self) -> None:
        """Have a full exchange soon."""
        self.behind = True
        self.news.set()


class Spread(Actor):
    """Serves `/beam/names/1` and keeps one outgoing stream to each connected peer."""

    mailbox = Mailbox(capacity=4096, overflow=Overflow.DROP_NEWEST)  # a lost change is repaired by the next exchange

    def __init__(
        self, registrar: Ref, peers: PeerNetwork, clock: Clock, *, me: PeerId, limits: Limits | None = None
    ) -> None:
        """Of two nodes, the one with the lower peer id opens the exchange."""
        super().__init__()
        self._registrar = registrar
        self._peers = peers
        self._clock = clock
        self._me = me
        self._limits = limits or Limits()
        self._links: dict[PeerId, _Link] = {}

    def __repr__(self) -> str:
        return f"<Spread {len(self._links)} peers>"

    async def on_start(self) -> None:
        """Find out who is connected already: an earlier incarnation heard of it."""
        self.spawn(self._catch_up, name="catch-up")

    async def _catch_up(self) -> None:
        while True:
            try:
                connected = await self._peers.connected()
            except FAILURES:
                await trio.sleep(_RETRY)  # peers are restarting; who stays connected meanwhile is announced by nobody
            else:
                break
        for peer in connected:
            self.ref.tell(PeerUp(peer))

    # --- who is there -------------------------------------------------------------------------------------------------

    @receives(PeerUp)
    def on_peer_up(self, message: PeerUp) -> None:
        """Begin to spread to the peer."""
        link = self._link(message.peer)
        if link.worker is None:
            link.worker = self.spawn(self._serve_link, message.peer, link, name=f"to-{message.peer.short}")

    @receives(PeerDown)
    def on_peer_down(self, message: PeerDown) -> None:
        """Stop; what it missed comes with the exchange on the next connection."""
        link = self._links.pop(message.peer, None)
        if link is not None and link.worker is not None:
            link.worker.cancel()

    def _link(self, peer: PeerId) -> _Link:
        link = self._links.get(peer)
        if link is None:
            bucket = Bucket(self._limits.claims_per_second, self._limits.claims_burst, self._clock.monotonic())
            link = self._links[peer] = _Link(bucket, self._limits.outbox, behind=self._me < peer)
        return link

    @receives(Changed)
    def on_changed(self, message: Changed) -> None:
        """Pass on what is new here."""
        claims = [claim.encoded for claim in message.claims]
        for peer, link in self._links.items():
            if peer != message.source and link.worker is not None:
                link.push(claims)

    @receives(CountLinks)
    def on_count_links(self, _message: CountLinks) -> int:
        """How many peers hear of changes."""
        return sum(1 for link in self._links.values() if link.worker is not None)

    # --- outgoing -----------------------------------------------------------------------------------------------------

    async def _serve_link(self, peer: PeerId, link: _Link) -> None:
        """Exchange and push until cancelled; a failure is tried again after a while."""
        while True:
            try:
                await self._push_all(peer, link)
            except FAILURES as error:
                _log.info("names do not reach a peer", peer=str(peer), error=str(error))
                link.behind = True
            await trio.sleep(_RETRY)

    async def _push_all(self, peer: PeerId, link: _Link) -> None:
        talk: Conversation | None = None
        try:
            while True:
                if link.behind:
                    link.behind = False  # before: what overflows meanwhile makes the next one due
                    await self._exchange(peer, link.bucket)
                if link.outbox:
                    talk = talk or await self._open(peer)
                    claims = [link.outbox.popleft() for _ in range(min(len(link.outbox), protocol.MAX_CLAIMS))]
                    await talk.send_claims(claims)
                elif not link.behind:
                    link.news = trio.Event()
                    await link.news.wait()
        finally:
            if talk is not None:
                talk.abort()

    async def _open(self, peer: PeerId) -> Conversation:
        stream = await self._peers.open(peer, PROTOCOL, owner=self.ref)
        return Conversation(stream, timeout=self._limits.stream_timeout)

    async def _exchange(self, peer: PeerId, bucket: Bucket) -> None:
        """Bring this node and the peer to the same claims."""
        talk = await self._open(peer)
        try:
            ids: tuple[bytes, ...] = await self._registrar.ask(GetIds(), timeout=_ASK)
            await talk.send(*protocol.haves(ids), Done())
            wanted = await self._take_difference(peer, bucket, talk, len(ids))
            self._registrar.tell(Confirm(tuple(one for one in ids if one not in wanted)))
            await self._send_wanted(talk, tuple(one for one in ids if one in wanted))
            await talk.send(Done())
            talk.close()
        except BaseException:
            talk.abort()
            raise

    async def _take_difference(
        self, peer: PeerId, bucket: Bucket, talk: Conversation, offered: int
    ) -> frozenset[bytes]:
        """Take in what this node lacks; the ids that the peer asks for."""
        wanted: list[bytes] = []
        while (message := await talk.listed()) is not None:
            match message:
                case Push(claims):
                    await self._submit(peer, bucket, claims)
                case Want(some) if len(wanted) + len(some) <= offered:
                    wanted.extend(some)
                case _:
                    raise RemoteProtocolError("The peer answers an exchange with something else.")
        return frozenset(wanted)

    async def _send_wanted(self, talk: Conversation, ids: tuple[bytes, ...]) -> None:
        for start in range(0, len(ids), protocol.MAX_CLAIMS):
            some = ids[start : start + protocol.MAX_CLAIMS]
            await talk.send_claims(await self._registrar.ask(GetClaims(some), timeout=_ASK))

    # --- incoming -----------------------------------------------------------------------------------------------------

    @receives(InboundStream)
    def on_inbound_stream(self, message: InboundStream) -> None:
        """Serve a stream that a peer opened."""
        link = self._link(message.peer)
        if link.streams >= self._limits.streams_per_peer:
            message.dispose()
            return
        message.stream.adopt(self.ref)
        link.streams += 1
        self.spawn(self._serve, message.peer, link, message.stream, name=f"from-{message.peer.short}")

    async def _serve(self, peer: PeerId, link: _Link, stream: ByteStream) -> None:
        talk = Conversation(stream, timeout=self._limits.stream_timeout)
        try:
            await self._answer_all(peer, link.bucket, talk)
            talk.close()
        except RemoteProtocolError as error:
            _log.info("a peer is refused", peer=str(peer), error=str(error))
            await talk.refuse(str(error))
        except FAILURES as error:
            _log.info("a peer's stream about names ends", peer=str(peer), error=str(error))
            talk.abort()
            if isinstance(error, StorageError | ActorError):
                link.fall_behind()  # this node failed: what the peer pushed is lost, and nobody says it again
        except BaseException:
            talk.abort()
            raise
        finally:
            link.streams -= 1
            if link.worker is None and not link.streams and self._links.get(peer) is link:
                del self._links[peer]

    async def _answer_all(self, peer: PeerId, bucket: Bucket, talk: Conversation) -> None:
        offered: list[bytes] = []
        comparing = False
        while (message := await talk.receive(idle=True)) is not None:
            match message:
                case Push(claims):
                    await self._submit(peer, bucket, claims)
                case Ask(name):
                    await self._slow_down(bucket, 1)
                    await talk.send_claims(await self._registrar.ask(GetAbout(name), timeout=_ASK))
                    await talk.send(Done())
                case Have(ids):
                    await self._slow_down(bucket, 1)
                    comparing = True
                    offered.extend(ids)
                    if len(offered) > 2 * self._limits.claims:
                        raise RemoteProtocolError("The peer offers more claims than anybody keeps.")
                case Want(ids):
                    await self._slow_down(bucket, max(1, len(ids)))
                    await self._send_wanted(talk, ids)
                case Done() if comparing:
                    await self._slow_down(bucket, 1)
                    missing, lacking = await self._registrar.ask(Compare(tuple(offered)), timeout=_ASK)
                    offered, comparing = [], False
                    await self._send_slowly(bucket, talk, lacking)
                    await talk.send(*protocol.wants(missing), Done())
                case _:
                    await self._slow_down(bucket, 1)  # the end of a list that was taken in already

    async def _submit(self, peer: PeerId, bucket: Bucket, claims: tuple[bytes, ...]) -> None:
        """Hand claims to the registrar, no faster than one peer may; the stream's window slows the peer down."""
        await self._slow_down(bucket, max(1, len(claims)))
        await self._registrar.ask(Submit(claims, peer), timeout=_ASK)

    async def _send_slowly(self, bucket: Bucket, talk: Conversation, claims: tuple[bytes, ...]) -> None:
        """Give claims out no faster than they are taken; in pieces, so that the other side never waits too long."""
        for start in range(0, len(claims), protocol.MAX_CLAIMS):
            some = claims[start : start + protocol.MAX_CLAIMS]
            await self._slow_down(bucket, len(some))
            await talk.send_claims(some)

    async def _slow_down(self, bucket: Bucket, count: int) -> None:
        pause = bucket.take(count, self._clock.monotonic())
        if pause:
            await trio.sleep(pause)
