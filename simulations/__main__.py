"""The command line of the simulator: run a scenario, list them, replay a plan, run a campaign.

Exit codes: 0 all invariants held, 1 one did not, 2 the command or the plan makes no sense, 130 interrupted. The report
goes to stdout, what people watch meanwhile to stderr. Invariant: what can't be done is said before anything is run.
"""

import re
import shlex
import sys
import tempfile
from pathlib import Path

import attrs
import click

from beam_actors.testing.security import Profile
from simulations import plots, rounds, scenarios
from simulations.campaign import BadResults, Campaign, Task
from simulations.campaign_watch import watch
from simulations.check import Result
from simulations.check import check as run_check
from simulations.growth import HEAD, Row, measure, text
from simulations.plan import BadPlan, Plan
from simulations.ranges import SEEDS
from simulations.report import Report, summary
from simulations.run import Progress, run_plan

REGRESSIONS = Path(__file__).parent / "regressions"
_PROFILES = [profile.value for profile in Profile]
_SEED = click.IntRange(*SEEDS)
_SIZE = click.IntRange(min=1)
_OUT = click.Path(path_type=Path, file_okay=False)


class _Commands(click.Group):
    """Commands that an interrupt ends with a word and the exit code of a shell."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            pass
        except BaseExceptionGroup as group:  # trio has it in groups when it meets a task of the world
            if group.split(KeyboardInterrupt)[0] is None:
                raise
        click.echo("\nInterrupted.", err=True)
        raise click.exceptions.Exit(130)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Run whole networks of production nodes in one process, from a seed."""


@main.command(name="list")
def list_scenarios() -> None:
    """The scenarios, and the plans that are kept because they once failed."""
    for name in scenarios.names():
        scenario = scenarios.load(name)
        click.echo(f"{name:<20}{scenario.SIZE:>6} machines   {scenario.ABOUT}")
    for path in sorted(REGRESSIONS.glob("*.json")):
        click.echo(f"regression          {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")


