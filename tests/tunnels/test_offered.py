"""One tunnel at work: whom it lets in, what it says instead, and what goes through it."""

from contextlib import asynccontextmanager

import pytest
import trio

from beam_actors.errors import (
    ActorDead,
    BeamError,
    NetworkError,
    ResourceExhausted,
    TargetDown,
    TimedOut,
    TunnelNotFound,
    TunnelRefused,
)
from beam_actors.tunnels import ForwardSpec, TunnelsLimits
from beam_actors.tunnels.protocol import Request, Status, encode_request
from beam_actors.values import Name, PeerId, TcpAddress
from tests.peers.lab import until
from tests.tunnels.lab import HERE, WEB, Program, World, ask_raw, exchange, knock, offer, read_all, stage

STRANGER = str(PeerId(bytes(32)))


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


async def test_a_peer_that_is_not_allowed_is_refused_in_words(world, autojump_clock):
    async with stage(world) as (owner, visitor, service):
        await owner.tunnels.expose(offer(3000, name="web", allow=(STRANGER,)))
        with pytest.raises(TunnelRefused, match="allow your peer id"):
            await visitor.tunnels.open("web", 80)
        assert service.came == 0
        (status,) = await owner.tunnels.list()
        assert status.refused == 1


async def test_a_peer_that_is_allowed_comes_in(world, autojump_clock):
    async with stage(world) as (owner, visitor, _):
        await owner.tunnels.expose(offer(3000, name="web", allow=(str(visitor.id),)))
        assert await exchange(await visitor.tunnels.open("web", 80), b"hello") == b"hello"


async def test_nothing_listens_behind_the_tunnel(world, autojump_clock):
    async with stage(world, port=3001) as (owner, visitor, _):
        await owner.tunnels.expose(WEB)
        with pytest.raises(TargetDown):
            await visitor.tunnels.open("web", 80)


async def test_a_target_that_never_accepts_is_a_time_out_with_words(world, autojump_clock):
    async with stage(world) as (owner, visitor, _):
        ghost = world.network.host("ghost", ["10.0.0.99"])
        world.network.partition(owner.host, ghost)
        await owner.tunnels.expose(offer("10.0.0.99:80", name="web"))
        with pytest.raises(TimedOut, match="did not answer"):
            await visitor.tunnels.open("web", 80)


async def test_a_listener_of_the_daemon_that_moves_below_a_tunnel_is_not_reached(world, autojump_clock):
    async with stage(world) as (owner, visitor, service):
        await owner.tunnels.expose(WEB)
        owner.forbidden = (TcpAddress(HERE, 3000),)
        with pytest.raises(TunnelRefused):
            await visitor.tunnels.open("web", 80)
        with pytest.raises(TunnelRefused):
            await owner.tunnels.open("web", 80)
        assert service.came == 0


async def test_a_target_that_accepts_and_resets_at_once_leaves_nobody_waiting(world, autojump_clock):
    async def rude(stream):
        stream.abort()

    async with stage(world, serve=rude) as (owner, visitor, _):
        await owner.tunnels.expose(WEB)
        for _ in range(20):
            # A reset that comes before anybody looked is one of the dial.
            with pytest.raises((NetworkError, TargetDown)), trio.fail_after(5):
                await (await visitor.tunnels.open("web", 80)).read()
        await trio.sleep(0.1)
        assert not len(owner.flow.splices)


async def test_no_tunnel_leads_into_a_forward_of_the_same_node(world, autojump_clock):
    """Else two commands would make an endless loop, and strangers would be taken for programs of this machine."""
    async with stage(world) as (owner, visitor, _), Program(owner).running() as program:
        await owner.tunnels.expose(offer(5000, name="web"))
        await owner.tunnels.forward(ForwardSpec(destination="web", port=80, listen=TcpAddress(HERE, 5000)))
        with pytest.raises(TunnelRefused, match="daemon itself listens there"):
            await visitor.tunnels.open("web", 80)
        with pytest.raises(NetworkError):
            await (await program.dial(5000)).read()
        assert not len(owner.flow.splices)
        await owner.tunnels.unforward("5000")
        with pytest.raises(TargetDown):
            await visitor.tunnels.open("web", 80)


# --- the bounds ---


async def hold(visitor, number, name="web"):
    """Open that many connections, one after the other, and use each."""
    streams = [await visitor.tunnels.open(name, 80) for _ in range(number)]
    for stream in streams:
        await stream.write(b"hello")
        assert await stream.read() == b"hello"
    return streams


