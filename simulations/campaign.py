"""Many seeds over many processes, or over the machines of a Dask cluster: by the executor interface of Python, no more.

Invariants: a campaign's results are one file of JSON lines to which only this process appends, each line at once, so a
campaign that was interrupted goes on where it was; a line counts only for the code that ran (`sources`), so that a bug
that was mended is not reported again; failures that say the same are one failure, which is shrunk once and kept once. A
run that does not end, or dies, is a failure as well.
"""

import concurrent.futures
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import attrs

from beam_actors.testing.security import Profile
from simulations import scenarios, sources
from simulations.plan import Plan
from simulations.run import Stuck, run_plan
from simulations.shrink import shrink

WALL_LIMIT = 900.0
"""Seconds of one run; only in a process of its own, since a thread of a cluster can't be interrupted."""
_SHRINK_TRIES = 60


@attrs.frozen(slots=True, kw_only=True)
class Task:
    """One run of a campaign."""

    scenario: str
    seed: int
    size: int
    profile: Profile = Profile.FULL

    @property
    def key(self) -> str:
        """What it is known by in the file."""
        return f"{self.scenario}/{self.seed}/{self.size}/{self.profile}"

    def plan(self) -> Plan:
        """What is run."""
        return attrs.evolve(scenarios.load(self.scenario).plan(self.seed, self.size), profile=self.profile)


@attrs.frozen(slots=True, kw_only=True)
class Result:
    """How one run went; a line of the file."""

    key: str
    passed: bool
    signature: str = ""
    """What failed, without names and numbers: equal for failures that are one."""
    message: str = ""
    wall_s: float = 0.0
    virtual_s: float = 0.0
    events: int = 0
    trace: str = ""
    kept: str = ""
    """The file of the shrunk plan."""
    code: str = attrs.field(factory=sources.digest)
    """Which sources ran, in the process that ran them."""


def perform(task: Task) -> Result:
    """Run one; in whatever process this is. Never raises."""
    return judge(task.plan(), task.key)


def judge(plan: Plan, key: str = "") -> Result:
    """Run a plan and say how it went; what goes wrong with the run itself is a failure, too."""
    try:
        report = run_plan(plan, wall_limit=WALL_LIMIT)
    except Stuck as stuck:
        return Result(key=key, passed=False, signature=f"stuck: {stuck.where}", message=str(stuck))
    except Exception as error:  # noqa: BLE001 (a campaign goes on)
        said = f"{type(error).__name__}: {error}"
        return Result(key=key, passed=False, signature=f"error: {normalised(said)}", message=said[:2000])
    first = report.first
    return Result(
        key=key,
        passed=report.passed,
        signature="" if first is None else f"{first.invariant}: {normalised(first.message)}",
        message="" if first is None else str(first),
        wall_s=report.wall_s,
        virtual_s=report.virtual_s,
        events=report.events,
        trace=report.trace,
    )


def shrink_failure(plan_text: str, signature: str, tries: int = _SHRINK_TRIES) -> str:
    """The smallest plan that was found to fail in this way, as JSON; in whatever process this is."""
    return shrink(Plan.loads(plan_text), lambda plan: judge(plan).signature == signature, tries=tries).dumps()


def normalised(message: str) -> str:
    """The message without what differs between two failures of one cause: numbers, ids, names of machines."""
    words = re.sub(r"[A-Za-z0-9_\-/.]*\d[A-Za-z0-9_\-/.]*", "#", message)
    return re.sub(r"(#[\s,.:()]*)+", "# ", words).strip()[:300]


class BadResults(ValueError):
    """The file can't be written, or holds something else, to which nothing must be appended."""


