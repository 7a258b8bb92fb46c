import random

import pytest

from beam_actors.peers.kad.ids import BITS, distance, node_id
from beam_actors.peers.kad.limits import KadLimits
from simulations.overlay import HOUR, REPUBLISHED, Overlay, gang, ground, nearest, population

KEY = random.Random("key").randbytes(32)
LIMITS = KadLimits()


def around(lives, *, published=-HOUR, seed="1"):
    return Overlay(lives, KEY, published=published, limits=LIMITS, seed=seed)


def people(size=300, churn=0.2, seed=1):
    return population(size, churn, random.Random(seed))


def test_at_every_moment_as_many_live_and_a_fifth_of_them_are_new_each_hour():
    lives = people(2000)
    for moment in (-REPUBLISHED, -HOUR, -1.0, 0.0):
        assert sum(life.at(moment) for life in lives) == 2000
    stayed = sum(life.at(-HOUR) and life.at(0.0) for life in lives) / 2000
    assert 0.79 < stayed < 0.85  # e**-0.2 is 0.82
    assert len(people(100, 0.0)) == 100
    assert all(life.at(0) and life.at(-1e9) for life in people(100, 0.0))


def test_a_table_holds_those_who_lived_when_it_was_refreshed_and_near_it_those_who_came_since():
    lives = people(600)
    overlay = around(lives)
    of = {life.node.peer: life for life in lives}
    dead = fresh = held = 0
    for own in overlay.searchers(60):
        table = overlay.table(own)
        assert own.node.peer not in table
        assert overlay.table(own) is table
        for node in table:
            life = of[node.peer]
            assert life.died > -HOUR
            assert life.born < 0
            held += 1
            dead += not life.at(0)
            fresh += life.born > -HOUR / 2
    assert 0.03 < dead / held < 0.15  # of an hour's fifth, half on average
    assert fresh


def test_without_churn_the_nearest_are_all_known():
    lives = people(400, 0.0)
    overlay = around(lives)
    for own in overlay.searchers(40):
        others = [life for life in lives if life is not own]
        assert {node.peer for node in overlay.table(own).closest(own.node.id)} == {
            life.node.peer for life in nearest(own.node.id, others, 20)
        }


def test_the_value_is_with_the_nearest_honest_ones_of_the_moment_in_which_it_was_published():
    lives = people()
    overlay = around(lives, published=-3 * HOUR)
    there = nearest(KEY, [life for life in lives if life.at(-3 * HOUR)], 20)
    assert overlay.holders == {life.node.peer for life in there}
    assert overlay.left == sum(life.at(0) for life in there) < 20
    assert overlay.true == [life.node for life in nearest(KEY, [life for life in lives if life.at(0)], 20)]
    assert not {life.node.peer for life in overlay.searchers(100)} & overlay.holders


def test_a_gang_of_few_networks_is_given_few_of_the_values():
    lives = people()
    within = nearest(KEY, lives, 1)[0].node.long_id ^ int.from_bytes(KEY, "big")
    peers = ground(30, KEY, within)
    for networks, honest in ((2, 14), (4, 8), (30, 0)):
        overlay = around([*lives, *gang(peers, networks, random.Random(1))])
        assert len(overlay.holders) == honest


def test_ground_ids_follow_from_keys_and_stand_where_they_were_wanted():
    within = 1 << (BITS - 6)
    peers = ground(20, KEY, within)
    assert len(set(peers)) == 20
    assert all(distance(node_id(peer), KEY) < within for peer in peers)
    assert ground(20, KEY, within) == peers


def test_a_liar_names_its_gang_and_the_hidden_are_named_by_nobody_else():
    lives = people()
    open_ones = gang(ground(30, KEY, 1 << BITS), 30, random.Random(1))
    hidden = gang(ground(25, KEY, 1 << (BITS - 8)), 25, random.Random(2), hidden=True)
    overlay = around([*lives, *open_ones, *hidden])
    liar = open_ones[0]
    told = overlay.answer(liar, lives[0].node.peer)
    everybody = [life for life in [*open_ones, *hidden] if life is not liar]
    assert [node.peer for node in told[:20]] == [life.node.peer for life in nearest(KEY, everybody, 20)]
    secret = {life.node.peer for life in hidden}
    known = {node.peer for own in overlay.searchers(50) for node in overlay.answer(own, liar.node.peer)}
    assert not known & secret
    assert known & {life.node.peer for life in open_ones}


@pytest.mark.parametrize("seed", ["1", "2"])
def test_one_seed_is_one_network(seed):
    tables = [[list(map(str, around(people(), seed=seed).table(own))) for own in people()[:5]] for _ in range(2)]
    assert tables[0] == tables[1]
