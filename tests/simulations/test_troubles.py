from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.choices import SeededChoices
from simulations.troubles import crash, halves, kill, leave, pause, swarm

KINDS = (crash, kill, partial(leave, most=20.0), pause)


@given(st.integers(0, 2**16), st.integers(1, 20), st.integers(0, 10))
def test_as_many_machines_are_struck_as_were_asked_for_in_the_safety_phase(seed, size, count):
    found = swarm(SeededChoices(seed, "test"), KINDS, size, 40.0, count=count)
    assert len(found) in {0, count}
    assert all(0 <= one.machine < size and 1.0 <= one.at <= 39.0 for one in found)
    assert found == swarm(SeededChoices(seed, "test"), KINDS, size, 40.0, count=count)


def test_each_kind_is_off_in_half_of_the_plans_and_all_are_in_a_sixteenth():
    plans = [swarm(SeededChoices(seed, "test"), KINDS, 5, 40.0, count=50) for seed in range(400)]
    for kind in ("Crash", "Kill", "Leave", "Pause"):
        assert sum(any(type(one).__name__ == kind for one in plan) for plan in plans) == pytest.approx(200, abs=40)
    assert plans.count([]) == pytest.approx(25, abs=15)


@given(st.integers(0, 2**16), st.integers(0, 30))
def test_halves_are_all_machines_and_of_one_size_or_nearly(seed, size):
    one, other = halves(SeededChoices(seed, "test"), size)
    assert sorted([*one, *other]) == list(range(size))
    assert 0 <= len(one) - len(other) <= 1
