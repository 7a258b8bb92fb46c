"""Tables and searches together: a network that grows by nothing but searches, each node from one that it was told."""

import random

import pytest

from beam_actors.peers.kad.contacts import Contacts
from beam_actors.peers.kad.limits import KadLimits
from beam_actors.peers.kad.search import Search
from beam_actors.testing.entropy import SeededEntropy
from tests.peers.kad.nodes import nearest, nodes_of

LIMITS = KadLimits()
HOUR = 3600.0


class Grown:
    """Each node that is asked meets who asks, and is met by it: both dialled each other's address."""

    def __init__(self, count):
        self.tables = {}
        self.entropy = SeededEntropy(1)
        dice = random.Random(1)
        for now, node in enumerate(nodes_of(count)):
            table = Contacts(node.peer, LIMITS, float(now))
            if self.tables:
                table.met(dice.choice(list(self.tables)), float(now))
            self.tables[node] = table
            self.search(node, node.id, float(now))

    def search(self, own, key, now):
        table = self.tables[own]
        search = Search(key, table.start(key, self.entropy), own=own.peer, limits=LIMITS)
        while not search.done:
            for node in search.asks():
                self.met(node, own, now)
                self.met(own, node, now)
                search.answered(node, self.tables[node].closest(key, without=own.peer))
        table.searched(key, now)
        return search

    def met(self, who, whom, now):
        ping = self.tables[who].met(whom, now)
        while ping is not None:  # everybody lives
            ping = self.tables[who].met(ping, now)


@pytest.fixture(scope="module")
def grown():
    return Grown(200)


def test_a_network_that_joined_one_by_one_finds_the_nearest(grown):
    dice = random.Random(2)
    found = []
    for own in dice.sample(list(grown.tables), 20):
        key = dice.randbytes(32)
        others = [node for node in grown.tables if node is not own]
        found.append(len({*nearest(key, others)} & {*grown.search(own, key, 1000.0).closest()}))
    assert sum(found) >= 0.99 * 20 * 20


def test_after_a_refresh_every_range_is_known(grown):
    dice = random.Random(3)
    for own in dice.sample(list(grown.tables), 5):
        table = grown.tables[own]
        for key in table.lonely(HOUR * 2, grown.entropy):
            grown.search(own, key, HOUR * 2)
        assert table.lonely(HOUR * 2, grown.entropy) == []
        others = [node for node in grown.tables if node is not own]
        assert table.closest(own.id) == nearest(own.id, others)
        for bucket in table.buckets:
            there = [node for node in others if bucket.has_in_range(node)]
            assert len(bucket) >= min(15, len(there))
