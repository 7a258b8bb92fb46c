"""What `spread` holds for one connected peer: what it owes the peer, and what it does for it.

Invariant: an exchange is due no more often than the allowance lets one be opened, and later from failure to failure. It
opens no stream, and judges no claim.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable
from math import inf
from typing import TYPE_CHECKING

import trio

from beam_actors.errors import BeamError, PeerRefused
from beam_actors.naming.allowance import Allowance
from beam_actors.naming.limits import HOUR, Limits
from beam_actors.naming.outbox import Outbox
from beam_actors.naming.turn import Turn
from beam_actors.naming.unkept import Unkept
from beam_actors.ports import Clock

if TYPE_CHECKING:
    from beam_actors.naming.network import ByteStream
    from beam_actors.runtime import Worker

_FIRST_PAUSE = 7.5
"""Seconds within which an exchange that failed is tried again, by chance; each further failure doubles them."""
_FREE_REFUSALS = 8
"""While no more failed in a row, what the peer refuses does not count for this node's own pace."""
_TICK = 0.001
"""Seconds: a shorter rest can be none at all by rounding, on a clock that stands still meanwhile."""


class Link:
    """What this node owes one connected peer, and what it does for it."""

    __slots__ = (
        "_compared",
        "_fruitless",
        "_interval",
        "_remembered",
        "_rest",
        "_rests_until",
        "allowance",
        "behind",
        "comparing",
        "due",
        "in_vain",
        "outbox",
        "streams",
        "unkept",
        "worker",
    )

    def __init__(self, allowance: Allowance, limits: Limits, clock: Clock, *, behind: bool) -> None:
        self.allowance = allowance
        self.comparing = Turn()  # an offer is held in memory: one at a time
        self.outbox = Outbox(limits.outbox)
        self.unkept = Unkept(limits.unkept, limits.exchange_interval, clock)
        self.behind = behind  # a full exchange is needed: at first by one side, later when a push was lost
        self.due: float | None = None  # when it may be opened, on the monotonic clock; news is pushed meanwhile
        self.in_vain: float | None = None
        """When this node has waited long enough for the exchange that the peer is to open."""
        self._interval, self._remembered = limits.exchange_interval, limits.unkept
        self._fruitless = 0
        self._compared, self._rests_until = -inf, -inf
        self._rest = trio.CancelScope()
        self.streams: dict[ByteStream, Worker] = {}
        """Those that the peer opened, the oldest first, and who serves each."""
        self.worker: Worker | None = None

    def tell(self, claims: Iterable[tuple[bytes, bytes]], now: float, after: float) -> None:
        """Tell the peer, see `Outbox`, `after` seconds from now at the latest; an exchange repairs what has no room."""
        self.unkept.stirred()
        if not self.outbox.put(claims, now + after):
            self.behind = True
            after = 0.0
        self.wake(after)

    def has(self, ids: Collection[bytes]) -> None:
        """The peer says so: it need not be told, and what it has is compared."""
        self.outbox.drop(ids)
        self.unkept.kept(ids)
        self.unkept.stirred()

    def next_exchange(self, now: float) -> float:
        """When this node may open one more."""
        return now + self.allowance.opening.take(1, now)

    def failed(self, error: BeamError, now: float, chance: float, *, again: bool) -> None:
        """An exchange that this node opened failed; it is due again, if `again`, but not at once.

        `chance` is uniform in [0, 1). A peer whom many ask at once can't answer them if they come back at once. Most
        are answered within seconds; of those who are not, each failure in a row lets half as many come. What the peer
        refused counts for neither side: a few times, or it might refuse for ever.
        """
        failures = self.allowance.failures
        if isinstance(error, PeerRefused) and failures < _FREE_REFUSALS:
            self.allowance.opening.take(-1, now)
        if again:
            self.allowance.failures += 1
            self.due = self.next_exchange(now) + chance * min(self._interval, _FIRST_PAUSE * 2.0 ** min(failures, 16))

    def gone(self, now: float) -> None:
        """The connection ended, and with it the exchange that was to be opened."""
        if self.due is not None:
            self.due = None
            self.allowance.opening.take(-1, now)

    def compared(self, in_vain: int, now: float) -> None:
        """There was an exchange, which found so many differences and changed nothing here.

        Of two nodes that are full each holds what it heard of first, thousands of claims for which the other one has no
        room, and more than `unkept` remembers. So each such exchange doubles the time to the next one by chance, to an
        hour at most; and from the second one on it is an hour, unless either tells the other something new.
        """
        fruitless = in_vain > self._remembered
        self._fruitless = self._fruitless + 1 if fruitless else 0
        pause = min(HOUR, self._interval * 2.0 ** min(self._fruitless, 16))
        self._rests_until = now + pause if fruitless else -inf
        self._compared = now if self._fruitless > 1 else -inf

    def rouse(self) -> None:
        """The peer has something that this node lacks, and chance may choose it soon."""
        self._compared = self._rests_until = -inf

    def may_compare(self) -> bool:
        """Whether an exchange may be had for no reason but chance."""
        return self.worker is not None and not self.unkept.rests(self._compared, self._rests_until)

    def fall_behind(self) -> None:
        """Have a full exchange soon."""
        self.behind = True
        self.wake(0.0)

    def wake(self, after: float) -> None:
        """There is something to do so many seconds from now."""
        self._rest.deadline = min(self._rest.deadline, trio.current_time() + after)

    async def rest(self, now: float, until: float, meanwhile: Callable[[], Awaitable[None]]) -> None:
        """Await `meanwhile` until there may be something to do; at `now` there is nothing. One at a time.

        `until` says when there is to be asked for something.
        """
        when = min(until, self.outbox.due, self._or_never(self.due), self._or_never(self.in_vain))
        self._rest = trio.CancelScope(deadline=trio.current_time() + max(when - now, _TICK))
        with self._rest:
            await meanwhile()

    @staticmethod
    def _or_never(when: float | None) -> float:
        return inf if when is None else when

    def __repr__(self) -> str:
        return f"<Link, {len(self.outbox)} to push, {len(self.streams)} streams>"