async def test_a_peer_holds_so_many_connections_to_all_tunnels_and_costs_others_nothing(autojump_clock):
    world = World(TunnelsLimits(live_per_peer=3))
    async with stage(world, visitors=2) as (owner, visitor, other, service):
        await owner.tunnels.expose(WEB)
        await owner.tunnels.expose(offer(3000, name="two"))
        world.names[Name("two")] = (owner.id,)
        held = [*await hold(visitor, 2), *await hold(visitor, 1, "two")]
        for name in ("web", "two"):
            with pytest.raises(ResourceExhausted, match="too many connections open"):
                await visitor.tunnels.open(name, 80)
        assert service.came == 3
        await hold(other, 3)
        held[0].abort()  # makes room for another
        await until(lambda: len(owner.flow.splices) == 5)
        await hold(visitor, 1)
        live = {status.key: (status.traffic.live, status.refused) for status in await owner.tunnels.list()}
        assert live == {"web.http": (5, 1), "two.http": (1, 1)}


async def test_peers_hold_so_many_connections_to_one_tunnel_and_so_many_in_all(autojump_clock):
    world = World(TunnelsLimits(live_per_tunnel=2, live_of_peers=3))
    async with stage(world, visitors=2) as (owner, visitor, other, _):
        await owner.tunnels.expose(WEB)
        await owner.tunnels.expose(offer(3000, name="two"))
        world.names[Name("two")] = (owner.id,)
        await hold(visitor, 1)
        await hold(other, 1)
        with pytest.raises(ResourceExhausted):
            await other.tunnels.open("web", 80)
        await hold(other, 1, "two")
        with pytest.raises(ResourceExhausted):
            await visitor.tunnels.open("two", 80)
        await hold(owner, 3)  # programs of this machine find room all the same


async def test_a_crash_of_a_tunnel_forgets_none_of_what_peers_hold_and_counts_nothing_twice(autojump_clock):
    async with stage(World(TunnelsLimits(live_per_peer=2))) as (owner, visitor, _):
        await owner.tunnels.expose(WEB)
        held = await hold(visitor, 2)
        owner.crash("tunnels/offered/web.http")
        await trio.sleep(1)
        with pytest.raises(ResourceExhausted):
            await visitor.tunnels.open("web", 80)
        held[0].abort()
        await until(lambda: len(owner.flow.splices) == 1)
        await hold(visitor, 1)


async def test_a_peer_that_is_not_allowed_is_told_that_and_not_how_busy_it_is(autojump_clock):
    async with stage(World(TunnelsLimits(live_of_peers=1)), visitors=2) as (owner, visitor, other, _):
        await owner.tunnels.expose(offer(3000, name="web", allow=(str(visitor.id),)))
        await hold(visitor, 1)
        with pytest.raises(TunnelRefused):
            await other.tunnels.open("web", 80)


SLOW = "10.0.0.99:80"
"""A target that neither accepts nor refuses."""


@pytest.fixture
def narrow():
    return World(TunnelsLimits(requests=2, requests_per_peer=1, refusals=2, refusals_per_peer=1, local_requests=1))


@asynccontextmanager
async def slow_stage(world, **rest):
    """The same stage with a target that neither accepts nor refuses until the way to it is healed."""
    ghost = world.network.host("ghost", ["10.0.0.99"])
    async with stage(world, **rest) as (owner, *others):
        world.network.partition(owner.host, ghost)
        await owner.tunnels.expose(offer(SLOW, name="web"))
        yield (owner, *others)


async def gather(asked, outcomes):
    """Add the error that asking ends in."""
    with pytest.raises(BeamError) as caught:
        await asked
    outcomes.append(type(caught.value))


