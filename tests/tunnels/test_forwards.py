"""The list of forwards: what is acknowledged is durable and listens, and nothing else is left behind."""

from contextlib import suppress

import attrs
import pytest
import trio

from beam_actors.errors import (
    ActorCrashed,
    AddressInUse,
    AddressNotPermitted,
    NetworkError,
    QuotaExceeded,
    StorageError,
    TunnelNotFound,
    UsageError,
)
from beam_actors.ports import Change
from beam_actors.tunnels import ForwardSpec, TunnelsLimits
from beam_actors.tunnels.records import FORWARDS_TABLE, encode_forward
from beam_actors.values import TcpAddress
from tests.tunnels.lab import HERE, WEB, Program, World, disk_full, echo, exchange, read_all, stage

LISTEN = TcpAddress(HERE, 5000)
SPEC = ForwardSpec(destination="web", port=80, listen=LISTEN)


async def test_a_taken_local_port_is_told_at_once(world, autojump_clock):
    async with stage(world) as (owner, _, _service):
        with pytest.raises(
            AddressInUse, match=r"127\.0\.0\.1:3000 is taken by another program: choose another local port"
        ):
            await owner.tunnels.forward(ForwardSpec(destination="web", port=80, listen=TcpAddress(HERE, 3000)))
        assert await owner.tunnels.forwards() == ()


async def test_an_address_of_another_machine_is_told_at_once(world, autojump_clock):
    async with stage(world) as (owner, _, _service):
        with pytest.raises(
            AddressNotPermitted, match=r": choose an address of this machine, such as 127\.0\.0\.1:5000"
        ):
            await owner.tunnels.forward(attrs.evolve(SPEC, listen=TcpAddress("10.9.9.9", 5000)))
        with pytest.raises(AddressNotPermitted, match=": choose a local port from 1024 on, or 0"):
            await owner.tunnels.forward(attrs.evolve(SPEC, listen=TcpAddress("10.9.9.9", 443)))
        assert await owner.tunnels.forwards() == ()


async def test_nobody_takes_the_port_while_the_forward_is_stored(world, autojump_clock):
    async with stage(world) as (owner, visitor, _), Program(visitor).running() as program:
        outcomes = []

        async def squat(_changes):
            try:
                outcomes.append(program.listen(5000, echo))
            except NetworkError as error:
                outcomes.append(type(error))

        await owner.tunnels.expose(WEB)
        visitor.on_commit = squat
        status = await visitor.tunnels.forward(SPEC)
        assert outcomes == [AddressInUse]
        assert status.listening
        assert await exchange(await program.dial(5000), b"hello") == b"hello"


async def test_whoever_comes_before_the_forward_is_stored_is_reset(world, autojump_clock):
    early = []

    async def come(_changes):
        with pytest.raises(NetworkError):  # by the dial if the reset comes before anybody looked
            await (await program.dial(5000)).read()
        early.append(True)

    async with stage(world) as (owner, visitor, _), Program(visitor).running() as program:
        await owner.tunnels.expose(WEB)
        before = visitor.incarnations()
        visitor.on_commit = come
        await visitor.tunnels.forward(SPEC)
        assert early
        assert await exchange(await program.dial(5000), b"hello") == b"hello"
        assert visitor.incarnations() == {**before, "node/services/forwards/local/forward.5000": 1}


async def test_a_port_of_the_nodes_own_choice_is_the_one_that_is_stored(world, autojump_clock):
    node = world.add()
    async with node.run():
        status = await node.tunnels.forward(attrs.evolve(SPEC, listen=TcpAddress(HERE, 0)))
        assert status.listening
        assert status.spec.listen.port > 0
    async with node.run():
        assert [forward.spec for forward in await node.tunnels.forwards()] == [status.spec]
        await node.tunnels.unforward(str(status.spec.listen.port))
    async with node.run():
        assert await node.tunnels.forwards() == ()


async def test_what_the_store_refuses_leaves_the_port_free(world, autojump_clock):
    node = world.add()
    async with node.run(), Program(node).running() as program:
        node.on_commit = disk_full
        with pytest.raises(StorageError, match="disk is full"):
            await node.tunnels.forward(SPEC)
        assert await node.tunnels.forwards() == ()
        program.listen(5000, echo).close()
        node.on_commit = None
        assert (await node.tunnels.forward(SPEC)).listening
        await node.tunnels.unforward("5000")
        program.listen(5000, echo)
    async with node.run():
        assert await node.tunnels.forwards() == ()


