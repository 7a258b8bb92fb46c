"""Two nodes that are connected, and what is asked of their APIs."""

import trio

from beam_actors.testing.world import run_world
from beam_actors.values import TcpAddress

APP = TcpAddress("127.0.0.1", 3000)


def with_two_nodes(check, **choices):
    """Run `check(api of the owner, api of the visitor, world)` with both connected."""

    async def scenario(world):
        one, two = world.machine("owner"), world.machine("visitor")
        owner, visitor = await one.boot(**choices), await two.boot()
        await visitor.api.connect(one.address_of(owner))
        await trio.sleep(1)  # both sides have told everybody
        await check(owner.api, visitor.api)

    run_world(3, scenario)
