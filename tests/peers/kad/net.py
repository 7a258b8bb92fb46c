"""A network of tables without a wire, and a search that is driven through it."""

import random

from beam_actors.peers.kad.contacts import Contacts
from beam_actors.peers.kad.limits import KadLimits
from beam_actors.peers.kad.search import Search
from tests.peers.kad.nodes import node_of, nodes_of

OWN = node_of(10**6)
LIMITS = KadLimits()
KEY = random.Random("key").randbytes(32)


class Net:
    """A network in which every node has a real table that was filled in an order of its own."""

    def __init__(self, count, seed=1):
        self.nodes = nodes_of(count)
        self.dice = random.Random(seed)
        self.tables = {}
        for node in [OWN, *self.nodes]:
            self.tables[node.peer] = Contacts(node.peer, LIMITS, 0.0)
            for other in self.dice.sample(self.nodes, count):
                self.tables[node.peer].met(other, 0.0)

    def answer(self, node, key):
        return self.tables[node.peer].closest(key)


def search_for(key, start, limits=LIMITS):
    return Search(key, start, own=OWN.peer, limits=limits)


def run(search, answer, dice=None):
    """Drive a search: answers come in the order of `dice`, or in which they were asked; returns who was asked."""
    asked, waiting = [], []
    while not search.done:
        new = search.asks()
        asked += new
        waiting += new
        node = waiting.pop(dice.randrange(len(waiting)) if dice else 0)
        told = answer(node)
        if told is None:
            search.failed(node)
        else:
            search.answered(node, told)
    assert search.asks() == []
    return asked
