"""The queue of claims whose work is to be computed: order, bounds, and what a registrar and a whole node make of it."""

import pytest
import trio

from beam_actors.errors import ResourceExhausted, StorageError
from beam_actors.naming import protocol
from beam_actors.naming.conversation import Conversation
from beam_actors.naming.limits import Limits
from beam_actors.naming.messages import GetStatistics, Taken
from beam_actors.naming.protocol import Ask, Push
from beam_actors.naming.proving import Proving
from beam_actors.naming.work import Levels
from beam_actors.peers import PeerDown, PeerUp
from beam_actors.testing.disk import MemoryDisk
from tests.naming.bench import ALICE, bench, ids_at, submit
from tests.naming.builders import CHEAP, NETWORK, claim, owner_id, peer, proved, revocation, solved, stolen
from tests.naming.lab import give, ids, lab, settle, visit

SECOND = 1.0
GOOD, STOLEN = solved(claim()), stolen(1, "alice")


class SlowCompute:
    """Takes a second for each function, and remembers what it was given."""

    def __init__(self):
        self.given = []
        self.at_once = self.most = 0

    async def run(self, function, *args):
        self.given.append(args[0])
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await trio.sleep(SECOND)
        finally:
            self.at_once -= 1
        return function(*args)


def queue(**limits):
    compute = SlowCompute()
    return Proving(Levels(NETWORK, CHEAP), compute, Limits(**limits)), compute


def worked(number: int, count: int):
    """Claims of one owner for several names, with real work."""
    return [solved(claim(number, f"n{number}-{one}")) for one in range(count)]