@main.command()
@click.argument("scenario")
@click.option("--seed", type=_SEED, default=1, show_default=True)
@click.option("--size", type=_SIZE, default=None, help="Machines; the scenario's own number without it.")
@click.option("--profile", type=click.Choice(_PROFILES), default="full", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The whole report as JSON instead of the summary.")
@click.option("--out", type=_OUT, default=None, help="A folder for the plan, the report and plots.")
@click.option("--keep/--no-keep", default=True, help="Whether a failing plan is put into simulations/regressions.")
def run(
    *,
    scenario: str,
    seed: int,
    size: int | None,
    profile: str,
    as_json: bool,
    out: Path | None,
    keep: bool,
) -> None:
    """Run SCENARIO."""
    try:
        made = scenarios.load(scenario)
        asked = size or made.SIZE  # `swarm` makes a plan of fewer machines, and of so few it would make another one
        plan = attrs.evolve(made.plan(seed, asked), profile=Profile(profile))
    except (scenarios.UnknownScenario, BadPlan) as error:
        raise click.UsageError(str(error)) from None
    again = f"make sim SCENARIO={scenario} SEED={seed} SIZE={asked}" + (
        "" if plan.profile is Profile.FULL else f" PROFILE={profile}"
    )
    _run(plan, again, as_json=as_json, out=out, keep=REGRESSIONS if keep else None)


@main.command()
@click.option("--sizes", default="100,300,1000", show_default=True, help="Numbers of machines.")
@click.option("--full-up-to", type=int, default=1000, show_default=True, help="Larger ones have the light profile.")
@click.option("--seed", type=_SEED, default=1, show_default=True)
@click.option("--out", type=_OUT, default=Path("growth"), show_default=True)
def growth(*, sizes: str, full_up_to: int, seed: int, out: Path) -> None:
    """Measure how a simulation's cost grows with the number of machines."""
    try:
        wanted = {int(size): Profile.FULL if int(size) <= full_up_to else Profile.LIGHT for size in sizes.split(",")}
    except ValueError:
        raise click.UsageError("Sizes are numbers with commas between them.") from None
    if min(wanted) < 1:
        raise click.UsageError("There is no network of fewer than one machine.")
    _writable(out)
    click.echo(HEAD)
    rows: list[Row] = []
    for result in measure(wanted, seed=seed, out=out):
        if isinstance(result, Row):
            rows.append(result)
        click.echo(text(result) if isinstance(result, Row) else result)
    click.echo(f"{out}: growth.jsonl; {plots.draw_growth(rows, out) if rows else 'nothing to draw'}", err=True)
    sys.exit(0 if len(rows) == len(wanted) and all(row.passed for row in rows) else 1)


@main.command(name="rounds")
@click.option("--sizes", default="100,300,1000,3000,10000", show_default=True, help="Numbers of nodes.")
@click.option("--kind", type=click.Choice([kind.value for kind in rounds.Kind]), default="near", show_default=True)
@click.option("--hostile", default="0,20,50", show_default=True, help="Shares of liars, in per cent.")
@click.option(
    "--networks", type=click.IntRange(min=0), default=0, help="Networks of a gang; one for each node without."
)
@click.option("--paths", default="1,4", show_default=True, help="Numbers of disjoint paths.")
@click.option("--searches", type=_SIZE, default=200, show_default=True, help="Searches of a row.")
@click.option("--churn", type=click.FloatRange(0, 100), default=20.0, show_default=True, help="Per cent an hour.")
@click.option("--seed", type=_SEED, default=1, show_default=True)
@click.option("--out", type=_OUT, default=Path("rounds"), show_default=True)
def measure_rounds(
    *,
    sizes: str,
    kind: str,
    hostile: str,
    networks: int,
    paths: str,
    searches: int,
    churn: float,
    seed: int,
    out: Path,
) -> None:
    """Measure how a search of the DHT grows with the number of nodes, and what liars make of it."""
    wanted, ways = _numbers(sizes, rounds.SIZES), _numbers(paths, (1, 8))
    shares = _numbers(hostile, (0, 90))
    attacks = [
        rounds.Attack(kind=rounds.Kind(kind), share=share / 100, networks=networks) if share else rounds.Attack()
        for share in shares
    ]
    _writable(out)
    click.echo(rounds.HEAD)
    rows: list[rounds.Row] = []
    for size in wanted:
        for row in rounds.measure(size, attacks, ways, searches=searches, churn=churn / 100, seed=seed):
            rows.append(row)
            rounds.keep(row, out)
            click.echo(rounds.text(row))
    click.echo(f"{out}: rounds.jsonl; {plots.draw_rounds(rows, out)}", err=True)


@main.command()
def check() -> None:
    """Run what every change must pass: kept plans, each scenario in small, one run in two processes."""

    def show(result: Result) -> None:
        click.echo(f"{'+' if result.passed else '!'} {result.name:<40}{result.seconds:>7.1f} s")
        if result.words:
            click.echo(result.words)

    sys.exit(0 if run_check(REGRESSIONS, show) else 1)


@main.command()
@click.argument("plan", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="The whole report as JSON instead of the summary.")
@click.option("--out", type=_OUT, default=None, help="A folder for the plan, the report and plots.")
def replay(*, plan: Path, as_json: bool, out: Path | None) -> None:
    """Run the plan in a file again, to the letter."""
    try:
        loaded = Plan.load(plan)
    except (BadPlan, OSError) as error:
        raise click.UsageError(str(error)) from None
    _run(loaded, _replay(plan), as_json=as_json, out=out, keep=None)


@main.command()
@click.argument("scenario", nargs=-1, required=True)
@click.option("--seeds", default="1-20", show_default=True, help="A range, both ends included, or one seed.")
@click.option("--size", type=_SIZE, default=None, help="Machines; each scenario's own number without it.")
@click.option("--profile", type=click.Choice(_PROFILES), default="full", show_default=True)
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    default=None,
    help="Runs at a time on this machine; its processors without it.",
)
@click.option("--dask", default=None, help="The address of a Dask cluster's scheduler, to run there instead.")
@click.option(
    "--results", type=click.Path(path_type=Path, dir_okay=False), default=Path("campaign.jsonl"), show_default=True,
    help="The file of results; what stands in it is not done again.",
)  # fmt: skip
@click.option(
    "--minutes", type=click.FloatRange(min=0, min_open=True), default=None, help="Begin no run after this time."
)
@click.option("--tries", type=click.IntRange(min=1), default=60, show_default=True, help="Runs to shrink one failure.")
def campaign(
    *,
    scenario: tuple[str, ...],
    seeds: str,
    size: int | None,
    profile: str,
    processes: int | None,
    dask: str | None,
    results: Path,
    minutes: float | None,
    tries: int,
) -> None:
    """Run many seeds of each SCENARIO; failures that say the same are one, which is shrunk and kept."""
    try:
        tasks = [
            Task(scenario=name, seed=seed, size=size or scenarios.load(name).SIZE, profile=Profile(profile))
            for seed in _range(seeds)
            for name in scenario
        ]
        for task in tasks[: len(scenario)]:
            task.plan()  # whether there is one of this size, each scenario knows
        known = Campaign(results, REGRESSIONS, shrink_tries=tries)
    except (scenarios.UnknownScenario, BadPlan, BadResults) as error:
        raise click.UsageError(str(error)) from None
    sys.exit(watch(known, tasks, processes, dask, minutes))


