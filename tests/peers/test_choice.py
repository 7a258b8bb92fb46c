from hypothesis import given
from hypothesis import strategies as st

from beam_actors.peers.choice import Candidate, preferred
from beam_actors.values import PeerId

LOW, HIGH = PeerId(bytes(32)), PeerId(b"\xff" * 32)


@given(st.lists(st.booleans(), min_size=1, max_size=5))
def test_both_ends_choose_the_same_session(dialled_by_low):
    at_low = [Candidate(number, by_low) for number, by_low in enumerate(dialled_by_low)]
    at_high = [Candidate(number, not by_low) for number, by_low in enumerate(dialled_by_low)]
    assert preferred(at_low, LOW, HIGH).number == preferred(at_high, HIGH, LOW).number


def test_the_session_that_the_lower_id_dialled_wins():
    ours, theirs = Candidate(1, dialled_here=True), Candidate(2, dialled_here=False)
    assert preferred([ours, theirs], LOW, HIGH) is ours
    assert preferred([ours, theirs], HIGH, LOW) is theirs


def test_of_two_by_one_dialler_the_later_wins():
    older, newer = Candidate(1, dialled_here=True), Candidate(2, dialled_here=True)
    assert preferred([older, newer], LOW, HIGH) is newer
    assert preferred([older, newer], HIGH, LOW) is newer


def test_no_session_is_no_choice():
    assert preferred([], LOW, HIGH) is None
