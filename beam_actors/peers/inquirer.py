"""The inquirer: learns where peers are from those that met them, and tells others in turn (`/beam/peers/1`).

From each peer that comes up it fetches that peer's own signed record, to pass on; asked to locate a peer it puts the
question to those that are connected, and searches the DHT if they don't know. Invariants: only verified records are
kept or used, and of two that others tell the one with the greater number; how many are kept, asked and answered at once
is bounded; a peer's failure costs its own question only.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from typing import Protocol

import structlog
import trio

from beam_actors.errors import ActorError, BeamError, RemoteProtocolError
from beam_actors.flow import Stream, read_frame
from beam_actors.identity import PeerKey
from beam_actors.peers.claims import Contact, acceptable
from beam_actors.peers.dialling import Listening
from beam_actors.peers.inquiry import (
    MAX_ANSWER,
    MAX_QUESTION,
    PROTOCOL,
    Locate,
    Question,
    decode_question,
    encode_answer,
    encode_question,
    open_records,
)
from beam_actors.peers.limits import PeersLimits
from beam_actors.peers.messages import InboundStream, PeerDown, PeerStands, PeerUp
from beam_actors.peers.presence import who_is_up
from beam_actors.peers.sessions import announced, own_record
from beam_actors.ports import Clock
from beam_actors.runtime import Actor, Mailbox, Overflow, Ref, Reply, receives
from beam_actors.values import Address, Multiaddr, PeerId, TcpAddress
from beam_actors.wire import FrameReader, PeerRecord

_log = structlog.get_logger(__name__)


class Network(Protocol):
    """What is needed of the facade `Peers`."""

    async def open(self, peer: PeerId, protocol: str, *, search: bool = True) -> Stream:
        """A stream to the peer."""
        ...

    async def connected(self) -> tuple[PeerId, ...]:
        """The peers with a session."""
        ...


class Locator(Protocol):
    """What is needed of the DHT."""

    async def locate(self, peer: PeerId, owner: Ref) -> tuple[TcpAddress, ...]:
        """Where the peer is, by its own word."""
        ...


class Inquirer(Actor):
    """Serves and asks `/beam/peers/1`. Overflow: a question beyond the mailbox is dropped, which resets its stream."""

    mailbox = Mailbox(capacity=1024, overflow=Overflow.DROP_NEWEST)

    def __init__(
        self,
        *,
        key: PeerKey,
        peers: Network,
        listening: Listening,
        clock: Clock,
        limits: PeersLimits,
        dht: Locator | None = None,
    ) -> None:
        super().__init__()
        self._dht = dht
        self._key = key
        self._peers = peers
        self._listening = listening
        self._clock = clock
        self._limits = limits
        self._up: OrderedDict[PeerId, float] = OrderedDict()
        """Who is connected, and when each was last asked for its own record; whoever came up last stands last."""
        self._fetching: dict[PeerId, bool] = {}
        """Who is being asked for its own record since it came up, and whether it is to be asked once more."""
        self._records: OrderedDict[PeerId, PeerRecord] = OrderedDict()
        self._searches: dict[PeerId, list[Reply]] = {}
        self._answering: Counter[PeerId] = Counter()
        """Questions being answered, by who asks; none with zero."""

    def __repr__(self) -> str:
        return f"<Inquirer {len(self._records)} records, {len(self._up)} peers up, {len(self._searches)} searches>"

    async def on_start(self) -> None:
        """Find out who is connected already: an earlier incarnation heard of it."""
        self.spawn(self._catch_up, name="catch-up")

    async def _catch_up(self) -> None:
        for peer in await who_is_up(self._peers):
            self.ref.tell(PeerUp(peer))

    # --- who is there -------------------------------------------------------------------------------------------------

    @receives(PeerUp)
    def on_peer_up(self, message: PeerUp) -> None:
        """Fetch the peer's own record, since it may listen elsewhere now."""
        if message.peer not in self._up:
            self._fetch_soon(message.peer)

    @receives(PeerStands)
    def on_peer_stands(self, message: PeerStands) -> None:
        """Fetch it again: if the peer began anew it hears by that that it is known, and may listen elsewhere, too."""
        if message.peer in self._up:
            self._fetch_soon(message.peer)

    @receives(PeerDown)
    def on_peer_down(self, message: PeerDown) -> None:
        """Ask it no longer; its record stays good."""
        self._up.pop(message.peer, None)

    def _fetch_soon(self, peer: PeerId) -> None:
        """One question at a time for each peer, however many of its sessions come and go, and one more afterwards."""
        self._up[peer] = self._clock.monotonic()
        if peer not in self._fetching:
            self.spawn(self._fetch_while_due, peer, name="fetch")
        self._fetching[peer] = True

    async def _fetch_while_due(self, peer: PeerId) -> None:
        try:
            while self._fetching[peer] and peer in self._up:
                self._fetching[peer] = False
                await self._fetch(peer)
        finally:
            del self._fetching[peer]

    async def _fetch(self, peer: PeerId) -> None:
        await self._ask(peer, Question((peer,)))

    # --- searching ----------------------------------------------------------------------------------------------------

    @receives(Locate)
    def on_locate(self, message: Locate) -> tuple[Multiaddr, ...]:
        """Begin or join a search; beyond the bounds nothing is found."""
        waiting = self._searches.get(message.peer)
        if waiting is None:
            if len(self._searches) >= self._limits.searches:
                return ()
            waiting = self._searches[message.peer] = []
            self.spawn(self._search, message.peer, name="search")
        if len(waiting) < self._limits.search_waiters:
            waiting.append(self.defer())  # which outdoes the answer below
        return ()

    async def _search(self, wanted: PeerId) -> None:
        limits = self._limits
        left = from_both_ends([peer for peer in self._up if peer != wanted])
        told: dict[Multiaddr, int] = {}

        async def ask_in_turn() -> None:
            for peer in left:
                for record, contact in await self._ask(peer, Question((wanted,))):
                    ours = announced(self._listening(), contact.local)
                    for address in record.addresses:
                        if acceptable(address, contact, ours) and told.get(address, -1) < record.seq:
                            told[address] = record.seq
                if told:
                    scope.deadline = min(scope.deadline, trio.current_time() + limits.search_grace)
                    break

        try:
            with trio.move_on_after(limits.search_timeout) as scope:
                async with trio.open_nursery() as nursery:
                    for _ in range(limits.search_peers):
                        nursery.start_soon(ask_in_turn)
                if not told and self._dht is not None:
                    told |= await self._elsewhere(self._dht, wanted)
        finally:
            replies = self._searches.pop(wanted, [])
        # The newest record's addresses first: an older one may still lead to a machine with several networks.
        found = tuple(sorted(told, key=lambda address: (-told[address], str(address))))
        for reply in replies:
            reply.set(found)

    async def _elsewhere(self, dht: Locator, wanted: PeerId) -> dict[Multiaddr, int]:
        """Where strangers say that it is, the best guess first."""
        try:
            found = await dht.locate(wanted, self.ref)
        except ActorError as error:  # it restarts
            _log.debug("a peer was not searched for in the DHT", peer=str(wanted), error=str(error))
            return {}
        return {Multiaddr.from_address(address): len(found) - place for place, address in enumerate(found)}

    async def _ask(self, peer: PeerId, question: Question) -> list[tuple[PeerRecord, Contact]]:
        """The records that the peer answers with, each with how that peer was met; none when it fails."""
        stream: Stream | None = None
        with trio.move_on_after(self._limits.inquiry_timeout):
            try:
                stream = await self._peers.open(peer, PROTOCOL, search=False)
                stream.adopt(self.ref)
                await stream.write(encode_question(question))
                records = open_records(await _read_message(stream, MAX_ANSWER), question)
                contact = Contact(remote=_tcp(stream.remote), local=_tcp(stream.local))
                stream.close()
            except BeamError as error:
                _log.debug("a peer did not say where another is", peer=str(peer), error=str(error))
                return []
            else:
                stream = None
                for record in records:
                    # A peer's own word replaces what it said before, also when its clock went back meanwhile.
                    self._keep(record, newest=record.peer == peer)
            finally:
                if stream is not None:
                    stream.abort()
            return [(record, contact) for record in records]
        return []

    def _keep(self, record: PeerRecord, *, newest: bool) -> None:
        known = self._records.get(record.peer)
        if newest or known is None or known.seq < record.seq:
            self._records[record.peer] = record
        self._records.move_to_end(record.peer)
        while len(self._records) > self._limits.records:
            self._records.popitem(last=False)

    # --- answering ----------------------------------------------------------------------------------------------------

    @receives(InboundStream)
    def on_stream(self, message: InboundStream) -> None:
        """Answer a question, if not too many are being answered."""
        limits = self._limits
        if self._answering[message.peer] >= limits.answers_per_peer or self._answering.total() >= limits.answers:
            message.dispose()
            return
        message.stream.adopt(self.ref)
        self._answering[message.peer] += 1
        self.spawn(self._bounded, message.peer, message.stream, name="answer")

    async def _bounded(self, peer: PeerId, stream: Stream) -> None:
        try:
            with trio.move_on_after(self._limits.inquiry_timeout) as scope:
                await self._answer(stream)
            if scope.cancelled_caught:
                stream.abort()
        except BeamError as error:
            _log.debug("a question about peers was not answered", error=str(error))
            stream.abort()
        finally:
            self._answering -= Counter([peer])  # which drops what falls to zero

    async def _answer(self, stream: Stream) -> None:
        question = decode_question(await _read_message(stream, MAX_QUESTION))
        await self._learn(question)
        known = (self._own(stream) if peer == self._key.peer_id else self._records.get(peer) for peer in question.peers)
        await stream.write(encode_answer(tuple(record for record in known if record is not None)))
        stream.close()

    async def _learn(self, question: Question) -> None:
        """Ask those of the wanted who are connected and were not asked lately.

        One that has just come was never asked, and one that moved may have come back before its absence was noticed.
        """
        now = self._clock.monotonic()
        wanted = {peer for peer in question.peers if peer != self._key.peer_id}
        missing = wanted.difference(self._records)
        old = {peer for peer in wanted if now - self._up.get(peer, now) > self._limits.record_seconds}
        if not missing and not old:
            return
        with trio.move_on_after(self._limits.inquiry_timeout / 2):  # which leaves time to answer
            here = old.union(missing.intersection(await self._peers.connected()) if missing else ())
            async with trio.open_nursery() as nursery:
                for peer in sorted(here):
                    if peer in self._up:
                        self._up[peer] = now  # whoever else asks meanwhile is answered with what is known
                    nursery.start_soon(self._fetch, peer)

    def _own(self, stream: Stream) -> PeerRecord:
        return own_record(self._key, self._clock, self._listening(), stream.local)


def from_both_ends(peers: Sequence[PeerId]) -> Iterator[PeerId]:
    """All of them in the order in which they came up, from both ends in turn, the last one first.

    Who came up last is who most likely met whoever is new; who has been up longest is who knows most.
    """
    for back in range((len(peers) + 1) // 2):
        yield peers[-1 - back]
        if back != len(peers) - 1 - back:
            yield peers[back]


async def _read_message(stream: Stream, limit: int) -> bytes:
    """The body of the one message of the other side; raise `RemoteProtocolError` when it ends without one."""
    body = await read_frame(stream, FrameReader(limit))
    if body is None:
        raise RemoteProtocolError("The other side ended the stream without a message about peers.")
    return body


def _tcp(address: Address | None) -> TcpAddress | None:
    return address if isinstance(address, TcpAddress) else None
