import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kademlia.node import Node

from beam_actors.peers.kad.contacts import Contacts
from beam_actors.peers.kad.ids import BITS, distance, node_id
from beam_actors.peers.kad.limits import KadLimits
from beam_actors.testing.entropy import SeededEntropy
from tests.peers.kad.nodes import OWN, nearest, node_of, nodes_of

pytestmark = pytest.mark.usefixtures("no_clock_and_no_asyncio")

LIMITS = KadLimits()
WIDE = KadLimits(bucket=2000, waiting=1)
"""A table that forgets nobody, so that what it finds can be compared with all there are."""


def table_of(nodes, limits=LIMITS, own=OWN, now=0.0):
    table = Contacts(own.peer, limits, now)
    for node in nodes:
        table.met(node, now)
    return table


def shared_bits(node, own=OWN):
    return BITS - (node.long_id ^ own.long_id).bit_length()


def far_half(count, start=0):
    """Nodes of the half of the space in which this node is not: one bucket, once the table was split."""
    return [node for node in nodes_of(5 * count + 50, start) if shared_bits(node) == 0][:count]


# --- who is near -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [10, 50, 200, 600, 2000])
def test_the_nearest_of_the_table_are_those_of_brute_force(count):
    everybody = nodes_of(count)
    dice = random.Random(count)
    for limits in (LIMITS, WIDE):
        table = table_of(everybody, limits)
        held = list(table)
        assert len(held) == count or limits is LIMITS
        for key in [dice.randbytes(32) for _ in range(50)] + [OWN.id, node_id(everybody[3].peer)]:
            assert table.closest(key) == nearest(key, held, limits.bucket)
            assert table.closest(key, 7, without=held[0].peer) == nearest(key, [n for n in held if n is not held[0]], 7)


@pytest.mark.parametrize("count", [50, 500, 2000])
def test_everybody_near_this_node_is_known_whatever_the_order(count):
    everybody = nodes_of(count)
    for seed in range(5):
        random.Random(seed).shuffle(everybody)
        assert table_of(everybody).closest(OWN.id) == nearest(OWN.id, everybody)


def test_every_range_of_the_space_has_as_many_contacts_as_it_may():
    everybody = nodes_of(2000)
    table = table_of(everybody)
    for bucket in table.buckets:
        there = [node for node in everybody if bucket.has_in_range(node)]
        assert len(bucket) == min(20, len(there))


def test_a_search_begins_with_the_nearest_and_with_some_of_any():
    table = table_of(nodes_of(600))
    key = random.Random(1).randbytes(32)
    starts = [table.start(key, SeededEntropy(seed)) for seed in range(30)]
    held = set(table)
    for start in starts:
        assert start[:15] == nearest(key, held, 15)
        assert len(set(start)) == 20
        assert set(start) <= held
    assert starts[0] == table.start(key, SeededEntropy(0))
    assert len({node for start in starts for node in start[15:]}) > 60  # of some 150, by no rule
    few = table_of(nodes_of(9))
    few.failed(node_of(4).peer)
    assert set(few.start(key, SeededEntropy(1))) == set(nodes_of(9)) - {node_of(4)}
    assert len(table_of(nodes_of(9)).start(key, SeededEntropy(1))) == 9
    assert Contacts(OWN.peer, LIMITS, 0.0).start(key, SeededEntropy(1)) == []


def test_the_buckets_package_alone_would_lose_an_id_at_the_end_of_a_range():
    table = table_of(nodes_of(300))
    for bucket in table.buckets:
        for edge in bucket.range:
            assert table.buckets[table.get_bucket_for(Node(edge.to_bytes(32, "big")))] is bucket


# --- who comes, who stays --------------------------------------------------------------------------------------------


def test_this_node_is_no_contact():
    table = table_of([OWN])
    assert len(table) == 0
    assert OWN.peer not in table


def test_the_oldest_is_asked_before_a_newcomer_gets_its_place():
    old, newcomer = far_half(20), far_half(1, start=5000)[0]
    table = table_of([OWN, *old, *[n for n in nodes_of(60, 9000) if shared_bits(n) > 0]])
    assert set(old) <= set(table)
    assert table.met(newcomer, 59.0) is None  # everybody was met within the minute
    asked = table.met(newcomer, 60.0)
    assert asked is old[0]
    assert newcomer.peer not in table
    assert table.met(far_half(1, start=6000)[0], 61.0) is None  # one question at a time
    assert table.met(asked, 62.0) is None  # it lives
    assert asked.peer in table
    assert table.met(newcomer, 63.0) is old[1]
    table.failed(old[1].peer)
    assert old[1].peer not in table
    assert newcomer.peer in table


