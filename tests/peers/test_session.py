"""The actor of one session: draining, its own crash, and a peer that wears it out."""

from contextlib import suppress

import pytest
import trio
from structlog.testing import capture_logs

from beam_actors.errors import NetworkError, PeerOffline
from beam_actors.peers import PeersLimits
from beam_actors.values import Multiaddr
from beam_actors.wire import IdentifyInfo
from beam_actors.wire.identify import PUSH_PROTOCOL, encode_info
from tests.peers.lab import ECHO, changed, until


def dialler_owner(node, other):
    return node.system.whereis(f"node/services/network/peers/{other.id.short}")


async def test_a_stream_on_the_session_that_gives_way_goes_on_to_its_end(world, autojump_clock):
    async with world.running(2, limits=PeersLimits(drain_linger=2.0)) as nodes:
        lower, higher = sorted(nodes, key=lambda node: node.id)
        await higher.peers.connect(lower.address)
        stream = await higher.peers.open(lower.id, ECHO)
        await stream.write(b"before")
        assert await stream.read() == b"before"
        # The lower one dials too, as if it had not known of the session.
        dialler = lower.system.whereis(f"node/services/network/peers/{higher.id.short}")._cell.actor._setting.dialler
        dialler_session = await dialler.dial(higher.id, (higher.address,), dialler_owner(lower, higher))
        dialler_owner(lower, higher).tell(dialler_session)
        await until(lambda: len(lower.sessions(higher)) == len(higher.sessions(lower)) == 2)
        await trio.sleep(10)
        await stream.write(b"after")
        assert await stream.read() == b"after"
        assert len(lower.sessions(higher)) == 2
        await stream.shutdown()
        assert await stream.read() == b""
        stream.close()
        await until(lambda: len(lower.sessions(higher)) == len(higher.sessions(lower)) == 1)
        assert await higher.echo(lower) == b"hello"


async def test_a_crash_of_a_session_ends_that_session_alone(world, autojump_clock):
    async with world.running(3) as (alice, bob, carol):
        await alice.peers.connect(bob.address)
        await alice.peers.connect(carol.address)
        spared = await alice.peers.open(carol.id, ECHO)
        before = alice.incarnations()
        hit = await alice.peers.open(bob.id, ECHO)
        alice.crash(f"network/peers/{bob.id.short}/session-1")
        with pytest.raises(NetworkError):
            await hit.read()
        started = trio.current_time()
        assert await alice.echo(bob) == b"hello"
        assert trio.current_time() - started < 2
        assert changed(alice, before) == set()
        await spared.write(b"still here")
        assert await spared.read() == b"still here"


async def introduce(alice, bob, count):
    for number in range(count):
        info = IdentifyInfo(agent="alice", addresses=(Multiaddr.parse(f"/ip4/10.0.1.1/tcp/{number + 1}"),))
        stream = await alice.peers.open(bob.id, PUSH_PROTOCOL)
        await stream.write(encode_info(info, alice.id))
        await stream.shutdown()
        await stream.read()
        stream.close()


async def test_to_connect_anew_gives_no_more_introductions(world, autojump_clock):
    limits = PeersLimits(introductions=20, introductions_period=60.0)
    async with world.running(2, limits=limits) as (alice, bob):
        for number in range(2):
            await alice.peers.connect(bob.address)
            await until(lambda: bob.sessions(alice))
            (path,) = bob.sessions(alice)
            with suppress(NetworkError, PeerOffline):
                await introduce(alice, bob, 15)
            await trio.sleep(1)
            assert (path in bob.incarnations()) == (number == 0)
            await alice.lose(bob)


async def test_a_peer_that_introduces_itself_without_end_is_cut(world, autojump_clock):
    limits = PeersLimits(introductions=20, introductions_period=60.0)
    async with world.running(2, limits=limits) as (alice, bob):
        await alice.peers.connect(bob.address)
        await until(lambda: bob.sessions(alice))
        (path,) = bob.sessions(alice)
        for _ in range(3):
            await introduce(alice, bob, 15)  # with that of the beginning, within the bound
            await trio.sleep(61)
        assert bob.sessions(alice) == [path]
        with capture_logs() as lines, suppress(NetworkError, PeerOffline):
            await introduce(alice, bob, 30)
        await until(lambda: path not in bob.incarnations(), seconds=1)
        assert {line["log_level"] for line in lines} <= {"debug"}  # a stranger could fill the log else
        book = bob.system.cell("node/services/network/manager").actor._book
        assert all(address.tcp.port <= 20 for address in book.get(alice.id).claimed)  # what came after was not taken
