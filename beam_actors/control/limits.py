"""The control API's limits, in one place, each with its reason. Times in seconds, sizes in bytes."""

import attrs


@attrs.frozen(slots=True, kw_only=True)
class ControlLimits:
    """Local programs of the same user are the only clients; the limits keep a broken one from hurting the daemon."""

    connections: int = 64
    """Open at once; one more is closed at once. `beam 3000` holds one for as long as it runs."""
    head_bytes: int = 16 * 1024
    """Request line and headers together; more is refused with 431."""
    body_bytes: int = 64 * 1024
    """A request's JSON; the longest real one is a list of allowed peers."""
    request_seconds: float = 10.0
    """From the first byte of a request to its last."""
    idle_seconds: float = 60.0
    """Between two requests of one connection."""
    write_seconds: float = 10.0
    """For a reader that stopped reading to take a reply or a status line."""
    status_interval: float = 1.0
    """Between two looks at a foreground tunnel; a line is sent when something changed, and every tenth time."""
    beat_seconds: float = 10.0
    """After so long without a record a trace's client hears that it goes on; clients give up after 40 s of silence."""
    step_seconds: float = 0.05
    """An actor that holds the loop longer, between two checkpoints, is a line in the log: everybody waits meanwhile."""
    step_pause_seconds: float = 60.0
    """Between two such lines for one actor; the next says how many more there were."""
    orphan_seconds: float = 15.0
    """How long a foreground tunnel outlives a crash of this API, for its command to come back to it."""
