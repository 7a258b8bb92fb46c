"""Conversations of whole nodes: an owner with a local service, and visitors."""

from contextlib import asynccontextmanager

import attrs
import pytest
import trio

from beam_actors.errors import (
    AddressInUse,
    InvalidValue,
    NameNotFound,
    NetworkError,
    NotAllowed,
    PeerOffline,
    TargetDown,
    TimedOut,
    TunnelNotFound,
    TunnelRefused,
    UsageError,
)
from beam_actors.tunnels import PROTOCOL, ForwardSpec, TunnelSpec
from beam_actors.values import Name, PeerId, TcpAddress
from tests.peers.lab import until
from tests.tunnels.lab import Program, World, echo, exchange, read_all

WEB = TunnelSpec.offer("3000", name="web")
DATA = bytes(range(256)) * 4096


@pytest.fixture
def world():
    return World()


@asynccontextmanager
async def stage(world, *, serve=echo, port=3000):
    """An owner with a service on its machine, and a visitor that is connected to it."""
    async with world.running(2) as (owner, visitor), Program(owner).running() as service:
        service.listen(port, serve)
        await visitor.peers.connect(owner.address)
        await until(lambda: owner.events)
        world.names[Name("web")] = (owner.id,)
        yield owner, visitor, service


async def test_bytes_go_through_a_tunnel_and_back_unchanged(world, autojump_clock):
    async with stage(world) as (owner, visitor, service):
        await owner.tunnels.expose(WEB)
        stream = await visitor.tunnels.open("web.local", 80, client="test")
        assert await exchange(stream, DATA) == DATA
        await until(lambda: not len(owner.flow.splices))
        (status,) = await owner.tunnels.list()
        assert (status.key, status.opened, status.refused, status.failed, status.live) == ("web.http", 1, 0, 0, 0)
        assert service.came == 1


@pytest.mark.parametrize("how", ["peer id", "text of the peer id", "multiaddr"])
async def test_a_tunnel_is_reached_without_a_name(world, autojump_clock, how):
    async with stage(world) as (owner, visitor, _):
        await owner.tunnels.expose(TunnelSpec.offer("3000", port=8022, allow=("everyone",)))
        destination = {"peer id": owner.id, "text of the peer id": str(owner.id), "multiaddr": str(owner.address)}[how]
        assert await exchange(await visitor.tunnels.open(destination, 8022), b"hello") == b"hello"


async def test_a_node_opens_its_own_tunnel_without_a_wire(world, autojump_clock):
    async with stage(world) as (owner, _, service):
        await owner.tunnels.expose(TunnelSpec.offer("3000", name="web", allow=(str(PeerId(bytes(32))),)))
        assert await exchange(await owner.tunnels.open("web", 443), DATA) == DATA
        assert service.came == 1
        with pytest.raises(TunnelNotFound):
            await owner.tunnels.open("web", 5432)


async def test_the_visitor_may_end_first_and_still_read(world, autojump_clock):
    async def late(stream):
        asked = await read_all(stream)
        await trio.sleep(30)
        await stream.write(b"you said " + asked)
        stream.close()

    async with stage(world, serve=late) as (owner, visitor, _):
        await owner.tunnels.expose(WEB)
        assert await exchange(await visitor.tunnels.open("web", 80), b"hello") == b"you said hello"


async def test_the_service_may_end_first_and_still_read(world, autojump_clock):
    heard = []

    async def early(stream):
        await stream.write(b"bye")
        await stream.shutdown()
        heard.append(await read_all(stream))

    async with stage(world, serve=early) as (owner, visitor, _):
        await owner.tunnels.expose(WEB)
        stream = await visitor.tunnels.open("web", 80)
        assert await read_all(stream) == b"bye"
        await stream.write(b"one more thing")
        await stream.shutdown()
        await until(lambda: heard == [b"one more thing"])


async def test_a_reset_is_passed_on_as_a_reset(world, autojump_clock):
    async def rude(stream):
        await stream.read()
        stream.abort()

    async with stage(world, serve=rude) as (owner, visitor, _):
        await owner.tunnels.expose(WEB)
        stream = await visitor.tunnels.open("web", 80)
        await stream.write(b"hello")
        with pytest.raises(NetworkError):
            await read_all(stream)


# --- no ---


async def test_a_peer_that_is_not_allowed_is_refused_in_words(world, autojump_clock):
    async with stage(world) as (owner, visitor, service):
        await owner.tunnels.expose(TunnelSpec.offer("3000", name="web", allow=(str(PeerId(bytes(32))),)))
        with pytest.raises(TunnelRefused, match="allow your peer id"):
            await visitor.tunnels.open("web", 80)
        assert service.came == 0
        (status,) = await owner.tunnels.list()
        assert status.refused == 1


async def test_a_peer_that_is_allowed_comes_in(world, autojump_clock):
    async with stage(world) as (owner, visitor, _):
        await owner.tunnels.expose(TunnelSpec.offer("3000", name="web", allow=(str(visitor.id),)))
        assert await exchange(await visitor.tunnels.open("web", 80), b"hello") == b"hello"


