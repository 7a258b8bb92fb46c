"""Those who wait for a session to one peer: an ordered, bounded queue with a deadline for each.

The invariant: whoever was let in gets an answer, and one only: a session before the deadline, or why there is none.
It knows nothing of dials or of what a caller does with the session.
"""

from collections.abc import Callable

import attrs

from beam_actors.errors import PeerOffline, ResourceExhausted, TimedOut
from beam_actors.peers.live import Live
from beam_actors.ports import Clock
from beam_actors.runtime import Reply
from beam_actors.values import PeerId


@attrs.frozen(slots=True)
class Waiter:
    """Somebody who waits for a session: `serve` is called with it once there is one, and answers."""

    deadline: float
    """In seconds of the monotonic clock."""
    reply: Reply
    serve: Callable[[Live], None]


class Waiting:
    """The waiters of one peer, at most `most` of them; deadlines are those of `clock.monotonic`."""

    __slots__ = ("_clock", "_most", "_peer", "_waiters")

    def __init__(self, peer: PeerId, *, most: int, clock: Clock) -> None:
        self._peer = peer
        self._most = most
        self._clock = clock
        self._waiters: list[Waiter] = []

    def __len__(self) -> int:
        return len(self._waiters)

    def __repr__(self) -> str:
        return f"Waiting({len(self)} for {self._peer.short})"

    def enter(self, waiter: Waiter) -> bool:
        """Let one in; False when there are too many, which it has been told then."""
        if len(self._waiters) >= self._most:
            waiter.reply.fail(ResourceExhausted(f"Too many wait for {self._peer} already."))
            return False
        self._waiters.append(waiter)
        return True

    def serve(self, live: Live) -> None:
        """Give all of them this session, save those for whom it comes too late."""
        waiters, self._waiters = self._waiters, []
        now = self._clock.monotonic()
        for waiter in waiters:
            if waiter.deadline > now:
                waiter.serve(live)
            else:
                waiter.reply.fail(TimedOut(f"{self._peer} was reached too late."))

    def fail(self, why: str) -> None:
        """Tell all of them that the peer can't be reached."""
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.reply.fail(PeerOffline(f"{self._peer} cannot be reached: {why}"))
