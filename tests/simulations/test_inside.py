import pytest
import trio

from beam_actors.testing.world import run_world
from beam_actors.tunnels import TunnelSpec
from beam_actors.values import EVERYONE, TcpAddress
from simulations import inside

TUNNEL = TunnelSpec(target=TcpAddress("127.0.0.1", 3000), port=9000, access=EVERYONE)


def test_an_actor_that_is_starting_is_not_there_yet():
    async def scenario(world):
        node = await world.machine("one").boot()
        await node.naming.register("mine")
        seen = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(node.tunnels.expose, TUNNEL)
            await trio.sleep(0.0001)  # the disk writes, so the next registry must wait before it can read
            node.system.ref("node/core/services/registry").crash(RuntimeError("as asked"))
            for _ in range(100):
                await trio.sleep(0.0001)
                seen.append(inside.knowledge(node))
        assert None in seen
        assert all(known is None or known.own for known in seen)
        assert seen[-1] is not None

    run_world(1, scenario)


def test_whoever_listens_hears_each_message_and_the_actor_handles_it_after_a_restart_too():
    async def scenario(world):
        node = await world.machine("one").boot()
        heard = []
        inside.listen(node, "registry", lambda message: heard.append(type(message).__name__))
        await node.naming.register("mine")
        assert "Reserve" in heard
        heard.clear()
        node.system.ref("node/core/services/registry").crash(RuntimeError("as asked"))
        await trio.sleep(1)
        assert (await node.naming.resolve("mine")).peers
        assert "Resolve" in heard
        with pytest.raises(LookupError):
            inside.listen(node, "nobody", heard.append)

    run_world(1, scenario)
