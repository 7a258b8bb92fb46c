import itertools
from collections import Counter
from contextlib import suppress

import pytest
import trio

from beam_actors.errors import ActorDead, NameNotFound, StorageError
from beam_actors.naming import Kind, Limits, protocol
from beam_actors.naming.claim import Claim
from beam_actors.naming.conversation import Conversation
from beam_actors.naming.limits import HOUR, MINUTE
from beam_actors.naming.messages import CountLinks, Submit
from beam_actors.naming.precedence import place_of
from beam_actors.naming.protocol import Ask, Compare, Have, Push, Want
from beam_actors.peers import PeerDown, PeerUp
from tests.naming.builders import NAMES, NOW, claim, crowd, peer, pool, revocation
from tests.naming.lab import Busy, Node, Silent, View, Wires, give, ids, lab, settle, visit
from tests.wire.support import unframed


async def test_a_new_connection_brings_both_to_the_same_claims(autojump_clock):
    async with lab(2) as (wires, (one, other)):
        await give(one, claim(0), claim(1, "bob"), revocation(2))
        await give(other, claim(0, seq=2), claim(1), claim(2))
        wires.connect(one, other)
        await settle()
        assert (
            await ids(one)
            == await ids(other)
            == {claim(0, seq=2).id, claim(1, "bob").id, revocation(2).id, claim(1).id}
        )


async def test_more_claims_than_one_message_holds_are_exchanged(autojump_clock):
    many = [claim(owner, f"n{number}") for owner in range(3) for number in range(16)]
    async with lab(2) as (wires, (one, other)):
        await give(one, *many)
        await give(other, *(claim(3, f"m{number}") for number in range(16)))
        wires.connect(one, other)
        await settle()
        assert len(await ids(one)) == len(many) + 16
        assert await ids(one) == await ids(other)


async def test_a_change_reaches_the_far_end_of_a_chain_without_echo(autojump_clock):
    async with lab(4) as (wires, nodes):
        for one, other in itertools.pairwise(nodes):
            wires.connect(one, other)
        await settle()
        wires.sent.clear()
        await give(nodes[0], claim(0))
        await settle()
        assert [await ids(node) for node in nodes] == [{claim(0).id}] * 4
        said = [protocol.decode(unframed(sent)) for sent in wires.sent]
        each = [Have((claim(0).id,)), Want((claim(0).id,)), Push((claim(0).encoded,))]
        assert said == each * 3  # once over each link: never back, never again
        await give(nodes[0], claim(0))
        await give(nodes[3], claim(0))
        await settle()
        assert len(wires.sent) == 9


async def test_each_node_is_sent_a_change_once_however_many_peers_have_it(autojump_clock):
    async with lab(8, owner=0) as (wires, nodes):
        for one, other in itertools.combinations(nodes, 2):
            wires.connect(one, other)
        await settle()
        wires.sent.clear()
        await give(nodes[0], claim(0))
        await settle()
        assert [await ids(node) for node in nodes] == [{claim(0).id}] * 8
        said = Counter(type(protocol.decode(unframed(sent))) for sent in wires.sent)
        assert said[Push] == said[Want] == 7
        assert said[Have] <= 28  # once over each of 28 links at most; without delay it would cross on 21 of them


async def test_what_is_made_here_is_pushed_without_being_asked_for(autojump_clock):
    async with lab(4) as (wires, (one, *others)):
        for other in others:
            wires.connect(one, other)
        await settle()
        wires.sent.clear()
        await one.naming.register("mine")
        await settle()
        said = [protocol.decode(unframed(sent)) for sent in wires.sent]
        assert [type(message) for message in said if not isinstance(message, Ask)] == [Push] * 3


async def test_what_a_peer_names_and_does_not_give_is_asked_of_the_next(autojump_clock):
    async with lab(2) as (wires, (one, other)):
        mute = Node(wires, 2)
        mute.spread = Silent()
        wires.connect(one, mute)
        wires.connect(one, other)
        await settle()
        await Conversation(visit(one, 2), timeout=5).send(Have((claim(0).id,)))
        await settle(0.5)
        await give(other, claim(0))
        began = trio.current_time()
        while not await ids(one):
            await trio.sleep(0.01)
        assert 1 < trio.current_time() - began < 2.1


