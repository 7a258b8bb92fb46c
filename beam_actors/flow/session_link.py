"""A session in the pump: one link below, the sans-IO session in the middle, many stream links above.

The invariants: what all streams send in one slice is sealed in one flush; sealed bytes that the network doesn't take
are held here once, and no more are sealed before they left; when the session ends, every stream of it fails and the
owner is told exactly once. It knows nothing of peers but what the wire proves, and nothing of what a protocol's name
means; how long a peer may be silent is the matter of `keep_alive`.
"""

import contextlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from beam_actors.errors import (
    BeamError,
    ConnectionLost,
    ConnectionRefused,
    NetworkError,
    ResourceExhausted,
    StreamCut,
)
from beam_actors.flow.budget import Budget
from beam_actors.flow.keep_alive import KeepAlive
from beam_actors.flow.link import READ, WRITE, Link, Owned
from beam_actors.flow.messages import IncomingStream, SessionDown, SessionUp
from beam_actors.flow.owner import Owner
from beam_actors.flow.session import SessionHandle, Taker
from beam_actors.flow.stream import Stream
from beam_actors.flow.stream_link import StreamLink
from beam_actors.wire import (
    Established,
    Event,
    PeerIdentified,
    PeerLeaving,
    PongReceived,
    Role,
    Session,
    SessionEnded,
    StreamData,
    StreamFinished,
    StreamId,
    StreamOpened,
    StreamRefused,
    StreamReset,
    StreamWritable,
)

NO_TAKERS: Final[Mapping[str, Taker]] = MappingProxyType({})
_FLUSH_SIZE = 1 << 18


