"""What a session has to say: control frames, streams with bytes queued, and streams that wait for room to queue more.

Rules:
- Control frames go first, then streams in turn, `QUANTUM` bytes each while others wait.
- A stream that was given less room than it asked for is told once (`StreamWritable`) when there is room again. Nobody
  overtakes those who wait.

Invariant: a stream waits in the line only while the session's buffer is more than half full of bytes that `fill` can
yield, so flushing always wakes it; otherwise it waits for its own window or its own queue, whose changes lead here.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from beam_actors.values import EMPTY
from beam_actors.wire.events import Event, StreamWritable
from beam_actors.wire.limits import SessionLimits
from beam_actors.wire.stream import Buffer, Life, Stream
from beam_actors.wire.yamux import HEADER_SIZE, Flag, Kind, pack_header

QUANTUM: Final = 16384
"""Bytes of one stream in a row while others wait: small enough for a request beside a download."""
_SLIVER: Final = 512
"""A frame that would be cut shorter than this is left for the next record."""
_FIN: Final = int(Flag.FIN)
_DATA: Final = int(Kind.DATA)


class Outbox:
    """Everything that waits to be sealed. `on_fin` is called for each stream whose FIN was put into a frame."""

    __slots__ = ("_buffer", "_control", "_line", "_on_fin", "_ready", "_stream_buffer", "queued")

    def __init__(self, limits: SessionLimits, on_fin: Callable[[Stream], None]) -> None:
        self._buffer = limits.send_buffer
        self._stream_buffer = limits.stream_buffer
        self._on_fin = on_fin
        self._control = bytearray()
        self._ready: deque[Stream] = EMPTY
        self._line: list[Stream] = []
        self.queued = 0

    def __repr__(self) -> str:
        lines = f"ready={len(self._ready)} line={len(self._line)}"
        return f"<Outbox queued={self.queued} control={len(self._control)} {lines}>"

    def __bool__(self) -> bool:
        return bool(self._control or self._ready)

    def control(self, kind: Kind, flags: int, stream_id: int, value: int) -> None:
        """Queue a control frame."""
        self._control += pack_header(0, kind, flags, stream_id, value)

    @property
    def control_size(self) -> int:
        """Bytes of control frames that wait."""
        return len(self._control)

    def plaintext(self, data: bytes) -> None:
        """Queue bytes of the session itself, ahead of all frames but behind what was queued here before."""
        self._control += data

    def room(self, stream: Stream) -> int:
        """How many bytes the stream may queue now."""
        if self._line or not stream.announced:
            return 0
        return max(0, min(stream.credit, self._stream_buffer - stream.queued, self._buffer - self.queued))

    def ask(self, stream: Stream) -> None:
        """The stream wants more room than it was given."""
        stream.wants_room = True
        self.reconsider(stream)

    def reconsider(self, stream: Stream) -> None:
        """Put a stream that wants room in line once nothing of its own keeps it waiting."""
        if (
            stream.wants_room
            and not stream.in_line
            and stream.announced
            and stream.credit
            and stream.queued * 2 <= self._stream_buffer
        ):
            stream.in_line = True
            self._line.append(stream)

    def wake(self, events: list[Event]) -> None:
        """Tell the line to go on if the session's buffer is half empty."""
        if self._line and self.queued * 2 <= self._buffer:
            for stream in self._line:
                stream.in_line = False
                stream.wants_room = False
                if stream.life is not Life.GONE:
                    events.append(StreamWritable(stream.id))
            self._line.clear()

    def enqueue(self, stream: Stream, data: Buffer, size: int) -> None:
        """Queue the first `size` bytes of `data`, which the caller knows to be within the stream's credit."""
        stream.enqueue(data, size)
        self.queued += size
        self.make_ready(stream)

    def make_ready(self, stream: Stream) -> None:
        """The stream has something to send (bytes or its FIN), as soon as it may be announced."""
        if stream.announced and not stream.ready and (stream.queued or stream.finishing):
            stream.ready = True
            if self._ready is EMPTY:
                self._ready = deque()
            self._ready.append(stream)

    def forget(self, stream: Stream) -> None:
        """The stream is gone: what it had queued is not sent."""
        self.queued -= stream.drop_queue()

    def clear(self) -> None:
        """The session is over: only what the control frames say is still sent."""
        self._ready.clear()
        self._line.clear()
        self.queued = 0

    def fill(self, parts: list[Buffer], room: int) -> int:
        """Append frames of at most `room` bytes in sum to `parts`: how many bytes they have."""
        filled = 0
        if self._control:
            control = bytes(self._control[:room])
            del self._control[: len(control)]
            parts.append(control)
            filled = len(control)
        ready = self._ready
        while ready:
            stream = ready[0]
            if stream.life is Life.GONE:
                ready.popleft()
                continue
            space = room - filled - HEADER_SIZE
            if space < min(stream.queued, _SLIVER if filled else 1) or space < 0:
                break
            ready.popleft()
            size = min(space, stream.queued, QUANTUM) if ready else min(space, stream.queued)
            flags = stream.flags
            stream.flags = 0
            last = stream.finishing and size == stream.queued
            parts.append(pack_header(0, _DATA, flags | _FIN if last else flags, stream.id, size))
            stream.dequeue(size, parts)
            self.queued -= size
            filled += HEADER_SIZE + size
            if stream.queued:
                ready.append(stream)
            else:
                stream.ready = False
                if last:
                    self._on_fin(stream)
            if stream.wants_room:
                self.reconsider(stream)
        if not ready:
            self._ready = EMPTY
        return filled