async def test_beyond_its_requests_at_a_tunnel_a_peer_is_told_so_and_beyond_that_is_reset(narrow, autojump_clock):
    async with slow_stage(narrow, visitors=2) as (owner, visitor, other, _), trio.open_nursery() as nursery:
        waiting = []
        nursery.start_soon(gather, visitor.tunnels.open("web", 80), waiting)
        await trio.sleep(0.5)
        with pytest.raises(ResourceExhausted, match=r"^web, port 80: .* too many connections open or waiting"):
            await visitor.tunnels.open("web", 80)
        await trio.sleep(0.1)
        assert (await ask_raw(visitor, owner, behind=bytes(100_000))).status is Status.BUSY
        await trio.sleep(0.1)
        await knock(visitor, owner, encode_request(Request(name=Name("web"), port=80)))  # does not take the answer
        await trio.sleep(0.1)
        with pytest.raises(ResourceExhausted, match="cut the request before it was answered"):
            await visitor.tunnels.open("web", 80)
        nursery.start_soon(gather, other.tunnels.open("web", 80), waiting)
        await until(lambda: len(waiting) == 2)
        assert waiting == [TimedOut, TimedOut]  # one peer's many requests cost the other nothing
        (status,) = await owner.tunnels.list()
        assert (status.traffic.opened, status.refused, status.failed) == (
            0,
            4,
            2,
        )  # each was asked for once


async def test_a_place_at_a_tunnel_is_given_back_however_a_request_ends(narrow, autojump_clock):
    async with slow_stage(narrow) as (owner, visitor, _):
        for _ in range(3):
            with pytest.raises(TimedOut):
                await visitor.tunnels.open("web", 80)
        for _ in range(3):  # gone before the target is
            with trio.move_on_after(0.5):
                await visitor.tunnels.open("web", 80)
            await trio.sleep(3)
        links = owner.flow.statistics().links
        with pytest.raises(TimedOut):
            await visitor.tunnels.open("web", 80)
        await trio.sleep(0.1)
        assert owner.flow.statistics().links == links


async def test_programs_of_this_machine_are_bounded_in_the_same_words(narrow, autojump_clock):
    async with slow_stage(narrow) as (owner, visitor, _), trio.open_nursery() as nursery:
        waiting = []
        nursery.start_soon(gather, owner.tunnels.open("web", 80), waiting)
        await trio.sleep(0.5)
        with pytest.raises(ResourceExhausted, match="too many connections open or waiting"):
            await owner.tunnels.open("web", 80)
        with pytest.raises(TimedOut):  # others have places of their own
            await visitor.tunnels.open("web", 80)
        with pytest.raises(TimedOut):
            await owner.tunnels.open("web", 80)
        assert waiting == [TimedOut]


async def test_whoever_may_not_come_in_is_told_so_however_many_wait(autojump_clock):
    world = World(TunnelsLimits(requests=1, refusals=1))
    async with slow_stage(world, visitors=2) as (owner, visitor, other, _), trio.open_nursery() as nursery:
        await owner.tunnels.unexpose("web")
        await owner.tunnels.expose(offer(SLOW, name="web", allow=(str(visitor.id),)))
        nursery.start_soon(gather, visitor.tunnels.open("web", 80), [])
        await trio.sleep(0.5)
        with pytest.raises(TunnelRefused):
            await other.tunnels.open("web", 80)


# --- its end ---


async def test_a_withdrawal_during_a_dial_tells_the_visitor_and_leaves_no_connection(world, autojump_clock):
    async with slow_stage(world) as (owner, visitor, _), trio.open_nursery() as nursery:
        links, waiting = owner.flow.statistics().links, []
        nursery.start_soon(gather, visitor.tunnels.open("web", 80), waiting)
        nursery.start_soon(gather, owner.tunnels.open("web", 80), waiting)
        await trio.sleep(0.5)
        assert owner.flow.statistics().links == links + 3  # two dials and the visitor's stream
        started = trio.current_time()
        await owner.tunnels.unexpose("web")
        await until(lambda: len(waiting) == 2)
        assert trio.current_time() - started < 1
        assert set(waiting) == {ResourceExhausted, ActorDead}
        await trio.sleep(0.1)
        assert owner.flow.statistics().links == links
        with pytest.raises(TunnelNotFound):
            await visitor.tunnels.open("web", 80)


async def test_a_withdrawal_cuts_the_connections_of_this_machines_programs_too(world, autojump_clock):
    async with stage(world) as (owner, _, _service), Program(owner).running() as program:
        await owner.tunnels.expose(WEB)
        await owner.tunnels.forward(ForwardSpec(destination="web", port=80, listen=TcpAddress(HERE, 5000)))
        stream = await program.dial(5000)
        await stream.write(b"hello")
        assert await stream.read() == b"hello"
        (status,) = await owner.tunnels.list()
        assert (status.traffic.live, status.traffic.opened) == (1, 1)
        await owner.tunnels.unexpose("web")
        with pytest.raises(NetworkError):
            await stream.read()
