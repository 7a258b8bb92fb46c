"""One stream's books: its life, what is queued to send, and the windows of both directions.

Invariants, in bytes:
- to send: `credit` is what the peer still allows beyond everything queued, so whatever is queued may be sealed.
- received: `granted` (the peer may still send) + what the application holds + `taken` (by the application, not yet
  granted again) = `window`. A peer that sends more than `granted` broke flow control.

It knows no frames' bytes, no other stream and no session.
"""

import enum
from collections import deque
from typing import Final

from beam_actors.values import EMPTY
from beam_actors.wire.limits import INITIAL_WINDOW
from beam_actors.wire.yamux import Flag

MAX_CREDIT: Final = 2**32 - 1
_SMALL: Final = 2048
_JOINED: Final = 16384

Buffer = bytes | bytearray | memoryview


class Life(enum.IntEnum):
    """Which halves of a stream are open."""

    OPEN = 0
    SENT_ALL = 1
    """This end's FIN was sealed."""
    GOT_ALL = 2
    """The peer's FIN has arrived."""
    GONE = 3


class Step(enum.IntEnum):
    """What ends a half, or both."""

    SEND_FIN = 0
    GET_FIN = 1
    RESET = 2


LIVES: Final[dict[tuple[Life, Step], Life]] = {
    (Life.OPEN, Step.SEND_FIN): Life.SENT_ALL,
    (Life.OPEN, Step.GET_FIN): Life.GOT_ALL,
    (Life.SENT_ALL, Step.GET_FIN): Life.GONE,
    (Life.GOT_ALL, Step.SEND_FIN): Life.GONE,
    (Life.OPEN, Step.RESET): Life.GONE,
    (Life.SENT_ALL, Step.RESET): Life.GONE,
    (Life.GOT_ALL, Step.RESET): Life.GONE,
}
"""Every permitted change; anything else is a `KeyError`, which is a bug of the caller."""


class Dialog:
    """Who reads a stream while it isn't the application's: a negotiation, or a service of the session."""

    __slots__ = ()

    def receive(self, data: memoryview) -> int:
        """Take bytes and say how many; what is left goes to who reads the stream then."""
        raise NotImplementedError

    def finished(self) -> None:
        """The peer finished the stream."""

    def was_reset(self) -> None:
        """The stream is about to go, by the peer's doing."""


class Stream:
    """The books of one stream. Only `Multiplexer` writes them."""

    __slots__ = (
        "acknowledged",
        "announced",
        "credit",
        "dialog",
        "finishing",
        "flags",
        "granted",
        "id",
        "in_line",
        "life",
        "queue",
        "queued",
        "ready",
        "received",
        "spoke",
        "taken",
        "used_up",
        "wants_room",
        "window",
    )

    def __init__(self, stream_id: int, *, outbound: bool) -> None:
        self.id = stream_id
        self.flags = int(Flag.SYN if outbound else Flag.ACK)  # to go out with its next frame
        self.life = Life.OPEN
        self.acknowledged = not outbound
        self.announced = not outbound  # its SYN may go out: False while too many others wait for their answer
        self.queue: deque[Buffer] = EMPTY
        self.queued = 0
        self.credit = INITIAL_WINDOW
        self.finishing = False
        self.ready = False  # stands in the line of streams with something to send
        self.wants_room = False  # was given less room than it asked for
        self.in_line = False  # stands in the line of streams that wait for room
        self.window = INITIAL_WINDOW
        self.granted = INITIAL_WINDOW
        self.taken = 0
        self.received = 0
        self.spoke = False  # the application has sent something on it
        self.used_up = False  # the peer had nearly nothing left of the window, the last time it was granted
        self.dialog: Dialog | None = None

    def __repr__(self) -> str:
        return (
            f"<Stream {self.id} {self.life.name.lower()} queued={self.queued} credit={self.credit}"
            f" held={self.held} window={self.window}>"
        )

    @property
    def held(self) -> int:
        """Bytes that arrived and that the application has not taken."""
        return self.window - self.granted - self.taken

    def step(self, step: Step) -> bool:
        """Change life; whether the stream is gone now."""
        self.life = LIVES[self.life, step]
        return self.life is Life.GONE

    def enqueue(self, data: Buffer, size: int) -> None:
        """Queue the first `size` bytes of `data` (within the credit). Immutable bytes are kept, others are copied."""
        whole = size == len(data)
        if self.queue is EMPTY:
            self.queue = deque()
        if size < _SMALL:
            last = self.queue[-1] if self.queue else None
            part = data if whole else memoryview(data)[:size]
            if type(last) is bytearray and len(last) < _JOINED:
                last += part
            else:
                self.queue.append(bytearray(part))
        elif whole and type(data) is bytes:
            self.queue.append(data)
        else:
            self.queue.append(bytes(memoryview(data)[:size]))
        self.queued += size
        self.credit -= size

    def dequeue(self, size: int, parts: list[Buffer]) -> None:
        """Move `size` queued bytes to `parts` without copying."""
        self.queued -= size
        while size:
            head = self.queue[0]
            if len(head) <= size:
                parts.append(head)
                size -= len(head)
                self.queue.popleft()
                if not self.queue:
                    self.queue = EMPTY
            else:
                view = memoryview(head)
                parts.append(view[:size])
                self.queue[0] = view[size:]
                return

    def drop_queue(self) -> int:
        """Forget what is queued: how many bytes that was."""
        size = self.queued
        self.queue = EMPTY
        self.queued = 0
        return size
