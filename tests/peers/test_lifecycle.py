from hypothesis import given
from hypothesis import strategies as st

from beam_actors.peers.lifecycle import TABLE, Effect, Input, State, step


def test_the_table_is_total():
    assert {(state, item) for state in TABLE for item in TABLE[state]} == {
        (state, item) for state in State for item in Input
    }


class Life:
    """Feeds the table as an actor would: an input that cannot happen now is skipped."""

    def __init__(self):
        self.state = State.IDLE
        self.sessions = 0
        self.dialling = self.timer = False

    def possible(self, item):
        match item:
            case Input.LOST | Input.LOST_KEPT:
                return self.sessions == 1
            case Input.DIAL_FAILED | Input.DIAL_FAILED_KEPT:
                return self.dialling
            case Input.RETRY:
                return self.timer
            case _:
                return True

    def feed(self, item):
        before = self.state
        if item is Input.SESSION_UP:
            self.sessions += 1
        elif item in {Input.LOST, Input.LOST_KEPT}:
            self.sessions -= 1
        if item in {Input.SESSION_UP, Input.DIAL_FAILED, Input.DIAL_FAILED_KEPT}:
            self.dialling = False
        if item is Input.RETRY:
            self.timer = False
        taken = step(before, item)
        self.state = taken.to
        for effect in taken.effects:
            if effect in {Effect.DIAL, Effect.CANCEL_DIAL}:
                self.dialling = effect is Effect.DIAL
            if effect in {Effect.BACK_OFF, Effect.CANCEL_BACK_OFF}:
                self.timer = effect is Effect.BACK_OFF
        return before, taken.effects


def run(inputs):
    life = Life()
    for item in inputs:
        if item in {Input.LOST, Input.LOST_KEPT} and life.sessions > 1:
            life.sessions -= 1  # not the last one: the machine is not told
        elif life.possible(item):
            before, effects = life.feed(item)
            yield before, item, life.state, effects, life.sessions, life.dialling, life.timer


@given(st.lists(st.sampled_from(Input), max_size=60))
def test_no_history_breaks_the_invariants(inputs):
    announced = False
    for before, item, state, effects, sessions, dialling, timer in run(inputs):
        assert (state is State.UP) == (sessions > 0), (before, item)
        assert state is not State.DIALLING or dialling, (before, item)
        assert timer == (state is State.BACKING_OFF), (before, item)
        for effect in effects:
            if effect is Effect.ANNOUNCE_UP:
                assert not announced
                announced = True
            if effect is Effect.ANNOUNCE_DOWN:
                assert announced
                announced = False
        assert announced == (state is State.UP)
        if Effect.END in effects:
            assert state is State.IDLE
            assert not dialling or before is State.IDLE


@given(
    st.lists(st.sampled_from([Input.WANTED, Input.SESSION_UP, Input.DIAL_FAILED_KEPT, Input.LOST_KEPT, Input.RETRY]))
)
def test_a_kept_peer_that_was_wanted_once_is_never_idle_again(inputs):
    for _before, _item, state, _effects, sessions, dialling, timer in run([Input.WANTED, *inputs]):
        assert state is not State.IDLE
        assert sessions or dialling or timer


@given(st.lists(st.sampled_from(Input), max_size=60))
def test_a_peer_that_is_released_is_neither_dialled_nor_to_be_dialled(inputs):
    for _before, item, state, effects, _sessions, dialling, timer in run([*inputs, Input.RELEASED]):
        if item is Input.RELEASED:
            assert not timer
            assert not dialling or state is State.IDLE  # one that began beside a session which then ended
            assert (state is State.UP) == (Effect.CLOSE_SESSIONS in effects)


def test_callers_are_told_when_a_dial_fails():
    assert Effect.FAIL in step(State.DIALLING, Input.DIAL_FAILED).effects
    assert Effect.FAIL in step(State.DIALLING, Input.DIAL_FAILED_KEPT).effects


def test_a_wanted_peer_does_not_wait_for_the_end_of_its_back_off():
    taken = step(State.BACKING_OFF, Input.WANTED)
    assert taken.to is State.DIALLING
    assert taken.effects == (Effect.CANCEL_BACK_OFF, Effect.DIAL)