async def test_nothing_is_offered_there(world, autojump_clock):
    async with stage(world) as (owner, visitor, _):
        await owner.tunnels.expose(WEB)
        with pytest.raises(TunnelNotFound):
            await visitor.tunnels.open("web", 5432)
        world.names[Name("other")] = (owner.id,)
        with pytest.raises(TunnelNotFound):
            await visitor.tunnels.open("other", 80)


async def test_nothing_listens_behind_the_tunnel(world, autojump_clock):
    async with stage(world, port=3001) as (owner, visitor, _):
        await owner.tunnels.expose(WEB)
        with pytest.raises(TargetDown):
            await visitor.tunnels.open("web", 80)


async def test_a_name_that_nobody_knows(world, autojump_clock):
    async with stage(world) as (_, visitor, _service):
        with pytest.raises(NameNotFound):
            await visitor.tunnels.open("nothing", 80)


async def test_a_silent_owner_ends_in_a_time_out_within_five_seconds(world, autojump_clock):
    async with stage(world) as (owner, visitor, _):
        await owner.tunnels.expose(WEB)
        world.network.partition(owner.host, visitor.host)
        started = trio.current_time()
        with pytest.raises(TimedOut):
            await visitor.tunnels.open("web", 80)
        assert trio.current_time() - started <= 5


async def test_the_second_machine_of_a_name_serves_when_the_first_is_silent(world, autojump_clock):
    async with stage(world) as (owner, visitor, _):
        await owner.tunnels.expose(WEB)
        world.names[Name("web")] = (PeerId(bytes(32)), owner.id)
        assert await exchange(await visitor.tunnels.open("web", 80), b"hello") == b"hello"


async def test_a_session_that_dies_under_a_request_is_replaced(world, autojump_clock):
    async with stage(world) as (owner, visitor, _):
        await owner.tunnels.expose(WEB)
        world.network.set_latency(owner.host, visitor.host, 0.1)
        await until(lambda: visitor.sessions(owner))
        streams = []

        async def ask():
            streams.append(await visitor.tunnels.open("web", 80))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await trio.sleep(0.15)  # the request is at the owner, the answer is not back
            visitor.crash(f"network/peers/{owner.id.short}/sessions/1")
        assert await exchange(streams[0], b"hello") == b"hello"


async def test_an_owner_without_any_machine_is_offline(world, autojump_clock):
    async with stage(world) as (_owner, visitor, _):
        world.names[Name("web")] = ()
        with pytest.raises(PeerOffline):
            await visitor.tunnels.open("web", 80)


async def test_a_target_that_never_accepts_is_a_time_out_with_words(world, autojump_clock):
    async with stage(world) as (owner, visitor, _):
        ghost = world.network.host("ghost", ["10.0.0.99"])
        world.network.partition(owner.host, ghost)
        await owner.tunnels.expose(TunnelSpec.offer("10.0.0.99:80", name="web"))
        with pytest.raises(TimedOut, match="did not answer"):
            await visitor.tunnels.open("web", 80)


@pytest.mark.parametrize("target", ["127.0.0.1:8443", "[::ffff:127.0.0.1]:8443"])
async def test_a_tunnel_to_the_daemon_itself_is_not_offered(world, autojump_clock, target):
    async with stage(world) as (owner, _, _service):
        owner.forbidden = (TcpAddress("127.0.0.1", 8443),)
        with pytest.raises(NotAllowed):
            await owner.tunnels.expose(TunnelSpec.offer(target, name="web"))
        assert await owner.tunnels.list() == ()


async def test_a_listener_of_the_daemon_that_moves_below_a_tunnel_is_not_reached(world, autojump_clock):
    async with stage(world) as (owner, visitor, service):
        await owner.tunnels.expose(WEB)
        owner.forbidden = (TcpAddress("127.0.0.1", 3000),)
        with pytest.raises(TunnelRefused):
            await visitor.tunnels.open("web", 80)
        with pytest.raises(TunnelRefused):
            await owner.tunnels.open("web", 80)
        assert service.came == 0


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 50, b"\x05hello", b"\x00"])
async def test_garbage_instead_of_a_request_is_answered_in_words_or_reset(world, autojump_clock, garbage):
    async with stage(world) as (owner, visitor, service):
        await owner.tunnels.expose(WEB)
        before = owner.incarnations()
        stream = await visitor.peers.open(owner.id, PROTOCOL)
        await stream.write(garbage)
        await stream.shutdown()
        with trio.fail_after(6):
            answer = await read_all(stream)
        assert b"failed" in answer
        assert owner.incarnations() == before
        assert service.came == 0


async def test_a_visitor_that_says_nothing_is_cut_off(world, autojump_clock):
    async with stage(world) as (owner, visitor, _):
        stream = await visitor.peers.open(owner.id, PROTOCOL)
        await stream.write(b"\x20")
        started = trio.current_time()
        with pytest.raises(NetworkError):
            await stream.read()
        assert trio.current_time() - started < 6


# --- what is kept ---


