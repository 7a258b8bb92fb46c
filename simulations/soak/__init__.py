"""`make soak`: real daemons under faults, floods and fuzzers, with deadlines. It ends within twelve minutes."""

from collections.abc import Callable

Say = Callable[[str], None]
"""Takes a line of progress for people."""
