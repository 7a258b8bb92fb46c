"""Finding peers through the peers that are shared: hub knows both, they know only the hub."""

from contextlib import asynccontextmanager

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import NetworkError, PeerOffline, TimedOut
from beam_actors.identity import PeerKey
from beam_actors.peers import PeersLimits, PeerUp
from beam_actors.peers.inquirer import Inquirer, from_both_ends
from beam_actors.peers.inquiry import MAX_QUESTION, PROTOCOL, Locate, Question, encode_question, open_records
from beam_actors.peers.messages import PeerStands
from beam_actors.testing.clock import EPOCH
from beam_actors.testing.network import Conditions
from beam_actors.values import Multiaddr, PeerId
from beam_actors.wire import frame, sign_record
from tests.peers.lab import SERVICES, STRANGER, until
from tests.wire.support import unframed

INQUIRER = f"{SERVICES}/network/inquirer"


async def meet(hub, *others):
    for other in others:
        await other.peers.connect(hub.address)
    await trio.sleep(2)  # everybody has told everybody


async def test_two_who_share_a_peer_find_each_other(world, autojump_clock):
    async with world.running(3) as (hub, alice, bob):
        await meet(hub, alice, bob)
        assert await bob.echo(alice) == b"hello"
        assert bob.sessions(alice)
        assert hub.seen == []


async def test_one_that_has_just_come_is_found_at_once(world, autojump_clock):
    async with world.running(3) as (hub, alice, bob):
        await meet(hub, bob)
        await alice.peers.connect(hub.address)
        await until(lambda: hub.sessions(alice))
        assert hub.events == [PeerUp(bob.id)]  # the hub has not talked with alice yet
        assert await bob.echo(alice) == b"hello"


async def test_one_that_has_just_come_and_does_not_answer_costs_the_others_nothing(world, autojump_clock):
    async with world.running(3) as (hub, alice, bob):
        await meet(hub, bob)
        await alice.peers.connect(hub.address)
        await until(lambda: hub.sessions(alice))
        world.network.partition(hub.host, alice.host)
        question = Question((alice.id, hub.id))
        (record,) = open_records(await ask_body(bob, hub, encode_question(question)), question)
        assert record.peer == hub.id


