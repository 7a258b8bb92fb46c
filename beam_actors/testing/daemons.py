"""Real daemons as processes, driven by the command line as a person would: for the demo, e2e tests, soak, benchmarks.

Nothing here looks inside a daemon: everything goes through `beam … --json`, signals and sockets. Daemons listen on
loopback only, on ports that the OS chose.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
READY_TIMEOUT = 30.0
SERVERS = ("--dns", "127.0.0.1:0", "--https", "127.0.0.1:0", "--http", "127.0.0.1:0")
NETWORK = "test"
"""A network that asks for no work: a name takes milliseconds, not seconds."""
LOOPBACK = ("--listen", "/ip4/127.0.0.1/tcp/0", *SERVERS, "--network", NETWORK)
"""Options of a daemon that talks to nothing but this machine, on ports that the OS chooses, in a network of its own."""


class CommandFailed(Exception):
    """A `beam` command ended with a non-zero exit code; `stderr` is what it told the person."""

    def __init__(self, arguments: tuple[str, ...], exit_code: int, stdout: str, stderr: str) -> None:
        super().__init__(f"beam {' '.join(arguments)} exited with {exit_code}: {stderr.strip() or stdout.strip()}")
        self.exit_code = exit_code
        self.stdout = stdout
        self.stderr = stderr


class Daemon:
    """One daemon in a home of its own; `start` may follow `kill`."""

    module = "beam_actors"
    """What is run as `python -m`, with `start` and its options."""

    def __init__(self, home: Path, *options: str, name: str = "") -> None:
        self.home = home
        self.name = name or home.name
        self.options = options
        self.process: subprocess.Popen[bytes] | None = None
        self._console = home.parent / f"{home.name}.console"

    def __repr__(self) -> str:
        return f"Daemon({self.name}, {'pid ' + str(self.process.pid) if self.process else 'stopped'})"

    @property
    def console(self) -> str:
        """What the process printed so far."""
        return self._console.read_text(errors="replace") if self._console.exists() else ""

    def start(self, *, timeout: float = READY_TIMEOUT) -> dict[str, Any]:
        """Start it and wait until it answers; return its first status."""
        self.home.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", self.module, "start", "--home", str(self.home), *self.options]
        with self._console.open("ab") as console:
            self.process = subprocess.Popen(  # noqa: S603 (our own program)
                command, stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True
            )
        process = self.process

        def ready() -> dict[str, Any] | None:
            if process.poll() is not None:
                raise RuntimeError(f"{self.name} exited with {process.returncode}: {self.console[-2000:]}")
            with suppress(CommandFailed):
                status: dict[str, Any] = self.beam("status")
                return status
            return None

        return eventually(ready, timeout=timeout, what=f"{self.name} answers")

    def beam(self, *arguments: str, timeout: float = 30.0) -> Any:
        """Run `beam ARGUMENTS --json` against this home: the parsed output, or raise `CommandFailed`."""
        done = self.run(*arguments, "--json", timeout=timeout)
        if done.returncode:
            raise CommandFailed(arguments, done.returncode, done.stdout, done.stderr)
        return json.loads(done.stdout) if done.stdout.strip() else None

    def run(self, *arguments: str, timeout: float = 30.0) -> subprocess.CompletedProcess[str]:
        """Run `beam ARGUMENTS` against this home and return what it printed."""
        return subprocess.run(  # noqa: S603 (our own program)
            [sys.executable, "-m", "beam_actors", *arguments],
            check=False,
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**os.environ, "BEAM_HOME": str(self.home), "NO_COLOR": "1"},
        )

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the daemon's process."""
        if self.process is None:
            raise RuntimeError(f"{self.name} is not running")
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL it and wait for its end."""
        self._end(signal.SIGKILL, timeout=10)

    def stop(self, *, timeout: float = 15.0) -> None:
        """Ask it to stop in order; SIGKILL it if it does not in time."""
        with suppress(subprocess.TimeoutExpired):
            self._end(signal.SIGTERM, timeout=timeout)
            return
        self.kill()

    def _end(self, number: signal.Signals, *, timeout: float) -> None:
        process = self.process
        if process is None:
            return
        process.send_signal(signal.SIGCONT)  # a stopped process takes no SIGTERM
        process.send_signal(number)
        process.wait(timeout=timeout)
        self.process = None

    def memory(self) -> int:
        """Resident memory of the process in bytes (Linux)."""
        if self.process is None:
            raise RuntimeError(f"{self.name} is not running")
        fields = Path(f"/proc/{self.process.pid}/statm").read_text().split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")

    def processor(self) -> float:
        """Seconds of CPU that the process has used, in user mode and in the kernel (Linux)."""
        if self.process is None:
            raise RuntimeError(f"{self.name} is not running")
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def eventually(probe: Callable[[], T | None], *, timeout: float, what: str, interval: float = 0.05) -> T:
    """Call `probe` until it returns something true; raise `TimeoutError` naming `what` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"After {timeout:g} s it still does not hold that {what}.")
        time.sleep(interval)


@contextmanager
def daemons(*running: Daemon) -> Iterator[None]:
    """Stop all of them on leaving, whatever happened."""
    try:
        yield
    finally:
        for daemon in reversed(running):
            daemon.stop()


def flatten_tree(tree: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Flatten `beam tree --json` to path -> node, for comparing incarnations before and after a crash."""
    flat = {tree["path"]: tree}
    for child in tree.get("children", ()):
        flat.update(flatten_tree(child))
    return flat
