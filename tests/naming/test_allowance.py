from contextlib import ExitStack, suppress

import attrs
import pytest
import trio

from beam_actors.errors import ActorCrashed, AskTimeout, ConnectionLost, StorageError
from beam_actors.naming.allowance import Allowances
from beam_actors.naming.commons import Line, fixed
from beam_actors.naming.limits import Limits
from beam_actors.testing.clock import SimClock
from beam_actors.values import TcpAddress
from tests.naming.builders import peer


def fine() -> None:
    pass


def alone(rate, burst):
    """The allowance of one peer, with nobody beside it."""
    return Allowances(Limits(claims_per_second=rate, claims_burst=burst), SimClock()).of(peer(1))


@pytest.fixture
def over():
    """Has a peer speak over a stream from there until the end of the test."""
    with ExitStack() as stack:
        yield lambda one, ip, port=4747: stack.enter_context(one.over(TcpAddress(ip, port)))


async def test_a_burst_is_free_and_then_the_rate_holds(autojump_clock):
    one = alone(10, 20)
    began = trio.current_time()
    await one.pay(20, fine)
    assert trio.current_time() == began
    await one.pay(10, fine)
    assert trio.current_time() == pytest.approx(began + 1)
    assert "of 20" in repr(one)


async def test_nothing_of_a_peer_is_read_while_something_of_it_waits(autojump_clock):
    one = alone(10, 10)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one.pay, 110, fine)
        await trio.sleep(1)
        began = trio.current_time()
        await one.settle()
        assert trio.current_time() == pytest.approx(began + 9)


async def test_a_wait_that_is_in_vain_ends_and_costs_the_next_nothing_more(autojump_clock):
    gone = False

    def check():
        if gone:
            raise ConnectionLost("Gone.")

    one = alone(1, 1)
    async with trio.open_nursery() as nursery:

        async def give_up():
            with pytest.raises(ConnectionLost):
                await one.pay(1000, check)

        for _ in range(8):
            nursery.start_soon(give_up)
        await trio.sleep(3.5)
        gone, began = True, trio.current_time()
    assert trio.current_time() - began <= 1


LIMITS = Limits(claims_per_second=10, claims_burst=20, allowances=3, bad_reputation=1)


async def test_who_left_is_remembered_until_the_allowance_is_full_again(autojump_clock):
    clock = SimClock()
    every = Allowances(LIMITS, clock)
    one = every.of(peer(1))
    every.left(peer(1), one)
    assert len(every) == 0  # it was full: nothing to remember
    one.charge(30)
    every.left(peer(1), one)
    assert every.of(peer(1)) is one
    assert len(every) == 0
    every.left(peer(1), one)
    await trio.sleep(3)
    other = every.of(peer(2))
    other.charge(1)
    every.left(peer(2), other)
    assert len(every) == 1
    assert every.of(peer(1)) is not one
    assert repr(every) == "<Allowances, 1 remembered>"


async def test_those_who_left_longest_ago_are_forgotten_when_there_are_too_many(autojump_clock):
    every = Allowances(LIMITS, SimClock())
    gone = [every.of(peer(number)) for number in range(5)]
    for number, one in enumerate(gone):
        one.charge(1)
        every.left(peer(number), one)
    assert len(every) == 3
    assert [every.of(peer(number)) is one for number, one in enumerate(gone)] == [False, False, True, True, True]


async def test_many_who_owe_make_their_network_wait_for_its_burst_alone(autojump_clock, over):
    every = Allowances(Limits(network_claims_per_second=10, network_claims_burst=30), SimClock())
    for number in range(64):
        one = every.of(peer(number))
        over(one, "198.51.100.7", 4000 + number)
        one.charge(168)
    other, began = every.of(peer(99)), trio.current_time()
    over(other, "198.51.100.8")
    await other.pay(0.5, fine)
    assert trio.current_time() == began  # it brings nothing that may be bad
    await other.pay_in_line(Line.TAKEN, fixed(0.5), fine)
    assert trio.current_time() - began == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize("beside", [False, True])