def test_after_a_question_that_nobody_reports_on_the_next_one_is_asked():
    old, newcomer = far_half(20), far_half(1, start=5000)[0]
    table = table_of([*old, *[n for n in nodes_of(60, 9000) if shared_bits(n) > 0]])
    for turn in range(45):  # each of them in its turn
        assert table.met(newcomer, 100.0 + turn * 60.0) is old[turn % 20]
        assert table.met(newcomer, 159.0 + turn * 60.0) is None


def test_one_that_refuses_or_answers_by_itself_shields_no_dead_contact():
    """The oldest cuts each question, the next one answers over a session of its own: the others have their turn."""
    old, newcomers = far_half(20), far_half(12, start=5000)
    refuser, caller, *dead = old[:14]
    table = table_of([*old, *[n for n in nodes_of(60, 9000) if shared_bits(n) > 0]])
    now = 100.0
    for newcomer in newcomers:
        while newcomer.peer not in table and now < 1000.0:
            now += 1.0
            asked = table.met(newcomer, now)
            if asked is refuser:
                table.refused(asked.peer)
            elif asked is caller:
                table.lives(asked.peer)
            elif asked in dead:
                table.failed(asked.peer)
    assert now < 240.0  # each contact is asked at most once a minute
    assert not set(dead) & set(table)
    assert {refuser, caller, *newcomers} <= set(table)


def test_a_contact_that_nobody_replaces_may_be_silent_once_and_is_told_to_nobody():
    table = table_of(nodes_of(5))
    silent = node_of(3)
    table.failed(silent.peer)
    assert silent.peer in table
    assert silent not in table.closest(silent.id)
    table.met(silent, 5.0)
    assert table.closest(silent.id)[0] is silent
    table.failed(silent.peer)
    table.lives(silent.peer)
    table.lives(node_of(99).peer)
    assert table.closest(silent.id)[0] is silent
    table.failed(silent.peer)
    table.failed(silent.peer)
    assert silent.peer not in table
    table.failed(silent.peer)  # nobody is there any more
    assert len(table) == 4


def test_when_all_are_silent_a_search_begins_with_them_all_the_same():
    """Else a node that nobody asks anything would ask nobody for ever."""
    nodes = nodes_of(5)
    table, entropy = table_of(nodes), SeededEntropy(1)
    for node in nodes[:4]:
        table.failed(node.peer)
    assert table.start(nodes[0].id, entropy) == nodes[4:]
    table.failed(nodes[4].peer)
    assert set(table.start(nodes[0].id, entropy)) == set(table.silent()) == set(nodes)
    table.met(nodes[2], 5.0)
    assert table.start(nodes[0].id, entropy) == [nodes[2]]
    assert set(table.silent()) == {*nodes} - {nodes[2]}


def test_of_those_who_wait_the_one_met_last_comes_first_and_the_oldest_is_forgotten():
    old, waiting = far_half(20), far_half(25, start=5000)
    table = table_of([*old, *[n for n in nodes_of(60, 9000) if shared_bits(n) > 0]])
    for at, node in enumerate(waiting):
        table.met(node, float(at))
    for node in old:
        table.failed(node.peer)
    assert [node for node in table if shared_bits(node) == 0] == waiting[:4:-1]
    table.failed(waiting[0].peer)  # forgotten
    table.failed(waiting[10].peer)
    table.failed(waiting[10].peer)
    assert len([node for node in table if shared_bits(node) == 0]) == 19


def test_one_who_waits_and_fails_is_forgotten():
    old, newcomer = far_half(20), far_half(1, start=5000)[0]
    table = table_of([*old, *[n for n in nodes_of(60, 9000) if shared_bits(n) > 0]])
    table.met(newcomer, 0.0)
    table.failed(newcomer.peer)
    table.failed(old[0].peer)
    table.failed(old[0].peer)
    assert newcomer.peer not in table
    assert old[0].peer not in table


# --- caps ------------------------------------------------------------------------------------------------------------


def test_a_network_gets_two_places_of_a_bucket_and_ten_of_the_table():
    crowd = [node_of(number, f"198.51.100.{number % 256}", 4000 + number) for number in range(500)]
    honest = nodes_of(300, 1000)
    table = table_of([*crowd, *honest, *crowd])
    of_crowd = [node for node in table if node.network == "198.51.100.0/24"]
    assert 2 <= len(of_crowd) <= 10
    for bucket in table.buckets:
        assert bucket.of_network("198.51.100.0/24") <= 2
    # Nor does it keep those out who could wait.
    assert all(sum(n.network == "198.51.100.0/24" for n in b.replacement_nodes.values()) <= 2 for b in table.buckets)


