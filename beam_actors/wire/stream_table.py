"""The streams of one session by their number: who may open which, how many there are, and which are announced.

Rules:
- The initiator opens odd streams, the responder even ones, in ascending order; a number is never used twice.
- Each end may have as many open as `most` says.
- Not more than `unanswered_streams` of this end's wait for the peer's first frame; any further one is withheld: what it
  sends is queued, and its SYN and all else go out when one of those was answered, or is gone.

Invariant: a stream stands in the table from its number's first use until it is gone, and is forgotten once. It knows
neither frames nor what is said on a stream.
"""

from typing import Final

from beam_actors.errors import RemoteProtocolError, ResourceExhausted
from beam_actors.wire.limits import SessionLimits
from beam_actors.wire.noise import Role
from beam_actors.wire.outbox import Outbox
from beam_actors.wire.stream import Life, Stream

_MAX_ID: Final = 2**32 - 1


class StreamTable:
    """Which streams there are. `outbox` is told of those that may be announced now."""

    __slots__ = (
        "_inbound", "_last_remote", "_max_unanswered", "_next_id", "_outbox", "_unanswered", "_withheld", "most",
        "streams",
    )  # fmt: skip

    def __init__(self, role: Role, limits: SessionLimits, outbox: Outbox) -> None:
        self.most = limits.streams
        """How many streams each end may have open."""
        self.streams: dict[int, Stream] = {}
        """Those that are there, by number; for reading."""
        self._outbox = outbox
        self._max_unanswered = limits.unanswered_streams
        self._next_id = 1 if role is Role.INITIATOR else 2
        self._last_remote = 0 if role is Role.INITIATOR else -1
        self._inbound = 0
        self._unanswered = 0
        self._withheld: list[Stream] = []

    def __repr__(self) -> str:
        waiting = f"unanswered={self._unanswered} withheld={len(self._withheld)}"
        return f"<StreamTable streams={len(self.streams)} inbound={self._inbound} {waiting}>"

    def __len__(self) -> int:
        return len(self.streams)

    def open(self) -> Stream:
        """A new stream of this end.

        Raises:
            ResourceExhausted: it has as many as it may, or all numbers were used.
        """
        if len(self.streams) - self._inbound >= self.most or self._next_id > _MAX_ID:
            raise ResourceExhausted("The session carries as many streams as it may.")
        stream = Stream(self._next_id, outbound=True)
        self._next_id += 2
        self.streams[stream.id] = stream
        self._withheld.append(stream)
        self._announce()
        return stream

    def meet(self, stream_id: int) -> Stream:
        """The peer used a number for the first time: its stream, which is to be admitted or forgotten about.

        Raises:
            RemoteProtocolError: the number isn't the peer's, or was used before.
        """
        if not self.is_theirs(stream_id) or stream_id <= self._last_remote:
            raise RemoteProtocolError(f"The peer may not open stream {stream_id}.")
        self._last_remote = stream_id
        return Stream(stream_id, outbound=False)

    @property
    def is_full(self) -> bool:
        """Whether the peer has as many streams as it may."""
        return self._inbound >= self.most

    def admit(self, stream: Stream) -> None:
        """The peer may have the stream."""
        self.streams[stream.id] = stream
        self._inbound += 1

    def answered(self, stream: Stream) -> None:
        """The peer's first frame on one of this end's streams has come."""
        stream.acknowledged = True
        self._unanswered -= 1
        self._announce()

    def forget(self, stream: Stream) -> None:
        """The stream is gone."""
        del self.streams[stream.id]
        if not stream.acknowledged and stream.announced:
            self._unanswered -= 1
            self._announce()
        if self.is_theirs(stream.id):
            self._inbound -= 1

    def clear(self) -> None:
        """The session is over: there are no streams."""
        self.streams.clear()
        self._withheld.clear()
        self._inbound = self._unanswered = 0

    def is_theirs(self, stream_id: int) -> bool:
        """Whether the number is one that the peer may give."""
        return bool((stream_id ^ self._next_id) & 1)

    def was_used(self, stream_id: int) -> bool:
        """Whether there is or was a stream of this number."""
        if self.is_theirs(stream_id):
            return 0 < stream_id <= self._last_remote
        return 0 < stream_id < self._next_id

    def _announce(self) -> None:
        """Let withheld streams go as far as the backlog of unanswered ones permits."""
        while self._withheld and self._unanswered < self._max_unanswered:
            stream = self._withheld.pop(0)
            if stream.life is not Life.GONE:
                stream.announced = True
                self._unanswered += 1
                self._outbox.make_ready(stream)
                self._outbox.reconsider(stream)
