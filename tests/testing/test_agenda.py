import gc

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.testing.seeded import current_clock
from tests.testing.network.rig import simulate, simulated


def in_(seconds, action):
    current_clock().agenda.add(trio.current_time() + seconds, action)


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0, 1.5, 7.0]), max_size=20))
def test_things_happen_in_the_order_of_time_and_then_of_asking(times):
    async def main():
        agenda, happened = current_clock().agenda, []
        for number, when in enumerate(times):
            agenda.add(when, lambda entry=(when, number): happened.append((entry, trio.current_time())))
        await trio.sleep(10)
        return agenda, happened

    agenda, happened = simulate(main)
    assert [entry for entry, _when in happened] == sorted((when, number) for number, when in enumerate(times))
    assert all(now == pytest.approx(when) for (when, _number), now in happened)
    assert agenda.happened == len(times)
    repr(agenda)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # what such a run leaves behind
@pytest.mark.parametrize("busy", [False, True])
def test_what_an_action_raises_ends_the_run(busy):
    def boom():
        raise ZeroDivisionError

    async def main():
        in_(0, boom)
        for _ in range(10 if busy else 0):
            await trio.lowlevel.checkpoint()
        await trio.sleep(1)

    with pytest.raises(trio.TrioInternalError) as caught:
        simulate(main)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    del caught
    gc.collect()


@simulated
async def test_what_an_action_asks_for_now_happens_now_and_never_inside_it():
    order = []

    def first():
        in_(0, lambda: order.append("second"))
        order.append("first")

    in_(1, first)
    await trio.sleep(1.5)
    assert order == ["first", "second"]


@simulated
async def test_an_earlier_thing_overtakes_the_sleep_for_a_later_one():
    seen = []
    in_(10, lambda: seen.append(trio.current_time()))
    await trio.sleep(1)
    in_(1, lambda: seen.append(trio.current_time()))
    await trio.sleep(10)
    assert seen == pytest.approx([2, 10])


def test_a_run_leaves_nothing_for_the_next():
    seen = []

    async def main():
        in_(5, lambda: seen.append("too late"))
        await trio.sleep(1)

    async def again():
        in_(1, lambda: seen.append("in time"))
        await trio.sleep(10)

    simulate(main)
    simulate(again)
    assert seen == ["in time"]


@simulated
async def test_what_is_in_the_agenda_comes_before_whoever_sleeps_until_then():
    seen = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_until, 1.0)
        in_(1, lambda: seen.append("agenda"))
    seen.append("task")
    assert seen == ["agenda", "task"]


@simulated
async def test_a_task_that_an_action_wakes_runs_before_the_next_action():
    event, seen = trio.Event(), []

    async def wait():
        await event.wait()
        seen.append(("woken", trio.current_time()))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        in_(1, event.set)
        in_(2, lambda: seen.append(("next", trio.current_time())))
        await trio.sleep(3)
    assert seen == [("woken", 1), ("next", 2)]


async def test_a_run_in_real_time_has_no_agenda():
    with pytest.raises(RuntimeError, match="virtual time"):
        current_clock()
