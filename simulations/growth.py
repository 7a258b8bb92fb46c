"""How the cost of a simulation grows with the number of machines: one run for each size, each in a process of its own.

Invariant: a row holds what its own process measured (memory above all), and a row that failed says so instead. Rows go
into a file as they come, so that a size that the machine can't hold costs nothing of the others.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from beam_actors.testing.security import Profile


@attrs.frozen(slots=True, kw_only=True)
class Row:
    """One size."""

    size: int
    profile: Profile
    passed: bool
    wall_s: float
    cpu_s: float
    virtual_s: float
    events: int
    actors: int
    peak_rss_mb: float

    @property
    def events_per_s(self) -> float:
        """Lines of the trace in a second of the wall."""
        return self.events / self.wall_s

    @property
    def simulated_s_per_s(self) -> float:
        """Virtual seconds in a second of the wall."""
        return self.virtual_s / self.wall_s


HEAD = "machines  profile     wall s    CPU s  simulated s/s  events/s       MB  KB/machine   actors"


def text(row: Row) -> str:
    """A line below `HEAD`."""
    return (
        f"{row.size:>8}  {row.profile:<7}{row.wall_s:>11.1f}{row.cpu_s:>9.1f}{row.simulated_s_per_s:>15.2f}"
        f"{row.events_per_s:>10.0f}{row.peak_rss_mb:>9.0f}{row.peak_rss_mb * 1024 / row.size:>12.0f}{row.actors:>9}"
        f"{'' if row.passed else '   VIOLATED'}"
    )


def measure(sizes: dict[int, Profile], *, seed: int, out: Path) -> Iterator[Row | str]:
    """Run `steady` for each size with its profile; a row, or a sentence on what became of it."""
    out.mkdir(parents=True, exist_ok=True)
    for size, profile in sizes.items():
        command = [
            sys.executable, "-m", "simulations", "run", "steady", "--no-keep", "--json",
            "--seed", str(seed), "--size", str(size), "--profile", profile,
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        try:
            row = _read(json.loads(done.stdout))
        except (json.JSONDecodeError, KeyError):
            last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
            yield f"{size} machines, {profile}: no report: {last[0]}"
            continue
        with (out / "growth.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(attrs.asdict(row)) + "\n")
        yield row


def _read(data: dict[str, Any]) -> Row:
    fields = {field.name for field in attrs.fields(Row)} - {"size", "profile", "actors"}
    plan = data["plan"]
    return Row(
        size=len(plan["machines"]),
        profile=Profile(plan.get("profile", Profile.FULL)),
        actors=sum(data["actors"].values()),
        **{name: data[name] for name in fields},
    )
