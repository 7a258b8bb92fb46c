"""What peers may have this node do about names: so much each, so much all together, and each in its turn.

Invariant: one peer has one thing done at a time, however many streams it opens; what it owes it has waited for before
anything is done, and it owes it still when it comes again, also what was not known yet when it left. Above the peers'
own buckets stands one for each network of addresses, since keys cost nothing, and one for all (`commons`). What bad
work costs its network is waited for by those alone who bring claims and are new or brought some, who all together have
the turns of one peer: so new keys, which cost nothing, delay their neighbours by little. It counts claims, and knows
neither streams nor messages, nor which peers are wanted.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from math import inf

import trio

from beam_actors.errors import AskTimeout
from beam_actors.naming.commons import Check, Commons, Line, Network, Networks, Price, Reputation, wait
from beam_actors.naming.limits import Limits
from beam_actors.naming.turn import Turn
from beam_actors.ports import Clock
from beam_actors.values import Address, Bucket, PeerId, TcpAddress

_FREE_EXCHANGES = 2
"""Before the pace holds: one on connect, and one because it broke off."""


class Allowance:
    """The bucket of one peer, below that of its network and that of all; and how often the two compare."""

    __slots__ = (
        "_at_stake",
        "_bad_at",
        "_bucket",
        "_clock",
        "_commons",
        "_direct",
        "_left_at",
        "_limits",
        "_networks",
        "_since",
        "_turn",
        "answering",
        "failures",
        "opening",
    )

    def __init__(self, limits: Limits, commons: Commons, networks: Networks, clock: Clock) -> None:
        """Of a peer that nobody knows, as full as `limits` allow."""
        now = clock.monotonic()
        self._limits = limits
        self._bucket = Bucket(limits.claims_per_second, limits.claims_burst, now)
        self.opening, self.answering = (Bucket(1 / limits.exchange_interval, _FREE_EXCHANGES, now) for _ in range(2))
        """How often this node opens an exchange, and how often it answers one."""
        self.failures = 0
        """How many that this node opened failed in a row."""
        self._commons = commons
        self._clock = clock
        self._networks = networks
        self._direct: list[Network] = []
        self._at_stake = 0
        self._since, self._bad_at = now, -inf
        self._left_at: float | None = None
        self._turn = Turn()

    @property
    def is_full(self) -> bool:
        """Whether it is as good as new, and stays so."""
        if self._at_stake or self.failures or self._reputation()[0] is Reputation.BAD:
            return False
        now = self._clock.monotonic()
        return all(bucket.is_full(now) for bucket in (self._bucket, self.opening, self.answering))

    def _reputation(self) -> tuple[Reputation, float]:
        """That of the peer, and for how many seconds more."""
        now = self._clock.monotonic()
        if (left := self._bad_at + self._limits.bad_reputation - now) > 0:
            return Reputation.BAD, left
        if (left := self._since + self._limits.newcomer - now) > 0:
            return Reputation.NEW, left
        return Reputation.GOOD, inf

    def left(self) -> None:
        """The peer goes; the time until it comes again is none in which it is known better."""
        self._left_at = self._clock.monotonic()

    def back(self) -> "Allowance":
        """The peer is here again; this allowance."""
        if self._left_at is not None:
            self._since += self._clock.monotonic() - self._left_at
            self._left_at = None
        return self

    @contextmanager
    def over(self, remote: Address | None) -> Iterator[None]:
        """Within this the peer speaks over a stream from that address, and shares what its network may.

        Over a relay it is in none, unless it speaks over another stream meanwhile that has one.
        """
        if not isinstance(remote, TcpAddress):
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

    async def pay(self, count: float, check: Check) -> None:
        """Wait until the peer may do so much more; what `check` raises ends the wait."""
        async with self._turn:
            check()
            await self._pay_own(count, check)
            if (network := self._network) is not None:
                await network.pay(count, check)
            await self._commons.pay(count, check)

    async def pay_in_line(self, line: Line, price: Price, check: Check) -> None:
        """The same for a message of claims; what it costs no more when its turn comes is not paid for."""
        async with self._turn:
            check()
            count = await price()
            await self._pay_own(count, check)
            if (network := self._network) is not None:
                if line is Line.TAKEN:
                    await network.pay_for_claims(count, check, self._reputation)
                else:
                    await network.pay(count, check)
            paid = await self._commons.pay_in_line(line, price, check)
            self._bucket.take(paid - count, self._clock.monotonic())

    async def _pay_own(self, count: float, check: Check) -> None:
        await wait(self._bucket.take(count, self._clock.monotonic()), check)

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


class Purse:
    """The allowance of a peer, as one of its streams pays from it: what the peer waits for ends with the stream."""

    __slots__ = ("_allowance", "_check", "_paying")

    def __init__(
        self, allowance: Allowance, check: Check, paying: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> None:
        """`check` raises when the stream ended; within `paying` each payment is made."""
        self._allowance = allowance
        self._check = check
        self._paying = paying

    async def pay(self, count: float) -> None:
        """See `Allowance`."""
        with self._paying():
            await self._allowance.pay(count, self._check)

    async def pay_in_line(self, line: Line, price: Price) -> None:
        """See `Allowance`."""
        with self._paying():
            await self._allowance.pay_in_line(line, price, self._check)

    def __repr__(self) -> str:
        return f"Purse({self._allowance!r})"


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
        known = self._left.pop(peer, None)
        return known.back() if known else Allowance(self._limits, self._commons, self._networks, self._clock)

    def left(self, peer: PeerId, allowance: Allowance) -> None:
        """A peer goes; of too many that went those are forgotten that did longest ago."""
        allowance.left()
        self._left[peer] = allowance
        self._left.move_to_end(peer)
        while self._left and (len(self) > self._limits.allowances or next(iter(self._left.values())).is_full):
            self._left.popitem(last=False)

    def __repr__(self) -> str:
        return f"<Allowances, {len(self)} remembered>"
