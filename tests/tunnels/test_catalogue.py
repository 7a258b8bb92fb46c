"""What is offered, kept and withdrawn, whatever the disk does and whoever crashes."""

from contextlib import suppress
from ipaddress import ip_network

import attrs
import pytest
import trio

from beam_actors.errors import (
    ActorCrashed,
    NetworkError,
    NotAllowed,
    QuotaExceeded,
    StorageError,
    TargetDown,
    TunnelNotFound,
    TunnelRefused,
)
from beam_actors.ports import Change
from beam_actors.tunnels import TunnelsLimits
from beam_actors.tunnels.records import TUNNELS_TABLE
from beam_actors.values import Name, TcpAddress
from tests.tunnels.lab import HERE, WEB, Program, World, disk_full, echo, exchange, offer, read_all, stage


@pytest.mark.parametrize("target", ["127.0.0.1:8443", "[::ffff:127.0.0.1]:8443"])
async def test_a_tunnel_to_the_daemon_itself_is_not_offered(world, autojump_clock, target):
    async with stage(world) as (owner, _, _service):
        owner.forbidden = (TcpAddress(HERE, 8443),)
        with pytest.raises(NotAllowed):
            await owner.tunnels.expose(offer(target, name="web"))
        assert await owner.tunnels.list() == ()


async def test_a_tunnel_to_an_address_at_which_names_are_served_is_neither_offered_nor_dialled(world, autojump_clock):
    node = world.add()
    async with node.run():
        await node.tunnels.expose(offer("127.77.190.233:8080", name="web"))  # as a version without this rule would
    node.reserved = (ip_network("127.77.0.0/16"),)
    world.names[Name("web")] = (node.id,)
    async with node.run(), Program(node).running() as service:
        service.listen(8080, echo, ip="127.77.190.233")
        with pytest.raises(TunnelRefused, match="serves names at such addresses"):
            await node.tunnels.open("web", 80)
        assert service.came == 0
        for target in ("127.77.0.1:80", "127.77.255.255:3000", "[::ffff:127.77.0.1]:443"):
            with pytest.raises(NotAllowed):
                await node.tunnels.check(offer(target, name="other"))
        await node.tunnels.check(offer("127.78.0.1:80", name="other"))


async def test_offering_twice_is_offering_once(world, autojump_clock):
    async with stage(world) as (owner, _, _service):
        await owner.tunnels.expose(WEB)
        assert (await owner.tunnels.expose(WEB)).key == "web.http"
        assert len(await owner.tunnels.list()) == 1
        with pytest.raises(NotAllowed):
            await owner.tunnels.expose(offer(3001, name="web"))


async def test_a_withdrawn_tunnel_cuts_what_went_through_it_and_is_gone(world, autojump_clock):
    async with stage(world) as (owner, visitor, _):
        await owner.tunnels.expose(WEB)
        stream = await visitor.tunnels.open("web", 80)
        assert (await owner.tunnels.unexpose("web")).key == "web.http"
        with pytest.raises(NetworkError):
            await read_all(stream)
        with pytest.raises(TunnelNotFound):
            await visitor.tunnels.open("web", 80)
        with pytest.raises(TunnelNotFound):
            await owner.tunnels.unexpose("web")


async def test_kept_tunnels_survive_a_restart_and_ephemeral_ones_do_not(world, autojump_clock):
    node = world.add()
    async with node.run():
        await node.tunnels.expose(WEB)
        await node.tunnels.expose(offer(3001, name="passing", kept=False))
    async with node.run():
        assert [status.spec for status in await node.tunnels.list()] == [WEB]
        assert await node.tunnels.left() == {Name("passing")}
        await node.tunnels.unexpose("web")
    async with node.run():
        assert await node.tunnels.list() == ()


async def test_what_an_earlier_run_left_is_known_until_it_comes_back_or_had_the_time(world, autojump_clock):
    node = world.add()
    back, gone = (offer(port, name=name, kept=False) for port, name in ((3001, "back"), (3002, "gone")))
    async with node.run():
        for spec in (back, gone):
            await node.tunnels.expose(spec)
        assert await node.tunnels.left() == set()
    async with node.run():
        assert await node.tunnels.left() == {back.name, gone.name}
    async with node.run():  # nor does a second restart forget it
        await node.tunnels.expose(back)
        assert await node.tunnels.left() == {gone.name}
        await trio.sleep(61)
        assert await node.tunnels.left() == set()
        assert [key for key, _value in await node.store.scan(TUNNELS_TABLE)] == [b"back.http"]
        assert [status.spec for status in await node.tunnels.list()] == [back]


