"""What a run leaves: a value that goes into a file as JSON, and a summary for people.

Invariant: everything in it but times of the wall, memory and the interpreter's name is a function of the plan and the
code; `same` compares that part.
"""

import json
from typing import Any

import attrs

from simulations.invariants import Outcome, Verdict, Violation
from simulations.plan import Plan, as_json

FORMAT = 1
_SAME = (
    "plan", "passed", "violations", "verdicts", "counts", "figures", "convergence_s", "tree", "actors", "trace",
    "events", "looks", "bytes_moved", "virtual_s",
)  # fmt: skip


@attrs.frozen(slots=True, kw_only=True)
class Report:
    """One run."""

    plan: Plan
    passed: bool
    violations: list[Violation]
    verdicts: list[Verdict]
    counts: dict[str, dict[str, int]]
    """Operations and faults by kind and outcome."""
    figures: dict[str, float]
    """The scenario's own."""
    convergence_s: list[float]
    """For each machine, sorted: virtual seconds from the heal to the last change of its registry."""
    tree: list[str]
    """The actors of one node, at the end."""
    actors: dict[str, int]
    """Of all nodes at the end, by class."""
    trace: str
    """SHA-256 of all that happened."""
    events: int
    """Lines of the trace: actors that started and ended, batches of readiness, operations, faults."""
    looks: int
    """How often an invariant's eye was on a node."""
    bytes_moved: int
    virtual_s: float
    wall_s: float
    cpu_s: float
    """CPU seconds of this process: what the wall would say on a machine that does nothing else."""
    phases_s: dict[str, float]
    """Wall seconds of each phase."""
    peak_rss_mb: float
    """Of this process so far."""
    python: str
    tail: list[str]
    """The last lines of the trace before a violation."""

    @property
    def first(self) -> Violation | None:
        """What ended the run."""
        return self.violations[0] if self.violations else None

    def as_json(self, command: str) -> dict[str, Any]:
        """JSON values; `command` runs exactly this again."""
        data = attrs.asdict(self, filter=lambda field, _value: field.name != "plan", value_serializer=_plain)
        return {
            "format": FORMAT,
            "command": command,
            **data,
            "events_per_s": round(self.events / self.wall_s),
            "simulated_s_per_s": round(self.virtual_s / self.wall_s, 2),
            "plan": as_json(self.plan),
        }

    def dumps(self, command: str) -> str:
        """JSON text; see `as_json`."""
        return json.dumps(self.as_json(command), indent=1) + "\n"

    def same(self, other: "Report") -> bool:
        """Whether both tell of the same run."""
        return all(getattr(self, name) == getattr(other, name) for name in _SAME)


def _plain(_instance: object, _field: object, value: Any) -> Any:
    return value.value if isinstance(value, Outcome) else value


def summary(report: Report) -> str:
    """Some lines for a terminal."""
    plan = report.plan
    outcome = "all held" if report.passed else "VIOLATED"
    lines = [
        f"{plan.scenario}, seed {plan.seed}, {plan.size} machines, {plan.profile} profile: {outcome}",
        (
            f"  {report.virtual_s:.0f} virtual s in {report.wall_s:.1f} s (CPU: {report.cpu_s:.1f} s), {report.events} "
            f"events, {report.peak_rss_mb:.0f} MB: {report.virtual_s / report.wall_s:.1f} virtual s and "
            f"{report.events / report.wall_s:.0f} events a second"
        ),
        f"  trace {report.trace[:16]}, {len(report.tree)} actors in m0's tree, {sum(report.actors.values())} in all",
    ]
    for what, counter in report.counts.items():
        if counter:
            lines.append(f"  {what}: " + ", ".join(f"{word} {count}" for word, count in counter.items()))
    if report.convergence_s:
        every = report.convergence_s
        lines.append(
            f"  registries equal after p50 {every[len(every) // 2]:.0f} s, p95 {every[int(len(every) * 0.95)]:.0f} s, "
            f"last {every[-1]:.0f} s"
        )
    if report.figures:
        lines.append("  " + ", ".join(f"{name} {value:g}" for name, value in report.figures.items()))
    lines.extend(_verdict_lines(report))
    if report.violations:
        lines.extend(["", *(f"  {violation}" for violation in report.violations), "", "  the last of the trace:"])
        lines.extend(f"    {line}" for line in report.tail[-15:])
    return "\n".join(lines)


def _verdict_lines(report: Report) -> list[str]:
    lines = []
    for verdict in report.verdicts:
        if verdict.outcome is Outcome.NOT_EVALUATED:
            lines.append(f"  - {verdict.id:<4}{verdict.title}: not evaluated, {verdict.why}")
            continue
        sign = "+" if verdict.outcome is Outcome.HELD else "!"
        figures = "".join(f"; {name} {value:g}" for name, value in verdict.figures.items() if value)
        lines.append(f"  {sign} {verdict.id:<4}{verdict.title} ({verdict.checks} checks{figures})")
    return lines
