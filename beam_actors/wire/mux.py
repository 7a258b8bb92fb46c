"""The multiplexer: yamux over the plaintext of a session, both directions, without I/O.

Rules:
- A data frame beyond the receiver's window, a stream that was never opened, an unknown version, type or flag: the
  session ends. Data for a stream that is gone is skipped. Data after a FIN resets the stream.
- A call of `receive` does no more work than the `Allowance` of this turn has left, and leaves the rest for later; a
  frame that says nothing is counted there.

It knows nothing of encryption and of protocols: streams that aren't the application's have a `Dialog`. Which numbers
streams have, and when they are announced, is the matter of the `StreamTable`.
"""

from collections.abc import Callable
from typing import Final

from beam_actors.errors import LocalProtocolError, RemoteProtocolError
from beam_actors.wire.allowance import DEAD_STREAM, Allowance
from beam_actors.wire.events import Event, PeerLeaving, PongReceived, StreamData, StreamFinished, StreamReset
from beam_actors.wire.limits import INITIAL_WINDOW, SessionLimits, WindowBudget
from beam_actors.wire.noise import Role
from beam_actors.wire.outbox import Outbox
from beam_actors.wire.stream import MAX_CREDIT, Buffer, Life, Step, Stream
from beam_actors.wire.stream_table import StreamTable
from beam_actors.wire.windows import PROBE, Windows
from beam_actors.wire.yamux import HEADER_SIZE, Flag, GoAway, Kind, pack_header, unpack_header

_KNOWN_FLAGS: Final = int(Flag.SYN | Flag.ACK | Flag.FIN | Flag.RST)
_SYN, _ACK, _FIN, _RST = int(Flag.SYN), int(Flag.ACK), int(Flag.FIN), int(Flag.RST)
_DATA: Final = int(Kind.DATA)
_OPENING: Final = 63
"""Frames that take as much work as a new stream does, here and in those who serve it, besides its own."""


