"""What becomes of a stream: its tunnel gets it, or its visitor an answer, or it is reset."""

import pytest
import trio

from beam_actors.errors import NetworkError, ResourceExhausted, TunnelNotFound
from beam_actors.runtime import ChildSpec
from beam_actors.tunnels import PROTOCOL, TunnelsLimits
from beam_actors.tunnels.acceptor import Acceptor
from beam_actors.tunnels.directory import Directory
from beam_actors.tunnels.members import Members
from beam_actors.tunnels.protocol import Status
from beam_actors.values import Name
from tests.peers.lab import SERVICES
from tests.tunnels.lab import WEB, Node, World, ask_raw, exchange, knock, read_all, stage

NARROW = TunnelsLimits(requests=3, requests_per_peer=2, refusals=2, refusals_per_peer=1)


async def test_nothing_is_offered_there(world, autojump_clock):
    async with stage(world) as (owner, visitor, _):
        await owner.tunnels.expose(WEB)
        with pytest.raises(TunnelNotFound):
            await visitor.tunnels.open("web", 5432)
        world.names[Name("other")] = (owner.id,)
        with pytest.raises(TunnelNotFound):
            await visitor.tunnels.open("other", 80)


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 50, b"\x05hello", b"\x00"])
async def test_garbage_instead_of_a_request_is_answered_in_words_or_reset(world, autojump_clock, garbage):
    async with stage(world) as (owner, visitor, service):
        await owner.tunnels.expose(WEB)
        before = owner.incarnations()
        stream = await knock(visitor, owner, garbage)
        await stream.shutdown()
        with trio.fail_after(6):
            answer = await read_all(stream)
        assert b"failed" in answer
        assert owner.incarnations() == before
        assert service.came == 0


async def test_a_visitor_that_says_nothing_is_cut_off(world, autojump_clock):
    async with stage(world) as (owner, visitor, _):
        stream = await knock(visitor, owner, b"\x20")
        started = trio.current_time()
        with pytest.raises(NetworkError):
            await stream.read()
        assert trio.current_time() - started < 6


async def test_bytes_behind_a_refused_request_are_dropped_and_the_answer_arrives(world, autojump_clock):
    async with stage(world) as (owner, visitor, _):
        answer = await ask_raw(visitor, owner, behind=bytes(100_000))
        assert answer.status is Status.NOT_FOUND


class Restarting(Node):
    """A node whose acceptor knows of no catalogue that runs."""

    def serve(self):
        return {PROTOCOL: self.system.ref(f"{SERVICES}/door")}

    async def children(self):
        def door():
            return Acceptor(directory=Directory(self.system, offered), limits=TunnelsLimits())

        offered = Members(self.system.ref(f"{SERVICES}/gone"), self.flow)

        return [*await super().children(), ChildSpec("door", door)]


async def test_a_tunnel_that_restarts_is_busy_and_not_down(world, autojump_clock):
    async with stage(world) as (_, visitor, _service), Restarting(world, 9).run() as owner:
        await visitor.peers.connect(owner.address)
        world.names[Name("web")] = (owner.id,)
        with pytest.raises(ResourceExhausted, match=r"try again in a moment \(The tunnel is restarting\.\)\.$"):
            await visitor.tunnels.open("web", 80)


# --- the bounds ---


async def test_beyond_the_requests_that_are_read_a_peer_is_told_so_and_beyond_that_is_reset(autojump_clock):
    async with stage(World(NARROW), visitors=2) as (owner, visitor, other, service):
        await owner.tunnels.expose(WEB)
        waiting = [await knock(visitor, owner, b"\x20") for _ in range(2)]
        await trio.sleep(0.1)
        for behind in (b"", bytes(100_000)):
            answer = await ask_raw(visitor, owner, behind=behind, pause=0.1)
            assert answer.status is Status.BUSY
            await trio.sleep(0.1)
        assert service.came == 0
        refused = await knock(visitor, owner, b"\x20")  # nor does it read the request of the one that is told so
        await trio.sleep(0.1)
        with pytest.raises(NetworkError):
            await ask_raw(visitor, owner, pause=0.1)
        # One that comes whole is nowhere kept, so it takes no place.
        assert await exchange(await visitor.tunnels.open("web", 80), b"hello") == b"hello"
        assert await exchange(await other.tunnels.open("web", 80), b"hello") == b"hello"
        for stream in (*waiting, refused):
            stream.abort()
        await trio.sleep(0.1)
        assert await exchange(await visitor.tunnels.open("web", 80), b"hello") == b"hello"


async def test_beyond_all_requests_everybody_is_told_so(autojump_clock):
    async with stage(World(NARROW), visitors=3) as (owner, *visitors, _):
        await owner.tunnels.expose(WEB)
        for number in (0, 0, 1):
            await knock(visitors[number], owner, b"\x20")
        await trio.sleep(0.1)
        for visitor in visitors[2], visitors[1]:
            assert (await ask_raw(visitor, owner, pause=0.1)).status is Status.BUSY


async def leaves_at_once(visitor, owner):
    (await knock(visitor, owner, b"\x20")).abort()


async def says_nothing(visitor, owner):
    with pytest.raises(NetworkError):
        await (await knock(visitor, owner)).read()


async def sends_garbage(visitor, owner):
    stream = await knock(visitor, owner, b"\x05hello")
    assert b"failed" in await read_all(stream)
    stream.close()


async def reads_no_answer(visitor, owner):
    await knock(visitor, owner, b"\x05hello")
    await trio.sleep(6)


async def asks_for_what_is_not_there(visitor, owner):
    with pytest.raises(TunnelNotFound):
        await visitor.tunnels.open("web", 5432)


async def goes_through(visitor, owner):
    await exchange(await visitor.tunnels.open("web", 80), b"hello")


@pytest.mark.parametrize(
    "way",
    [leaves_at_once, says_nothing, sends_garbage, reads_no_answer, asks_for_what_is_not_there, goes_through],
)
async def test_a_place_is_given_back_however_a_request_ends(autojump_clock, way):
    async with stage(World(NARROW)) as (owner, visitor, _):
        await owner.tunnels.expose(WEB)
        for _ in range(5):
            await way(visitor, owner)
            await trio.sleep(0.1)
        links = owner.flow.statistics().links
        assert await exchange(await visitor.tunnels.open("web", 80), b"hello") == b"hello"
        await trio.sleep(0.1)
        assert owner.flow.statistics().links == links


async def test_a_crash_costs_the_requests_that_were_being_read_and_restarts_nothing_else(world, autojump_clock):
    async with stage(world) as (owner, visitor, _):
        await owner.tunnels.expose(WEB)
        stream = await knock(visitor, owner, b"\x20")
        await trio.sleep(0.1)
        before = owner.incarnations()
        owner.crash("tunnels/acceptor")
        with pytest.raises(NetworkError):
            await stream.read()
        assert await exchange(await visitor.tunnels.open("web", 80), b"hello") == b"hello"
        after = owner.incarnations()
        assert {path for path in after if after[path] != before.get(path)} == {"node/services/tunnels/acceptor"}
