"""An actor's mailbox: a system lane that overtakes, and a user lane with a bound and a stated overflow rule.

Invariant: the user lane and the stash together never hold more than the capacity. Putting never blocks; the one task
that takes is woken by `trio.lowlevel.reschedule`, so a put costs no task switch. Only the loop's own thread touches it.
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
    """How many messages may wait, and what happens to one more. `stash` of them, by default half, may be stashed."""

    capacity: int = 10_000
    overflow: Overflow = Overflow.DROP_NEWEST
    stash: int | None = None

    @property
    def stash_capacity(self) -> int:
        """How many messages the stash holds at most."""
        return self.capacity // 2 if self.stash is None else min(self.stash, self.capacity)


class Inbox:
    """The two lanes of one cell. `get` and `empty` are pykka's contract; the actor's loop uses the lanes themselves."""

    __slots__ = ("_parked", "_room", "aside", "bounds", "limit", "system", "user")

    def __init__(self, bounds: Mailbox) -> None:
        self.bounds = bounds
        self.limit = bounds.capacity
        """What the user lane may hold now: the capacity without what waits elsewhere."""
        self.aside: deque[Envelope[Any]] | None = None
        """The stash, if there is one."""
        self.system: deque[Any] = deque()
        self.user: deque[Envelope[Any]] = deque()
        self._parked: trio.lowlevel.Task | None = None
        self._room: deque[trio.lowlevel.Task] = deque()

    def __len__(self) -> int:
        return len(self.user)

    @property
    def full(self) -> bool:
        """Whether the mailbox is at its bound."""
        return len(self.user) >= self.limit

    def bind(self, bounds: Mailbox) -> None:
        """Take the bounds of the next incarnation; nothing waits between two."""
        self.bounds = bounds
        self.limit = bounds.capacity

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
        """Empty the user lane and the stash, the oldest first, and wake whoever waited for room."""
        drained = [*(self.aside or ()), *self.user]
        self.aside = None
        self.user.clear()
        self.limit = self.bounds.capacity
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