class Multiplexer:
    """All streams of one session. What happened is appended to `events`.

    Args:
        role: decides whose streams have which numbers.
        limits: the bounds.
        budget: what growth of receive windows is taken from.
        admit: asked for each stream that the peer opens; gives it a dialog, or answers False to have it reset.
        on_gone: told once for each stream that is gone.
    """

    def __init__(
        self,
        role: Role,
        limits: SessionLimits,
        *,
        budget: WindowBudget,
        admit: Callable[[Stream], bool],
        on_gone: Callable[[Stream], None],
    ) -> None:
        self._limits = limits
        self._admit = admit
        self._on_gone = on_gone
        self._header = b""
        self._body: Stream | None = None
        self._body_left = 0
        self._body_fin = False
        self._refusing = False
        self.peer_leaving = False
        self.allowance = Allowance(limits.waste)
        self.outbox = Outbox(limits, self._fin_sent)
        self.table = StreamTable(role, limits, self.outbox)
        self._streams = self.table.streams  # looked at for each frame
        self.windows = Windows(limits.window, budget, self.outbox)
        self.events: list[Event] = []

    def __repr__(self) -> str:
        return f"<Multiplexer {self.table!r} {self.outbox!r}>"

    def __len__(self) -> int:
        return len(self._streams)

    # --- what the session asks for ------------------------------------------------------------------------------------

    def get(self, stream_id: int) -> Stream | None:
        """The stream, unless it is gone."""
        return self._streams.get(stream_id)

    def open(self) -> Stream:
        """A new stream; its first frame carries SYN.

        Raises:
            ResourceExhausted: as many streams as the limits allow were opened here already.
        """
        return self.table.open()

    def room(self, stream: Stream) -> int:
        """How many bytes `send` takes now; if none, `StreamWritable` follows when it would take some."""
        room = 0 if stream.finishing else self.outbox.room(stream)
        if not room and not stream.finishing:
            self.outbox.ask(stream)
        return room

    def send(self, stream: Stream, data: Buffer) -> int:
        """Queue as much of `data` as there is room for; if that is not all, `StreamWritable` follows."""
        if stream.finishing:
            raise LocalProtocolError(f"Stream {stream.id} was finished here.")
        size = len(data)
        taken = min(size, self.outbox.room(stream))
        if taken:
            stream.spoke = True
            self.outbox.enqueue(stream, data, taken)
        if taken < size:
            self.outbox.ask(stream)
        return taken

    def reply(self, stream: Stream, data: bytes) -> None:
        """Queue a dialog's bytes whatever the buffers hold; dialogs are bounded in number and in what they say.

        Raises:
            RemoteProtocolError: the peer left no window for the answer that it asked for.
        """
        if len(data) > stream.credit:
            raise RemoteProtocolError("The peer left no window for the answer that it asked for.")
        if data:
            self.outbox.enqueue(stream, data, len(data))

    def finish(self, stream: Stream) -> None:
        """Send FIN behind what is queued; a second time does nothing."""
        if not stream.finishing:
            stream.finishing = True
            self.outbox.make_ready(stream)

    def reset(self, stream: Stream) -> None:
        """Abort the stream: RST to the peer, unless it never heard of the stream."""
        if not stream.flags & _SYN:
            self.outbox.control(Kind.WINDOW_UPDATE, stream.flags | _RST, stream.id, 0)
        self._remove(stream)

    def consumed(self, stream: Stream, size: int) -> None:
        """The application took `size` bytes; raise `LocalProtocolError` for more than it holds."""
        self.windows.consumed(stream, size)

    def ping(self, opaque: int) -> None:
        """Ask for a pong that carries `opaque` (below 2**31)."""
        if not 0 <= opaque < PROBE:
            raise LocalProtocolError("A ping's value lies between 0 and 2**31 - 1.")
        self.outbox.control(Kind.PING, _SYN, 0, opaque)

    def go_away(self) -> None:
        """Take no new streams from now on, and tell the peer."""
        if not self._refusing:
            self._refusing = True
            self.outbox.control(Kind.GO_AWAY, 0, 0, GoAway.NORMAL)

    def abandon(self, code: GoAway) -> None:
        """The session is over: give back what windows grew by, forget all streams, leave a go-away as last words."""
        for stream in self._streams.values():
            self.windows.give_back(stream)
        self.table.clear()
        self.outbox.clear()
        self.outbox.plaintext(pack_header(0, Kind.GO_AWAY, 0, 0, code))

    # --- receiving ----------------------------------------------------------------------------------------------------

    def receive(self, data: memoryview) -> int:
        """Feed plaintext: how many bytes were read before the work of this turn was done.

        Raises:
            RemoteProtocolError: the session cannot go on.
        """
        offset = self._payload(data, 0) if self._body_left else 0
        end = len(data)
        allowance = self.allowance
        while offset < end and allowance.work > 0:
            allowance.work -= 1
            if self._header or end - offset < HEADER_SIZE:
                head = self._header + bytes(data[offset : offset + HEADER_SIZE - len(self._header)])
                offset += len(head) - len(self._header)
                self._header = head
                if len(head) < HEADER_SIZE:
                    return end
                self._header = b""
                version, kind, flags, stream_id, value = unpack_header(head)
            else:
                version, kind, flags, stream_id, value = unpack_header(data, offset)
                offset += HEADER_SIZE
            if version or kind > Kind.GO_AWAY or flags & ~_KNOWN_FLAGS:
                raise RemoteProtocolError("A frame has an unknown version, type or flag.")
            if kind == _DATA:
                self._data_frame(flags, stream_id, value)
                offset = self._payload(data, offset)
            elif kind == Kind.WINDOW_UPDATE:
                self._window_frame(flags, stream_id, value)
            elif kind == Kind.PING:
                self._ping_frame(flags, value)
            else:
                self._go_away_frame(value)
        if self.outbox.control_size > self._limits.control_buffer:
            raise RemoteProtocolError("The peer does not read the answers that it provokes.")
        allowance.moved += offset
        return offset

    def _data_frame(self, flags: int, stream_id: int, size: int) -> None:
        stream = self._streams.get(stream_id)
        if not size and not flags:
            self.allowance.waste(1)
        if stream is None or flags or not stream.acknowledged:
            if flags & _SYN and size > INITIAL_WINDOW:
                raise RemoteProtocolError("A new stream carries more than its window.")
            stream = self._flags(flags, stream_id)
        if stream is not None:
            if size > stream.granted:
                raise RemoteProtocolError(f"The peer sent more than the window of stream {stream_id} allows.")
            stream.granted -= size
            stream.received += size
            if size and (stream.life is Life.GOT_ALL):
                self._misbehaved(stream)
                stream = None
        self._body = stream
        self._body_left = size
        self._body_fin = bool(flags & _FIN)
        if not size and stream is not None and self._body_fin:
            self._finished(stream)

    def _payload(self, data: memoryview, offset: int) -> int:
        """Hand over what `data` holds of the present frame's payload: the offset after it."""
        size = min(self._body_left, len(data) - offset)
        stream = self._body
        end = offset + size
        if size and stream is not None and stream.life is not Life.GONE:
            self._deliver(stream, data[offset:end])
        self._body_left -= size
        if size and not self._body_left and self._body_fin and stream is not None and stream.life is not Life.GONE:
            self._finished(stream)
        return end

    def _deliver(self, stream: Stream, part: memoryview) -> None:
        while stream.dialog is not None:
            used = stream.dialog.receive(part)
            if stream.life is Life.GONE:
                return
            self.consumed(stream, used)
            part = part[used:]
            if not part:
                return
        self.events.append(StreamData(stream.id, part))

    def _window_frame(self, flags: int, stream_id: int, size: int) -> None:
        if not size and not flags:
            self.allowance.waste(1)
        stream = self._flags(flags, stream_id)
        if stream is None:
            return
        if size:
            stream.credit = min(stream.credit + size, MAX_CREDIT)
            self.outbox.reconsider(stream)
        if flags & _FIN:
            self._finished(stream)

    def _ping_frame(self, flags: int, value: int) -> None:
        self.allowance.waste(1)
        if flags & _SYN:
            self.outbox.control(Kind.PING, _ACK, 0, value)
        elif not flags & _ACK:
            raise RemoteProtocolError("A ping is neither asked nor answered.")
        elif value < PROBE:
            self.events.append(PongReceived(value))
        else:
            self.windows.ponged(value)

    def _go_away_frame(self, code: int) -> None:
        if code != GoAway.NORMAL:
            raise RemoteProtocolError(f"The peer ended the session with the error {code}.")
        self.allowance.waste(1)
        if not self.peer_leaving:
            self.peer_leaving = True
            self.events.append(PeerLeaving())

    def _flags(self, flags: int, stream_id: int) -> Stream | None:
        """Act on a frame's SYN, ACK and RST: the stream, or None if the rest of the frame is for nobody."""
        stream = self._streams.get(stream_id)
        if flags & _SYN:
            stream = self._opened(stream_id)
        elif not self.table.was_used(stream_id) if stream is None else stream.flags & _SYN:
            raise RemoteProtocolError(f"Stream {stream_id} was never opened.")
        if stream is not None:
            if not stream.acknowledged:
                self.table.answered(stream)
            if flags & _RST:
                if not stream.spoke and self.table.is_theirs(stream_id):
                    self.allowance.waste(DEAD_STREAM)  # the peer opened it for nothing (CVE-2023-44487)
                self._tell_reset(stream)
                self._remove(stream)
                return None
        return stream

    def _opened(self, stream_id: int) -> Stream | None:
        stream = self.table.meet(stream_id)
        self.allowance.work -= _OPENING
        if self._refusing or self.table.is_full or not self._admit(stream):
            self.outbox.control(Kind.WINDOW_UPDATE, _RST, stream_id, 0)
            self.allowance.waste(DEAD_STREAM)
            return None
        self.table.admit(stream)
        return stream

    def _finished(self, stream: Stream) -> None:
        if stream.life is Life.GOT_ALL:
            return
        if stream.dialog is not None:
            stream.dialog.finished()
        else:
            self.events.append(StreamFinished(stream.id))
        if stream.life is not Life.GONE and stream.step(Step.GET_FIN):
            self._forget(stream)

    # --- ends ---------------------------------------------------------------------------------------------------------

    def _fin_sent(self, stream: Stream) -> None:
        if stream.step(Step.SEND_FIN):
            self._forget(stream)

    def _misbehaved(self, stream: Stream) -> None:
        """End one stream for what the peer did on it."""
        self._tell_reset(stream)
        self.reset(stream)

    def _tell_reset(self, stream: Stream) -> None:
        if stream.dialog is not None:
            stream.dialog.was_reset()
        else:
            self.events.append(StreamReset(stream.id))

    def _remove(self, stream: Stream) -> None:
        stream.step(Step.RESET)
        self._forget(stream)

    def _forget(self, stream: Stream) -> None:
        self.table.forget(stream)
        self.windows.give_back(stream)
        self.outbox.forget(stream)
        self._on_gone(stream)
