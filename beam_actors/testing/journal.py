"""What the daemons of a world log: the last lines from warnings upwards, each with its time and its process.

Invariant: a simulated daemon writes to nobody's console, and lower levels cost nothing. A process that was killed logs
no more. Structlog's configuration is the whole interpreter's, so it is put back at the end of a run.
"""

import logging
from collections import deque
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog
import trio

from beam_actors.testing.seeded import OWNER

_KEPT = 1000


class Journal:
    """The lines of a run. `lines` are for people; `counts` say how often each event was logged."""

    def __init__(self) -> None:
        self.lines: deque[str] = deque(maxlen=_KEPT)
        self.counts: dict[str, int] = {}

    @contextmanager
    def taking(self) -> Iterator[None]:
        """Take all that is logged until the block ends."""
        before = structlog.get_config()
        structlog.configure(
            processors=[self._take],
            wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
            logger_factory=structlog.ReturnLoggerFactory(),
        )
        try:
            yield
        finally:
            structlog.configure(**before)

    def _take(self, _logger: object, level: str, entry: MutableMapping[str, Any]) -> str:
        process = OWNER.get()
        if process is not None and not getattr(process, "alive", True):
            raise structlog.DropEvent
        event = str(entry.pop("event"))
        error = entry.pop("exc_info", None)
        words = [f"{trio.current_time():.6f}", repr(process), level, event, *(f"{k}={v}" for k, v in entry.items())]
        if isinstance(error, BaseException):
            words.append(f"{type(error).__name__}: {error}")
        self.lines.append(" ".join(words))
        self.counts[event] = self.counts.get(event, 0) + 1
        raise structlog.DropEvent

    def __repr__(self) -> str:
        return f"<Journal of {sum(self.counts.values())} lines>"
