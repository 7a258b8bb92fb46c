"""What idle actors hold: how much a process's resident memory grows with so many of a kind.

`python -m benchmarks.memory KIND COUNT` prints the bytes of one. Run it as a process of its own, as `held` does: what
was freed before would be used again and seen by nobody.
"""

import gc
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import trio

from beam_actors.runtime import Actor, ChildSpec, Pool, Ref, StartMember, Supervisor, System, receives

NODE = (7, 14, 3)
"""The tree of an idle node: supervisors and pools that have children, actors without a worker, actors with one."""


def held(kind: str, count: int) -> float:
    """Bytes of resident memory for one of `count`, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.memory", kind, str(count)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def resident() -> int:
    """Bytes of this process that are in memory."""
    gc.collect()
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


class Idle(Actor):
    """Has answered one message, and waits for the next."""

    @receives(str)
    def say(self, message: str) -> str:
        return message


class Busy(Idle):
    """Has a worker that waits for its time."""

    async def on_start(self) -> None:
        self.spawn(trio.sleep_forever)


@asynccontextmanager
async def actors(count: int) -> AsyncIterator[int]:
    """As many members of a pool, each of which has answered."""
    system = System("bench", clock=time.monotonic)
    async with system.run(ChildSpec("pool", lambda: Pool(lambda key: ChildSpec(key, Idle)))) as pool:
        for number in range(count):
            ref: Ref = await pool.ask(StartMember(str(number)))
            await ref.ask("hello")
        yield count


@asynccontextmanager
async def trees(count: int) -> AsyncIterator[int]:
    """Trees like a node's below one pool; how many actors that are."""
    supervisors, idle, busy = NODE

    def node(key: str) -> ChildSpec:
        below = [ChildSpec(f"idle{number}", Idle) for number in range(idle)]
        below += [ChildSpec(f"busy{number}", Busy) for number in range(busy)]
        # Nested like a node's: each supervisor holds the next one and its share of the others.
        spec: ChildSpec | None = None
        for number in range(supervisors):
            share = below[number::supervisors]
            inner = [*share, spec] if spec is not None else share
            name = key if number == supervisors - 1 else f"supervisor{number}"
            spec = ChildSpec(name, _supervising(inner))
        assert spec is not None
        return spec

    system = System("bench", clock=time.monotonic)
    async with system.run(ChildSpec("pool", lambda: Pool(node))) as pool:
        for number in range(count):
            await pool.ask(StartMember(str(number)))
        yield count * sum(NODE)


def _supervising(children: list[ChildSpec]) -> Callable[[], Supervisor]:
    return lambda: Supervisor(children)


@asynccontextmanager
async def tasks(count: int) -> AsyncIterator[int]:
    """Tasks that sleep."""
    async with trio.open_nursery() as nursery:
        for _ in range(count):
            nursery.start_soon(trio.sleep_forever)
        await trio.lowlevel.checkpoint()
        yield count
        nursery.cancel_scope.cancel()


KINDS: dict[str, Callable[[int], AbstractAsyncContextManager[int]]] = {"actors": actors, "trees": trees, "tasks": tasks}


async def main(kind: str, count: int) -> None:
    """Print the bytes of one."""
    async with KINDS[kind](10):
        pass  # what everything needs once
    before = resident()
    async with KINDS[kind](count) as number:
        print((resident() - before) / number)


if __name__ == "__main__":
    trio.run(main, sys.argv[1], int(sys.argv[2]))
