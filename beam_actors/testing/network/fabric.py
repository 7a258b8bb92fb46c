"""How packets travel between virtual hosts: latency per pair, cuts, dead machines, and order within a connection.

The invariant: what a connection sends arrives once, whole and in order, or not at all: a cut holds packets back as
TCP's retransmission would, and a datagram that meets a cut is gone. Nothing is drawn at random here, and nothing
iterates over a set, so a run is a function of its calls.
"""

import heapq
from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs
import trio

if TYPE_CHECKING:
    from beam_actors.testing.network.driver import VirtualDriver
    from beam_actors.testing.network.host import VirtualHost

Action = Callable[[], None]


@attrs.define(slots=True)
class Lane:
    """One direction of one connection: packets on it don't overtake each other."""

    last_arrival: float = 0.0


@attrs.frozen(slots=True)
class _Packet:
    source: "VirtualHost"
    target: "VirtualHost"
    driver: "VirtualDriver"
    lane: Lane
    action: Action


class Agenda:
    """What will happen to one driver, in the order of time and then of sending."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Action]] = []

    def add(self, when: float, sequence: int, action: Action) -> None:
        """Do `action` at `when`; `sequence` orders ties."""
        heapq.heappush(self._heap, (when, sequence, action))

    @property
    def next_at(self) -> float:
        """When the next thing happens, or infinity."""
        return self._heap[0][0] if self._heap else float("inf")

    def run_due(self, now: float) -> None:
        """Do all that is due, what becomes due by it included."""
        while self._heap and self._heap[0][0] <= now:
            heapq.heappop(self._heap)[2]()

    def clear(self) -> None:
        """Forget everything."""
        self._heap.clear()


class Fabric:
    """The network between hosts."""

    def __init__(self, latency: float) -> None:
        self._latency = latency
        self._latencies: dict[tuple[str, str], float] = {}
        self._cuts: dict[tuple[str, str], None] = {}
        self._held: list[_Packet] = []
        self._sequence = 0

    def set_latency(self, a: "VirtualHost", b: "VirtualHost", seconds: float) -> None:
        """One-way seconds between two hosts from now on; packets under way keep their time."""
        self._latencies[_pair(a, b)] = seconds

    def latency(self, a: "VirtualHost", b: "VirtualHost") -> float:
        """One-way seconds between two hosts; a host reaches itself at once."""
        return 0.0 if a is b else self._latencies.get(_pair(a, b), self._latency)

    def cut(self, a: "VirtualHost", b: "VirtualHost") -> None:
        """Let nothing pass between two hosts; what is under way still arrives."""
        self._cuts[_pair(a, b)] = None

    def heal(self, a: "VirtualHost", b: "VirtualHost") -> None:
        """Undo a cut; what connections sent meanwhile is on its way now."""
        self._cuts.pop(_pair(a, b), None)
        self.release()

    def passes(self, a: "VirtualHost", b: "VirtualHost") -> bool:
        """Whether a packet sent now would arrive."""
        return a.up and b.up and (a is b or _pair(a, b) not in self._cuts)

    def send(
        self, driver: "VirtualDriver", source: "VirtualHost", target: "VirtualHost", lane: Lane, action: Action
    ) -> bool:
        """Do `action` on the driver's agenda when the packet arrives; False if it is held back for now."""
        packet = _Packet(source, target, driver, lane, action)
        if not source.up:
            return False
        if not self.passes(source, target) or any(held.lane is lane for held in self._held):
            self._held.append(packet)
            return False
        self._dispatch(packet)
        return True

    def cast(self, driver: "VirtualDriver", source: "VirtualHost", target: "VirtualHost", action: Action) -> None:
        """The same for a datagram: lost if it can't pass."""
        if self.passes(source, target):
            self.later(driver, self.latency(source, target), action)

    def later(self, driver: "VirtualDriver", seconds: float, action: Action) -> None:
        """Do `action` on the driver's agenda after some time."""
        self._sequence += 1
        driver.schedule(trio.current_time() + seconds, self._sequence, action)

    def release(self) -> None:
        """Send what was held back and passes now, in order."""
        held, self._held = self._held, []
        for packet in held:
            if not packet.source.up:
                continue
            if self.passes(packet.source, packet.target):
                self._dispatch(packet)
            else:
                self._held.append(packet)

    def drop_from(self, host: "VirtualHost") -> None:
        """Forget what a machine that died was retransmitting."""
        self._held = [packet for packet in self._held if packet.source is not host]

    def _dispatch(self, packet: _Packet) -> None:
        arrival = trio.current_time() + self.latency(packet.source, packet.target)
        packet.lane.last_arrival = max(arrival, packet.lane.last_arrival)
        self._sequence += 1
        packet.driver.schedule(packet.lane.last_arrival, self._sequence, packet.action)


def _pair(a: "VirtualHost", b: "VirtualHost") -> tuple[str, str]:
    return (a.name, b.name) if a.name <= b.name else (b.name, a.name)
