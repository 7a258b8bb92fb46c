"""Running mutants: each in a process of its own, over a copy of the code with the bug in it, and how that ended.

Invariant: a mutant counts as found only when the invariant, or the test, that is meant to see it is the one that
reports it, and when the same plan, or test, passes without it. An error or a hang of the run is no finding: people would
look for it in the harness.
"""

import enum
import json
import subprocess
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import attrs

from simulations.mutants.mutant import Misfit, Mutant
from simulations.mutants.workspace import python, workspace

SECONDS = 240.0
"""For one run; on an idle machine they take two or three."""
_PASSED, _FAILED = 0, 1
"""Exit codes of pytest; all others say that it did not get as far as the test."""


class Fate(enum.Enum):
    """What became of a mutant."""

    FOUND = "found"
    """By the invariant or the test that is to see it."""
    ELSEWHERE = "found by another invariant"
    SURVIVED = "survived"
    ERROR = "the run broke"
    HUNG = "the run did not end"
    MISFIT = "it does not fit the code"

    @property
    def good(self) -> bool:
        """Whether it is as the catalogue says."""
        return self is Fate.FOUND


@attrs.frozen(slots=True, kw_only=True)
class Finding:
    """One run of one mutant, or of the code as it is (`mutant` empty)."""

    mutant: str
    by: str
    """The plan, or the test."""
    fate: Fate
    invariant: str = ""
    message: str = ""
    cpu_s: float = 0.0
    """Seconds of the processor; 0 of a run that broke, and of tests."""


def run_plan(mutant: Mutant | None, plan: str) -> Finding:
    """Run the plan over the mutant, or over the code as it is: that is well when it passes (`SURVIVED`)."""
    told = partial(Finding, mutant=mutant.name if mutant is not None else "", by=plan)
    try:
        with workspace(mutant) as folder:
            run = python(folder, "simulations.mutants.child", plan, seconds=SECONDS)
    except Misfit as error:
        return told(fate=Fate.MISFIT, message=str(error))
    except subprocess.TimeoutExpired:
        return told(fate=Fate.HUNG, message=f"not over after {SECONDS:g} s")
    try:
        said = json.loads(run.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        last = next((line for line in reversed(run.stderr.splitlines()) if line.strip()), "nothing said")
        return told(fate=Fate.ERROR, message=last.strip()[:300])
    if said["passed"]:
        return told(fate=Fate.SURVIVED, cpu_s=said["cpu_s"])
    invariant, message = said["violations"][0]
    expected = mutant is not None and invariant == mutant.invariant
    fate = Fate.FOUND if expected else Fate.ELSEWHERE
    return told(fate=fate, invariant=invariant, message=message, cpu_s=said["cpu_s"])


def run_tests(mutant: Mutant | None, *tests: str) -> Finding:
    """Run tests over the mutant, or over the code as it is: that is well when they pass (`SURVIVED`)."""
    told = partial(Finding, mutant=mutant.name if mutant is not None else "", by=tests[0] if mutant else "all tests")
    try:
        with workspace(mutant, tests=True) as folder:
            run = python(folder, "pytest", "-q", *(f"tests/{test}" for test in tests), seconds=SECONDS)
    except Misfit as error:
        return told(fate=Fate.MISFIT, message=str(error))
    except subprocess.TimeoutExpired:
        return told(fate=Fate.HUNG, message=f"not over after {SECONDS:g} s")
    last = next((line for line in reversed(run.stdout.splitlines()) if line.strip()), "nothing said")
    if run.returncode == _PASSED:
        return told(fate=Fate.SURVIVED)
    if "Timeout (>" in run.stdout:
        return told(fate=Fate.HUNG, message="the test did not end by itself")
    return told(fate=Fate.FOUND if run.returncode == _FAILED else Fate.ERROR, message=last.strip()[:300])


def run_all(mutants: Iterable[Mutant], done: Callable[[Finding], None], *, at_once: int = 2) -> list[Finding]:
    """All of them, the plans and tests without a bug first; `done` is told of each as it ends."""
    wanted = tuple(mutants)
    seen = [one for one in wanted if one.plan]
    tested = [one for one in wanted if one.test]
    jobs: list[Callable[[], Finding]] = []
    if tested:
        jobs.append(partial(run_tests, None, *dict.fromkeys(one.test for one in tested)))
    jobs += [partial(run_plan, None, plan) for plan in dict.fromkeys(one.plan for one in seen)]
    jobs += [partial(run_plan, one, one.plan) for one in seen]
    jobs += [partial(run_tests, one, one.test) for one in tested]
    with ThreadPoolExecutor(at_once) as pool:
        return list(_told(pool.map(lambda job: job(), jobs), done))


def _told(findings: Iterator[Finding], done: Callable[[Finding], None]) -> Iterator[Finding]:
    for finding in findings:
        done(finding)
        yield finding


def runs_of(mutants: Iterable[Mutant]) -> int:
    """How many runs `run_all` makes of them."""
    wanted = tuple(mutants)
    return len(wanted) + len({one.plan for one in wanted if one.plan}) + any(one.test for one in wanted)


def is_well(finding: Finding) -> bool:
    """A mutant that was found as it should be, or the code as it is that passed."""
    return finding.fate.good if finding.mutant else finding.fate is Fate.SURVIVED