async def test_who_comes_over_a_relay_alone_is_in_no_network(autojump_clock, over, beside):
    """Or those who are where it was would pay for it; beside a direct stream it is in that one's, or nobody would."""
    every = Allowances(Limits(network_claims_per_second=10, network_claims_burst=30), SimClock())
    one, other = every.of(peer(1)), every.of(peer(2))
    over(other, "198.51.100.7", 4002)
    with one.over(TcpAddress("198.51.100.7", 4001)):
        if beside:
            with one.over(None):
                one.charge(168)
                assert await waited(one, 60, claims=False) == pytest.approx(3)
    with one.over(None):
        one.charge(168)
        assert await waited(one, 60, claims=False) == 0
    assert await waited(other, 30, claims=True) == pytest.approx(3 if beside else 0, abs=0.1)


LATE = AskTimeout("registrar did not answer within 30 s")


async def leave(every, number, one, *, after):
    """Have something done that may be bad, and hang up meanwhile."""
    with trio.CancelScope() as scope, one.at_stake(50):
        await trio.sleep(after)
        every.left(peer(number), one)
        scope.cancel()
        await trio.sleep(1)


async def test_who_hangs_up_before_a_price_is_known_owes_all_of_it_and_so_does_its_network(autojump_clock, over):
    every = Allowances(attrs.evolve(LIMITS, network_claims_per_second=10, network_claims_burst=30), SimClock())
    one, other = every.of(peer(1)), every.of(peer(2))
    for number, each in enumerate((one, other)):
        over(each, "198.51.100.7", 4000 + number)
    await leave(every, 1, one, after=5)
    assert every.of(peer(1)) is one  # although nothing was owed as it left
    began = trio.current_time()
    await other.pay_in_line(Line.TAKEN, fixed(20), fine)  # of its own bucket that is all
    assert trio.current_time() - began == pytest.approx(2)
    await one.pay(0, fine)
    assert trio.current_time() - began == pytest.approx(3)


@pytest.mark.parametrize(
    ("error", "seconds"), [(LATE, 3), (StorageError("full"), 0), (ActorCrashed("registrar"), 0), (None, 0)]
)
async def test_what_failed_by_itself_is_free_and_what_came_too_late_is_not(autojump_clock, error, seconds):
    one = Allowances(LIMITS, SimClock()).of(peer(1))
    with suppress(AskTimeout, StorageError, ActorCrashed), one.at_stake(50):
        assert not one.is_full
        if error is not None:
            raise error
    assert one.is_full is not bool(seconds)
    began = trio.current_time()
    await one.pay(0, fine)
    assert trio.current_time() - began == pytest.approx(seconds)


async def test_of_networks_too_those_are_remembered_that_came_last(autojump_clock, over):
    clock = SimClock()
    every = Allowances(Limits(network_claims_per_second=1, network_claims_burst=1, allowances=2), clock)

    async def took(number, third):
        one, began = every.of(peer(number)), trio.current_time()
        over(one, f"198.51.{third}.{number}", 4000 + number)
        await one.pay(1, fine)
        return round(trio.current_time() - began)

    assert [await took(number, third) for number, third in enumerate([1, 1, 2, 2, 3, 3])] == [0, 1, 0, 1, 0, 1]
    assert repr(every._networks) == "<Networks, 2 remembered>"


async def flood(every, over, *, keys=64, seconds=0.05):
    """Keys of one /24 bring claims with bad work without end, each anew once it was found out."""

    async def bring(number):
        while True:
            one = every.of(peer(number))
            over(one, "198.51.100.7", 4000 + number)
            await one.pay_in_line(Line.TAKEN, fixed(48), fine)
            await trio.sleep(seconds)
            one.charge(7 * 48)
            number += keys

    async with trio.open_nursery() as nursery:
        for number in range(keys):
            nursery.start_soon(bring, 1000 + number)


