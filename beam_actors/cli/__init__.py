"""The command line, and the only room that chooses the real world. Importing it imports nothing heavy."""

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `beam` with `arguments` (default: the process's own); the exit code."""
    refusal = platform_refusal(sys.platform)
    if refusal is not None:
        sys.stderr.write(refusal + "\n")
        return 1
    try:
        from beam_actors.cli.app import run  # noqa: PLC0415 (its modules need a POSIX system)

        return run(sys.argv[1:] if arguments is None else list(arguments))
    except KeyboardInterrupt:  # before there was a command to be ended
        return 130


def platform_refusal(platform: str) -> str | None:
    """Why this program does not run on `platform` (a value of `sys.platform`), or None."""
    if platform in {"win32", "cygwin"}:
        return "Beam does not run on Windows yet; use Linux (WSL 2 counts) or macOS."
    return None
