"""How fast others are answered: each peer, each network, and all."""

import pytest

from beam_actors.peers import KadLimits
from beam_actors.peers.kad.answers import Answers, Nowhere
from beam_actors.testing.clock import SimClock
from beam_actors.values import TcpAddress
from tests.peers.kad.nodes import node_of

LIMITS = KadLimits()


@pytest.fixture
def answers():
    return Answers(
        nearest=lambda _key, _asker: [],
        is_near=lambda _key: True,
        own=lambda _stream: None,
        custodian=Nowhere(),
        clock=SimClock(now=lambda: 0.0),
        limits=LIMITS,
    )


def taken(answers, remotes):
    """How many of these are answered at one moment, each of a peer of its own, and each at once."""
    count = 0
    for number, remote in enumerate(remotes):
        if answers.take(peer := node_of(number).peer, remote):
            count += 1
            del answers._under_way[peer]
    return count


@pytest.mark.parametrize(
    ("near", "far"),
    [
        ([f"203.0.113.{number}" for number in range(250)], "198.51.100.1"),
        ([f"2001:678:{number:x}::1" for number in range(250)], "2001:67c::1"),
        (["10.0.0.1"] * 250, "10.0.0.2"),
    ],
)
def test_many_keys_of_one_network_get_the_share_of_one(answers, near, far):
    assert taken(answers, [TcpAddress(ip, 4000) for ip in near]) == 2 * LIMITS.network_finds_per_second
    assert taken(answers, [TcpAddress(far, 4000)] * 10) == 10


def test_all_together_get_what_all_may(answers):
    anywhere = [TcpAddress(f"203.0.{number}.1", 4000) for number in range(256)]
    assert taken(answers, anywhere) == LIMITS.all_finds_per_second
