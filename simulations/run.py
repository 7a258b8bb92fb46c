"""Running a plan: the world is built, everything happens, it is healed, and what must be true after that is waited for.

Invariant: the outcome is a function of the plan (and of the code). The first violation ends the run, and an error of
the harness itself is raised, never reported as a finding about the product.
"""

import platform
import resource
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import attrs
import trio

from beam_actors import runtime
from beam_actors.testing import seeded
from beam_actors.testing.seeded import run_seeded
from beam_actors.testing.world import NonceReused, open_world
from simulations import faults, operations
from simulations.invariants import Outcome
from simulations.plan import Plan
from simulations.report import Report
from simulations.scenarios import figures_of
from simulations.stage import Stage

_EVERY = 1.0
"""Virtual seconds between two looks."""
_LOOKS = 50
"""Machines that are looked at in one second; more take turns, so that looking stays a small part of a run."""
_AGAIN = 10.0
"""Seconds of the wall after which a run that does not end when it is told to is told again."""
_SOON = 0.001
"""Seconds of the wall until a place is looked for again at which a run may be ended."""
_TRIES = 1000
"""How often: a run that does nothing else than what should not be interrupted is stuck in that."""
_WHOLE = (str(Path(seeded.__file__)), str(Path(runtime.__file__).parent))
"""Code of ours that takes tasks from one queue to another: interrupted between the two it would lose them."""
_OPERATIONS_END = 180.0
"""Virtual seconds after the heal by which every operation has ended, by its own deadline."""


@attrs.frozen(slots=True, kw_only=True)
class Progress:
    """How far a run is."""

    phase: str
    virtual_s: float
    wall_s: float
    events: int
    up: int


class _TooLate(BaseException):
    """Out of whatever runs: no actor takes it for its own crash."""


