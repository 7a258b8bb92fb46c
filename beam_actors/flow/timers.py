"""The pump's timers: one heap for a node's data plane, ordered by time and then by when they were asked for."""

import heapq
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beam_actors.flow.link import Owned

_EARLY = 1e-6
"""Seconds by which a timer may run early: a wait that ends within rounding of its deadline must not be repeated."""
_SWEEP_AT = 64


class Timer:
    """One call at one time; `cancel` is idempotent and safe after it ran."""

    __slots__ = ("_heap", "blame", "callback", "when")

    def __init__(self, heap: "TimerHeap", when: float, callback: Callable[[], None], blame: "Owned | None") -> None:
        self._heap = heap
        self.when = when
        self.callback: Callable[[], None] | None = callback
        self.blame = blame

    def cancel(self) -> None:
        """Make sure that it doesn't run any more."""
        if self.callback is not None:
            self.callback = None
            self.blame = None
            self._heap.note_cancelled()

    def __repr__(self) -> str:
        return f"<Timer at {self.when:.6f}{'' if self.callback else ' spent'}>"


class TimerHeap:
    """A heap whose cancelled entries are swept once they outnumber the others."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._sequence = 0
        self._cancelled = 0

    def add(self, when: float, callback: Callable[[], None], blame: "Owned | None") -> Timer:
        """Run `callback` once, at `when` in seconds of the pump's clock."""
        timer = Timer(self, when, callback, blame)
        self._sequence += 1
        heapq.heappush(self._heap, (when, self._sequence, timer))
        return timer

    def next_at(self) -> float | None:
        """When the first timer is due."""
        while self._heap and self._heap[0][2].callback is None:
            heapq.heappop(self._heap)
            self._cancelled -= 1
        return self._heap[0][0] if self._heap else None

    def is_due(self, now: float) -> bool:
        """Whether `pop_due` may give one; a cancelled one counts."""
        return bool(self._heap) and self._heap[0][0] <= now + _EARLY

    def pop_due(self, now: float) -> Timer | None:
        """The first timer if it is due, taken out."""
        when = self.next_at()
        if when is None or when > now + _EARLY:
            return None
        return heapq.heappop(self._heap)[2]

    def note_cancelled(self) -> None:
        """Count a cancelled timer, and sweep when they are most of the heap (keep-alives re-arm all day)."""
        self._cancelled += 1
        if self._cancelled > _SWEEP_AT and self._cancelled * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].callback is not None]
            heapq.heapify(self._heap)
            self._cancelled = 0

    def __len__(self) -> int:
        return len(self._heap) - self._cancelled