async def test_what_an_earlier_run_left_stays_stored_when_the_disk_refuses_to_drop_it(world, autojump_clock):
    node = world.add()
    async with node.run():
        await node.tunnels.expose(attrs.evolve(WEB, kept=False))
    async with node.run():
        node.on_commit = disk_full
        await trio.sleep(61)
        node.on_commit = None
        assert await node.tunnels.left() == set()
        await node.tunnels.expose(offer(3001, name="other"))
    async with node.run():
        assert await node.tunnels.left() == {Name("web")}


async def test_stored_tunnels_beyond_a_limit_that_was_lowered_are_left_out_and_the_rest_is_offered(autojump_clock):
    world = World(TunnelsLimits(tunnels=2))
    node = world.add()
    async with node.run():
        for port, name in ((3000, "a"), (3001, "b")):
            await node.tunnels.expose(offer(port, name=name))
    world.limits = TunnelsLimits(tunnels=1)
    async with node.run():
        assert [status.spec.target.port for status in await node.tunnels.list()] == [3000]
    world.limits = TunnelsLimits(tunnels=2)
    async with node.run():
        assert len(await node.tunnels.list()) == 2  # it was not forgotten


async def test_a_tunnel_that_was_held_in_the_foreground_is_kept_once_it_is_offered_for_good(world, autojump_clock):
    node = world.add()
    async with node.run():
        passing = attrs.evolve(WEB, kept=False)
        assert (await node.tunnels.expose(passing)).spec == passing
        assert (await node.tunnels.expose(WEB)).spec == WEB
        assert (await node.tunnels.expose(passing)).spec == WEB
    async with node.run():
        assert [status.spec for status in await node.tunnels.list()] == [WEB]


async def test_a_check_raises_what_an_offer_would_and_changes_nothing(autojump_clock):
    async with stage(World(TunnelsLimits(tunnels=1))) as (owner, _, _service):
        owner.forbidden = (TcpAddress(HERE, 8443),)
        await owner.tunnels.check(WEB)
        assert await owner.tunnels.list() == ()
        with pytest.raises(NotAllowed):
            await owner.tunnels.check(offer(8443, name="web"))
        before = owner.incarnations()
        await owner.tunnels.expose(WEB)
        await owner.tunnels.check(WEB)
        with pytest.raises(NotAllowed, match="already serves"):
            await owner.tunnels.check(offer(3001, name="web"))
        with pytest.raises(QuotaExceeded, match="1 tunnels already"):
            await owner.tunnels.check(offer(3001, name="other"))
        assert [status.spec for status in await owner.tunnels.list()] == [WEB]
        assert owner.incarnations() == {**before, "node/services/tunnels/offered/web.http": 1}


# --- the store ---


async def test_what_the_store_refuses_is_not_offered(world, autojump_clock):
    async with stage(world) as (owner, visitor, _):
        owner.on_commit = disk_full
        before = owner.incarnations()
        with pytest.raises(StorageError, match="disk is full"):
            await owner.tunnels.expose(WEB)
        assert await owner.tunnels.list() == ()
        assert owner.incarnations() == before
        with pytest.raises(TunnelNotFound):
            await visitor.tunnels.open("web", 80)
        owner.on_commit = None
        await owner.tunnels.expose(WEB)
        assert await exchange(await visitor.tunnels.open("web", 80), b"hello") == b"hello"


async def test_what_the_store_refused_does_not_come_back_with_the_next_run(world, autojump_clock):
    node = world.add()
    async with node.run():
        node.on_commit = disk_full
        with pytest.raises(StorageError):
            await node.tunnels.expose(WEB)
        node.on_commit = None
    async with node.run():
        assert await node.tunnels.list() == ()


async def test_a_foreground_tunnel_stays_one_when_the_store_refuses_to_keep_it(world, autojump_clock):
    async with stage(world) as (owner, visitor, _):
        passing = attrs.evolve(WEB, kept=False)
        await owner.tunnels.expose(passing)
        owner.on_commit = disk_full
        with pytest.raises(StorageError):
            await owner.tunnels.expose(WEB)
        assert [status.spec for status in await owner.tunnels.list()] == [passing]
        assert await exchange(await visitor.tunnels.open("web", 80), b"hello") == b"hello"


