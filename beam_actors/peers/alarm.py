"""One timer of an actor, such as the back-off: set anew, it replaces the one before."""

from collections.abc import Callable
from typing import Any

from beam_actors.runtime import Timer


class Alarm:
    """`send_after` is the actor's own: it begins a timer of so many seconds, after which the actor gets `message`."""

    __slots__ = ("_message", "_send_after", "_timer")

    def __init__(self, send_after: Callable[[float, Any], Timer], message: Any) -> None:
        self._send_after = send_after
        self._message = message
        self._timer: Timer | None = None

    def __repr__(self) -> str:
        return f"Alarm({self._timer!r})"

    def set(self, seconds: float) -> None:
        """Ring once, so many seconds from now."""
        self.cancel()
        self._timer = self._send_after(seconds, self._message)

    def cancel(self) -> None:
        """Do not ring, unless it has rung already."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
