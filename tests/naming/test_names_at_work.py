"""Names whose claims wait for work: when it is done, what is kept of it, and that nobody waits for it who needn't."""

import attrs
import pytest
import trio

from beam_actors.errors import NameContested, NameNotFound, NameUnclaimed, NotAllowed, StorageError, TimedOut
from beam_actors.naming.claim import Claim, Kind
from beam_actors.naming.grammar import Query
from beam_actors.naming.keeping import RENEW_AFTER
from beam_actors.naming.limits import HOUR
from beam_actors.naming.messages import Changed, Resolve
from beam_actors.naming.tending import Reserve
from beam_actors.naming.work import Difficulty
from beam_actors.values import Name
from tests.naming.bench import bench, submit
from tests.naming.builders import CHEAP, claim, owner_key, peer, proved, revocation, solved, work
from tests.naming.lab import Node, Wires, entry, give, ids, lab, settle
from tests.naming.sliced import SOME, SlicedCompute, solver

ALICE = Name("alice")


def known(node, owner, name=ALICE):
    """What the node knows of another node's hold."""
    return node.system.cell(node.registrar.path).actor._known.registry.entry(name, owner.owner)


async def test_a_name_is_claimed_when_its_work_is_done(autojump_clock):
    compute = SlicedCompute()
    async with lab(2, difficulty=SOME, compute=compute) as (wires, (one, other)):
        wires.connect(one, other)
        began = trio.current_time()
        done = await one.naming.register("alice")
        assert trio.current_time() - began >= done.work_s > 1
        assert done.progress == 1.0
        await settle()
        (told,) = known(other, one).claims
        assert told == (await entry(one)).claim
        assert told.level == (await entry(one)).level >= SOME.bits
        runs = compute.runs
        again = await one.naming.register("alice")
        assert (again.work_s, again.progress, compute.runs) == (0.0, 1.0, runs)


async def test_a_renewal_a_tombstone_and_a_later_era_keep_the_work(autojump_clock):
    compute = SlicedCompute()
    async with lab(2, difficulty=SOME, compute=compute) as (wires, (one, other)):
        wires.connect(one, other)
        await one.naming.register("alice")
        await settle()
        first, runs = await entry(one), compute.runs
        for node in (one, other):
            node.clock.step(RENEW_AFTER)
        await trio.sleep(2 * HOUR)
        renewed = known(other, one)
        assert (renewed.claim.terms.seq, renewed.claims) == (first.claim.terms.seq + 1, (renewed.claim,))
        assert renewed.claim.terms.work == first.claim.terms.work
        await one.naming.release("alice")
        await settle()
        assert known(other, one).claim.kind is Kind.TOMBSTONE
        await one.naming.register("alice")
        await settle()
        assert (await other.naming.resolve("alice")).owner == one.owner
    one.key = owner_key(0, 1)
    async with one.run(), other.run():
        wires.connect(one, other)
        await settle(15)  # peers are asked first
        moved = known(other, one).claim
        assert (moved.era, moved.level, moved.terms.work) == (1, first.level, first.claim.terms.work)
        assert (await other.naming.resolve("alice")).peers == (one.me,)
    assert compute.runs == runs


async def test_the_name_leads_here_while_its_work_is_done_and_nobody_waits(autojump_clock):
    async with lab(2, difficulty=SOME, compute=SlicedCompute()) as (wires, (one, other)):
        wires.connect(one, other)
        with pytest.raises(NameNotFound):
            await one.naming.resolve("alice")
        began = trio.current_time()
        first = await one.naming.register("alice", patient=False)
        made = await one.naming.making.made_for("localhost:3000", Name("made"))
        assert trio.current_time() - began < 1
        assert (first.progress, first.peers) == (0.0, (one.me,))
        for name in ("alice", str(made)):
            found = await one.naming.resolve(name)
            assert (found.owner, found.peers, found.source, found.age_s) == (one.owner, (one.me,), "own", 0.0)
        assert [held.expires for held in await one.naming.names()] == [None, None]
        with pytest.raises(NameNotFound):
            await other.naming.resolve("alice")
        while (looked := await one.naming.register("alice", patient=False)).progress < 1:
            assert looked.progress >= first.progress
            await trio.sleep(1)
        await trio.sleep(30)
        assert (await other.naming.resolve("alice")).owner == one.owner
        assert (await other.naming.resolve(str(made))).owner == one.owner


