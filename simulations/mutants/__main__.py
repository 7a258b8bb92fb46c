"""Plant each bug and see whether the simulator finds it: `python -m simulations.mutants`, or `make mutants`.

Exit codes: 0 each mutant was found by the invariant that is to see it and the code as it is passed, 1 not so, 2 usage.
The outcome goes to stdout, what people watch meanwhile to stderr.
"""

import json
import sys
import time
from collections import Counter

import attrs
import click

from simulations.mutants.bench import Fate, Finding, is_well, run_all
from simulations.mutants.catalogue import CATALOGUE, SECOND, all_mutants
from simulations.mutants.mutant import Mutant


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1)
@click.option("--only-list", is_flag=True, help="The catalogue, and nothing is run.")
@click.option("--jobs", type=click.IntRange(1), default=2, show_default=True, help="Processes at one time.")
@click.option("--json", "as_json", is_flag=True, help="All findings as JSON.")
def main(*, names: tuple[str, ...], only_list: bool, jobs: int, as_json: bool) -> None:
    """Run the mutants of these NAMES, or all that the simulator can see."""
    chosen = _chosen(names)
    if only_list:
        for mutant in chosen:
            click.echo(f"{mutant.name:<36}{mutant.invariant or '-':<7}{mutant.plan:<12}{mutant.bug}")
        return
    visible = [mutant for mutant in chosen if mutant.plan]
    start = time.perf_counter()
    watch = _Watch(len(visible) + len({mutant.plan for mutant in visible}))
    findings = run_all(visible, watch.saw, at_once=jobs)
    well = all(map(is_well, findings))
    if as_json:
        click.echo(json.dumps({"format": 1, "well": well, "findings": [_plain(one) for one in findings]}, indent=1))
    else:
        _summary(findings, visible, time.perf_counter() - start)
    sys.exit(0 if well else 1)


def _chosen(names: tuple[str, ...]) -> list[Mutant]:
    known = {mutant.name: mutant for mutant in all_mutants()}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise click.UsageError(f"There is no mutant {', '.join(unknown)}.")
    return [known[name] for name in names] or list(known.values())


def _plain(finding: Finding) -> dict[str, object]:
    return attrs.asdict(
        finding, value_serializer=lambda _a, _b, value: value.value if isinstance(value, Fate) else value
    )


class _Watch:
    """What people see while it runs: one line for each run."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0

    def saw(self, finding: Finding) -> None:
        """One more run is over."""
        self._done += 1
        what = finding.mutant or f"no mutant, plan {finding.plan}"
        fate = finding.fate.value if finding.mutant else "passed" if is_well(finding) else finding.fate.value
        mark = "+" if is_well(finding) else "!"
        by = f" {finding.invariant}: {finding.message}" if finding.message else ""
        click.echo(f"{mark} {self._done:>3}/{self._total} {what:<40}{fate}{by}"[:180], err=True)


def _summary(findings: list[Finding], mutants: list[Mutant], seconds: float) -> None:
    found = Counter(finding.fate for finding in findings if finding.mutant)
    named = {mutant.name for mutant in SECOND}
    for title, group in (("the list", CATALOGUE), ("the second set", SECOND)):
        ours = [mutant for mutant in mutants if (mutant.name in named) == (group is SECOND)]
        good = sum(finding.fate.good for finding in findings if finding.mutant in {mutant.name for mutant in ours})
        if ours:
            click.echo(f"{title}: {good} of {len(ours)} found by the invariant that is to see them")
    for fate, count in found.items():
        if not fate.good:
            click.echo(f"{count} {fate.value}")
    for finding in findings:
        if not is_well(finding):
            whose = finding.mutant or "the code as it is"
            click.echo(f"  ! {whose}, plan {finding.plan}: {finding.fate.value} {finding.message}")
    click.echo(f"{len(findings)} runs in {seconds:.0f} s")


if __name__ == "__main__":
    main()
