"""What carries a stream resets it when nobody takes it."""

import pytest
import trio

from beam_actors.errors import ConnectionLost
from beam_actors.runtime import System
from beam_actors.testing.network import Conditions
from beam_actors.tunnels.messages import Serve, TargetStream
from beam_actors.tunnels.protocol import Request
from beam_actors.values import PeerId
from tests.flow.rig import Rig, run
from tests.tunnels.lab import Program, echo, offer, stage


def test_a_request_for_a_tunnel_that_is_gone_is_reset():
    async def case(rig: Rig) -> None:
        visitor, owner = await rig.streams()
        nobody = System("node", clock=lambda: 0.0).ref("node/services/tunnels/offered/web.http")
        nobody.tell(Serve(PeerId(bytes(32)), Request(name=None, port=80), owner))
        with pytest.raises(ConnectionLost):
            await visitor.read()

    run("virtual", case)


def test_a_connection_to_a_target_that_nobody_takes_is_reset():
    async def case(rig: Rig) -> None:
        target, reached = await rig.streams()
        TargetStream(reached).dispose()
        with pytest.raises(ConnectionLost):
            await target.read()

    run("virtual", case)


async def test_a_program_that_gives_up_while_its_target_is_dialled_leaves_no_connection(world, autojump_clock):
    far = world.add()
    async with stage(world) as (owner, _, _service), Program(far).running() as service:
        service.listen(3000, echo, ip=far.ip)
        world.network.between(owner.host, far.host, Conditions(latency=0.5))
        await owner.tunnels.expose(offer(f"{far.ip}:3000", name="web"))
        links = owner.flow.statistics().links
        with trio.move_on_after(0.3):
            await owner.tunnels.open("web", 80)
        await trio.sleep(0.1)
        assert owner.flow.statistics().links == links + 1
        await trio.sleep(2)
        assert owner.flow.statistics().links == links
        assert service.came == 1
