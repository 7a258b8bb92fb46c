"""What a search finds, and what its paths do for that."""

import random
from collections import Counter

import pytest

from beam_actors.peers.kad.ids import distance
from beam_actors.peers.kad.limits import KadLimits
from beam_actors.peers.kad.node import KadNode
from beam_actors.values import TcpAddress
from tests.peers.kad.net import KEY, OWN, run, search_for
from tests.peers.kad.nodes import nearest, node_of, nodes_of

# --- what it finds ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("paths", [1, 2, 4, 8])
def test_it_finds_the_k_nearest_of_all_where_nobody_lies(net, paths):
    dice = random.Random(7)
    for _ in range(15):
        key = dice.randbytes(32)
        start = net.answer(OWN, key)
        search = search_for(key, start, KadLimits(paths=paths, parallel=paths))
        asked = run(search, lambda node, key=key: net.answer(node, key), dice)
        assert search.closest() == nearest(key, net.nodes)
        assert search.asked == len(asked) == len(set(asked)) <= 60
        assert 1 <= search.rounds <= 5


def test_it_finds_a_node_by_its_own_id(net):
    wanted = net.nodes[17]
    search = search_for(wanted.id, net.answer(OWN, wanted.id))
    run(search, lambda node: net.answer(node, wanted.id))
    assert search.closest()[0] is wanted


def test_those_that_do_not_answer_are_replaced_by_the_next_nearest(net):
    dead = set(nearest(KEY, net.nodes, 30)[::2])
    search = search_for(KEY, net.answer(OWN, KEY))
    run(search, lambda node: None if node in dead else net.answer(node, KEY), random.Random(1))
    assert search.closest() == nearest(KEY, set(net.nodes) - dead)


def test_nobody_to_begin_with_is_the_end():
    search = search_for(KEY, [])
    assert search.done
    assert search.asks() == []
    assert search.closest() == []


def test_one_that_answers_nothing_ends_it():
    search = search_for(KEY, [node_of(1)])
    assert [node.peer for node in search.asks()] == [node_of(1).peer]
    assert not search.done
    search.answered(node_of(1), [])
    assert search.done
    assert search.closest() == [node_of(1)]


def test_the_same_answers_make_the_same_search(net):
    orders = [
        run(search_for(KEY, start), lambda node: net.answer(node, KEY))
        for start in (net.answer(OWN, KEY), net.answer(OWN, KEY)[::-1])
    ]
    assert orders[0] == orders[1]


# --- paths -----------------------------------------------------------------------------------------------------------


def test_a_path_asks_only_those_whom_its_own_nodes_have_named(net):
    for seed in range(10):
        start = net.answer(OWN, KEY)
        search = search_for(KEY, start)
        named = {id(path): set(path._named) for path in search._paths}
        assert sum(map(len, named.values())) == len(start) == 20
        assert {len(ids) for ids in named.values()} == {5}
        path_of = {}

        def answer(node, named=named, path_of=path_of, search=search):
            told = net.answer(node, KEY)
            named[id(path_of[node.id])].update(other.id for other in told)
            return told

        dice, waiting = random.Random(seed), []
        while not search.done:
            for node in search.asks():
                path_of[node.id] = search._asks[node].path
                assert node.id in named[id(path_of[node.id])]
                waiting.append(node)
            node = waiting.pop(dice.randrange(len(waiting)))
            search.answered(node, answer(node))
        assert Counter(map(id, path_of.values())).keys() == named.keys()  # each path asks somebody


def test_one_liar_hides_the_key_from_a_single_path_and_not_from_four(net):
    """It names its gang, which is nearer than all others, and each of the gang does the same."""
    dice = random.Random(3)
    keys = [dice.randbytes(32) for _ in range(1000)]
    key = max(keys, key=lambda key: min(distance(node.id, key) for node in net.nodes))
    gang = sorted(nodes_of(5000, 20000), key=lambda node: distance(node.id, key))[:30]
    assert distance(gang[-1].id, key) < min(distance(node.id, key) for node in net.nodes)
    start = net.answer(OWN, key)[-8:]
    liars = {start[0], *gang}
    holders = set(nearest(key, net.nodes, 5))
    assert not holders & set(start)
    found = {}
    for paths in (1, 4):
        search = search_for(key, start, KadLimits(paths=paths))
        asked = run(search, lambda node: gang if node in liars else net.answer(node, key))
        assert len(liars.intersection(asked)) >= 20
        found[paths] = holders.intersection(asked)
    assert found[1] == set()
    assert found[4] == holders


def test_each_path_begins_at_another_distance():
    """Whose ids were ground for the key stand nearest to it, and must not be the first that each path asks."""
    start = nearest(KEY, nodes_of(100))
    search = search_for(KEY, start[::-1])
    assert [path.next() for path in search._paths] == start[::5]
    few = search_for(KEY, start[:6])
    assert [len(path._named) for path in few._paths] == [1, 2, 1, 2]


