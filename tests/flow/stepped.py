"""Pumps without a loop: production code of which every turn, every batch and every second is somebody else's choice.

All of it runs in one task of one trio run, which never gives way, so nothing happens but what is asked for by hand.
"""

import types
from collections.abc import Iterable, Iterator

import trio

from beam_actors.flow import Flow, FlowLimits, Pump
from beam_actors.ports import Ready, Turn
from beam_actors.testing.agenda import Agenda
from beam_actors.testing.clock import SimClock
from beam_actors.testing.network import VirtualDriver, VirtualHost
from beam_actors.testing.network.pollable import VirtualPollable
from beam_actors.testing.seeded import JumpClock, current_clock

BOTH = 3
"""The bits of a readiness to read and to write."""


class HandClock(JumpClock):
    """A run's clock that stands still until somebody moves it on."""

    def begin(self) -> None:
        """Forget what was before, as in a new run."""
        self._time = 0.0
        self.agenda = Agenda()

    def go_on(self, seconds: float) -> None:
        """Let time pass, and happen what is due meanwhile."""
        until = self._time + seconds
        while self.agenda.next_at <= until:
            self._time = max(self._time, self.agenda.next_at)
            self.agenda.run_due(self._time)
        self._time = until


def hand_clock() -> HandClock:
    """The clock of this run."""
    clock = current_clock()
    assert isinstance(clock, HandClock)
    return clock


class SteppedDriver:
    """The network port of one process, whose batches somebody else composes out of what is ready."""

    def __init__(self, inner: VirtualDriver) -> None:
        self._inner = inner
        self._turn: Turn | None = None
        self._until: float | None = None
        self._woken = False
        self.dial, self.listen, self.datagrams, self.is_open = inner.dial, inner.listen, inner.datagrams, inner.is_open

    async def wait(self, until: float | None, turn: Turn | None = None) -> list[Ready]:
        """See `ports.NetworkDriver`: call `turn`, and never return."""
        self._until, self._turn = until, turn
        await _for_ever()
        raise AssertionError("nobody goes on here")

    def wake(self) -> None:
        self._woken = True

    def close(self) -> None:
        self._inner.close()

    @property
    def ready(self) -> list[VirtualPollable]:
        return self._inner.ready

    @property
    def sockets(self) -> list[VirtualPollable]:
        return self._inner.sockets

    @property
    def is_due(self) -> bool:
        """Whether a real driver would return from its wait now."""
        return self._woken or bool(self.ready) or (self._until is not None and self._until <= trio.current_time())

    def step(self, pollables: Iterable[VirtualPollable], also: Iterable[Ready] = ()) -> None:
        """One turn with these, all of which are ready, and with hints that something is ready which need not be."""
        assert self._turn is not None
        self._woken = False
        self._until = self._turn([*self._inner.take(pollables), *also])


class Daemon:
    """A pump that has a turn when it is given one."""

    def __init__(self, host: VirtualHost, limits: FlowLimits) -> None:
        self.driver = SteppedDriver(host.driver())
        self.pump = Pump(self.driver, SimClock(), limits)
        self.flow = Flow(limits)
        self.flow.attach(self.pump)
        self._run = self.pump.run()
        self._run.send(None)

    def turn(self, picks: Iterable[int] | None = None, *, hint: int | None = None) -> None:
        """One turn with the ready sockets of those places, each counted among those that are left; with all by default.

        `hint` is the place of a socket that is said to be ready, whether it is or not.
        """
        ready, chosen = self.driver.ready, []
        if picks is None:
            chosen, ready = ready, []
        for pick in picks or ():
            if ready:
                chosen.append(ready.pop(pick % len(ready)))
        also: list[Ready] = []
        if hint is not None:
            sockets = [each for each in self.driver.sockets if each not in chosen]
            also = [(sockets[hint % len(sockets)], BOTH)] if sockets else []
        self.driver.step(chosen, also)

    def close(self) -> None:
        """End it as a cancelled pump ends."""
        self._run.close()

    def __repr__(self) -> str:
        return f"<Daemon {self.pump!r}>"


@types.coroutine
def _for_ever() -> Iterator[None]:
    yield
