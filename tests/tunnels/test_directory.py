import pytest

from beam_actors.errors import ActorUnavailable, TunnelNotFound
from beam_actors.tunnels.directory import Directory
from beam_actors.tunnels.members import Members
from beam_actors.tunnels.offers import Offers
from beam_actors.values import Name
from tests.tunnels.lab import SERVICES, WEB, stage


async def test_it_leads_to_the_actor_of_what_is_offered_as_that_changes(world, autojump_clock):
    async with stage(world) as (owner, _, _service):
        await owner.tunnels.expose(WEB)
        directory = Directory(owner.system, Members(owner.system.ref(f"{SERVICES}/tunnels/offered"), owner.flow))
        with pytest.raises(ActorUnavailable, match="not read yet"):
            directory.find(Name("web"), 80)
        directory.publish(offers := Offers(limit=10))
        with pytest.raises(TunnelNotFound):
            directory.find(Name("web"), 80)
        offers.add(WEB)
        assert directory.find(Name("web"), 80).path == f"{SERVICES}/tunnels/offered/{WEB.key}"
        await owner.tunnels.unexpose(WEB.key)
        with pytest.raises(ActorUnavailable, match="restarting"):
            directory.find(Name("web"), 80)
        offers.remove(WEB.key)
        with pytest.raises(TunnelNotFound):
            directory.find(Name("web"), 80)
