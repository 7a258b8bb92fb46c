"""One forward at work: local connections get their tunnel or a reset, and its port comes back."""

import pytest
import structlog
import trio

from beam_actors.errors import NetworkError
from beam_actors.flow import Traffic
from beam_actors.ingress.limits import IngressLimits
from beam_actors.testing.network import Conditions
from beam_actors.tunnels import ForwardSpec, TunnelsLimits
from beam_actors.values import TcpAddress
from tests.peers.lab import until
from tests.tunnels.lab import DATA, HERE, OWNER, WEB, Program, World, echo, exchange, read_all, stage


async def test_a_program_reaches_a_service_through_a_forward(world, autojump_clock):
    async with stage(world) as (owner, visitor, _), Program(visitor).running() as program:
        await owner.tunnels.expose(WEB)
        listen = TcpAddress(HERE, 5000)
        status = await visitor.tunnels.forward(ForwardSpec(destination="web.local", port=80, listen=listen))
        assert status.key == "forward.5000"
        assert await exchange(await program.dial(5000), DATA) == DATA
        await until(lambda: not len(visitor.flow.splices))
        (status,) = await visitor.tunnels.forwards()
        assert (status.traffic, status.failed, status.listening) == (Traffic(0, 1, len(DATA), len(DATA)), 0, True)


async def test_a_forward_that_led_somewhere_is_a_use_of_its_name(world, autojump_clock):
    async with stage(world) as (owner, visitor, _), Program(visitor).running() as program:
        listens = {"web.local": 5000, "web": 5001, str(owner.id): 5002}
        for destination, port in listens.items():
            listen = TcpAddress(HERE, port)
            await visitor.tunnels.forward(ForwardSpec(destination=destination, port=80, listen=listen))
        assert visitor.names.uses == []  # nothing answers yet
        with pytest.raises(NetworkError):
            await read_all(await program.dial(5000))
        assert visitor.names.uses == []
        await owner.tunnels.expose(WEB)
        for port in (5000, 5001, 5002):
            assert await exchange(await program.dial(port), b"hello") == b"hello"
        uses = [("web.local", OWNER, "forward"), ("web", OWNER, "forward")]
        assert visitor.names.uses == uses
        await (await visitor.tunnels.open("web", 80)).shutdown()  # nobody sees where that leads
        assert visitor.names.uses == uses


async def test_a_forward_that_finds_nothing_resets_and_says_why(world, autojump_clock):
    async with stage(world) as (_, visitor, _service), Program(visitor).running() as program:
        listen = TcpAddress(HERE, 5000)
        await visitor.tunnels.forward(ForwardSpec(destination="web", port=80, listen=listen))
        stream = await program.dial(5000)
        with pytest.raises(NetworkError):
            await read_all(stream)
        (status,) = await visitor.tunnels.forwards()
        assert (status.failed, status.state) == (1, "fails")
        assert "nothing is offered" in status.failure


async def test_a_forward_says_whether_it_works_and_what_went_wrong_last_and_when(world, autojump_clock):
    async with stage(world) as (owner, visitor, _), Program(visitor).running() as program:
        listen = TcpAddress(HERE, 5000)
        made = await visitor.tunnels.forward(ForwardSpec(destination="web", port=80, listen=listen))
        assert (made.state, made.failure, made.failed_at) == ("unused", None, None)
        with pytest.raises(NetworkError):
            await read_all(await program.dial(5000))
        (failing,) = await visitor.tunnels.forwards()
        assert (failing.state, failing.listening) == ("fails", True)
        assert 0 <= visitor.clock.wall() - failing.failed_at < 1
        await owner.tunnels.expose(WEB)
        await trio.sleep(60)
        assert await exchange(await program.dial(5000), b"hello") == b"hello"
        (working,) = await visitor.tunnels.forwards()
        assert (working.state, working.failure, working.failed_at) == ("works", failing.failure, failing.failed_at)


