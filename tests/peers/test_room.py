"""Conversations of whole nodes: two or three of them over the virtual network."""

import itertools
from contextlib import asynccontextmanager, suppress

import pytest
import trio

from beam_actors.errors import ConnectionRefused, InvalidValue, NetworkError, PeerOffline, TimedOut, UsageError
from beam_actors.flow import Flow, Pump
from beam_actors.peers import PeerDown, PeersLimits, PeerUp, State
from beam_actors.ports import Change
from beam_actors.testing.clock import SimClock
from beam_actors.testing.store import MemoryStore
from beam_actors.values import Multiaddr, PeerId, TcpAddress
from tests.peers.lab import ECHO, World, until

STRANGER = PeerId(b"\x2a" * 32)


@pytest.fixture
def world():
    return World()


def changed(node, before):
    """The paths whose incarnation is not what it was, without the sessions of peers (they come and go)."""
    after = node.incarnations()
    return {path for path in before | after if before.get(path) != after.get(path) and "/sessions/" not in path}


async def test_a_stream_goes_to_the_peer_and_back(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        assert await alice.peers.connect(bob.address) == bob.id
        assert await alice.echo(bob, b"x" * 300_000) == b"x" * 300_000
        assert bob.seen == [alice.id]
        assert alice.events == [PeerUp(bob.id)]
        assert bob.events == [PeerUp(alice.id)]
        assert len(alice.sessions(bob)) == len(bob.sessions(alice)) == 1


async def test_both_ends_use_one_session(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address)
        await until(lambda: bob.events)
        assert await bob.echo(alice) == b"hello"
        assert len(alice.sessions(bob)) == len(bob.sessions(alice)) == 1


async def test_many_who_ask_at_once_join_one_dial(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await bob.peers.connect(alice.address)
        await bob.peers.disconnect(alice.id)
        await until(lambda: not alice.sessions(bob))
        answers = []

        async def ask():
            answers.append(await bob.echo(alice))

        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(ask)
        assert answers == [b"hello"] * 20
        assert len(bob.sessions(alice)) == 1


async def test_when_both_dial_at_once_the_session_of_the_lower_id_stays(world, autojump_clock):
    async with world.running(2, limits=PeersLimits(drain_linger=2.0)) as (alice, bob):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(alice.peers.connect, bob.address)
            nursery.start_soon(bob.peers.connect, alice.address)
        await until(lambda: len(alice.sessions(bob)) == len(bob.sessions(alice)) == 2)
        lower, higher = sorted([alice, bob], key=lambda node: node.id)
        assert await lower.echo(higher) == await higher.echo(lower) == b"hello"
        await until(lambda: len(alice.sessions(bob)) == len(bob.sessions(alice)) == 1)
        assert "which this node dialled" in (await lower.peers.ping(higher.id)).why
        assert "which the peer dialled" in (await higher.peers.ping(lower.id)).why
        assert alice.events == [PeerUp(bob.id)]
        assert bob.events == [PeerUp(alice.id)]


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


def dialler_owner(node, other):
    return node.system.whereis(f"node/services/network/peers/{other.id.short}")


async def test_a_dial_that_finds_another_peer_fails(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        wrong = Multiaddr.from_address(TcpAddress(bob.ip, bob.port), STRANGER)
        with pytest.raises(PeerOffline):
            await alice.peers.connect(wrong)
        assert alice.events == []


async def test_nothing_listens_there(world, autojump_clock):
    async with world.running(1) as (alice,):
        ghost = world.network.host("ghost", ["10.0.0.99"])
        started = trio.current_time()
        with pytest.raises(PeerOffline, match=r"10\.0\.0\.99:4747"):
            await alice.peers.connect(Multiaddr.from_address(TcpAddress("10.0.0.99", 4747), STRANGER))
        assert trio.current_time() - started < 1
        assert ghost.up


async def test_a_peer_without_address_is_offline_at_once(world, autojump_clock):
    async with world.running(1) as (alice,):
        with pytest.raises(PeerOffline, match="no address"):
            await alice.peers.open(STRANGER, ECHO)


async def test_a_silent_machine_ends_in_a_time_out_within_five_seconds(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address)
        await alice.peers.disconnect(bob.id)
        world.network.partition(alice.host, bob.host)
        started = trio.current_time()
        with pytest.raises(TimedOut):
            await alice.peers.open(bob.id, ECHO)
        assert trio.current_time() - started <= 5


async def test_one_dead_address_does_not_hold_up_a_good_one(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        ghost = world.network.host("ghost", ["10.0.0.99"])
        world.network.partition(alice.host, ghost)
        await alice.peers.connect(bob.address)
        dead = Multiaddr.from_address(TcpAddress("10.0.0.99", 4747), bob.id)
        await alice.peers.disconnect(bob.id)
        await until(lambda: not alice.sessions(bob))
        started = trio.current_time()
        await alice.peers.connect(dead)
        assert trio.current_time() - started < 2


async def test_a_protocol_that_the_peer_does_not_speak_shows_in_the_first_read(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address)
        stream = await alice.peers.open(bob.id, "/test/unheard-of/1")
        with pytest.raises(ConnectionRefused):
            await stream.read()


async def test_this_node_itself_is_no_peer(world, autojump_clock):
    async with world.running(1) as (alice,):
        with pytest.raises(UsageError):
            await alice.peers.connect(alice.address)
        with pytest.raises(UsageError):
            await alice.peers.open(alice.id, ECHO)


@pytest.mark.parametrize("text", ["/ip4/10.0.0.2/tcp/4747", f"/dns4/example.com/tcp/1/p2p/{STRANGER}"])
async def test_an_address_that_cannot_be_dialled_is_refused_in_words(world, autojump_clock, text):
    async with world.running(1) as (alice,):
        with pytest.raises(InvalidValue):
            await alice.peers.connect(Multiaddr.parse(text))


async def test_a_ping_says_how_long_and_why(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        world.network.set_latency(alice.host, bob.host, 0.02)
        await alice.peers.connect(bob.address)
        result = await alice.peers.ping(bob.id)
        assert result.path == "direct"
        assert 39.9 <= result.rtt_ms < 60
        assert f"{bob.ip}:{bob.port}" in result.why


async def test_the_snapshot_tells_who_is_there(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address)
        await trio.sleep(1)
        (status,) = await alice.peers.snapshot()
        assert status.peer == bob.id
        assert status.state is State.UP
        assert status.sessions == 1
        assert status.path == "direct"
        assert status.agent.startswith("beam-actors/")
        assert status.suite == "/beam/noise-aes/1"
        assert status.address == bob.address
        assert status.rtt_ms > 0


async def test_a_node_says_where_it_listens(world, autojump_clock):
    async with world.running(1) as (alice,):
        assert alice.peers.addresses() == (Multiaddr.parse(f"/ip4/127.0.0.1/tcp/4747/p2p/{alice.id}"),)


async def test_who_was_dialled_learns_where_the_dialler_listens(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address)
        await trio.sleep(1)
        await alice.peers.disconnect(bob.id)
        await until(lambda: not bob.sessions(alice))
        assert await bob.echo(alice) == b"hello"


# --- loss and return ---


async def test_a_peer_that_falls_silent_is_down_within_fifteen_seconds_and_its_streams_fail(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address)
        stream = await alice.peers.open(bob.id, ECHO)
        world.network.partition(alice.host, bob.host)
        silent_since = trio.current_time()
        with pytest.raises(NetworkError):
            await stream.read()
        await until(lambda: alice.events == [PeerUp(bob.id), PeerDown(bob.id)])
        assert trio.current_time() - silent_since <= 15
        (status,) = await alice.peers.snapshot()
        assert status.state is not State.UP
        world.network.heal(alice.host, bob.host)
        assert await alice.echo(bob) == b"hello"


async def test_a_peer_that_lost_power_and_comes_back_is_served_on_its_new_session(world, autojump_clock):
    for first in ("lower", "higher"):
        world = World()
        alice, bob = world.add(), world.add()
        dialler, other = sorted([alice, bob], key=lambda node: node.id, reverse=first == "higher")
        async with dialler.run():
            async with trio.open_nursery() as nursery, other.run():
                await dialler.peers.connect(other.address)
                await until(lambda other=other: other.events)
                other.host.kill()
                nursery.cancel_scope.cancel()
            assert len(dialler.sessions(other)) == 1  # nobody told it
            other.host.revive()
            async with other.run():
                await other.peers.connect(dialler.address)
                started = trio.current_time()
                with suppress(NetworkError):  # a stream may still take the old session, until its probe fails
                    await dialler.echo(other)
                assert await dialler.echo(other) == await other.echo(dialler) == b"hello"
                assert trio.current_time() - started < 1


async def test_a_dial_whose_session_ends_at_once_fails_who_waits(world, autojump_clock):
    async with world.running(2, limits=PeersLimits(sessions_per_peer=0)) as (alice, bob):
        started = trio.current_time()
        with pytest.raises(PeerOffline, match="ended at once"):
            await alice.peers.connect(bob.address)
        assert trio.current_time() - started < 1
        with pytest.raises(PeerOffline):
            await alice.peers.connect(bob.address)


async def test_a_bootstrap_peer_is_dialled_until_it_is_there(world, autojump_clock):
    alice, bob = world.add(), world.add()
    alice.bootstrap = [bob.address]
    async with alice.run():
        await trio.sleep(600)
        (status,) = await alice.peers.snapshot()
        assert status.kept
        assert status.state in {State.BACKING_OFF, State.DIALLING}
        async with bob.run():
            await until(lambda: alice.events == [PeerUp(bob.id)], seconds=61)
        await until(lambda: alice.events == [PeerUp(bob.id), PeerDown(bob.id)])
        async with bob.run():
            await until(lambda: alice.events[2:] == [PeerUp(bob.id)], seconds=61)


async def test_the_back_off_bounds_how_often_a_dead_peer_is_dialled(world, autojump_clock):
    alice, bob = world.add(), world.add()
    alice.bootstrap = [bob.address]
    dials = []
    async with alice.run():
        real = alice.flow.dial

        async def counting(*args, **kwargs):
            dials.append(trio.current_time())
            return await real(*args, **kwargs)

        alice.flow.dial = counting
        await trio.sleep(1000)
    gaps = [later - earlier for earlier, later in itertools.pairwise(dials)]
    assert len(dials) < 50
    assert all(gap >= 0.25 for gap in gaps)
    assert all(30 <= gap <= 61 for gap in gaps[-5:])


async def test_asking_for_a_dead_peer_again_and_again_does_not_dial_again_and_again(world, autojump_clock):
    async with world.running(1) as (alice,):
        world.network.host("ghost", ["10.0.0.99"])
        ghost = Multiaddr.from_address(TcpAddress("10.0.0.99", 4747), STRANGER)
        started = trio.current_time()
        for _ in range(10):
            with pytest.raises(PeerOffline):
                await alice.peers.connect(ghost)
        assert trio.current_time() - started >= 9 * 0.5


async def test_what_a_person_connected_to_is_remembered_across_a_restart(world, autojump_clock):
    alice, bob = world.add(), world.add()
    async with bob.run():
        async with alice.run():
            await alice.peers.connect(bob.address, keep=True)
        alice.events.clear()
        async with alice.run():
            await until(lambda: alice.events == [PeerUp(bob.id)])
            await alice.peers.disconnect(bob.id)
            await until(lambda: not alice.sessions(bob))
        alice.events.clear()
        async with alice.run():
            await trio.sleep(60)
            assert alice.events == []
            assert await alice.echo(bob) == b"hello"


async def test_a_port_of_ones_own_choice_is_kept_across_restarts(world, autojump_clock):
    alice, bob = world.add(port=0), world.add()
    async with alice.run():
        before = alice.peers.addresses()
        assert before[0].tcp.port > 0
    async with bob.run(), alice.run():
        assert alice.peers.addresses() == before


async def test_a_taken_port_gives_way_to_a_free_one(world, autojump_clock):
    alice = world.add()
    other = alice.host.driver()
    other.listen(TcpAddress("0.0.0.0", 4747))
    async with alice.run():
        assert alice.peers.addresses()[0].tcp.port not in {0, 4747}


async def test_a_damaged_record_hides_no_other_peer(world, autojump_clock):
    alice, bob = world.add(), world.add()
    async with bob.run():
        async with alice.run():
            await alice.peers.connect(bob.address, keep=True)
        store = await MemoryStore.open(alice.disk)
        await store.commit([Change("peers", b"\x00", b"damaged"), Change("peers", STRANGER.multihash, b"\xa0")])
        await store.close()
        alice.events.clear()
        async with alice.run():
            await until(lambda: alice.events == [PeerUp(bob.id)])


async def test_fifty_lost_connections_restart_nobody(world, autojump_clock):
    async with world.running(1, limits=PeersLimits(sessions_per_address=100)) as (hub,):
        others = [world.add(port=0) for _ in range(50)]
        async with trio.open_nursery() as nursery:
            hold = trio.Event()

            async def visit(other):
                async with other.run():
                    await other.peers.connect(hub.address)
                    await hold.wait()
                    other.host.kill()

            for other in others:
                nursery.start_soon(visit, other)
            await until(lambda: len(hub.events) == 50)
            before = hub.incarnations()
            hold.set()
        await until(lambda: len(hub.events) == 100)
        assert changed(hub, before) == set()


# --- crashes ---


async def test_a_crash_of_a_session_ends_that_session_alone(world, autojump_clock):
    async with world.running(3) as (alice, bob, carol):
        await alice.peers.connect(bob.address)
        await alice.peers.connect(carol.address)
        spared = await alice.peers.open(carol.id, ECHO)
        before = alice.incarnations()
        hit = await alice.peers.open(bob.id, ECHO)
        alice.crash(f"network/peers/{bob.id.short}/sessions/1")
        with pytest.raises(NetworkError):
            await hit.read()
        started = trio.current_time()
        assert await alice.echo(bob) == b"hello"
        assert trio.current_time() - started < 2
        assert changed(alice, before) == set()
        await spared.write(b"still here")
        assert await spared.read() == b"still here"


@pytest.mark.parametrize("victim", ["listeners", "manager"])
async def test_established_sessions_survive_a_crash_of(world, autojump_clock, victim):
    async with world.running(3) as (alice, bob, carol):
        await alice.peers.connect(bob.address)
        stream = await alice.peers.open(bob.id, ECHO)
        await until(lambda: bob.events)
        before = bob.incarnations()
        bob.crash(f"network/{victim}")
        await stream.write(b"still here")
        assert await stream.read() == b"still here"
        started = trio.current_time()
        await carol.peers.connect(bob.address)
        assert await bob.echo(alice) == await carol.echo(bob) == b"hello"
        assert {status.peer for status in await bob.peers.snapshot()} == {alice.id, carol.id}
        assert trio.current_time() - started < 2
        assert changed(bob, before) == {
            f"node/services/network/{victim}",
            f"node/services/network/peers/{carol.id.short}",
            f"node/services/network/peers/{carol.id.short}/sessions",
        }


async def test_a_crash_of_a_peers_actor_takes_its_sessions_and_no_others(world, autojump_clock):
    async with world.running(3) as (alice, bob, carol):
        await alice.peers.connect(bob.address)
        await alice.peers.connect(carol.address)
        hit, spared = await alice.peers.open(bob.id, ECHO), await alice.peers.open(carol.id, ECHO)
        before = alice.incarnations()
        alice.crash(f"network/peers/{bob.id.short}")
        with pytest.raises(NetworkError):
            await hit.read()
        started = trio.current_time()
        assert await alice.echo(bob) == b"hello"
        assert trio.current_time() - started < 2
        await spared.write(b"still here")
        assert await spared.read() == b"still here"
        own = f"node/services/network/peers/{bob.id.short}"
        assert changed(alice, before) <= {own, f"{own}/sessions"}
        assert [event for event in alice.events if event.peer == bob.id] == [
            PeerUp(bob.id),
            PeerDown(bob.id),
            PeerUp(bob.id),
        ]


async def test_a_kept_peer_comes_back_after_a_crash_of_its_actor_or_of_the_pool(world, autojump_clock):
    alice, bob = world.add(), world.add()
    alice.bootstrap = [bob.address]
    async with bob.run(), alice.run():
        for path in (f"network/peers/{bob.id.short}", "network/peers"):
            await until(lambda: len(alice.events) % 2 == 1)
            seen = len(alice.events)
            alice.crash(path)
            started = trio.current_time()
            await until(lambda seen=seen: len(alice.events) == seen + 2)
            assert trio.current_time() - started < 2
            assert isinstance(alice.events[-1], PeerUp)


async def test_a_crash_of_the_pump_is_healed(world, autojump_clock):
    alice, bob = world.add(), world.add()
    alice.bootstrap = [bob.address]
    async with bob.run(), alice.run():
        await until(lambda: alice.events == [PeerUp(bob.id)])
        alice.system.whereis("node/pump").crash(RuntimeError("crashed on purpose"))
        await until(lambda: alice.events[-1:] == [PeerUp(bob.id)] and len(alice.events) > 1, seconds=5)
        assert await bob.echo(alice) == await alice.echo(bob) == b"hello"


# --- strangers ---


@asynccontextmanager
async def strangers(world, node, count):
    """Connections that never say a word of their own accord."""
    host = world.network.host("mallory", ["10.0.0.66"])
    pump, flow = Pump(host.driver(), SimClock()), Flow()
    flow.attach(pump)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pump.run)
        owner = node.system.ref("mallory")
        streams = []
        for _ in range(count):
            with suppress(NetworkError):  # refused before the dial was seen to succeed
                streams.append(await flow.dial(TcpAddress(node.ip, node.port), owner, timeout=5))
        yield streams
        nursery.cancel_scope.cancel()


async def still_open(streams):
    """How many of the connections have not ended."""
    count = 0
    for stream in streams:
        try:
            with trio.fail_after(0.01):
                while await stream.read():
                    pass  # what the other end says by itself
        except trio.TooSlowError:
            count += 1
        except NetworkError:
            pass
    return count


async def test_silent_strangers_hold_a_bounded_number_of_places_for_a_bounded_time(world, autojump_clock):
    async with (
        world.running(2, limits=PeersLimits(handshakes_per_address=5)) as (alice, bob),
        strangers(world, bob, 50) as streams,
    ):
        await trio.sleep(1)
        assert await still_open(streams) == 5
        assert await alice.peers.connect(bob.address) == bob.id
        await trio.sleep(10)
        assert await still_open(streams) == 0


async def test_strangers_of_many_addresses_are_bounded_together(world, autojump_clock):
    async with world.running(1, limits=PeersLimits(handshakes=3)) as (bob,), strangers(world, bob, 10) as streams:
        await trio.sleep(1)
        assert await still_open(streams) == 3


async def test_one_address_cannot_take_all_sessions(world, autojump_clock):
    async with world.running(3, limits=PeersLimits(sessions_per_address=0)) as (alice, bob, carol):
        await alice.peers.connect(bob.address)  # the handshake stands before bob can refuse
        await until(lambda: alice.events == [PeerUp(bob.id), PeerDown(bob.id)])
        assert bob.events == []
        assert carol.events == []


async def test_garbage_ends_the_connection_and_crashes_nobody(world, autojump_clock):
    async with world.running(1) as (bob,):
        before = bob.incarnations()
        async with strangers(world, bob, 3) as streams:
            words = (b"GET / HTTP/1.1\r\n\r\n", bytes(1000), b"\x13/multistream/1.0.0\nx")
            for stream, garbage in zip(streams, words, strict=True):
                await stream.write(garbage)
            await trio.sleep(11)
            assert await still_open(streams) == 0
        assert changed(bob, before) == set()
        assert bob.events == []


async def test_a_peer_that_opens_and_resets_streams_without_end_is_cut(world, autojump_clock):
    async with world.running(2, limits=PeersLimits(dead_streams=50)) as (alice, bob):
        await alice.peers.connect(bob.address)
        await until(lambda: bob.sessions(alice))
        (path,) = bob.sessions(alice)
        seen = len(bob.seen)
        with suppress(NetworkError, PeerOffline):
            while path in bob.incarnations():
                streams = [await alice.peers.open(bob.id, ECHO) for _ in range(20)]
                for stream in streams:
                    await stream.write(b"x")
                    stream.abort()
                await trio.sleep(0.01)  # they arrive together with their resets
        await until(lambda: path not in bob.incarnations())
        assert len(bob.seen) == seen  # nobody behind the session was told of one
        assert await alice.echo(bob) == b"hello"
