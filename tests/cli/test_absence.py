"""A daemon that goes away: it is waited for as long as it may take to come back, and for nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.cli.absence import PATIENCE, Absence
from beam_actors.errors import DaemonNotRunning, NameNotFound, TimedOut
from beam_actors.world.control_client import CommandFailed


def unavailable():
    return CommandFailed("It is starting.", code="actor-unavailable", exit_code=4)


@given(st.lists(st.one_of(st.none(), st.floats(0.1, 4.0)), max_size=30))
def test_only_an_absence_at_a_stretch_counts(steps):
    absence, away = Absence(), 0.0
    for step in steps:  # seconds of waiting, or None: it answers
        if step is None:
            absence.end()
            away = 0.0
        else:
            away += step
            if away > PATIENCE:
                with pytest.raises(DaemonNotRunning, match="did not come back within 10 seconds"):
                    absence.bear(DaemonNotRunning("gone"), step)
                return
            absence.bear(DaemonNotRunning("gone"), step)
        assert (absence.seconds, bool(absence)) == (away, away > 0)


@pytest.mark.parametrize("error", [DaemonNotRunning("gone"), TimedOut("late"), unavailable()], ids=repr)
def test_what_a_restart_looks_like_is_borne(error):
    absence = Absence()
    absence.bear(error, 1.0)
    assert absence


def test_an_error_that_is_no_absence_is_raised_as_it_is():
    absence, error = Absence(), NameNotFound("no such name")
    with pytest.raises(NameNotFound) as caught:
        absence.bear(error, 1.0)
    assert caught.value is error
    assert not absence
