"""Plots of a report, where matplotlib is installed (the extra `sim`); where it is not, that is said."""

from pathlib import Path

from simulations.report import Report


def draw(report: Report, out: Path) -> str:
    """Draw what there is to draw into the folder; a sentence on what was done."""
    try:
        import matplotlib as mpl  # noqa: PLC0415 (an optional extra)
    except ImportError:
        return "no plots, since matplotlib is not installed (pip install 'beam-actors[sim]')"
    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 (after the backend is chosen)

    figure, axes = plt.subplots(1, 3, figsize=(15, 4), layout="constrained")
    _convergence(axes[0], report)
    _bars(axes[1], "operations", report.counts.get("operations", {}))
    _bars(axes[2], "wall seconds by phase", report.phases_s)
    figure.suptitle(f"{report.plan.scenario}, seed {report.plan.seed}, {report.plan.size} machines")
    figure.savefig(out / "report.png", dpi=110)
    plt.close(figure)
    return "report.png"


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
