"""Connections on their way to being spliced, which the pump takes there: no task waits for the other end.

`DialJoining` dials for a stream that asked; `AnswerJoining` holds a local connection at a stream that was asked. The
invariants: each ends once, by its deadline at the latest, and has told so once then; bytes keep their order, and what
one read gave is the most that goes ahead of the agreement; after a failure the far end is reset, and the near one left
to whoever is told. They know nothing of what the two ends say to each other but whether it was said.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from beam_actors.errors import BeamError, LocalProtocolError, NetworkError, RemoteProtocolError, TimedOut
from beam_actors.flow.link import READ, Link, StackedLink
from beam_actors.flow.sockets import SocketLink
from beam_actors.flow.stream import Stream

if TYPE_CHECKING:
    from beam_actors.flow.timers import Timer

Tags = tuple[str, ...]
Told = Callable[[BeamError | None, int], None]
"""Called once: with None after the splice was made, else with what went wrong, and how many bytes of the near end had
gone ahead by then. If it was the near end that broke, that has an error, too."""
Hear = Callable[[memoryview], int | None]
"""Reads what the other end says: None while it has not said all, else how many of these bytes belong to the agreement
that it is; or raises a `BeamError`, which ends it."""


class Joining(ABC):
    """Splices `near` with `far` once `far` is ready for that, and `told` is told, perhaps from within `begin`."""

    __slots__ = ("_far", "_near", "_sent", "_tags", "_timer", "_told")

    _waits: ClassVar[str]
    """What it does until then, for `repr`."""

    def __init__(self, near: Stream, far: Stream, *, tags: Tags, told: Told) -> None:
        self._near = near
        self._far = far
        self._tags = tags
        self._told: Told | None = told
        self._sent = 0
        self._timer: Timer | None = None

    @abstractmethod
    def begin(self, seconds: float) -> None:
        """See how the far end stands, and wait for it at most so long."""

    def _wait(self, seconds: float, blame: Link) -> None:
        self._timer = blame.pump.call_later(seconds, self._late, blame)

    def _late(self) -> None:
        self._end(TimedOut("The other end did not answer in time."))

    def _end(self, error: BeamError | None) -> None:
        told, self._told = self._told, None
        if told is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        if error is not None:
            self._near.on_ready(None)
            self._far.on_ready(None)
            self._far.abort()
        told(error, self._sent)

    def __repr__(self) -> str:
        state = "over" if self._told is None else self._waits
        return f"<{type(self).__name__} {self._near!r} | {self._far!r} {state}>"


class DialJoining(Joining):
    """Waits for the dial of `far`; when that is up, says `greeting` to `near`."""

    __slots__ = ("_far_link", "_greeting")

    _waits = "dialling"

    def __init__(self, near: Stream, far: SocketLink, *, greeting: bytes, tags: Tags, told: Told) -> None:
        super().__init__(near, Stream(far), tags=tags, told=told)
        self._far_link = far
        self._greeting = greeting

    def begin(self, seconds: float) -> None:
        """See `Joining`."""
        if self._up():
            return
        if self._told is not None:
            self._near.on_ready(self._on_near)
            self._far.on_ready(self._on_far)
            self._far_link.want(read=False, write=True)
            self._wait(seconds, self._far_link)

    def _up(self) -> bool:
        """Whether the far end is up, and spliced."""
        try:
            if not self._far_link.connected():
                return False
            rest = self._greeting[self._near.write_nowait(self._greeting) :]
            if rest:
                self._far.unread(rest)  # it goes first
            self._near.splice(self._far, self._tags, now=True).carried(0, -len(rest))
        except NetworkError as error:
            self._end(error)
        else:
            self._end(None)
        return True

    def _on_far(self, _bits: int) -> None:
        if self._told is not None and not self._up():
            self._far_link.want(read=False, write=True)

    def _on_near(self, _bits: int) -> None:
        if self._near.error is not None:
            self._end(self._near.error)


class AnswerJoining(Joining):
    """Waits until `far` has said what `hear` waits for; the first bytes of `near` go ahead."""

    __slots__ = ("_far_link", "_hear", "_near_link", "_read")

    _waits = "unanswered"

    def __init__(self, near: Stream, far: Stream, *, hear: Hear, tags: Tags, told: Told) -> None:
        self._near_link, far_link = near.on_ready(None), far.on_ready(None)  # after an error both are as they were
        if not isinstance(far_link, StackedLink):
            raise LocalProtocolError("Only a stream of a session says something first.")
        super().__init__(near, far, tags=tags, told=told)
        self._far_link = far_link
        self._hear = hear
        self._read = False
        near.on_ready(self._on_near)
        far.on_ready(self._on_far)

    def begin(self, seconds: float) -> None:
        """Send what is there; and see `Joining`."""
        self._far_link.sink = self._on_data
        self._far_link.want(read=True, write=False)
        self._near_link.want(read=True, write=False)
        self._wait(seconds, self._near_link)
        self._on_near(READ)

    def _on_near(self, bits: int) -> None:
        if self._told is None:
            return
        try:
            if self._near.error is not None:
                raise self._near.error  # an end that was told, not found by a call
            if bits & READ:
                self._send()
        except NetworkError as error:
            self._end(error)

    def _send(self) -> None:
        """Send what one read gives. What comes later, and the end, wait for the agreement in the kernel."""
        room = 0 if self._read else self._far_link.room()
        data = self._near.read_nowait(room) if room else b""
        if data is None:
            return
        if data:
            self._sent = self._far.write_nowait(data)
            if self._sent < len(data):
                self._near.unread(data[self._sent :])
        else:
            self._near_link.want(read=False, write=False)
        # Read on is what stays wanted, since mostly nothing more comes, and to want less is a system call.
        self._read = True

    def _on_data(self, data: memoryview) -> int:
        """The far link's sink."""
        try:
            used = self._hear(data)
            if used is None:
                return len(data)
            self._near.splice(self._far, self._tags, now=True).carried(self._sent, 0)
        except BeamError as error:
            self._end(error)
            return len(data)
        self._end(None)
        sink = self._far_link.sink
        if used < len(data) and sink is not None:
            used += sink(data[used:])
        return used

    def _on_far(self, _bits: int) -> None:
        if self._told is not None:
            self._end(self._far.error or RemoteProtocolError("The other side ended the stream without an answer."))
