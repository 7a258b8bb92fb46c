import pytest
import trio

from beam_actors.errors import ResourceExhausted, TimedOut
from beam_actors.naming.exchanges import Exchanges
from beam_actors.naming.ranges import ITEM, Snapshot


def snapshot(count, mark=0):
    return Snapshot([bytes([mark, number]) + bytes(ITEM - 2) for number in range(count)])


async def hold(exchanges, mine, ends, *, task_status):
    """An exchange whose peer is silent."""
    try:
        with exchanges.holding(mine) as holding:
            task_status.started()
            await exchanges.outwait(trio.sleep_forever, holding)
    except TimedOut:
        ends.append(mine)


def test_one_more_than_are_paid_for_is_refused():
    one = Exchanges(1, 10**6)
    one.admit()
    with one.paying(), pytest.raises(ResourceExhausted, match="busy"):
        one.admit()
    one.admit()


async def test_beyond_its_bytes_the_longest_silent_give_way_and_no_more_than_have_to(autojump_clock):
    one, ends = Exchanges(1, 100 * ITEM), []
    first, second, third = (snapshot(40, mark) for mark in range(3))
    async with trio.open_nursery() as nursery:
        for mine in (first, second, first, first, third):  # what was the same at their begin is held once
            await nursery.start(hold, one, mine, ends)
            await trio.sleep(1)
        assert set(ends) == {first, second}  # others hold the first one, too
        assert str(2 * 40 * ITEM) in repr(one)
        await nursery.start(hold, one, third, ends)
        await trio.sleep(1)
        assert set(ends) == {first, second}
        nursery.cancel_scope.cancel()
    assert " 0 bytes" in repr(one)


async def test_who_is_at_work_does_not_give_way_to_a_newcomer(autojump_clock):
    one = Exchanges(1, 80 * ITEM)
    with one.holding(snapshot(40, 0)), one.holding(snapshot(40, 1)) as last:

        async def answer():
            await trio.sleep(5)
            return "something"

        with pytest.raises(ResourceExhausted, match="busy"), one.holding(snapshot(40, 2)):
            pass
        assert await one.outwait(answer, last) == "something"
    assert " 0 bytes" in repr(one)


async def test_what_was_said_counts_and_whoever_grows_alone_ends(autojump_clock):
    one, ends = Exchanges(1, 1000), []
    with one.holding(snapshot(1)) as holding:
        holding.resize(500)
        holding.resize(900)
        holding.resize(100)
        holding.resize(900)
        with pytest.raises(ResourceExhausted, match="busy"):
            holding.resize(970)
    assert " 0 bytes" in repr(one)
    async with trio.open_nursery() as nursery:
        await nursery.start(hold, one, snapshot(1), ends)
        await trio.sleep(1)
        with one.holding(snapshot(1)) as holding:
            holding.resize(960)
            await trio.sleep(1)
    assert len(ends) == 1


async def test_who_holds_much_in_the_place_of_many_who_hold_little_ends_as_many_as_it_takes(autojump_clock):
    one, ends = Exchanges(1, 100 * ITEM), []
    async with trio.open_nursery() as nursery:
        for mark in range(90):
            await nursery.start(hold, one, snapshot(1, mark), ends)
        for mark in range(100, 110):
            await nursery.start(hold, one, snapshot(50, mark), ends)
            assert int(repr(one).split(", ")[1].split()[0]) <= 100 * ITEM
        await trio.sleep(1)
        assert len(ends) == 90 + 8
        nursery.cancel_scope.cancel()
    assert " 0 bytes" in repr(one)


async def test_what_is_said_in_the_moment_in_which_the_place_is_given_away_is_not_heard(autojump_clock):
    one, said = Exchanges(1, 10 * ITEM), trio.Event()
    async with trio.open_nursery() as nursery:

        async def listen():
            with one.holding(snapshot(10)) as holding, pytest.raises(TimedOut):
                await one.outwait(said.wait, holding)

        nursery.start_soon(listen)
        await trio.testing.wait_all_tasks_blocked()
        said.set()
        with one.holding(snapshot(10, 1)):
            await trio.testing.wait_all_tasks_blocked()
            assert f"{10 * ITEM} bytes" in repr(one)
    assert " 0 bytes" in repr(one)
