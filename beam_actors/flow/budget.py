"""Bytes held: who holds how many, and who must go when they are too many.

The invariant: what stands here is what is really buffered in Python, and after each round it is within the cap, save
what a single holder of bounded size may hold. A holder's place in the order is its last progress; no clock is needed.
"""

from collections import OrderedDict
from types import MappingProxyType
from typing import Final, Protocol, cast

from beam_actors.errors import ResourceExhausted


class Holder(Protocol):
    """Something that buffers bytes of one stream."""

    def exhausted(self, error: ResourceExhausted) -> None:
        """Give up: reset what the bytes belong to and hold nothing any more."""
        ...


_NOTHING: Final = cast("OrderedDict[Holder, int]", MappingProxyType({}))
"""What a quiet session's budget holds; a dict with an order takes three hundred bytes without an entry."""


class Budget:
    """A cap on bytes held, within an optional wider one (a session's within its node's)."""

    def __init__(self, name: str, cap: int, parent: "Budget | None" = None) -> None:
        self.name = name
        self.cap = cap
        self.total = 0
        self.peak = 0
        self.resets = 0
        self._parent = parent
        self._held = _NOTHING

    def hold(self, holder: Holder, size: int) -> None:
        """State that `holder` now holds `size` bytes; fewer than before counts as progress, 0 forgets it."""
        before = self._held.get(holder, 0)
        if size == before:
            return
        if size:
            if self._held is _NOTHING:
                self._held = OrderedDict()
            self._held[holder] = size
            if size < before:
                self._held.move_to_end(holder)
        elif before:
            del self._held[holder]
            if not self._held:
                self._held = _NOTHING
        self.total += size - before
        self.peak = max(self.peak, self.total)
        if self._parent is not None:
            self._parent.hold(holder, size)

    def enforce(self) -> None:
        """Reset the holders longest without progress until the total is within the cap."""
        while self.total > self.cap and self._held:
            holder = next(iter(self._held))
            self.resets += 1
            holder.exhausted(
                ResourceExhausted(f"The {self.name} held more than {self.cap} bytes; this stream was longest idle.")
            )
            if holder in self._held:  # it kept its bytes: drop the entry rather than loop for ever
                self.hold(holder, 0)

    @property
    def exceeded(self) -> bool:
        """Whether `enforce` would reset somebody."""
        return self.total > self.cap

    def __repr__(self) -> str:
        return f"<Budget {self.name}: {self.total} of {self.cap} bytes by {len(self._held)}>"
