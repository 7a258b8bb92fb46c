"""A node of the DHT as others know it: its place, the one address at which it is dialled, its signed record (pure).

Invariant: what counts for the caps is the address that is dialled, and there is one: a node that names several, each
in another network, counts in the network where it is met. A network is an IPv4 /24 or an IPv6 /32, about what one
buyer gets; in a private network each address counts alone, since a LAN is one /24.
"""

import functools
import ipaddress

from kademlia.node import Node

from beam_actors.peers.claims import Place, place_of
from beam_actors.peers.kad.ids import node_id
from beam_actors.values import TcpAddress
from beam_actors.wire import PeerRecord


class KadNode(Node):
    """The package's node, with what is needed to dial it and to tell others of it."""

    def __init__(self, record: PeerRecord, address: TcpAddress) -> None:
        super().__init__(node_id(record.peer), address.ip, address.port)
        self.peer = record.peer
        self.record = record
        self.address = address
        self.network = network_of(address)

    def __repr__(self) -> str:
        return f"KadNode({self.peer.short} at {self.address})"


@functools.lru_cache(maxsize=4096)  # the same few hundred contacts are met and told of again and again
def network_of(address: TcpAddress) -> str:
    """For whose account an address goes, where the number of nodes of one network is bounded."""
    ip = ipaddress.ip_address(address.ip)
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    match place_of(ip):
        case Place.MACHINE:
            return str(address)  # one machine has 2**24 addresses of its own, so nothing is gained by counting them
        case Place.CABLE | Place.PRIVATE:
            return str(ip)
        case _:
            prefix = 24 if isinstance(ip, ipaddress.IPv4Address) else 32
            return str(ipaddress.ip_network((ip, prefix), strict=False))
