"""What the steps of a system's tasks cost: CPU time for each actor, and who held the loop for too long.

A step is what a task does between two checkpoints; nothing else of the process runs meanwhile. Both accounts are
instruments of trio that a system installs only if it was given a clock for them, so they cost nothing otherwise.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs
import trio

from beam_actors.runtime.cell import STARTING, Cell, State

if TYPE_CHECKING:
    from beam_actors.runtime.system import System

_STARTING = State.STARTING
REMEMBERED = 256
"""Actors whose last report is remembered; beyond that the oldest may be reported again before its pause is over."""


@attrs.frozen(slots=True)
class StepLimit:
    """A step that takes more than `seconds` by `clock` is reported, at most once in `pause` seconds for each actor.

    `clock` may be a wall clock, which also sees what the machine did meanwhile, or the process's CPU time.
    """

    seconds: float
    clock: Callable[[], float]
    pause: float = 1.0


@attrs.frozen(slots=True)
class Held:
    """One step that took too long.

    `message` is the type of the message that took most of it, the worker's name, or that of `on_start` or `on_stop`.
    """

    cell: Cell
    message: str
    seconds: float
    unreported: int
    """Further ones of the actor since it was last reported."""


class CpuAccount(trio.abc.Instrument):
    """Charges the time of each task's steps to the cell that it belongs to, with what the loop spent to get there.

    So the clock is read once for each step: it asks the kernel, and there are thousands of steps a second.
    """

    def __init__(self, system: "System") -> None:
        self._system = system
        self._since = system.cpu_clock()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """A step is over."""
        now = self._system.cpu_clock()
        cell = task.context.get(STARTING)
        if cell is not None and cell.system is self._system:
            cell.cpu += now - self._since
        self._since = now


class StepAccount(trio.abc.Instrument):
    """Times each step of a system's tasks, and the messages that an actor's loop handles within one."""

    def __init__(self, system: "System", limit: StepLimit, report: Callable[[Held], None]) -> None:
        self._system = system
        self._clock = limit.clock
        self._seconds = limit.seconds
        self._pause = limit.pause
        self._report = report
        self.held = 0
        """How many steps took too long, reported or not."""
        self._began = 0.0
        self._message: object = None
        """What is handled now; None if it isn't known to be a message."""
        self._message_began = 0.0
        self._starting = False
        self._longest: object = None
        self._longest_seconds = 0.0
        self._quiet_until: dict[Cell, float] = {}
        self._unreported: dict[Cell, int] = {}

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """A step begins, perhaps in the middle of a message."""
        cell = task.context.get(STARTING)
        if cell is not None and cell.task is task:
            in_hand = cell.in_hand
            self._message = None if in_hand is None else in_hand.message
            self._starting = cell.state is _STARTING
        else:
            # The first step of a task is known by its maker's cell, and that of an actor begins with `on_start`.
            self._message = None
            self._starting = True
        self._longest = None
        self._longest_seconds = 0.0
        self._began = self._message_began = self._clock()

    def takes(self, message: object) -> None:
        """The loop whose step this is has come to its next message."""
        now = self._clock()
        self._end_message(now)
        self._message, self._message_began = message, now

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """A step is over."""
        now = self._clock()
        if now - self._began <= self._seconds:
            return
        cell = task.context.get(STARTING)
        if cell is not None and cell.system is self._system:
            self._end_message(now)
            # A loop bears the path, a worker more; the cell of one that has just ended knows its task no longer.
            longest = "" if self._longest is None else type(self._longest).__name__
            name = longest or self._hook(cell) if task.name == cell.path else task.name
            self._held(cell, name, now - self._began)

    def _hook(self, cell: Cell) -> str:
        """What the loop does beside messages."""
        if self._starting:
            return "on_start"
        return "" if cell.state is State.RUNNING else "on_stop"

    def _end_message(self, now: float) -> None:
        seconds = now - self._message_began
        if seconds > self._longest_seconds:
            self._longest, self._longest_seconds = self._message, seconds

    def _held(self, cell: Cell, message: str, seconds: float) -> None:
        self.held += 1
        now = self._system.clock()
        if now < self._quiet_until.get(cell, now):
            self._unreported[cell] += 1
            return
        self._quiet_until.pop(cell, None)
        while len(self._quiet_until) >= REMEMBERED:
            forgotten = next(iter(self._quiet_until))
            del self._quiet_until[forgotten], self._unreported[forgotten]
        unreported = self._unreported.get(cell, 0)
        self._quiet_until[cell] = now + self._pause
        self._unreported[cell] = 0
        self._report(Held(cell, message, seconds, unreported))
