"""A search among nodes that lie, or that name others in vain."""

import heapq
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_actors.peers.kad.ids import distance, node_id
from beam_actors.peers.kad.limits import KadLimits
from beam_actors.peers.kad.search import Search
from tests.peers.kad.net import KEY, LIMITS, OWN, run, search_for
from tests.peers.kad.nodes import nearest, node_of, nodes_of

# --- named in vain ----------------------------------------------------------------------------------------------------


def by_the_clock(search, answer, takes=lambda _node: 0.3):
    """Drive a search: each takes its time, infinite for nobody there; returns when it ended, and who was asked."""
    agenda, now, order, asked = [], 0.0, 0, []
    while now < 12:
        for node in search.asks():
            asked.append(node)
            for after, what in ((1, search.slow), (2, search.silent), (5, search.failed), (takes(node), None)):
                order += 1
                if after < 12:
                    heapq.heappush(agenda, (now + after, order, what, node))
        if search.done:
            break
        now, _, what, node = heapq.heappop(agenda)
        if what is None:
            search.answered(node, answer(node))
        else:
            what(node)
    return now, asked


def holes_before(key, net, count=20):
    """Places that are nearer to a key than every node, and where nobody is."""
    holes = sorted(nodes_of(5000, 20000), key=lambda node: distance(node.id, key))[:count]
    assert distance(holes[-1].id, key) < min(distance(node.id, key) for node in net.nodes)
    return holes


@pytest.fixture(scope="module")
def lonely_key(net):
    """A key that nobody is near to."""
    dice = random.Random(3)
    keys = [dice.randbytes(32) for _ in range(1000)]
    return max(keys, key=lambda key: min(distance(node.id, key) for node in net.nodes))


@pytest.mark.parametrize("liars", [1, 3])
def test_who_names_black_holes_is_soon_asked_for_no_more_of_them(net, lonely_key, liars):
    start = net.answer(OWN, lonely_key)
    lying, holes = set(start[:liars]), holes_before(lonely_key, net)

    def run_with(vain):
        search = search_for(lonely_key, start, KadLimits(vain=vain))
        end, asked = by_the_clock(
            search,
            lambda node: holes if node in lying else net.answer(node, lonely_key),
            lambda node: math.inf if node in holes else 0.3,
        )
        assert search.closest() == nearest(lonely_key, net.nodes)
        return end, len(set(holes).intersection(asked))

    credulous, all_of_them = run_with(vain=1000)
    assert all_of_them == len(holes)
    end, in_vain = run_with(vain=LIMITS.vain)
    assert in_vain <= 12  # four at once in the time until the first are known for what they are
    assert end < credulous - 2


def test_who_named_those_that_are_only_far_away_is_believed_again(net):
    """All that one has named are far: they are late, and silent, and answer."""
    (only,) = net.answer(OWN, KEY)[:1]
    search = search_for(KEY, [only])
    _, asked = by_the_clock(search, lambda node: net.answer(node, KEY), lambda node: 0.3 if node is only else 2.5)
    assert set(nearest(KEY, net.nodes, 10)) <= set(asked)
    assert len(asked) > 20


def test_what_another_has_named_too_is_asked_though_its_first_namer_lied(net, lonely_key):
    liar, honest = node_of(70001), node_of(70002)
    holes = holes_before(lonely_key, net)[:6]
    wanted = nearest(lonely_key, net.nodes, 5)
    search = search_for(lonely_key, [liar, honest], KadLimits(paths=1, sure=2))
    _, asked = by_the_clock(
        search,
        lambda node: [*holes, *wanted] if node is liar else wanted if node is honest else [],
        lambda node: math.inf if node in holes else 4.0 if node is honest else 0.1,
    )
    assert set(wanted) <= set(asked)


@pytest.mark.parametrize("late", [False, True])
def test_whom_this_node_could_not_ask_is_held_against_nobody(late):
    """One names twenty; one of them answers, and the next eight become of nothing."""

    def asked_with(became):
        namer = node_of(70001)
        search = search_for(KEY, [namer], KadLimits(paths=1))
        search.answered(*search.asks(), nodes_of(20))
        asked = 0
        while not search.done:
            for node in search.asks():
                asked += 1
                if 2 <= asked <= 9:
                    if late:
                        search.slow(node)
                        search.silent(node)
                    became(search, node)
                else:
                    search.answered(node, [])
        return asked

    assert asked_with(Search.failed) <= 8  # four more in vain than answered, and three that were being asked
    assert asked_with(Search.unasked) == 20


def test_whom_this_node_could_not_ask_is_gone_all_the_same(net):
    refused = nearest(KEY, net.nodes, 10)[::2]
    search = search_for(KEY, net.answer(OWN, KEY))
    waiting = []
    while not search.done:
        for node in search.asks():
            if node in refused:
                search.unasked(node)
                search.unasked(node)
                search.silent(node)
            else:
                waiting.append(node)
        if waiting:
            node = waiting.pop(0)
            search.answered(node, net.answer(node, KEY))
    assert search.closest() == nearest(KEY, set(net.nodes) - set(refused))
    assert search.unanswered() == []


