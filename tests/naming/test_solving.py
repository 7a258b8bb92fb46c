"""The work for own names: whose turn it is, and what is kept of it."""

import trio

from beam_actors.naming.solving import NOTHING, Proof
from beam_actors.naming.work import NO_WORK, level_of, salt_of
from beam_actors.values import Name
from tests.naming.builders import CHEAP, NETWORK, claim, owner_id, proved, solved
from tests.naming.sliced import SOME, SlicedCompute, solver

ALICE, BOB = Name("alice"), Name("bob")


def is_good(proof, name=ALICE, difficulty=SOME):
    return level_of(salt_of(NETWORK, name, owner_id(0)), proof.work, difficulty) == proof.level >= difficulty.bits


async def test_names_have_their_turns_one_slice_at_a_time(autojump_clock):
    compute = SlicedCompute()
    one = solver(compute)
    assert (one.proof(ALICE, ()), one.progress(ALICE)) == (None, 0.0)
    done = []

    async def solve(name):
        await one.solve(name, ())
        done.append(trio.current_time())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(solve, ALICE)
        nursery.start_soon(solve, BOB)
        nursery.start_soon(solve, ALICE)  # another one who waits for the same: no work is done twice
        await trio.sleep(2.5)
        assert 0 <= one.progress(ALICE) < 1
    assert compute.most == 1
    assert is_good(one.proof(ALICE, ()))
    assert is_good(one.proof(BOB, ()), BOB)
    assert one.progress(ALICE) == 1.0
    alone = solver(whole := SlicedCompute())
    await alone.solve(ALICE, ())
    await alone.solve(BOB, ())
    assert compute.runs <= whole.runs + 2
    assert alone.proof(ALICE, ()) == one.proof(ALICE, ())


async def test_a_slice_that_is_cancelled_is_lost_alone(autojump_clock):
    compute = SlicedCompute()
    one = solver(compute)
    with trio.move_on_after(3.5):
        await one.solve(ALICE, ())
    assert compute.runs == 4
    await one.solve(ALICE, ())
    alone = solver(whole := SlicedCompute())
    await alone.solve(ALICE, ())
    assert compute.runs == whole.runs + 1


async def test_what_claims_show_is_used_and_improved(autojump_clock):
    known = proved(solved(claim()))
    one = solver(difficulty=CHEAP)
    assert one.proof(ALICE, [known]) == Proof(known.terms.work, known.level)
    assert one.proof(ALICE, [claim().proved(0)]) is None
    wanted = known.level + 2
    assert one.proof(ALICE, [known], wanted) is None
    await one.solve(ALICE, [known], wanted)
    better = one.proof(ALICE, [known], wanted)
    assert better.level >= wanted
    assert is_good(better, difficulty=CHEAP)
    assert one.proof(ALICE, [known]) == better
    one.forget(ALICE)
    assert one.proof(ALICE, [known]).level == known.level


async def test_a_network_that_asks_for_none_is_shown_none():
    one = solver(difficulty=NO_WORK)
    assert one.proof(ALICE, [proved(solved(claim()))]) == one.proof(ALICE, (), 9) == NOTHING
