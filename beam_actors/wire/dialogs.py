"""Who reads a stream that isn't the application's: negotiations, and the services that a session answers itself.

Rules:
- A stream opened here proposes one protocol and may send at once (lazy); what the peer says first must be the answer.
- A stream opened by the peer belongs to the application only after both agreed to a protocol that it serves.
- A peer that breaks a negotiation or a service loses that stream, not the session, unless it lies about its identity.
- Services answer with as many bytes as they got (ping) or once (identify), so nothing here amplifies or grows.
"""

from collections.abc import Callable
from typing import Final

from beam_actors.errors import RemoteProtocolError, WrongPeer
from beam_actors.values import PeerId
from beam_actors.wire.allowance import DEAD_STREAM
from beam_actors.wire.events import PeerIdentified, StreamAccepted, StreamOpened, StreamRefused, StreamReset
from beam_actors.wire.identify import InfoReader
from beam_actors.wire.multistream import Listener, Proposer
from beam_actors.wire.mux import Multiplexer
from beam_actors.wire.stream import Dialog, Stream

PING_PROTOCOL: Final = "/ipfs/ping/1.0.0"
_MAX_ECHO: Final = 4096
"""Bytes of pings that may wait to be echoed; one ping has 32."""


class Outbound(Dialog):
    """Negotiates a stream that was opened here; `then` takes it over if this end serves it itself."""

    __slots__ = ("_mux", "_proposer", "_stream", "_then")

    def __init__(
        self, mux: Multiplexer, stream: Stream, proposer: Proposer, then: Callable[[Stream], Dialog] | None
    ) -> None:
        self._mux = mux
        self._stream = stream
        self._then = then
        self._proposer = proposer

    @classmethod
    def open(cls, mux: Multiplexer, protocol: str, then: Callable[[Stream], Dialog] | None = None) -> Stream:
        """Open a stream and propose `protocol`; raise what `Multiplexer.open` and `encode_message` raise."""
        proposer = Proposer((protocol,))
        opening = proposer.opening
        stream = mux.open()
        stream.dialog = cls(mux, stream, proposer, then)
        mux.reply(stream, opening)
        return stream

    def receive(self, data: memoryview) -> int:
        """Read the answer to the proposal."""
        try:
            used, _ = self._proposer.receive(data)
        except RemoteProtocolError:
            self.was_reset()
            self._mux.reset(self._stream)
            return len(data)
        if self._proposer.declined:
            if self._then is None:
                self._mux.events.append(StreamRefused(self._stream.id))
            self._mux.reset(self._stream)
        elif self._proposer.chosen is not None:
            if self._then is None:
                self._stream.dialog = None
                self._mux.events.append(StreamAccepted(self._stream.id))
            else:
                self._stream.dialog = self._then(self._stream)
        return used

    def finished(self) -> None:
        """End a stream that was finished before it was agreed to."""
        self.was_reset()
        self._mux.reset(self._stream)

    def was_reset(self) -> None:
        """Tell the application that its stream is gone."""
        if self._then is None:
            self._mux.events.append(StreamReset(self._stream.id))


class Inbound(Dialog):
    """Negotiates a stream of the peer's. `serve(stream, protocol)` says whether the session answers it itself."""

    __slots__ = ("_listener", "_mux", "_serve", "_stream")

    def __init__(
        self,
        mux: Multiplexer,
        stream: Stream,
        supports: Callable[[str], bool],
        serve: Callable[[Stream, str], bool],
    ) -> None:
        self._mux = mux
        self._stream = stream
        self._serve = serve
        self._listener = Listener(supports)

    def receive(self, data: memoryview) -> int:
        """Read proposals and answer them."""
        stream = self._stream
        try:
            used, replies = self._listener.receive(data)
            self._mux.reply(stream, replies)
        except RemoteProtocolError:
            self._mux.reset(stream)
            self._mux.allowance.waste(DEAD_STREAM)
            return len(data)
        protocol = self._listener.chosen
        if protocol is not None:
            stream.dialog = None
            if not self._serve(stream, protocol):
                self._mux.events.append(StreamOpened(stream.id, protocol))
        return used

    def finished(self) -> None:
        """End a stream that never came to an agreement."""
        self._mux.reset(self._stream)
        self._mux.allowance.waste(DEAD_STREAM)


class Echo(Dialog):
    """Answers `/ipfs/ping/1.0.0`: what comes goes back."""

    __slots__ = ("_mux", "_stream")

    def __init__(self, mux: Multiplexer, stream: Stream) -> None:
        self._mux = mux
        self._stream = stream

    def receive(self, data: memoryview) -> int:
        """Send back what came."""
        if self._stream.queued + len(data) > min(_MAX_ECHO, self._stream.credit):
            self._mux.reset(self._stream)
        else:
            self._mux.reply(self._stream, bytes(data))
        return len(data)

    def finished(self) -> None:
        """Finish in turn."""
        self._mux.finish(self._stream)


class IdentifyReading(Dialog):
    """Reads what the peer says about itself, as an answer or a push, until it finishes the stream."""

    __slots__ = ("_mux", "_reader", "_stream")

    def __init__(self, mux: Multiplexer, stream: Stream, peer: PeerId) -> None:
        self._mux = mux
        self._stream = stream
        self._reader = InfoReader(peer)

    def receive(self, data: memoryview) -> int:
        """Collect the message."""
        try:
            self._reader.receive(data)
        except WrongPeer:
            raise
        except RemoteProtocolError:
            self._mux.reset(self._stream)
        return len(data)

    def finished(self) -> None:
        """Tell what the peer said, and finish in turn."""
        if self._reader.info is not None:
            self._mux.events.append(PeerIdentified(self._reader.info))
        self._mux.finish(self._stream)


class Answered(Dialog):
    """A stream on which everything was said by this end; what still comes is dropped."""

    __slots__ = ("_mux", "_stream")

    def __init__(self, mux: Multiplexer, stream: Stream, message: bytes) -> None:
        self._mux = mux
        self._stream = stream
        mux.reply(stream, message)
        mux.finish(stream)

    def receive(self, data: memoryview) -> int:
        """Drop what nobody asked for."""
        return len(data)
