"""One deterministic trio run: the only module that touches the private names of trio's scheduler.

Trio shuffles each batch of runnable tasks with a module-level generator. Seeding it is not enough: only when
`_ALLOW_DETERMINISTIC_SCHEDULING` is set are batches sorted by a spawn counter before the shuffle, without which their
order follows set iteration, and so addresses.
To stop a whole process (`Stops`), its tasks are taken out of trio's queue of runnable tasks. The clock (`JumpClock`)
looks into that queue and at the next deadline.
Every name is checked, so that a trio that renames one fails loudly.
Invariant: two calls with one seed schedule every task of `function` in the same order, in any process.
"""

import gc
import hashlib
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from math import inf
from typing import Any, TypeVar

import trio
from trio import _core

from beam_actors.testing.agenda import Agenda

T = TypeVar("T")
_COLLECTING = (100_000, 20, 10)
"""Thresholds of the garbage collector: a world's many living objects would be looked through again and again, which was
a third of a run. Who makes much garbage in cycles (processes that end) collects it."""
_A_WHILE = 3600.0
"""More than nothing, in seconds: what is waited for is not due yet."""
_RUN: Any = _core._run  # noqa: SLF001 (see above)


class SchedulerChanged(RuntimeError):
    """This version of trio no longer has what deterministic runs rely on."""


class JumpClock(trio.abc.Clock, trio.abc.Instrument):
    """The clock of a run in virtual time: it stands still while a task can run, and then jumps to what is next.

    That is a task's deadline or something in the agenda, which comes first when both are due. Trio asks a clock how
    long it may sleep when no task can run, so this is where a run goes on without tasks: packets arrive, pumps have
    their turns. While tasks run, what is due has a turn in each round of theirs, as in a daemon (`world.host`). Trio's
    `MockClock` takes one more round of the loop for each jump, and would need a task that sleeps for each packet.
    """

    def __init__(self) -> None:
        self._time = 0.0
        self._runner: Any = None
        self.agenda = Agenda()
        """What happens by itself in this run, such as the arrival of packets."""
        self._failure: BaseException | None = None
        """What an action raised where trio would swallow it."""
        self.stops = Stops()
        """The processes of this run that get no CPU."""

    def start_clock(self) -> None:
        """See `trio.abc.Clock`."""
        self._runner = _runner()
        trio.lowlevel.add_instrument(self)

    def current_time(self) -> float:
        """Seconds since the run began."""
        return self._time

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """See `trio.abc.Clock`; asked when no task can run: go on until one can, or a deadline has come."""
        runner, agenda = self._runner, self.agenda
        queue, deadlines = runner.runq, runner.deadlines
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        if runner.entry_queue.size():
            return 0  # what came from outside the loop: trio's task for it runs after the next look at its sockets
        while not queue:
            deadline, due = deadlines.next_deadline(), agenda.next_at
            first = min(deadline, due)
            if first > self._time:
                if first == inf or runner.waiting_for_idle:
                    return _A_WHILE  # somebody waits until nothing more happens at this time
                self._time = first
            if deadline < due:
                break
            agenda.run_due(self._time)
        return 0

    def before_io_wait(self, timeout: float) -> None:
        """See `trio.abc.Instrument`: between two rounds of tasks."""
        if timeout <= 0 and self.agenda.next_at <= self._time and self._failure is None:
            try:
                self.agenda.run_due(self._time)
            except BaseException as error:  # noqa: BLE001  # trio would log it, and this instrument would be no more
                self._failure = error

    def __repr__(self) -> str:
        return f"<JumpClock at {self._time:.6f}>"


def current_clock() -> JumpClock:
    """The clock of this run; raise `RuntimeError` if the run is not in virtual time."""
    clock = trio.lowlevel.current_clock()
    if isinstance(clock, JumpClock):
        return clock
    raise RuntimeError("Virtual machines live in virtual time: use run_seeded, or trio.run(..., clock=JumpClock()).")


async def sleep_through(seconds: float) -> None:
    """Sleep as `trio.sleep` does, but to the end, whoever cancels it; in a run of many machines without two scopes."""
    clock = trio.lowlevel.current_clock()
    if not isinstance(clock, JumpClock):
        with trio.CancelScope(shield=True):
            await trio.sleep(seconds)
        return
    task = trio.lowlevel.current_task()
    clock.agenda.add(clock.current_time() + seconds, lambda: trio.lowlevel.reschedule(task))
    await trio.lowlevel.wait_task_rescheduled(lambda _raise_cancel: trio.lowlevel.Abort.FAILED)


