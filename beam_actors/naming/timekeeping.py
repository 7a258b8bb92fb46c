"""Both clocks of a node looked at together: whether the wall clock was set, and for how long the node ran.

Invariant: what can't be undone (forgetting) happens only after an hour in which the two clocks agreed, and what would
leave nothing only after a day of running. It knows no claims.
"""

import datetime as dt

import structlog

from beam_actors.naming.limits import DAY, HOUR, MAX_AHEAD, MINUTE, RETENTION
from beam_actors.ports import Clock

_log = structlog.get_logger(__name__)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Timekeeper:
    """Of one registrar; `begin` when it starts."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ticked = self._swept = (0.0, 0.0)  # wall and monotonic time of the last look, and of the last sweep
        self._ran_until = 0.0
        self.jumps = 0
        """Hours in which the wall clock was set."""

    def __repr__(self) -> str:
        return f"<Timekeeper, {self.jumps} jumps>"

    def begin(self) -> None:
        """Count from now."""
        self._ticked = self._swept = self._clock.wall(), self._clock.monotonic()
        self._ran_until = self._clock.monotonic()

    def ran(self) -> float:
        """Seconds of running since this was last asked."""
        before, self._ran_until = self._ran_until, self._clock.monotonic()
        return self._ran_until - before

    def was_set(self) -> bool:
        """Whether the wall clock was set since this was last asked, or the machine slept, by more than a minute."""
        before, self._ticked = self._ticked, (self._clock.wall(), self._clock.monotonic())
        return _apart(before, self._ticked) > MINUTE

    def sweep_is_due(self) -> bool:
        """Whether an hour has passed since the last sweep."""
        return self._clock.monotonic() - self._swept[1] >= HOUR

    def sweep(self) -> bool:
        """Begin a new hour; whether in the last one the wall clock can be believed, so that what is old is old."""
        before, self._swept = self._swept, (self._clock.wall(), self._clock.monotonic())
        believed = _apart(before, self._swept) <= MAX_AHEAD
        if not believed:
            self.jumps += 1
            _log.warning("the clock jumped; nothing is forgotten for an hour")
        return believed


class Doubt:
    """Of a wall clock by which nobody has said anything for a month: more likely than that is that it is wrong."""

    def __init__(self) -> None:
        self._since: float | None = None  # by the node's running time

    def __repr__(self) -> str:
        return f"<Doubt since {self._since}>"

    def believes(self, latest: int | None, now: float, running: float) -> bool:
        """Whether `now` may be so: others spoke within the month (`latest`), or it seemed so for a day of `running`.

        All in seconds: `latest` and `now` since 1970; None if nobody ever spoke.
        """
        if latest is None or latest + RETENTION >= now:
            self._since = None
            return True
        if self._since is None:
            self._since = running
        return running - self._since >= DAY


def day_of(seconds: float) -> str:
    """The UTC date of a second since 1970, for people."""
    return (_EPOCH + dt.timedelta(seconds=seconds)).date().isoformat()


def _apart(before: tuple[float, float], after: tuple[float, float]) -> float:
    """By how many seconds the change of wall time and that of monotonic time parted between two looks at both."""
    return abs((after[0] - before[0]) - (after[1] - before[1]))
