"""Which of the addresses that a peer claims are worth keeping (pure): those at which a dial can mean that peer.

A claim costs nothing, and a dial to it is made from this machine, inside its networks. So an address of a narrower
place than that from which the peer was met is refused: this machine may be claimed by one who is on it, the cable by
one who is on it, and a private network by one who comes from such. What is left is in docs/threat-model.md.
"""

import enum
import functools
import ipaddress
from collections.abc import Collection

import attrs

from beam_actors.values import Multiaddr, TcpAddress

_IP = ipaddress.IPv4Address | ipaddress.IPv6Address
_PRIVATE = tuple(
    map(
        ipaddress.ip_network,
        # RFC 1918, carriers' own networks (RFC 6598), benchmarks (RFC 2544), RFC 4193, and the site-local of old.
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15", "fc00::/7", "fec0::/10"),
    )
)
_NOBODY = tuple(map(ipaddress.ip_network, ("0.0.0.0/8", "192.0.0.0/24", "::/128", "100::/64")))
"""Networks in which no machine is (RFC 6890)."""


class Place(enum.IntEnum):
    """How far an address reaches, the narrower the less."""

    MACHINE = enum.auto()
    CABLE = enum.auto()
    PRIVATE = enum.auto()
    WORLD = enum.auto()


@attrs.frozen(slots=True, kw_only=True)
class Contact:
    """Between which two addresses the peer was met; None where that is unknown, which counts as far away."""

    remote: TcpAddress | None
    local: TcpAddress | None


def acceptable(address: Multiaddr, contact: Contact, ours: Collection[Multiaddr] = ()) -> bool:
    """Whether a claimed address is worth keeping, given how the peer was met and where this node itself listens."""
    tcp = address.tcp
    if tcp is None or tcp.port == 0 or address.without_peer in ours:
        return False
    place = _place_at(tcp.ip)
    if place is None or place < _met_in(contact):
        return False
    # This machine's own address, whatever network it is of, is claimed by one who is on this machine or by nobody.
    local, remote = contact.local, contact.remote
    return local is None or tcp.ip != local.ip or (remote is not None and (remote.ip == local.ip or remote.is_loopback))


def _met_in(contact: Contact) -> Place:
    """The narrowest place that the peer shares with this node."""
    if contact.remote is None:
        return Place.WORLD
    place = _place_at(contact.remote.ip, mapped=True)
    return Place.WORLD if place is None else place


@functools.lru_cache(maxsize=4096)  # the same addresses are told of again and again
def _place_at(ip: str, *, mapped: bool = False) -> Place | None:
    """The same for a literal; `mapped` reads an IPv4 address as a socket for both families shows it."""
    address = ipaddress.ip_address(ip)
    if mapped and isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return place_of(address)


def place_of(ip: _IP) -> Place | None:
    """How far the address reaches; None if there can be nobody."""
    if ip.is_loopback:
        return Place.MACHINE
    if ip.is_link_local:
        return Place.CABLE
    if ip.is_multicast or ip.is_reserved or any(ip in network for network in _NOBODY):
        return None
    if any(ip in network for network in _PRIVATE):
        return Place.PRIVATE
    if any(place_of(inner) is not Place.WORLD for inner in _embedded(ip)):
        return None
    return Place.WORLD


def _embedded(ip: _IP) -> tuple[ipaddress.IPv4Address, ...]:
    """The IPv4 addresses to which a tunnel or translator would lead (6to4, Teredo); those below ::/8 are reserved."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ()
    return tuple(item for item in (ip.sixtofour, *(ip.teredo or ())) if item is not None)
