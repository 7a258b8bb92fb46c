"""A daemon that goes away while a command looks on: whether it may come back, and for how long it is waited for.

A restart is what one watches for, so a command that has shown something outlives it. `beam 3000`, which asks for its
tunnel anew, has a patience of its own.
"""

from beam_actors.errors import BeamError, DaemonNotRunning, TimedOut

PATIENCE = 10.0
"""Seconds that a daemon may be away while it is watched."""
WENT_AWAY = "The daemon went away; asking again…"
_AWAY = {"actor-unavailable"}


class Absence:
    """How long the daemon has been away, in seconds; 0 while it answers."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __repr__(self) -> str:
        return f"Absence({self.seconds:g} s)"

    def __bool__(self) -> bool:
        return self.seconds > 0

    def bear(self, error: BeamError, seconds: float) -> None:
        """Wait for so long once more.

        Raises:
            BeamError: that very one, which says nothing of an absence.
            DaemonNotRunning: it has been away for too long.
        """
        if not isinstance(error, (DaemonNotRunning, TimedOut)) and getattr(error, "remote_code", None) not in _AWAY:
            raise error
        self.seconds += seconds
        if self.seconds > PATIENCE:
            raise DaemonNotRunning(f"The daemon is gone, and did not come back within {PATIENCE:g} seconds.") from error

    def end(self) -> None:
        """It answers."""
        self.seconds = 0.0
