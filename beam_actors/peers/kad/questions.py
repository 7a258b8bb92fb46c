"""Asking one node of the DHT something, over a visit or the session there is, and reading what it says.

Invariants: an answer is believed only as far as it proves itself: its sender's own record is by the peer of the
session, each other record by the peer that it speaks of, and of these the address is taken at which the sender says
that it reached the peer, if `claims` finds it acceptable from where the sender was met; what can't be read fails the
whole answer. Every question ends in time.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import islice
from typing import Protocol, TypeVar

import attrs
import trio

from beam_actors.errors import (
    ActorError,
    NetworkError,
    PeerOffline,
    ProtocolError,
    RemoteProtocolError,
    ResourceExhausted,
    TimedOut,
)
from beam_actors.flow import Stream, read_frame
from beam_actors.peers.claims import Contact, acceptable
from beam_actors.peers.dialling import Dialler, Listening
from beam_actors.peers.kad.limits import KadLimits
from beam_actors.peers.kad.messages import (
    MAX_MESSAGE,
    MAX_MESSAGES,
    PROTOCOL,
    Fate,
    Find,
    Message,
    Nodes,
    Refuse,
    Store,
    Stored,
    Values,
    decode,
    encode,
)
from beam_actors.peers.kad.node import KadNode
from beam_actors.peers.sessions import announced
from beam_actors.ports import Clock
from beam_actors.runtime import Ref
from beam_actors.values import Address, Multiaddr, PeerId, TcpAddress
from beam_actors.wire import FrameReader, PeerRecord, open_record

FAILURES = (NetworkError, ProtocolError, PeerOffline, TimedOut, ResourceExhausted, ActorError)
"""How a question fails; it costs nobody but who asked."""
_Said = TypeVar("_Said")


class Network(Protocol):
    """What is needed of the facade `Peers`."""

    @property
    def us(self) -> PeerId:
        """The id of this node."""
        ...

    def knocking(self, address: TcpAddress) -> AbstractAsyncContextManager[None]:
        """Wait until somebody who came may be looked for at an address that they claim; `ResourceExhausted`."""
        ...

    def turn(self, peer: PeerId, address: TcpAddress | None) -> AbstractAsyncContextManager[None]:
        """Wait until a stranger may be asked something."""
        ...

    async def visit(
        self, peer: PeerId, address: TcpAddress | None, protocol: str, *, owner: Ref
    ) -> tuple[Stream, TcpAddress | None]:
        """A stream to it, and where this node dialled the session."""
        ...

    async def connected(self) -> tuple[PeerId, ...]:
        """The peers with a session."""
        ...


@attrs.frozen(slots=True)
class Answer:
    """What a node said."""

    own: PeerRecord
    near: tuple[KadNode, ...]
    values: tuple[bytes, ...]
    dialled: TcpAddress | None
    """Where this node dialled it; None if it came by itself."""
    where: tuple[TcpAddress, ...]
    """The addresses of its own record at which it may be dialled."""


class Questions:
    """Asks in this node's name."""

    def __init__(
        self, *, peers: Network, dialler: Dialler, listening: Listening, clock: Clock, limits: KadLimits
    ) -> None:
        self._peers = peers
        self._dialler = dialler
        self._listening = listening
        self._clock = clock
        self._limits = limits
        self._genuine: OrderedDict[bytes, PeerRecord] = OrderedDict()
        """Verified records by their bytes, since the same ones are told again and again; the one last used is last."""

    def __repr__(self) -> str:
        return f"Questions({len(self._genuine)} records known)"

    def turn(self, node: KadNode) -> AbstractAsyncContextManager[None]:
        """Wait until the node may be asked; raise `ResourceExhausted` if that is not soon."""
        return self._peers.turn(node.peer, node.address)

    async def find(self, peer: PeerId, address: TcpAddress | None, find: Find, owner: Ref) -> Answer:
        """Ask a peer that is connected, or that stands at the address; raise one of `FAILURES`."""

        async def talk(line: _Line) -> Answer:
            values: list[bytes] = []
            await line.say(find)
            for _ in range(MAX_MESSAGES + 1):
                match await line.hear():
                    case Values(more):
                        values += more
                    case Nodes() as nodes:
                        return self._answer(line, nodes, values)
                    case _:
                        raise RemoteProtocolError("A node answers a question with something else.")
            raise RemoteProtocolError("A node answers with values without end.")

        return await self._talk(peer, address, talk, owner)

    async def store(self, node: KadNode, store: Store, owner: Ref) -> tuple[Fate, ...]:
        """Have the node keep values; raise one of `FAILURES`."""

        async def talk(line: _Line) -> tuple[Fate, ...]:
            await line.say(store)
            message = await line.hear()
            if not isinstance(message, Stored) or len(message.fates) != len(store.values):
                raise RemoteProtocolError("A node doesn't say what became of what it was given.")
            return message.fates

        return await self._talk(node.peer, node.address, talk, owner)

    async def _talk(
        self, peer: PeerId, address: TcpAddress | None, talk: "Callable[[_Line], Awaitable[_Said]]", owner: Ref
    ) -> _Said:
        with trio.move_on_after(self._limits.ask_timeout):
            stream, dialled = await self._peers.visit(peer, address, PROTOCOL, owner=owner)
            try:
                said = await talk(_Line(stream, peer, dialled))
            except BaseException:
                stream.abort()
                raise
            stream.close()
            return said
        raise TimedOut(f"{peer} did not answer in time.")

    async def knock(self, peer: PeerId, addresses: Iterable[TcpAddress], owner: Ref) -> TcpAddress | None:
        """Where of these the peer is, without a session that stands; None if it is at none, or must not be tried."""
        with trio.move_on_after(self._limits.knock_timeout):
            for address in islice(addresses, self._limits.knocks):
                try:
                    async with self._peers.knocking(address):
                        await self._dialler.knock(peer, address, owner)
                except FAILURES:
                    continue
                return address
        return None

    def _answer(self, line: "_Line", nodes: Nodes, values: list[bytes]) -> Answer:
        own = self._open(nodes.own)
        if own.peer != line.peer:
            raise RemoteProtocolError("A node gives another one's record for its own.")
        opened = [(self._open(record), place) for record, place in nodes.near]
        latest = (self._clock.wall() + self._limits.ahead) * 1000
        ours = announced(self._listening(), line.contact.local)
        near = [
            KadNode(record, address)
            for record, place in opened
            if record.peer != self._peers.us and record.seq <= latest
            for address in _acceptable(record.addresses[place : place + 1], line.contact, ours)
        ]
        return Answer(own, tuple(near), tuple(values), line.dialled, _acceptable(own.addresses, line.contact, ours))

    def _open(self, envelope: bytes) -> PeerRecord:
        record = self._genuine.get(envelope)
        if record is None:
            record = self._genuine[envelope] = open_record(envelope)
            if len(self._genuine) > self._limits.records:
                self._genuine.popitem(last=False)
        else:
            self._genuine.move_to_end(envelope)
        return record


