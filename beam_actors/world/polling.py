"""Waiting in a command, where no event loop runs: ask again and again until something holds or time is up."""

import time
from collections.abc import Callable

_INTERVAL = 0.03


def poll(probe: Callable[[], bool], *, seconds: float, interval: float = _INTERVAL) -> bool:
    """Call `probe` every `interval` seconds until it returns True (then True), at most for `seconds` (then False)."""
    deadline = time.monotonic() + seconds
    while not probe():
        if time.monotonic() >= deadline:
            return False
        time.sleep(interval)
    return True


def pause(seconds: float) -> None:
    """Do nothing for a while; Ctrl-C ends it."""
    time.sleep(seconds)
