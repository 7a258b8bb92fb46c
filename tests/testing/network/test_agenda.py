import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.testing.network.agenda import Agenda
from tests.testing.network.rig import simulate, simulated


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0, 1.5, 7.0]), max_size=20))
def test_things_happen_in_the_order_of_time_and_then_of_asking(times):
    async def main():
        agenda, happened = Agenda(), []
        for number, when in enumerate(times):
            agenda.add(when, lambda entry=(when, number): happened.append((entry, trio.current_time())))
        await trio.sleep(10)
        return agenda, happened

    agenda, happened = simulate(main)
    assert [entry for entry, _when in happened] == sorted((when, number) for number, when in enumerate(times))
    assert all(now == pytest.approx(when) for (when, _number), now in happened)
    assert agenda.happened == len(times)
    repr(agenda)


@simulated
async def test_what_an_action_asks_for_now_happens_now_and_never_inside_it():
    agenda, order = Agenda(), []

    def first():
        agenda.later(0, lambda: order.append("second"))
        order.append("first")

    agenda.later(1, first)
    await trio.sleep(1.5)
    assert order == ["first", "second"]


@simulated
async def test_an_earlier_thing_overtakes_the_sleep_for_a_later_one():
    agenda, seen = Agenda(), []
    agenda.later(10, lambda: seen.append(trio.current_time()))
    await trio.sleep(1)
    agenda.later(1, lambda: seen.append(trio.current_time()))
    await trio.sleep(10)
    assert seen == pytest.approx([2, 10])


def test_a_run_leaves_nothing_for_the_next():
    agenda, seen = Agenda(), []

    async def main():
        agenda.later(5, lambda: seen.append("too late"))
        await trio.sleep(1)

    simulate(main)
    assert len(agenda) == 0

    async def again():
        agenda.later(1, lambda: seen.append("in time"))
        await trio.sleep(10)

    simulate(again)
    assert seen == ["in time"]
