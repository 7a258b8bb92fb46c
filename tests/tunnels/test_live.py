from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import ActorUnavailable
from beam_actors.tunnels.limits import TunnelsLimits
from beam_actors.tunnels.live import Live
from beam_actors.values import PeerId

PEERS = [PeerId(bytes([number]) * 32) for number in range(3)]
LIMITS = TunnelsLimits(live=9, live_of_peers=7, live_per_tunnel=5, live_per_peer=3)


class Splices(Counter):
    """Splices by tag, as far as they are counted."""

    def __init__(self):
        super().__init__()
        self.number = 0

    def __len__(self):
        return self.number

    def count(self, tag):
        return self[tag]


class Flow:
    def __init__(self):
        self.now = Splices()

    @property
    def splices(self):
        if self.now is None:
            raise ActorUnavailable("The pump is restarting.")
        return self.now


def live(limits=LIMITS):
    flow = Flow()
    return flow, Live(flow, limits, "offered")


@given(st.lists(st.tuples(st.sampled_from(["take", "fail", "splice", "end"]), st.integers(0, 2), st.integers(0, 2))))
def test_the_bounds_hold_over_what_opens_and_what_lives(steps):
    flow, places = live()
    opening, spliced = [], []
    for step, peer, tunnel in steps:
        tags = places.tags(PEERS[peer], f"offered/{tunnel}") if tunnel else ()
        if step == "take":
            all_tags = [tag for held in (*opening, *spliced) for tag in held]
            room = len(opening) + len(spliced) < 9
            room &= not tags or all(all_tags.count(tag) < most for tag, most in zip(tags, (7, 5, 3), strict=True))
            assert places.take(tags) is room
            opening += [tags] * room
        elif step == "end" and spliced:
            flow.now.subtract(spliced.pop(0))
            flow.now.number -= 1
        elif opening and step != "end":
            places.give(opening[0])
            if step == "splice":
                flow.now.update(opening[0])
                flow.now.number += 1
                spliced.append(opening[0])
            opening.pop(0)


def test_a_local_program_finds_room_when_peers_have_all_of_theirs():
    _, places = live(TunnelsLimits(live=3, live_of_peers=1))
    tags = places.tags(PEERS[0], "offered/web")
    assert places.take(tags)
    assert not places.take(places.tags(PEERS[1], "offered/other"))
    assert places.take()


def test_what_a_pump_that_is_gone_carried_is_not_counted_and_none_takes_nothing():
    flow, places = live(TunnelsLimits(live=1))
    assert places.take()
    places.give()
    flow.now.number = 1
    assert not places.take()
    flow.now = None
    assert not places.take()
    flow.now = Splices()
    assert places.take()


def test_what_is_given_back_leaves_no_trace():
    _, places = live()
    tags = places.tags(PEERS[0], "offered/web")
    assert places.take(tags)
    places.give(tags)
    assert places.take(tags)
    places.give(tags)
    assert repr(places) == "Live(0 being opened by 0 peers or tunnels, of 9 in all)"


@pytest.mark.parametrize(("sockets", "most"), [(1 << 20, (16_384, 12_288, 8_192, 6_144)), (400, (300, 200, 150, 120))])
def test_the_bounds_follow_what_the_process_may_open(sockets, most):
    bounds = TunnelsLimits().within(sockets)
    assert (bounds.live, bounds.live_of_peers, bounds.live_per_tunnel, bounds.live_per_peer) == most


def test_a_process_that_may_open_next_to_nothing_still_opens_one():
    assert TunnelsLimits().within(1).live_per_peer == 1


def test_a_person_may_choose_less_than_the_process_may_open():
    assert TunnelsLimits(live_per_peer=10).within(1 << 16).live_per_peer == 10
