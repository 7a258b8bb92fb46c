"""What peers may have this node do about names: so much each, so much all together, and each in its turn.

Invariant: one peer has one thing done at a time, however many streams it opens; what it owes it has waited for before
anything is done, and it owes it still when it comes again, also what was not known yet when it left. Above the peers'
own buckets stands one for each network of addresses, since keys cost nothing, and one for all, which serve whoever
waits in slices, in turn: a peer that asks for much delays another one by a slice, and many peers by as many. It counts
claims, and knows neither streams nor messages, nor which peers are wanted.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

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
_LOOK = 1.0


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
    """The bucket of all peers, or of all of one network."""

    __slots__ = ("_bucket", "_clock", "_turn")

    def __init__(self, rate: float, burst: float, clock: Clock) -> None:
        """`rate` claims a second from all of them, `burst` at once after a silence."""
        self._bucket = Bucket(rate, burst, clock.monotonic())
        self._clock = clock
        self._turn = Turn()

    async def pay(self, count: float, check: Check) -> None:
        """Wait until all peers together may do so much more."""
        while count > 0:
            async with self._turn:
                check()
                await wait(self._bucket.take(min(count, _SLICE), self._clock.monotonic()), check)
            count -= _SLICE

    def charge(self, count: float) -> None:
        """They owe so much more, but no more than the burst in all: of many keys the others wait for seconds only."""
        self._bucket.charge(count, self._clock.monotonic())

    def __repr__(self) -> str:
        return f"Commons({self._bucket!r})"


class Allowance:
    """The bucket of one peer, below that of its network and that of all."""

    __slots__ = ("_at_stake", "_bucket", "_clock", "_commons", "_network", "_networks", "_turn")

    def __init__(
        self, rate: float, burst: float, commons: Commons, clock: Clock, networks: "Networks | None" = None
    ) -> None:
        """`rate` claims a second from this peer, `burst` at once after a silence."""
        self._bucket = Bucket(rate, burst, clock.monotonic())
        self._commons = commons
        self._clock = clock
        self._networks = networks
        self._network: Commons | None = None
        self._at_stake = 0
        self._turn = Turn()

    @property
    def is_full(self) -> bool:
        """Whether it is as good as new, and stays so."""
        return not self._at_stake and self._bucket.is_full(self._clock.monotonic())

    def came_from(self, remote: Address | None) -> None:
        """The peer is at that address, and pays from its network's bucket, too; over a relay it has none."""
        if self._networks is not None:
            self._network = self._networks.of(remote) if isinstance(remote, TcpAddress) else None

    async def pay(self, count: float, check: Check) -> None:
        """Wait until the peer may do so much more; what `check` raises ends the wait."""
        async with self._turn:
            check()
            await wait(self._bucket.take(count, self._clock.monotonic()), check)
            if self._network is not None:
                await self._network.pay(count, check)
            await self._commons.pay(count, check)

    def charge(self, count: float) -> None:
        """Owe so much more: whatever the peer does next waits for it, over whichever stream and session."""
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
            self.charge(count)
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
    """The buckets of networks of addresses (see `network_of`), of those that came last."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._commons: OrderedDict[str, Commons] = OrderedDict()

    def of(self, address: TcpAddress) -> Commons:
        """That of the address."""
        limits, network = self._limits, network_of(address)
        commons = self._commons.get(network)
        if commons is None:
            rate, burst = limits.network_claims_per_second, limits.network_claims_burst
            commons = self._commons[network] = Commons(rate, burst, self._clock)
            if len(self._commons) > limits.allowances:
                self._commons.popitem(last=False)
        self._commons.move_to_end(network)
        return commons

    def __repr__(self) -> str:
        return f"<Networks, {len(self._commons)} remembered>"


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
            limits.claims_per_second, limits.claims_burst, self._commons, self._clock, self._networks
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
