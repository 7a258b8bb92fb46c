"""What a daemon holds and uses while nothing happens: alone with its peers, under idle connections, with many tunnels.

`python -m benchmarks.idle [CONNECTIONS] [TUNNELS]` prints each figure beside its bound; the exit code is 1 if one is
missed.
"""

import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from beam_actors import __version__
from beam_actors.cli.home import Home
from beam_actors.testing.daemons import LOOPBACK, Daemon, daemons
from beam_actors.world.control_client import ControlClient
from benchmarks.pair import beam_pair
from benchmarks.report import keep
from benchmarks.target import REQUEST, serving

PEERS = 8
SETTLE, WATCH = 15.0, 30.0
"""Seconds until what a start or a flood has left is done, and seconds over which CPU time is measured."""
KIB, MIB = 1 << 10, 1 << 20

Row = tuple[str, float, float, str]
"""What, its value, its bound, its unit."""


def used(*watched: Daemon) -> list[float]:
    """Percent of a core that each uses by itself."""
    before = [daemon.processor() for daemon in watched]
    time.sleep(WATCH)
    return [100 * (daemon.processor() - cpu) / WATCH for daemon, cpu in zip(watched, before, strict=True)]


def with_peers(root: Path) -> Iterator[Row]:
    """An idle daemon that is connected to others."""
    hub = Daemon(root / "hub", *LOOPBACK)
    others = [Daemon(root / f"peer{number}", *LOOPBACK) for number in range(PEERS)]
    with daemons(hub, *others):
        hub.start()
        address = hub.beam("id")["addresses"][0]
        for other in others:
            other.start()
            other.beam("connect", address)
        time.sleep(SETTLE)
        [percent] = used(hub)
        yield f"idle daemon with {PEERS} peers, memory", hub.memory() / MIB, 80.0, "MiB"
        yield f"idle daemon with {PEERS} peers, CPU", percent, 0.5, "% of a core"


@contextmanager
def held(port: int, count: int) -> Iterator[None]:
    """So many connections that have carried a request each, and are kept."""
    with ExitStack() as stack:
        for _ in range(count):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
            connection.sendall(REQUEST)
            if not connection.recv(1 << 12).startswith(b"HTTP/1.1 200"):
                raise RuntimeError("A connection was not answered.")
        yield


def under_connections(count: int) -> Iterator[Row]:
    """Both ends of so many tunnelled connections."""
    with serving() as target, beam_pair(target) as (owner, visitor, port):
        with held(port, 200):  # what is made once, and what a few of them leave behind, is not theirs
            pass
        time.sleep(SETTLE)
        ends = {"owner": owner, "visitor": visitor}
        before = {end: daemon.memory() for end, daemon in ends.items()}
        with held(port, count):
            time.sleep(SETTLE)
            cpu = used(*ends.values())
            for (end, daemon), percent in zip(ends.items(), cpu, strict=True):
                each = (daemon.memory() - before[end]) / count / KIB
                yield f"each of {count:,} idle connections, memory of the {end}", each, 12.0, "KiB"
                yield f"{count:,} idle connections, CPU of the {end}", percent, 1.0, "% of a core"


def with_tunnels(root: Path, count: int) -> Iterator[Row]:
    """A daemon that offers so many raw tunnels: ports of one peer."""
    daemon = Daemon(root / "many", *LOOPBACK)
    daemon.home.mkdir(mode=0o700)
    daemon.home.joinpath("limits.toml").write_text(f"[tunnels]\ntunnels = {count}\n")
    with daemons(daemon):
        daemon.start()
        before = daemon.memory()
        client = ControlClient(Home(daemon.home).socket_path(), version=__version__)
        start = time.perf_counter()
        for number in range(count):
            body = {"target": "127.0.0.1:9", "port": 1024 + number, "allow": ["everyone"]}
            client.call("POST", "/v1/expose", body)
        yield f"{count:,} raw tunnels are offered, one by one", time.perf_counter() - start, 60.0, "s"
        time.sleep(SETTLE)
        yield "each of them, memory", (daemon.memory() - before) / count / KIB, 12.0, "KiB"
        daemon.stop(timeout=60)
        start = time.perf_counter()
        daemon.start(timeout=120)
        while not all(tunnel["running"] for tunnel in daemon.beam("tunnels")["tunnels"]):
            time.sleep(0.1)
        yield "all of them run after a new start", time.perf_counter() - start, 30.0, "s"


def main(connections: int = 5_000, tunnels: int = 10_000) -> int:
    """Measure, print, keep; the exit code says whether all bounds held."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="beam-bench-") as folder:
        root = Path(folder)
        for part in (with_peers(root), under_connections(connections), with_tunnels(root, tunnels)):
            for row in part:
                what, value, bound, unit = row
                rows.append(row)
                print(f"{'ok  ' if value < bound else 'MISS'} {what}: {value:.3g} {unit} (bound {bound:g})", flush=True)
    print(f"raw: {keep('idle', {'rows': rows})}")
    return 0 if all(value < bound for _, value, bound, _ in rows) else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