class _Line:
    """A stream for one question."""

    def __init__(self, stream: Stream, peer: PeerId, dialled: TcpAddress | None) -> None:
        self.peer = peer
        self.dialled = dialled
        self.contact = Contact(remote=_tcp(stream.remote), local=_tcp(stream.local))
        self._stream = stream
        self._reader = FrameReader(MAX_MESSAGE)

    async def say(self, message: Message) -> None:
        """Send it."""
        await self._stream.write(encode(message))

    async def hear(self) -> Message:
        """The next message of the other side."""
        body = await read_frame(self._stream, self._reader)
        if body is None:
            raise RemoteProtocolError("The node ended the stream without an answer.")
        message = decode(body)
        if isinstance(message, Refuse):
            raise RemoteProtocolError(f"The node refused: {message.text}")
        return message


def _acceptable(
    addresses: Sequence[Multiaddr], contact: Contact, ours: Collection[Multiaddr]
) -> tuple[TcpAddress, ...]:
    """At which of these a peer may be dialled, given how whoever told them was met."""
    good = (address for address in addresses if acceptable(address, contact, ours))
    return tuple(tcp for address in good if (tcp := address.tcp) is not None)


def _tcp(address: Address | None) -> TcpAddress | None:
    return address if isinstance(address, TcpAddress) else None
