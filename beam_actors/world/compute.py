"""The compute port on trio's worker threads.

Invariant: at most `workers` functions run at once, cancelled ones included, so that Argon2 for hostile claims can
neither fill the memory nor starve the loop's core.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import trio

T = TypeVar("T")


class ThreadCompute:
    """Runs functions in at most `workers` threads. They must be pure: a cancelled caller's goes on to its end."""

    def __init__(self, workers: int = 2) -> None:
        self._limiter = trio.CapacityLimiter(workers)

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """See `ports.Compute`."""
        return await trio.to_thread.run_sync(function, *args, limiter=self._limiter, abandon_on_cancel=True)

    def __repr__(self) -> str:
        return f"ThreadCompute({self._limiter.borrowed_tokens} of {int(self._limiter.total_tokens)} at work)"
