import functools
import ipaddress
import random

from beam_actors.peers.kad.ids import node_id
from beam_actors.peers.kad.node import KadNode
from beam_actors.values import Multiaddr, PeerId, TcpAddress
from beam_actors.wire import PeerRecord


@functools.cache
def node_of(number, ip=None, port=4747):
    """A node whose key follows from the number, in a network of its own unless an address is given."""
    peer = PeerId(random.Random(f"kad-{number}").randbytes(32))
    address = TcpAddress(ip or str(ipaddress.IPv4Address(0x0B000000 + number * 256)), port)
    return KadNode(PeerRecord(peer, 1, (Multiaddr.from_address(address),), b""), address)


def nodes_of(count, start=0):
    return [node_of(number) for number in range(start, start + count)]


OWN = node_of(10**6)
"""The one whose table is tested."""


def nearest(key, nodes, count=20):
    """The same by brute force, over peer ids, by another arithmetic."""
    bits = [(bytes(a ^ b for a, b in zip(key, node_id(node.peer), strict=True)), node) for node in nodes]
    return [node for _, node in sorted(bits, key=lambda pair: pair[0])[:count]]
