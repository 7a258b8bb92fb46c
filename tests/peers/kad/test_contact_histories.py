"""Whatever befalls the table of contacts, its rules hold."""

import itertools

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from beam_actors.peers.kad.contacts import Contacts
from beam_actors.peers.kad.ids import BITS, node_id
from beam_actors.peers.kad.limits import KadLimits
from tests.peers.kad.nodes import OWN, nearest, node_of

pytestmark = pytest.mark.usefixtures("no_clock_and_no_asyncio")


class Histories(RuleBasedStateMachine):
    """Whatever comes, fails and moves: the rules of the table hold, and who answers stays."""

    LIMITS = KadLimits(bucket=3, waiting=4, buckets=8, network_per_bucket=2, network_per_table=3)

    @initialize()
    def empty(self):
        self.now = 0.0
        self.table = Contacts(OWN.peer, self.LIMITS, self.now)
        self.failures = {}
        self.held = {}
        self.asked = {}

    def _note(self, may_go=()):
        """Who was there and did nothing is still there."""
        held = {node.peer: node for node in self.table}
        assert self.held.keys() - held.keys() <= set(may_go)
        self.held = held

    @rule(number=st.integers(0, 60), network=st.integers(0, 5), passed=st.sampled_from([0.0, 1.0, 59.0, 60.0]))
    def meet(self, number, network, passed):
        self.now += passed
        node = OWN if number == 60 else node_of(number, f"11.0.{network}.{number + 1}")
        asked = self.table.met(node, self.now)
        self.failures.pop(node.peer, None)
        self._note([node.peer])  # who moved may have lost its place
        if asked is not None:
            assert asked.peer in self.table
            assert asked.peer != node.peer
            bucket = self.table.buckets[self.table.get_bucket_for(asked)]
            assert len(bucket) == 3
            turns = {node.id: max(bucket.seen[node.id], self.asked.get(node.id, 0.0)) for node in bucket.nodes.values()}
            assert turns[asked.id] == min(turns.values())
            assert self.now - turns[asked.id] >= 60.0
            self.asked[asked.id] = self.now
            assert self.table.met(node, self.now) is None  # it was just asked

    @rule(number=st.integers(0, 60))
    def fail(self, number):
        peer = OWN.peer if number == 60 else node_of(number).peer
        there = peer in self.table
        bucket = self.table.buckets[self.table.get_bucket_for(OWN if number == 60 else node_of(number))]
        waiting = bool(bucket.replacement_nodes.keys() - {node_id(peer)})
        self.table.failed(peer)
        self.failures[peer] = self.failures.get(peer, 0) + there
        assert (peer in self.table) is (there and not waiting and self.failures[peer] < 2)
        if peer not in self.table:
            self.failures.pop(peer)
        self._note([peer])

    @rule(number=st.integers(0, 59))
    def refuse(self, number):
        self.table.refused(node_of(number).peer)
        self._note()

    @precondition(lambda self: len(self.table))
    @rule(key=st.binary(min_size=32, max_size=32))
    def look(self, key):
        talking = [node for node in self.table if not self.failures.get(node.peer)]
        assert self.table.closest(key, 5) == nearest(key, talking, 5)

    @invariant()
    def rules(self):
        buckets, limits = self.table.buckets, self.LIMITS
        assert buckets[0].range[0] == 0
        assert buckets[-1].range[1] == 2**BITS - 1
        assert all(one.range[1] + 1 == other.range[0] for one, other in itertools.pairwise(buckets))
        assert len(buckets) <= limits.buckets
        networks = {}
        for bucket in buckets:
            assert len(bucket) <= limits.bucket
            assert len(bucket.replacement_nodes) <= limits.waiting
            assert not bucket.nodes.keys() & bucket.replacement_nodes.keys()
            assert bucket.seen.keys() == bucket.nodes.keys() | bucket.replacement_nodes.keys()
            assert bucket.silent <= bucket.nodes.keys()
            assert bucket.asked.keys() <= bucket.nodes.keys()
            assert all(bucket.has_in_range(node) for node in bucket.nodes.values())
            assert all(bucket.has_in_range(node) for node in bucket.replacement_nodes.values())
            assert [bucket.seen[name] for name in bucket.nodes] == sorted(bucket.seen[name] for name in bucket.nodes)
            here = {}
            for node in bucket.nodes.values():
                networks[node.network] = networks.get(node.network, 0) + 1
                here[node.network] = here.get(node.network, 0) + 1
            assert all(count <= limits.network_per_bucket for count in here.values())
        assert all(count <= limits.network_per_table for count in networks.values())
        assert self.table._networks == networks
        assert OWN.peer not in self.table
        assert len(self.table) == len(set(self.table)) == sum(networks.values())


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