def test_a_gang_that_is_all_of_the_nearest_of_a_table_has_one_path(net):
    """Five of the twenty to begin with are of the gang, and nearer than the others."""
    dice = random.Random(3)
    keys = [dice.randbytes(32) for _ in range(1000)]
    key = max(keys, key=lambda key: min(distance(node.id, key) for node in net.nodes))
    gang = sorted(nodes_of(5000, 20000), key=lambda node: distance(node.id, key))[:30]
    search = search_for(key, [*gang[:5], *net.answer(OWN, key)[-15:]])
    asked = run(search, lambda node: gang if node in gang else net.answer(node, key))
    assert set(nearest(key, net.nodes, 5)) <= set(asked)


def test_one_liar_is_never_all_that_a_path_hears(net):
    """The first that each path asks is a liar, whose gang is nearer than all: it asks one more of those it knew."""
    dice = random.Random(3)
    keys = [dice.randbytes(32) for _ in range(1000)]
    key = max(keys, key=lambda key: min(distance(node.id, key) for node in net.nodes))
    gang = sorted(nodes_of(5000, 20000), key=lambda node: distance(node.id, key))[:20]
    known = net.answer(OWN, key)[-8:]
    liars = {*known[::2], *gang}
    for sure, asks_honest in ((1, False), (2, True)):
        search = search_for(key, known, KadLimits(sure=sure))
        asked = run(search, lambda node: gang if node in liars else net.answer(node, key))
        assert bool(set(asked) - liars) is asks_honest


def test_an_old_record_that_a_liar_passes_on_makes_nobody_be_missed(net):
    """It leads to where the nearest nodes no longer are; the paths that hear of where they are ask them there."""
    start = net.answer(OWN, KEY)
    wanted = nearest(KEY, net.nodes, 5)
    old = [KadNode(node.record, TcpAddress(f"203.0.{which}.9", 1)) for which, node in enumerate(wanted)]
    search = search_for(KEY, start[8:])
    (liar, *rest) = search.asks()
    search.answered(liar, old)
    waiting, asked_in_vain = [*rest, *search.asks()], set()
    while not search.done:
        waiting += search.asks()
        node = waiting.pop(0 if waiting[0] in old else -1)  # what is in vain is known first
        if node in old:
            asked_in_vain.add(node)
            search.slow(node)
            search.failed(node)
        else:
            search.answered(node, net.answer(node, KEY))
    assert asked_in_vain
    assert search.closest()[:5] == wanted


def test_while_all_paths_go_on_each_has_one_question(net):
    search = search_for(KEY, net.answer(OWN, KEY))
    waiting = search.asks()
    while not search.done:
        quick = search._asks[waiting[-1]].path
        search.answered(waiting[-1], net.answer(waiting[-1], KEY))
        new = search.asks()
        going = [path for path in search._paths if path.waiting or path.next()]
        if len(going) == 4:
            assert [path.waiting for path in going] == [1] * 4
            assert [search._asks[node].path for node in new] == [quick]
        waiting = [*waiting[:-1], *new]
    assert search.asked > 20


def test_a_path_that_hears_nothing_holds_up_itself_alone(net):
    search = search_for(KEY, net.answer(OWN, KEY))
    first = search.asks()
    assert len(first) == 4
    silent = search._asks[first[0]].path
    waiting = first[1:]
    while waiting:
        node = waiting.pop(0)
        search.answered(node, net.answer(node, KEY))
        waiting += search.asks()
    assert silent.waiting == 1
    assert not search.done
    assert set(nearest(KEY, net.nodes)) <= {*search._answered.values(), first[0]}
    search.slow(first[0])
    run(search, lambda node: net.answer(node, KEY))
    assert search.done


def test_a_late_answer_counts_and_one_after_the_end_does_not(net):
    search = search_for(KEY, net.answer(OWN, KEY))
    nearest_one = nearest(KEY, net.nodes)[0]
    waiting = []
    while not search.done:
        for node in search.asks():
            if node is nearest_one:
                search.slow(node)
                search.slow(node)
            else:
                waiting.append(node)
        if waiting:
            node = waiting.pop(0)
            search.answered(node, net.answer(node, KEY))
    assert nearest_one not in search.closest()
    search.answered(nearest_one, net.answer(nearest_one, KEY))
    assert search.closest()[0] is nearest_one
    assert any(nearest_one in path._heap for path in search._paths)  # one of the k again
    run(search, lambda node: net.answer(node, KEY))
    search.answered(nearest_one, [node_of(77777)])
    search.failed(nearest_one)
    assert search.done
    assert search.closest() == nearest(KEY, net.nodes)


def test_it_speaks_of_itself():
    search = search_for(KEY, nodes_of(9))
    search.asks()
    assert repr(search) == f"<Search {KEY.hex()[:8]}, 4 paths, 4 asked>"
    assert "29 asks left, 1 waited for" in repr(search._paths[0])
