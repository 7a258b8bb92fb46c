"""One timer of an actor, such as the back-off: set anew, it replaces the one before."""

from collections.abc import Callable

from beam_actors.runtime import Timer


class Alarm:
    """`start` begins a timer of so many seconds, whose message the actor gets."""

    __slots__ = ("_start", "_timer")

    def __init__(self, start: Callable[[float], Timer]) -> None:
        self._start = start
        self._timer: Timer | None = None

    def __repr__(self) -> str:
        return f"Alarm({self._timer!r})"

    def set(self, seconds: float) -> None:
        """Ring once, so many seconds from now."""
        self.cancel()
        self._timer = self._start(seconds)

    def cancel(self) -> None:
        """Do not ring, unless it has rung already."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
