"""The places for strangers in their handshake (pure): bounded in all and per source, and never all taken by one.

A source is an IPv4 address or an IPv6 /64, which is what one household has. Invariants: at most `total` places are
taken, at most `per_source` by one source. When all are taken a newcomer gets the place that has been held longest
among those of the busiest source, so whoever holds many places loses one first. Where that source would then hold no
more than the newcomer's, its place is safe for `patience` seconds: a crowd of honest ones doesn't push out those that
are nearest their end, and whoever is turned away comes again.
"""

import functools
import ipaddress
from typing import TYPE_CHECKING

from beam_actors.peers.claims import Place as Reach
from beam_actors.peers.claims import place_of
from beam_actors.values import Address, TcpAddress

if TYPE_CHECKING:
    from collections.abc import Callable


def source_of(address: Address | None) -> str:
    """Whom a connection from `address` counts for."""
    if not isinstance(address, TcpAddress):
        return str(address)
    ip = ipaddress.ip_address(address.ip)
    if isinstance(ip, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)


@functools.lru_cache(maxsize=4096)  # the same few hundred contacts are met and told of again and again
def network_of(address: TcpAddress) -> str:
    """For whose account an address goes, where the number of nodes of one network is bounded.

    An IPv4 /24 or an IPv6 /32 is about what one buyer gets; in a private network each address counts alone, since a
    LAN is one /24.
    """
    ip = ipaddress.ip_address(address.ip)
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    match place_of(ip):
        case Reach.MACHINE:
            return str(address)  # one machine has 2**24 addresses of its own, so nothing is gained by counting them
        case Reach.CABLE | Reach.PRIVATE:
            return str(ip)
        case _:
            prefix = 24 if isinstance(ip, ipaddress.IPv4Address) else 32
            return str(ipaddress.ip_network((ip, prefix), strict=False))


class Place:
    """One place, taken at the time `since`; `evict` makes its holder give it up."""

    __slots__ = ("evict", "since", "source")

    def __init__(self, source: str, since: float) -> None:
        self.source = source
        self.since = since
        self.evict: Callable[[], None] = lambda: None


class Places:
    """Who is in a handshake now; times in seconds."""

    def __init__(self, *, total: int, per_source: int, patience: float) -> None:
        self._total = total
        self._per_source = per_source
        self._patience = patience
        self._taken: dict[str, dict[Place, None]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        return f"Places({self._count} of {self._total} taken by {len(self._taken)} sources)"

    def take(self, source: str, now: float) -> Place | None:
        """A place for a newcomer, if need be another's, who is evicted; None when there is none for it."""
        held = len(self._taken.get(source, ()))
        if held >= self._per_source:
            return None
        if self._count >= self._total:
            evicted = self._give_way(held, now)
            if evicted is None:
                return None
            self.give_back(evicted)
            evicted.evict()
        place = Place(source, now)
        self._taken.setdefault(source, {})[place] = None
        self._count += 1
        return place

    def _give_way(self, held: int, now: float) -> Place | None:
        """The place that is due to a newcomer whose source holds `held`."""
        most = max(map(len, self._taken.values()))
        if most <= held:
            return None
        firsts = (next(iter(places)) for places in self._taken.values() if len(places) == most)
        oldest = min(firsts, key=lambda place: place.since)
        return oldest if most >= held + 2 or now - oldest.since >= self._patience else None

    def give_back(self, place: Place) -> None:
        """The place is free again; nothing happens if it was already."""
        held = self._taken.get(place.source)
        if held is None or place not in held:
            return
        del held[place]
        self._count -= 1
        if not held:
            del self._taken[place.source]
