"""The policy of restarts, pure: which children, after how long, and when to give up. No loop, no clock, no actor."""

import enum
from collections import deque
from collections.abc import Mapping, Sequence
from typing import TypeVar

import attrs

from beam_actors.errors import StartFailed
from beam_actors.runtime import checks
from beam_actors.runtime.exits import ExitKind, ExitReason

T = TypeVar("T")


class Strategy(enum.Enum):
    """Whom a child's exit concerns."""

    ONE_FOR_ONE = "one_for_one"
    """The child alone."""
    ONE_FOR_ALL = "one_for_all"
    """All children: they share state."""
    REST_FOR_ONE = "rest_for_one"
    """The child and those started after it: they depend on it."""


class Restart(enum.Enum):
    """When a child is restarted."""

    PERMANENT = "permanent"
    """Always, unless its supervisor stopped it."""
    TRANSIENT = "transient"
    """After a crash."""
    TEMPORARY = "temporary"
    """Never."""


class Decision(enum.Enum):
    """What a child's end leads to."""

    RESTART = "restart"
    """It is started again, within the intensity. As a choice for a type of exception: what `Restart` says."""
    STOP = "stop"
    """It has ended for good."""
    ESCALATE = "escalate"
    """Its supervisor crashes at once, so whoever is above decides."""


Decisions = Mapping[type[BaseException], Decision]
"""What a crash leads to, by the type of its error: the most derived class that matches wins, no match is RESTART."""


class AutoShutdown(enum.Enum):
    """When the ends of significant children end their supervisor. Only ends that it did not cause count."""

    NEVER = "never"
    """Significant children are refused."""
    ANY_SIGNIFICANT = "any_significant"
    """With the first that ends for good."""
    ALL_SIGNIFICANT = "all_significant"
    """With the last."""


@attrs.frozen(slots=True)
class Intensity:
    """At most `restarts` in `period` seconds; one more escalates."""

    restarts: int = 3
    period: float = 5.0

    def __attrs_post_init__(self) -> None:
        checks.count("An intensity's restarts", self.restarts)
        checks.amount("An intensity's period", self.period)


@attrs.frozen(slots=True)
class Backoff:
    """Seconds before a restart: `first`, then `factor` times more up to `most`, spread by `jitter`.

    After `reset` seconds of life it begins anew.
    """

    first: float = 0.0
    most: float = 30.0
    factor: float = 2.0
    jitter: float = 0.2
    reset: float = 60.0

    def __attrs_post_init__(self) -> None:
        checks.amount("A backoff's first", self.first)
        checks.amount("A backoff's most", self.most)
        checks.amount("A backoff's factor", self.factor, least=1)
        checks.amount("A backoff's jitter", self.jitter, most=1)
        checks.amount("A backoff's reset", self.reset)

    def delay(self, attempt: int, uniform: float) -> float:
        """The wait before restart number `attempt` (from 0); `uniform` in [0, 1) spreads it."""
        if self.first <= 0:
            return 0.0
        base = min(self.most, self.first * self.factor ** min(attempt, 64))
        return base * (1 + self.jitter * (2 * uniform - 1))


class RestartWindow:
    """Counts restarts in a sliding period."""

    __slots__ = ("_intensity", "_times")

    def __init__(self, intensity: Intensity) -> None:
        self._intensity = intensity
        self._times: deque[float] = deque(maxlen=intensity.restarts + 1)

    def allows(self, now: float) -> bool:
        """Count a restart at `now`; whether it is within the intensity."""
        while self._times and self._times[0] <= now - self._intensity.period:
            self._times.popleft()
        self._times.append(now)
        return len(self._times) <= self._intensity.restarts

    def __repr__(self) -> str:
        return f"<RestartWindow {len(self._times)} of {self._intensity.restarts} in {self._intensity.period} s>"


def wants_restart(restart: Restart, reason: ExitReason) -> bool:
    """Whether a child that ended by itself is to be started again."""
    if restart is Restart.PERMANENT:
        return reason.kind is not ExitKind.SHUTDOWN
    return restart is Restart.TRANSIENT and reason.abnormal


def decide(restart: Restart, decisions: Decisions, reason: ExitReason) -> Decision:
    """What the end of a child that nobody stopped leads to. Only crashes have an error to decide by.

    Of one that crashed since somebody below it did not start, that is what that one failed with.
    """
    if decisions and reason.kind is ExitKind.CRASHED:
        error = reason.error
        while isinstance(error, StartFailed) and error.__cause__ is not None:
            error = error.__cause__
        chosen = next((decisions[base] for base in type(error).__mro__ if base in decisions), Decision.RESTART)
        if chosen is not Decision.RESTART:
            return chosen
    return Decision.RESTART if wants_restart(restart, reason) else Decision.STOP


def concerned(strategy: Strategy, children: Sequence[T], failed: T) -> list[T]:
    """The children to restart, in the order of their start; they are stopped in the reverse order."""
    if strategy is Strategy.ONE_FOR_ONE:
        return [failed]
    if strategy is Strategy.ONE_FOR_ALL:
        return list(children)
    return list(children[children.index(failed) :])
