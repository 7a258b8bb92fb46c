"""What all share; who owes what in a network is in `test_allowance`."""

import pytest
import trio

from beam_actors.naming.commons import Commons
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
