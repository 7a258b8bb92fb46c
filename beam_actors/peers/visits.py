"""Visits: sessions by which strangers are asked something, many in a short time, and none for long.

A look-up in the DHT asks dozens of nodes that nobody here will want again. So a visit is a session of its own bounds:
this node dials strangers at a rate, so that a thousand nodes which believe one record make no flood at its address;
the sessions it keeps are few, the oldest giving way; each ends by itself when it was of no use for a while. What else
a visit is not stands in `acquaintance`. Invariants: no more than `visits` of them stand, no more than `visit_dials` are
asked at once. It knows no protocol.
"""

from collections import Counter, OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from beam_actors.errors import ResourceExhausted
from beam_actors.peers.limits import PeersLimits
from beam_actors.peers.messages import EndVisit
from beam_actors.peers.places import network_of
from beam_actors.peers.rates import Rates
from beam_actors.ports import Clock
from beam_actors.runtime import Ref
from beam_actors.values import Bucket, PeerId, TcpAddress

_MINUTE = 60.0


class Visits:
    """The visits of one node: the peers' actors say which stand, and whoever makes one takes a turn."""

    def __init__(self, clock: Clock, limits: PeersLimits) -> None:
        self._clock = clock
        self._limits = limits
        self._standing: OrderedDict[PeerId, Ref] = OrderedDict()
        self._places = trio.CapacityLimiter(limits.visit_dials)
        self._paid: Counter[PeerId] = Counter()  # for which a dial is under way: whoever comes meanwhile joins it
        self._pace: Bucket | None = None
        self._knocks = trio.CapacityLimiter(limits.knocks)
        self._knock_pace: Bucket | None = None
        self._knocked = Rates(
            per_second=limits.visits_per_network / _MINUTE,
            burst=limits.visits_per_network,
            sources=limits.connection_sources,
        )
        self._targets = Rates(
            per_second=limits.visits_per_network / _MINUTE,
            burst=limits.visits_per_network,
            sources=limits.connection_sources,
        )

    def __len__(self) -> int:
        return len(self._standing)

    def __contains__(self, peer: PeerId) -> bool:
        return peer in self._standing

    def __repr__(self) -> str:
        return f"Visits({len(self)} stand, {self._places.borrowed_tokens} under way)"

    def began(self, peer: PeerId, actor: Ref) -> None:
        """This node dialled the peer to ask it something; if too many stand, the oldest one ends."""
        self._standing[peer] = actor
        if len(self._standing) > self._limits.visits:
            _, oldest = self._standing.popitem(last=False)
            oldest.tell(EndVisit())

    def ended(self, peer: PeerId) -> None:
        """The visit is over, or the peer is an acquaintance now."""
        self._standing.pop(peer, None)

    @asynccontextmanager
    async def turn(self, peer: PeerId, address: TcpAddress | None) -> AsyncIterator[None]:
        """Wait until the peer may be asked, at that address unless a session stands, and ask it meanwhile.

        Raises:
            ResourceExhausted: too many of the address's network were visited within a minute.
        """
        async with self._places:
            if peer not in self._standing and not self._paid[peer] and address is not None:
                await self._take(address)
            self._paid[peer] += 1
            try:
                yield
            finally:
                self._paid -= Counter([peer])  # which drops what falls to zero

    @asynccontextmanager
    async def knock(self, address: TcpAddress) -> AsyncIterator[None]:
        """Wait until somebody who came may be looked for at an address that they say is theirs.

        Books of their own, so that whoever comes with many addresses takes no visit from anybody.

        Raises:
            ResourceExhausted: too many of the address's network were knocked at within a minute.
        """
        async with self._knocks:
            now, limits = self._clock.monotonic(), self._limits
            network = network_of(address)
            if not self._knocked.spend(network, now):
                raise ResourceExhausted(f"Somebody at {network} was looked for a moment ago.")
            if self._knock_pace is None:
                self._knock_pace = Bucket(limits.knocks_per_second, limits.knocks_burst, now)
            await trio.sleep(self._knock_pace.take(1, now))
            yield

    async def _take(self, address: TcpAddress) -> None:
        now, limits = self._clock.monotonic(), self._limits
        network = network_of(address)
        if not self._targets.spend(network, now):
            raise ResourceExhausted(f"Somebody at {network} was visited a moment ago; try again in a minute.")
        if self._pace is None:
            self._pace = Bucket(limits.visits_per_second, limits.visits_burst, now)
        await trio.sleep(self._pace.take(1, now))
