"""The one list of all that will happen in a virtual network, and the one task that lets it happen.

The invariant: things happen in the order of time, and at one time in the order in which they were asked for; a process
that waits costs nothing until something concerns it. It knows no packet.
"""

import heapq
from collections.abc import Callable

import trio

Action = Callable[[], None]


class Agenda:
    """Runs actions at their times, in seconds of `trio.current_time()`.

    One system task sleeps until the next of them, however many processes there are: a cancel scope for each would cost
    more than all that the network does. It ends with the run, and what was still to come with it.
    """

    __slots__ = ("_heap", "_is_running", "_scope", "_sequence", "happened")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Action]] = []
        self._sequence = 0
        self._scope: trio.CancelScope | None = None
        self._is_running = False
        self.happened = 0
        """How many actions ran."""

    def add(self, when: float, action: Action) -> None:
        """Run `action` at `when`, or as soon as may be if that is past; never inside this call."""
        self._sequence += 1
        heapq.heappush(self._heap, (when, self._sequence, action))
        if self._scope is not None:
            if when < self._scope.deadline:  # noqa: PLR1730  # to set it costs, even to what it is
                self._scope.deadline = when
        elif not self._is_running:
            self._is_running = True
            trio.lowlevel.spawn_system_task(self._run, name="virtual network")

    def later(self, seconds: float, action: Action) -> None:
        """Run `action` after so many seconds."""
        self.add(trio.current_time() + seconds, action)

    async def _run(self) -> None:
        heap = self._heap
        try:
            while True:
                now = trio.current_time()
                while heap and heap[0][0] <= now:
                    self.happened += 1
                    heapq.heappop(heap)[2]()
                with trio.CancelScope(deadline=heap[0][0] if heap else float("inf")) as self._scope:
                    await trio.sleep_forever()
                self._scope = None
        finally:
            self._scope = None
            self._is_running = False
            heap.clear()

    def __len__(self) -> int:
        return len(self._heap)

    def __repr__(self) -> str:
        return f"<Agenda of {len(self._heap)}, {self.happened} happened>"
