"""What a visitor gets: bytes, or an error within the time, however it names the service."""

import pytest
import trio

from beam_actors.errors import (
    InvalidValue,
    NameNotFound,
    PeerOffline,
    RemoteProtocolError,
    ResourceExhausted,
    TimedOut,
    TunnelNotFound,
)
from beam_actors.flow import Traffic
from beam_actors.testing.network import Conditions
from beam_actors.tunnels import PROTOCOL, ForwardSpec, TunnelsLimits
from beam_actors.tunnels.directory import Directory
from beam_actors.tunnels.live import Live
from beam_actors.tunnels.members import Members
from beam_actors.tunnels.opening import Opener
from beam_actors.values import Multiaddr, Name, PeerId, TcpAddress
from tests.peers.lab import SERVICES, until
from tests.tunnels.lab import DATA, HERE, WEB, Names, Node, Program, World, echo, exchange, offer, stage


async def test_bytes_go_through_a_tunnel_and_back_unchanged(world, autojump_clock):
    async with stage(world) as (owner, visitor, service):
        await owner.tunnels.expose(WEB)
        stream = await visitor.tunnels.open("web.local", 80, client="test")
        assert await exchange(stream, DATA) == DATA
        await until(lambda: not len(owner.flow.splices))
        (status,) = await owner.tunnels.list()
        assert (status.key, status.traffic, status.refused, status.failed) == (
            "web.http",
            Traffic(0, 1, len(DATA), len(DATA)),
            0,
            0,
        )
        assert service.came == 1


@pytest.mark.parametrize("how", ["peer id", "text of the peer id", "multiaddr"])
async def test_a_tunnel_is_reached_without_a_name(world, autojump_clock, how):
    async with stage(world) as (owner, visitor, _):
        await owner.tunnels.expose(offer(3000, port=8022, allow=("everyone",)))
        destination = {"peer id": owner.id, "text of the peer id": str(owner.id), "multiaddr": str(owner.address)}[how]
        assert await exchange(await visitor.tunnels.open(destination, 8022), b"hello") == b"hello"


async def test_an_address_is_dialled_only_while_its_peer_is_not_connected(world, autojump_clock):
    owner, visitor = world.add(), world.add()
    async with owner.run(), visitor.run(), Program(owner).running() as service:
        service.listen(3000, echo)
        await owner.tunnels.expose(offer(3000, port=8022, allow=("everyone",)))
        assert await exchange(await visitor.tunnels.open(str(owner.address), 8022), b"hello") == b"hello"
        paths = visitor.sessions(owner)
        assert len(paths) == 1
        await visitor.lose(owner)
        await owner.peers.connect(visitor.address)
        await until(lambda: visitor.sessions(owner))
        paths = visitor.sessions(owner)
        for address in (owner.address, Multiaddr.from_address(TcpAddress(owner.ip, 9), owner.id)):
            for _ in range(3):
                assert await exchange(await visitor.tunnels.open(str(address), 8022), b"hello") == b"hello"
        assert visitor.sessions(owner) == paths


async def test_a_node_opens_its_own_tunnel_without_a_wire(world, autojump_clock):
    async with stage(world) as (owner, _, service):
        await owner.tunnels.expose(offer(3000, name="web", allow=(str(PeerId(bytes(32))),)))
        assert await exchange(await owner.tunnels.open("web", 443), DATA) == DATA
        assert service.came == 1
        with pytest.raises(TunnelNotFound):
            await owner.tunnels.open("web", 5432)


async def test_a_name_that_nobody_knows(world, autojump_clock):
    async with stage(world) as (_, visitor, _service):
        with pytest.raises(NameNotFound):
            await visitor.tunnels.open("nothing", 80)


async def test_an_address_that_is_no_multiaddr_is_refused_in_words(world, autojump_clock):
    async with stage(world) as (_, visitor, _service):
        with pytest.raises(InvalidValue):
            await visitor.tunnels.open("/not/an/address", 80)


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


async def test_the_second_machine_of_a_name_serves_what_the_first_does_not_offer(autojump_clock):
    world = World()
    async with stage(world, visitors=2) as (other, visitor, owner, _), Program(owner).running() as program:
        program.listen(3000, echo)
        await visitor.peers.connect(owner.address)
        world.names[Name("web")] = (other.id, owner.id)
        with pytest.raises(TunnelNotFound, match="nothing is offered there"):
            await visitor.tunnels.open("web", 80)
        await owner.tunnels.expose(WEB)
        assert await exchange(await visitor.tunnels.open("web", 80), b"hello") == b"hello"
        world.names[Name("web")] = (PeerId(bytes(32)), other.id)  # what is silent may be the one that serves it
        with pytest.raises(PeerOffline):
            await visitor.tunnels.open("web", 80)


