"""What is left of a random plan that finds a mutant, after shrinking: the figures of docs/simulation.md.

python -m simulations.mutants.shrunk NAME [--scenario swarm] [--size 6] [--seeds 1-50] [--out FOLDER]

The scenario's plans are tried, seed by seed, over the mutant, until one fails by the invariant that is to see it; that one
is shrunk as a campaign would shrink it: a smaller plan counts as failing only when it fails in the same words. Both
plans must pass without the mutant, or it was not what failed.
"""

import json
import logging
import sys
import time
from pathlib import Path

import click
import structlog

from simulations.campaign import Task, judge
from simulations.mutants.catalogue import CATALOGUE
from simulations.mutants.mutant import Mutant
from simulations.mutants.workspace import python, workspace
from simulations.plan import Plan
from simulations.shrink import shrink

_SECONDS = 3600.0


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("name")
@click.option("--scenario", default="swarm", show_default=True)
@click.option("--size", type=click.IntRange(1), default=6, show_default=True)
@click.option("--seeds", default="1-50", show_default=True, help="FIRST-LAST.")
@click.option("--tries", type=click.IntRange(1), default=300, show_default=True, help="Runs that shrinking may take.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="For the two plans.")
@click.option("--planted", is_flag=True, hidden=True, help="This is the process with the mutant in it.")
def main(*, name: str, scenario: str, size: int, seeds: str, tries: int, out: Path | None, planted: bool) -> None:
    """Find a failing plan over the mutant NAME and shrink it."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    mutant = next((one for one in CATALOGUE if one.name == name and one.plan), None)
    if mutant is None:
        raise click.UsageError(f"There is no mutant {name} that an invariant sees.")
    if planted:
        click.echo(json.dumps(_find(mutant, scenario, size, seeds, tries)))
        return
    options = ("--scenario", scenario, "--size", str(size), "--seeds", seeds, "--tries", str(tries), "--planted")
    with workspace(mutant) as folder:
        run = python(folder, "simulations.mutants.shrunk", name, *options, seconds=_SECONDS)
    if run.returncode:
        raise click.ClickException(run.stderr.strip()[-500:])
    found = json.loads(run.stdout.splitlines()[-1])
    if not found:
        click.echo(f"{name}: none of the seeds {seeds} of {scenario} finds it")
        sys.exit(1)
    before, after = Plan.loads(found["before"]), Plan.loads(found["after"])
    for word, plan in (("before", before), ("after", after)):
        without = judge(plan)
        if not without.passed:
            raise click.ClickException(f"The plan {word} fails without the mutant, too: {without.message}")
        if out is not None:
            plan.save(out / f"{name}-{word}.json")
    click.echo(
        f"{name}, {scenario} {found['seed']} of {size}, after {found['tried']} seeds: {found['message']}\n"
        f"  {_figures(before)} -> {_figures(after)}, {found['runs']} runs in {found['seconds']} s"
    )


def _find(mutant: Mutant, scenario: str, size: int, seeds: str, tries: int) -> dict[str, object]:
    first, _, last = seeds.partition("-")
    for tried, seed in enumerate(range(int(first), int(last or first) + 1), start=1):
        plan = Task(scenario=scenario, seed=seed, size=size).plan()
        result = judge(plan)
        if not result.signature.startswith(f"{mutant.invariant}:"):
            continue
        runs = 0

        def fails(smaller: Plan, signature: str = result.signature) -> bool:
            nonlocal runs
            runs += 1
            return judge(smaller).signature == signature

        start = time.process_time()
        small = shrink(plan, fails, tries=tries)
        return {
            "seed": seed,
            "tried": tried,
            "message": result.message,
            "before": plan.dumps(),
            "after": small.dumps(),
            "runs": runs,
            "seconds": round(time.process_time() - start),
        }
    return {}


def _figures(plan: Plan) -> str:
    counts = f"{len(plan.operations)} operations, {len(plan.faults)} faults, {plan.size} machines"
    return f"{counts}, {plan.safety:g} s"


if __name__ == "__main__":
    main()