class Stuck(Exception):
    """A run took longer than it may: virtual time stands still, or the plan is too large; `where` is the code."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(message)
        self.where = where


def run_plan(
    plan: Plan,
    *,
    progress: Callable[[Progress], None] = lambda _progress: None,
    wall_limit: float | None = None,
) -> Report:
    """Run it and say how it went.

    Raises:
        Stuck: it took longer than `wall_limit` seconds of the wall; looked at in a process's main thread only.
    """
    show = _Run(plan, progress)
    with _limited(wall_limit):
        return run_seeded(plan.seed, show.main)


@contextmanager
def _limited(seconds: float | None) -> Iterator[None]:
    """Raise `Stuck` in the block after some seconds of the wall, wherever it is."""
    if seconds is None or threading.current_thread() is not threading.main_thread():
        yield
        return

    found: list[str] = []
    tries = 0

    def late(_signal: int, frame: FrameType | None) -> None:
        nonlocal tries
        tries += 1
        if tries < _TRIES and _is_whole(frame):
            signal.setitimer(signal.ITIMER_REAL, _SOON, _AGAIN)
            return
        tries = 0
        signal.setitimer(signal.ITIMER_REAL, _AGAIN, _AGAIN)
        code = frame.f_code if frame is not None else None
        found.append(f"{Path(code.co_filename).name}:{code.co_qualname}" if code is not None else "nowhere")
        raise _TooLate

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    try:
        yield
    except BaseException:
        if not found:
            raise
        raise Stuck(found[0], f"the run did not end in {seconds:g} s; it was in {found[0]}") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _is_whole(frame: FrameType | None) -> bool:
    """Whether what runs would leave a scheduler behind that has lost a task, if it were left here."""
    if frame is None or trio.lowlevel.currently_ki_protected():
        return True
    return frame.f_code.co_filename.startswith(_WHOLE)


class _Run:
    def __init__(self, plan: Plan, progress: Callable[[Progress], None]) -> None:
        self._plan = plan
        self._progress = progress
        self._wall = time.perf_counter()
        self._cpu = time.process_time()
        self._phase = "boot"
        self._phases: dict[str, float] = {}
        self._tree: list[str] = []
        self._actors: Counter[str] = Counter()
        self._figures: dict[str, float] = {}
        self._turn = 0

    async def main(self) -> Report:
        try:
            async with (
                open_world(self._plan.seed, self._plan.profile) as world,
                trio.open_nursery() as nursery,
            ):
                stage = Stage(world, self._plan, nursery)
                await self._until_broken(stage)
                nursery.cancel_scope.cancel()
        except NonceReused:
            stage.invariants.look(stage.places)  # S7 says it in its own words
        return self._report(stage)

    async def _until_broken(self, stage: Stage) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch, stage, nursery.cancel_scope)
            await self._all_phases(stage, nursery)
            nursery.cancel_scope.cancel()

    async def _watch(self, stage: Stage, scope: trio.CancelScope) -> None:
        await stage.invariants.broken.wait()
        scope.cancel()

    async def _all_phases(self, stage: Stage, nursery: trio.Nursery) -> None:
        plan = self._plan
        nursery.start_soon(self._look, stage)
        nursery.start_soon(stage.keep_running)
        async with trio.open_nursery() as happening:
            happening.start_soon(self._boot, stage)
            for fault in plan.faults:
                happening.start_soon(faults.inflict, fault, stage)
            async with trio.open_nursery() as people:
                for operation in plan.operations:
                    people.start_soon(operations.perform, operation, stage)
                await trio.sleep_until(stage.begin)
                self._enter("safety")
                await trio.sleep(plan.safety)
                self._enter("heal")
                stage.heal()
                people.cancel_scope.deadline = trio.current_time() + _OPERATIONS_END
        stage.tidy()
        await stage.all_up()
        self._enter("liveness")
        await stage.invariants.after_heal()
        self._figures = figures_of(plan.scenario, stage)
        self._describe(stage)
        self._enter("stop")
        await stage.stop()
        await stage.invariants.after_stop()

    async def _boot(self, stage: Stage) -> None:
        for place in sorted(stage.places, key=lambda place: (self._plan.machines[place.index].boot, place.index)):
            await trio.sleep_until(stage.started + self._plan.machines[place.index].boot)
            async with place.lock:
                await place.boot()

    async def _look(self, stage: Stage) -> None:
        """Look at the nodes and show how far the run is."""
        shown = self._wall
        while True:
            await trio.sleep(_EVERY)
            places = stage.places
            if len(places) > _LOOKS:
                self._turn = (self._turn + _LOOKS) % len(places)
                places = (places + places)[self._turn : self._turn + _LOOKS]
            stage.invariants.look(places)
            now = time.perf_counter()
            if now - shown >= 1.0:
                shown = now
                self._progress(
                    Progress(
                        phase=self._phase,
                        virtual_s=trio.current_time() - stage.started,
                        wall_s=now - self._wall,
                        events=stage.world.trace.count,
                        up=sum(place.up for place in stage.places),
                    )
                )

    def _enter(self, phase: str) -> None:
        now = time.perf_counter()
        self._phases[self._phase] = round(now - self._wall - sum(self._phases.values()), 3)
        self._phase = phase

    def _describe(self, stage: Stage) -> None:
        for place in stage.core:
            for cell in stage.inside.cells(place.node):
                self._actors[cell.actor_class.__name__ if cell.actor_class else "unborn"] += 1
        self._tree = stage.inside.tree(stage.core[0].node)

    def _report(self, stage: Stage) -> Report:
        self._enter("over")
        wall = time.perf_counter() - self._wall
        virtual = trio.current_time() - stage.started
        trace = stage.world.trace
        verdicts = stage.invariants.verdicts()
        return Report(
            plan=self._plan,
            passed=not stage.invariants.violations and all(one.outcome is not Outcome.VIOLATED for one in verdicts),
            violations=stage.invariants.violations,
            verdicts=verdicts,
            counts={what: dict(sorted(counter.items())) for what, counter in stage.counts.items()},
            figures=self._figures,
            convergence_s=stage.invariants.convergence,
            tree=self._tree,
            actors=dict(sorted(self._actors.items())),
            trace=trace.digest,
            events=trace.count,
            looks=stage.invariants.samples,
            bytes_moved=stage.traffic.bytes_moved,
            virtual_s=round(virtual, 3),
            wall_s=round(wall, 3),
            cpu_s=round(time.process_time() - self._cpu, 3),
            phases_s=self._phases,
            peak_rss_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
            python=f"{platform.python_implementation()} {sys.version.split()[0]}",
            tail=stage.invariants.tail,
        )