class Campaign:
    """One campaign: its file, and what is known of it."""

    def __init__(self, results: Path, regressions: Path, *, shrink_tries: int = _SHRINK_TRIES) -> None:
        self.results = results
        self._regressions = regressions
        self._tries = shrink_tries
        self.done: dict[str, Result] = {}
        self._of_other_code: set[str] = set()
        try:
            results.parent.mkdir(parents=True, exist_ok=True)
            with results.open("a+", encoding="utf-8") as file:
                file.seek(0)
                for number, line in enumerate(file, start=1):
                    self._read(line, number)
        except (OSError, UnicodeDecodeError) as error:
            raise BadResults(f"{results} can't be a file of results: {error}.") from None

    def _read(self, line: str, number: int) -> None:
        try:
            data = json.loads(line)
        except ValueError as error:
            if not line.startswith("{"):
                raise BadResults(f"{self.results} holds something else than results: line {number}: {error}.") from None
            return  # a campaign was cut off while it wrote
        try:
            result = Result(**{"code": "", **data})
        except TypeError:
            raise BadResults(f"{self.results} holds something else than results: see line {number}.") from None
        if result.code == sources.digest():
            self.done[result.key] = result
        else:
            self._of_other_code.add(result.key)

    def __repr__(self) -> str:
        return f"<Campaign {self.results} of {len(self.done)} runs>"

    @property
    def outdated(self) -> int:
        """Runs in the file that other code did, or nobody knows which, and that are done again."""
        return len(self._of_other_code - self.done.keys())

    @property
    def failures(self) -> dict[str, list[Result]]:
        """The failed runs, by what failed."""
        found: dict[str, list[Result]] = {}
        for result in self.done.values():
            if not result.passed:
                found.setdefault(result.signature, []).append(result)
        return found

    def run(
        self,
        tasks: Sequence[Task],
        executor: Executor,
        *,
        at_once: int,
        tell: Callable[[Result], None] = lambda _result: None,
        go_on: Callable[[], bool] = lambda: True,
    ) -> None:
        """Do what is not done yet, `at_once` runs at a time, until all is done or `go_on` says no.

        Each new kind of failure is shrunk by the same executor, and its plan kept.
        """
        by_key = {task.key: task for task in tasks}
        waiting: Iterator[Task] = iter(task for task in tasks if task.key not in self.done)
        running: dict[Future[Any], str] = {}
        shrinking: dict[Future[Any], Result] = {}
        known = set(self.failures)
        more = True
        while running or shrinking or more:
            while more and len(running) < at_once:
                task = next(waiting, None) if go_on() else None
                more = task is not None
                if task is not None:
                    running[executor.submit(perform, task)] = task.key
            if not running and not shrinking:
                break
            finished, _ = concurrent.futures.wait([*running, *shrinking], return_when="FIRST_COMPLETED")
            for future in finished:
                if future in shrinking:
                    self._keep(shrinking.pop(future), future)
                    continue
                key = running.pop(future)
                result = _outcome(future, key)
                self._append(result)
                tell(result)
                if not result.passed and result.signature not in known:
                    known.add(result.signature)
                    text = by_key[key].plan().dumps()
                    shrinking[executor.submit(shrink_failure, text, result.signature, self._tries)] = result

    def _keep(self, result: Result, future: Future[Any]) -> None:
        try:
            plan = Plan.loads(future.result())
        except Exception as error:  # noqa: BLE001 (the failure itself is on the file already)
            self._append(attrs.evolve(result, message=f"{result.message} (not shrunk: {error})"))
            return
        name = hashlib.blake2b(result.signature.encode(), digest_size=4).hexdigest()
        path = self._regressions / f"{plan.scenario}-{name}.json"
        plan.save(path)
        self._append(attrs.evolve(result, kept=str(path)))

    def _append(self, result: Result) -> None:
        self.done[result.key] = result
        line = json.dumps(attrs.asdict(result), sort_keys=True) + "\n"
        handle = os.open(self.results, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            size = os.fstat(handle).st_size
            if size and os.pread(handle, 1, size - 1) != b"\n":
                line = "\n" + line  # the last one was cut
            os.write(handle, line.encode())  # one write, so that a line is there or not
        finally:
            os.close(handle)


def _outcome(future: Future[Any], key: str) -> Result:
    try:
        result: Result = future.result()
    except Exception as error:  # noqa: BLE001 (the process died: that is how this run went)
        return Result(key=key, passed=False, signature=f"died: {type(error).__name__}", message=str(error)[:2000])
    return result


def local_executor(processes: int) -> Executor:
    """Processes of this machine. Each ends after a few runs, so that what they leave behind in memory does, too."""
    return concurrent.futures.ProcessPoolExecutor(processes, max_tasks_per_child=8)


def dask_executor(address: str) -> tuple[Executor, int]:
    """All workers of a Dask cluster, and how many runs they take at once. They must have this project installed.

    Raises:
        ImportError: `distributed` is not installed (the extra `sim`).
        ValueError: a worker has several threads (runs in one process would share the scheduler that a seed sets), or
            other sources than this process, whose results would not be those of this code.
    """
    from distributed import Client  # noqa: PLC0415 (an optional extra)

    client = Client(address)
    threads = client.nthreads()
    if any(count > 1 for count in threads.values()):
        raise ValueError("Start the workers with one thread each (--nthreads 1): one process runs one world at a time.")
    if set(client.run(sources.digest).values()) - {sources.digest()}:
        raise ValueError("The workers have other sources than this checkout; install it there, and start them anew.")
    return client.get_executor(pure=False), len(threads)
