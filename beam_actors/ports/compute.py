"""The compute port: work that would hold the loop (Argon2, key generation) runs elsewhere."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Compute(Protocol):
    """Runs pure functions off the loop: in worker threads for real, inline in the simulator."""

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """Return `function(*args)` or raise what it raised. Cancelling abandons the result, not the work."""
        ...
