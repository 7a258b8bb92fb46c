from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from beam_actors.peers.places import Places, source_of
from beam_actors.values import TcpAddress


def fill(places, sources):
    """The places, taken at the time 0, and the positions of those that are evicted."""
    evicted = []
    for number, source in enumerate(sources):
        place = places.take(source, 0.0)
        place.evict = lambda number=number: evicted.append(number)
    return places, evicted


def test_an_ipv6_household_is_one_source():
    one, two, other = (TcpAddress(ip, 1) for ip in ("2001:db8::1", "2001:db8::ffff", "2001:db8:0:1::1"))
    assert source_of(one) == source_of(two) != source_of(other)
    assert source_of(TcpAddress("192.0.2.1", 1)) != source_of(TcpAddress("192.0.2.2", 1))


def test_a_newcomer_takes_the_oldest_place_of_the_busiest_source():
    places, evicted = fill(Places(total=3, per_source=2, patience=1.0), "abb")
    assert places.take("c", 0.0) is not None
    assert evicted == [1]
    assert len(places) == 3


def test_where_nobody_holds_two_those_under_way_are_left_alone_until_they_are_slow():
    places, evicted = fill(Places(total=3, per_source=2, patience=1.0), "abc")
    assert places.take("d", 0.9) is None
    assert evicted == []
    assert places.take("d", 1.0) is not None
    assert evicted == [0]
    assert places.take("e", 1.0) is not None
    assert evicted == [0, 1]


def test_of_equally_busy_sources_the_slowest_place_gives_way():
    places, evicted = Places(total=2, per_source=2, patience=1.0), []
    first = places.take("a", 0.0)
    for source, now in (("b", 0.1), ("a", 0.2)):
        if source == "a":
            places.give_back(first)
        place = places.take(source, now)
        place.evict = lambda source=source: evicted.append(source)
    assert places.take("c", 2.0) is not None
    assert evicted == ["b"]


def test_nobody_pushes_out_a_source_that_holds_no_more_than_itself():
    places, evicted = fill(Places(total=2, per_source=2, patience=1.0), "ab")
    assert places.take("a", 100.0) is None
    assert evicted == []


def test_a_source_with_its_share_gets_no_more_and_evicts_nobody():
    places = Places(total=10, per_source=2, patience=1.0)
    assert [places.take("a", 0.0) is not None for _ in range(3)] == [True, True, False]
    assert len(places) == 2


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans(), st.floats(0, 1)), max_size=80))
def test_the_bounds_hold_and_a_new_source_gets_in_unless_each_has_one_that_is_young(steps):
    places, held, now = Places(total=5, per_source=3, patience=1.0), [], 0.0
    for source, leave, gap in steps:
        now += gap
        if leave and held:
            place = held.pop(0)
            places.give_back(place)
            places.give_back(place)
            continue
        before = Counter(place.source for place in held)
        since = [place.since for place in held]
        place = places.take(source, now)
        if place is not None:
            place.evict = lambda place=place: held.remove(place)
            held.append(place)
        counts = Counter(item.source for item in held)
        assert len(places) == len(held) <= 5
        assert max(counts.values(), default=0) <= 3
        if not before[source] and (max(before.values(), default=0) > 1 or now - min(since, default=now) >= 1.0):
            assert place is not None
