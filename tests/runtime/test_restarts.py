import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from beam_actors.errors import StartFailed
from beam_actors.runtime import (
    NORMAL,
    SHUTDOWN,
    Backoff,
    Decision,
    ExitKind,
    ExitReason,
    Intensity,
    Restart,
    Strategy,
    crashed,
)
from beam_actors.runtime.restarts import RestartWindow, concerned, decide, wants_restart

CRASH = crashed(ValueError())
KILL = ExitReason(ExitKind.KILLED)


@pytest.mark.parametrize(
    ("restart", "restarted"),
    [
        (Restart.PERMANENT, {"normal", "crashed", "killed"}),
        (Restart.TRANSIENT, {"crashed", "killed"}),
        (Restart.TEMPORARY, set()),
    ],
)
def test_each_kind_of_child_is_restarted_after_the_exits_that_it_says(restart, restarted):
    exits = (NORMAL, SHUTDOWN, CRASH, KILL)
    assert {reason.kind.value for reason in exits if wants_restart(restart, reason)} == restarted


class Close(ConnectionResetError):
    pass


ERRORS = (Close, ConnectionResetError, ConnectionError, OSError, ValueError, Exception)


@given(
    st.sampled_from(list(Restart)),
    st.dictionaries(st.sampled_from(ERRORS), st.sampled_from(list(Decision))),
    st.sampled_from(ERRORS),
)
def test_the_most_derived_class_that_matches_decides_and_restart_is_what_the_child_says(restart, decisions, error):
    reason = crashed(error())
    matching = [other for other in decisions if issubclass(error, other)]
    # These classes stand in one line, so the most derived is the one with the most bases.
    chosen = decisions[max(matching, key=lambda one: len(one.__mro__))] if matching else Decision.RESTART
    if chosen is Decision.RESTART and not wants_restart(restart, reason):
        chosen = Decision.STOP
    assert decide(restart, decisions, reason) is chosen


@given(st.sampled_from(list(Restart)), st.sampled_from(list(Decision)), st.sampled_from([NORMAL, SHUTDOWN, KILL]))
def test_only_crashes_are_decided_by_their_error(restart, decision, reason):
    expected = Decision.RESTART if wants_restart(restart, reason) else Decision.STOP
    assert decide(restart, {Exception: decision, BaseException: decision}, reason) is expected


@given(st.lists(st.integers(), min_size=1, unique=True), st.data())
def test_a_strategy_concerns_a_run_of_siblings_in_their_order(children, data):
    failed = data.draw(st.sampled_from(children))
    assert concerned(Strategy.ONE_FOR_ONE, children, failed) == [failed]
    assert concerned(Strategy.ONE_FOR_ALL, children, failed) == children
    rest = concerned(Strategy.REST_FOR_ONE, children, failed)
    assert rest[0] == failed
    assert rest == children[-len(rest) :]


@given(
    st.floats(0.001, 100),
    st.floats(1, 1000),
    st.floats(1, 10),
    st.floats(0, 1),
    st.integers(0, 10_000),
    st.floats(0, 0.999),
)
def test_a_backoff_grows_to_its_bound_and_never_beyond(first, most, factor, jitter, attempt, uniform):
    backoff = Backoff(first=first, most=most, factor=factor, jitter=jitter)
    assert 0 <= backoff.delay(attempt, uniform) <= most * (1 + jitter)
    assert backoff.delay(attempt, 0.5) <= backoff.delay(attempt + 1, 0.5) * (1 + 1e-9)
    if first <= most:
        assert backoff.delay(0, 0.5) == pytest.approx(first)


def test_no_backoff_is_no_wait():
    assert Backoff().delay(9, 0.9) == 0


class Windows(RuleBasedStateMachine):
    """The window against a model that remembers every restart."""

    def __init__(self):
        super().__init__()
        self.intensity = Intensity(restarts=3, period=10.0)
        self.window = RestartWindow(self.intensity)
        self.now = 0.0
        self.times = []

    @rule(seconds=st.integers(0, 12))
    def wait(self, seconds):
        self.now += seconds

    @rule()
    def restart(self):
        self.times.append(self.now)
        recent = [at for at in self.times if at > self.now - self.intensity.period]
        assert self.window.allows(self.now) == (len(recent) <= self.intensity.restarts)

    @invariant()
    def its_memory_is_bounded(self):
        assert len(self.window._times) <= self.intensity.restarts + 1


TestWindows = Windows.TestCase
TestWindows.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


def test_a_start_that_failed_below_is_decided_by_what_failed_there():
    failure = StartFailed("a did not start: OSError.")
    failure.__cause__ = StartFailed("a/b did not start: OSError.")
    failure.__cause__.__cause__ = OSError()
    decisions = {OSError: Decision.STOP, StartFailed: Decision.ESCALATE}
    assert decide(Restart.PERMANENT, decisions, crashed(failure)) is Decision.STOP
    assert decide(Restart.PERMANENT, decisions, crashed(StartFailed("a runs already."))) is Decision.ESCALATE
