"""What is wrong with peers, for the log: one line a minute, however many strangers have it written.

Invariant: a stranger can't fill the log. Each complaint by itself is logged for debugging only; the line of the minute
has the latest one and how many there were since the line before.
"""

import structlog

from beam_actors.naming.limits import MINUTE
from beam_actors.ports import Clock
from beam_actors.values import PeerId

_log = structlog.get_logger(__name__)


class Complaints:
    """Complaints of one kind; `event` is what the log's line says."""

    __slots__ = ("_clock", "_count", "_event", "_next")

    def __init__(self, event: str, clock: Clock) -> None:
        self._event = event
        self._clock = clock
        self._count = 0
        self._next = clock.monotonic()

    def note(self, peer: PeerId, error: Exception) -> None:
        """Something happened with a peer."""
        self._count += 1
        now = self._clock.monotonic()
        if now < self._next:
            _log.debug(self._event, peer=str(peer), error=str(error))
            return
        _log.info(self._event, peer=str(peer), error=str(error), count=self._count)
        self._count, self._next = 0, now + MINUTE

    def __repr__(self) -> str:
        return f"<Complaints {self._event!r}, {self._count} since the last line>"
