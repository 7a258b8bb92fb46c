from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import ResourceExhausted
from beam_actors.peers.guests import Guests
from beam_actors.values import PeerId

PEERS = [PeerId(bytes([n]) * 32) for n in range(12)]


def test_who_is_in_already_is_not_refused():
    guests = Guests(total=1, per_source=1)
    guests.admit(PEERS[0], "a")
    guests.admit(PEERS[0], "a")
    assert len(guests) == 1


def test_who_was_found_counts_in_all_and_for_no_source():
    guests = Guests(total=2, per_source=1)
    guests.found(PEERS[0])
    guests.admit(PEERS[1], "a")
    with pytest.raises(ResourceExhausted, match="2 guests"):
        guests.admit(PEERS[2], "b")
    guests.clear()
    guests.admit(PEERS[2], "a")


@given(st.lists(st.tuples(st.sampled_from(PEERS), st.sampled_from("abc"), st.booleans()), max_size=80))
def test_the_bounds_hold_and_nobody_is_refused_below_them(steps):
    guests, admitted = Guests(total=5, per_source=3), {}
    for peer, source, leave in steps:
        if leave:
            guests.discard(peer)
            admitted.pop(peer, None)
            continue
        free = peer in admitted or (len(admitted) < 5 and Counter(admitted.values())[source] < 3)
        try:
            guests.admit(peer, source)
        except ResourceExhausted:
            assert not free
        else:
            assert free
            admitted.setdefault(peer, source)
        assert len(guests) == len(admitted)
        assert all(peer in guests for peer in admitted)