async def test_an_own_name_for_which_the_key_signs_no_more_is_not_waiting_for_work(autojump_clock):
    """Its owner opened a later era elsewhere, and said nothing of the name in it: no work is done here."""
    async with lab(1, difficulty=CHEAP) as (_, (one,)):
        await one.naming.register("alice")
        await give(one, solved(claim(0, "bob", era=1)))
        with pytest.raises(NameUnclaimed):
            await one.naming.resolve("alice")
    one.key = owner_key(0, 1)
    async with one.run():
        await settle(15)
        assert (await one.naming.resolve("alice")).peers == (one.me,)


async def test_whoever_looked_the_name_up_before_is_told_that_it_leads_here(autojump_clock):
    async with bench(difficulty=SOME) as one:
        await one.registrar.ask(Reserve(ALICE, contest=False))
        await trio.sleep(0.1)
        assert one.heard == [Changed((), None, (ALICE,))]
        assert (await one.registrar.ask(Resolve(Query(ALICE)))).peers == (peer(3),)
        await one.registrar.ask(submit(revocation(3)))
        with pytest.raises(NameNotFound):
            await one.registrar.ask(Resolve(Query(ALICE)))
    async with bench() as one:
        await one.registrar.ask(Reserve(ALICE, contest=False))
        await trio.sleep(0.1)
        assert one.heard == []


async def test_a_restart_loses_the_work_of_the_moment_and_not_the_name(autojump_clock):
    async with lab(1, difficulty=SOME, compute=SlicedCompute()) as (_, (one,)):
        await one.naming.register("alice", patient=False)
        await trio.sleep(1.5)
    async with one.run():
        assert await entry(one) is None
        await trio.sleep(60)
        assert (await entry(one)).level >= SOME.bits


async def test_a_crashed_actor_goes_on_where_it_was(autojump_clock):
    compute = SlicedCompute()
    async with lab(1, difficulty=SOME, compute=compute) as (_, (one,)):
        await one.naming.register("alice", patient=False)
        await trio.sleep(2.5)
        one.system.ref("services/names/alice").crash(RuntimeError("on purpose"))
        await trio.sleep(60)
        assert (await entry(one)).level >= SOME.bits
    alone = solver(whole := SlicedCompute())
    await alone.solve(ALICE, ())
    assert compute.runs <= whole.runs + 1


async def test_a_name_that_is_released_meanwhile_is_given_up(autojump_clock):
    async with lab(1, difficulty=SOME, compute=SlicedCompute()) as (_, (one,)):
        await one.naming.register("alice", patient=False)
        await one.naming.release("alice")
        await trio.sleep(60)
        assert (await entry(one)).claim.kind is Kind.TOMBSTONE
        assert await one.naming.names() == ()


async def test_whoever_waits_too_long_is_told_that_it_goes_on(autojump_clock):
    async with lab(1, difficulty=Difficulty(11, 8), compute=SlicedCompute()) as (_, (one,)):
        with pytest.raises(TimedOut, match="goes on"):
            await one.naming.register("alice")
        assert [str(held.name) for held in await one.naming.names()] == ["alice"]


async def test_a_claim_from_before_work_was_asked_for_is_claimed_anew_with_it(autojump_clock):
    wires = Wires()
    one = Node(wires, 0)
    async with one.run():
        await one.naming.register("alice")
        before = (await entry(one)).claim
    one.difficulty = SOME
    async with one.run():
        await trio.sleep(40)  # it asks peers first
        after = await entry(one)
        assert after.claim.terms.seq == before.terms.seq + 1
        assert after.claims == (after.claim,)
        assert after.level >= SOME.bits


async def test_an_owner_whose_other_machine_shows_less_shows_its_best_again(autojump_clock):
    async with lab(1, difficulty=CHEAP) as (_, (one,)):
        await one.naming.register("alice", level=7)
        await settle()
        mine = (await entry(one)).claim
        said = Claim.sign(attrs.evolve(mine.terms, seq=mine.terms.seq + 1, work=work(0, "alice")), one.key)
        assert CHEAP.bits <= proved(said).level < 7 <= mine.level
        await give(one, said)
        assert (await entry(one)).claims == (said, mine)
        await trio.sleep(2 * HOUR)
        assert ((await entry(one)).claim.level, len((await entry(one)).claims)) == (mine.level, 1)


