"""What stands in the place of a queue that holds nothing: most queues of a node wait most of the time."""

from collections import deque
from typing import Any, Final

EMPTY: Final[deque[Any]] = deque(maxlen=0)
"""Whoever appends makes a deque first, which takes 760 bytes; what is appended here is gone."""
