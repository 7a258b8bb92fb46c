"""Plant each bug and see whether it is found: `python -m simulations.mutants`, or `make mutants`.

Exit codes: 0 each mutant was found by the invariant or the test that is to see it and the code as it is passed, 1 not
so, 2 usage. The outcome goes to stdout, what people watch meanwhile to stderr.
"""

import json
import sys
import time
from collections import Counter, defaultdict

import attrs
import click

from simulations.mutants.bench import Fate, Finding, is_well, run_all, runs_of
from simulations.mutants.catalogue import CATALOGUE
from simulations.mutants.mutant import Mutant


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1)
@click.option("--only-list", is_flag=True, help="The catalogue, and nothing is run.")
@click.option("--jobs", type=click.IntRange(1), default=2, show_default=True, help="Processes at one time.")
@click.option("--json", "as_json", is_flag=True, help="All findings as JSON.")
def main(*, names: tuple[str, ...], only_list: bool, jobs: int, as_json: bool) -> None:
    """Run the mutants of these NAMES, or all."""
    chosen = _chosen(names)
    if only_list:
        for mutant in chosen:
            click.echo(f"{mutant.name:<36}{mutant.invariant or 'test':<6}{mutant.plan:<12}{mutant.bug}")
        return
    start = time.perf_counter()
    findings = run_all(chosen, _Watch(runs_of(chosen)).saw, at_once=jobs)
    well = all(map(is_well, findings))
    if as_json:
        click.echo(json.dumps({"format": 2, "well": well, "findings": [_plain(one) for one in findings]}, indent=1))
    else:
        _summary(findings, chosen, time.perf_counter() - start)
    sys.exit(0 if well else 1)


def _chosen(names: tuple[str, ...]) -> list[Mutant]:
    known = {mutant.name: mutant for mutant in CATALOGUE}
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
        what = finding.mutant or f"no mutant, {finding.by}"
        fate = finding.fate.value if finding.mutant else "passed" if is_well(finding) else finding.fate.value
        mark = "+" if is_well(finding) else "!"
        by = f" {finding.invariant or 'tests'}: {finding.message}" if finding.message else ""
        click.echo(f"{mark} {self._done:>3}/{self._total} {what:<40}{fate}{by}"[:180], err=True)


def _summary(findings: list[Finding], mutants: list[Mutant], seconds: float) -> None:
    good = {finding.mutant for finding in findings if finding.mutant and finding.fate.good}
    for what, group in (
        ("by an invariant of the simulator", [one for one in mutants if one.plan]),
        ("by a test", [one for one in mutants if one.test]),
    ):
        if group:
            click.echo(f"{sum(one.name in good for one in group)} of {len(group)} found {what}")
    for fate, count in Counter(finding.fate for finding in findings if finding.mutant).items():
        if not fate.good:
            click.echo(f"{count} {fate.value}")
    for finding in findings:
        if not is_well(finding):
            whose = finding.mutant or "the code as it is"
            click.echo(f"  ! {whose}, {finding.by}: {finding.fate.value} {finding.message}")
    spent: defaultdict[str, float] = defaultdict(float)
    for finding in findings:
        if finding.cpu_s:
            spent[finding.by] += finding.cpu_s
    click.echo("processor seconds: " + ", ".join(f"{plan} {cpu:.1f}" for plan, cpu in sorted(spent.items())))
    click.echo(f"{len(findings)} runs in {seconds:.0f} s")


if __name__ == "__main__":
    main()
