"""The list of all that will happen in a virtual network.

The invariant: things happen in the order of time, and at one time in the order in which they were asked for. It knows
no packet. The run's clock (`seeded.JumpClock`) lets them happen, as soon as no task can run or between two rounds of
tasks: a task of its own would cost two more turns of the loop for each of them, and a cancel scope for each process
more than all that the network does.
"""

import heapq
from collections.abc import Callable
from math import inf

Action = Callable[[], None]


class Agenda:
    """Actions and their times, in seconds of the run's clock."""

    __slots__ = ("_heap", "_sequence", "happened")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Action]] = []
        self._sequence = 0
        self.happened = 0
        """How many actions ran."""

    def add(self, when: float, action: Action) -> None:
        """Run `action` at `when`, or as soon as may be if that is past; never inside this call."""
        self._sequence += 1
        heapq.heappush(self._heap, (when, self._sequence, action))

    @property
    def next_at(self) -> float:
        """When the next action is due; infinity if there is none."""
        return self._heap[0][0] if self._heap else inf

    def run_due(self, now: float) -> None:
        """Run what is due by `now`; what that asks for by then is left for the next call."""
        heap, last = self._heap, self._sequence
        while heap and heap[0][0] <= now and heap[0][1] <= last:
            self.happened += 1
            heapq.heappop(heap)[2]()

    def __len__(self) -> int:
        return len(self._heap)

    def __repr__(self) -> str:
        return f"<Agenda of {len(self._heap)}, {self.happened} happened>"