async def test_what_the_store_refuses_to_forget_is_still_offered(world, autojump_clock):
    async with stage(world) as (owner, visitor, _):
        await owner.tunnels.expose(WEB)
        stream = await visitor.tunnels.open("web", 80)
        owner.on_commit = disk_full
        with pytest.raises(StorageError):
            await owner.tunnels.unexpose("web")
        assert await exchange(stream, b"hello") == b"hello"
        assert await exchange(await visitor.tunnels.open("web", 80), b"hello") == b"hello"


async def test_a_record_that_cannot_be_read_costs_only_its_own_tunnel_and_is_kept(world, autojump_clock):
    node = world.add()
    async with node.run():
        await node.tunnels.expose(WEB)
        await node.store.commit([Change(TUNNELS_TABLE, b"\xff.http", b"of a later version")])
    async with node.run():
        assert [status.spec for status in await node.tunnels.list()] == [WEB]
        assert await node.store.get(TUNNELS_TABLE, b"\xff.http") == b"of a later version"


# --- crashes ---


@pytest.mark.parametrize("victim", ["tunnels/offered", "tunnels/catalogue"])
async def test_a_withdrawal_during_a_crash_cuts_what_went_through_the_tunnel(world, autojump_clock, victim):
    async def crash(_changes):
        owner.on_commit = None
        owner.crash(victim)

    async with stage(world) as (owner, visitor, _):
        await owner.tunnels.expose(WEB)
        stream = await visitor.tunnels.open("web", 80)
        owner.on_commit = crash
        with suppress(ActorCrashed):  # what becomes of it is not known to whoever asked
            await owner.tunnels.unexpose("web")
        assert await owner.tunnels.list() == ()
        with pytest.raises(NetworkError), trio.fail_after(5):
            await read_all(stream)
        assert "node/services/tunnels/offered/web.http" not in owner.incarnations()


async def test_what_goes_through_a_tunnel_that_is_no_longer_stored_is_cut(world, autojump_clock):
    async with stage(world) as (owner, visitor, _):
        await owner.tunnels.expose(WEB)
        await owner.tunnels.expose(offer(3000, name="other"))
        world.names[Name("other")] = (owner.id,)
        doomed, other = await visitor.tunnels.open("web", 80), await visitor.tunnels.open("other", 80)
        await owner.store.commit([Change(TUNNELS_TABLE, b"web.http", None)])  # a withdrawal that got no further
        owner.crash("tunnels/offered")
        with pytest.raises(NetworkError), trio.fail_after(5):
            await read_all(doomed)
        assert await exchange(other, b"hello") == b"hello"


RESTARTS = {"tunnels/offered": ("tunnels/",), "tunnels/catalogue": ("tunnels/catalogue", "tunnels/acceptor")}


@pytest.mark.parametrize("victim", ["tunnels/offered/web.http", *RESTARTS, "tunnels/acceptor", "network/manager"])
async def test_a_crash_breaks_no_splice_and_the_node_serves_again(world, autojump_clock, victim):
    async with stage(world) as (owner, visitor, _):
        await owner.tunnels.expose(attrs.evolve(WEB, kept=False))
        stream = await visitor.tunnels.open("web", 80)
        await stream.write(b"before")
        assert await stream.read() == b"before"
        before = owner.incarnations()
        owner.crash(victim)
        started = trio.current_time()
        while True:
            try:
                again = await visitor.tunnels.open("web", 80)
                break
            except (TargetDown, TunnelNotFound, NetworkError):
                await trio.sleep(0.05)
        assert await exchange(again, b"again") == b"again"
        assert trio.current_time() - started < 2
        await stream.write(b"after")
        assert await stream.read() == b"after"
        changed = {path for path, number in owner.incarnations().items() if before.get(path) != number}
        # The pool's crash makes the list anew, and the list's the acceptor, which asks it; nothing else restarts.
        tops = RESTARTS.get(victim, (victim,))
        assert changed
        assert all(path.startswith(tuple(f"node/services/{top}" for top in tops)) for path in changed)
        await owner.tunnels.unexpose("web")
        with pytest.raises(NetworkError):
            await read_all(stream)
