"""Figures of contestants that alternated, as ratios to OpenSSH: medians and quartiles, a table, and a gate (pure).

A ratio is taken within a round and never between rounds: what else the machine does changes meanwhile. Contestants may
have missed rounds. The gate knows ratios alone, so it means the same on a slow machine.
"""

import statistics
from collections.abc import Mapping, Sequence

import attrs

from benchmarks.measures import MEASURES, Measure
from benchmarks.report import quartiles

Rounds = Mapping[str, Mapping[str, Sequence[float | None]]]
"""By a measure's name and a contestant's: the figure of each round, None where it took no part or failed."""
Bounds = Mapping[str, Mapping[str, float]]
"""By a contestant's name and a measure's: the worst median of the ratio that passes."""
REFERENCE = "ssh"
BARE = "none"
FLOOR = 0.75


@attrs.frozen(slots=True)
class Ratio:
    """A contestant's figures to OpenSSH's in the same rounds."""

    lower: float
    median: float
    upper: float
    rounds: int

    def worse(self, measure: Measure) -> float:
        """The quartile on the bad side of the median."""
        return self.upper if measure.less_is_better else self.lower


def ratio(series: Mapping[str, Sequence[float | None]], contestant: str) -> Ratio | None:
    """The contestant's ratio over the rounds in which both took part; None if there are none."""
    pairs = zip(series.get(contestant, ()), series.get(REFERENCE, ()), strict=False)
    found = [ours / theirs for ours, theirs in pairs if ours is not None and theirs]
    if not found:
        return None
    return Ratio(*quartiles(found), len(found))


def median(series: Mapping[str, Sequence[float | None]], contestant: str) -> float | None:
    """The contestant's own median; None if it took no part."""
    found = [value for value in series.get(contestant, ()) if value is not None]
    return statistics.median(found) if found else None


def contestants(rounds: Rounds) -> list[str]:
    """Who took part, in the order of the measure in which most did."""
    return max(map(list, rounds.values()), key=len, default=[])


def missed(rounds: Rounds, bounds: Bounds) -> list[str]:
    """Every kept bound that is not reached, or that nothing was measured for, and every measure of ours without one."""
    named = {measure.name: measure for measure in MEASURES}
    found = []
    for contestant, kept in bounds.items():
        for name, bound in kept.items():
            if name not in named:
                found.append(f"{contestant}: a bound is kept for {name!r}, which is no measure")
                continue
            measured = ratio(rounds.get(name, {}), contestant)
            if measured is None:
                found.append(f"{contestant}, {name}: not measured beside {REFERENCE}")
            elif not named[name].reached(measured.median, bound):
                side = "at most" if named[name].less_is_better else "at least"
                found.append(f"{contestant}, {name}: {measured.median:.2f} of {REFERENCE}'s, {side} {bound:g} is kept")
        found += [
            f"{contestant}, {name}: no bound is kept"
            for name, series in rounds.items()
            if contestant in series and name not in kept
        ]
    return found


def floors(rounds: Rounds, ours: Sequence[str], measured: str) -> str:
    """What `missed` should be given from now on, as TOML: `FLOOR` of the medians; `measured` says when and on what."""
    lines = [
        "# The worst median ratio to OpenSSH that `python -m benchmarks.tunnel --check` lets pass: three quarters of",
        "# what was measured (which stands behind it), for latencies four thirds. `--floors` writes this file.",
        "#",
        f"# {measured}",
    ]
    for contestant in ours:
        lines += ["", f'["{contestant}"]']
        for measure in MEASURES:
            found = ratio(rounds.get(measure.name, {}), contestant)
            if found is not None:
                bound = found.median / FLOOR if measure.less_is_better else found.median * FLOOR
                lines.append(f'"{measure.name}" = {bound:.3g}  # {found.median:.3g}')
    return "\n".join(lines) + "\n"


def headroom(rounds: Rounds) -> tuple[float, str] | None:
    """How many times more the generator does without a tunnel than through the fastest, and where that is least."""
    found = []
    for measure in MEASURES:
        series = rounds.get(measure.name, {})
        bare = median(series, BARE)
        through = [value for name in series if name != BARE and (value := median(series, name))]
        if bare and through and not measure.less_is_better:
            found.append((bare / max(through), measure.name))
    return min(found) if found else None


def table(rounds: Rounds, ours: str = "beam") -> str:
    """A table in Markdown: our ratio first, then those of the others, then OpenSSH's and the bare figures."""
    others = [name for name in contestants(rounds) if name not in {ours, REFERENCE, BARE}]
    head = ["", f"{ours} to {REFERENCE}: median (worse quartile)", "should", *others, REFERENCE, "no tunnel"]
    lines = [_row(head), "|" + "---|" * len(head)]
    for measure in MEASURES:
        series = rounds.get(measure.name)
        if series is None:
            continue
        mine = ratio(series, ours)
        lines.append(
            _row(
                [
                    f"{measure.name}, {measure.unit}",
                    "" if mine is None else f"{_digits(mine.median)} ({_digits(mine.worse(measure))})",
                    "" if measure.goal is None else f"{'≤' if measure.less_is_better else '≥'} {measure.goal:g}",
                    *("" if (one := ratio(series, name)) is None else _digits(one.median) for name in others),
                    *("" if (own := median(series, name)) is None else f"{own:,.0f}" for name in (REFERENCE, BARE)),
                ]
            )
        )
    return "\n".join(lines)


def goals(rounds: Rounds, ours: str = "beam") -> list[str]:
    """Where the worse quartile stands against what the project wants, a line each."""
    found = []
    for measure in MEASURES:
        mine = ratio(rounds.get(measure.name, {}), ours)
        if mine is not None and measure.goal is not None:
            worse = mine.worse(measure)
            verdict = "reached" if measure.reached(worse, measure.goal) else "short"
            found.append(f"{verdict:7} {measure.name}: worse quartile {worse:.2f}, wanted {measure.goal:g}")
    return found


def _digits(value: float) -> str:
    return f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