async def test_a_forgery_of_a_claim_that_was_not_heard_of_yet_keeps_it_from_nobody(autojump_clock):
    forged = protocol.cbor.encode([claim(0).body, bytes(64)])  # it has the id of the genuine one
    async with lab(2) as (wires, (one, other)):
        wires.connect(one, other)
        await settle()
        await Conversation(visit(one), timeout=5).send(Push((forged,)))
        await settle(0.5)
        await give(other, claim(0))
        await settle(1)
        assert await ids(one) == {claim(0).id}


async def test_what_was_wanted_of_a_peer_whose_connection_ended_comes_from_another(autojump_clock):
    async with lab(3) as (wires, (one, two, three)):
        wires.connect(one, two)
        wires.connect(one, three)
        await settle()
        mute = Node(wires, 3)
        mute.spread = Silent()
        wires.connect(one, mute)
        await settle()
        await Conversation(visit(one, 3), timeout=5).send(Have((claim(0).id,)))
        await settle(0.1)
        one.spread.tell(PeerDown(mute.me))
        await give(two, claim(0))
        await settle(3)
        assert [await ids(node) for node in (one, two, three)] == [{claim(0).id}] * 3


async def test_a_change_made_here_is_told_at_once_and_another_peers_within_half_a_second(autojump_clock):
    async with lab(3) as (wires, (one, two, three)):
        wires.connect(one, two)
        wires.connect(two, three)
        await settle()
        start = trio.current_time()
        await one.naming.register("mine")
        while not await ids(two):
            await trio.sleep(0.001)
        assert trio.current_time() - start < 0.1
        while not await ids(three):
            await trio.sleep(0.001)
        assert 0 < trio.current_time() - start < 0.6


async def test_partitions_heal(autojump_clock):
    async with lab(3) as (wires, (one, two, three)):
        wires.connect(one, two)
        wires.connect(two, three)
        await settle()
        wires.cut(one, two)
        await give(one, claim(0, seq=1), claim(1))
        await give(three, claim(0, seq=2), claim(2, "bob", kind=Kind.TOMBSTONE))
        await settle()
        assert await ids(two) == await ids(three) != await ids(one)
        assert await two.spread.ask(CountLinks()) == 1
        wires.connect(one, two)
        await settle()
        assert await ids(one) == await ids(two) == await ids(three)
        assert len(await ids(one)) == 3


async def test_a_push_that_fails_is_repaired_by_an_exchange(autojump_clock):
    async with lab(2) as (wires, (one, other)):
        wires.connect(one, other)
        await give(one, claim(0))
        await settle()
        for stream, _ in wires.opened:
            stream.abort()  # the links' streams break while the connection stays
        await give(one, claim(1))
        await give(other, claim(2))
        await settle(20)
        assert await ids(one) == await ids(other) == {claim(0).id, claim(1).id, claim(2).id}


async def test_a_push_that_was_under_way_when_its_stream_ended_is_repaired(autojump_clock):
    async def swallow(_data):  # taken by a connection that is dead, which nobody knows yet
        await trio.lowlevel.checkpoint()

    async with lab(2) as (wires, (one, other)):
        wires.connect(one, other)
        await give(one, claim(0))
        await settle(1.0)
        for stream, _ in wires.opened:
            stream.write = swallow
        await give(one, claim(1))
        await settle()
        assert claim(1).id not in await ids(other)
        for stream, _ in wires.opened:
            stream.abort()  # another session has taken over meanwhile, so nobody hears that the peer was away
        await settle(20)
        assert claim(1).id in await ids(other)


async def test_no_stream_rests_on_a_session_that_has_given_way_to_another(autojump_clock):
    async with lab(2) as (wires, (one, other)):
        wires.connect(one, other)
        await settle()
        for number in range(3):
            await give(one, claim(0, seq=number + 1))
            await settle(1.0)
        streams = [stream for stream, _ in wires.opened]
        assert not all(stream.outgoing.ended for stream in streams)
        await settle(3.0)
        assert all(stream.outgoing.ended and not stream.incoming.cut for stream in streams)
        wires.opened.clear()
        await give(one, claim(1))
        await settle()
        assert await ids(other) == {claim(0, seq=3).id, claim(1).id}
        assert len(wires.opened) <= 2  # what is new goes over another one, and brings no exchange