class SessionLink(Owned):
    """Drives one `wire.Session` over one link."""

    __slots__ = (
        "_flush_queued", "_fresh", "_out", "budget", "handle", "keep_alive", "lower", "session", "streams", "takers",
    )  # fmt: skip

    def __init__(self, lower: Link, session: Session, owner: Owner, unread: bytes, handshake: float | None) -> None:
        pump = lower.pump
        self.lower = lower
        self.session = session
        self.streams: dict[StreamId, StreamLink] = {}
        self.budget = Budget("session", pump.limits.session_bytes, pump.budget)
        self.takers: Mapping[str, Taker] = NO_TAKERS
        self._fresh: list[StreamLink] = []
        self._out = memoryview(b"")
        self._flush_queued = False
        super().__init__(pump, owner)
        lower.adopt(None)
        lower.handler = self._on_lower
        self.handle = SessionHandle(self)
        session.timed_by(pump.clock.monotonic)
        self.keep_alive = KeepAlive(self, pump.limits.handshake_seconds if handshake is None else handshake)
        # Before the link's first readiness, so that what was read too early is not overtaken.
        pump.call_soon(lambda: self._begin(unread), self)

    # --- what handles and streams use ---

    def open(self, protocol: str, owner: Owner | None) -> StreamLink:
        """Open a stream; the proposal leaves with the first flush."""
        if not self.is_open:
            raise ConnectionLost("The session has ended.")
        stream = self.session.open(protocol)
        link = StreamLink(self, stream, protocol, owner or self.owner)
        self.streams[stream] = link
        self.flush_soon()
        return link

    def forget(self, stream: StreamLink) -> None:
        """The stream's link ended."""
        self.streams.pop(stream.id, None)

    def flush_soon(self) -> None:
        """Seal and send at the end of this slice."""
        if not self._flush_queued and self.is_open:
            self._flush_queued = True
            self.pump.flush_later(self)

    def flush_if_any(self) -> None:
        """The same if there is something to send: what was taken seldom leads to a window update."""
        if self.session.has_output:
            self.flush_soon()

    def close(self) -> None:
        """End the session in order."""
        if self.is_open:
            self.session.close()
            self.flush_soon()

    def abort(self, error: NetworkError | None = None) -> None:
        """See `Owned`."""
        self._finish(error or ConnectionLost("The session was cut here."))

    def fail(self, error: BeamError) -> None:
        """End it for this reason, which the owner is told."""
        self._finish(error)

    def flush(self) -> None:
        """Seal what is queued, once, and hand it to the link below."""
        self._flush_queued = False
        if not self.is_open:
            return
        session, lower, out = self.session, self.lower, self._out
        try:
            while out or (session.has_output and (out := memoryview(session.data_to_send(_FLUSH_SIZE)))):
                sent = lower.send(out)
                out = out[sent:]
                if out:
                    break
                self.keep_alive.sent_at = self.pump.clock.monotonic()
        except NetworkError as error:
            self._finish(error)
            return
        self._out = out
        self.budget.hold(self, len(out))
        lower.want(read=not session.backlog, write=bool(out))
        self._dispatch(session.take_events())

    def exhausted(self, error: ResourceExhausted) -> None:
        """Its own sealed bytes are what is held for longest: the peer doesn't read."""
        self._finish(error)

    # --- the link below ---

    def _begin(self, unread: bytes) -> None:
        if self.is_open:
            if unread:
                self._feed(self.session.receive(unread, self.pump.limits.slice_frames))
            self.lower.want(read=True, write=False)
            self.flush_soon()

    def _on_lower(self, bits: int) -> None:
        try:
            if self.lower.error is not None:
                raise self.lower.error  # noqa: TRY301  # an end that was told, not found by a call
            if bits & WRITE:
                self.flush_soon()
            if bits & READ:
                self._read()
        except NetworkError as error:
            self._finish(error)
        except Exception as error:  # noqa: BLE001  # the link below has no owner; this one answers
            self.crash(error)

    def _read(self) -> None:
        if self.session.backlog:
            return
        buffer = self.pump.buffer
        size = self.lower.recv_into(buffer)
        if size is None:
            return
        if size == 0:
            self._dispatch(self.session.receive_eof())
            return
        self.keep_alive.heard_at = self.pump.clock.monotonic()
        self._feed(self.session.receive(buffer[:size], self.pump.limits.slice_frames))

    def _feed(self, events: list[Event]) -> None:
        self._dispatch(events)
        if self.budget.exceeded:
            self.budget.enforce()
        if not self.is_open:
            return
        if self.session.backlog:
            # Many small frames: the rest in the next round, and nothing more is read before.
            self.pump.call_soon(self._resume, self)
        if self.session.has_output or self.session.backlog:
            self.flush_soon()

    def _resume(self) -> None:
        if self.is_open:
            self._feed(self.session.resume(self.pump.limits.slice_frames))
            self.flush_soon()

    # --- events ---

    def _dispatch(self, events: list[Event]) -> None:
        streams = self.streams
        for event in events:
            if type(event) is StreamData:
                stream = streams.get(event.stream)
                if stream is not None:
                    stream.on_data(event.data)
                else:  # closed here while the peer still sent: it must learn that nobody reads
                    self.session.reset(event.stream)
                    self.flush_soon()
            elif type(event) is StreamWritable:
                stream = streams.get(event.stream)
                if stream is not None:
                    stream.on_writable()
            else:
                self._dispatch_rare(event)
        if self._fresh:
            self._offer()

    def _dispatch_rare(self, event: Event) -> None:
        match event:
            case StreamOpened(stream, protocol):
                self._incoming(stream, protocol)
            case StreamFinished(stream) | StreamReset(stream) | StreamRefused(stream):
                if (link := self.streams.get(stream)) is not None:
                    self._stream_ended(link, event)
            case PongReceived(opaque):
                self.keep_alive.ponged(opaque)
            case Established(peer, suite):
                self.keep_alive.begin(asks=self.session.role is Role.INITIATOR or not suite.beam)
                self._tell(SessionUp(peer, suite, self.handle))
            case PeerIdentified() | PeerLeaving():
                self._tell(event)
            case SessionEnded(error):
                self._last_words(error)
            case _:  # StreamAccepted, and the two of `_dispatch`
                pass

    @staticmethod
    def _stream_ended(link: StreamLink, event: Event) -> None:
        match event:
            case StreamFinished():
                link.on_end()
            case StreamRefused():
                link.on_gone(ConnectionRefused(f"The peer does not speak {link.protocol}."))
            case _:
                link.on_gone(StreamCut("The peer reset the stream."))

    def _incoming(self, stream: StreamId, protocol: str) -> None:
        if self.owner is None:
            self.session.reset(stream)
            self.flush_soon()
            return
        link = StreamLink(self, stream, protocol, self.owner)
        self.streams[stream] = link
        if protocol in self.takers:
            self._fresh.append(link)
        else:
            self.owner.tell(IncomingStream(protocol, Stream(link), self.handle))

    def _offer(self) -> None:
        """Ask about new streams, after what came with them; what nobody takes is the owner's."""
        fresh, self._fresh = self._fresh, []
        for link in fresh:
            if not link.is_open or self.session.peer is None:
                continue
            stream = Stream(link)
            try:
                taken = self.takers[link.protocol](self.session.peer, stream)
            except Exception as error:  # noqa: BLE001  # whoever was to take it answers, and not the session
                link.crash(error)
                continue
            if not taken:
                self._tell(IncomingStream(link.protocol, stream, self.handle))

    def _tell(self, message: Any) -> None:
        if self.owner is not None:
            self.owner.tell(message)

    # --- the end ---

    def _last_words(self, error: BeamError | None) -> None:
        """The session ended by itself: send what it still has to say if that goes at once, then close."""
        words = self.session.data_to_send(_FLUSH_SIZE) if not self._out else b""
        if words or self._out:
            with contextlib.suppress(NetworkError):  # they were last words
                self.lower.send(self._out or words)
        self._finish(error, graceful=True)

    def _finish(self, error: BeamError | None, *, graceful: bool = False) -> None:
        if not self.is_open:
            return
        self.is_open = False
        self.pump.unregister(self)
        self.lower.handler = None
        if graceful:
            self.lower.close()
        else:
            self.lower.abort()
        self._out = memoryview(b"")
        lost = error if isinstance(error, NetworkError) else ConnectionLost(f"The session ended: {error or 'closed'}")
        for stream in list(self.streams.values()):
            stream.on_gone(lost)
        self.budget.hold(self, 0)
        self.keep_alive.end()
        self._tell(SessionDown(error, self.handle))

    def __repr__(self) -> str:
        return f"<SessionLink {self.session!r} {'up' if self.is_open else 'ended'}>"
