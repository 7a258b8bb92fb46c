"""How late a daemon's own timers are: alone, beside a download through it, beside many small requests.

`python -m benchmarks.timers [ROUNDS]` starts an owner and a visitor in which one more task sleeps for 5 to 25 ms, again
and again, and notes by how much it woke late; the exit code is 1 if the bound is missed. An actor's timers are
deadlines of the same loop.
"""

import json
import os
import signal
import statistics
import sys
import tempfile
import time
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import trio

from beam_actors.cli import main as beam
from beam_actors.cli import start
from beam_actors.node import run_node
from beam_actors.testing.daemons import LOOPBACK, Daemon, daemons, eventually
from benchmarks.fairness import endless
from benchmarks.pair import Pair
from benchmarks.report import keep, quantile
from benchmarks.target import serving

BOUND = 0.010
SECONDS = 10
SITUATIONS = ("alone", "beside a download", "beside 32 busy connections")
_REPORT = "BEAM_BENCH_LATENESS"


async def observe(report: Path) -> None:
    """Sleep and note, and write all notes of before at each SIGUSR1."""
    late: list[float] = []
    with trio.open_signal_receiver(signal.SIGUSR1) as signals:

        async def write() -> None:
            async for _ in signals:
                report.with_suffix(".new").write_text(json.dumps(late))
                report.with_suffix(".new").rename(report)
                late.clear()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(write)
            while True:
                for milliseconds in range(5, 26):
                    due = trio.current_time() + milliseconds / 1000
                    await trio.sleep_until(due)
                    late.append(trio.current_time() - due)


async def run_observed(*arguments: Any, **options: Any) -> None:
    """A node, and who looks at its loop."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(observe, Path(os.environ[_REPORT]))
        await run_node(*arguments, **options)
        nursery.cancel_scope.cancel()


class Observed(Daemon):
    """A daemon that runs in this module's process, `run_observed` in the place of `run_node`."""

    module = "benchmarks.timers"

    @property
    def report(self) -> Path:
        """Where it writes to."""
        return self.home.parent / f"{self.name}.late"

    def start(self, **options: Any) -> dict[str, Any]:
        """See `Daemon`."""
        os.environ[_REPORT] = str(self.report)
        return super().start(**options)

    def lateness(self) -> list[float]:
        """Seconds by which timers were late since the last time that this was asked."""
        self.report.unlink(missing_ok=True)
        self.send_signal(signal.SIGUSR1)
        eventually(self.report.exists, timeout=10, what="the daemon wrote down how late its timers were")
        late: list[float] = json.loads(self.report.read_text())
        return late


def busy(port: int, target: int) -> AbstractContextManager[None]:
    """Small requests over 32 connections, by a process of its own."""
    return endless("requests", port, target, 32)


def main(rounds: int = 3) -> int:
    """Measure, print, keep; the exit code says whether p99 is within the bound in each situation."""
    results: dict[str, dict[str, list[float]]] = {situation: {} for situation in SITUATIONS}
    with tempfile.TemporaryDirectory(prefix="beam-bench-") as folder, serving() as target:
        pair = [Observed(Path(folder) / name, *LOOPBACK) for name in ("owner", "visitor")]
        owner, visitor = pair
        with daemons(*pair):
            for daemon in pair:
                daemon.start()
            visitor.beam("connect", owner.beam("id")["addresses"][0])
            port = Pair(owner, visitor).offer_raw(target)
            for _ in range(rounds):
                for situation in SITUATIONS:
                    beside = {SITUATIONS[1]: partial(endless, "bulk down"), SITUATIONS[2]: busy}.get(situation)
                    with beside(port, target) if beside else nullcontext():
                        for daemon in pair:
                            daemon.lateness()
                        time.sleep(SECONDS)
                        for daemon in pair:
                            results[situation].setdefault(daemon.name, []).append(quantile(daemon.lateness(), 0.99))
    missed = 0
    for situation, series in results.items():
        for name, values in series.items():
            p99 = statistics.median(values)
            missed += p99 > BOUND
            verdict = "ok  " if p99 <= BOUND else "MISS"
            print(f"{verdict} {name} {situation}: timers late at p99 by {p99 * 1e3:.2f} ms (bound {BOUND * 1e3:g})")
    print(f"raw: {keep('timers', {'rounds': results})}")
    return 1 if missed else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["start"]:
        start.run_node = run_observed  # type: ignore[attr-defined]  # the daemon as it is, and one task more
        sys.exit(beam())
    sys.exit(main(*map(int, sys.argv[1:])))
