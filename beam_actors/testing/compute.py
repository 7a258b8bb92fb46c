"""The compute port without threads: a scheduling point, then the work, on the loop."""

from collections.abc import Callable
from typing import Any, TypeVar

import trio

T = TypeVar("T")


class InlineCompute:
    """Runs functions in the caller's task. As in a thread, cancelling abandons the result and not the work."""

    def __init__(self) -> None:
        self._runs = 0

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """See `ports.Compute`."""
        await trio.lowlevel.checkpoint_if_cancelled()
        self._runs += 1
        try:
            return function(*args)
        finally:
            await trio.lowlevel.checkpoint()

    def __repr__(self) -> str:
        return f"InlineCompute({self._runs} runs)"
