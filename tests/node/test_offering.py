"""A name and its tunnel in one step: whatever is refused, and whenever, leaves neither behind."""

import attrs
import pytest
import trio

from beam_actors.control import ExposeRequest
from beam_actors.errors import InvalidName, NameTaken, NotAllowed, QuotaExceeded, StorageError, UsageError
from beam_actors.node import NodeLimits
from beam_actors.testing.world import run_world
from beam_actors.tunnels import TunnelsLimits
from beam_actors.values import PeerId, TcpAddress
from tests.node.offers import APP, SITE, names_of, with_node

PEERS = tuple(str(PeerId(bytes([number]) * 32)) for number in range(65))


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"port": 22}, UsageError, "--allow"),
        ({"allow": ("everyone", PEERS[0])}, UsageError, "not both"),
        ({"allow": ("nobody",)}, UsageError, "not the id"),
        ({"allow": PEERS}, UsageError, "at most 64 peers"),
        ({"target": TcpAddress("0.0.0.0", 80)}, UsageError, "no service"),
        ({"target": TcpAddress("127.0.0.1", 0)}, UsageError, "no service"),
        ({"target": TcpAddress("127.0.0.1", 4747)}, NotAllowed, "daemon itself"),
        ({"name": "not a name"}, InvalidName, "name"),
        ({"name": "used"}, NotAllowed, "already serves"),
    ],
)
@pytest.mark.parametrize("foreground", [False, True])
def test_what_cannot_be_offered_registers_nothing(changes, error, words, foreground):
    async def check(api, _disk):
        await api.expose(ExposeRequest(target=TcpAddress("127.0.0.1", 3001), name="used"))
        with pytest.raises(error, match=words):
            await api.expose(attrs.evolve(SITE, foreground=foreground, **changes))
        if "name" not in changes:
            with pytest.raises(error, match=words):
                await api.expose(attrs.evolve(SITE, foreground=foreground, **{**changes, "name": None}))
        assert await names_of(api) == ["used"]
        assert [row.id for row in await api.tunnels()] == ["used.http"]

    with_node(check)


def test_at_the_limit_what_is_offered_may_be_asked_for_again_and_nothing_new_is_registered():
    async def check(api, _disk):
        request = ExposeRequest(target=APP, foreground=True)
        row = await api.expose(request)
        assert await api.expose(request) == row
        with pytest.raises(QuotaExceeded, match="1 tunnels already"):
            await api.expose(attrs.evolve(request, target=TcpAddress("127.0.0.1", 3001)))
        assert await names_of(api) == [row.name]

    with_node(check, limits=NodeLimits(tunnels=TunnelsLimits(tunnels=1)))


@pytest.mark.parametrize("delay", [0, 0.001, 0.01])
def test_two_requests_at_once_for_a_port_are_one_tunnel_under_one_name(delay):
    async def check(api, _disk):
        rows = []

        async def offer():
            rows.append(await api.expose(ExposeRequest(target=APP, foreground=True)))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(offer)
            await trio.sleep(delay)
            nursery.start_soon(offer)
        assert rows[0] == rows[1]
        assert await names_of(api) == [rows[0].name]
        assert [row.id for row in await api.tunnels()] == [rows[0].id]

    with_node(check)


def test_of_two_requests_at_once_the_second_goes_on_when_the_first_fails():
    async def check(api, disk):
        done = []

        async def refused():
            with pytest.raises(StorageError):
                await api.expose(ExposeRequest(target=APP, foreground=True))
            disk.refuses = b""

        async def offer():
            done.append(await api.expose(ExposeRequest(target=APP, foreground=True)))

        disk.refuses = b"tunnels"
        async with trio.open_nursery() as nursery:
            nursery.start_soon(refused)
            await trio.lowlevel.checkpoint()
            nursery.start_soon(offer)
        assert await names_of(api) == [done[0].name]

    with_node(check)


def test_as_many_peers_as_can_be_named_are_still_named_after_a_restart():
    async def scenario(world):
        machine = world.machine("owner")
        node = await machine.boot()
        await node.api.expose(attrs.evolve(SITE, allow=PEERS[:64]))
        before = await node.api.tunnels()
        assert len(before[0].allow) == 64
        await machine.shutdown()
        node = await machine.boot()
        assert await node.api.tunnels() == before

    run_world(5, scenario)


def test_a_name_that_is_taken_is_not_offered():
    async def scenario(world):
        one, two = world.machine("owner"), world.machine("other")
        owner, other = await one.boot(), await two.boot()
        await other.api.connect(one.address_of(owner))
        await owner.api.register("site", contest=False)
        await trio.sleep(1)
        with pytest.raises(NameTaken):
            await other.api.expose(SITE)
        assert await other.api.tunnels() == ()

    run_world(5, scenario)


@pytest.mark.parametrize("name", ["site", None])
def test_a_disk_that_refuses_the_tunnel_leaves_no_name(name):
    async def check(api, disk):
        request = attrs.evolve(SITE, name=name, foreground=True)
        disk.refuses = b"tunnels"
        with pytest.raises(StorageError, match="disk is full"):
            await api.expose(request)
        assert await api.tunnels() == ()
        assert await names_of(api) == []
        disk.refuses = b""
        row = await api.expose(request)
        assert await names_of(api) == [row.name]

    with_node(check)


def test_a_disk_that_refuses_the_tunnel_takes_no_name_that_was_there():
    async def check(api, disk):
        await api.register("site", contest=False)
        disk.refuses = b"tunnels"
        with pytest.raises(StorageError):
            await api.expose(SITE)
        assert await names_of(api) == ["site"]

    with_node(check)


@pytest.mark.parametrize("name", ["site", None])
def test_a_disk_that_refuses_everything_leaves_nothing(name):
    async def check(api, disk):
        disk.broken = True
        with pytest.raises(StorageError, match="input/output"):
            await api.expose(attrs.evolve(SITE, name=name, foreground=True))
        disk.broken = False
        await trio.sleep(20)  # until everybody who tries again has done so
        assert await api.tunnels() == ()
        assert await names_of(api) == []

    with_node(check)
