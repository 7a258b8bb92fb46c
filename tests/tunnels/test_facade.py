"""The room as those above see it: an answer comes, whatever restarts meanwhile."""

import pytest
import trio
import trio.lowlevel

from beam_actors.errors import TimedOut, TunnelNotFound
from beam_actors.tunnels import ForwardSpec
from beam_actors.values import TcpAddress
from tests.tunnels.lab import HERE, WEB, exchange, offer, stage

FORWARD = ForwardSpec(destination="web", port=80, listen=TcpAddress(HERE, 5000))


@pytest.mark.parametrize("victim", ["tunnels", "tunnels/offered", "tunnels/offered/web.http", "forwards/list"])
async def test_whoever_asks_during_a_restart_gets_the_answer_of_the_next_incarnation(world, autojump_clock, victim):
    async with stage(world) as (owner, visitor, _):
        await owner.tunnels.expose(WEB)
        await owner.tunnels.forward(FORWARD)
        for _ in range(2):
            owner.crash(victim)
            await trio.lowlevel.checkpoint()
            other = await owner.tunnels.expose(offer(3001, name="other"))
            assert (other.spec, other.running) == (offer(3001, name="other"), True)
            assert [status.key for status in await owner.tunnels.list()] == ["other.http", "web.http"]
            assert [status.listening for status in await owner.tunnels.forwards()] == [True]
            await owner.tunnels.unexpose("other")
        assert await exchange(await visitor.tunnels.open("web", 80), b"hello") == b"hello"


async def test_a_room_that_does_not_run_is_a_time_out(world, autojump_clock):
    node = world.add()
    async with node.run():
        pass
    started = trio.current_time()
    with pytest.raises(TimedOut, match="catalogue did not answer"):
        await node.tunnels.list()
    assert trio.current_time() - started == pytest.approx(10)


async def test_what_was_withdrawn_just_before_a_restart_is_withdrawn_and_not_unknown(world, autojump_clock):
    async with stage(world) as (owner, _visitor, _):
        pools = iter(("tunnels/offered", "forwards/local"))

        async def restart(_changes):
            owner.on_committed = None
            owner.crash(next(pools))  # which ends the list that has just committed, in order, before it can answer
            await trio.sleep_forever()

        await owner.tunnels.expose(WEB)
        await owner.tunnels.forward(FORWARD)
        owner.on_committed = restart
        assert await owner.tunnels.unexpose("web") == WEB
        owner.on_committed = restart
        assert await owner.tunnels.unforward("5000") == FORWARD
        assert await owner.tunnels.list() == await owner.tunnels.forwards() == ()
        with pytest.raises(TunnelNotFound):
            await owner.tunnels.unexpose("web")
        with pytest.raises(TunnelNotFound):
            await owner.tunnels.unforward("5000")
