"""What peers may have this node do about names: so much each, so much all together, and each in its turn.

Invariant: one peer has one thing done at a time, however many streams it opens; what it owes it has waited for before
anything is done, and it owes it still when it comes again, also what was not known yet when it left. Above the peers'
own buckets stands one for each network of addresses, since keys cost nothing, and one for all, which serve whoever
waits in slices, in turn: a peer that asks for much delays another one by a slice, and many peers by as many. What bad
work costs its network is waited for by those alone who bring claims and are new or brought some, who all together have
the turns of one peer: so new keys, which cost nothing, delay their neighbours by little. It counts claims, and knows
neither streams nor messages, nor which peers are wanted.
"""

import enum
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf

import trio

from beam_actors.errors import AskTimeout
from beam_actors.naming.limits import Limits
from beam_actors.peers import network_of
from beam_actors.ports import Clock
from beam_actors.values import Address, Bucket, PeerId, TcpAddress

Check = Callable[[], None]
"""Raises when it is in vain to wait any longer; asked once a second at least."""

_SLICE = 48.0
"""What one peer takes of the common bucket in one turn: the claims of one message."""
_SMALL_SLICE = 4.0
"""The same of its network's: what most questions cost, so that one waits for few claims of each neighbour."""
_LOOK = 1.0
_FREE_EXCHANGES = 2
"""Before the pace holds: one on connect, and one because it broke off."""


class Turn:
    """One at a time, in the order in which they came; at once, without a checkpoint, if it is nobody's.

    A `trio.Lock` yields each time, and each peer has two of these that nobody ever waits for: three objects less.
    """

    __slots__ = ("_taken", "_waiting")

    def __init__(self) -> None:
        self._taken = False
        self._waiting: trio.lowlevel.ParkingLot | None = None

    async def __aenter__(self) -> None:
        if self._taken:
            if self._waiting is None:
                self._waiting = trio.lowlevel.ParkingLot()
            await self._waiting.park()  # whoever had it hands it over, so that nobody comes between
        self._taken = True

    async def __aexit__(self, *_error: object) -> None:
        if self._waiting:
            self._waiting.unpark()
        else:
            self._taken = False
            self._waiting = None

    def __repr__(self) -> str:
        return f"Turn({'taken' if self._taken else 'free'}, {len(self._waiting or ())} wait)"


class Commons:
    """The bucket of all peers, or of all of one network, in each turn of which one takes at most a slice."""

    __slots__ = ("_bucket", "_clock", "_slice", "_turn")

    def __init__(self, rate: float, burst: float, clock: Clock, *, at_once: float = _SLICE) -> None:
        """`rate` claims a second from all of them, `burst` at once after a silence, `at_once` in one turn."""
        self._slice = at_once
        self._bucket = Bucket(rate, burst, clock.monotonic())
        self._clock = clock
        self._turn = Turn()

    async def pay(self, count: float, check: Check) -> None:
        """Wait until all peers together may do so much more."""
        while count > 0:
            async with self._turn:
                check()
                await wait(self._bucket.take(min(count, self._slice), self._clock.monotonic()), check)
            count -= self._slice

    def __repr__(self) -> str:
        return f"Commons({self._bucket!r})"


class Standing(enum.Enum):
    """How far a peer is trusted not to bring bad work, as against others of its network."""

    GOOD = enum.auto()
    """It has been here for a while, and brought none."""
    NEW = enum.auto()
    """Anybody may be so at any time."""
    BAD = enum.auto()
    """It brought some lately."""


class Network:
    """What all peers of one network may, and what they owe for bad work.

    Of those who bring claims all of bad standing have the turns of one newcomer together, and all newcomers those of
    one other peer, and they alone wait until what is owed is paid.
    """

    __slots__ = ("_bad", "_clock", "_commons", "_new", "_owed")

    def __init__(self, rate: float, burst: float, clock: Clock) -> None:
        """As `Commons`; bad work is paid for at the same rate, beside."""
        self._commons = Commons(rate, burst, clock, at_once=_SMALL_SLICE)
        self._owed = Bucket(rate, burst, clock.monotonic())
        self._clock = clock
        self._new, self._bad = Turn(), Turn()

    async def pay(self, count: float, check: Check) -> None:
        """Wait until they may do so much more."""
        await self._commons.pay(count, check)

    async def pay_for_claims(self, count: float, check: Check, standing: Callable[[], tuple[Standing, float]]) -> None:
        """The same to bring claims; `standing` is that of whoever brings them, and for how many seconds more."""
        while count > 0:
            some = min(count, _SMALL_SLICE)
            now, seconds = standing()
            with trio.move_on_after(seconds) as scope:
                match now:
                    case Standing.GOOD:
                        await self.pay(some, check)
                    case Standing.NEW:
                        await self._pay_as_new(some, check)
                    case Standing.BAD:
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


