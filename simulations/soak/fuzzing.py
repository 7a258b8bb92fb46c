"""Every parser's fuzz entry point (`fuzz_*` in tests/*/fuzz*.py) under atheris, a process each, a minute each.

The same functions run under Hypothesis in `make test`; here coverage guides the bytes.
"""

import importlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECONDS = int(os.environ.get("FUZZ_SECONDS", "60"))
MODULES = sorted(f"tests.{path.parent.name}.{path.stem}" for path in ROOT.glob("tests/*/fuzz*.py"))


def targets() -> list[tuple[str, str]]:
    """All (module, function) pairs."""
    found = []
    for module in MODULES:
        found += [(module, name) for name in sorted(vars(importlib.import_module(module))) if name.startswith("fuzz_")]
    return found


def fuzz_one(module: str, function: str, seconds: int) -> None:
    """Fuzz one target in this process; atheris ends the process."""
    import atheris  # noqa: PLC0415 (an extra of the soak, slow to import)

    with atheris.instrument_imports(include=["beam_actors"]):
        target = getattr(importlib.import_module(module), function)
    with tempfile.TemporaryDirectory() as corpus:
        options = [
            "-seed=1",
            f"-max_total_time={seconds}",
            "-max_len=4096",
            "-rss_limit_mb=1024",
            "-timeout=10",
            "-verbosity=0",
        ]
        atheris.Setup([sys.argv[0], *options, corpus], target)
        atheris.Fuzz()


class Fuzzers:
    """Runs all targets, a few at a time and niced, while other parts of the soak run."""

    def __init__(self, *, at_once: int) -> None:
        self._waiting = targets()
        self._running: dict[str, subprocess.Popen[str]] = {}
        self._at_once = at_once
        self.count = len(self._waiting)
        self.failures: dict[str, str] = {}

    def poll(self) -> bool:
        """Start what may start and collect what has ended; whether anything is left."""
        for name, process in list(self._running.items()):
            if process.poll() is not None:
                output = process.stdout.read() if process.stdout else ""
                if process.returncode:
                    self.failures[name] = output[-3000:]
                del self._running[name]
        while self._waiting and len(self._running) < self._at_once:
            module, function = self._waiting.pop(0)
            command = ["nice", "-n", "10", sys.executable, "-m", "simulations.soak.fuzzing", module, function]
            self._running[f"{module}.{function}"] = subprocess.Popen(
                [*command, str(SECONDS)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT
            )
        return bool(self._running)

    def finish(self) -> None:
        """Wait for the rest, twice as many at a time, as nothing else runs; raise what one that failed has printed."""
        self._at_once *= 2
        while self.poll():
            time.sleep(0.5)
        if self.failures:
            raise AssertionError("\n".join(f"{name}:\n{output}" for name, output in self.failures.items()))


if __name__ == "__main__":
    fuzz_one(sys.argv[1], sys.argv[2], int(sys.argv[3]))
