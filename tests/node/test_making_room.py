"""An own random name that nothing uses makes room for another name, and no other does."""

import attrs
import pytest
import trio

from beam_actors.control import ExposeRequest
from beam_actors.errors import NameTaken, QuotaExceeded
from beam_actors.naming import Limits
from beam_actors.node import NodeLimits
from beam_actors.node.offering import Offering
from beam_actors.testing.world import run_world
from beam_actors.values import Name, TcpAddress
from tests.node.offers import APP, SITE, names_of, with_node


def test_a_random_name_that_nothing_uses_makes_room():
    """Short runs of `beam PORT` must not fill what one owner may hold; what runs, and what a person chose, stays."""

    async def check(api, _disk):
        runs = []
        for port in range(3000, 3004):
            runs.append(await api.expose(ExposeRequest(target=TcpAddress("127.0.0.1", port), foreground=True)))
            await trio.sleep(1)
        first, second, third, fourth = (row.name for row in runs)
        await api.register(third, contest=False)
        for row in runs[1:]:
            await api.unexpose(row.id)
        await api.expose(ExposeRequest(target=TcpAddress("127.0.0.1", 3000), foreground=True))  # nobody held it so far
        made = await api.register("mine", contest=False)
        assert made.gave_up == f"{second}.local"
        row = await api.expose(SITE)
        assert row.gave_up == f"{fourth}.local"
        assert not any(hasattr(row, "gave_up") for row in await api.tunnels())  # it is said once
        assert set(await names_of(api)) == {first, third, "mine", "site"}
        with pytest.raises(QuotaExceeded, match="as many as one owner may"):
            await api.register("more", contest=False)
        with pytest.raises(QuotaExceeded):
            await api.expose(ExposeRequest(target=TcpAddress("127.0.0.1", 3009), foreground=True))
        await api.unexpose(runs[0].id)
        again = await api.expose(ExposeRequest(target=TcpAddress("127.0.0.1", 3001), foreground=True))
        assert (again.name, again.gave_up) == (second, f"{first}.local")  # the link that was sent works again

    with_node(check, limits=NodeLimits(naming=Limits(names_per_owner=4)))


async def three_short_runs(api):
    """Their names, the one that was asked for longest ago first; nothing is offered under them any more."""
    rows = []
    for port in range(3000, 3003):
        rows.append(await api.expose(ExposeRequest(target=TcpAddress("127.0.0.1", port), foreground=True)))
        await trio.sleep(1)
    for row in rows:
        await api.unexpose(row.id)
    return [row.name for row in rows]


THREE = NodeLimits(naming=Limits(names_per_owner=3))


@pytest.mark.parametrize("end", ["crash", "shutdown"])
@pytest.mark.parametrize("starts", [1, 2])
def test_after_a_restart_no_name_whose_command_may_come_back_makes_room(end, starts):
    """Though nothing is offered under it at the moment, be it that the daemon restarts twice."""

    async def scenario(world):
        machine = world.machine("owner")
        api = (await machine.boot(limits=THREE)).api
        requests = [ExposeRequest(target=TcpAddress("127.0.0.1", port), foreground=True) for port in (3000, 3001, 3002)]
        idle, first, second = [(await api.expose(request)) for request in requests]
        await api.unexpose(idle.id)
        for _ in range(starts):
            await trio.sleep(1)
            machine.crash() if end == "crash" else await machine.shutdown()
            api = (await machine.boot(limits=THREE)).api
        assert (await api.register("one", contest=False)).gave_up == f"{idle.name}.local"
        with pytest.raises(QuotaExceeded, match=r"as many as one owner may.* a minute to come back: then try again"):
            await api.register("two", contest=False)
        assert (await api.expose(requests[1])).name == first.name
        await trio.sleep(61)
        assert (await api.register("two", contest=False)).gave_up == f"{second.name}.local"

    run_world(5, scenario)