class Allowance:
    """The bucket of one peer, below that of its network and that of all; and how often the two compare."""

    __slots__ = (
        "_at_stake",
        "_bad_at",
        "_bucket",
        "_clock",
        "_commons",
        "_direct",
        "_networks",
        "_since",
        "_turn",
        "answering",
        "failures",
        "opening",
    )

    def __init__(
        self,
        rate: float,
        burst: float,
        commons: Commons,
        clock: Clock,
        networks: "Networks | None" = None,
        *,
        pace: float = 1.0,
    ) -> None:
        """`rate` claims a second from this peer, `burst` at once after a silence, and `pace` exchanges a second."""
        now = clock.monotonic()
        self._bucket = Bucket(rate, burst, now)
        self.opening, self.answering = (Bucket(pace, _FREE_EXCHANGES, now) for _ in range(2))
        """How often this node opens an exchange, and how often it answers one."""
        self.failures = 0
        """How many that this node opened failed in a row."""
        self._commons = commons
        self._clock = clock
        self._networks = networks
        self._direct: list[Network] = []
        self._at_stake = 0
        self._since, self._bad_at = now, -inf
        self._turn = Turn()

    @property
    def is_full(self) -> bool:
        """Whether it is as good as new, and stays so."""
        now, is_bad = self._clock.monotonic(), self._standing()[0] is Standing.BAD
        buckets = (self._bucket, self.opening, self.answering)
        return not self._at_stake and not is_bad and all(bucket.is_full(now) for bucket in buckets)

    def _standing(self) -> tuple[Standing, float]:
        if self._networks is None:
            return Standing.GOOD, inf
        return self._networks.standing(self._since, self._bad_at)

    @contextmanager
    def over(self, remote: Address | None) -> Iterator[None]:
        """Within this the peer speaks over a stream from that address, and shares what its network may.

        Over a relay it is in none, unless it speaks over another stream meanwhile that has one.
        """
        if self._networks is None or not isinstance(remote, TcpAddress):
            yield
            return
        network = self._networks.of(remote)
        self._direct.append(network)
        try:
            yield
        finally:
            self._direct.remove(network)

    @property
    def _network(self) -> Network | None:
        return self._direct[-1] if self._direct else None

    async def pay(self, count: float, check: Check, *, claims: bool = False) -> None:
        """Wait until the peer may do so much more, or bring so many claims; what `check` raises ends the wait."""
        async with self._turn:
            check()
            await wait(self._bucket.take(count, self._clock.monotonic()), check)
            if (network := self._network) is not None:
                if claims:
                    await network.pay_for_claims(count, check, self._standing)
                else:
                    await network.pay(count, check)
            await self._commons.pay(count, check)

    def charge(self, count: float) -> None:
        """Owe so much more for bad work: what the peer does next waits for it, over whichever stream and session."""
        self._bad_at = self._clock.monotonic()
        self._owe(count)

    def _owe(self, count: float) -> None:
        self._bucket.take(count, self._clock.monotonic())
        if self._network is not None:
            self._network.charge(count)

    @contextmanager
    def at_stake(self, count: float) -> Iterator[None]:
        """Within this the peer has something done that has its price afterwards, which is `count` if nobody hears it.

        Whoever hangs up, or has so much done that the answer comes too late, has had it done all the same. What fails
        otherwise fails here, and is free.
        """
        self._at_stake += 1
        try:
            yield
        except (trio.Cancelled, AskTimeout):
            self._since = self._clock.monotonic()  # nobody knows how bad it was: it is new again
            self._owe(count)
            raise
        finally:
            self._at_stake -= 1

    async def settle(self) -> None:
        """Wait until nothing of the peer waits: before its next message is read."""
        async with self._turn:
            pass

    def __repr__(self) -> str:
        return f"Allowance({self._bucket!r})"


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

    def standing(self, since: float, bad_at: float) -> tuple[Standing, float]:
        """That of a peer which has been known since, and brought bad work last then; for how many seconds more."""
        now = self._clock.monotonic()
        if (seconds := bad_at + self._limits.bad_standing - now) > 0:
            return Standing.BAD, seconds
        if (seconds := since + self._limits.newcomer - now) > 0:
            return Standing.NEW, seconds
        return Standing.GOOD, inf

    def __repr__(self) -> str:
        return f"<Networks, {len(self._networks)} remembered>"


class Allowances:
    """The allowances of peers: who left finds its own again, as long as it is not full."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._commons = Commons(limits.all_claims_per_second, limits.all_claims_burst, clock)
        self._networks = Networks(limits, clock)
        self._left: OrderedDict[PeerId, Allowance] = OrderedDict()

    def __len__(self) -> int:
        return len(self._left)

    def of(self, peer: PeerId) -> Allowance:
        """That of a peer that comes."""
        limits = self._limits
        return self._left.pop(peer, None) or Allowance(
            limits.claims_per_second,
            limits.claims_burst,
            self._commons,
            self._clock,
            self._networks,
            pace=1 / limits.exchange_interval,
        )

    def left(self, peer: PeerId, allowance: Allowance) -> None:
        """A peer goes; of too many that went those are forgotten that did longest ago."""
        self._left[peer] = allowance
        self._left.move_to_end(peer)
        while self._left and (len(self) > self._limits.allowances or next(iter(self._left.values())).is_full):
            self._left.popitem(last=False)

    def __repr__(self) -> str:
        return f"<Allowances, {len(self)} remembered>"


async def wait(seconds: float, check: Check) -> None:
    """Sleep, unless it is in vain."""
    while seconds > 0:
        await trio.sleep(min(seconds, _LOOK))
        check()
        seconds -= _LOOK