async def test_what_the_store_refuses_to_forget_goes_on(world, autojump_clock):
    async with stage(world) as (owner, visitor, _), Program(visitor).running() as program:
        await owner.tunnels.expose(WEB)
        await visitor.tunnels.forward(SPEC)
        visitor.on_commit = disk_full
        with pytest.raises(StorageError):
            await visitor.tunnels.unforward("5000")
        assert await exchange(await program.dial(5000), b"hello") == b"hello"


async def test_asking_again_for_a_forward_whose_port_is_taken_says_so_and_else_listens_at_once(world, autojump_clock):
    node = world.add()
    async with node.run():
        await node.tunnels.forward(SPEC)
    async with Program(node).running() as squatter:
        handle = squatter.listen(5000, echo)
        async with node.run():
            with pytest.raises(AddressInUse, match="choose another local port, or 0 for any that is free"):
                await node.tunnels.forward(SPEC)
            assert [forward.listening for forward in await node.tunnels.forwards()] == [False]
            handle.close()
            await trio.sleep(0.1)
            status = await node.tunnels.forward(SPEC)
            assert (status.listening, status.state) == (True, "unused")
            await trio.sleep(6)  # until its own next try, which finds it done
            assert await node.tunnels.forwards() == (status,)


async def test_one_port_leads_to_one_place_and_there_are_not_too_many(autojump_clock):
    async with stage(World(TunnelsLimits(forwards=1))) as (owner, _, _service):
        await owner.tunnels.forward(SPEC)
        with pytest.raises(
            AddressInUse, match=r"already leads to web: choose another .* or give that one up with `beam unforward"
        ):
            await owner.tunnels.forward(attrs.evolve(SPEC, destination="other"))
        with pytest.raises(QuotaExceeded, match="1 forwards already"):
            await owner.tunnels.forward(attrs.evolve(SPEC, listen=TcpAddress(HERE, 5001)))


async def test_a_forward_is_given_up_by_any_of_its_names(world, autojump_clock):
    async with stage(world) as (owner, _, _service):
        other = attrs.evolve(SPEC, listen=TcpAddress(HERE, 5001), port=81)
        for text in ("forward.5000", "127.0.0.1:5000", "5000", "web:80"):
            await owner.tunnels.forward(SPEC)
            await owner.tunnels.forward(other)
            with pytest.raises(UsageError, match="several"):
                await owner.tunnels.unforward("web")
            assert await owner.tunnels.unforward(text) == SPEC
            with pytest.raises(TunnelNotFound, match="no forward"):
                await owner.tunnels.unforward(text)
            assert [forward.spec for forward in await owner.tunnels.forwards()] == [other]


@pytest.mark.parametrize("key", [b"127.0.0.1.5000", b"--1.5000"])
async def test_a_forward_that_is_stored_under_another_key_is_given_up_for_good(world, autojump_clock, key):
    """As programs of before did, by the local address; for IPv6 it began with a dash once."""
    node = world.add()
    async with node.run():
        await node.store.commit([Change(FORWARDS_TABLE, key, encode_forward(SPEC))])
    async with node.run():
        assert [status.spec for status in await node.tunnels.forwards()] == [SPEC]
        await node.tunnels.unforward("forward.5000")
        await node.tunnels.forward(SPEC)
    async with node.run():
        assert [status.spec for status in await node.tunnels.forwards()] == [SPEC]
        await node.tunnels.unforward("5000")
    async with node.run():
        assert await node.tunnels.forwards() == ()


@pytest.mark.parametrize("victim", ["forwards/local", "forwards/list"])
async def test_giving_one_up_during_a_crash_cuts_what_went_through_it(world, autojump_clock, victim):
    async def crash(_changes):
        visitor.on_commit = None
        visitor.crash(victim)

    async with stage(world) as (owner, visitor, _), Program(visitor).running() as program:
        await owner.tunnels.expose(WEB)
        await visitor.tunnels.forward(SPEC)
        stream = await program.dial(5000)
        await stream.write(b"hello")
        assert await stream.read() == b"hello"
        visitor.on_commit = crash
        with suppress(ActorCrashed):  # what becomes of it is not known to whoever asked
            await visitor.tunnels.unforward("5000")
        assert await visitor.tunnels.forwards() == ()
        with pytest.raises(NetworkError), trio.fail_after(5):
            await read_all(stream)
        program.listen(5000, echo)


async def test_a_record_that_cannot_be_read_costs_only_its_own_forward_and_is_kept(world, autojump_clock):
    node = world.add()
    async with node.run():
        await node.tunnels.forward(SPEC)
        await node.store.commit([Change(FORWARDS_TABLE, b"\xff", b"of a later version")])
    async with node.run():
        assert [forward.spec for forward in await node.tunnels.forwards()] == [SPEC]
        assert await node.store.get(FORWARDS_TABLE, b"\xff") == b"of a later version"
