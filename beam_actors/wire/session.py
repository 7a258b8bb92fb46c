"""A session: multistream-select, Noise, multistream-select again where needed, yamux, identify and ping, as one core.

Give it what the network delivers (`receive`) and send what it says (`data_to_send`). Rules:

- The phases follow one table; each consumes its bytes and leaves the rest to the next.
- Nothing is believed before the peer proved its identity; nothing is sent that isn't sealed after the handshake.
- The first wrong byte ends the session: `SessionEnded(error)` is the last event. After an error inside the encrypted
  channel the last words are a go-away; after a failed handshake or decryption there are none.
- A call for a stream that is gone does nothing, since its end may lie in events that the caller hasn't read yet.

It has no clock of its own: deadlines and keep-alive belong to its caller, who may give it one to time round trips.
Entropy comes as seeds.
"""

from collections.abc import Callable
from functools import partial

import attrs

from beam_actors.errors import BeamError, ConnectionLost, LocalProtocolError, RemoteProtocolError
from beam_actors.identity import PeerKey
from beam_actors.values import PeerId
from beam_actors.wire import identify
from beam_actors.wire.allowance import UNBOUNDED
from beam_actors.wire.channel import Channel
from beam_actors.wire.dialogs import Outbound
from beam_actors.wire.events import Established, Event, SessionEnded, StreamId
from beam_actors.wire.identify import IdentifyInfo
from beam_actors.wire.limits import SessionLimits, WindowBudget
from beam_actors.wire.mux import Multiplexer
from beam_actors.wire.muxer_agreement import MUXERS, MuxerAgreement
from beam_actors.wire.noise import Role, Suite
from beam_actors.wire.opening import Opening
from beam_actors.wire.phase import PHASES, Phase
from beam_actors.wire.security import NOISE, Security
from beam_actors.wire.services import Services
from beam_actors.wire.stream import Buffer
from beam_actors.wire.yamux import GoAway


@attrs.frozen(slots=True)
class SessionStatistics:
    """A session's counters: bytes of the network in both directions, records, and what is held now."""

    received: int
    sent: int
    records_sent: int
    streams: int
    queued: int
    window_growth: int


