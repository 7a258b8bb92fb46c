"""The loop of a daemon: while trio has nothing to do, the sockets of its pump are served here, without waking a task.

Trio would wait in its own epoll object, wake the pump's task for each byte that comes, and wait again: a quarter of the
time of a small request. Instead the thread waits in the pump's epoll object, of which trio's is a member, and calls the
pump as a plain loop of callbacks would, until a task can run, a deadline has come or trio's own object is ready.
While tasks run, sockets have a turn between two rounds of theirs, at most every `_TASKS_FIRST` seconds: most rounds are
over sooner, and then nobody asks the kernel in vain.

Invariant: nothing that trio waits for is late by more than one turn, and a turn counts as a step of the task that waits
for it, so that instruments see what it costs. It knows no pump. The private names of trio that it needs are looked at
when it begins: with a trio that renamed one, it serves nobody, and whoever asked waits as a task does.
"""

import logging
import select
import time
from typing import Any, Protocol

import trio
from trio import _core

_log = logging.getLogger("trio.abc.Instrument")
_MAX_EVENTS = 512  # in one turn; the pump cuts them into slices of its own
_TASKS_FIRST = 0.0002
_LONG = 86400.0
"""Seconds: what is further away is waited for without an end."""


class Guest(Protocol):
    """Who waits for sockets and is called instead."""

    @property
    def sockets(self) -> select.epoll:
        """What it waits in. It is told of nothing that it did not register."""
        ...

    def next_at(self) -> float:
        """When it is to be called though nothing is ready, in seconds of `time.monotonic()`."""
        ...

    def turn(self, events: list[tuple[int, int]]) -> None:
        """Serve these descriptors, and what is due. It must not raise."""
        ...


class Host(trio.abc.Clock, trio.abc.Instrument):
    """A real clock that serves one guest in trio's idle time. `trio.run` takes it as the clock and as an instrument."""

    def __init__(self) -> None:
        self._guest: Guest | None = None
        self._task: trio.lowlevel.Task | None = None
        self._runner: Any = None
        self._own = -1
        self._turn_at = 0.0
        """When sockets had their last turn, or there was nothing to do in it."""

    def enter(self, guest: Guest, task: trio.lowlevel.Task) -> bool:
        """Call `guest`, for whom `task` waits, until it leaves; False if this host serves somebody, or can't."""
        if self._guest is not None or self._runner is None:
            return False
        try:
            guest.sockets.register(self._own, select.EPOLLIN)
        except OSError:  # trio's object holds the guest's since a wait as a task: neither may be in the other
            return False
        self._guest, self._task = guest, task
        return True

    def leave(self, guest: Guest) -> None:
        """Call it no more; nothing happens if it isn't called."""
        if self._guest is guest:
            self._guest = self._task = None
            guest.sockets.unregister(self._own)

    def __repr__(self) -> str:
        return f"<Host of {self._guest!r}>"

    # --- the clock ---

    def start_clock(self) -> None:
        """See `trio.abc.Clock`."""
        try:
            runner = _core._run.GLOBAL_RUN_CONTEXT.runner  # noqa: SLF001 (see above)
            own = runner.io_manager._epoll.fileno()  # noqa: SLF001 (as above)
            runner.deadlines.next_deadline()
            known = (
                runner.runq,
                runner.waiting_for_idle,
                runner.instruments.data,
                runner.instruments.remove_instrument,
            )
        except (AttributeError, TypeError):
            return
        if all(one is not None for one in known):
            self._runner, self._own = runner, own

    def current_time(self) -> float:
        """See `trio.abc.Clock`."""
        return time.monotonic()

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """See `trio.abc.Clock`: asked when no task can run, it serves sockets until there is something for trio."""
        monotonic, own, runner = time.monotonic, self._own, self._runner
        while (guest := self._guest) is not None:
            now = monotonic()
            deadline = runner.deadlines.next_deadline()  # a turn may have brought it forward
            if deadline <= now or runner.runq:
                return 0
            seconds = 0.0 if runner.waiting_for_idle else max(0.0, min(deadline, guest.next_at()) - now)
            events = guest.sockets.poll(None if seconds > _LONG else seconds, _MAX_EVENTS)
            self._turn_at = monotonic()
            for_trio = False
            for event in events:
                if event[0] == own:
                    for_trio = True
                    events.remove(event)
                    break
            if events or guest.next_at() <= self._turn_at:
                self._serve(guest, events)
            if for_trio:
                return 0
            if runner.waiting_for_idle:
                break  # somebody waits, for so long, until nothing happens
        if runner is not None and runner.runq:
            return 0  # a guest that left in its turn woke somebody
        return deadline - monotonic()

    # --- the instrument ---

    def before_io_wait(self, timeout: float) -> None:
        """See `trio.abc.Instrument`: tasks run, and sockets have their turn if it is time."""
        guest = self._guest
        if guest is None or timeout > 0:
            return
        now = time.monotonic()
        if now < self._turn_at + _TASKS_FIRST:
            return
        self._turn_at = now
        events = [event for event in guest.sockets.poll(0, _MAX_EVENTS) if event[0] != self._own]
        if events or guest.next_at() <= now:
            self._serve(guest, events)

    def _serve(self, guest: Guest, events: list[tuple[int, int]]) -> None:
        # Trio's own way of calling them costs as much as all that they do.
        hooks, task = self._runner.instruments.data, self._task
        for instrument in tuple(hooks.get("before_task_step", ())):
            try:
                instrument.before_task_step(task)
            except Exception as error:  # noqa: BLE001 (as trio does it: whoever failed is called no more)
                self._disable(instrument, error)
        guest.turn(events)
        for instrument in tuple(hooks.get("after_task_step", ())):
            try:
                instrument.after_task_step(task)
            except Exception as error:  # noqa: BLE001 (as above)
                self._disable(instrument, error)
        self._turn_at = time.monotonic()

    def _disable(self, instrument: trio.abc.Instrument, error: Exception) -> None:
        self._runner.instruments.remove_instrument(instrument)
        _log.error("%r failed and has been disabled.", instrument, exc_info=error)