def test_of_two_requests_at_once_each_has_a_name_of_its_own_make_room():
    async def check(api, _disk):
        first, second, third = await three_short_runs(api)
        gave_up = {}

        async def register(name):
            gave_up[name] = (await api.register(name, contest=False)).gave_up

        async with trio.open_nursery() as nursery:
            nursery.start_soon(register, "one")
            nursery.start_soon(register, "two")
        assert sorted(gave_up.values()) == sorted([f"{first}.local", f"{second}.local"])
        assert set(await names_of(api)) == {"one", "two", third}

    with_node(check, limits=THREE)


@pytest.mark.parametrize("delay", [0, 0.001, 0.02])
@pytest.mark.parametrize("name", ["made", "chosen"])
def test_a_name_that_is_asked_for_again_makes_no_room_for_another_request(delay, name):
    async def check(api, _disk):
        first, second, third = await three_short_runs(api)
        rows = []

        async def again():
            request = ExposeRequest(target=TcpAddress("127.0.0.1", 3000), foreground=True)
            rows.append(await api.expose(request if name == "made" else attrs.evolve(request, name=first)))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(again)
            await trio.sleep(delay)
            await api.register("new", contest=False)
        assert [row.name for row in rows] == [first]
        assert set(await names_of(api)) < {first, second, third, "new"}
        assert {first, "new"} < set(await names_of(api))

    with_node(check, limits=THREE)


class SlowTunnels:
    """Those of a node, where what is offered takes until a test lets it."""

    def __init__(self, tunnels):
        self.check, self.list, self.left = tunnels.check, tunnels.list, tunnels.left
        self._tunnels = tunnels
        self.reached, self.go_on = trio.Event(), trio.Event()

    async def expose(self, spec):
        self.reached.set()
        await self.go_on.wait()
        return await self._tunnels.expose(spec)


def test_a_name_that_was_made_makes_no_room_before_something_is_offered_under_it():
    async def scenario(world):
        node = await world.machine("owner").boot(limits=THREE)
        idle = await three_short_runs(node.api)
        tunnels, gave_up, offered = SlowTunnels(node.tunnels), [], []
        offering = Offering(node.naming, tunnels, era=0)

        async def offer():
            request = ExposeRequest(target=TcpAddress("127.0.0.1", 3009), foreground=True)
            offered.append(await offering.expose(request))

        async def register(name):
            _, gone = await offering.with_room(Name(name), lambda: node.naming.register(name))
            gave_up.append(str(gone))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(offer)
            await tunnels.reached.wait()
            await register("one")
            await register("two")
            with pytest.raises(QuotaExceeded):
                await register("three")
            tunnels.go_on.set()
        [(status, gone)] = offered
        assert [str(gone), *gave_up] == idle
        assert set(await names_of(node.api)) == {str(status.spec.name), "one", "two"}

    run_world(5, scenario)


def test_a_name_whose_tunnel_has_ended_makes_room_at_once():
    async def check(api, _disk):
        rows = []
        for port in range(3000, 3004):
            rows.append(await api.expose(ExposeRequest(target=TcpAddress("127.0.0.1", port), foreground=True)))
            await api.unexpose(rows[-1].id)
        assert rows[-1].gave_up == f"{rows[0].name}.local"
        assert set(await names_of(api)) == {row.name for row in rows[1:]}

    with_node(check, limits=THREE)


def test_a_random_name_that_a_person_releases_in_that_moment_makes_room_as_well():
    async def check(api, _disk):
        first, second, third = await three_short_runs(api)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(api.release, first)
            made = await api.register("new", contest=False)
        assert made.gave_up in {None, f"{second}.local"}
        assert third in await names_of(api)
        assert {"new", first} - set(await names_of(api)) == {first}

    with_node(check, limits=THREE)


def test_a_name_that_is_taken_makes_nothing_go():
    async def scenario(world):
        one, two = world.machine("owner"), world.machine("other")
        owner, other = await one.boot(limits=NodeLimits(naming=Limits(names_per_owner=1))), await two.boot()
        await other.api.connect(one.address_of(owner))
        await other.api.register("site", contest=False)
        row = await owner.api.expose(ExposeRequest(target=APP, foreground=True))
        await owner.api.unexpose(row.id)
        with pytest.raises(NameTaken):
            await owner.api.expose(SITE)
        assert await names_of(owner.api) == [row.name]

    run_world(5, scenario)
