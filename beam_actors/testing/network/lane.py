"""One direction of a connection between two machines: TCP's promise, kept over a link that loses and delays.

The invariant: what is sent arrives once, whole and in order, or the connection breaks; what can't pass waits, is sent
again when it can, and breaks the connection when nothing was acknowledged for the network's patience. Only a reset is
sent once and may be lost. It knows no socket state.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import trio

if TYPE_CHECKING:
    from beam_actors.testing.network.endpoint import VirtualEndpoint
    from beam_actors.testing.network.fabric import Fabric

_NEVER = float("inf")
_PIECE = 1 << 13
"""Bytes; small enough that the first of a full buffer are read while the last leave."""

Deliver = Callable[[Any], None]


class Lane:
    """What `source` sends to `target`."""

    __slots__ = (
        "_armed",
        "_back",
        "_fabric",
        "_is_over",
        "_is_watched",
        "_last",
        "_link",
        "_queue",
        "_silent_since",
        "_source",
        "_stalled",
        "_target",
    )

    def __init__(self, fabric: "Fabric", source: "VirtualEndpoint", target: "VirtualEndpoint") -> None:
        self._fabric = fabric
        self._source = source
        self._target = target
        self._link = fabric.link(source.host, target.host)
        self._back = fabric.link(target.host, source.host)
        self._queue: list[tuple[float, Deliver, Any]] = []  # a list: it is short, and an empty deque holds 600 bytes
        self._last = 0.0
        self._armed = _NEVER
        """When `_arrive` is called next."""
        self._stalled = False
        """Whether the first in the queue can't get through."""
        self._silent_since = _NEVER
        """Since when nothing was acknowledged of what was sent."""
        self._is_watched = False
        self._is_over = False

    def send(self, size: int, deliver: Deliver, value: Any) -> None:
        """Call `deliver(value)` at the other end when so many bytes are there, after all that was sent before."""
        if self._is_over:
            return
        now = trio.current_time()
        due = _NEVER
        if self._stalled or not self._passes(now):
            self._stall(now)
        else:
            arrival = self._fabric.current(self._link).carry(now, size)
            if arrival is None:
                self._fabric.agenda.add(now + self._fabric.patience, self._give_up)
            else:
                due = self._last = max(arrival, self._last)
        self._queue.append((due, deliver, value))
        self._arm()

    def send_bytes(self, payload: bytes, deliver: Deliver) -> None:
        """The same for bytes of the stream, in pieces that follow each other when the link takes its time for them."""
        if len(payload) <= _PIECE or self._link.conditions.bandwidth is None:
            self.send(len(payload), deliver, payload)
        else:
            for start in range(0, len(payload), _PIECE):
                piece = payload[start : start + _PIECE]
                self.send(len(piece), deliver, piece)

    def reset(self, deliver: Deliver) -> None:
        """Cut the connection: nothing is sent again from now on, and the word of it is sent once."""
        now = trio.current_time()
        arrivals = [] if self._stalled or not self._passes(now) else self._fabric.current(self._link).cast(now, 0)
        self.end()
        if arrivals:
            self._queue.append((max(arrivals[0], self._last), deliver, None))
            self._arm()

    def end(self) -> None:
        """Send nothing more, and nothing again; what is on the wire arrives."""
        self._is_over = True
        self._unstall()
        self._queue = [entry for entry in self._queue if entry[0] < _NEVER]

    def release(self) -> None:
        """Something changed on the way: send again what waits, if it passes now."""
        now = trio.current_time()
        if not self._source.host.up:
            self.end()
        elif self._stalled and self._passes(now):
            self._unstall()
            again = self._fabric.current(self._link).resend(now, min(self._silent_since, now))
            self._last = max(again, self._last)
            self._queue = [(self._last, deliver, value) for _due, deliver, value in self._queue]
            self._arm()

    # --- inside ---

    def _passes(self, now: float) -> bool:
        return self._fabric.passes(self._link) and self._source.is_reachable(now)

    def _arm(self) -> None:
        """See to it that the first in the queue arrives."""
        if self._queue and self._queue[0][0] < self._armed:
            self._armed = self._queue[0][0]
            self._fabric.agenda.add(self._armed, self._arrive)

    def _arrive(self) -> None:
        now = trio.current_time()
        if self._armed <= now:
            self._armed = _NEVER
        while self._queue and self._queue[0][0] <= now:
            if not self._target.is_reachable(now):
                self._miss(now)
                return
            _due, deliver, value = self._queue.pop(0)
            if self._fabric.passes(self._back):
                self._silent_since = _NEVER
            else:
                self._watch(now)  # it arrives, and the sender never hears of it
            deliver(value)
        self._arm()

    def _miss(self, now: float) -> None:
        """It arrived where the other end is no longer."""
        if self._is_over or not self._source.host.up:
            self._queue.clear()  # nobody is there to send it again
        else:
            self._stall(now)

    def _stall(self, now: float) -> None:
        if not self._stalled:
            self._stalled = True
            self._link.stalled[self] = None
            self._fabric.stall(self._link)
            self._queue = [(_NEVER, deliver, value) for _due, deliver, value in self._queue]
            self._watch(now)

    def _unstall(self) -> None:
        self._stalled = False
        self._link.stalled.pop(self, None)

    def _watch(self, now: float) -> None:
        self._silent_since = min(self._silent_since, now)
        if not self._is_watched:
            self._is_watched = True
            self._fabric.agenda.add(self._silent_since + self._fabric.patience, self._check_patience)

    def _check_patience(self) -> None:
        self._is_watched = False
        if self._is_over or self._silent_since == _NEVER:
            return
        if not self._stalled and self._fabric.passes(self._back):
            self._silent_since = _NEVER  # it was sent again, and heard of
        elif trio.current_time() < self._silent_since + self._fabric.patience:
            self._watch(self._silent_since)
        else:
            self._give_up()

    def _give_up(self) -> None:
        if not self._is_over:
            self.end()
            self._source.on_silence()

    def __repr__(self) -> str:
        state = "over" if self._is_over else "stalled" if self._stalled else "open"
        return f"<Lane {self._source!r} {state}, {len(self._queue)} under way>"
