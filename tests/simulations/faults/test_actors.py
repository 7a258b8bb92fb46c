"""The paths that plans may crash are those of the tree: a list that grew old would leave new actors alone."""

from fnmatch import fnmatchcase

import trio

from beam_actors.testing.world import run_world
from beam_actors.tunnels import ForwardSpec, TunnelSpec
from beam_actors.values import EVERYONE, Name, TcpAddress
from simulations import inside
from simulations.faults import PATHS

APP, LOCAL = TcpAddress("127.0.0.1", 3000), TcpAddress("127.0.0.1", 8080)
OTHERWISE = {"node", "node/core/services/network/peers/*/sessions", "node/core/services/network/peers/*/sessions/*"}
"""The end of the daemon, and of sessions: machines and links have faults of their own for these."""


def test_every_actor_of_a_node_that_has_one_of_each_is_named():
    async def scenario(world):
        one, two = world.machine("one"), world.machine("two")
        hub = await one.boot()
        node = await two.boot(bootstrap=(one.address_of(hub),))
        await trio.sleep(1)
        await node.naming.register("mine")
        await node.tunnels.expose(TunnelSpec(target=APP, name=Name("mine"), port=9000, access=EVERYONE))
        await node.tunnels.forward(ForwardSpec(destination=str(hub.peers.us), port=9000, listen=LOCAL))
        assert [path for path in PATHS if not inside.actors_at(node, path)] == []
        patterns = OTHERWISE | {f"node/{path}" for path in PATHS}
        alive = [cell.path for cell in inside.cells(node) if cell.alive]
        assert [path for path in alive if not any(fnmatchcase(path, pattern) for pattern in patterns)] == []

    run_world(1, scenario)
