from functools import partial

import pytest
import trio

from beam_actors.naming.turn import Turn


async def test_a_turn_goes_to_whoever_came_first_and_past_those_who_gave_up(autojump_clock):
    turn, order = Turn(), []

    async def take(name, *, patience=10.0, delay):
        await trio.sleep(delay)
        with trio.move_on_after(patience):
            async with turn:
                order.append(name)
                await trio.sleep(1)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(take, "first", delay=0.0))
        nursery.start_soon(partial(take, "impatient", delay=0.1, patience=0.5))
        nursery.start_soon(partial(take, "second", delay=0.2))
        nursery.start_soon(partial(take, "third", delay=1.0))  # as the first gives it up: that is the second's turn
    assert order == ["first", "second", "third"]
    with pytest.raises(ValueError, match="within"):
        async with turn:
            raise ValueError("within")
    async with turn:
        assert repr(turn) == "Turn(taken, 0 wait)"


async def test_a_turn_that_was_handed_over_to_who_is_cancelled_then_goes_on(autojump_clock):
    turn, held = Turn(), []

    async def take(scope, name):
        with scope:
            async with turn:
                held.append(name)
                await trio.sleep(1)

    scopes = [trio.CancelScope() for _ in range(3)]
    async with trio.open_nursery() as nursery:
        for number, scope in enumerate(scopes):
            nursery.start_soon(take, scope, number)
            await trio.testing.wait_all_tasks_blocked()
        scopes[0].cancel()
        scopes[1].cancel()  # in the same step
    assert held[0] == 0
    assert held[-1] == 2
    assert repr(turn) == "Turn(free, 0 wait)"
