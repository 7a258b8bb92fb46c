"""A forward to a peer that is connected: the pump joins its connections with their tunnel by itself."""

from contextlib import asynccontextmanager, suppress

import pytest
import trio

from beam_actors.errors import NetworkError
from beam_actors.flow import Traffic
from beam_actors.testing.network import Conditions
from beam_actors.tunnels import ForwardSpec, TunnelsLimits
from beam_actors.tunnels.protocol import Request, Status, encode_request
from beam_actors.values import Name, TcpAddress
from tests.peers.lab import SERVICES, until
from tests.tunnels.lab import DATA, HERE, WEB, Program, World, ask_raw, echo, exchange, read_all, stage


@asynccontextmanager
async def forwarded(world, *, port=80, whom=None, **rest):
    """A forward to a service of the owner's peer id, or of a name, and a program that uses it."""
    async with stage(world, **rest) as (owner, visitor, service), Program(visitor).running() as program:
        spec = ForwardSpec(destination=whom or str(owner.id), port=port, listen=TcpAddress(HERE, 5000))
        await visitor.tunnels.forward(spec)
        yield owner, visitor, service, program


async def status_of(node):
    (status,) = await node.tunnels.forwards()
    return status


async def test_a_forward_to_a_connected_peer_takes_no_task(world, autojump_clock):
    async with forwarded(world) as (owner, visitor, service, program):
        await owner.tunnels.expose(WEB)
        workers = []
        actor = visitor.system.whereis("node/services/forwards/local/forward.5000")._cell.actor
        actor.spawn = workers.append
        for _ in range(3):
            assert await exchange(await program.dial(5000), DATA) == DATA
        assert (workers, service.came) == ([], 3)
        await until(lambda: not len(visitor.flow.splices))
        status = await status_of(visitor)
        assert (status.traffic, status.state) == (Traffic(0, 3, 3 * len(DATA), 3 * len(DATA)), "works")
        (offered,) = await owner.tunnels.list()
        assert (offered.traffic, offered.failed) == (Traffic(0, 3, 3 * len(DATA), 3 * len(DATA)), 0)
        assert repr(visitor.tunnels._opener._live).startswith("Live(0 being opened by 0 ")


@pytest.mark.parametrize("whom", [None, "web"])
async def test_the_first_bytes_of_a_program_leave_with_the_request(world, autojump_clock, whom):
    async with forwarded(world, whom=whom) as (owner, visitor, _, program):
        await owner.tunnels.expose(WEB)
        assert await exchange(await program.dial(5000), b"first") == b"first"
        world.network.between(owner.host, visitor.host, Conditions(latency=1.0))
        started = trio.current_time()
        stream = await program.dial(5000)
        await stream.write(b"hello")
        assert await stream.read() == b"hello"
        assert trio.current_time() - started < 2.1  # one round trip
        assert len(visitor.names.uses) == (2 if whom else 0)


@pytest.mark.parametrize("first", [b"", b"first bytes"])
async def test_a_refusal_by_a_connected_peer_resets_and_is_told_in_words(world, autojump_clock, first):
    async with forwarded(world, port=5432) as (owner, visitor, _, program):
        await owner.tunnels.expose(WEB)
        stream = await program.dial(5000)
        if first:
            await stream.write(first)
        with pytest.raises(NetworkError):
            await read_all(stream)
        status = await status_of(visitor)
        assert (status.state, status.failed) == ("fails", 1)
        assert status.failure == f"{owner.id}, port 5432: nothing is offered there."
        assert repr(visitor.tunnels._opener._live).startswith("Live(0 being opened by 0 ")


async def test_a_daemon_that_cuts_the_request_of_a_forward_is_not_asked_again(world, autojump_clock):
    async with forwarded(world) as (owner, visitor, _, program):
        await owner.tunnels.expose(WEB)
        assert await exchange(await program.dial(5000), b"first") == b"first"
        asked = []

        def cut(_peer, stream):
            asked.append(stream)
            stream.abort()
            return True

        owner.reception.take = cut
        with pytest.raises(NetworkError):
            await read_all(await program.dial(5000))
        await trio.sleep(10)
        assert len(asked) == 1
        status = await status_of(visitor)
        assert status.failed == 1
        assert "cut the request before it was answered; it may be too busy" in status.failure


async def test_more_connections_than_may_wait_for_a_connected_peer_are_reset(autojump_clock):
    world = World(TunnelsLimits(forward_opens=1))
    async with forwarded(world) as (owner, visitor, _, program):
        await owner.tunnels.expose(WEB)
        assert await exchange(await program.dial(5000), b"first") == b"first"
        world.network.between(owner.host, visitor.host, Conditions(latency=0.5))
        first = await program.dial(5000)
        await trio.sleep(0.1)
        with pytest.raises(NetworkError), trio.fail_after(5):
            await read_all(await program.dial(5000))
        status = await status_of(visitor)
        assert (status.traffic.opened, status.failed) == (1, 1)
        assert "1 connections wait" in status.failure
        assert await exchange(first, b"hello") == b"hello"
        assert await exchange(await program.dial(5000), b"hello") == b"hello"