async def test_offering_twice_is_offering_once(world, autojump_clock):
    async with stage(world) as (owner, _, _service):
        await owner.tunnels.expose(WEB)
        assert (await owner.tunnels.expose(WEB)).key == "web.http"
        assert len(await owner.tunnels.list()) == 1
        with pytest.raises(UsageError):
            await owner.tunnels.expose(TunnelSpec.offer("3001", name="web"))


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


async def test_kept_tunnels_and_forwards_survive_a_restart_and_ephemeral_ones_do_not(world, autojump_clock):
    node = world.add()
    async with node.run():
        await node.tunnels.expose(WEB)
        await node.tunnels.expose(TunnelSpec.offer("3001", name="passing", kept=False))
        spec = ForwardSpec(destination="web", port=80, listen=TcpAddress("127.0.0.1", 0))
        forward = await node.tunnels.forward(spec)
        assert forward.listening
        assert forward.spec.listen.port > 0
    async with node.run():
        assert [status.spec for status in await node.tunnels.list()] == [WEB]
        assert [status.spec for status in await node.tunnels.forwards()] == [forward.spec]
        await node.tunnels.unexpose("web")
        await node.tunnels.unforward(str(forward.spec.listen.port))
    async with node.run():
        assert await node.tunnels.list() == ()
        assert await node.tunnels.forwards() == ()


# --- crashes ---


@pytest.mark.parametrize("victim", ["tunnels/offered/web.http", "tunnels/offered", "tunnels/gate", "network/manager"])
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
        top = {"tunnels/offered": "node/services/tunnels/"}.get(victim, f"node/services/{victim}")
        assert changed
        assert all(path.startswith(top) for path in changed)
        await owner.tunnels.unexpose("web")
        with pytest.raises(NetworkError):
            await read_all(stream)


# --- forwards ---


async def test_a_program_reaches_a_service_through_a_forward(world, autojump_clock):
    async with stage(world) as (owner, visitor, _), Program(visitor).running() as program:
        await owner.tunnels.expose(WEB)
        listen = TcpAddress("127.0.0.1", 5000)
        status = await visitor.tunnels.forward(ForwardSpec(destination="web.local", port=80, listen=listen))
        assert status.key == "127.0.0.1.5000"
        assert await exchange(await program.dial(5000), DATA) == DATA
        await until(lambda: not len(visitor.flow.splices))
        (status,) = await visitor.tunnels.forwards()
        assert (status.opened, status.failed, status.live, status.listening) == (1, 0, 0, True)


async def test_a_forward_that_finds_nothing_resets_and_says_why(world, autojump_clock):
    async with stage(world) as (_, visitor, _service), Program(visitor).running() as program:
        listen = TcpAddress("127.0.0.1", 5000)
        await visitor.tunnels.forward(ForwardSpec(destination="web", port=80, listen=listen))
        stream = await program.dial(5000)
        with pytest.raises(NetworkError):
            await read_all(stream)
        (status,) = await visitor.tunnels.forwards()
        assert status.failed == 1
        assert "nothing is offered" in status.failure


async def test_a_forward_survives_a_crash_with_its_connections_and_listens_again(world, autojump_clock):
    async with stage(world) as (owner, visitor, _), Program(visitor).running() as program:
        await owner.tunnels.expose(WEB)
        listen = TcpAddress("127.0.0.1", 5000)
        await visitor.tunnels.forward(ForwardSpec(destination="web", port=80, listen=listen))
        for victim in ("forwards/held/127.0.0.1.5000", "forwards/held", "forwards/desk"):
            stream = await program.dial(5000)
            await stream.write(b"before")
            assert await stream.read() == b"before"
            visitor.crash(victim)
            await trio.sleep(1)
            await stream.write(b"after")
            assert await stream.read() == b"after"
            assert await exchange(await program.dial(5000), b"again") == b"again"
            assert [status.listening for status in await visitor.tunnels.forwards()] == [True]


async def test_a_taken_local_port_is_told_at_once(world, autojump_clock):
    async with stage(world) as (owner, _, _service):
        with pytest.raises(AddressInUse):
            await owner.tunnels.forward(ForwardSpec(destination="web", port=80, listen=TcpAddress("127.0.0.1", 3000)))
        assert await owner.tunnels.forwards() == ()


async def test_a_forward_whose_port_is_taken_after_a_restart_waits_for_it(world, autojump_clock):
    node = world.add()
    listen = TcpAddress("127.0.0.1", 5000)
    async with node.run():
        await node.tunnels.forward(ForwardSpec(destination="web", port=80, listen=listen))
    async with Program(node).running() as squatter:
        handle = squatter.listen(5000, echo)
        async with node.run():
            (status,) = await node.tunnels.forwards()
            assert not status.listening
            assert status.failure
            handle.close()
            await trio.sleep(6)
            (status,) = await node.tunnels.forwards()
            assert status.listening


async def test_an_address_that_is_no_multiaddr_is_refused_in_words(world, autojump_clock):
    async with stage(world) as (_, visitor, _service):
        with pytest.raises(InvalidValue):
            await visitor.tunnels.open("/not/an/address", 80)