def _range(text: str) -> range:
    found = re.fullmatch(r"(\d{1,19})(?:-(\d{1,19}))?", text, re.ASCII)
    seeds = range(int(found[1]), int(found[2] or found[1]) + 1) if found else range(0)
    if not seeds or seeds[-1] > SEEDS[1]:
        raise click.UsageError(f"{text!r} is no range of seeds, such as 1-100.")
    return seeds


def _numbers(text: str, bounds: tuple[int, int]) -> list[int]:
    """Numbers with commas between them, each once and within the bounds, in the order in which they stand."""
    words = text.split(",")
    if not all(word.isascii() and word.isdigit() and bounds[0] <= int(word[:9]) <= bounds[1] for word in words):
        raise click.UsageError(f"{text!r} is no list of numbers from {bounds[0]} to {bounds[1]}, such as 1,4.")
    return list(dict.fromkeys(map(int, words)))


def _writable(folder: Path) -> None:
    """Make the folder, and refuse one that nothing can be put into."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise click.UsageError(f"Nothing can be written into {folder}: {error.strerror}.") from None


def _run(plan: Plan, again: str, *, as_json: bool, out: Path | None, keep: Path | None) -> None:
    """Run it and show what there is to show; `again` is the command that runs exactly this plan."""
    if out is not None:
        _writable(out)
    report = run_plan(plan, progress=_Line() if sys.stderr.isatty() else _Rows())
    click.echo("\r\x1b[K" if sys.stderr.isatty() else "", nl=False, err=True)
    click.echo(report.dumps(again) if as_json else summary(report))
    if out is not None:
        _write(report, again, out)
    if not report.passed:
        click.echo(f"\nAgain:  {again}", err=True)
        if keep is not None:
            _keep(plan, keep)
        sys.exit(1)


def _write(report: Report, again: str, out: Path) -> None:
    report.plan.save(out / "plan.json")
    (out / "report.json").write_text(report.dumps(again), encoding="utf-8")
    (out / "summary.txt").write_text(summary(report) + "\n", encoding="utf-8")
    click.echo(f"{out}: plan.json, report.json, summary.txt; {plots.draw(report, out)}", err=True)


def _keep(plan: Plan, folder: Path) -> None:
    path = folder / f"{plan.scenario}-{plan.seed}-{plan.size}.json"
    plan.save(path)
    click.echo(f"Kept:   {_replay(path)}", err=True)
    click.echo("        make test runs it from now on; delete the file to undo that.", err=True)


def _replay(plan: Path) -> str:
    return f"python -m simulations replay {shlex.quote(str(plan))}"


class _Rows:
    """Progress for a log: a line each ten seconds of the wall."""

    def __init__(self) -> None:
        self._last = 0.0

    def __call__(self, now: Progress) -> None:
        if now.wall_s - self._last >= 10.0:
            self._last = now.wall_s
            click.echo(_words(now), err=True)


class _Line:
    """Progress for a person: one line that changes."""

    def __call__(self, now: Progress) -> None:
        click.echo(f"\r\x1b[K{_words(now)}", nl=False, err=True)


def _words(now: Progress) -> str:
    at = f"{now.virtual_s:>8.0f} virtual s {now.wall_s:>7.0f} s"
    return f"{now.phase:<9}{at} {now.events:>9} events {now.up:>6} daemons up"


if __name__ == "__main__":
    main()
