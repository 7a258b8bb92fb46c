"""An actor's mailbox: a system lane that overtakes, and user lanes with one bound and a stated overflow rule.

Invariant: the urgent lane, the user lane and the stash together never hold more than the capacity. Putting never
blocks; the one task that takes is woken by `trio.lowlevel.reschedule`, so a put costs no task switch. Only the loop's
own thread touches it. A lane in which nothing was put since its actor last waited costs no memory.
"""

import enum
import logging
from collections import deque
from typing import Any, Final

import attrs
import trio
from pykka._envelope import Envelope
from trio.lowlevel import reschedule

from beam_actors.runtime import checks

_LOG: Final = logging.getLogger("beam_actors.runtime")


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

    def __attrs_post_init__(self) -> None:
        checks.count("A mailbox's capacity", self.capacity, least=1)
        checks.kind("A mailbox's overflow", self.overflow, Overflow)
        if self.stash is not None:
            checks.count("A mailbox's stash", self.stash)

    @property
    def stash_capacity(self) -> int:
        """How many messages the stash holds at most."""
        return self.capacity // 2 if self.stash is None else min(self.stash, self.capacity)


DEFAULT: Final = Mailbox()
EMPTY: Final[deque[Any]] = deque(maxlen=0)
"""In the place of a lane that holds nothing: a deque takes 760 bytes, and most actors wait most of the time."""


class Inbox:
    """The two lanes of one cell. `get` and `empty` are pykka's contract; the actor's loop uses the lanes themselves."""

    __slots__ = ("_parked", "aside", "bounds", "limit", "priority", "system", "urgent", "user", "wanted")

    def __init__(self, bounds: Mailbox) -> None:
        self.bounds = bounds
        self.limit = bounds.capacity
        """What the user lane may hold now: the capacity without what waits elsewhere."""
        self.aside: deque[Envelope[Any]] | None = None
        """The stash, if there is one."""
        self.priority: tuple[type, ...] = ()
        """The types of messages that overtake other user messages."""
        self.urgent: deque[Envelope[Any]] | None = None
        """The lane of those; None when there are no such types."""
        self.system: deque[Any] = EMPTY
        self.user: deque[Envelope[Any]] = EMPTY
        self._parked: trio.lowlevel.Task | None = None
        self.wanted: deque[trio.lowlevel.Task] = EMPTY
        """The tasks that wait for room."""

    def __len__(self) -> int:
        return len(self.user) + len(self.urgent or ())

    @property
    def full(self) -> bool:
        """Whether the mailbox is at its bound."""
        return len(self.user) >= self.limit

    def bind(self, bounds: Mailbox, priority: tuple[type, ...] = ()) -> None:
        """Take the bounds and the urgent types of the next incarnation; nothing waits between two."""
        self.limit = bounds.capacity  # first, so that what is no bounds is not taken: the end would need them, too
        self.bounds = bounds
        self.priority = priority
        self.urgent = deque() if priority else None

    def put(self, envelope: Envelope[Any]) -> None:
        """Append to the lane of its type; the caller has looked at `full`."""
        if self.urgent is not None and isinstance(envelope.message, self.priority):
            self.urgent.append(envelope)
            self.limit -= 1
        elif self.user is EMPTY:
            self.user = deque((envelope,))
        else:
            self.user.append(envelope)
        if self._parked is not None:
            self._wake()

    def put_system(self, message: Any) -> None:
        """Append to the lane that overtakes."""
        if self.system is EMPTY:
            self.system = deque()
        self.system.append(message)
        if self._parked is not None:
            self._wake()

    def get(self) -> Envelope[Any]:
        """Take the next user message; there must be one (pykka's contract, never blocking here)."""
        if self.urgent:
            envelope = self.urgent.popleft()
            self.limit += 1
        else:
            envelope = self.user.popleft()
        if self.wanted:
            reschedule(self.wanted.popleft())
        return envelope

    def empty(self) -> bool:
        """Whether no user message waits."""
        return not self.user and not self.urgent

    def give_way(self, envelope: Envelope[Any]) -> Envelope[Any] | None:
        """Take out the oldest message that may give way to `envelope`: an urgent one only to an urgent one."""
        if self.user:
            return self.user.popleft()
        if self.urgent and isinstance(envelope.message, self.priority):
            self.limit += 1
            return self.urgent.popleft()
        return None

    def put_back(self) -> None:
        """Put the stash in front of what waits, each message in the lane of its type."""
        aside, self.aside = self.aside, None
        for envelope in reversed(aside or ()):
            if self.urgent is not None and isinstance(envelope.message, self.priority):
                self.urgent.appendleft(envelope)
            else:
                if self.user is EMPTY:
                    self.user = deque()
                self.user.appendleft(envelope)
                self.limit += 1
        if aside and self._parked is not None:
            self._wake()  # it was a worker that put them back

    def park(self, task: trio.lowlevel.Task) -> None:
        """`task` is about to wait, with `unpark` as its abort function, until something is put; all lanes are empty."""
        self.system = self.user = EMPTY
        self._parked = task

    def unpark(self, _raise: Any) -> trio.lowlevel.Abort:
        """Its wait was cancelled."""
        self._parked = None
        return trio.lowlevel.Abort.SUCCEEDED

    async def wait_for_room(self) -> None:
        """Park until a message was taken; first come, first served."""
        task = trio.lowlevel.current_task()
        if self.wanted is EMPTY:
            self.wanted = deque()
        self.wanted.append(task)

        def abort(_raise: Any) -> trio.lowlevel.Abort:
            self.wanted.remove(task)
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)

    def drain(self) -> list[Envelope[Any]]:
        """Empty the stash and the lanes, in the order of their turn, and wake whoever waited for room."""
        drained = [*(self.aside or ()), *(self.urgent or ()), *self.user]
        self.aside = None
        if self.urgent is not None:
            self.urgent.clear()
        self.user.clear()
        self.limit = self.bounds.capacity
        while self.wanted:
            reschedule(self.wanted.popleft())
        self.wanted = EMPTY
        return drained

    def _wake(self) -> None:
        task, self._parked = self._parked, None
        if task is not None:
            reschedule(task)


def discard(message: Any) -> bool:
    """Let a message that nobody will handle, or a reply that nobody waits for, give up what it carries.

    False: it carries nothing. What its `dispose` raises concerns nobody who is there, so it is logged.
    """
    try:
        dispose = getattr(message, "dispose", None)
        if not callable(dispose):
            return False
        dispose()
    except Exception:  # noqa: BLE001 (who drops a message must not end by it)
        _LOG.exception("The dispose of a %s failed.", type(message).__name__)
    return True
