"""What peers want of `spread`, or bring, is paid for; by whom, how much it is, and who waits for it."""

import pytest
import trio

from beam_actors.naming import Limits, exchanging, protocol
from beam_actors.naming.conversation import Conversation
from beam_actors.naming.protocol import Ask, Done, Have, Push, Ranges, Want
from beam_actors.naming.ranges import TOP, Settled
from beam_actors.peers import PeerDown, PeerUp
from beam_actors.values import TcpAddress
from tests.naming.builders import NAMES, claim, peer
from tests.naming.lab import give, ids, lab, settle, visit
from tests.naming.visitor import COMPARE, UNKNOWN, compared, elapsed, numbers


async def test_a_fast_peer_is_slowed_down(autojump_clock):
    limits = Limits(claims_per_second=10, claims_burst=20)
    async with lab(1, limits=limits) as (_, (one,)):
        streams = [Conversation(visit(one), timeout=600) for _ in range(2)]
        async with trio.open_nursery() as nursery:
            for number, talk in enumerate(streams):  # two streams share one allowance
                many = [claim(owner, f"n{index}").encoded for owner in (number, number + 2) for index in range(16)]
                nursery.start_soon(talk.send, *protocol.pushes(one for one in many for _ in range(3)))
        await settle(10)
        held = len(await ids(one))
        assert 0 < held < 64
        await settle(60)
        assert len(await ids(one)) == 64


async def test_to_come_again_gives_nobody_a_new_allowance(autojump_clock):
    """Neither over another stream when the last one ended, nor over another session."""
    async with lab(1, limits=Limits(claims_per_second=10, claims_burst=20)) as (_, (one,)):
        began = trio.current_time()
        for _ in range(10):
            one.spread.tell(PeerUp(peer(50)))
            talk = Conversation(visit(one), timeout=60)
            await elapsed(talk, *[Push(())] * 19, Ask(NAMES[0]))
            talk.close()
            await trio.sleep(0.01)
            one.spread.tell(PeerDown(peer(50)))
            await trio.sleep(0.01)
        assert trio.current_time() - began >= (10 * 20 - 20) / 10
        actor = one.system.cell(one.spread.path).actor
        assert not actor._links
        await trio.sleep(5)
        assert await elapsed(Conversation(visit(one), timeout=60), *[Push(())] * 19, Ask(NAMES[0])) < 1


async def test_many_keys_of_one_network_get_the_share_of_one(autojump_clock):
    """A key costs nothing, so whoever makes a new one for each connection shares with all that came from there."""
    limits = Limits(claims_per_second=10, claims_burst=20, network_claims_per_second=15, network_claims_burst=30)
    crowd, neighbour, far = (TcpAddress(ip, 4747) for ip in ("198.51.100.7", "198.51.100.8", "203.0.113.1"))
    async with lab(1, limits=limits) as (_, (one,)):
        began = trio.current_time()
        for number in range(10):
            talk = Conversation(visit(one, 50 + number, remote=crowd), timeout=60)
            await elapsed(talk, *[Push(())] * 19, Ask(NAMES[0]))
            talk.close()
        assert trio.current_time() - began >= (10 * 20 - 30) / 15
        assert await elapsed(Conversation(visit(one, 70, remote=far), timeout=60), *[Push(())] * 19, Ask(NAMES[0])) < 1
        near = Conversation(visit(one, 71, remote=neighbour), timeout=60)
        assert await elapsed(near, *[Push(())] * 19, Ask(NAMES[0])) >= 1


SAY_NOTHING = [Push(()), Ranges((Settled(b"\1"),)), Done(), Have(()), Want(())]


@pytest.mark.parametrize("message", SAY_NOTHING)
async def test_messages_that_say_nothing_are_paid_for(autojump_clock, message):
    async with lab(1, limits=Limits(claims_per_second=10, claims_burst=20)) as (_, (one,)):
        talk = Conversation(visit(one), timeout=60)
        many = [message] * 100
        if isinstance(message, Ranges):  # they have to rise
            ends = [*(bytes([number]) for number in range(1, 99)), TOP]
            many = [COMPARE, *(Ranges((Settled(end),)) for end in ends)]
        assert await elapsed(talk, *many, Ask(NAMES[0])) >= (100 - 20) / 10


@pytest.mark.parametrize("message", [Push(()), Want(())])
async def test_nor_are_they_free_in_an_exchange(autojump_clock, message):
    async with lab(1, limits=Limits(claims_per_second=10, claims_burst=20)) as (_, (one,)):
        talk = Conversation(visit(one), timeout=60)
        assert await elapsed(talk, COMPARE, *[message] * 98, Ranges((Settled(TOP),)), Ask(NAMES[0])) >= (100 - 20) / 10


async def test_what_is_named_and_wanted_is_paid_for(autojump_clock):
    many = [claim(owner, f"n{number}") for owner in range(4) for number in range(16)]
    async with lab(1, limits=Limits(claims_per_second=10, claims_burst=20)) as (_, (one,)):
        await give(one, *many)
        talk = Conversation(visit(one), timeout=60)
        assert await elapsed(talk, *[Have(numbers(160))] * 10, Ask(NAMES[0])) >= (10 * 11 - 20) / 10
        assert await elapsed(talk, *[Want(tuple(item.id for item in many))] * 2, Ask(NAMES[0])) >= (128 - 20) / 10


