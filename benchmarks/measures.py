"""What is measured of a tunnel: the tasks of the load generator, and the figures that are taken from each (pure)."""

import attrs


@attrs.frozen(slots=True)
class Task:
    """One load: a role of benchmarks/load.py and how many connections it keeps busy."""

    role: str
    connections: int


@attrs.frozen(slots=True)
class Measure:
    """One figure of a task."""

    name: str
    task: Task
    key: str
    """The figure's key in what the load says."""
    unit: str
    goal: float | None = None
    """The ratio to OpenSSH that its worse quartile should reach."""
    less_is_better: bool = False

    def reached(self, ratio: float, bound: float) -> bool:
        """Whether a ratio to OpenSSH is at least as good as the bound."""
        return ratio <= bound if self.less_is_better else ratio >= bound


def _bulk(direction: str, streams: int) -> Measure:
    name = f"bulk {direction}, {streams} stream{'s' if streams > 1 else ''}"
    return Measure(name, Task(f"bulk {direction}", streams), "mb_per_s", "MB/s", 1.3)


def _requests(connections: int, rate: float | None = None, latency: float | None = None) -> list[Measure]:
    task, of = Task("requests", connections), f"{connections} connection{'s' if connections > 1 else ''}"
    return [
        Measure(f"requests, {of}", task, "per_s", "/s", rate),
        Measure(f"p50 of a request, {of}", task, "p50_us", "µs", latency, less_is_better=True),
        Measure(f"p99 of a request, {of}", task, "p99_us", "µs", less_is_better=True),
    ]


MEASURES: list[Measure] = [
    *(_bulk(direction, streams) for direction in ("down", "up") for streams in (1, 8)),
    *_requests(1, latency=1.1),
    *_requests(32, rate=1.0),
    *_requests(256),
    Measure("new connections, one at a time", Task("connects", 1), "per_s", "/s", 1.5),
    Measure("new connections, 32 at a time", Task("connects", 32), "per_s", "/s", 1.5),
]
TASKS: list[Task] = list(dict.fromkeys(measure.task for measure in MEASURES))