async def test_without_a_shared_peer_the_peer_is_offline_as_before(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        with pytest.raises(PeerOffline):
            await bob.echo(alice)


async def test_nobody_knows_a_stranger(world, autojump_clock):
    async with world.running(2) as (hub, alice):
        await meet(hub, alice)
        start = trio.current_time()
        with pytest.raises(PeerOffline):
            await alice.peers.open(STRANGER, "/test/echo/1")
        assert trio.current_time() - start < 5


async def test_a_search_and_what_follows_it_have_one_deadline_together(world, autojump_clock):
    async with world.running(3) as (hub, alice, bob):
        await meet(hub, alice, bob)
        world.network.between(hub.host, bob.host, Conditions(latency=0.5))
        world.network.partition(alice.host, bob.host)
        start = trio.current_time()
        with pytest.raises(PeerOffline):  # found, and silent
            await bob.peers.open(alice.id, "/test/echo/1")
        assert trio.current_time() - start <= PeersLimits().open_timeout


async def test_a_search_takes_no_longer_than_its_limit(world, autojump_clock):
    limits = PeersLimits(search_timeout=0.5)
    async with world.running(3, limits=limits) as (hub, alice, bob):
        await meet(hub, alice, bob)
        world.network.partition(hub.host, bob.host)
        start = trio.current_time()
        with pytest.raises(PeerOffline):
            await bob.peers.open(alice.id, "/test/echo/1")
        assert trio.current_time() - start <= 0.5


async def test_a_peer_that_moved_is_found_at_its_new_address(world, autojump_clock):
    hub, bob, alice = world.add(), world.add(), world.add(port=5000)
    async with hub.run(), bob.run():
        async with alice.run():
            await meet(hub, alice, bob)
            assert await bob.echo(alice) == b"hello"
        await trio.sleep(1)
        alice.port = 6000
        async with alice.run():
            await meet(hub, alice)
            assert await bob.echo(alice) == b"hello"


@asynccontextmanager
async def moved_away(world, **options):
    """bob, with the options, alice as he knew her, whose address is silent now, and as she came back to the hub."""
    hub, alice, moved = (world.add() for _ in range(3))
    bob = world.add(**options)
    moved.key = alice.key
    async with hub.run(), bob.run():
        async with alice.run():
            await meet(hub, alice, bob)
            assert await bob.echo(alice) == b"hello"
        await trio.sleep(1)
        world.network.partition(alice.host, bob.host)
        async with moved.run():
            await meet(hub, moved)
            yield bob, alice, moved


async def test_a_peer_that_moved_is_found_at_once_also_where_its_old_address_is_silent(world, autojump_clock):
    async with moved_away(world) as (bob, alice, moved):
        start = trio.current_time()
        assert await bob.echo(alice) == b"hello"
        assert trio.current_time() - start < PeersLimits().search_after + 1
        assert bob.sessions(moved)


async def test_a_search_that_may_not_wait_for_what_it_found_takes_nothing_from_the_dial(world, autojump_clock):
    """Of those who wait for one peer one is allowed here: it is the dial, which tries what the search found."""
    async with moved_away(world, limits=PeersLimits(opens_waiting=1)) as (bob, alice, _):
        assert await bob.echo(alice) == b"hello"


async def test_a_search_does_not_delay_a_dial_that_succeeds_meanwhile(world, autojump_clock):
    async with world.running(3) as (hub, alice, bob):
        await bob.peers.connect(alice.address)
        await meet(hub, bob)
        await bob.lose(alice)
        await trio.sleep(1)
        world.network.between(bob.host, alice.host, Conditions(latency=0.4))
        world.network.partition(hub.host, bob.host)  # it does not answer
        start = trio.current_time()
        await bob.peers.open(alice.id, "/test/echo/1")
        assert PeersLimits().search_after < trio.current_time() - start < 3


async def test_a_peer_whose_sessions_end_all_the_time_is_asked_one_question_at_a_time(world, autojump_clock):
    async with world.running(2) as (hub, alice):
        await meet(hub, alice)
        world.network.partition(hub.host, alice.host)  # it does not answer
        inquirer, asked = hub.system.cell(INQUIRER).actor, []
        ask = inquirer._ask

        async def count(peer, question):
            asked.append(trio.current_time())
            return await ask(peer, question)

        inquirer._ask = count
        workers, began = inquirer.worker_count, trio.current_time()
        for _ in range(10):
            for _ in range(10):
                hub.system.ref(INQUIRER).tell(PeerStands(alice.id))
            await trio.sleep(0.1)
            assert inquirer.worker_count == workers + 1
            assert asked == [began]
        await trio.sleep(3 * PeersLimits().inquiry_timeout)
        assert [when - began for when in asked] == pytest.approx([0, PeersLimits().inquiry_timeout])
        assert inquirer.worker_count == workers
        assert not inquirer._fetching


@pytest.mark.parametrize("place", range(5))
async def test_whoever_knows_is_asked_however_long_it_has_been_up(world, autojump_clock, place):
    async with world.running(7, limits=PeersLimits(search_peers=1)) as (alice, bob, *others):
        for other in others:
            await meet(other, bob)
        await meet(others[place], alice)
        assert await bob.echo(alice) == b"hello"


async def test_a_silent_peer_does_not_delay_what_another_one_knows(world, autojump_clock):
    async with world.running(4) as (hub, alice, bob, silent):
        await meet(silent, bob)
        await meet(hub, alice, bob)
        world.network.partition(silent.host, bob.host)
        start = trio.current_time()
        assert await bob.system.ref(INQUIRER).ask(Locate(alice.id))
        assert trio.current_time() - start < PeersLimits().search_grace + 0.1


async def test_who_answers_a_little_later_may_know_better(world, autojump_clock):
    async with world.running(4) as (alice, bob, quick, slow):
        await meet(quick, bob)
        await meet(slow, alice, bob)
        there = Multiaddr.parse("/ip4/192.0.2.1/tcp/4747")
        quick.system.cell(INQUIRER).actor._keep(sign_record(alice.key, 1, (there,)), newest=True)
        world.network.between(slow.host, bob.host, Conditions(latency=0.05))
        assert await bob.system.ref(INQUIRER).ask(Locate(alice.id)) == (
            Multiaddr.parse(f"/ip4/{alice.ip}/tcp/4747"),
            there,
        )


@given(st.lists(st.integers(), unique=True))
def test_those_asked_are_taken_from_both_ends(peers):
    taken = list(from_both_ends(peers))
    assert sorted(taken) == sorted(peers)
    assert taken[::2] == peers[::-1][: len(taken[::2])]
    assert taken[1::2] == peers[: len(taken[1::2])]


async def test_where_a_peer_is_now_is_passed_on_also_if_it_moved_without_being_missed(world, autojump_clock):
    async with world.running(3) as (hub, alice, bob):
        await meet(hub, alice, bob)
        question = Question((alice.id,))

        async def told():
            (record,) = open_records(await ask_body(bob, hub, encode_question(question)), question)
            return record.seq

        first = await told()
        await trio.sleep(PeersLimits().record_seconds / 2)
        assert await told() == first
        await trio.sleep(PeersLimits().record_seconds / 2)
        second = await told()
        assert second > first + 5000
        assert await told() == second


async def test_one_search_serves_many_askers(world, autojump_clock):
    async with world.running(3) as (hub, alice, bob):
        await meet(hub, alice, bob)
        inquirer = bob.system.ref(INQUIRER)
        found = []

        async def ask():
            found.append(await inquirer.ask(Locate(alice.id)))

        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(ask)
        assert found == [(Multiaddr.parse(f"/ip4/{alice.ip}/tcp/4747"),)] * 5


async def test_a_crash_of_the_inquirer_forgets_nothing_that_is_needed(world, autojump_clock):
    async with world.running(3) as (hub, alice, bob):
        await meet(hub, alice, bob)
        hub.crash("network/inquirer")
        bob.crash("network/inquirer")
        await trio.sleep(1)
        assert await bob.echo(alice) == b"hello"


async def ask_raw(node, other, data, *, finish=True):
    """What another node answers to these bytes; raises when it resets the stream."""
    stream = await node.peers.open(other.id, PROTOCOL)
    await stream.write(data)
    if finish:
        await stream.shutdown()
    answer = b""
    while part := await stream.read():
        answer += part
    stream.close()
    return answer


async def ask_body(node, other, data):
    """The body of the answer of another node."""
    return unframed(await ask_raw(node, other, data, finish=False))


@pytest.mark.parametrize("garbage", [b"", b"\xff" * 20, b"\x05", frame(bytes(MAX_QUESTION)), bytes([0x81, 0x08])])
async def test_garbage_is_reset_and_crashes_nobody(world, autojump_clock, garbage):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address)
        with pytest.raises(NetworkError):
            await ask_raw(alice, bob, garbage)
        assert bob.system.ref(INQUIRER).incarnation == 1