async def waited(one, count, *, claims):
    began = trio.current_time()
    if claims:
        await one.pay_in_line(Line.TAKEN, fixed(count), fine)
    else:
        await one.pay(count, fine)
    return trio.current_time() - began


@pytest.mark.parametrize("after", [0, 5, 30, 100])
async def test_what_many_bring_in_bad_work_makes_their_neighbour_wait_for_little(autojump_clock, over, after):
    """Who was there before waits for nothing; who comes meanwhile asks at once, and brings claims a little later."""
    limits = Limits()
    every = Allowances(limits, SimClock())
    old = every.of(peer(1))
    over(old, "198.51.100.8")
    await trio.sleep(limits.newcomer)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(flood, every, over)
        await trio.sleep(0.01 + after)
        assert await waited(old, 48, claims=True) < 0.5
        assert await waited(old, 1, claims=False) < 0.5
        new = every.of(peer(2))
        over(new, "198.51.100.9")
        assert await waited(new, 1, claims=False) < 0.5
        assert await waited(new, 48, claims=True) < limits.newcomer + 5  # if all of them came with it
        nursery.cancel_scope.cancel()


async def test_those_of_bad_reputation_have_the_turns_of_one_newcomer(autojump_clock, over):
    every = Allowances(Limits(network_claims_per_second=10, network_claims_burst=10), SimClock())
    crowd = [every.of(peer(number)) for number in range(64)]
    for number, one in enumerate(crowd):
        over(one, "198.51.100.7", 4000 + number)
        one.charge(2)
    await trio.sleep(12)
    async with trio.open_nursery() as nursery:
        for one in crowd:
            nursery.start_soon(one.pay_in_line, Line.TAKEN, fixed(48), fine)
        await trio.sleep(5)
        new = every.of(peer(99))
        over(new, "198.51.100.8")
        assert await waited(new, 8, claims=True) < 2.5
        nursery.cancel_scope.cancel()


async def test_bad_work_is_remembered_of_who_comes_again_and_not_for_ever(autojump_clock):
    every = Allowances(attrs.evolve(LIMITS, bad_reputation=100), SimClock())
    one = every.of(peer(1))
    one.charge(7)
    every.left(peer(1), one)
    await trio.sleep(99)
    assert every.of(peer(1)) is one
    await trio.sleep(2)
    every.left(peer(1), one)
    assert every.of(peer(1)) is not one


async def test_who_is_away_is_known_no_better_for_it(autojump_clock, over):
    """Keys that were here for a moment each, and are kept ready for later, have no good reputation by then."""
    limits = Limits(
        claims_per_second=1, claims_burst=100, network_claims_per_second=10, network_claims_burst=30, newcomer=60
    )
    every = Allowances(limits, SimClock())
    ready, other = every.of(peer(1)), every.of(peer(2))
    over(other, "198.51.100.7")
    await ready.pay(100, fine)
    every.left(peer(1), ready)
    await trio.sleep(70)
    assert every.of(peer(1)) is ready
    over(ready, "198.51.100.8")
    other.charge(60)
    assert await waited(ready, 1, claims=True) == pytest.approx(3, abs=0.1)


async def test_who_hangs_up_while_its_work_is_judged_is_new_again(autojump_clock, over):
    every = Allowances(Limits(network_claims_per_second=10, network_claims_burst=30, newcomer=60), SimClock())
    one, other = every.of(peer(1)), every.of(peer(2))
    for number, each in enumerate((one, other)):
        over(each, "198.51.100.7", 4000 + number)
    await trio.sleep(60)
    await leave(every, 1, one, after=1)
    assert await waited(other, 1, claims=True) == 0
    assert await waited(one, 1, claims=True) == pytest.approx(2, abs=0.01)
