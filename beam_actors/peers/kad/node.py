"""A node of the DHT as others know it: its place, the one address at which it is dialled, its signed record (pure).

Invariant: what counts for the caps is the address that is dialled, and there is one: a node that names several, each
in another network, counts in the network where it is met. Others are told of that address alone.
"""

from kademlia.node import Node

from beam_actors.peers.kad.ids import node_id
from beam_actors.peers.places import network_of
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

    @property
    def place(self) -> int | None:
        """Which of the record's addresses that is; None if the node doesn't say itself that it is there."""
        places = (place for place, address in enumerate(self.record.addresses) if address.tcp == self.address)
        return next(places, None)

    def __repr__(self) -> str:
        return f"KadNode({self.peer.short} at {self.address})"