async def test_a_session_that_dies_under_a_request_is_replaced(world, autojump_clock):
    async with stage(world) as (owner, visitor, _):
        await owner.tunnels.expose(WEB)
        world.network.between(owner.host, visitor.host, Conditions(latency=0.1))
        await until(lambda: visitor.sessions(owner))
        streams = []

        async def ask():
            streams.append(await visitor.tunnels.open("web", 80))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await trio.sleep(0.15)  # the request is at the owner, the answer is not back
            visitor.crash(f"network/peers/{owner.id.short}/session-1")
        assert await exchange(streams[0], b"hello") == b"hello"


async def test_an_owner_without_any_machine_is_offline(world, autojump_clock):
    async with stage(world) as (_owner, visitor, _):
        world.names[Name("web")] = ()
        with pytest.raises(PeerOffline):
            await visitor.tunnels.open("web", 80)


class LateNames(Names):
    """Answers when it is too late, and can't be interrupted."""

    async def resolve(self, text):
        with trio.CancelScope(shield=True):
            await trio.sleep(10)
        return await super().resolve(text)


async def test_a_name_that_is_resolved_when_the_time_is_over_is_a_time_out(world, autojump_clock):
    async with stage(world) as (owner, visitor, service):
        await owner.tunnels.expose(WEB)
        directory = Directory(
            visitor.system, Members(visitor.system.ref("node/services/tunnels/offered"), visitor.flow)
        )
        limits = TunnelsLimits()
        opener = Opener(visitor.peers, LateNames(world.names), directory, limits, Live(visitor.flow, limits, "offered"))
        with pytest.raises(TimedOut, match="web did not answer"):
            await opener.open("web", 80)
        assert service.came == 0


async def test_another_machine_of_the_name_serves_when_the_first_is_busy(autojump_clock):
    world = World(TunnelsLimits(live_of_peers=1))
    async with stage(world, visitors=2) as (busy, visitor, second, service), Program(second).running() as spare:
        spare.listen(3000, echo)
        for node in (busy, second):
            await node.tunnels.expose(WEB)
        await visitor.peers.connect(second.address)
        await second.tunnels.open("web", 80)  # takes the only place
        with pytest.raises(ResourceExhausted, match="too many connections open or waiting"):
            await visitor.tunnels.open("web", 80)
        world.names[Name("web")] = (busy.id, second.id)
        assert await exchange(await visitor.tunnels.open("web", 80), b"hello") == b"hello"
        assert (service.came, spare.came) == (1, 1)


async def test_a_machine_that_has_all_the_connections_it_may_opens_no_more(autojump_clock):
    async with stage(World(TunnelsLimits(live=2))) as (owner, visitor, service), Program(visitor).running() as program:
        await owner.tunnels.expose(WEB)
        await visitor.tunnels.forward(ForwardSpec(destination="web", port=80, listen=TcpAddress(HERE, 5000)))
        streams = [await program.dial(5000) for _ in range(2)]
        for stream in streams:
            await stream.write(b"hello")
            assert await stream.read() == b"hello"
        with pytest.raises(ResourceExhausted, match="this machine has 2 connections already"):
            await visitor.tunnels.open("web", 80)
        assert service.came == 2
        streams[0].abort()
        await until(lambda: len(visitor.flow.splices) == len(owner.flow.splices) == 1)
        assert await exchange(await visitor.tunnels.open("web", 80), b"hello") == b"hello"


class Parrot(Node):
    """A node whose daemon answers a request for a tunnel with that request."""

    def serve(self):
        return {**super().serve(), PROTOCOL: self.system.ref(f"{SERVICES}/echo")}


async def test_another_machine_of_the_name_serves_when_the_first_answers_nonsense(world, autojump_clock):
    async with stage(world) as (owner, visitor, _), Parrot(world, 9).run() as parrot:
        await owner.tunnels.expose(WEB)
        await visitor.peers.connect(parrot.address)
        world.names[Name("web")] = (parrot.id,)
        with pytest.raises(RemoteProtocolError, match="reply is not acceptable"):
            await visitor.tunnels.open("web", 80)
        world.names[Name("web")] = (parrot.id, owner.id)
        assert await exchange(await visitor.tunnels.open("web", 80), b"hello") == b"hello"