async def test_a_question_that_never_ends_is_reset_in_time(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address)
        start = trio.current_time()
        with pytest.raises(NetworkError):
            await ask_raw(alice, bob, b"\x21", finish=False)
        assert trio.current_time() - start < 3


async def test_an_own_record_is_signed_and_shows_the_address_by_which_the_asker_sees_us(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address)
        question = Question((bob.id,))
        (record,) = open_records(await ask_body(alice, bob, encode_question(question)), question)
        assert record.addresses == (Multiaddr.parse(f"/ip4/{bob.ip}/tcp/4747"),)


async def test_of_two_records_the_newer_is_kept_and_their_number_is_bounded(world, autojump_clock):
    async with world.running(1) as (alice,):
        inquirer = alice.system.cell(INQUIRER).actor
        assert isinstance(inquirer, Inquirer)
        key = PeerKey.from_seed(b"\x07" * 32)
        old, new = (sign_record(key, seq, (Multiaddr.parse(f"/ip4/192.0.2.{seq}/tcp/1"),)) for seq in (1, 2))
        for record in (new, old):
            inquirer._keep(record, newest=False)
        assert inquirer._records[key.peer_id] == new
        record = sign_record(key, 3, ())
        for number in range(PeersLimits().records + 10):
            inquirer._records[PeerId(number.to_bytes(32, "big"))] = record
        inquirer._keep(record, newest=False)
        assert len(inquirer._records) == PeersLimits().records


