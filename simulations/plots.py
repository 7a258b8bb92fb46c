"""Plots of a report, where matplotlib is installed (the extra `sim`); where it is not, that is said."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from simulations.growth import Row
from simulations.report import Report
from simulations.rounds import Row as Searches

_WITHOUT = "no plots, since matplotlib is not installed (.venv/bin/pip install -e '.[sim]')"


def draw(report: Report, out: Path) -> str:
    """Draw what there is to draw into the folder; a sentence on what was done."""
    plt = _pyplot()
    if plt is None:
        return _WITHOUT
    figure, axes = plt.subplots(1, 3, figsize=(15, 4), layout="constrained")
    _convergence(axes[0], report)
    _bars(axes[1], "operations", report.counts.get("operations", {}))
    _bars(axes[2], "wall seconds by phase", report.phases_s)
    figure.suptitle(f"{report.plan.scenario}, seed {report.plan.seed}, {report.plan.size} machines")
    figure.savefig(out / "report.png", dpi=110)
    plt.close(figure)
    return "report.png"


def draw_growth(rows: Sequence[Row], out: Path) -> str:
    """Draw how cost grows with the number of machines, a line for each profile; a sentence on what was done."""
    plt = _pyplot()
    if plt is None:
        return _WITHOUT
    figure, axes = plt.subplots(1, 4, figsize=(18, 4), layout="constrained")
    what: dict[str, Callable[[Row], float]] = {
        "wall seconds": lambda row: row.wall_s,
        "MB": lambda row: row.peak_rss_mb,
        "events a second": lambda row: row.events_per_s,
        "simulated seconds a second": lambda row: row.simulated_s_per_s,
    }
    for axis, (title, value) in zip(axes, what.items(), strict=True):
        for profile in sorted({row.profile for row in rows}):
            mine = sorted((row for row in rows if row.profile == profile), key=lambda row: row.size)
            axis.loglog([row.size for row in mine], [value(row) for row in mine], marker="o", label=profile)
        if title == "events a second":  # about the same at all sizes: on a logarithmic scale noise would fill the plot
            axis.set_yscale("linear")
            axis.set_ylim(bottom=0)
        axis.set_title(title)
        axis.set_xlabel("machines")
        axis.legend()
    figure.savefig(out / "growth.png", dpi=80)
    plt.close(figure)
    return "growth.png"


def draw_rounds(rows: Sequence[Searches], out: Path) -> str:
    """Draw rounds, time and success by the number of nodes, a line for each attack and number of paths."""
    plt = _pyplot()
    if plt is None:
        return _WITHOUT
    figure, axes = plt.subplots(1, 3, figsize=(16, 4.5), layout="constrained")
    what: dict[str, Callable[[Searches], float | None]] = {
        "rounds of a search, mean": lambda row: row.rounds,
        "seconds to the first valid value, median": lambda row: row.first_p50_s,
        "searches that found a value, %": lambda row: 100 * row.success,
    }
    for axis, (title, value) in zip(axes, what.items(), strict=True):
        for attack, paths in dict.fromkeys((row.attack, row.paths) for row in rows):
            mine = sorted((row for row in rows if (row.attack, row.paths) == (attack, paths)), key=lambda row: row.size)
            label = f"hostile: {attack}; {paths} path{'' if paths == 1 else 's'}"
            style = "--" if paths == 1 else "-"
            axis.plot([row.size for row in mine], [value(row) for row in mine], style, marker="o", label=label)
        axis.set_xscale("log")  # so that what grows as the logarithm is a straight line
        axis.set_ylim(bottom=0)
        axis.set_title(title)
        axis.set_xlabel("nodes")
    axes[0].legend(fontsize="small")
    figure.savefig(out / "rounds.png", dpi=80)
    plt.close(figure)
    return "rounds.png"


def _pyplot() -> Any:
    """The plotting module, or None where it is not installed."""
    try:
        import matplotlib as mpl  # noqa: PLC0415 (an optional extra)
    except ImportError:
        return None
    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 (after the backend is chosen)

    return plt


def _convergence(axes: object, report: Report) -> None:
    every = report.convergence_s
    axes.set_title("registries equal after the heal")  # type: ignore[attr-defined]
    axes.set_xlabel("virtual seconds")  # type: ignore[attr-defined]
    axes.set_ylabel("part of the machines")  # type: ignore[attr-defined]
    if every:
        axes.step(every, [(index + 1) / len(every) for index in range(len(every))], where="post")  # type: ignore[attr-defined]


def _bars(axes: object, title: str, values: dict[str, float] | dict[str, int]) -> None:
    axes.set_title(title)  # type: ignore[attr-defined]
    axes.barh(list(values)[::-1], list(values.values())[::-1])  # type: ignore[attr-defined]