async def test_a_silent_peer_has_its_time_at_a_forward(world, autojump_clock):
    async with forwarded(world) as (owner, visitor, _, program):
        await owner.tunnels.expose(WEB)
        world.network.partition(owner.host, visitor.host)
        started = trio.current_time()
        with pytest.raises(NetworkError):
            await read_all(await program.dial(5000))
        assert 4.4 < trio.current_time() - started < 4.7
        assert (await status_of(visitor)).failure == f"{owner.id} did not answer within 4.5 s."
        assert repr(visitor.tunnels._opener._live).startswith("Live(0 being opened by 0 ")


@pytest.mark.parametrize("whom", [None, "web"])
@pytest.mark.parametrize(("first", "again"), [(b"", True), (b"pay once", False)])
async def test_a_session_that_dies_under_a_request_is_replaced_unless_bytes_had_left(
    world, autojump_clock, first, again, whom
):
    """Somebody may have read them: a payment is not sent twice."""
    async with forwarded(world, whom=whom) as (owner, visitor, service, program):
        await owner.tunnels.expose(WEB)
        world.network.between(owner.host, visitor.host, Conditions(latency=0.2))
        stream = await program.dial(5000)
        if first:
            await stream.write(first)
        await trio.sleep(0.1)
        (path,) = visitor.sessions(owner)
        visitor.crash(path.removeprefix(f"{SERVICES}/"))
        await trio.sleep(0.1)
        if again:
            assert await exchange(stream, b"hello") == b"hello"
        else:
            with pytest.raises(NetworkError):
                await read_all(stream)
            await trio.sleep(10)
            assert service.came <= 1
        assert (await status_of(visitor)).failed == (0 if again else 1)


async def test_a_crash_of_a_forward_gives_back_the_places_of_what_it_was_opening(world, autojump_clock):
    async with forwarded(world) as (owner, visitor, _, program):
        await owner.tunnels.expose(WEB)
        world.network.between(owner.host, visitor.host, Conditions(latency=0.5))
        stream = await program.dial(5000)
        await trio.sleep(0.1)
        assert repr(visitor.tunnels._opener._live).startswith("Live(1 being opened")
        visitor.crash("forwards/local/forward.5000")
        with pytest.raises(NetworkError):
            await read_all(stream)
        assert repr(visitor.tunnels._opener._live).startswith("Live(0 being opened by 0 ")
        await trio.sleep(2)
        assert not len(owner.flow.splices)
        assert await exchange(await program.dial(5000), b"again") == b"again"


async def test_a_bug_while_a_forward_opens_gives_its_place_back_and_crashes_it_alone(world, autojump_clock):
    async with forwarded(world) as (owner, visitor, _, program):
        await owner.tunnels.expose(WEB)
        program.listen(6000, echo)
        forward = visitor.system.whereis("node/services/forwards/local/forward.5000")
        opener, before = visitor.tunnels._opener, visitor.incarnations()
        peers, remote = opener._peers, await visitor.flow.dial(TcpAddress(HERE, 6000), forward, timeout=5)

        class Odd:
            us = peers.us

            def open_now(self, *_):
                return remote  # no stream of a session

        opener._peers = Odd()
        with pytest.raises(NetworkError):
            await read_all(await program.dial(5000))
        opener._peers = peers
        assert remote.error is not None
        assert repr(opener._live).startswith("Live(0 being opened by 0 ")
        await until(lambda: visitor.incarnations() != before)
        changed = {path for path, number in visitor.incarnations().items() if before.get(path) != number}
        assert changed == {forward.path}
        await until(lambda: forward.path in visitor.incarnations())
        assert await exchange(await program.dial(5000), b"again") == b"again"


async def test_a_program_that_leaves_before_the_answer_leaves_nothing_behind(world, autojump_clock):
    async with forwarded(world) as (owner, visitor, _, program):
        await owner.tunnels.expose(WEB)
        world.network.between(owner.host, visitor.host, Conditions(latency=0.5))
        links = visitor.flow.statistics().links
        stream = await program.dial(5000)
        await stream.write(b"hello")
        await trio.sleep(0.1)
        stream.abort()
        await trio.sleep(3)
        assert not len(owner.flow.splices)
        assert visitor.flow.statistics().links == links
        assert repr(visitor.tunnels._opener._live).startswith("Live(0 being opened by 0 ")


async def test_a_name_of_several_machines_keeps_the_first_bytes_until_one_has_answered(world, autojump_clock):
    async with (
        stage(world, visitors=2) as (owner, visitor, silent, _),
        Program(visitor).running() as program,
        trio.open_nursery() as nursery,
    ):
        spec = ForwardSpec(destination="web", port=80, listen=TcpAddress(HERE, 5000))
        await visitor.tunnels.forward(spec)
        await owner.tunnels.expose(WEB)
        await visitor.peers.connect(silent.address)
        assert (await ask_raw(visitor, silent)).status is Status.NOT_FOUND  # so what follows is the reception's
        heard = bytearray()

        async def hear(stream):
            with suppress(NetworkError):
                while piece := await stream.read():
                    heard.extend(piece)

        def listen(_peer, stream):
            nursery.start_soon(hear, stream)
            return True

        silent.reception.take = listen
        world.names[Name("web")] = (silent.id, owner.id)
        assert await exchange(await program.dial(5000), b"hello") == b"hello"
        assert heard == encode_request(Request(name=Name("web"), port=80, client="forward"))
