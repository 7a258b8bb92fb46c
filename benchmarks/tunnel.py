"""A tunnel by `beam expose` and `beam forward` beside `ssh -L` and beside no tunnel, alternating, in one run.

`python -m benchmarks.tunnel [ROUNDS]` prints ratios to OpenSSH: the median and the worse quartile.
"""

import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from beam_actors.testing.daemons import LOOPBACK, Daemon, daemons
from benchmarks import load, sshd
from benchmarks.report import keep, quantile

MEASURES: dict[str, tuple[str, tuple[int, ...], str]] = {
    "bulk, 1 stream, MB/s": ("bulk", (400_000_000, 1), "mb_per_s"),
    "bulk, 8 streams, MB/s": ("bulk", (50_000_000, 8), "mb_per_s"),
    "requests/s, 1 connection": ("requests", (4_000, 1), "per_s"),
    "p50 latency, 1 connection, µs": ("requests", (4_000, 1), "p50_us"),
    "requests/s, 32 connections": ("requests", (20_000, 32), "per_s"),
    "new connections/s": ("connects", (1_000,), "per_s"),
}


@contextmanager
def beam_pair(target: int) -> Iterator[tuple[Daemon, Daemon, int]]:
    """Two daemons on loopback: the owner exposes `target`, the visitor forwards a port to it; yield all three."""
    with tempfile.TemporaryDirectory(prefix="beam-bench-") as folder:
        owner = Daemon(Path(folder) / "owner", *LOOPBACK)
        visitor = Daemon(Path(folder) / "visitor", *LOOPBACK)
        with daemons(owner, visitor):
            owner.start()
            visitor.start()
            identity = owner.beam("id")
            visitor.beam("connect", identity["addresses"][0])
            owner.beam("expose", str(target), "--port", "9000", "--allow", "everyone")
            port = sshd.free_port()
            visitor.beam("forward", f"{identity['peer_id']}:9000", str(port))
            yield owner, visitor, port


@contextmanager
def beam_forward(target: int) -> Iterator[int]:
    """The port of a `beam_pair`."""
    with beam_pair(target) as (_owner, _visitor, port):
        yield port


def main(rounds: int) -> None:
    """Measure everything `rounds` times, alternating the contestants within each round."""
    results: dict[str, dict[str, list[float]]] = {}
    with ExitStack() as stack:
        target = stack.enter_context(load.server())
        ports = {"none": target, "beam": stack.enter_context(beam_forward(target))}
        if sshd.available():
            ports["ssh"] = stack.enter_context(sshd.ssh_forward(target))
        for number in range(rounds):
            for measure, (role, arguments, key) in MEASURES.items():
                order = list(ports)[number % len(ports) :] + list(ports)[: number % len(ports)]
                for contestant in order:
                    figures: dict[str, Any] = load.run(role, ports[contestant], *arguments)
                    results.setdefault(measure, {}).setdefault(contestant, []).append(figures[key])
            print(f"round {number + 1} of {rounds} done", file=sys.stderr, flush=True)
    for measure, series in results.items():
        line = ", ".join(f"{name} {statistics.median(values):,.0f}" for name, values in series.items())
        if "ssh" in series:
            ratios = [ours / theirs for ours, theirs in zip(series["beam"], series["ssh"], strict=True)]
            worse = quantile(ratios, 0.75 if "latency" in measure else 0.25)  # of a latency more is worse
            line += f" | to ssh: median {statistics.median(ratios):.2f}, worse quartile {worse:.2f}"
        print(f"{measure}: {line}")
    print(f"raw: {keep('tunnel', {'rounds': results})}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
