"""What stands in the place of a queue that holds nothing: most queues of a node wait most of the time."""

from collections import deque
from typing import Any, Final, NoReturn


class _Empty(deque[Any]):
    """Nothing can be put into it, rather than be lost there."""

    def _refuse(self, *_args: object) -> NoReturn:
        raise TypeError("EMPTY stands for an empty queue: make a deque before something is put into it.")

    append = appendleft = extend = extendleft = insert = _refuse


EMPTY: Final[deque[Any]] = _Empty()
"""Whoever appends makes a deque first, which takes 760 bytes."""
