"""Answering what others ask of the DHT: whom this node knows near a key, what it keeps there, and what it is to keep.

What is kept belongs to a `Custodian` of a room above, which judges it; this room knows no more than its bytes.
Invariants: how many questions are answered at once is bounded, in all and for each peer; how fast, in all, for each
peer, and for each network, since keys cost nothing; an answer goes out within its time or is reset; it is one message
for one message and thus no way to make this node talk much; of a contact it tells where this node has been.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Protocol

import attrs
import structlog
import trio

from beam_actors.errors import BeamError, RemoteProtocolError, ResourceExhausted
from beam_actors.flow import Stream, read_frame
from beam_actors.peers.kad.limits import KadLimits
from beam_actors.peers.kad.messages import (
    MAX_MESSAGE,
    MAX_MESSAGES,
    MAX_NODES,
    MAX_RECORD,
    MAX_VALUE,
    MAX_VALUES,
    Fate,
    Find,
    Message,
    Nodes,
    Refuse,
    Store,
    Stored,
    Values,
    What,
    decode,
    encode,
)
from beam_actors.peers.kad.node import KadNode
from beam_actors.peers.places import network_of
from beam_actors.peers.rates import Rates
from beam_actors.ports import Clock
from beam_actors.values import Address, Bucket, PeerId, TcpAddress
from beam_actors.wire import FrameReader, PeerRecord

_log = structlog.get_logger(__name__)


@attrs.frozen(slots=True)
class Kept:
    """What became of values that were to be kept."""

    fates: tuple[Fate, ...]
    """Of each of them."""
    bad: int = 0
    """Those that it took long to find bad."""


class Custodian(Protocol):
    """What a room above keeps for the network."""

    async def keep(self, key: bytes, values: tuple[bytes, ...], source: PeerId, *, near: bool) -> Kept:
        """Judge the values, and keep what is good; `near` says whether this node is of those nearest to the key."""
        ...

    async def find(self, key: bytes) -> tuple[bytes, ...]:
        """What is kept under the key, each of at most `MAX_VALUE` bytes, the first ones of most use."""
        ...


class Nowhere:
    """The custodian of a node that keeps nothing."""

    async def keep(self, _key: bytes, values: tuple[bytes, ...], _source: PeerId, *, near: bool) -> Kept:  # noqa: ARG002 (see `Custodian`)
        """Nothing is kept."""
        return Kept((Fate.REFUSED,) * len(values))

    async def find(self, _key: bytes) -> tuple[bytes, ...]:
        """Nothing is there."""
        return ()


@attrs.frozen(slots=True)
class _Shares:
    """What one peer may, and what all peers of its network may together; one without an address has no network."""

    _of_peers: Rates
    _of_networks: Rates

    def spend(self, peer: PeerId, remote: Address | None, now: float) -> bool:
        """Whether one more of the peer may come now."""
        if not self._of_peers.spend(str(peer), now):
            return False
        return not isinstance(remote, TcpAddress) or self._of_networks.spend(network_of(remote), now)

    def charge(self, peer: PeerId, remote: Address | None, count: float, now: float) -> None:
        """Who gave what was bad owes for it, and so do others from where it came; nobody else does."""
        self._of_peers.charge(str(peer), count, now)
        if isinstance(remote, TcpAddress):
            self._of_networks.charge(network_of(remote), count, now)


class Answers:
    """Questions that are being answered; whoever gives one a worker takes its place before."""

    def __init__(
        self,
        *,
        nearest: Callable[[bytes, PeerId], list[KadNode]],
        is_near: Callable[[bytes], bool],
        own: Callable[[Stream], PeerRecord],
        custodian: Custodian,
        clock: Clock,
        limits: KadLimits,
    ) -> None:
        """`nearest` are the contacts near a key, without the asker; `own` is this node's record, for that stream."""
        self._nearest = nearest
        self._is_near = is_near
        self._own = own
        self._custodian = custodian
        self._clock = clock
        self._limits = limits
        self._under_way: Counter[PeerId] = Counter()
        """By who asks; none with zero."""
        self._reading: OrderedDict[Stream, trio.CancelScope] = OrderedDict()
        rate, of_network, most = limits.finds_per_second, limits.network_finds_per_second, limits.askers
        self._finds = _Shares(
            Rates(per_second=rate, burst=int(4 * rate), sources=most),
            Rates(per_second=of_network, burst=int(2 * of_network), sources=most),
        )
        self._all: Bucket | None = None
        rate, of_network = limits.stores_per_second, limits.network_stores_per_second
        self._stores = _Shares(
            Rates(per_second=rate, burst=int(8 * rate), sources=most),
            Rates(per_second=of_network, burst=int(8 * of_network), sources=most),
        )
        rate = limits.all_stores_per_second
        self._all_stores = Rates(per_second=rate, burst=int(2 * rate), sources=1)

    def __len__(self) -> int:
        return self._under_way.total()

    def __repr__(self) -> str:
        return f"Answers({len(self)} under way)"

    def take(self, peer: PeerId, remote: Address | None) -> bool:
        """Whether one more of the peer, who is at that address, may be answered now; then `answer` must follow."""
        limits, now = self._limits, self._clock.monotonic()
        if self._under_way[peer] >= limits.answers_per_peer:
            return False
        if len(self) >= limits.answers:
            if not self._reading:
                return False
            _, oldest = self._reading.popitem(last=False)
            oldest.cancel()  # whose question does not come holds no place from those whose does
        if self._all is None:
            self._all = Bucket(limits.all_finds_per_second, limits.all_finds_per_second, now)
        if not self._finds.spend(peer, remote, now) or not self._all.try_take(now):
            return False
        self._under_way[peer] += 1
        return True

    async def answer(self, peer: PeerId, stream: Stream) -> None:
        """Read the question and answer it, in the place that was taken."""
        try:
            with trio.move_on_after(self._limits.ask_timeout) as scope:
                await self._answer(peer, stream)
            if scope.cancelled_caught:
                stream.abort()
        except BeamError as error:
            _log.debug("a question of the DHT was not answered", peer=str(peer), error=str(error))
            stream.abort()
        finally:
            self._under_way -= Counter([peer])  # which drops what falls to zero

    async def _answer(self, peer: PeerId, stream: Stream) -> None:
        body = await self._read(stream)
        try:
            if body is None:
                raise RemoteProtocolError("There was no question.")  # noqa: TRY301  # refused like what can't be read
            question = decode(body)
        except RemoteProtocolError as error:
            await stream.write(encode(Refuse(str(error))))
            stream.close()
            return
        for message in await self._said(peer, question, stream):
            await stream.write(encode(message))
        stream.close()

    async def _read(self, stream: Stream) -> bytes | None:
        with trio.CancelScope() as scope:
            self._reading[stream] = scope
            try:
                return await read_frame(stream, FrameReader(MAX_MESSAGE))
            finally:
                self._reading.pop(stream, None)
        raise ResourceExhausted("A question that did not come gave its place to another.")

    async def _said(self, peer: PeerId, question: Message, stream: Stream) -> list[Message]:
        match question:
            case Find(What.NODES, key):
                return [self._nodes(peer, key, stream)]
            case Find(What.VALUES, key):
                values = tuple(value for value in await self._custodian.find(key) if len(value) <= MAX_VALUE)
                most = range(0, min(len(values), MAX_VALUES * MAX_MESSAGES), MAX_VALUES)
                return [*(Values(values[at : at + MAX_VALUES]) for at in most), self._nodes(peer, key, stream)]
            case Store(What.VALUES, key, values):
                if not self._may_store(peer, stream):
                    return [Refuse("This node is given more to keep than it judges now.")]
                return [Stored(await self._keep(peer, key, values, stream))]
            case _:
                return [Refuse("This is no question of the DHT.")]

    async def _keep(self, peer: PeerId, key: bytes, values: tuple[bytes, ...], stream: Stream) -> tuple[Fate, ...]:
        """Have them judged, which is paid for by whoever gives what is bad, or so much that it takes too long."""
        bad = 0
        try:
            kept = await self._custodian.keep(key, values, peer, near=self._is_near(key))
            bad = kept.bad
        except trio.Cancelled:  # they are judged all the same, and nobody hears it
            bad = len(values)
            raise
        finally:
            self._stores.charge(peer, stream.remote, bad * self._limits.bad_store, self._clock.monotonic())
        return kept.fates

    def _may_store(self, peer: PeerId, stream: Stream) -> bool:
        now = self._clock.monotonic()
        return self._stores.spend(peer, stream.remote, now) and self._all_stores.spend("", now)

    def _nodes(self, peer: PeerId, key: bytes, stream: Stream) -> Nodes:
        near: list[tuple[bytes, int]] = []
        for node in self._nearest(key, peer):
            record, place = node.record.envelope, node.place
            # Nobody shall dial where this node hasn't been, on its word.
            if place is not None and 0 < len(record) <= MAX_RECORD:
                near.append((record, place))
        return Nodes(self._own(stream).envelope, tuple(near[:MAX_NODES]))