async def test_news_does_not_wait_for_an_exchange_that_must(autojump_clock):
    async with lab(2) as (wires, (one, other)):
        wires.connect(one, other)
        await settle()
        for number in range(3):  # the third exchange within a minute has to wait
            await give(one, claim(0, f"n{number}"))
            await settle(1)
            for stream, _ in wires.opened:
                stream.abort()
            await give(one, claim(1, f"n{number}"))
            await settle(8)
        await give(one, claim(2))
        await settle(2)
        assert claim(2).id in await ids(other)
        await settle(100)
        assert await ids(one) == await ids(other)
        assert len(await ids(one)) == 7


async def test_a_restarted_spread_finds_its_peers_again(autojump_clock):
    async with lab(2) as (wires, (one, other)):
        wires.connect(one, other)
        await settle()
        one.spread.crash(RuntimeError("on purpose"))
        await settle()
        assert one.spread.incarnation == 2
        await give(one, claim(0))
        await settle(20)
        assert await ids(other) == {claim(0).id}


async def test_what_is_new_between_a_peers_exchange_and_its_announcement_reaches_it(autojump_clock):
    async with lab(2) as (wires, nodes):
        opener, answerer = sorted(nodes, key=lambda node: node.me)
        wires.links.add(frozenset((opener.me, answerer.me)))
        opener.spread.tell(PeerUp(answerer.me))
        await settle()
        await give(answerer, claim(0))
        answerer.spread.tell(PeerUp(opener.me))  # a second later than the dialler's, since it was a stranger
        await settle()
        assert await ids(opener) == {claim(0).id}


async def test_no_second_exchange_when_nothing_is_new(autojump_clock):
    async with lab(2) as (wires, nodes):
        opener, answerer = sorted(nodes, key=lambda node: node.me)
        await give(answerer, claim(0))
        wires.links.add(frozenset((opener.me, answerer.me)))
        opener.spread.tell(PeerUp(answerer.me))
        await settle()
        answerer.spread.tell(PeerUp(opener.me))
        await settle()
        assert len(wires.opened) == 1


async def test_a_peer_that_does_not_open_the_exchange_is_asked_after_a_while(autojump_clock):
    """It has the higher id's session of before a restart and the new one at one time, and so hears of no new peer."""
    async with lab(2) as (wires, nodes):
        opener, answerer = sorted(nodes, key=lambda node: node.me)
        await give(opener, claim(0))
        wires.links.add(frozenset((opener.me, answerer.me)))
        answerer.spread.tell(PeerUp(opener.me))
        await settle()
        assert await ids(answerer) == set()
        await settle(20)
        assert await ids(answerer) == {claim(0).id}
        assert len(wires.opened) == 1


async def test_a_busy_peer_is_asked_again_within_seconds_and_then_less_and_less_often(autojump_clock):
    async with lab(1) as (wires, (one,)):
        busy = Node(wires, 2)
        busy.spread = Busy()
        wires.connect(one, busy)
        one.spread.crash(RuntimeError("on purpose"))  # whichever of the two is to open: now it is this one
        await settle(2 * HOUR)
        pauses = [after - before for before, after in itertools.pairwise(busy.spread.times)]
        most = [7.5 * 2**number if number < 4 else 2 * 60 for number in range(len(pauses))]
        assert all(pause <= max(5, limit) + 1e-6 for pause, limit in zip(pauses, most, strict=True))
        assert min(pauses) >= 5
        assert sum(pauses[:4]) < 75
        assert 55 < 2 * HOUR / len(pauses) < 70


async def test_what_is_new_while_spread_restarts_reaches_everybody(autojump_clock, monkeypatch):
    async with lab(2) as (wires, nodes):
        opener, other = sorted(nodes, key=lambda node: node.me)
        wires.connect(opener, other)
        await settle()
        at_once = View.connected

        async def late(view):
            await trio.sleep(1)
            return await at_once(view)

        monkeypatch.setattr(View, "connected", late)
        other.spread.crash(RuntimeError("on purpose"))
        await give(other, claim(0))
        await settle()
        assert await ids(opener) == {claim(0).id}


