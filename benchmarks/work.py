"""What work costs at the public difficulty: checking a claim, and registering a name on one core.

`python -m benchmarks.work [NAMES]` registers names (100) by the command line at daemons that may use one core each, one
at a time, and then checks the work that they found. It prints each figure beside its bound and exits with 1 if one is
missed. It takes some four minutes.
"""

import os
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from beam_actors.naming.work import PUBLIC, Search, level_of, salt_of, zero_bits
from beam_actors.testing.daemons import SERVERS, Daemon, daemons
from beam_actors.values import Name, OwnerId
from benchmarks.first_use import timed
from benchmarks.report import keep, quantile, summary

NAMES = 100
NAMES_EACH = 15
"""An owner may hold sixteen."""
CHECKED = 20
REGISTER_BOUND, CHECK_BOUND = 5.0, 10.0
PUBLIC_LOOPBACK = ("--listen", "/ip4/127.0.0.1/tcp/0", *SERVERS)


def registered(daemon: Daemon, count: int) -> tuple[list[float], list[float], list[float]]:
    """Seconds that each of so many names takes from the command's start to its end, of work, and of the processor.

    The last, of the daemon alone, says what an idle machine would take when this one isn't.
    """
    whole, work, busy = [], [], []
    for number in range(count):
        start, before = time.perf_counter(), daemon.processor()
        work.append(daemon.beam("register", f"bench-{number}", timeout=120)["work_s"])
        whole.append(time.perf_counter() - start)
        busy.append(daemon.processor() - before)
    return whole, work, busy


def one_core(daemon: Daemon) -> None:
    """Let the daemon, with all its threads, use one core."""
    assert daemon.process is not None
    for thread in Path(f"/proc/{daemon.process.pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {min(os.sched_getaffinity(0))})


def solved(number: int) -> tuple[bytes, bytes]:
    """A salt and the work for it."""
    salt = salt_of("beam", Name(f"check-{number}"), OwnerId(bytes([number]) * 32))
    search = Search.begin(salt, PUBLIC)
    while not search.done:
        search = search.step(1 << 10)
    return salt, search.found


def main() -> int:
    """Measure, print, keep; the exit code says whether all bounds held."""
    names = int(sys.argv[1]) if len(sys.argv) > 1 else NAMES
    raw: dict[str, list[float]] = {
        "register, s": [],
        "work, s": [],
        "processor, s": [],
        "check, processor ms": [],
        "check, ms": [],
    }
    pairs = [solved(number) for number in range(CHECKED)]
    for salt, work in pairs * 10:
        before = time.thread_time()
        raw["check, ms"].append(1e3 * timed(partial(level_of, salt, work, PUBLIC)))
        raw["check, processor ms"].append(1e3 * (time.thread_time() - before))
    raw["one evaluation, ms"] = [
        1e3 * timed(partial(zero_bits, 0, number.to_bytes(8, "big"), pairs[0][0], PUBLIC.memory_kib))
        for number in range(200)
    ]
    with tempfile.TemporaryDirectory(prefix="beam-bench-") as folder:
        while len(raw["register, s"]) < names:
            daemon = Daemon(Path(folder) / f"owner{len(raw['register, s'])}", *PUBLIC_LOOPBACK)
            with daemons(daemon):
                daemon.start()
                one_core(daemon)
                whole, work, busy = registered(daemon, min(NAMES_EACH, names - len(raw["register, s"])))
                raw["register, s"] += whole
                raw["work, s"] += work
                raw["processor, s"] += busy
    rows = (
        ("register, p99, with the CLI's start", quantile(raw["register, s"], 0.99), REGISTER_BOUND, "s"),
        (
            "checking a claim's work, p99 of the processor",
            quantile(raw["check, processor ms"], 0.99),
            CHECK_BOUND,
            "ms",
        ),
    )
    for what, value, bound, unit in rows:
        print(f"{'ok  ' if value < bound else 'MISS'} {what}: {value:.3f} {unit} (bound {bound:g})")
    for what, values in raw.items():
        print(f"     {what}: mean {statistics.mean(values):.3g}, {summary(values, '')}")
    print(f"raw: {keep('work', {'raw': raw})}")
    return 0 if all(value < bound for _, value, bound, _ in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
