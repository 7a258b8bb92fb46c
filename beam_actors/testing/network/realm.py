"""Address spaces: the internet, and the private network behind each NAT box; and what has a place in them.

The invariant: within one realm an address belongs to one site; two realms may use the same addresses. It translates
nothing and knows no packet.
"""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beam_actors.testing.network.link import Link
    from beam_actors.testing.network.nat import NatBox

WILDCARDS = ("0.0.0.0", "::")  # noqa: S104  # addresses to compare with, nothing is bound here


@lru_cache(maxsize=1 << 16)
def canonical_ip(text: str) -> str:
    """The one spelling of an IP address; raise `ValueError` if it is none."""
    return str(ip_address(text))


def is_loopback(ip: str) -> bool:
    """Whether a canonical address is a machine's own way to itself."""
    return ip.startswith("127.") or ip == "::1"


def same_family(a: str, b: str) -> bool:
    """Whether both are IPv4 or both IPv6."""
    return (":" in a) is (":" in b)


class Site:
    """A machine or a NAT box: what packets go from and to. `links` are those on which something happened."""

    __slots__ = ("links", "name", "realm", "region", "side", "up")

    def __init__(self, name: str, region: str | None, realm: "Realm") -> None:
        self.name = name
        self.region = region
        self.realm = realm
        self.up = True
        """Whether it has power."""
        self.side: int | None = None
        """Its side of a split; None has a way to every side."""
        self.links: dict[Site, Link] = {}


class Realm:
    """Who has which address. `box` leads out of it; None: this is the internet."""

    __slots__ = ("_sites", "box")

    def __init__(self, box: "NatBox | None" = None) -> None:
        self.box = box
        self._sites: dict[str, Site] = {}

    def at(self, ip: str) -> Site | None:
        """Who has that address."""
        return self._sites.get(ip)

    def enter(self, site: Site, addresses: Iterable[str]) -> None:
        """Give addresses to a site; raise `ValueError` if another one has one of them."""
        addresses = tuple(addresses)
        for ip in addresses:
            holder = self._sites.get(ip)
            if holder not in {None, site}:
                raise ValueError(f"The address {ip} exists already: {holder!r} has it.")
        self._sites.update(dict.fromkeys(addresses, site))

    def leave(self, addresses: Iterable[str]) -> None:
        """Take addresses back."""
        for ip in addresses:
            self._sites.pop(ip, None)

    def __repr__(self) -> str:
        return f"<Realm {self.box.name if self.box else 'internet'} of {len(self._sites)} addresses>"
