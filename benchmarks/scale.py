"""How the simulated world grows: time, memory and events of 100 to 10,000 whole nodes in one process.

`python -m benchmarks.scale [--sizes 100,300,1000] [--profile light]` builds each world in a process of its own: a tree
in which node N dials node (N-1)//2, 10 virtual seconds to settle, and 60 in which nobody asks for anything.
Time that passes for nobody (a jump of the clock) is part of it; what costs is the nodes' own work.
"""

import json
import resource
import subprocess
import sys
import time
from typing import Any

import click
import trio

from beam_actors.runtime import Snapshot
from beam_actors.testing.world import Profile, World, run_world
from benchmarks.report import keep

_SETTLE = 10.0
_IDLE = 60.0
_KIB = 1024


def _actors(tree: Snapshot | None) -> int:
    return 0 if tree is None else 1 + sum(map(_actors, tree.children))


async def grown(world: World, nodes: int, row: dict[str, Any]) -> None:
    """Build the world, let it live, and fill in the row."""
    addresses = []
    since = time.perf_counter()
    for number in range(nodes):
        machine = world.machine(f"m{number}")
        node = await machine.boot(bootstrap=(addresses[(number - 1) // 2],) if number else ())
        addresses.append(machine.address_of(node))
    booted = trio.current_time()
    row["boot_s"] = time.perf_counter() - since
    since = time.perf_counter()
    await trio.sleep(_SETTLE)
    row["settle_s"] = time.perf_counter() - since
    before, since = world.trace.count + world.trace.payloads, time.perf_counter()
    await trio.sleep(_IDLE)
    row["idle_s"] = time.perf_counter() - since
    row["idle_events"] = world.trace.count + world.trace.payloads - before
    living = [machine.node for machine in world.machines.values() if machine.node is not None]
    row["sessions"] = sum([status.sessions for node in living for status in await node.peers.snapshot()])
    row["actors"] = sum(_actors(node.system.tree()) for node in living)
    row["virtual_s"] = booted + _SETTLE + _IDLE


def _child(nodes: int, profile: str) -> dict[str, Any]:
    row: dict[str, Any] = {"nodes": nodes, "profile": profile}
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    since = time.perf_counter()
    trace = run_world(1, lambda world: grown(world, nodes, row), Profile(profile))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    row |= {
        "wall_s": time.perf_counter() - since,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "rss_mib": usage.ru_maxrss / _KIB,
        "kib_per_node": (usage.ru_maxrss - base) / nodes,
        "events": trace.count + trace.payloads,
        "digest": trace.digest,
    }
    row["events_per_s"] = row["events"] / row["wall_s"]
    row["virtual_s_per_s"] = _IDLE / row["idle_s"]
    return row


_COLUMNS = (
    ("nodes", "nodes", "d"),
    ("actors", "actors", "d"),
    ("sessions", "session ends", "d"),
    ("boot_s", "boot s", ".1f"),
    ("settle_s", "settle s", ".1f"),
    ("idle_s", "60 s idle: s", ".1f"),
    ("wall_s", "all: wall s", ".1f"),
    ("cpu_s", "CPU s", ".1f"),
    ("rss_mib", "peak MiB", ".0f"),
    ("kib_per_node", "KiB a node", ".0f"),
    ("events_per_s", "events/s", ".0f"),
    ("virtual_s_per_s", "virtual s/s", ".2f"),
)


@click.command()
@click.option("--sizes", default="100,300,1000", show_default=True, help="How many nodes, separated by commas.")
@click.option(
    "--profile", type=click.Choice([profile.value for profile in Profile]), default="light", show_default=True
)
@click.option("--child", type=int, hidden=True)
def main(sizes: str, profile: str, child: int | None) -> None:
    """Grow worlds and tell what they cost."""
    if child is not None:
        click.echo(json.dumps(_child(child, profile)))
        return
    rows = []
    click.echo("  ".join(title.rjust(max(8, len(title))) for _, title, _ in _COLUMNS))
    for size in map(int, sizes.split(",")):
        command = [sys.executable, "-m", "benchmarks.scale", "--profile", profile, "--child", str(size)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        row = json.loads(done.stdout.splitlines()[-1])
        rows.append(row)
        cells = (format(row[key], shape).rjust(max(8, len(title))) for key, title, shape in _COLUMNS)
        click.echo("  ".join(cells))
    click.echo(f"Kept in {keep('scale', {'rows': rows})}.")


if __name__ == "__main__":
    main()
