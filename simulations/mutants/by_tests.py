"""Which tests of its room find a mutant: how the catalogue's `test` is found, and the tests' score beside the simulator's.

python -m simulations.mutants.by_tests [NAME …]
"""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from simulations.mutants.catalogue import CATALOGUE
from simulations.mutants.mutant import Mutant
from simulations.mutants.workspace import python, workspace

_SECONDS = 600.0


def found_by(mutant: Mutant) -> str:
    """The first test that fails, or an empty string."""
    with workspace(mutant, tests=True) as folder:
        # Those of the mutated modules first: most mutants die there, in a second or two.
        nearest = [f"tests/{mutant.room}/test_{Path(edit.file).name}" for edit in mutant.edits]
        files = dict.fromkeys(name for name in nearest if (folder / name).exists())
        try:
            run = python(folder, "pytest", *files, f"tests/{mutant.room}", "-x", "-q", seconds=_SECONDS)
        except subprocess.TimeoutExpired:
            return f"tests/{mutant.room} (hangs)"
    if run.returncode == 0:
        return ""
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", run.stdout, re.MULTILINE)
    return failed[1] if failed else f"tests/{mutant.room} (exit {run.returncode}: {run.stdout.strip()[-200:]})"


def main(names: list[str]) -> int:
    """Print one line for each mutant."""
    wanted = [one for one in CATALOGUE if not names or one.name in names]
    with ThreadPoolExecutor(2) as pool:
        for mutant, test in zip(wanted, pool.map(found_by, wanted), strict=True):
            print(f"{mutant.name:36} {test or 'SURVIVES'}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
