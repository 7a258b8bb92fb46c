"""A copy of the project with one bug in it, in a folder of its own.

Invariant: the checkout is never written to; a process that is started in the copy with `python -m` imports the copy,
since its working folder stands before the installed package on the path. Compiled modules are copied along, save those
of mutated files, so that a run costs no compilation.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from simulations.mutants.mutant import PACKAGE, Mutant

ROOT = Path(__file__).parents[2]
_COPIED = (PACKAGE, "simulations")
_TESTED = ("tests", "docs", "benchmarks", "README.md", "CHANGELOG.md", "Makefile", "LICENSE", "pyproject.toml")
"""What the unit tests need besides."""
_SKIPPED = shutil.ignore_patterns("regressions", "reports", "*.tmp")


@contextmanager
def workspace(mutant: Mutant | None, *, tests: bool = False) -> Iterator[Path]:
    """The folder, until the block ends; without a mutant the code as it is. Raises `Misfit`."""
    with tempfile.TemporaryDirectory(prefix="beam-mutant-") as name:
        folder = Path(name)
        for part in (*_COPIED, *(_TESTED if tests else ())):
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, folder / part, ignore=_SKIPPED)
            else:
                shutil.copy2(ROOT / part, folder / part)
        if mutant is not None:
            mutant.plant(folder)
            for edit in mutant.edits:
                path = folder / PACKAGE / edit.file
                for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
                    compiled.unlink()
        yield folder


def python(folder: Path, *arguments: str, seconds: float) -> subprocess.CompletedProcess[str]:
    """Run `python -m …` in the folder, without shrinking what Hypothesis finds; raises `subprocess.TimeoutExpired`."""
    return subprocess.run(
        (sys.executable, "-m", *arguments),
        cwd=folder,
        env={**os.environ, "HYPOTHESIS_PROFILE": "found"},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
