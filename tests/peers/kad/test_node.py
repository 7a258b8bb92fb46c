import attrs
import pytest

from beam_actors.peers.kad.ids import node_id
from beam_actors.peers.kad.node import KadNode
from beam_actors.peers.places import network_of
from beam_actors.values import Multiaddr, TcpAddress
from tests.peers.kad.nodes import node_of


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("203.0.113.9", "203.0.113.0/24"),
        ("::ffff:203.0.113.9", "203.0.113.0/24"),
        ("2001:4860:aaaa::1", "2001:4860::/32"),
        ("192.168.1.7", "192.168.1.7"),
        ("10.1.2.3", "10.1.2.3"),
        ("fd00::7", "fd00::7"),
        ("169.254.3.4", "169.254.3.4"),
        ("127.0.0.1", "127.0.0.1:4747"),
        ("::1", "[::1]:4747"),
        ("224.0.0.1", "224.0.0.0/24"),
    ],
)
def test_an_address_counts_for_its_network(ip, network):
    assert network_of(TcpAddress(ip, 4747)) == network


def test_a_node_stands_where_its_key_says_and_counts_where_it_is_dialled():
    node = node_of(1, "198.51.100.7", 9)
    assert node.id == node_id(node.peer)
    assert node.long_id == int(node.id.hex(), 16)
    assert (node.ip, node.port, node.network) == ("198.51.100.7", 9, "198.51.100.0/24")
    assert node.record.peer == node.peer
    assert "198.51.100.7:9" in repr(node)


@pytest.mark.parametrize(("ip", "place"), [("198.51.100.7", 0), ("198.51.100.8", 1), ("198.51.100.9", None)])
def test_a_node_is_told_of_at_the_address_where_it_was_met(ip, place):
    addresses = tuple(Multiaddr.from_address(TcpAddress(f"198.51.100.{last}", 4747)) for last in (7, 8))
    record = attrs.evolve(node_of(1).record, addresses=addresses)
    assert KadNode(record, TcpAddress(ip, 4747)).place == place
