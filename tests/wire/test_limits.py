import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.wire import SessionLimits, WindowBudget


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 60)), max_size=30))
def test_no_level_of_a_budget_is_exceeded(requests):
    node = WindowBudget(100)
    sessions = [WindowBudget(70, node), WindowBudget(70, node)]
    for which, size in requests:
        session = sessions[which]
        fits = session.used + size <= 70 and node.used + size <= 100
        assert session.take(size) is fits
        assert node.used == sum(each.used for each in sessions)
    for session in sessions:
        session.give(session.used)
    assert node.used == 0


@pytest.mark.parametrize("field", ["streams", "beam_streams", "unanswered_streams", "send_buffer", "window"])
def test_senseless_limits(field):
    with pytest.raises(ValueError, match=field):
        SessionLimits(**{field: 0})
