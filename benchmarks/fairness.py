"""Small requests beside bulk, and beside readers that stalled: what the one costs the other.

`python -m benchmarks.fairness [ROUNDS]` prints, for the daemons and for `ssh -L`, the p99 of a request with nothing
beside it, beside one bulk stream down or up, and beside stalled readers, alternating; how fast a download and an upload
are beside such requests; and what stalled readers hold of memory.
"""

import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext

from beam_actors.testing.daemons import Daemon
from benchmarks import sshd
from benchmarks.load import Load, command, run
from benchmarks.pair import beam_pair
from benchmarks.report import keep
from benchmarks.target import BULK_REQUEST, serving

SECONDS = 1.0
"""How long requests are sent: a few thousand of them."""
STALLED = 8
BULK_SECONDS = 0.5
FOREVER = 3600.0
"""Seconds of a load that outlasts every round."""
SETTLE = 1.0
"""Seconds until a download flows, or has filled what it may."""
MIB = 1 << 20
BULK = {"beside a download": "bulk down", "beside an upload": "bulk up"}
"""Situations, and the load that makes them."""
STALLED_READERS = "beside stalled readers"
SITUATIONS = ("alone", *BULK, STALLED_READERS)


@contextmanager
def endless(role: str, port: int, target: int, connections: int = 1) -> Iterator[None]:
    """A load that outlasts what is measured beside it, by a process of its own."""
    load = Load(role=role, port=port, target=target, seconds=FOREVER, connections=connections)
    with subprocess.Popen(command(load), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            time.sleep(SETTLE)
            yield
        finally:
            process.kill()


@contextmanager
def stalled(port: int) -> Iterator[None]:
    """Clients that ask for much and read nothing."""
    with ExitStack() as stack:
        for _ in range(STALLED):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            client.sendall(BULK_REQUEST)
        time.sleep(SETTLE)
        yield


def beside(situation: str, port: int, target: int) -> AbstractContextManager[None]:
    """What goes on meanwhile."""
    if situation in BULK:
        return endless(BULK[situation], port, target)
    return stalled(port) if situation == STALLED_READERS else nullcontext()


def held_by_stalled(owner: Daemon, visitor: Daemon, port: int) -> float:
    """MiB that both daemons hold more for each stalled reader."""
    before = owner.memory() + visitor.memory()
    with stalled(port):
        time.sleep(SETTLE)
        return (owner.memory() + visitor.memory() - before) / STALLED / MIB


def main(rounds: int = 5) -> int:
    """Measure, print, keep; the exit code says whether small requests keep their bounds."""
    results: dict[str, dict[str, list[float]]] = {}
    speeds: dict[str, dict[str, list[float]]] = {}
    with ExitStack() as stack:
        target = stack.enter_context(serving())
        owner, visitor, ours = stack.enter_context(beam_pair(target))
        ports = {"beam": ours}
        if sshd.available():
            ports["ssh"] = stack.enter_context(sshd.ssh_forward(target))
        held = held_by_stalled(owner, visitor, ours)
        for number in range(rounds):
            for contestant, port in list(ports.items())[:: 1 if number % 2 else -1]:
                for situation in SITUATIONS:
                    with beside(situation, port, target):
                        figure = run(Load(role="requests", port=port, target=target, seconds=SECONDS))["p99_us"]
                    results.setdefault(contestant, {}).setdefault(situation, []).append(figure)
                with endless("requests", port, target):
                    for role in BULK.values():
                        speed = run(Load(role=role, port=port, target=target, seconds=BULK_SECONDS))["mb_per_s"]
                        speeds.setdefault(contestant, {}).setdefault(role, []).append(speed)
    worst: dict[str, float] = {}
    for contestant, series in results.items():
        for situation, values in series.items():
            ratios = [value / alone for value, alone in zip(values, series["alone"], strict=True)]
            ratio = statistics.median(ratios)
            print(f"{contestant}: p99 {situation}: {statistics.median(values):,.0f} µs, {ratio:.2f} times that alone")
            if contestant == "beam":
                worst[situation] = ratio
        for role, values in speeds[contestant].items():
            print(f"{contestant}: {role} beside requests: {statistics.median(values):,.0f} MB/s")
    print(f"beam: a stalled reader holds {held:.2f} MiB in both daemons together")
    print(f"raw: {keep('fairness', {'rounds': results, 'speeds': speeds, 'held_mib': held})}")
    return 0 if max(worst.values()) <= 3.0 else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