async def test_a_restarted_registrar_keeps_what_was_acknowledged(autojump_clock):
    async with lab(1) as (_, (one,)):
        await give(one, *pool())
        before = await ids(one)
        one.registrar.crash(RuntimeError("on purpose"))
        await settle()
        assert await ids(one) == before
        assert one.spread.incarnation == 1


# --- against a peer that does what it likes ---------------------------------------------------------------------------


async def test_a_question_is_answered_with_claims_and_done(autojump_clock):
    async with lab(1) as (_, (one,)):
        await give(one, claim(0), claim(1), claim(2, "bob"))
        talk = Conversation(visit(one), timeout=5)
        await talk.send(Ask(NAMES[0]))
        answer = []
        while (message := await talk.listed()) is not None:
            answer.append(message)
        assert {data for push in answer for data in push.claims} == {claim(0).encoded, claim(1).encoded}


async def test_an_exchange_that_takes_longer_than_a_message_may_comes_to_its_end(autojump_clock):
    many = [claim(owner, f"n{number}") for owner in range(4) for number in range(16)]
    limits = Limits(claims_per_second=1, claims_burst=1, stream_timeout=60.0)
    async with lab(2, limits=limits) as (wires, nodes):
        first, last = sorted(nodes, key=lambda node: node.me)
        await last.registrar.ask(Submit(tuple(one.encoded for one in many), peer(99)))
        wires.connect(first, last)
        await settle(150)
        assert await ids(first) == {one.id for one in many}


async def test_a_full_disk_with_many_peers_costs_no_incarnation(autojump_clock):
    async with lab(13, owner=3) as (wires, (one, *others)):
        for other in others:
            wires.connect(one, other)
        await settle()
        one.disk.capacity = 0
        for round_ in range(15):
            for number, other in enumerate(others):
                await give(other, claim(number % 3, f"n{round_}"))
            with pytest.raises(StorageError):
                await give(one, claim(round_ % 3, "full"))
            await trio.sleep(1)
        with pytest.raises(StorageError):
            await one.naming.register("mine")
        cells = [one.registrar, one.spread, *(one.system.ref(f"services/{name}") for name in ("names", "lookups"))]
        assert [cell.incarnation for cell in cells] == [1] * 4
        one.disk.capacity = None
        await settle(100)  # a minute between two exchanges
        assert str((await one.naming.register("mine")).name) == "mine"
        await settle()
        assert await ids(one) == await ids(others[0])
        assert len(await ids(one)) == 3 * 15 + 1
        assert [cell.incarnation for cell in cells] == [1] * 4


async def test_peers_that_cannot_say_who_is_up_are_asked_again(autojump_clock):
    async with lab(2) as (wires, (one, other)):
        wires.connect(one, other)
        await settle()
        view = one.system.cell(one.spread.path).actor._peers
        real = view.connected

        async def dead():
            raise ActorDead("peers are restarting")

        view.connected = dead
        one.spread.crash(RuntimeError("on purpose"))
        await settle(60)
        assert await one.spread.ask(CountLinks()) == 0
        view.connected = real
        await settle(10)
        assert await one.spread.ask(CountLinks()) == 1


async def test_what_waits_for_its_time_is_spread_when_it_comes(autojump_clock):
    async with lab(2) as (wires, (one, other)):
        wires.connect(one, other)
        early = claim(0, issued=NOW + 3600)
        await give(one, early)
        await settle()
        assert (await one.naming.statistics()).waiting == 1
        assert await ids(one) == set()
        await settle(3600)
        assert await ids(one) == await ids(other) == {early.id}
        assert isinstance(early, Claim)


