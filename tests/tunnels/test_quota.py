from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.tunnels.quota import Quota
from beam_actors.values import PeerId

PEERS = [PeerId(bytes([number]) * 32) for number in range(4)]


@given(st.lists(st.tuples(st.sampled_from(PEERS), st.booleans())))
def test_the_bounds_hold_and_a_place_is_refused_only_at_one_of_them(steps):
    quota, taken = Quota(total=5, per_peer=2), Counter()
    for peer, leaves in steps:
        if leaves:
            if taken[peer]:
                taken[peer] -= 1
                quota.give(peer)
            continue
        free = taken.total() < 5 and taken[peer] < 2
        assert quota.take(peer) is free
        taken[peer] += free
        assert len(quota) == taken.total() <= 5
        assert max(taken.values()) <= 2


@pytest.mark.parametrize("total", [0, 1])
def test_a_peer_that_has_no_place_leaves_no_trace(total):
    quota = Quota(total=total, per_peer=1)
    for peer in PEERS:
        if quota.take(peer):
            quota.give(peer)
    assert repr(quota) == f"Quota(0 of {total}, by 0 peers)"