@pytest.mark.parametrize("gone", [50, 150])
def test_honest_answers_that_are_old_are_not_held_against_anybody(net, gone):
    """A sixth, or half, of those who are named have left: as many of the nearest are found as if nobody counted."""
    found = {}
    for vain in (1000, LIMITS.vain):
        dice = random.Random(11)
        found[vain] = 0
        for _ in range(10):
            key = dice.randbytes(32)
            dead = set(dice.sample(net.nodes, gone))
            search = search_for(key, net.answer(OWN, key), KadLimits(vain=vain))
            by_the_clock(
                search,
                lambda node, key=key: net.answer(node, key),
                lambda node, dead=dead: math.inf if node in dead else 0.3,
            )
            found[vain] += len(set(nearest(key, set(net.nodes) - dead)).intersection(search.closest()))
    assert found[LIMITS.vain] >= found[1000] - 1


# --- hostile answers -------------------------------------------------------------------------------------------------


def test_ten_thousand_names_are_cut_before_they_are_looked_at():
    looked_at = []

    def flood():
        for number in range(10_000):
            looked_at.append(number)
            yield node_of(30000 + number % 50)

    search = search_for(KEY, [node_of(1)])
    (node,) = search.asks()
    search.answered(node, flood())
    assert len(looked_at) == 20


def test_a_heap_holds_no_more_than_it_may_however_many_are_named():
    search = search_for(KEY, nodes_of(20), KadLimits(asks=400))
    made = iter(range(40000, 10**6))
    asked = run(search, lambda node: [node_of(next(made)) for _ in range(20)])
    assert len(asked) == len(set(asked)) > 100
    for path in search._paths:
        assert len(path._heap.heap) <= 60
        assert len(path._named) <= 20 * 101
    assert search.asked <= 400


def test_this_node_and_whoever_failed_are_never_asked():
    failed = node_of(2)
    search = search_for(KEY, [node_of(1), OWN, failed], KadLimits(paths=1, parallel=1))
    asked = run(search, lambda node: None if node is failed else [OWN, failed, node_of(1), node])
    assert sorted(node.peer for node in asked) == sorted([node_of(1).peer, failed.peer])


def test_one_network_gets_one_place_of_an_answer_and_three_of_a_path():
    crowd = [node_of(50000 + number, f"198.51.100.{number + 1}") for number in range(60)]
    search = search_for(KEY, [node_of(1)])
    (node,) = search.asks()
    search.answered(node, crowd[:20])
    assert len(search._paths[0]._named) == 2
    asked = run(search, lambda node: crowd)
    assert len(asked) == 3


def test_a_result_holds_three_of_one_network():
    crowd = [node_of(50000 + number, f"198.51.100.{number + 1}") for number in range(60)]
    crowd.sort(key=lambda node: distance(node.id, KEY))
    others = nodes_of(40)
    search = search_for(KEY, [*crowd[:10], *others[:10]])
    asked = run(search, lambda node: others)
    found = search.closest()
    assert len(set(crowd).intersection(asked)) > 3  # by several paths
    assert [node for node in found if node in crowd] == crowd[:3]
    assert found == nearest(KEY, [*crowd[:3], *set(asked).difference(crowd)])


def test_a_path_spends_its_own_share_of_the_questions_only(net):
    """One path is led on and on; the others still have all of theirs."""
    made = iter(range(60000, 10**6))
    search = search_for(KEY, net.answer(OWN, KEY), KadLimits(asks=40, parallel=4))
    bad = search._paths[0]
    waiting, of_bad = [], 0
    while not search.done:
        for node in search.asks():
            of_bad += search._asks[node].path is bad
            waiting.append(node)
        node = waiting.pop(0)
        nearer = sorted((node_of(next(made)) for _ in range(200)), key=lambda n: distance(n.id, KEY))[:20]
        lies = search._asks[node].path is bad
        search.answered(node, nearer if lies else net.answer(node, KEY))
    assert of_bad == 10
    assert search.asked <= 40


answers = st.one_of(
    st.none(),
    st.just("slow"),
    st.just("unasked"),
    st.lists(st.integers(0, 120), max_size=30),
    st.just([120] * 30),
)


@given(
    st.lists(st.integers(0, 120), max_size=30),
    st.lists(answers, max_size=150),
    st.integers(1, 6),
    st.integers(1, 6),
    st.randoms(use_true_random=False),
)
@settings(max_examples=150, deadline=None)
def test_it_ends_under_any_answers_and_asks_nobody_twice(start, script, paths, parallel, dice):
    def named(numbers):
        # 120 is this node; some come with the address of another.
        return [OWN if n == 120 else node_of(n, f"11.9.{n % 7}.{n + 1}") for n in numbers]

    limits = KadLimits(paths=paths, parallel=parallel, asks=30, bucket=8)
    search = search_for(KEY, dict.fromkeys(named(start)), limits)
    script = iter(script)
    waiting, late, asked = [], [], []
    while not search.done:
        new = search.asks()
        asked += new
        waiting += new
        assert len(waiting) <= parallel
        node = waiting.pop(dice.randrange(len(waiting)))
        match next(script, []):
            case None:
                search.failed(node)
            case "slow":
                search.slow(node)
                late.append(node)
            case "unasked":
                search.unasked(node)
            case told:
                search.answered(node, named(told))
    for node in late:
        search.answered(node, named(range(20)))
    assert len(asked) == len({node.peer for node in asked}) == search.asked <= 30
    assert OWN.peer not in {node.peer for node in asked}
    found = search.closest()
    assert found == sorted(found, key=lambda n: distance(node_id(n.peer), KEY))
    assert {node.peer for node in found} <= {node.peer for node in asked}
