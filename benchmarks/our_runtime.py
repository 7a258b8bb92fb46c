"""One round of what our runtime is measured by: CPU seconds for a message, a reply, a start, a restart.

Its `rivals` do the same work: messages are sent in bursts that fit the mailbox and are received by a task or a thread
of their own; one ask follows the other. What is set up and taken down is not timed.
"""

import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import trio

from beam_actors.runtime import Actor, ChildSpec, Intensity, Ref, Supervisor, System, receives

BURST = 1000
now = time.process_time
"""CPU time of all threads: the machine does other things, and nothing here waits for anything but itself."""


class Number:
    """A message."""

    __slots__ = ("value",)

    def __init__(self, value: int) -> None:
        self.value = value


class Question(Number):
    """A message that is answered."""


class Work(Number):
    """How often the driver is to do what it does."""


class Idle(Actor):
    """Does nothing."""


class Counting(Actor):
    """Counts what it is told, and says when a burst has arrived."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.arrived = trio.Event()

    @receives(Number)
    def number(self, _message: Number) -> None:
        self.count += 1
        if self.count % BURST == 0:
            self.arrived.set()

    @receives(Question)
    def question(self, message: Question) -> int:
        return message.value


class AsyncCounting(Counting):
    """The same with async handlers."""

    @receives(Number)
    async def number_async(self, _message: Number) -> None:
        self.count += 1
        if self.count % BURST == 0:
            self.arrived.set()


def in_system(kind: Callable[[], Actor], measure: Callable[[Ref], Awaitable[float]]) -> float:
    """What `measure` gives for the ref of an actor in a system of its own, on the real clock."""

    async def main() -> float:
        system = System("bench", clock=time.monotonic)
        spec = ChildSpec("one", kind)
        async with system.run(ChildSpec("root", lambda: Supervisor([spec], intensity=Intensity(10**9)))):
            return await measure(system.ref("root/one"))

    return trio.run(main)


async def _work(count: int, ref: Ref) -> float:
    seconds: float = await ref.ask(Work(count))
    return seconds


# --- telling ---


async def _tell_bursts(ref: Ref, bursts: int) -> float:
    actor: Any = ref._cell.actor  # noqa: SLF001 (the event of the burst is not a message)
    start = now()
    for _ in range(bursts):
        actor.arrived = arrived = trio.Event()
        for number in range(BURST):
            ref.tell(Number(number))
        await arrived.wait()
    return (now() - start) / (bursts * BURST)


def beam_tell(bursts: int) -> float:
    return in_system(Counting, lambda ref: _tell_bursts(ref, bursts))


def beam_tell_async(bursts: int) -> float:
    return in_system(AsyncCounting, lambda ref: _tell_bursts(ref, bursts))


# --- asking ---


def beam_ask(count: int) -> float:
    """Asked by a task that is no actor."""

    async def measure(ref: Ref) -> float:
        start = now()
        for number in range(count):
            await ref.ask(Question(number))
        return (now() - start) / count

    return in_system(Counting, measure)


def beam_ask_in_time(count: int) -> float:
    async def measure(ref: Ref) -> float:
        start = now()
        for number in range(count):
            await ref.ask(Question(number), timeout=60)
        return (now() - start) / count

    return in_system(Counting, measure)


class Asking(Actor):
    """Asks its child in a handler, so that its waits are edges of the graph in which cycles are found."""

    @receives(Work)
    async def work(self, message: Work) -> float:
        ref = await self.start_child(ChildSpec("counting", Counting))
        start = now()
        for number in range(message.value):
            await ref.ask(Question(number))
        return (now() - start) / message.value


def beam_ask_between_actors(count: int) -> float:
    return in_system(Asking, partial(_work, count))


# --- starting ---


class Parent(Actor):
    """Starts children, one after the other, each acknowledged."""

    @receives(Work)
    async def work(self, message: Work) -> float:
        start = now()
        for number in range(message.value):
            await self.start_child(ChildSpec(str(number), Idle))
        return (now() - start) / message.value


def beam_start(count: int) -> float:
    return in_system(Parent, partial(_work, count))


# --- restarting ---


class Starting(Idle):
    """Tells of each start."""

    started: Callable[[], None] = staticmethod(lambda: None)

    async def on_start(self) -> None:
        Starting.started()


def beam_restart(count: int) -> float:
    """From the crash to the end of the next incarnation's `on_start`."""

    async def measure(ref: Ref) -> float:
        start = now()
        for _ in range(count):
            back = trio.Event()
            Starting.started = back.set  # type: ignore[method-assign]
            ref.crash(RuntimeError("crash"))
            await back.wait()
            while not ref.alive:
                await trio.lowlevel.checkpoint()
        return (now() - start) / count

    return in_system(Starting, measure)
