"""SIGKILLs of a daemon under load, at seeded moments and at each named durability point: nothing acknowledged is lost.

A driver asks a daemon for names, tunnels and forwards as fast as it answers, and remembers what was acknowledged. After
each kill the daemon must start, be the same peer and owner, and hold exactly what was acknowledged; only the one
request that was under way may have happened or not.
"""

import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import attrs

from beam_actors import __version__
from beam_actors.errors import BeamError
from beam_actors.world.control_client import CommandFailed, ControlClient
from beam_actors.world.files import POINTS as FILE_POINTS
from beam_actors.world.store import POINTS as STORE_POINTS
from simulations.soak import Say
from simulations.soak.pair import loopback, quiet_ports

KILLS = 200
WORKERS = 2
NAMES = tuple(f"kill-{number}" for number in range(40))
"""Of one owner no more than 80 are kept, live or released."""
START_SECONDS = 30.0


@attrs.define
class Held:
    """What the daemon has acknowledged."""

    names: set[str] = attrs.Factory(set)
    tunnels: set[str] = attrs.Factory(set)
    forwards: set[str] = attrs.Factory(set)

    def copy(self) -> "Held":
        """A copy to change."""
        return Held(set(self.names), set(self.tunnels), set(self.forwards))


class Victim:
    """A daemon in one home that is killed and started again, and what it promised."""

    def __init__(self, home: Path, seed: int) -> None:
        self.home = home
        self.random = random.Random(seed)
        self.held = Held()
        self.maybe: Held | None = None
        self.acknowledged = 0
        self._identity: tuple[str, str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._ports = quiet_ports(20)

    def start(self, *options: str) -> bool:
        """Start it; False if it killed itself before it answered."""
        command = [sys.executable, "-m", "beam_actors", "start", "--home", str(self.home), *loopback(), *options]
        console = (self.home.parent / f"{self.home.name}.console").open("ab")
        with console:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=console, stderr=console)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                if self._process.returncode == -signal.SIGKILL:
                    return False
                raise AssertionError(f"it did not start: {Path(console.name).read_text()[-1000:]}")
            try:
                self.check_identity(self.ask("GET", "/v1/id"))
            except BeamError:
                time.sleep(0.02)
            else:
                return True
        raise AssertionError("it did not answer in time after a kill")

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """One request to the control API."""
        try:
            pointer = (self.home / "control-socket").read_text().strip()
        except OSError:
            raise BeamError("no pointer yet") from None
        return ControlClient(pointer, version=__version__).call(method, path, body, timeout=10)

    def check_identity(self, answer: dict[str, Any]) -> None:
        """It must be the same peer and owner as ever."""
        identity = (answer["peer_id"], answer["owner"])
        if self._identity is not None and identity != self._identity:
            raise AssertionError(f"another identity after a kill: {identity} instead of {self._identity}")
        self._identity = identity

    def kill(self) -> None:
        """SIGKILL it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def load(self, until: float) -> None:
        """Ask for changes one after another until the time, or until the daemon is gone."""
        while time.monotonic() < until:
            if not self.step():
                return

    def step(self) -> bool:
        """Ask for one change; False when the daemon died under it."""
        path, body, after = self._draw()
        self.maybe = after
        try:
            self.ask("POST", path, body)
        except CommandFailed as error:
            raise AssertionError(f"{path} {body} failed: {error}") from error
        except BeamError:
            return False
        self.held, self.maybe = after, None
        self.acknowledged += 1
        return True

    def _draw(self) -> tuple[str, dict[str, Any], Held]:
        after = self.held.copy()
        choice = self.random.random()
        if choice < 0.25 and len(self.held.names) < 14:
            name = self.random.choice([one for one in NAMES if one not in self.held.names])
            after.names.add(name)
            return "/v1/register", {"name": name}, after
        if choice < 0.4 and self.held.names:
            name = self.random.choice(sorted(self.held.names))
            after.names.discard(name)
            return "/v1/release", {"name": name}, after
        if choice < 0.6:
            port = self.random.choice(range(9000, 9020))
            after.tunnels.add(f"_.{port}")
            return "/v1/expose", {"target": "127.0.0.1:9", "port": port, "allow": ["everyone"]}, after
        if choice < 0.75 and self.held.tunnels:
            key = self.random.choice(sorted(self.held.tunnels))
            after.tunnels.discard(key)
            return "/v1/unexpose", {"tunnel": key}, after
        if choice < 0.9 or not self.held.forwards:
            port = self.random.choice(self._ports)
            after.forwards.add(f"forward.{port}")
            listen = f"127.0.0.1:{port}"
            return "/v1/forward", {"destination": "somewhere.local", "port": 80, "listen": listen}, after
        key = self.random.choice(sorted(self.held.forwards))
        after.forwards.discard(key)
        return "/v1/unforward", {"forward": key}, after

    def check(self) -> None:
        """Hold what it says against what it acknowledged; adopt what became of the request that was under way."""
        found = Held(
            {row["name"] for row in self.ask("GET", "/v1/names")["names"]},
            {row["id"] for row in self.ask("GET", "/v1/tunnels")["tunnels"]},
            {row["id"] for row in self.ask("GET", "/v1/forwards")["forwards"]},
        )
        if found not in (self.held, self.maybe):
            raise AssertionError(f"after a kill it holds {found}, not {self.held} (or {self.maybe})")
        self.held, self.maybe = found, None


def seeded_kills(home: Path, seed: int, count: int) -> Victim:
    """Kill one daemon `count` times at seeded moments under load."""
    victim = Victim(home, seed)
    try:
        victim.start()
        for _ in range(count):
            moment = time.monotonic() + victim.random.uniform(0.0, 0.4)
            killer = threading.Timer(moment - time.monotonic(), victim.kill)
            killer.start()
            victim.load(moment + 5)
            killer.join()
            victim.start()
            victim.check()
    finally:
        victim.kill()
    return victim


def kill_at_point(home: Path, point: str, count: int) -> None:
    """Let the daemon kill itself at a durability point, then start it as usual and check."""
    victim = Victim(home, seed=count)
    try:
        if victim.start("--chaos", "--kill-at", f"{point}:{count}"):
            victim.load(time.monotonic() + 20)
            if victim.maybe is None and "close" not in point:
                raise AssertionError(f"{point} was never reached {count} times")
        if "close" in point:
            victim.ask("POST", "/v1/stop")
        victim._process.wait(20)  # type: ignore[union-attr]  # noqa: SLF001 (it was started above)
        victim.start()
        victim.check()
    finally:
        victim.kill()


def run(root: Path, say: Say, kills: int = KILLS) -> None:
    """All of it, on as many homes at once as there are workers."""
    root.mkdir(parents=True, exist_ok=True)
    for point in (*STORE_POINTS, *FILE_POINTS):
        first = 1 if point.startswith("files") or "close" in point else 4
        kill_at_point(root / point.replace(":", "-"), point, first)
    say(f"killed once at each of {len(STORE_POINTS) + len(FILE_POINTS)} durability points: nothing lost")
    done: list[Victim] = []
    failures: list[BaseException] = []

    def worker(number: int) -> None:
        try:
            done.append(seeded_kills(root / f"seeded-{number}", number, kills // WORKERS))
        except BaseException as error:  # noqa: BLE001 (reported below, from a thread)
            failures.append(error)

    threads = [threading.Thread(target=worker, args=(number,)) for number in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    acknowledged = sum(victim.acknowledged for victim in done)
    say(f"{kills} seeded SIGKILLs under load: same identities, none of {acknowledged} acknowledged changes lost")