async def test_more_work_than_must_be_decides_against_rivals(autojump_clock):
    async with lab(2, difficulty=CHEAP) as (wires, (one, other)):
        wires.connect(one, other)
        rival = proved(solved(claim(2)))
        await give(other, rival)
        await settle()
        await one.naming.register("alice", contest=True)
        await settle()
        with pytest.raises(NameContested):
            await other.naming.resolve("alice")
        done = await one.naming.register("alice", contest=True, level=rival.level + 2)
        assert done.progress == 1.0
        await settle()
        assert (await other.naming.resolve("alice")).owner == one.owner
        assert (await entry(one)).claim.level >= rival.level + 2
        assert await ids(one) == await ids(other)


async def test_how_far_the_work_is_asks_nobody_and_says_done_when_it_is_claimed(autojump_clock):
    compute = SlicedCompute()
    async with lab(2, difficulty=SOME, compute=compute) as (wires, (one, other)):
        wires.connect(one, other)
        with pytest.raises(NameNotFound, match="not one of your names"):
            await one.naming.progress("alice")
        first = await one.naming.register("alice", patient=False)
        assert first.new
        opened, sent = len(wires.opened), len(wires.sent)
        seen, began = [], trio.current_time()
        while (looked := await one.naming.progress("alice.local")).progress < 1:
            assert await entry(one) is None
            seen.append(looked.progress)
            assert (len(wires.opened), len(wires.sent)) == (opened, sent)
            await trio.sleep(0.2)
        assert (await entry(one)).claim.kind is Kind.LIVE
        assert seen == sorted(seen)
        assert len(seen) >= 5 * (trio.current_time() - began) - 5
        assert (looked.name, looked.told) == (ALICE, 1)
        assert not (await one.naming.register("alice")).new
        await one.naming.release("alice")
        with pytest.raises(NameNotFound):
            await one.naming.progress("alice")


async def test_how_far_the_work_is_says_when_it_was_for_nothing(autojump_clock):
    async with lab(1, difficulty=SOME, compute=SlicedCompute()) as (_, (one,)):
        await one.naming.register("alice", patient=False)
        await give(one, revocation(0))
        with pytest.raises(NotAllowed, match="revoked"):
            await one.naming.progress("alice")


async def test_how_far_the_work_is_says_why_the_claim_is_not_stored_until_it_is(autojump_clock):
    async with lab(1, difficulty=SOME, compute=SlicedCompute()) as (_, (one,)):
        await one.naming.register("alice", patient=False)
        assert (await one.naming.progress("alice")).progress < 1
        one.disk.broken = True
        await trio.sleep(120)
        for _look in range(100):  # also while it is tried again
            with pytest.raises(StorageError):
                await one.naming.progress("alice")
            await trio.sleep(0.1)
        one.disk.broken = False
        await trio.sleep(10)
        assert (await one.naming.progress("alice")).progress == 1.0


async def test_more_work_that_is_wanted_no_more_ends_within_a_slice(autojump_clock):
    compute = SlicedCompute()
    async with lab(1, difficulty=SOME, compute=compute) as (_, (one,)):
        await one.naming.register("alice", level=30)  # years
        shown = (await entry(one)).claim
        before = compute.runs
        await trio.sleep(20)
        assert compute.runs >= before + 19
        await one.naming.register("alice")  # who says nothing of it changes nothing
        before = compute.runs
        await trio.sleep(20)
        assert compute.runs >= before + 19
        await one.naming.register("alice", level=1)
        before = compute.runs
        await trio.sleep(60)
        assert compute.runs <= before + 1
        assert (await entry(one)).claim == shown
        assert (await one.naming.progress("alice")).progress == 1.0


async def test_less_work_than_was_wanted_goes_on_from_what_was_found(autojump_clock):
    compute = SlicedCompute()
    async with lab(1, difficulty=SOME, compute=compute) as (_, (one,)):
        await one.naming.register("alice", level=30)
        await trio.sleep(5)
        wanted = (await entry(one)).level + 2
        await one.naming.register("alice", level=wanted)
        with trio.fail_after(3600):
            while (await entry(one)).level < wanted:
                await trio.sleep(5)
        before = compute.runs
        await trio.sleep(60)
        assert compute.runs <= before + 1
