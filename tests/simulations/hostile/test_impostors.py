"""What each impostor achieves: nobody is led to it who did not ask for it, and nobody waits for it for ever."""

import pytest
import trio

from beam_actors.errors import NameNotFound
from beam_actors.tunnels import TunnelSpec
from beam_actors.values import EVERYONE, Name
from simulations import inside
from tests.simulations.hostile.street import APP, NAME, SECRET_PORT, play


def up(statuses):
    return {status.peer for status in statuses if status.sessions}


def test_a_peer_that_withholds_keeps_no_claim_from_those_who_have_another_peer():
    async def scene(one):
        assert one.tally["exchanges answered badly"] + one.tally["claims heard and kept to itself"] > 0
        await one.owner.naming.register("second")
        await trio.sleep(3)
        assert (await one.friend.naming.resolve("second")).owner == one.owner_of(one.owner)

    play("withholder", scene, known_as="itself", seconds=30)


def test_a_zombie_is_asked_and_holds_nobody_up():
    async def scene(one):
        assert one.tally["sessions kept"] > 0
        began = trio.current_time()
        with pytest.raises(NameNotFound):
            await one.friend.naming.resolve("nobody")
        assert trio.current_time() - began <= 2.5

    play("zombie", scene, known_as="itself")


def test_who_answers_for_another_peer_is_not_taken_for_it():
    async def scene(one):
        network, hosts = one.world.network, [one.world.network.at(f"10.0.0.{number}") for number in (1, 2)]
        network.partition(*hosts)  # so that the friend looks for the owner wherever it was told that the owner is
        await trio.sleep(30)
        assert one.tally["victims came"] > 0
        assert one.tally["lies about its key"] > 0
        assert up(await one.friend.peers.snapshot()) == set()
        network.heal(*hosts)
        await trio.sleep(60)
        for node in one.nodes:
            assert one.attacker.key.peer_id not in up(await node.peers.snapshot())
        assert up(await one.friend.peers.snapshot()) == {one.owner.peers.us}

    play("impostor", scene, known_as="owner")


def test_gossip_about_where_others_are_is_not_believed():
    async def scene(one):
        assert one.tally["answers about peers"] > 0
        assert one.tally["questions about peers"] > 0
        for node, other in (one.nodes, one.nodes[::-1]):
            records = inside.actor(node, "network/inquirer")._records
            assert other.peers.us not in records or all(
                address.tcp.ip != one.attacker.lair.ip for address in records[other.peers.us].addresses
            )
            assert all(record.peer == peer for peer, record in records.items())

    play("gossip", scene, known_as="itself", seconds=40)


def test_a_burglar_gets_in_where_everybody_may_and_nowhere_else():
    async def scene(one):
        assert one.tally["doors that stayed shut"] > 10
        assert one.tally["doors opened"] > 0
        assert SECRET_PORT in one.attacker.PORTS
        assert SECRET_PORT not in {port for _victim, _name, port in one.entered}
        await one.owner.naming.register("second")
        await one.owner.tunnels.expose(TunnelSpec(target=APP, name=Name("second"), port=22, access=EVERYONE))
        await trio.sleep(10)
        assert 22 not in {port for _victim, name, port in one.entered if name == NAME}

    play("burglar", scene, known_as="itself")
