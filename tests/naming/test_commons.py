"""What all share; who owes what in a network is in `test_allowance`."""

import pytest
import trio

from beam_actors.naming.commons import Commons, Line, fixed
from beam_actors.testing.clock import SimClock


def fine() -> None:
    pass


async def test_whoever_asks_for_little_waits_for_a_slice_of_each_who_asks_for_much(autojump_clock):
    commons = Commons(4, 4, SimClock())
    took = []
    async with trio.open_nursery() as nursery:

        async def ask(count):
            began = trio.current_time()
            await commons.pay(count, fine)
            took.append((count, trio.current_time() - began))

        for _ in range(3):
            nursery.start_soon(ask, 400)
        await trio.sleep(0.5)
        nursery.start_soon(ask, 1)
    assert took[0] == (1, pytest.approx(3, abs=0.6))
    assert [round(seconds / 100) for _, seconds in took[1:]] == [3, 3, 3]
    assert "of 4" in repr(commons)


async def test_messages_of_many_claims_are_one_after_the_other_and_what_is_small_waits_for_a_slice_of_each_line(
    autojump_clock,
):
    commons, began, done = Commons(4, 4, SimClock()), trio.current_time(), {}

    async def ask(who, paying):
        await paying
        done[who] = trio.current_time() - began

    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(ask, f"taken {number}", commons.pay_in_line(Line.TAKEN, fixed(40), fine))
            await trio.sleep(0.001)
        nursery.start_soon(ask, "given", commons.pay_in_line(Line.GIVEN, fixed(40), fine))
        await trio.sleep(3)
        nursery.start_soon(ask, "small in line", commons.pay_in_line(Line.TAKEN, fixed(4), fine))
        nursery.start_soon(ask, "small", commons.pay(1, fine))
    assert set(list(done)[:2]) == {"small", "small in line"}
    assert list(done)[2:] == ["taken 0", "given", "taken 1", "taken 2"]
    assert max(done["small"], done["small in line"]) < 3 + 2 * 3
    assert done["taken 0"] < 21
    assert done["taken 2"] == pytest.approx((4 * 40 + 5 - 4) / 4, abs=0.1)


async def test_what_costs_less_when_its_turn_comes_is_paid_for_as_that(autojump_clock):
    commons, known, began = Commons(4, 4, SimClock()), set(), trio.current_time()

    async def bring(number):
        async def price():
            return 3.0 if known else 40.0

        paid = await commons.pay_in_line(Line.TAKEN, price, fine)
        known.add(number)
        return paid

    async with trio.open_nursery() as nursery:
        for number in range(100):
            nursery.start_soon(bring, number)
    assert trio.current_time() - began == pytest.approx((40 + 99 * 3 - 4) / 4, abs=1.1)
