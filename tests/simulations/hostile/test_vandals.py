"""What each vandal achieves: its sessions end or its streams do, and nothing of it is left."""

import trio

from simulations import inside
from tests.simulations.hostile.street import play


async def leaves_nothing(one):
    """Cut the attacker off, and see that the honest are alone again."""
    one.world.network.partition(one.world.network.at("10.0.0.1"), one.world.network.at("10.0.0.3"))
    one.world.network.partition(one.world.network.at("10.0.0.2"), one.world.network.at("10.0.0.3"))
    await trio.sleep(20)
    for node in one.nodes:
        assert sum(inside.sessions(node).values()) == 1
        assert len(inside.exchanges(node)) == 1
        assert inside.actor(node, "spread")._links.serving <= 2
        assert one.crashes == []


def test_each_rule_of_the_multiplexer_is_broken_and_the_victims_hang_up():
    async def scene(one):
        assert one.tally["rules broken"] >= 14
        assert one.tally["connections"] >= one.tally["rules broken"]
        await leaves_nothing(one)

    play("vandal", scene, seconds=50)


def test_messages_that_are_none_cost_their_streams():
    async def scene(one):
        assert one.tally["messages that are none"] >= 13 * 2
        await leaves_nothing(one)

    play("babbler", scene, seconds=30)


def test_streams_that_are_left_end_with_their_session():
    async def scene(one):
        assert one.tally["streams left"] >= 600
        await leaves_nothing(one)

    play("idler", scene)


def test_a_peer_that_reads_nothing_is_cut():
    async def scene(one):
        assert one.tally["answers unread"] >= 16
        await leaves_nothing(one)

    play("sloth", scene, seconds=30)


def test_handshakes_that_never_end_are_ended():
    async def scene(one):
        assert one.tally["handshakes begun"] >= 20
        assert one.tally["handshakes that the victim ended"] >= 20
        await leaves_nothing(one)

    play("handshaker", scene, seconds=40)
