"""Leaf certificates by host name: issued when first asked for, kept, and replaced two days before their end.

Invariant: only host names of the zone get one, so that this daemon vouches for nothing else even if the constraints of
its authority were ignored by a client.
"""

from collections import OrderedDict

from beam_actors.ingress.authority import LEAF_LIFETIME, LocalAuthority
from beam_actors.ingress.zone import Place, Zone
from beam_actors.ports import CertifiedKey, Clock

_RENEW_AFTER = LEAF_LIFETIME.total_seconds() - 2 * 86400


class Leaves:
    """At most `capacity` leaves; the least recently used is dropped."""

    def __init__(self, authority: LocalAuthority, zone: Zone, clock: Clock, capacity: int) -> None:
        self._authority = authority
        self._zone = zone
        self._clock = clock
        self._capacity = capacity
        self._kept: OrderedDict[str, tuple[float, CertifiedKey]] = OrderedDict()
        self.issued = 0

    def __len__(self) -> int:
        return len(self._kept)

    def __repr__(self) -> str:
        return f"<Leaves {len(self)} of {self._capacity}, {self.issued} issued by {self._authority!r}>"

    def certificate_for(self, server_name: str | None) -> CertifiedKey | None:
        """The certificate for an SNI host name, or None: the handshake is then refused with an alert."""
        if server_name is None:
            return None
        spot = self._zone.spot_host(server_name)
        if spot.place is Place.NAME:
            host = spot.host
        elif spot.place is Place.APEX and spot.suffix == "localhost":
            host = spot.suffix  # `https://localhost:8443` deserves a page and not a broken handshake
        else:
            return None
        now = self._clock.wall()
        kept = self._kept.get(host)
        if kept is not None and 0 <= now - kept[0] < _RENEW_AFTER:  # a clock set back before its issue makes it invalid
            self._kept.move_to_end(host)
            return kept[1]
        leaf = self._authority.issue(host, now=now)
        self.issued += 1
        self._kept[host] = (now, leaf)
        self._kept.move_to_end(host)
        if len(self._kept) > self._capacity:
            self._kept.popitem(last=False)
        return leaf
