"""Workers and timers: what an actor runs beside its loop. Both end with the incarnation that started them."""

import trio


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

    __slots__ = ("_worker",)

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def cancel(self) -> None:
        """Take it back; its task disposes of the message."""
        self._worker.cancel()

    def __repr__(self) -> str:
        return f"<Timer {'ended' if self._worker.ended else 'running'}>"