async def test_the_log_has_the_failures_of_a_forward_and_is_not_filled_by_them(world, autojump_clock):
    async with stage(world) as (_, visitor, _service), Program(visitor).running() as program:
        await visitor.tunnels.forward(ForwardSpec(destination="web", port=80, listen=TcpAddress(HERE, 5000)))
        with structlog.testing.capture_logs() as lines:
            for pause in (0, 0, 0, 61):
                await trio.sleep(pause)
                with pytest.raises(NetworkError):
                    await read_all(await program.dial(5000))
        told = [line for line in lines if line["event"] == "a forward fails"]
        assert [(line["failed"], line["leads_to"], line["log_level"]) for line in told] == [
            (1, "web", "warning"),
            (3, "web", "warning"),
        ]
        assert "nothing is offered" in told[0]["error"]


async def test_a_forward_survives_a_crash_with_its_connections_and_listens_again(world, autojump_clock):
    async with stage(world) as (owner, visitor, _), Program(visitor).running() as program:
        await owner.tunnels.expose(WEB)
        listen = TcpAddress(HERE, 5000)
        await visitor.tunnels.forward(ForwardSpec(destination="web", port=80, listen=listen))
        for victim in ("forwards/local/forward.5000", "forwards/local", "forwards/list"):
            stream = await program.dial(5000)
            await stream.write(b"before")
            assert await stream.read() == b"before"
            visitor.crash(victim)
            await trio.sleep(1)
            await stream.write(b"after")
            assert await stream.read() == b"after"
            assert await exchange(await program.dial(5000), b"again") == b"again"
            assert [status.listening for status in await visitor.tunnels.forwards()] == [True]


async def test_a_forward_whose_port_is_taken_after_a_restart_waits_for_it(world, autojump_clock):
    node = world.add()
    listen = TcpAddress(HERE, 5000)
    async with node.run():
        await node.tunnels.forward(ForwardSpec(destination="web", port=80, listen=listen))
    async with Program(node).running() as squatter:
        handle = squatter.listen(5000, echo)
        async with node.run():
            (status,) = await node.tunnels.forwards()
            assert (status.listening, status.state) == (False, "no-port")
            assert status.failure
            assert status.failed_at is not None
            handle.close()
            await trio.sleep(6)
            (status,) = await node.tunnels.forwards()
            assert status.listening


async def test_a_tunnel_may_lead_to_the_port_of_a_forward_that_does_not_listen(world, autojump_clock):
    """Then another program has the port, and it is that program's again to be offered."""
    owner = world.add()
    forward = ForwardSpec(destination="elsewhere", port=80, listen=TcpAddress(HERE, 3000))
    async with owner.run():
        await owner.tunnels.forward(forward)
    async with Program(owner).running() as service:
        service.listen(3000, echo)
        async with owner.run():
            await owner.tunnels.expose(WEB)
            world.names[WEB.name] = (owner.id,)
            assert await exchange(await owner.tunnels.open("web", 80), b"hello") == b"hello"


async def test_more_connections_than_may_wait_are_reset_and_it_says_so(autojump_clock):
    world = World(TunnelsLimits(forward_opens=1))
    async with stage(world) as (owner, visitor, _), Program(visitor).running() as program:
        await owner.tunnels.expose(WEB)
        await visitor.tunnels.forward(ForwardSpec(destination="web", port=80, listen=TcpAddress(HERE, 5000)))
        world.network.between(owner.host, visitor.host, Conditions(latency=0.5))
        first = await program.dial(5000)
        await trio.sleep(0.1)
        with pytest.raises(NetworkError):
            await read_all(await program.dial(5000))
        (status,) = await visitor.tunnels.forwards()
        assert (status.traffic, status.failed) == (Traffic(), 1)
        assert "1 connections wait" in status.failure
        assert await exchange(first, b"hello") == b"hello"
        assert await exchange(await program.dial(5000), b"hello") == b"hello"


def test_as_many_connections_of_a_forward_may_wait_as_of_a_web_server():
    limits = TunnelsLimits()
    assert limits.forward_opens == limits.local_requests == IngressLimits().web_connections
