"""What time asks of a session: that its handshake completes, and that its peer is heard from now on.

The invariants: a session whose peer proved itself within the deadline and is heard ever after is never ended here, and
any other one is, by `silence_seconds` after the last byte at the latest; of two ends that are both ours one asks; as
many pings are under way as `_MAX_PINGS` at most, and whoever asked for one has an answer once. One timer is set at any
time. It knows nothing of streams, and of bytes only when they last came and went.
"""

from collections.abc import Callable
from math import ceil, floor
from typing import TYPE_CHECKING

from beam_actors.errors import ConnectionLost, ResourceExhausted, TimedOut

if TYPE_CHECKING:
    from beam_actors.flow.session_link import SessionLink
    from beam_actors.flow.timers import Timer

_LOOKS_A_PING = 2
_MAX_PINGS = 16  # measured by callers at once; each is a control frame


class KeepAlive:
    """Watches one session, which it ends by `fail`; all times are seconds of the pump's clock."""

    __slots__ = ("_asks", "_due", "_link", "_next_ping", "_pings", "_timer", "heard_at", "rtt", "sent_at")

    def __init__(self, link: "SessionLink", handshake_seconds: float) -> None:
        self._link = link
        self.heard_at = self.sent_at = link.pump.clock.monotonic()
        self.rtt: float | None = None
        """Seconds that the latest ping took."""
        self._asks = True  # whether this end asks a quiet peer; one of two beam nodes does
        self._pings: dict[int, tuple[float, Callable[[float], None] | None]] = {}
        self._next_ping = 0
        self._due = 0.0
        self._timer: Timer = link.pump.call_later(handshake_seconds, self._handshake_late, link)

    def begin(self, *, asks: bool) -> None:
        """The handshake is complete: listen for silence, and break it if this end `asks`."""
        self._asks = asks
        self._look()

    def end(self) -> None:
        """The session has ended: whoever waits for a pong is told a negative time."""
        self._timer.cancel()
        pings, self._pings = self._pings, {}
        for _since, on_pong in pings.values():
            if on_pong is not None:
                on_pong(-1.0)

    # --- pings ---

    def ping(self, on_pong: Callable[[float], None] | None) -> None:
        """Ask the peer to answer and call back with the seconds that it took; None asks for the sake of silence.

        Raises:
            ResourceExhausted: too many pings are under way; one for the sake of silence is left out then.
        """
        if len(self._pings) >= _MAX_PINGS:
            if on_pong is not None:
                raise ResourceExhausted("Too many pings are under way already.")
            return
        self._next_ping = (self._next_ping + 1) & 0x7FFFFFFF
        self._pings[self._next_ping] = (self._link.pump.clock.monotonic(), on_pong)
        self._link.session.ping(self._next_ping)
        self._link.flush_soon()

    def ponged(self, opaque: int) -> None:
        """The peer answered a ping; one that was not asked means nothing."""
        asked = self._pings.pop(opaque, None)
        if asked is not None:
            since, on_pong = asked
            self.rtt = self._link.pump.clock.monotonic() - since
            self._link.session.measured(self.rtt)
            if on_pong is None:
                self._look_at(self._next_look(self._link.pump.clock.monotonic()))
            else:
                on_pong(self.rtt)

    # --- time ---

    def _handshake_late(self) -> None:
        self._link.fail(TimedOut("The peer did not complete the handshake in time."))

    def _look(self) -> None:
        limits = self._link.pump.limits
        # A timer may run within rounding of its time, and what it waited for must be seen to have come by then: the
        # time is held against the very sum that it was set for, or the timer would be set for this instant for ever.
        now = max(self._link.pump.clock.monotonic(), self._due)
        if self._due and now - self._due > limits.ping_seconds:
            # It was this process that slept (stopped, or a suspended machine): speak at once, and ask before judging.
            self.heard_at, self.sent_at = now, self._due
        if now >= self.heard_at + limits.silence_seconds:
            self._link.fail(ConnectionLost(f"The peer was silent for {now - self.heard_at:.0f} seconds."))
            return
        self._link.session.forgive()
        if self._asks and now >= min(self.heard_at, self.sent_at) + limits.ping_seconds:
            self.ping(None)
            # Unless it is answered; and the other end is to be asked again in time, however lately it was heard.
            self._look_at(min(self.heard_at + limits.silence_seconds, now + limits.ping_seconds))
        else:
            self._look_at(self._next_look(now))

    def _next_look(self, now: float) -> float:
        """When there may be something to ask or to judge, or a little later or earlier: all sessions look at one time.

        An idle node then wakes up once for all its sessions, and not for each. The end that asks has to be heard as
        often, so it looks before it has said nothing for a step longer than `ping_seconds`.
        """
        limits, heard = self._link.pump.limits, self.heard_at
        step = limits.ping_seconds / _LOOKS_A_PING
        if self._asks:
            look = min(
                ceil((heard + limits.ping_seconds) / step) * step,
                floor((self.sent_at + limits.ping_seconds) / step + 1) * step,
            )
            return look if look > now else now + step  # whatever was rounded
        look = min(floor((heard + limits.silence_seconds) / step), ceil((now + limits.ping_seconds) / step)) * step
        return look if look > now else heard + limits.silence_seconds

    def _look_at(self, when: float) -> None:
        self._timer.cancel()
        self._due = when
        self._timer = self._link.pump.call_at(when, self._look, self._link)

    def __repr__(self) -> str:
        return f"<KeepAlive {'asks' if self._asks else 'listens'}, heard at {self.heard_at:.1f}, {self._timer!r}>"