async def test_all_peers_together_may_bring_so_much_and_each_has_its_turn(autojump_clock):
    limits = Limits(claims_per_second=1000, claims_burst=1000, all_claims_per_second=100, all_claims_burst=100)
    took = {}

    async def flood(number):
        many = [Push([claim(number % 4, f"n{turn}x{index}").encoded for index in range(48)]) for turn in range(10)]
        took[number] = await elapsed(Conversation(visit(one, number), timeout=60), *many, Ask(NAMES[1]))

    async with lab(1, limits=limits) as (_, (one,)), trio.open_nursery() as nursery:
        for number in range(50, 54):
            nursery.start_soon(flood, number)
        await settle(3)
        assert await elapsed(Conversation(visit(one, 60), timeout=60), Ask(NAMES[0])) < 4
    assert max(took.values()) >= (4 * 480 - 100) / 100
    assert max(took.values()) - min(took.values()) < 5  # shared alike


@pytest.mark.parametrize("known", [True, False])
async def test_what_is_here_already_costs_a_sixteenth_of_what_is_new(autojump_clock, known):
    many = [claim(owner, f"n{number}") for owner in range(3) for number in range(16)]
    async with lab(1, limits=Limits(claims_per_second=10, claims_burst=20)) as (_, (one,)):
        if known:
            await give(one, *many)
        junk = bytes(40)  # which has no id
        push = Push([*(item.encoded for item in many[1:]), junk])
        took = await elapsed(Conversation(visit(one), timeout=60), *[push] * 10, Ask(NAMES[0]))
        news = 0 if known else 47  # once
        assert took == pytest.approx((10 * (1 + 47 / 16) + news * 15 / 16 + 1 - 20) / 10, abs=0.3)


@pytest.mark.parametrize(("count", "further"), [(48, 4), (48, 0), (8, 0)])
async def test_what_many_bring_at_once_is_paid_for_as_new_once(autojump_clock, count, further):
    """After a partition all who are connected to a node bring it the same, be it in the same order or not."""
    many = [claim(owner, f"n{number}").encoded for owner in range(3) for number in range(16)][:count]
    took = {}

    async def bring(number):
        start = number * further
        took[number] = await elapsed(
            Conversation(visit(one, 50 + number), timeout=90), Push(many[start:] + many[:start]), Ask(NAMES[0])
        )

    async with lab(1, limits=Limits(all_claims_per_second=10, all_claims_burst=1)) as (_, (one,)):
        async with trio.open_nursery() as nursery:
            for number in range(12):
                nursery.start_soon(bring, number)
        assert len(await ids(one)) == count
    once, known, question = count, max(1, count / 16), 1
    assert max(took.values()) < (once + 8 + 11 * known + 12 * question) / 10


async def test_beside_many_who_bring_much_a_question_waits_for_a_little_of_each(autojump_clock):
    limits = Limits(all_claims_per_second=100, all_claims_burst=1)
    async with lab(1, limits=limits) as (_, (one,)), trio.open_nursery() as nursery:
        for number in range(50):
            new = [claim(owner, f"n{number}x{index}").encoded for owner in range(3) for index in range(16)]
            nursery.start_soon(Conversation(visit(one, 50 + number), timeout=90).send, *[Push(new)] * 4)
        await trio.sleep(0.5)
        assert await elapsed(Conversation(visit(one, 200), timeout=60), Ask(NAMES[0])) < 0.2


async def test_beside_many_who_want_much_a_question_waits_for_a_little(autojump_clock):
    many = [claim(owner, f"n{number}") for owner in range(3) for number in range(16)]
    limits = Limits(all_claims_per_second=100, all_claims_burst=1)
    async with lab(1, limits=limits) as (_, (one,)), trio.open_nursery() as nursery:
        await give(one, *many)
        wants = [Want(tuple(item.id for item in many))] * 4
        for number in range(50):
            nursery.start_soon(Conversation(visit(one, 50 + number), timeout=90).send, *wants)
        await trio.sleep(0.5)
        assert await elapsed(Conversation(visit(one, 200), timeout=60), Ask(NAMES[0])) < 0.2


async def test_the_next_era_of_an_owner_is_taken_in_whole(autojump_clock):
    """Its first claim ends all of the era before, so no name is nobody's until the others of its message are there."""
    eras = [[claim(0, f"n{number}", era=era) for number in range(16)] for era in range(2)]
    mine, counts = {item.id for era in eras for item in era}, set()
    limits = Limits(claims_per_second=10, claims_burst=8)
    async with lab(1, limits=limits) as (_, (one,)), trio.open_nursery() as nursery:
        await give(one, *eras[0])
        await Conversation(visit(one), timeout=60).send(Push([item.encoded for item in eras[1]]))
        while eras[1][-1].id not in (held := await ids(one)):
            counts.add(len(held & mine))
            await trio.sleep(0.01)
        nursery.cancel_scope.cancel()
    assert counts == {16}


async def test_an_exchange_is_paid_for_by_its_size(autojump_clock):
    async with lab(1, limits=Limits(claims_per_second=10, claims_burst=20)) as (_, (one,)):
        took = await compared(Conversation(visit(one), timeout=60), numbers(1024))
        assert took >= (1024 / 16 + 1024 / 64 - 20) / 10


async def test_what_was_hashed_is_paid_for(autojump_clock, monkeypatch):
    monkeypatch.setattr(exchanging, "_ITEMS_HASHED", 1)
    many = [claim(owner, f"n{number}") for owner in range(4) for number in range(16)]
    async with lab(1, limits=Limits(claims_per_second=10, claims_burst=20)) as (_, (one,)):
        await give(one, *many)
        talk = Conversation(visit(one), timeout=60)
        began = trio.current_time()
        await talk.send(COMPARE, Ranges((UNKNOWN,)))
        await talk.receive()
        assert trio.current_time() - began >= (2 * len(many) - 20) / 10
