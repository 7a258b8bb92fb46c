"""What the inquirer answers, whom it asks by itself, and the bounds of both."""

import pytest
import trio

from beam_actors.errors import NetworkError, TimedOut
from beam_actors.identity import PeerKey
from beam_actors.peers import PeersLimits
from beam_actors.peers.inquirer import Inquirer
from beam_actors.peers.inquiry import MAX_QUESTION, Question, encode_question, open_records
from beam_actors.peers.messages import PeerStands
from beam_actors.testing.clock import EPOCH
from beam_actors.values import Multiaddr, PeerId
from beam_actors.wire import frame, sign_record
from tests.peers.lab import until
from tests.peers.shared import INQUIRER, ask_body, ask_raw, meet


async def test_one_that_has_just_come_and_does_not_answer_costs_the_others_nothing(world, autojump_clock):
    async with world.running(3) as (hub, alice, bob):
        await meet(hub, bob)
        await alice.peers.connect(hub.address)
        await until(lambda: hub.sessions(alice))
        world.network.partition(hub.host, alice.host)
        question = Question((alice.id, hub.id))
        (record,) = open_records(await ask_body(bob, hub, encode_question(question)), question)
        assert record.peer == hub.id


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


async def test_a_clock_before_1970_keeps_no_answer_from_anybody(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        bob.clock.step(-EPOCH - 1e9)
        await alice.peers.connect(bob.address)
        question = Question((bob.id,))
        (record,) = open_records(await ask_body(alice, bob, encode_question(question)), question)
        assert record.seq == 0
