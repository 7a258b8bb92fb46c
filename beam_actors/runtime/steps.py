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
    """Charges the time of each task's steps to the cell that it belongs to."""

    def __init__(self, system: "System") -> None:
        self._system = system
        self._since = 0.0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:  # noqa: ARG002 (trio's signature)
        """A step begins."""
        self._since = self._system.cpu_clock()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """A step is over."""
        cell = task.context.get(STARTING)
        if cell is not None and cell.system is self._system:
            cell.cpu += self._system.cpu_clock() - self._since


class StepAccount(trio.abc.Instrument):
    """Times each step of a system's tasks, and the messages that an actor's loop handles within one."""

    def __init__(self, system: "System", limit: StepLimit, report: Callable[[Held], None]) -> None:
        self._system = system
        self._limit = limit
        self._report = report
        self.held = 0
        """How many steps took too long, reported or not."""
        self._began = 0.0
        self._message = ""
        self._message_began = 0.0
        self._starting = False
        self._longest = ("", 0.0)
        self._quiet_until: dict[Cell, float] = {}
        self._unreported: dict[Cell, int] = {}

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """A step begins, perhaps in the middle of a message."""
        cell = task.context.get(STARTING)
        if cell is not None and cell.task is task and cell.in_hand is not None:
            self._message = type(cell.in_hand.message).__name__
        else:
            self._message = ""
        # The first step of a task is known by its maker's cell, and that of an actor begins with `on_start`.
        self._starting = cell is None or cell.task is not task or cell.state is State.STARTING
        self._longest = ("", 0.0)
        self._began = self._message_began = self._limit.clock()

    def takes(self, message: object) -> None:
        """The loop whose step this is has come to its next message."""
        now = self._limit.clock()
        self._end_message(now)
        self._message, self._message_began = type(message).__name__, now

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """A step is over."""
        now = self._limit.clock()
        if now - self._began <= self._limit.seconds:
            return
        cell = task.context.get(STARTING)
        if cell is not None and cell.system is self._system:
            self._end_message(now)
            # A loop bears the path, a worker more; the cell of one that has just ended knows its task no longer.
            name = self._longest[0] or self._hook(cell) if task.name == cell.path else task.name
            self._held(cell, name, now - self._began)

    def _hook(self, cell: Cell) -> str:
        """What the loop does beside messages."""
        if self._starting:
            return "on_start"
        return "" if cell.state is State.RUNNING else "on_stop"

    def _end_message(self, now: float) -> None:
        if now - self._message_began > self._longest[1]:
            self._longest = (self._message, now - self._message_began)

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
        self._quiet_until[cell] = now + self._limit.pause
        self._unreported[cell] = 0
        self._report(Held(cell, message, seconds, unreported))
