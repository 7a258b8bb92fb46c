"""What peers do about names that all of them share, or all of one network: buckets, and turns at them.

Invariant: whoever waits is served in slices, in turn, so a peer that asks for much delays another one by a slice, and
many peers by as many; messages of many claims wait in a line of their own, and who asks for little waits for a slice of
each line. What bad work costs a network is waited for by those alone who bring claims and are new or brought some, who
all together have the turns of one peer. Which peer it is, and what it owes by itself, is the matter of `allowance`.
"""

import enum
from collections import OrderedDict
from collections.abc import Awaitable, Callable

import trio

from beam_actors.naming.limits import Limits
from beam_actors.naming.turn import Turn
from beam_actors.peers import network_of
from beam_actors.ports import Clock
from beam_actors.values import Bucket, TcpAddress

Check = Callable[[], None]
"""Raises when it is in vain to wait any longer; asked once a second at least."""
Price = Callable[[], Awaitable[float]]
"""What something costs now, in claims: perhaps less when its turn comes than when it began to wait."""

_SLICE = 4.0
"""What is taken of a common bucket in one turn: what most questions cost."""
_LOOK = 1.0


def fixed(count: float) -> Price:
    """The price of what costs that at any time."""

    async def price() -> float:
        return count

    return price


class Line(enum.Enum):
    """In which messages of many claims wait, one after the other.

    By slices, each as long as all, two hundred peers who bring the same after a partition would be done together, and
    at the end. So the first one is done soon, and what it brought is cheap when the next one's turn comes.
    """

    TAKEN = enum.auto()
    """Brought by peers."""
    GIVEN = enum.auto()
    """Wanted by peers."""


class Commons:
    """The bucket of all peers, or of all of one network, of which each turn takes at most a slice."""

    __slots__ = ("_bucket", "_clock", "_lines", "_small", "_turn")

    def __init__(self, rate: float, burst: float, clock: Clock) -> None:
        """`rate` claims a second from all of them, `burst` at once after a silence."""
        self._bucket = Bucket(rate, burst, clock.monotonic())
        self._clock = clock
        self._turn, self._small = Turn(), Turn()
        self._lines: dict[Line, Turn] = {}

    async def pay(self, count: float, check: Check) -> None:
        """Wait until all peers together may do so much more, slice by slice."""
        while count > 0:
            async with self._small:
                await self._take(count, check)
            count -= _SLICE

    async def pay_in_line(self, line: Line, price: Price, check: Check) -> float:
        """The same at one time, when nobody is before it in the line; how much it was. What is small waits in none."""
        count = await price()
        if count <= _SLICE:
            await self.pay(count, check)
            return count
        paid = 0.0
        async with self._lines.setdefault(line, Turn()):
            while (left := await price() - paid) > 0:
                await self._take(left, check)
                paid += min(left, _SLICE)
        return paid

    async def _take(self, most: float, check: Check) -> None:
        async with self._turn:  # for which one of each line waits, and one of those that are in none
            check()
            await wait(self._bucket.take(min(most, _SLICE), self._clock.monotonic()), check)

    def __repr__(self) -> str:
        return f"Commons({self._bucket!r})"


class Reputation(enum.Enum):
    """How far a peer is trusted not to bring bad work, as against others of its network."""

    GOOD = enum.auto()
    """It has been here for a while, and brought none."""
    NEW = enum.auto()
    """Anybody may be so at any time."""
    BAD = enum.auto()
    """It brought some lately."""


class Network:
    """What all peers of one network may, and what they owe for bad work.

    Of those who bring claims all of bad reputation have the turns of one newcomer together, and all newcomers those of
    one other peer, and they alone wait until what is owed is paid.
    """

    __slots__ = ("_bad", "_clock", "_commons", "_new", "_owed")

    def __init__(self, rate: float, burst: float, clock: Clock) -> None:
        """As `Commons`; bad work is paid for at the same rate, beside."""
        self._commons = Commons(rate, burst, clock)
        self._owed = Bucket(rate, burst, clock.monotonic())
        self._clock = clock
        self._new, self._bad = Turn(), Turn()

    async def pay(self, count: float, check: Check) -> None:
        """Wait until they may do so much more."""
        await self._commons.pay(count, check)

    async def pay_for_claims(
        self, count: float, check: Check, reputation: Callable[[], tuple[Reputation, float]]
    ) -> None:
        """The same to bring claims; `reputation` is that of whoever brings them, and for how many seconds more."""
        while count > 0:
            some = min(count, _SLICE)
            how, left = reputation()
            with trio.move_on_after(left) as scope:
                match how:
                    case Reputation.GOOD:
                        await self.pay(some, check)
                    case Reputation.NEW:
                        await self._pay_as_new(some, check)
                    case Reputation.BAD:
                        async with self._bad:
                            check()
                            await self._pay_as_new(some, check)
            if not scope.cancelled_caught:
                count -= some

    async def _pay_as_new(self, count: float, check: Check) -> None:
        async with self._new:
            check()
            await wait(self._owed.take(0, self._clock.monotonic()), check)
            await self.pay(count, check)

    def charge(self, count: float) -> None:
        """They owe so much more, but no more than the burst in all: of many keys the others wait for seconds only."""
        self._owed.charge(count, self._clock.monotonic())

    def __repr__(self) -> str:
        return f"Network({self._commons!r}, owes of {self._owed!r})"


class Networks:
    """The networks of addresses (see `network_of`) that came last."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._networks: OrderedDict[str, Network] = OrderedDict()

    def of(self, address: TcpAddress) -> Network:
        """That of the address."""
        limits, name = self._limits, network_of(address)
        network = self._networks.get(name)
        if network is None:
            rate, burst = limits.network_claims_per_second, limits.network_claims_burst
            network = self._networks[name] = Network(rate, burst, self._clock)
            if len(self._networks) > limits.allowances:
                self._networks.popitem(last=False)
        self._networks.move_to_end(name)
        return network

    def __repr__(self) -> str:
        return f"<Networks, {len(self._networks)} remembered>"


async def wait(seconds: float, check: Check) -> None:
    """Sleep, unless it is in vain."""
    while seconds > 0:
        await trio.sleep(min(seconds, _LOOK))
        check()
        seconds -= _LOOK
