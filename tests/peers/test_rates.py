from hypothesis import given
from hypothesis import strategies as st

from beam_actors.peers.rates import Rates


def test_a_source_that_used_up_its_burst_gets_on_slowly():
    rates = Rates(per_second=2.0, burst=3, sources=10)
    assert [rates.spend("a", 0.0) for _ in range(5)] == [True, True, True, False, False]
    assert rates.spend("b", 0.0)
    assert [rates.spend("a", 0.5), rates.spend("a", 0.5)] == [True, False]
    assert [rates.spend("a", 100.0) for _ in range(4)] == [True, True, True, False]


def test_to_ask_whether_one_more_may_come_uses_up_nothing():
    rates = Rates(per_second=2.0, burst=1, sources=2)
    assert all(rates.may("a", 0.0) for _ in range(3))
    assert len(rates) == 0
    assert rates.spend("a", 0.0)
    assert [rates.may("a", now) for now in (0.0, 0.4, 0.5)] == [False, False, True]


def test_the_sources_that_came_longest_ago_are_forgotten():
    rates = Rates(per_second=1.0, burst=1, sources=2)
    for source in ("a", "b", "a", "c"):
        rates.spend(source, 0.0)
    assert len(rates) == 2
    assert not rates.spend("a", 0.0)
    assert rates.spend("b", 0.0)


@given(st.lists(st.floats(0, 3), max_size=60))
def test_in_any_stretch_of_time_no_more_come_than_the_burst_and_the_rate_allow(gaps):
    rates, now, came = Rates(per_second=2.0, burst=4, sources=2), 0.0, []
    for gap in gaps:
        now += gap
        if rates.spend("a", now):
            came.append(now)
    for first, start in enumerate(came):
        for last in range(first, len(came)):
            assert last - first + 1 <= 4 + 2.0 * (came[last] - start) + 1e-6


def test_who_owes_comes_when_it_is_paid():
    rates = Rates(per_second=2.0, burst=4, sources=2)
    assert rates.spend("a", 0.0)
    rates.charge("a", 5, 0.0)
    assert not rates.spend("a", 1.4)
    assert rates.spend("a", 1.5)
    assert rates.spend("b", 0.0)


def test_nobody_owes_more_than_the_burst():
    rates = Rates(per_second=2.0, burst=4, sources=2)
    for _ in range(64):
        rates.charge("a", 128, 0.0)
    assert not rates.spend("a", 2.4)
    assert rates.spend("a", 2.5)
