"""What hostile nodes of the DHT achieve: they are asked like others, and nobody is believed of whom they speak."""

import pytest

from beam_actors.naming.ranges import name_key
from beam_actors.peers.kad.ids import distance, node_id
from beam_actors.values import Name
from simulations import inside
from simulations.hostile.attacker import BYSTANDER
from tests.simulations.hostile.street import NAME, play


def contacts(node):
    return {contact for bucket in inside.buckets(node) for contact in bucket.nodes.values()}


@pytest.mark.parametrize("kind", ["eclipse", "blackhole", "poisoner"])
def test_it_is_a_node_near_the_key_and_whom_it_names_enters_no_table(kind):
    async def scene(one):
        key = name_key("beam", Name(NAME))
        mine = one.attacker.key.peer_id
        assert distance(node_id(mine), key) < distance(node_id(one.owner.peers.us), key)
        assert one.tally["questions of the DHT"] > 0
        everybody = {mine, *(node.peers.us for node in one.nodes)}
        for node in one.nodes:
            assert {contact.peer for contact in contacts(node)} <= everybody
            assert BYSTANDER not in {contact.address for contact in contacts(node)}
        if kind != "poisoner":  # which says that it is at the bystander's, too, and is let go where that is tried first
            assert mine in {contact.peer for node in one.nodes for contact in contacts(node)}
        assert (await one.friend.naming.resolve(NAME)).owner == one.owner_of(one.owner)

    play(kind, scene, known_as="itself", seconds=40)