async def test_searches_and_those_who_wait_for_one_are_bounded(world, autojump_clock):
    limits = PeersLimits(searches=2, search_waiters=3)
    async with world.running(2, limits=limits) as (hub, alice):
        await meet(hub, alice)
        world.network.partition(hub.host, alice.host)  # so that each search takes its time
        inquirer, answered = alice.system.ref(INQUIRER), []

        async def ask(number):
            assert await inquirer.ask(Locate(PeerId(bytes([number]) * 32))) == ()
            answered.append(number)

        async with trio.open_nursery() as nursery:
            for number in (1, 1, 1, 1, 2, 3):
                nursery.start_soon(ask, number)
                await trio.sleep(0.01)  # in this order
            assert sorted(answered) == [1, 3]
        assert sorted(answered) == [1, 1, 1, 1, 2, 3]


async def test_one_peer_cannot_hold_all_places_for_an_answer(world, autojump_clock):
    limits = PeersLimits(answers=4, answers_per_peer=3)
    async with world.running(3, limits=limits) as (hub, mallory, alice):
        await meet(hub, mallory, alice)
        refused = []

        async def hold():
            with pytest.raises(NetworkError):
                await ask_raw(mallory, hub, b"\x21", finish=False)
            refused.append(trio.current_time())

        question = Question((hub.id,))
        async with trio.open_nursery() as nursery:
            start = trio.current_time()
            for _ in range(10):
                nursery.start_soon(hold)
            await trio.sleep(0.5)
            assert len(refused) == 7
            assert open_records(await ask_body(alice, hub, encode_question(question)), question)
        assert len(refused) == 10
        assert trio.current_time() - start < 3
        assert open_records(await ask_body(mallory, hub, encode_question(question)), question)


async def test_who_is_connected_is_asked_again_until_there_is_an_answer(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address)
        real, failures = alice.peers.connected, [TimedOut("not yet"), TimedOut("not yet")]

        async def connected():
            if failures:
                raise failures.pop()
            return await real()

        alice.peers.connected = connected
        alice.crash("network/inquirer")
        await trio.sleep(10)
        inquirer = alice.system.cell(INQUIRER).actor
        assert list(inquirer._up) == [bob.id]
        assert bob.id in inquirer._records


async def test_a_peer_from_afar_cannot_send_a_search_into_a_private_network(world, autojump_clock):
    hub, alice = world.add(ip="203.0.113.1"), world.add(ip="203.0.113.2")
    liar = PeerKey.from_seed(b"\x07" * 32)
    inside, outside = (Multiaddr.parse(f"/ip4/{ip}/tcp/80") for ip in ("192.168.1.1", "198.51.100.1"))
    async with hub.run(), alice.run():
        await meet(hub, alice)
        claim = sign_record(liar, 1, (inside, outside, alice.address.without_peer))
        hub.system.cell(INQUIRER).actor._keep(claim, newest=False)
        assert await alice.system.ref(INQUIRER).ask(Locate(liar.peer_id)) == (outside,)


async def test_a_clock_before_1970_keeps_no_answer_from_anybody(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        bob.clock.step(-EPOCH - 1e9)
        await alice.peers.connect(bob.address)
        question = Question((bob.id,))
        (record,) = open_records(await ask_body(alice, bob, encode_question(question)), question)
        assert record.seq == 0
