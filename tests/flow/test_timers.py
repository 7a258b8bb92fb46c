from hypothesis import given
from hypothesis import strategies as st

from beam_actors.flow.timers import TimerHeap


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=200))
def test_timers_come_in_order_of_time_then_of_asking_and_cancelled_ones_never(plan) -> None:
    heap, expected = TimerHeap(), []
    for number, (when, cancelled) in enumerate(plan):
        timer = heap.add(float(when), lambda: None, None)
        if cancelled:
            timer.cancel()
            timer.cancel()
        else:
            expected.append((float(when), number, timer))
    assert len(heap) == len(expected)
    assert heap.next_at() == min((when for when, _number, _timer in expected), default=None)
    popped = []
    while (timer := heap.pop_due(100.0)) is not None:
        popped.append(timer)
    assert popped == [timer for _when, _number, timer in sorted(expected, key=lambda entry: entry[:2])]
    assert len(heap) == 0


def test_a_timer_is_due_at_its_time_and_within_rounding_of_it() -> None:
    heap = TimerHeap()
    timer = heap.add(1.0, lambda: None, None)
    assert heap.pop_due(0.999) is None
    assert heap.pop_due(1.0 - 1e-9) is timer
    assert heap.pop_due(2.0) is None
    repr(timer)
