"""One seed is one history: a world of many whole nodes is run in several processes, and its trace must be the same.

`python -m simulations.determinism [NODES]` runs it with different `PYTHONHASHSEED`s, and on Python 3.11 and 3.13 if the
other one is found; one that is not is said loudly and skipped. Exits with 1 if two traces differ.

Invariant: the parent compares and knows nothing of the world; the child (`--child`) runs and knows nothing of others.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click
import trio

from beam_actors.errors import BeamError
from beam_actors.testing.world import Machine, Profile, World, run_world

if TYPE_CHECKING:
    from beam_actors.values import Multiaddr

ROOT = Path(__file__).parents[1]
_VERSIONS = ("3.11", "3.13")
_PARALLEL = 2


@attrs.frozen(slots=True)
class Run:
    """One process: which interpreter, and the seed of its hashes."""

    python: Path
    hash_seed: str


async def busy_minute(world: World, nodes: int) -> None:
    """A tree of nodes that join, claim names, are killed, lose power, are paused, are cut in two, and meet again."""
    draw = world.entropy("determinism").uniform
    crowd = Crowd(world, nodes)
    for number in range(nodes):
        await crowd.boot(number)
    await trio.sleep(2)
    for number in (0, nodes - 1):
        node = crowd.machines[number].node
        if node is not None:
            await node.api.register(f"name{number}", contest=False)
    chosen = list(dict.fromkeys(1 + int(draw() * (nodes - 1)) for _ in range(max(3, nodes // 100))))
    for turn, number in enumerate(chosen):
        await crowd.strike(number, turn)
    half = nodes // 2
    hosts = [machine.host for machine in crowd.machines]
    world.network.split([hosts[:half], hosts[half:]])
    await trio.sleep(13)  # longer than a session bears silence
    world.network.heal_all()
    for number in chosen:
        await crowd.mend(number)
    await trio.sleep(10)
    for machine in crowd.machines[:: max(1, nodes // 20)]:
        world.trace.add(machine.name, "resolved", *await crowd.look(machine))


class Crowd:
    """The machines of one run, each of which knows two before it."""

    def __init__(self, world: World, nodes: int) -> None:
        self.machines = [world.machine(f"m{number}") for number in range(nodes)]
        self._addresses: list[Multiaddr] = []

    async def boot(self, number: int) -> None:
        """Start one, for the first time or anew."""
        parents = sorted({(number - 1) // 2, (number - 1) // 3}) if number else ()
        machine = self.machines[number]
        node = await machine.boot(bootstrap=tuple(self._addresses[parent] for parent in parents))
        if number == len(self._addresses):
            self._addresses.append(machine.address_of(node))

    async def strike(self, number: int, turn: int) -> None:
        """Cut its power, kill it or pause it, in turns."""
        machine = self.machines[number]
        if turn % 3 == 0:
            machine.crash()
        elif turn % 3 == 1:
            await machine.kill()
        else:
            machine.pause()

    async def mend(self, number: int) -> None:
        """Undo what befell it."""
        machine = self.machines[number]
        if machine.paused:
            machine.resume()
        elif machine.node is None:
            await self.boot(number)

    async def look(self, machine: Machine) -> tuple[str, int]:
        """What a name is for it, and how many peers it has."""
        if machine.node is None:
            return "down", 0
        try:
            found: str = (await machine.node.naming.resolve("name0")).source
        except BeamError as error:
            found = error.code
        return found, len(await machine.node.peers.snapshot())


def interpreters() -> Iterator[Path]:
    """This one, and one with the program's dependencies of each other version that should agree."""
    yield Path(sys.executable)
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    for version in _VERSIONS:
        if version != here:
            found = _environment(version)
            if found is None:
                click.echo(f"SKIPPED: there is no Python {version} here, so its traces are not compared.", err=True)
            else:
                yield found


def _environment(version: str) -> Path | None:
    """An environment of another Python, made if need be; None if that Python is not on this machine."""
    home = ROOT / f".venv-{version}"
    python = home / "bin" / "python"
    if not (home / ".installed").exists():
        base = next((path for path in _candidates(version) if _runs(path, version)), None)
        if base is None:
            return None
        click.echo(f"Making {home.name} for Python {version}.", err=True)
        subprocess.run([base, "-m", "venv", "--clear", home], check=True)
        pip: list[str | Path] = [
            python,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--quiet",
            "--disable-pip-version-check",
            "--editable",
            f"{ROOT}[dev]",
        ]
        subprocess.run(pip, check=True)
        (home / ".installed").touch()
    return python


def _candidates(version: str) -> Iterator[Path]:
    found = shutil.which(f"python{version}")
    if found is not None:
        yield Path(found)
    yield from sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python{version}"), reverse=True)


def _runs(path: Path, version: str) -> bool:
    """Whether it is that Python: a shim of a version manager may stand for none."""
    code = "import sys; print(f'{sys.version_info.major}.{sys.version_info.minor}')"
    done = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip() == version


def _child(run: Run, nodes: int, seed: int, profile: str) -> dict[str, object]:
    command: list[str | Path] = [
        run.python,
        "-m",
        "simulations.determinism",
        str(nodes),
        "--seed",
        str(seed),
        "--profile",
        profile,
        "--child",
    ]
    environment = {**os.environ, "PYTHONHASHSEED": run.hash_seed, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise click.ClickException(f"{run} failed:\n{done.stderr[-4000:]}")
    result: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return result


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("nodes", type=click.IntRange(min=4), default=1000)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--profile", type=click.Choice([profile.value for profile in Profile]), default=Profile.FULL.value)
@click.option("--child", is_flag=True, hidden=True)
def main(nodes: int, seed: int, profile: str, *, child: bool) -> None:
    """Run one world in several processes and compare their traces."""
    if child:
        since = time.perf_counter()
        trace = run_world(seed, lambda world: busy_minute(world, nodes), Profile(profile))
        row = {
            "python": sys.version.split()[0],
            "hash_seed": os.environ.get("PYTHONHASHSEED", ""),
            "digest": trace.digest,
            "events": trace.count,
            "payloads": trace.payloads,
            "seconds": round(time.perf_counter() - since, 1),
        }
        click.echo(json.dumps(row))
        return
    pythons = list(interpreters())
    runs = [Run(pythons[0], "1"), *(Run(python, "2") for python in pythons)]
    with ThreadPoolExecutor(_PARALLEL) as pool:
        rows = list(pool.map(lambda run: _child(run, nodes, seed, profile), runs))
    for row in rows:
        click.echo(json.dumps(row))
    if len({row["digest"] for row in rows}) > 1:
        raise click.ClickException("One seed gave different histories.")
    click.echo(f"{nodes} nodes, seed {seed}: {len(rows)} processes, one history.", err=True)


if __name__ == "__main__":
    main()
