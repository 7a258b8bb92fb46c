"""An actor's mailbox: a system lane that overtakes, and a user lane with a bound and a stated overflow rule.

Invariant: the user lane never holds more than its capacity. Putting never blocks; the one task that takes is woken by
`trio.lowlevel.reschedule`, so a put costs no task switch. Only the loop's own thread touches it.
"""

import enum
from collections import deque
from typing import Any

import attrs
import trio
from pykka._envelope import Envelope


class Overflow(enum.Enum):
    """What a full mailbox does with a `tell`. An `ask` is refused with MailboxFull, a `send` waits."""

    DROP_NEWEST = "drop-newest"
    DROP_OLDEST = "drop-oldest"


@attrs.frozen(slots=True)
class Mailbox:
    """How many messages may wait, and what happens to one more."""

    capacity: int = 10_000
    overflow: Overflow = Overflow.DROP_NEWEST


class Inbox:
    """The two lanes of one cell. `get` and `empty` are pykka's contract; the actor's loop uses the lanes themselves."""

    __slots__ = ("_parked", "_room", "bounds", "system", "user")

    def __init__(self, bounds: Mailbox) -> None:
        self.bounds = bounds
        self.system: deque[Any] = deque()
        self.user: deque[Envelope[Any]] = deque()
        self._parked: trio.lowlevel.Task | None = None
        self._room: deque[trio.lowlevel.Task] = deque()

    def __len__(self) -> int:
        return len(self.user)

    @property
    def full(self) -> bool:
        """Whether the user lane is at its bound."""
        return len(self.user) >= self.bounds.capacity

    def put(self, envelope: Envelope[Any]) -> None:
        """Append to the user lane; the caller has looked at `full`."""
        self.user.append(envelope)
        if self._parked is not None:
            self._wake()

    def put_system(self, message: Any) -> None:
        """Append to the lane that overtakes."""
        self.system.append(message)
        if self._parked is not None:
            self._wake()

    def get(self) -> Envelope[Any]:
        """Take the next user message; the lane must not be empty (pykka's contract, never blocking here)."""
        envelope = self.user.popleft()
        if self._room:
            trio.lowlevel.reschedule(self._room.popleft())
        return envelope

    def empty(self) -> bool:
        """Whether the user lane is empty."""
        return not self.user

    async def wait(self) -> None:
        """Park until something is put; at most one task may wait."""
        self._parked = trio.lowlevel.current_task()

        def abort(_raise: Any) -> trio.lowlevel.Abort:
            self._parked = None
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)

    async def wait_for_room(self) -> None:
        """Park until a message was taken; first come, first served."""
        task = trio.lowlevel.current_task()
        self._room.append(task)

        def abort(_raise: Any) -> trio.lowlevel.Abort:
            self._room.remove(task)
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)

    def drain(self) -> list[Envelope[Any]]:
        """Empty the user lane and wake whoever waited for room."""
        drained = list(self.user)
        self.user.clear()
        while self._room:
            trio.lowlevel.reschedule(self._room.popleft())
        return drained

    def _wake(self) -> None:
        task, self._parked = self._parked, None
        if task is not None:
            trio.lowlevel.reschedule(task)


def discard(message: Any) -> None:
    """Let a message that nobody will handle give up what it carries."""
    dispose = getattr(message, "dispose", None)
    if callable(dispose):
        dispose()
