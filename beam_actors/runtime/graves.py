"""The recently dead: what is still known of actors that ended for good, and of earlier incarnations of those that live.

Invariants: bounded in number and in time, the oldest are forgotten first; a path has one grave, that of its last
actor, and none is shown while somebody lives there again. A grave holds words only, no error with its frames.
"""

from collections.abc import Callable
from typing import Final

import attrs

EXITS: Final = 5
"""How many of its past exits are remembered of an actor that lives."""


@attrs.frozen(slots=True, kw_only=True)
class Grave:
    """An actor that ended and that nobody will start again."""

    path: str
    kind: str
    incarnation: int
    reason: str
    last_messages: tuple[str, ...]
    """The types of the last messages that it handled, the oldest first."""
    at: float
    """When it was given up, by the system's clock."""


@attrs.frozen(slots=True)
class PastExit:
    """How one incarnation of an actor ended; `at` is by the system's clock."""

    incarnation: int
    reason: str
    at: float


@attrs.frozen(slots=True)
class GraveLimits:
    """How many of the dead are remembered, and for how many seconds."""

    number: int = 64
    seconds: float = 60.0


class Graves:
    """The recently dead of one system."""

    def __init__(self, limits: GraveLimits) -> None:
        self.limits = limits
        self._graves: dict[str, Grave] = {}

    def __repr__(self) -> str:
        return f"<Graves {len(self._graves)} of {self.limits.number}>"

    def __len__(self) -> int:
        return len(self._graves)

    def bury(self, grave: Grave) -> None:
        """Remember one more, instead of an older one of the same path."""
        self._graves.pop(grave.path, None)
        self._graves[grave.path] = grave
        self._expire(grave.at)
        while len(self._graves) > self.limits.number:
            del self._graves[next(iter(self._graves))]

    def recent(self, now: float, lives: Callable[[str], bool]) -> tuple[Grave, ...]:
        """Those whose time is not over and at whose path nobody lives, the latest first."""
        self._expire(now)
        return tuple(grave for grave in reversed(self._graves.values()) if not lives(grave.path))

    def _expire(self, now: float) -> None:
        # In the order of their times, since the clock does not go back.
        while self._graves:
            path, oldest = next(iter(self._graves.items()))
            if oldest.at + self.limits.seconds > now:
                return
            del self._graves[path]
