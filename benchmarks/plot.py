"""A plot of the ratios to OpenSSH, where matplotlib is installed (the extra `sim`); where it is not, that is said."""

from pathlib import Path

from benchmarks.measures import MEASURES
from benchmarks.ratios import BARE, REFERENCE, Rounds, contestants, ratio


def draw(rounds: Rounds, title: str, path: Path) -> str:
    """Draw each contestant's median ratio per measure with its quartiles on a logarithmic axis; say what was done."""
    try:
        import matplotlib as mpl  # noqa: PLC0415 (an optional extra)
    except ImportError:
        return "no plot, since matplotlib is not installed (.venv/bin/pip install -e '.[sim]')"
    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 (after the backend is chosen)

    shown = [measure for measure in MEASURES if measure.name in rounds]
    drawn = [name for name in contestants(rounds) if name not in {REFERENCE, BARE}]
    figure, axes = plt.subplots(figsize=(10, 1.5 + 0.5 * len(shown)), layout="constrained")
    for index, contestant in enumerate(drawn):
        places, middles, below, above = [], [], [], []
        for row, measure in enumerate(shown):
            found = ratio(rounds[measure.name], contestant)
            if found is not None:
                places.append(row + (index - (len(drawn) - 1) / 2) * 0.7 / len(drawn))
                middles.append(found.median)
                below.append(found.median - found.lower)
                above.append(found.upper - found.median)
        axes.errorbar(middles, places, xerr=(below, above), fmt="o", markersize=4, capsize=2, label=contestant)
    for row, measure in enumerate(shown):
        if measure.goal is not None:
            axes.plot([measure.goal] * 2, [row - 0.4, row + 0.4], color="grey", linestyle=":")
    axes.axvline(1.0, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_yticks(range(len(shown)))
    axes.set_yticklabels(
        [f"{measure.name} ({'less' if measure.less_is_better else 'more'} is better)" for measure in shown]
    )
    axes.invert_yaxis()
    axes.grid(axis="x", which="both", alpha=0.2)
    axes.set_xlabel(
        f"ratio to {REFERENCE} in the same round: median, and quartiles as whiskers; dotted: what is wanted"
    )
    axes.set_title(title)
    axes.legend()
    figure.savefig(path, dpi=100)
    plt.close(figure)
    return f"plot: {path}"
