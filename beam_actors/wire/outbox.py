"""What a session has to say: control frames, streams with bytes queued, and streams that wait for room to queue more.

Rules:
- Control frames go first. Then who has little to say, `QUANTUM` bytes at most, and then the others in turn, a record
  each: sparse flows before bulk ones (RFC 8290, 4.2). Whoever has more to say than that stands with the bulk
  afterwards. While bulk waits, sparse streams have half of each record at most, or one frame of it.
- A stream that is gone stands in no line, since a peer that reads nothing keeps all lines from moving.
- A stream that was given less room than it asked for is told once (`StreamWritable`) when there is room again. Nobody
  overtakes those who wait.

Invariant: a stream waits in the line only while the session's buffer is more than half full of bytes that `fill` can
yield, so flushing always wakes it; otherwise it waits for its own window or its own queue, whose changes lead here.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from beam_actors.wire.events import Event, StreamWritable
from beam_actors.wire.limits import SessionLimits
from beam_actors.wire.stream import Buffer, Stream
from beam_actors.wire.yamux import HEADER_SIZE, Flag, Kind, pack_header

QUANTUM: Final = 16384
"""Bytes with which a stream overtakes those that have more: a request, or a small answer, beside downloads."""
_SLIVER: Final = 512
"""A frame that would be cut shorter than this is left for the next record."""
_Line = OrderedDict[Stream, None]
_NONE: Final[_Line] = OrderedDict()
"""What all empty lines are, and nobody writes to: most sessions have nothing to say."""
_FIN: Final = int(Flag.FIN)
_DATA: Final = int(Kind.DATA)


class Outbox:
    """Everything that waits to be sealed. `on_fin` is called for each stream whose FIN was put into a frame."""

    __slots__ = ("_buffer", "_bulk", "_control", "_line", "_on_fin", "_sparse", "_stream_buffer", "queued")

    def __init__(self, limits: SessionLimits, on_fin: Callable[[Stream], None]) -> None:
        self._buffer = limits.send_buffer
        self._stream_buffer = limits.stream_buffer
        self._on_fin = on_fin
        self._control = bytearray()
        self._sparse = self._bulk = self._line = _NONE
        self.queued = 0

    def __repr__(self) -> str:
        lines = f"sparse={len(self._sparse)} bulk={len(self._bulk)} line={len(self._line)}"
        return f"<Outbox queued={self.queued} control={len(self._control)} {lines}>"

    def __bool__(self) -> bool:
        return bool(self._control or self._sparse or self._bulk)

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
            if self._line is _NONE:
                self._line = OrderedDict()
            self._line[stream] = None

    def wake(self, events: list[Event]) -> None:
        """Tell the line to go on if the session's buffer is half empty."""
        if self._line and self.queued * 2 <= self._buffer:
            for stream in self._line:
                stream.in_line = False
                stream.wants_room = False
                events.append(StreamWritable(stream.id))
            self._line = _NONE

    def enqueue(self, stream: Stream, data: Buffer, size: int) -> None:
        """Queue the first `size` bytes of `data`, which the caller knows to be within the stream's credit."""
        stream.enqueue(data, size)
        self.queued += size
        self.make_ready(stream)

    def make_ready(self, stream: Stream) -> None:
        """The stream has something to send (bytes or its FIN), as soon as it may be announced."""
        if stream.announced and not stream.ready and (stream.queued or stream.finishing):
            stream.ready = True
            if stream.queued <= QUANTUM:
                if self._sparse is _NONE:
                    self._sparse = OrderedDict()
                self._sparse[stream] = None
            else:
                self._join_bulk(stream)

    def _join_bulk(self, stream: Stream) -> None:
        if self._bulk is _NONE:
            self._bulk = OrderedDict()
        self._bulk[stream] = None

    def forget(self, stream: Stream) -> None:
        """The stream is gone: what it had queued is not sent."""
        self.queued -= stream.drop_queue()
        if stream.ready:
            self._sparse.pop(stream, None)
            self._bulk.pop(stream, None)
            stream.ready = False
        if stream.in_line:
            del self._line[stream]
            stream.in_line = False

    def clear(self) -> None:
        """The session is over: only what the control frames say is still sent."""
        self._sparse = self._bulk = self._line = _NONE
        self.queued = 0

    def _is_bulks_turn(self, filled: int, room: int) -> bool:
        """Whether one more sparse frame is for the next record, of which bulk that waits leaves half."""
        if not (self._bulk and filled):
            return False
        size = min(next(iter(self._sparse)).queued, QUANTUM)
        return filled + HEADER_SIZE + size > room // 2

    def fill(self, parts: list[Buffer], room: int) -> int:
        """Append frames of at most `room` bytes in sum to `parts`: how many bytes they have."""
        filled = 0
        if self._control:
            control = bytes(self._control[:room])
            del self._control[: len(control)]
            parts.append(control)
            filled = len(control)
        sparse, bulk = self._sparse, self._bulk
        while sparse or bulk:
            space = room - filled - HEADER_SIZE
            if sparse and not self._is_bulks_turn(filled, room):
                turns, space = sparse, min(space, QUANTUM)
            else:
                turns = bulk
            stream = next(iter(turns))
            if space < min(stream.queued, _SLIVER if filled else 1) or space < 0:
                break
            del turns[stream]
            size = min(space, stream.queued)
            flags = stream.flags
            stream.flags = 0
            last = stream.finishing and size == stream.queued
            parts.append(pack_header(0, _DATA, flags | _FIN if last else flags, stream.id, size))
            stream.dequeue(size, parts)
            self.queued -= size
            filled += HEADER_SIZE + size
            if stream.queued:
                self._join_bulk(stream)
                bulk = self._bulk
            else:
                stream.ready = False
                if last:
                    self._on_fin(stream)
            if stream.wants_room:
                self.reconsider(stream)
        if not sparse:
            self._sparse = _NONE
        if not bulk:
            self._bulk = _NONE
        return filled
