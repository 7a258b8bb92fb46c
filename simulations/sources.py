"""Which code a run ran: a digest of everything that its outcome is a function of, beside the plan.

Invariant: equal digests mean equal sources of the package and of the simulator; it knows nothing of what is installed
beside them.
"""

import functools
import hashlib
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_ROOMS = ("beam_actors", "simulations")


@functools.cache
def digest() -> str:
    """Of the code that this process has loaded, or will: the files when it was asked for first; 16 hex digits."""
    return of(_ROOT)


def of(root: Path) -> str:
    """Of the files of a checkout."""
    found = hashlib.blake2b(digest_size=8)
    for room in _ROOMS:
        for path in sorted((root / room).rglob("*.py")):
            data = path.read_bytes()
            found.update(f"{path.relative_to(root).as_posix()} {len(data)}\n".encode())
            found.update(data)
    return found.hexdigest()
