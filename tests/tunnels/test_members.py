from beam_actors.flow import NO_TRAFFIC
from beam_actors.tunnels.members import Members
from beam_actors.tunnels.spec import ForwardSpec
from beam_actors.values import TcpAddress
from tests.tunnels.lab import DATA, HERE, SERVICES, WEB, exchange, stage


async def test_what_went_through_a_member_that_was_given_up_is_forgotten_however_it_was_given_up(world, autojump_clock):
    async with stage(world) as (owner, visitor, _service):
        members = Members(owner.system.ref(f"{SERVICES}/tunnels/offered"), owner.flow)
        path = members.path(WEB.key)

        async def used():
            await owner.tunnels.expose(WEB)
            assert await exchange(await visitor.tunnels.open("web", 80), DATA) == DATA
            assert owner.flow.splices.traffic(path).opened == 1

        await used()
        await owner.tunnels.unexpose(WEB.key)
        assert owner.flow.splices.traffic(path) == NO_TRAFFIC
        await used()
        owner.flow.splices.open_account(members.path("of one that ended with its pool"))
        await members.keep_only({WEB.key})
        assert owner.flow.splices.accounts == (path,)
        assert owner.flow.splices.traffic(path).opened == 1


async def test_a_tunnel_and_a_forward_say_how_they_stand_while_the_pump_restarts(world, autojump_clock):
    async with stage(world) as (owner, visitor, _service):
        await owner.tunnels.expose(WEB)
        await visitor.tunnels.forward(ForwardSpec(destination="web", port=80, listen=TcpAddress(HERE, 5000)))
        for node in (owner, visitor):
            before, pump = node.incarnations(), node.flow.pump
            node.flow.attach(None)
            standing = (*await node.tunnels.list(), *await node.tunnels.forwards())
            assert [status.traffic for status in standing] == [NO_TRAFFIC]
            node.flow.attach(pump)
            assert node.incarnations() == before
