from hypothesis import given
from hypothesis import strategies as st

from beam_actors.naming.limits import HOUR, MAX_AHEAD, MINUTE
from beam_actors.naming.timekeeping import Timekeeper


class Hands:
    """A clock that is moved by hand."""

    def __init__(self):
        self.at, self.shown = 0.0, 1000.0

    def monotonic(self):
        return self.at

    def wall(self):
        return self.shown + self.at


def keeper():
    hands = Hands()
    time = Timekeeper(hands)
    time.begin()
    return time, hands


def test_a_sweep_is_due_each_hour_and_believes_only_clocks_that_agreed():
    for jump, believed in ((0, True), (MAX_AHEAD, True), (-MAX_AHEAD - 1, False), (MAX_AHEAD + 1, False)):
        time, hands = keeper()
        hands.at += HOUR - 1
        assert not time.sweep_is_due()
        hands.at += 1
        hands.shown += jump
        assert time.sweep_is_due()
        assert time.sweep() is believed
        assert time.jumps == (not believed)
        assert not time.sweep_is_due()
        hands.at += HOUR
        assert time.sweep()  # the next hour is another one


def test_a_clock_that_was_set_is_told_once():
    time, hands = keeper()
    hands.at += 5 * MINUTE
    assert not time.was_set()
    hands.shown -= MINUTE + 1
    assert time.was_set()
    assert not time.was_set()


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(-1e6, 1e6)), max_size=20))
def test_running_is_monotonic_time_whatever_the_wall_clock_says(steps):
    time, hands = keeper()
    ran = 0.0
    for seconds, jump in steps:
        hands.at += seconds
        hands.shown += jump
        ran += time.ran()
    assert abs(ran - hands.at) < 1e-3
