"""The places for strangers in their handshake (pure): bounded in all and per source, and never all taken by one.

A source is an IPv4 address or an IPv6 /64, which is what one household has. Invariants: at most `total` places are
taken, at most `per_source` by one source; when all are taken a newcomer gets the place that has been held longest
among those of the busiest source, so whoever holds many places loses one first, and an honest handshake, which takes
milliseconds, is pushed out only by a flood of newcomers that is faster.
"""

import ipaddress
from typing import TYPE_CHECKING

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


class Place:
    """One taken place; `evict` makes its holder give it up."""

    __slots__ = ("evict", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        self.evict: Callable[[], None] = lambda: None


class Places:
    """Who is in a handshake now."""

    def __init__(self, *, total: int, per_source: int) -> None:
        self._total = total
        self._per_source = per_source
        self._taken: dict[str, dict[Place, None]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        return f"Places({self._count} of {self._total} taken by {len(self._taken)} sources)"

    def take(self, source: str) -> Place | None:
        """A place for a newcomer, if need be another's, who is evicted; None when its source has its share."""
        held = self._taken.get(source, {})
        if len(held) >= self._per_source:
            return None
        if self._count >= self._total:
            busiest = max(self._taken.values(), key=len)  # of equals the one that came first
            if len(busiest) <= len(held):
                return None
            oldest = next(iter(busiest))
            self.give_back(oldest)
            oldest.evict()
        place = Place(source)
        self._taken.setdefault(source, {})[place] = None
        self._count += 1
        return place

    def give_back(self, place: Place) -> None:
        """The place is free again; nothing happens if it was already."""
        held = self._taken.get(place.source)
        if held is None or place not in held:
            return
        del held[place]
        self._count -= 1
        if not held:
            del self._taken[place.source]