def run_seeded(seed: int, function: Callable[[], Awaitable[T]]) -> T:
    """Run `function` under a mock clock that jumps whenever nothing can run; scheduling follows from `seed`."""
    generator = getattr(_RUN, "_r", None)
    if generator is None or not hasattr(generator, "seed") or not hasattr(_RUN, "_ALLOW_DETERMINISTIC_SCHEDULING"):
        raise SchedulerChanged(f"trio {trio.__version__} has another scheduler; testing/seeded.py must learn it.")
    before, state = _RUN._ALLOW_DETERMINISTIC_SCHEDULING, generator.getstate()  # noqa: SLF001 (as above)
    collecting = gc.get_threshold()
    _RUN._ALLOW_DETERMINISTIC_SCHEDULING = True  # noqa: SLF001 (as above)
    generator.seed(int.from_bytes(hashlib.blake2b(b"schedule", key=_key(seed), digest_size=8).digest(), "big"))
    gc.set_threshold(*_COLLECTING)
    try:
        return trio.run(function, clock=JumpClock())
    finally:
        gc.set_threshold(*collecting)
        _RUN._ALLOW_DETERMINISTIC_SCHEDULING = before  # noqa: SLF001 (as above)
        generator.setstate(state)


def _key(seed: int) -> bytes:
    return seed.to_bytes(16, "big", signed=True)


OWNER: ContextVar[object] = ContextVar("OWNER", default=None)
"""To which process of the simulated world a task belongs; tasks that it starts inherit it."""


class Stops(trio.abc.Instrument):
    """Processes that get no CPU. What becomes runnable of a stopped one waits, in order, until it goes on.

    Time passes meanwhile, so its deadlines and its packets are all due when it wakes: as after SIGSTOP and SIGCONT.
    Protected as trio's own scheduler is: an interrupt between two of its lines would lose a task.
    """

    def __init__(self) -> None:
        self._held: dict[object, list[trio.lowlevel.Task]] = {}

    @trio.lowlevel.enable_ki_protection
    def stop(self, owner: object) -> None:
        """Run none of the owner's tasks from the next turn of the loop on."""
        if owner in self._held:
            return
        if not self._held:
            trio.lowlevel.add_instrument(self)
        self._held[owner] = []
        queue = _queue()
        for _ in range(len(queue)):
            task = queue.popleft()
            if task.context.get(OWNER) is owner:
                self._held[owner].append(task)
            else:
                queue.append(task)

    @trio.lowlevel.enable_ki_protection
    def turn(self, owner: object) -> None:
        """Let a stopped owner's runnable tasks run once."""
        tasks, self._held[owner] = self._held[owner], []
        _queue().extend(tasks)

    @trio.lowlevel.enable_ki_protection
    def go_on(self, owner: object) -> None:
        """Let the owner run again; nothing happens if it does."""
        if owner in self._held:
            self.turn(owner)
            del self._held[owner]
            if not self._held:
                trio.lowlevel.remove_instrument(self)

    def is_stopped(self, owner: object) -> bool:
        """Whether the owner gets no CPU."""
        return owner in self._held

    def holds(self, task: trio.lowlevel.Task) -> bool:
        """Whether the task's owner gets no CPU."""
        return bool(self._held) and task.context.get(OWNER) in self._held

    @trio.lowlevel.enable_ki_protection
    def task_scheduled(self, task: trio.lowlevel.Task) -> None:
        """Trio's hook, called when a task became the last of the runnable ones."""
        held = self._held.get(task.context.get(OWNER))
        if held is not None:
            _queue().pop()
            held.append(task)

    def __repr__(self) -> str:
        return f"<Stops {len(self._held)} processes>"


def _queue() -> Any:
    return _runner().runq


def _runner() -> Any:
    """What runs the present run, with all that is used of it here."""
    try:
        runner = _RUN.GLOBAL_RUN_CONTEXT.runner
        _found = runner.runq, runner.deadlines.next_deadline, runner.waiting_for_idle, runner.entry_queue.size
    except AttributeError as error:
        raise SchedulerChanged(
            f"trio {trio.__version__} has another runner ({error}); testing/seeded.py must learn it."
        ) from None
    return runner


def schedule_so_far() -> str:
    """A digest of how many tasks were runnable in each turn of the loop, as the scheduler's generator remembers it."""
    return hashlib.blake2b(repr(_RUN._r.getstate()).encode(), digest_size=8).hexdigest()  # noqa: SLF001 (as above)


class Trace:
    """The history of a run, hashed as it happens; the last lines are kept for people."""

    def __init__(self, keep: int = 200) -> None:
        self._hash = hashlib.sha256()
        self._keep = keep
        self.lines: list[str] = []
        self.count = 0
        self.payloads = 0
        """Packets with bytes that went from one machine to another; they are in the hash, whole, and in no line."""

    def add(self, *parts: object) -> None:
        """Record one event at the present virtual time. Only what is the same in every run may be passed."""
        line = f"{trio.current_time():.6f} " + " ".join(map(str, parts))
        self._hash.update(line.encode() + b"\n")
        self.count += 1
        self.lines.append(line)
        if len(self.lines) > 2 * self._keep:
            del self.lines[: -self._keep]

    def carried(self, source: str, target: str, payload: bytes) -> None:
        """Record bytes that a machine sent to another at the present virtual time."""
        self.payloads += 1
        self._hash.update(f"{trio.current_time():.6f} {source}>{target} {len(payload)}\n".encode() + payload)

    @property
    def digest(self) -> str:
        """The SHA-256 of all lines so far."""
        return self._hash.hexdigest()

    def __repr__(self) -> str:
        return f"<Trace {self.count} events, {self.payloads} payloads, {self.digest[:12]}>"