async def test_peers_have_their_turn_claim_by_claim(autojump_clock):
    proving, compute = queue()
    many, few = worked(0, 6), worked(1, 1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(proving.prove, many, (peer(1), False))
        await trio.sleep(0.5)
        proved = await proving.prove(few, (peer(2), False))
        assert trio.current_time() <= 2 * SECOND
    assert proved[0].level >= CHEAP.bits
    assert compute.given == [many[0], few[0], *many[1:]]
    assert compute.most == 1


async def test_an_answer_does_not_wait_for_what_its_peer_pushes(autojump_clock):
    proving, compute = queue()
    pushed, asked = worked(0, 4), worked(1, 1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(proving.prove, pushed, (peer(1), False))
        await trio.sleep(0.5)
        await proving.prove(asked, (peer(1), True))
        assert compute.given == [pushed[0], asked[0], pushed[1]][: len(compute.given)]


async def test_what_was_computed_is_not_computed_again_good_or_bad(autojump_clock):
    proving, compute = queue()
    first = await proving.prove([GOOD, STOLEN], (peer(1), False))
    again = await proving.prove([STOLEN, GOOD], (peer(2), True))
    assert [one.level for one in first] == [one.level for one in reversed(again)]
    assert first[0].level >= CHEAP.bits > first[1].level
    assert compute.given == [GOOD, STOLEN]


async def test_what_waits_is_bounded_for_a_peer_and_in_all_and_each_peer_has_a_place(autojump_clock):
    proving, compute = queue(proofs=4, proofs_per_peer=3)

    async def tell(number, name):
        await proving.prove([solved(claim(number, name))], (peer(number), False))

    async with trio.open_nursery() as nursery:
        for one in range(3):
            nursery.start_soon(tell, 0, f"n0-{one}")
        nursery.start_soon(tell, 1, "n1-0")
        await trio.sleep(0.5)
        for number in (0, 1):  # its own bound, and that of all
            with pytest.raises(ResourceExhausted):
                await tell(number, "n1-1")
        await tell(2, "n2-0")
        assert len(compute.given) <= 4
    await tell(1, "n1-1")
    assert repr(proving) == "<Proving, 0 messages of 0 peers wait>"


async def test_who_gives_up_leaves_no_trace(autojump_clock):
    proving, compute = queue(proofs=1, proofs_per_peer=1)
    with trio.move_on_after(SECOND / 2):
        await proving.prove([GOOD], (peer(1), False))
    assert (await proving.prove([GOOD], (peer(1), False)))[0].level >= CHEAP.bits
    assert len(compute.given) == 2


# --- a registrar ------------------------------------------------------------------------------------------------------


async def test_a_registrar_answers_when_the_work_is_known(autojump_clock):
    compute = SlowCompute()
    async with bench(difficulty=CHEAP, compute=compute) as one:
        began = trio.current_time()
        reply = one.registrar.ask(submit(revocation(2), GOOD, STOLEN, claim(2)))
        assert await ids_at(one.registrar) == {revocation(2).id}  # nobody else waits for it
        assert await reply == Taken(2, bad=1)
        assert trio.current_time() - began >= 2 * SECOND
        assert await ids_at(one.registrar) == {revocation(2).id, GOOD.id}
        assert [new.id for told in one.heard for new in told.claims] == [revocation(2).id, GOOD.id]
        assert (await one.registrar.ask(GetStatistics())).refused == {"work": 1, "revoked": 1}
        assert await one.registrar.ask(submit(GOOD, STOLEN, solved(claim(seq=2)))) == Taken(1)
        assert len(compute.given) == 2


async def test_levels_are_there_after_a_restart(autojump_clock):
    disk, compute = MemoryDisk(), SlowCompute()
    async with bench(disk, difficulty=CHEAP, compute=compute) as one:
        await one.registrar.ask(submit(GOOD))
    async with bench(disk, difficulty=CHEAP, compute=compute) as one:
        assert await ids_at(one.registrar) == {GOOD.id}
        assert await one.registrar.ask(submit(solved(claim(seq=2)))) == Taken(1)
        known = one.system.cell(one.registrar.path).actor._known
        assert known.registry.entry(ALICE, owner_id(0)).level == proved(GOOD).level
    assert len(compute.given) == 1


async def test_what_has_too_little_for_the_network_is_not_taken_back_from_the_store(autojump_clock):
    disk = MemoryDisk()
    async with bench(disk) as one:
        await one.registrar.ask(submit(GOOD, claim(1), claim(3, "bob")))
    async with bench(disk, difficulty=CHEAP) as one:
        assert await ids_at(one.registrar) == {claim(3, "bob").id}  # its own: the name's actor does the work


async def test_a_disk_that_refuses_meanwhile_is_told(autojump_clock):
    async with bench(difficulty=CHEAP, compute=SlowCompute()) as one:
        reply = one.registrar.ask(submit(GOOD))
        await trio.sleep(SECOND / 2)
        one.store.refuses = {"commit"}
        with pytest.raises(StorageError):
            await one.registrar.ask(submit(revocation(2)))
        with pytest.raises(StorageError):
            await reply
        one.store.refuses = ()
        await trio.sleep(6)
        assert await one.registrar.ask(submit(GOOD)) == Taken(1)


async def test_a_registrar_that_is_too_busy_says_so(autojump_clock):
    async with bench(difficulty=CHEAP, compute=SlowCompute(), limits=Limits(proofs_per_peer=1)) as one:
        first = one.registrar.ask(submit(GOOD))
        await trio.sleep(SECOND / 2)
        with pytest.raises(ResourceExhausted):
            await one.registrar.ask(submit(solved(claim(0, "bob"))))
        assert await first == Taken(1)


# --- whole nodes ------------------------------------------------------------------------------------------------------


async def test_work_goes_with_the_claim_from_node_to_node(autojump_clock):
    async with lab(3, difficulty=CHEAP) as (wires, (one, other, last)):
        wires.connect(one, other)
        await give(one, GOOD, solved(claim(1)))
        await settle()
        wires.connect(other, last)
        await settle()
        assert await ids(last) == await ids(one) == {GOOD.id, solved(claim(1)).id}
        (conflict,) = await last.naming.conflicts()
        assert {choice.owner: choice.level for choice in conflict.choices} == {
            owner_id(0): proved(GOOD).level,
            owner_id(1): proved(solved(claim(1))).level,
        }


async def test_a_name_is_clear_to_whoever_showed_four_times_the_work(autojump_clock):
    much, little = solved(claim(0), 8), solved(claim(1))
    assert proved(much).level >= proved(little).level + 2
    async with lab(1, difficulty=CHEAP) as (_, (one,)):
        await give(one, little, much)
        assert (await one.naming.resolve("alice")).owner == owner_id(0)
        (conflict,) = await one.naming.conflicts()
        assert conflict.settled_by == "work"
        assert [choice.used for choice in conflict.choices] == [
            choice.owner == owner_id(0) for choice in conflict.choices
        ]


async def test_bad_work_costs_its_peer_and_nobody_else(autojump_clock):
    """It is as dear as eight claims: whoever sends it is slowed, and others are not."""
    limits = Limits(claims_per_second=10, claims_burst=10, bad_work=8)
    async with lab(1, difficulty=CHEAP, limits=limits) as (_, (one,)):
        bad, good = visit(one, 50), visit(one, 51)
        spoiled = [stolen(number, f"n{number}") for number in range(4)]
        for frame in spoiled:
            await bad.write(protocol.encode(Push((frame.encoded,))))
        await good.write(protocol.encode(Push((GOOD.encoded,))))
        await trio.sleep(0.5)
        assert await ids(one) == {GOOD.id}
        assert (await one.naming.statistics()).refused["work"] == 2
        await trio.sleep(3)
        assert (await one.naming.statistics()).refused["work"] == 4


@pytest.mark.parametrize("hangs_up", [False, True])
async def test_to_hang_up_before_bad_work_was_found_out_is_no_cheaper(autojump_clock, hangs_up):
    limits = Limits(claims_per_second=1, claims_burst=10, bad_work=8)
    async with lab(1, difficulty=CHEAP, limits=limits, compute=SlowCompute()) as (_, (one,)):
        one.spread.tell(PeerUp(peer(50)))
        bad = visit(one)
        await bad.write(protocol.encode(Push((STOLEN.encoded, stolen(2, "bob").encoded))))
        await trio.sleep(SECOND)
        if hangs_up:
            one.spread.tell(PeerDown(peer(50)))
            await trio.sleep(0.01)
            one.spread.tell(PeerUp(peer(50)))
            bad = visit(one)
        await trio.sleep(2 * SECOND)
        assert (await one.naming.statistics()).refused["work"] == 2
        began = trio.current_time()
        talk = Conversation(bad, timeout=60)
        await talk.send(Ask(ALICE))
        assert await talk.listed() is None
        assert trio.current_time() - began >= 2 * 8 + 1 - 10 - 3 - 0.1  # which came meanwhile
