"""Streams that are served in the pump: which are taken, and that the others are found as they came."""

import pytest
import trio

from beam_actors.errors import NetworkError, ResourceExhausted, TunnelNotFound, TunnelRefused
from beam_actors.tunnels import Reception, TunnelsLimits
from beam_actors.tunnels.protocol import OK, Request, Status, encode_request
from beam_actors.values import Name, PeerId, TcpAddress
from tests.peers.lab import until
from tests.tunnels.lab import DATA, HERE, WEB, World, ask_raw, exchange, knock, offer, stage

STRANGER = str(PeerId(bytes(32)))


async def counted(world, owner, visitor):
    """The first stream of a session is the acceptor's; then what the reception was asked, and what it took."""
    assert await exchange(await visitor.tunnels.open("web", 80), b"first") == b"first"
    taken = []
    take = owner.reception.take

    def spy(peer, stream):
        taken.append(take(peer, stream))
        return taken[-1]

    owner.reception.take = spy
    return taken


async def test_a_request_that_came_whole_is_served_with_what_came_behind_it(world, autojump_clock):
    async with stage(world) as (owner, visitor, _):
        await owner.tunnels.expose(WEB)
        taken = await counted(world, owner, visitor)
        request = encode_request(Request(name=Name("web"), port=80))
        stream = await knock(visitor, owner, request + DATA[:50_000])
        await stream.shutdown()
        answered = b""
        while piece := await stream.read():
            answered += piece
        assert answered.endswith(DATA[:50_000])
        assert taken == [True]
        await until(lambda: not len(owner.flow.splices))
        (status,) = await owner.tunnels.list()
        assert (status.traffic.opened, status.traffic.forth) == (2, 50_005)


async def test_what_is_not_taken_is_found_as_it_came(world, autojump_clock):
    async with stage(world) as (owner, visitor, _):
        await owner.tunnels.expose(WEB)
        taken = await counted(world, owner, visitor)
        with pytest.raises(TunnelNotFound):
            await visitor.tunnels.open("web", 5432)
        answer = await ask_raw(visitor, owner, behind=b"behind it", pause=0.5)  # in two pieces
        assert answer.status is Status.OK
        assert (await ask_raw(visitor, owner, port=99, behind=bytes(100_000))).status is Status.NOT_FOUND
        garbage = await knock(visitor, owner, b"\x05hello")
        await garbage.shutdown()
        assert b"failed" in await garbage.read()
        assert taken == [False] * 4


async def test_who_may_not_come_in_is_refused_with_each_stream(world, autojump_clock):
    async with stage(world) as (owner, visitor, service):
        await owner.tunnels.expose(offer(3000, name="web", allow=(STRANGER,)))
        for _ in range(3):
            with pytest.raises(TunnelRefused, match="allow your peer id"):
                await visitor.tunnels.open("web", 80)
        (status,) = await owner.tunnels.list()
        assert (status.refused, service.came) == (3, 0)


async def test_a_target_that_becomes_forbidden_between_two_streams_is_not_reached(world, autojump_clock):
    async with stage(world) as (owner, visitor, service):
        await owner.tunnels.expose(WEB)
        taken = await counted(world, owner, visitor)
        owner.forbidden = (TcpAddress(HERE, 3000),)
        with pytest.raises(TunnelRefused):
            await visitor.tunnels.open("web", 80)
        assert (taken, service.came) == ([False], 1)


async def test_a_tunnel_that_restarts_is_served_by_its_new_actor_and_a_withdrawn_one_by_nobody(world, autojump_clock):
    async with stage(world) as (owner, visitor, _):
        await owner.tunnels.expose(WEB)
        taken = await counted(world, owner, visitor)
        owner.crash("tunnels/offered/web.http")
        await until(lambda: owner.system.whereis("node/services/tunnels/offered/web.http").alive)
        assert await exchange(await visitor.tunnels.open("web", 80), b"again") == b"again"
        assert taken == [True]
        await owner.tunnels.unexpose("web")
        with pytest.raises(TunnelNotFound):
            await visitor.tunnels.open("web", 80)
        assert taken == [True, False]


@pytest.mark.parametrize("pause", [0, 0.5])  # in two pieces the request is the acceptor's
async def test_a_bug_in_a_tunnel_crashes_its_actor_and_no_session(world, autojump_clock, pause):
    async with stage(world) as (owner, visitor, _):
        await owner.tunnels.expose(WEB)
        await counted(world, owner, visitor)
        held = await visitor.tunnels.open("web", 80)
        before = owner.incarnations()

        def bug(*_):
            raise ZeroDivisionError

        tunnel = owner.system.whereis("node/services/tunnels/offered/web.http")._cell.actor
        tunnel._join = bug
        request = encode_request(Request(name=Name("web"), port=80))
        stream = await knock(visitor, owner, request[:1] if pause else request)
        if pause:
            await trio.sleep(pause)
            await stream.write(request[1:])
        with pytest.raises(NetworkError):
            await stream.read()
        await until(lambda: owner.incarnations() != before)
        changed = {path for path, number in owner.incarnations().items() if before.get(path) != number}
        assert changed == {"node/services/tunnels/offered/web.http"}
        assert await exchange(held, b"still here") == b"still here"
        assert repr(owner.tunnels._opener._live).startswith("Live(0 being opened by 0 ")


async def test_streams_for_which_there_is_no_place_leave_none_behind_that_is_taken(autojump_clock):
    async with stage(World(TunnelsLimits(live_per_peer=1, requests_per_peer=2))) as (owner, visitor, _):
        await owner.tunnels.expose(WEB)
        held = await visitor.tunnels.open("web", 80)
        for _ in range(3):
            with pytest.raises(ResourceExhausted):
                await visitor.tunnels.open("web", 80)
            await trio.sleep(0.1)  # until the refusal is said, it has a place, too
        held.abort()
        await until(lambda: not len(owner.flow.splices))
        assert await exchange(await visitor.tunnels.open("web", 80), b"again") == b"again"


async def test_nobody_is_asked_before_the_room_is_wired(world, autojump_clock):
    async with stage(world) as (owner, visitor, _):
        await owner.tunnels.expose(WEB)
        await counted(world, owner, visitor)
        request, unwired = encode_request(Request(name=Name("web"), port=80)), Reception()
        seen = []

        def take(peer, stream):
            seen.append((unwired.take(peer, stream), stream.peek(len(request))))
            return False

        owner.reception.take = take
        assert await exchange(await knock(visitor, owner, request), b"hello") == OK + b"hello"
        assert seen == [(False, request)]
    assert repr(unwired) == "Reception(None)"
