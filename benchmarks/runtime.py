"""The runtime's costs as ratios: to trio's own channels and tasks, and to pykka's `ThreadingActor`.

`python -m benchmarks.runtime` runs the contestants in turn, round after round in one process, and prints the medians
and quartiles of the ratios within a round. Memory is measured in processes of its own. `--check` exits with 1 if in
each of three runs something is above its bound by more than the slack; `--json` prints everything for a program.
"""

import argparse
import gc
import json
import platform
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import attrs

from benchmarks import our_runtime as us
from benchmarks import rivals as them
from benchmarks.memory import held
from benchmarks.report import keep, machine, quartiles

RUNS = 3
"""How often `--check` tries: another program may take the machine for the length of a run."""
SLACK = 1.2
"""How far above its bound a median may be for `--check`: it looks for regressions, on machines that do other things."""
MEMORY_BOUND = 6e3
"""Bytes an actor: 100,000 within 600 MB."""

Contestant = Callable[[int], float]


@attrs.frozen(slots=True)
class Row:
    """What is compared: ours to each of the others, with how often each does it in a round."""

    what: str
    count: int
    ours: Contestant
    theirs: dict[str, tuple[Contestant, float | None]]
    """The others by name, each with the greatest ratio of ours to theirs that is good enough (None: told only)."""


ROWS = (
    Row("tell", 20, us.beam_tell, {"send_nowait": (them.trio_send, 0.3), "pykka": (them.pykka_tell, 1.0)}),
    Row("tell, async handler", 20, us.beam_tell_async, {"send_nowait": (them.trio_send, 0.4)}),
    Row(
        "ask",
        3000,
        us.beam_ask,
        {
            "two channels": (them.trio_request_awaited, 1.0),
            "two channels, send_nowait": (them.trio_request, 1.0),
            "pykka": (them.pykka_ask, 1.0),
        },
    ),
    Row(
        "ask by an actor",
        3000,
        us.beam_ask_between_actors,
        {"two channels": (them.trio_request_awaited, 1.0), "two channels, send_nowait": (them.trio_request, 1.0)},
    ),
    Row("ask with a time-out", 3000, us.beam_ask_in_time, {"two channels": (them.trio_request_awaited, None)}),
    Row(
        "start",
        50_000,
        us.beam_start,
        {
            "task": (them.trio_start, 5.0),
            "nursery.start": (them.trio_start_acknowledged, None),
            "pykka": (them.pykka_start, 1.0),
        },
    ),
    Row("crash and restart", 1000, us.beam_restart, {"start": (us.beam_start, None)}),
)


def measure(rounds: int) -> dict[str, Any]:
    """All rows, their contestants in turn; microseconds of CPU and ratios, with the bound of each."""
    times: dict[tuple[str, str], list[float]] = {}
    for _ in range(rounds):
        for row in ROWS:
            for name, run in {"ours": row.ours, **{other: pair[0] for other, pair in row.theirs.items()}}.items():
                gc.collect()
                times.setdefault((row.what, name), []).append(run(row.count) * 1e6)
    rows = []
    for row in ROWS:
        ours = times[row.what, "ours"]
        rows.append({"what": row.what, "us": quartiles(ours), "ratios": []})
        for other, (_, bound) in row.theirs.items():
            theirs = times[row.what, other]
            ratios = [one / two for one, two in zip(ours, theirs, strict=True)]
            rows[-1]["ratios"].append(
                {"to": other, "us": quartiles(theirs), "ratio": quartiles(ratios), "bound": bound, "raw": ratios}
            )
    return {"rows": rows}


def measure_memory(count: int) -> dict[str, float]:
    """Bytes for one idle actor, one of a tree like a node's, and one bare task."""
    return {
        "actors": held("actors", count),
        "trees": held("trees", count // 100),
        "tasks": held("tasks", count),
    }


def missed(results: dict[str, Any], slack: float) -> list[str]:
    """What is above its bound by more than the slack."""
    found = [
        f"{row['what']} to {ratio['to']}: {ratio['ratio'][1]:.2f}, bound {ratio['bound']:g}"
        for row in results["rows"]
        for ratio in row["ratios"]
        if ratio["bound"] is not None and ratio["ratio"][1] > ratio["bound"] * slack
    ]
    if results["memory"]["actors"] > MEMORY_BOUND * slack:
        found.append(f"an actor holds {results['memory']['actors']:.0f} B, bound {MEMORY_BOUND:.0f}")
    return found


def describe(results: dict[str, Any]) -> str:
    """A table for people: medians, quartiles in brackets."""
    versions = ", ".join(f"{name} {number}" for name, number in results["versions"].items())
    lines = [
        f"{results['machine']['cpu']}, {results['machine']['cores']} cores, {versions}; {results['rounds']} rounds"
    ]
    for row in results["rows"]:
        lines.append(f"{row['what']}: {row['us'][1]:.2f} us ({row['us'][0]:.2f} to {row['us'][2]:.2f})")
        for ratio in row["ratios"]:
            low, middle, high = ratio["ratio"]
            bound = f", bound {ratio['bound']:g}" if ratio["bound"] is not None else ""
            lines.append(f"    {middle:.2f} of {ratio['to']} ({low:.2f} to {high:.2f}{bound}), {ratio['us'][1]:.2f} us")
    memory = results["memory"]
    lines.append(
        f"memory: {memory['actors']:.0f} B an idle actor of {results['held']} (bound {MEMORY_BOUND:.0f}), "
        f"{memory['trees']:.0f} B an actor of trees like a node's, {memory['tasks']:.0f} B a bare task"
    )
    return "\n".join(lines)


def main() -> int:
    """Measure and print; with `--check` the exit code says whether the bounds hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--actors", type=int, default=100_000, help="how many idle actors are weighed")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true")
    chosen = parser.parse_args()
    for run in range(1, RUNS + 1):
        results = {
            "machine": machine(),
            "versions": {"Python": platform.python_version(), "trio": version("trio"), "pykka": version("pykka")},
            "rounds": chosen.rounds,
            "held": chosen.actors,
            **measure(chosen.rounds),
            "memory": measure_memory(chosen.actors),
        }
        print(json.dumps(results) if chosen.json else describe(results))
        for what in missed(results, 1.0):
            print(f"MISS {what}", file=sys.stderr)
        wrong = missed(results, SLACK)
        if not chosen.check or not wrong:
            break
        print(f"run {run} of at most {RUNS}: {'; '.join(wrong)}", file=sys.stderr)
    print(f"raw: {keep('runtime', results)}", file=sys.stderr)
    return 1 if chosen.check and wrong else 0


if __name__ == "__main__":
    sys.exit(main())
