"""Workers and timers: what an actor runs beside its loop. Both end with the incarnation that started them."""

from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import Callable


class Worker:
    """A task of an actor; `cancel` ends it without a word to the actor."""

    __slots__ = ("ended", "name", "scope")

    def __init__(self, name: str) -> None:
        self.name = name
        self.scope = trio.CancelScope()
        self.ended = False

    def cancel(self) -> None:
        """Cancel it; nothing happens if it has ended."""
        self.scope.cancel()

    def __repr__(self) -> str:
        return f"<Worker {self.name} {'ended' if self.ended else 'running'}>"


class Timer:
    """A message that is on its way; `cancel` takes it back if it was not delivered."""

    __slots__ = ("_worker", "on_cancel")

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self.on_cancel: Callable[[], None] | None = None

    def cancel(self) -> None:
        """Take it back."""
        if not self._worker.ended:
            self._worker.cancel()
            if self.on_cancel is not None:
                self.on_cancel()

    def __repr__(self) -> str:
        return f"<Timer {'ended' if self._worker.ended else 'running'}>"