@pytest.mark.parametrize("cap", [1, 2, 4])
def test_the_cap_of_the_table_holds_beside_that_of_each_bucket(cap):
    crowd = [node_of(number, f"198.51.100.{number % 256}", 4000 + number) for number in range(500)]
    table = table_of([*crowd[:9], *nodes_of(300, 1000), *crowd], KadLimits(network_per_table=cap))
    assert sum(node.network == "198.51.100.0/24" for node in table) == cap


def test_those_who_wait_get_no_place_beyond_the_caps():
    crowd = [node for node in (node_of(n, f"198.51.100.{n}") for n in range(1, 20)) if shared_bits(node) == 0][:3]
    old = [*far_half(19, 100), crowd[0]]
    table = table_of([*old, *[n for n in nodes_of(60, 9000) if shared_bits(n) > 0]])
    for node in crowd[1:]:
        table.met(node, 1.0)
        assert node.peer not in table
    table.failed(old[0].peer)
    table.failed(old[1].peer)
    table.failed(old[1].peer)
    assert set(crowd) & set(table) == {crowd[0], crowd[2]}
    assert old[1].peer not in table
    table.failed(crowd[0].peer)
    assert set(crowd) & set(table) == {crowd[1], crowd[2]}


def test_a_lan_and_one_machine_are_not_counted_as_one_network():
    lan = [node_of(number, f"192.168.1.{number}") for number in range(1, 31)]
    here = [node_of(number, "127.0.0.1", 4000 + number) for number in range(100, 130)]
    assert len(table_of([*lan, *here], WIDE)) == 60
    assert len(table_of([node_of(number, "192.168.1.1", 4000 + number) for number in range(30)])) == 2


def test_a_contact_that_moves_into_a_full_network_loses_its_place():
    crowd = [node_of(number, f"198.51.100.{number}") for number in range(2)]
    table = table_of([*crowd, node_of(7)])
    table.met(node_of(7, "198.51.100.200"), 1.0)
    assert set(table) == set(crowd)
    table.met(node_of(7, "203.0.113.7"), 2.0)  # and gets it back elsewhere
    table.met(node_of(1, "203.0.113.1"), 2.0)
    table.met(node_of(8, "198.51.100.8"), 2.0)
    assert {node.network for node in table} == {"198.51.100.0/24", "203.0.113.0/24"}
    assert len(table) == 4


def test_ids_ground_to_be_near_this_node_cut_the_table_into_no_more_than_its_bound():
    limits = KadLimits(bucket=2, buckets=6)
    table = table_of(sorted(nodes_of(4000), key=lambda node: -distance(node.id, OWN.id)), limits)
    assert len(table.buckets) == 6
    assert len(table) <= 12


# --- refreshing ------------------------------------------------------------------------------------------------------


def test_ranges_that_were_not_searched_for_an_hour_are_lonely():
    table = table_of(nodes_of(400))
    entropy = SeededEntropy(1)
    assert table.lonely(3599.0, entropy) == []
    keys = table.lonely(3600.0, entropy)
    assert len(keys) == len(table.buckets)
    for key, bucket in zip(keys, table.buckets, strict=True):
        assert bucket.has_in_range(Node(key))
    table.searched(keys[2], 3600.0)
    again = table.lonely(3600.0, SeededEntropy(1))
    assert len(again) == len(keys) - 1
    assert not any(table.buckets[2].has_in_range(Node(key)) for key in again)
    assert len(table.lonely(7200.0, entropy)) == len(keys)


def test_a_range_is_as_fresh_after_a_split_as_before():
    table = Contacts(OWN.peer, LIMITS, 100.0)
    for node in nodes_of(100):
        table.met(node, 5000.0)
    assert table.lonely(3699.0, SeededEntropy(1)) == []
    assert len(table.lonely(3700.0, SeededEntropy(1))) == len(table.buckets) > 1


def test_it_speaks_of_itself():
    table = table_of(nodes_of(30))
    assert repr(table).startswith("<Contacts 30 in ")
    assert "waiting" in repr(table.buckets[0])


@given(st.permutations(range(60)))
@settings(max_examples=30)
def test_whom_it_knows_near_itself_does_not_depend_on_the_order(order):
    everybody = [node_of(number) for number in order]
    assert table_of(everybody).closest(OWN.id) == nearest(OWN.id, everybody)