async def test_full_nodes_that_differ_in_more_than_can_be_remembered_compare_less_often(autojump_clock):
    """Each holds what came first: neither has use for what the other holds, nor can note all of it."""
    claims, few = crowd(12), Limits(claims=6, unkept=1, kept=0, sought=0)
    async with lab(2, limits=few) as (wires, (one, other)):
        await give(one, *claims[:6])
        await give(other, *claims[6:])
        wires.connect(one, other)

        def compared():
            frames = [protocol.decode(unframed(frame)) for frame in wires.sent]
            return sum(isinstance(message, Compare) for message in frames)

        await settle(12 * HOUR)
        wires.sent.clear()
        await settle(4 * HOUR)
        assert 3 <= compared() <= 4  # once an hour, whoever of them asks


async def test_two_nodes_that_differ_by_a_quota_do_not_send_the_same_claims_each_minute(autojump_clock):
    """One of them keeps what it was asked for, or what a person bound; the other one has no room for it."""
    ranked = sorted(crowd(6), key=place_of)
    async with lab(2, limits=Limits(owners_per_name=2)) as (wires, (one, other)):
        for owner in (ranked[4].owner, ranked[5].owner):
            with pytest.raises(NameNotFound):
                await one.naming.resolve(f"alice.{owner}")
        for node in (one, other):
            await give(node, *ranked)
        wires.connect(one, other)
        await settle(HOUR)
        assert (len(await ids(one)), len(await ids(other))) == (4, 2)

        def pushed():
            frames = [protocol.decode(unframed(frame)) for frame in wires.sent + wires.answered]
            return sum(len(message.claims) for message in frames if isinstance(message, Push))

        def clear():
            wires.sent.clear()
            wires.answered.clear()

        assert pushed() <= 2 * 3  # twice at first, and perhaps after an hour
        clear()
        await settle(4 * HOUR)
        assert 2 * 3 <= pushed() <= 2 * 4  # once an hour it is tried again
        minute = sum(map(len, wires.sent + wires.answered)) / (4 * HOUR / MINUTE)
        assert minute < 256  # two exchanges of equals and what little of them is not
        frames = [protocol.decode(unframed(frame)) for frame in wires.sent]
        assert sum(isinstance(message, Compare) for message in frames) > 2 * HOUR / MINUTE  # as equals, each minute
        clear()
        with pytest.raises(NameNotFound):
            await other.naming.resolve(f"alice.{crowd(7)[6].owner}")
        with suppress(NameNotFound):  # now the other one wants it, too, and the comparison finds that
            await other.naming.resolve(f"alice.{ranked[4].owner}")
        await settle(10 * MINUTE)
        assert len(await ids(other)) == 3
        clear()
        await settle(30 * MINUTE)
        assert pushed() == 0


async def test_what_a_peer_did_not_keep_is_given_again_soon_after_something_changed_there(autojump_clock):
    ranked = sorted((claim(number) for number in range(3)), key=place_of)
    wires = Wires()
    wide, narrow = Node(wires, 0), Node(wires, 1, limits=Limits(owners_per_name=2))
    async with wide.run() as one, narrow.run() as other:
        await give(one, *ranked)
        wires.connect(one, other)
        await settle(20 * MINUTE)
        assert await ids(other) == {one.id for one in ranked[:2]}
        gone = next(number for number in range(3) if claim(number).owner == ranked[0].owner)
        await give(other, revocation(gone))
        await settle(10 * MINUTE)
        assert await ids(other) >= {one.id for one in ranked[1:]}


async def test_what_a_peer_does_not_keep_costs_little_also_when_it_is_more_than_can_be_remembered(autojump_clock):
    """Then all of it is given at once, and once an hour: five bytes a minute for each claim."""
    wires, book, count = Wires(), 32, 54
    wide = Node(wires, 0, limits=Limits(owners_per_name=64, unkept=book))
    narrow = Node(wires, 1, limits=Limits(owners_per_name=2, unkept=book))
    async with wide.run() as one, narrow.run() as other:
        await give(one, *crowd(2 + count))
        wires.connect(one, other)
        await settle(HOUR)
        assert len(await ids(other)) == 2
        wires.sent.clear()
        wires.answered.clear()
        await settle(4 * HOUR)
        minute = sum(map(len, wires.sent + wires.answered)) / (4 * HOUR / MINUTE)
        assert minute < 6 * count