class Session:
    """One end of a session.

    Args:
        role: the initiator proposes at every layer. It follows from who dialled, or from DCUtR.
        key: this node's identity.
        static_seed: 32 secret bytes, the process's static Noise key.
        ephemeral_seed: 32 fresh secret bytes, for this session alone.
        expected: the only peer that is acceptable at the other end; None takes anybody.
        protocols: whether the application serves a protocol on streams that the peer opens.
        limits: what the session may hold.
        info: what this node says about itself.
        security: how the connection is secured; anything but Noise exists in simulations alone.
        budget: the whole node's bound on the growth of receive windows.
    """

    def __init__(
        self,
        role: Role,
        *,
        key: PeerKey,
        static_seed: bytes,
        ephemeral_seed: bytes,
        expected: PeerId | None,
        protocols: Callable[[str], bool],
        limits: SessionLimits | None = None,
        info: IdentifyInfo | None = None,
        security: Security = NOISE,
        budget: WindowBudget | None = None,
    ) -> None:
        self.role = role
        self.phase = Phase.SUITE
        self.peer: PeerId | None = None
        self.suite: Suite | None = None
        self._limits = limits or SessionLimits()
        self._info = info or IdentifyInfo()
        self._budget = WindowBudget(self._limits.window_growth, budget)
        handshake = partial(
            security.handshake,
            role=role,
            key=key,
            static_seed=static_seed,
            ephemeral_seed=ephemeral_seed,
            expected=expected,
            muxers=MUXERS,
        )
        self._opening: Opening | None = Opening(role, suites=security.suites, handshake=handshake)
        self._clear = self._opening.out  # said before there is a cipher; the last of it outlives the opening
        self._channel: Channel | None = None
        self._services = Services(protocols, self._limits, lambda: identify.encode_info(self._info, key.peer_id))
        services = self._services
        self._mux = Multiplexer(role, self._limits, budget=self._budget, admit=services.admit, on_gone=services.gone)
        self._received = self._sent = 0

    def __repr__(self) -> str:
        peer = self.peer.short if self.peer is not None else "nobody yet"
        return f"<Session {self.role.value} with {peer}, {self.phase.value}, streams={len(self._mux)}>"

    # --- bytes --------------------------------------------------------------------------------------------------------

    def receive(self, data: Buffer, work: int = UNBOUNDED) -> list[Event]:
        """Feed what the network delivered: what happened, in order.

        A writable buffer is decrypted in place. The views in `StreamData` lie in it (or in memory of their own) and
        are valid until the caller reuses it; read-only buffers are copied first. After the end nothing is read.

        `work` is how many frames may be read now. What is left then is the `backlog`: the caller goes on by `resume`
        when others had their turn, and feeds nothing before it is empty.
        """
        self._received += len(data)
        view = memoryview(data)
        if view.readonly:
            view = memoryview(bytearray(view))
        self._mux.allowance.turn(work)
        try:
            if self._opening is not None:
                view = self._begin(self._opening, view)
            if self._channel is not None and self.phase is not Phase.ENDED:
                self._channel.receive(view)
        except RemoteProtocolError as error:
            self._end(error)
        self._mux.outbox.wake(self._mux.events)
        return self.take_events()

    def resume(self, work: int = UNBOUNDED) -> list[Event]:
        """Go on with the backlog, at most `work` frames of it: what happened, as of `receive`."""
        self._mux.allowance.turn(work)
        try:
            if self._channel is not None:
                self._channel.resume()
        except RemoteProtocolError as error:
            self._end(error)
        self._mux.outbox.wake(self._mux.events)
        return self.take_events()

    @property
    def backlog(self) -> int:
        """Bytes that were fed and wait for `resume`."""
        return 0 if self._channel is None else self._channel.backlog

    def receive_eof(self) -> list[Event]:
        """The network's side ended: `SessionEnded`, with `ConnectionLost` unless nothing was going on."""
        idle = self.phase is Phase.OPEN and not self._mux
        self._end(None if idle else ConnectionLost("The peer closed the connection."), GoAway.NORMAL)
        self._silence()
        return self.take_events()

    def data_to_send(self, limit: int = 1 << 18) -> bytes | bytearray:
        """Seal what is queued: at most `limit` bytes (at least `MIN_FLUSH`), or b"" when there is nothing.

        Frames of many streams share a record. Call `take_events` afterwards: streams may have become writable.
        """
        out: bytes | bytearray = b""
        if self._clear:
            out = bytes(self._clear[:limit])
            del self._clear[: len(out)]
        elif self._channel is not None:
            try:
                out = self._channel.seal(self._mux.outbox, limit)
            except LocalProtocolError as error:
                self._end(error)
                self._silence()
            self._mux.outbox.wake(self._mux.events)
        self._sent += len(out)
        self._mux.allowance.moved += len(out)
        return out

    def take_events(self) -> list[Event]:
        """What happened since `receive` or this was called last."""
        events = self._mux.events
        self._mux.events = []
        return events

    @property
    def has_output(self) -> bool:
        """Whether `data_to_send` has something to say."""
        return bool(self._clear or (self._channel is not None and self._channel.speaks and self._mux.outbox))

    @property
    def ended(self) -> bool:
        """Whether nothing more is read; last words may wait in `data_to_send`."""
        return self.phase is Phase.ENDED

    # --- streams ------------------------------------------------------------------------------------------------------

    @property
    def takes_streams(self) -> bool:
        """Whether it has not ended, and the peer did not say that it takes no new ones."""
        return self.phase is not Phase.ENDED and not self._mux.peer_leaving

    def open(self, protocol: str) -> StreamId:
        """Open a stream and propose `protocol`; data may follow at once, before the peer's answer.

        Raises:
            ConnectionLost: the session ended, or the peer takes no new streams.
            LocalProtocolError: the session isn't established yet.
            ResourceExhausted: it carries as many streams as it may.
        """
        if not self.takes_streams:
            raise ConnectionLost("The session takes no new streams.")
        self._check_established()
        return Outbound.open(self._mux, protocol).id

    def send(self, stream: StreamId, data: Buffer) -> int:
        """Queue bytes of a stream: how many were taken. If not all, `StreamWritable` follows when more would be.

        `bytes` are kept as they are, other buffers are copied. 0 for a stream that is gone.

        Raises:
            LocalProtocolError: the stream was finished here.
        """
        books = self._mux.get(stream)
        return 0 if books is None else self._mux.send(books, data)

    def room(self, stream: StreamId) -> int:
        """How many bytes `send` would take now. If none, `StreamWritable` follows when it would take some."""
        books = self._mux.get(stream)
        return 0 if books is None else self._mux.room(books)

    def consumed(self, stream: StreamId, size: int) -> None:
        """The application took `size` bytes of what `StreamData` brought; the peer may send as many again.

        Raises:
            LocalProtocolError: it holds fewer.
        """
        books = self._mux.get(stream)
        if books is not None:
            self._mux.consumed(books, size)

    def finish(self, stream: StreamId) -> None:
        """Send no more on the stream once what is queued has left; receiving goes on."""
        books = self._mux.get(stream)
        if books is not None:
            self._mux.finish(books)

    def reset(self, stream: StreamId) -> None:
        """Abort the stream in both directions; no event follows."""
        books = self._mux.get(stream)
        if books is not None:
            self._mux.reset(books)

    # --- the session as a whole ---------------------------------------------------------------------------------------

    def timed_by(self, clock: Callable[[], float]) -> None:
        """Measure round trips with this clock (seconds), so that windows grow no further once bytes queue."""
        self._mux.windows.timed_by(clock)

    def measured(self, seconds: float) -> None:
        """A ping of the caller's took so long: a round trip more to compare with."""
        self._mux.windows.measured(seconds)

    def ping(self, opaque: int) -> None:
        """Ask the peer to answer, which yields `PongReceived(opaque)`; 0 to 2**31 - 1. Nothing once it has ended."""
        if self.phase is not Phase.ENDED:
            self._check_established()
            self._mux.ping(opaque)

    def forgive(self) -> None:
        """Forget what the peer wasted until now; to be called every few seconds (see `SessionLimits.waste`)."""
        self._mux.allowance.forgive()

    def leave(self) -> None:
        """Take no new streams from the peer and say so; those that exist go on. Nothing once it has ended."""
        if self.phase is not Phase.ENDED:
            self._check_established()
            self._mux.go_away()

    def close(self) -> None:
        """End the session in order: all streams are gone, a go-away is queued, `SessionEnded(None)` follows."""
        self._end(None, GoAway.NORMAL)

    def statistics(self) -> SessionStatistics:
        """The counters now."""
        return SessionStatistics(
            received=self._received,
            sent=self._sent,
            records_sent=0 if self._channel is None else self._channel.records_sent,
            streams=len(self._mux),
            queued=self._mux.outbox.queued,
            window_growth=self._budget.used,
        )

    # --- phases -------------------------------------------------------------------------------------------------------

    def _go(self, phase: Phase) -> None:
        if phase not in PHASES[self.phase]:
            raise LocalProtocolError(f"A session cannot go from {self.phase.value!r} to {phase.value!r}.")
        self.phase = phase

    def _begin(self, opening: Opening, data: memoryview) -> memoryview:
        data = opening.receive(data)
        if self.phase is Phase.SUITE and opening.agreed:
            self._go(Phase.HANDSHAKE)
        handshake = opening.done
        if handshake is not None and handshake.remote is not None:
            self._opening = None
            self._channel = Channel(*handshake.ciphers(), self._mux.allowance, self._mux.receive)
            self.peer, self.suite = handshake.remote.peer, handshake.suite
            if handshake.muxer is not None:
                self._establish()
            else:
                self._go(Phase.MUXER)
                MuxerAgreement(self.role, self._mux, self._establish).begin(self._channel)
        return data

    def _establish(self) -> None:
        self._go(Phase.OPEN)
        if self.peer is None or self.suite is None:
            raise LocalProtocolError("A session was opened without a peer.")
        if self.suite.beam:
            self._mux.table.most = self._limits.beam_streams
        self._mux.events.append(Established(self.peer, self.suite))
        self._services.begin(self._mux, self.peer)

    def _end(self, error: BeamError | None, words: GoAway = GoAway.PROTOCOL_ERROR) -> None:
        if self.phase is Phase.ENDED:
            return
        channel = self._channel
        speak = self.phase is Phase.OPEN and channel is not None and not channel.broken
        if channel is not None:
            channel.drop()
        self._go(Phase.ENDED)
        self._mux.abandon(words)
        if not speak:
            self._silence()
        self._mux.events.append(SessionEnded(error))

    def _silence(self) -> None:
        """Forget what was still to be said."""
        self._clear.clear()
        self._opening = None
        if self._channel is not None:
            self._channel.speaks = False

    def _check_established(self) -> None:
        if self.phase is not Phase.OPEN:
            raise LocalProtocolError("The session is not established yet.")
