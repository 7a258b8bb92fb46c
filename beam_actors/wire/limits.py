"""The bounds of a session, each with its reason, and the budget that window growth is taken from."""

from typing import Final

import attrs

KIB: Final = 1 << 10
MIB: Final = 1 << 20

INITIAL_WINDOW: Final = 256 * KIB
"""Bytes that each end may send on a new stream (yamux spec; not negotiable)."""


@attrs.frozen(slots=True)
class SessionLimits:
    """What one session may hold. Bytes unless the name says otherwise."""

    streams: int = attrs.field(default=1_000, validator=attrs.validators.ge(1))
    """Streams opened by the peer, and as many opened here; go-yamux and js-libp2p allow 1,000."""
    beam_streams: int = attrs.field(default=16_384, validator=attrs.validators.ge(1))
    """The same between beam nodes, which the suite tells: a page of a browser opens hundreds of connections."""
    unanswered_streams: int = attrs.field(default=256, validator=attrs.validators.ge(1))
    """Streams in negotiation, each way: yamux's ACK backlog; go-yamux resets what exceeds it."""
    service_streams: int = attrs.field(default=16, validator=attrs.validators.ge(1))
    """Streams of the peer that the session answers itself (identify, push, ping), in all."""
    window: int = attrs.field(default=16 * MIB, validator=attrs.validators.ge(INITIAL_WINDOW))
    """The largest receive window of a stream; go, js and py grow to the same."""
    window_growth: int = attrs.field(default=32 * MIB, validator=attrs.validators.ge(0))
    """Growth of all windows of the session beyond their initial size, in sum."""
    stream_buffer: int = attrs.field(default=256 * KIB, validator=attrs.validators.ge(1))
    """Accepted by `send` and not yet sealed, per stream: a flush or two."""
    send_buffer: int = attrs.field(default=1 * MIB, validator=attrs.validators.ge(1))
    """The same for all streams of the session."""
    waste: int = attrs.field(default=8192, validator=attrs.validators.ge(1))
    """Frames that say nothing between two calls of `forgive`, and one more for every 2 KiB moved; a stream that came to
    nothing counts as eight."""
    control_buffer: int = attrs.field(default=512 * KIB, validator=attrs.validators.ge(64))
    """Control frames not yet sealed. A peer that provokes answers and doesn't read them is cut at this."""


class WindowBudget:
    """How far receive windows may grow: a session's own bound below one that the whole node shares.

    Invariant: 0 <= used <= limit at every level. Only sessions take; what they took they give back when they end.
    """

    __slots__ = ("_parent", "limit", "used")

    def __init__(self, limit: int, parent: "WindowBudget | None" = None) -> None:
        self.limit = limit
        self.used = 0
        self._parent = parent

    def __repr__(self) -> str:
        return f"<WindowBudget {self.used}/{self.limit}>"

    def take(self, size: int) -> bool:
        """Take `size` bytes here and above, or nothing."""
        if self.used + size > self.limit or (self._parent is not None and not self._parent.take(size)):
            return False
        self.used += size
        return True

    def give(self, size: int) -> None:
        """Give back `size` bytes that were taken."""
        self.used -= size
        if self._parent is not None:
            self._parent.give(size)
