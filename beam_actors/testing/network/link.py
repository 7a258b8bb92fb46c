"""One direction between two machines: when what is sent now arrives, if it does.

The invariant: the dice are thrown in the order of sending, and only for what the conditions make uncertain, so that a
link without jitter and loss draws nothing. It knows no socket and no order within a connection (`lane`).
"""

from math import ceil
from random import Random
from typing import TYPE_CHECKING

from beam_actors.testing.network.conditions import Conditions

if TYPE_CHECKING:
    from beam_actors.testing.network.lane import Lane
    from beam_actors.testing.network.realm import Site

_TICKS = 1024
"""Ticks a second, at which packets arrive whose time has jitter: to wake the loop costs more than what a packet does,
and thousands of nodes have as many packets in a tick."""
_SEGMENT = 1448
"""Bytes of a stream in one packet of 1,500 (with timestamps)."""
_UNKNOWN = Conditions()
_MIN_RTO = 0.2
"""Linux's TCP_RTO_MIN, which it adds to the measured round trip."""
_MAX_RTO = 120.0
"""Linux's TCP_RTO_MAX."""
_RETRIES = 15
"""Linux's tcp_retries2: a packet that is lost more often was the connection's last."""
_FAST = 3
"""So many packets that follow a lost one tell of it within a round trip (RFC 5681, section 3.2)."""


class Link:
    """From `source` to `target`, over whatever lies between."""

    __slots__ = (
        "_busy_until",
        "_in_burst",
        "_random",
        "clogged_until",
        "conditions",
        "is_cut",
        "own",
        "source",
        "stalled",
        "target",
        "version",
    )

    def __init__(self, source: "Site", target: "Site", dice: Random) -> None:
        self.source = source
        self.target = target
        self.own: Conditions | None = None
        """What a scenario set for this link alone."""
        self.conditions = _UNKNOWN
        """What holds now; `Fabric.link` keeps it so."""
        self.version = -1
        self.is_cut = False
        self.clogged_until = 0.0
        self.stalled: dict[Lane, None] = {}
        """The connections whose packets can't pass now, in the order in which they began to wait."""
        self._random = dice
        self._busy_until = 0.0
        self._in_burst = False

    @property
    def retry(self) -> float:
        """Seconds after which TCP sends again what nobody acknowledged, for the first time."""
        return 2 * self.conditions.latency + _MIN_RTO

    def carry(self, now: float, size: int) -> float | None:
        """When so many bytes of a stream are there, retransmissions included; None if TCP gives up before."""
        conditions = self.conditions
        leaves = self._leave(now, size)
        if conditions.loss:
            segments = max(1, -(-size // _SEGMENT))
            if any(self._loses() for _ in range(segments)):
                wait = 2 * conditions.latency if segments > _FAST else self.retry
                self._in_burst = False  # a burst is over before TCP tries again
                for attempt in range(_RETRIES):
                    leaves += wait
                    if self._random.random() >= conditions.loss:
                        break
                    wait = min(self.retry * 2**attempt, _MAX_RTO)
                else:
                    return None
        return self._land(leaves)

    def cast(self, now: float, size: int) -> list[float]:
        """When one datagram arrives: never, once, or twice."""
        conditions = self.conditions
        if conditions.bandwidth is not None and self._busy_until - now > conditions.queue:
            return []
        leaves = self._leave(now, size)
        if conditions.loss and self._loses():
            return []
        arrivals = [self._land(leaves)]
        if conditions.duplicate and self._random.random() < conditions.duplicate:
            arrivals.append(self._land(leaves))
        return arrivals

    def resend(self, now: float, since: float) -> float:
        """When TCP, which has had no answer since then, tries next, and that arrives."""
        wait, attempt = self.retry, since
        while attempt <= now:
            attempt += wait
            wait = min(2 * wait, _MAX_RTO)
        return self._land(max(attempt, self.clogged_until))

    def _leave(self, now: float, size: int) -> float:
        start = max(now, self.clogged_until)
        if self.conditions.bandwidth is None:
            return start
        self._busy_until = max(start, self._busy_until) + size / self.conditions.bandwidth
        return self._busy_until

    def _land(self, leaves: float) -> float:
        """When it is there."""
        conditions = self.conditions
        arrives = leaves + conditions.latency
        if conditions.reorder and self._random.random() < conditions.reorder:
            arrives += self._random.random() * 2 * conditions.latency
        if conditions.jitter:
            arrives = ceil((arrives + self._random.random() * conditions.jitter) * _TICKS) / _TICKS
        return arrives

    def _loses(self) -> bool:
        loss, burst = self.conditions.loss, self.conditions.burst
        if burst <= 1 or loss >= 1:
            return self._random.random() < loss
        if self._in_burst:
            self._in_burst = self._random.random() >= 1 / burst
        else:
            self._in_burst = self._random.random() < loss / (burst * (1 - loss))
        return self._in_burst

    def __repr__(self) -> str:
        return f"<Link {self.source.name} -> {self.target.name}{' cut' if self.is_cut else ''} {self.conditions}>"
