"""Running mutants: each in a process of its own, over a copy of the code with the bug in it, and how that ended.

Invariant: a mutant counts as found only when the invariant that is meant to see it is the one that reports it, and when
the same plan passes without it. An error or a hang of the run is no finding: people would look for it in the harness.
"""

import enum
import json
import subprocess
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import attrs

from simulations.mutants.mutant import Misfit, Mutant
from simulations.mutants.workspace import python, workspace

SECONDS = 240.0
"""For one run; on an idle machine they take two or three."""


class Fate(enum.Enum):
    """What became of a mutant."""

    FOUND = "found"
    """By the invariant that is to see it."""
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
    plan: str
    fate: Fate
    invariant: str = ""
    message: str = ""
    wall_s: float = 0.0


def run_one(mutant: Mutant | None, plan: str) -> Finding:
    """Run the plan over the mutant, or over the code as it is: that is well when it passes (`SURVIVED`)."""
    name = mutant.name if mutant is not None else ""
    try:
        with workspace(mutant) as folder:
            run = python(folder, "simulations.mutants.child", plan, seconds=SECONDS)
    except Misfit as error:
        return Finding(mutant=name, plan=plan, fate=Fate.MISFIT, message=str(error))
    except subprocess.TimeoutExpired:
        return Finding(mutant=name, plan=plan, fate=Fate.HUNG, message=f"not over after {SECONDS:g} s")
    try:
        said = json.loads(run.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        last = next((line for line in reversed(run.stderr.splitlines()) if line.strip()), "nothing said")
        return Finding(mutant=name, plan=plan, fate=Fate.ERROR, message=last.strip()[:300])
    if said["passed"]:
        return Finding(mutant=name, plan=plan, fate=Fate.SURVIVED, wall_s=said["wall_s"])
    invariant, message = said["violations"][0]
    expected = mutant is not None and invariant == mutant.invariant
    fate = Fate.FOUND if expected else Fate.ELSEWHERE
    return Finding(mutant=name, plan=plan, fate=fate, invariant=invariant, message=message, wall_s=said["wall_s"])


def run_all(mutants: Iterable[Mutant], done: Callable[[Finding], None], *, at_once: int = 2) -> list[Finding]:
    """All of them, the plans without a bug first; `done` is told of each as it ends."""
    wanted = [mutant for mutant in mutants if mutant.plan]
    jobs: list[tuple[Mutant | None, str]] = [(None, plan) for plan in dict.fromkeys(one.plan for one in wanted)]
    jobs += [(mutant, mutant.plan) for mutant in wanted]
    with ThreadPoolExecutor(at_once) as pool:
        return list(_told(pool.map(lambda job: run_one(*job), jobs), done))


def _told(findings: Iterator[Finding], done: Callable[[Finding], None]) -> Iterator[Finding]:
    for finding in findings:
        done(finding)
        yield finding


def is_well(finding: Finding) -> bool:
    """A mutant that was found as it should be, or the code as it is that passed."""
    return finding.fate.good if finding.mutant else finding.fate is Fate.SURVIVED
