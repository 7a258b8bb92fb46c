"""What every change must pass: all kept plans, each scenario in small with two seeds, one run in two processes.

Two processes take the plans, with different `PYTHONHASHSEED`s; the first plan of each scenario is run in both, and must
be the same run to the last line of its trace. Invariant: a plan is run once for each answer that is wanted of it.
"""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from pathlib import Path

import attrs

from simulations import scenarios
from simulations.plan import Plan
from simulations.report import Report, summary
from simulations.run import run_plan

SIZE = 5
"""Machines of each run: a few seconds of one core."""
SEEDS = (1, 2)
_HASH_SEEDS = ("1", "4242")


@attrs.frozen(slots=True, kw_only=True)
class Result:
    """What became of one plan."""

    name: str
    passed: bool
    words: str
    """The whole summary of a run that failed, or why two runs differ."""
    seconds: float


@attrs.frozen(slots=True)
class _Job:
    name: str
    plan: Plan
    twice: bool


def check(kept: Path, show: Callable[[Result], None]) -> bool:
    """Run everything, telling `show` of each plan as it is done; whether all is well."""
    jobs = [*_kept(kept), *_small()]
    fine = True
    with ExitStack() as stack:
        pools = [stack.enter_context(_process(hash_seed)) for hash_seed in _HASH_SEEDS]
        running: dict[Future[tuple[Report, float]], _Job] = {}
        for number, job in enumerate(sorted(jobs, key=lambda one: not one.twice)):
            for pool in pools if job.twice else [pools[number % len(pools)]]:
                running[pool.submit(_run, job.plan.dumps())] = job
        first: dict[str, Report] = {}
        for done in as_completed(running):
            job, (report, seconds) = running[done], done.result()
            result = _judge(job, report, first.get(job.name), seconds)
            first[job.name] = report
            fine = fine and result.passed
            show(result)
    return fine


def _kept(folder: Path) -> Iterator[_Job]:
    for path in sorted(folder.glob("*.json")):
        yield _Job(f"kept {path.stem}", Plan.load(path), twice=False)


def _small() -> Iterator[_Job]:
    for name in scenarios.names():
        for seed in SEEDS:
            yield _Job(f"{name} {seed}", scenarios.load(name).plan(seed, SIZE), twice=seed == SEEDS[0])


def _judge(job: _Job, report: Report, before: Report | None, seconds: float) -> Result:
    same = before is None or before.same(report)
    words = "" if report.passed else summary(report)
    if before is not None and not same:
        words += f"two processes differ: {before.trace[:16]} and {report.trace[:16]}, of one plan"
    name = job.name if before is None else f"{job.name}, again"
    return Result(name=name, passed=report.passed and same, words=words, seconds=seconds)


def _process(hash_seed: str) -> ProcessPoolExecutor:
    """One process whose sets and dicts of words have another order than the next one's."""
    before = os.environ.get("PYTHONHASHSEED")
    os.environ["PYTHONHASHSEED"] = hash_seed
    try:
        pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
        pool.submit(os.getpid).result()  # so that it is started while the variable is set
    finally:
        if before is None:
            del os.environ["PYTHONHASHSEED"]
        else:
            os.environ["PYTHONHASHSEED"] = before
    return pool


def _run(text: str) -> tuple[Report, float]:
    start = time.perf_counter()
    report = run_plan(Plan.loads(text))
    return report, round(time.perf_counter() - start, 1)
