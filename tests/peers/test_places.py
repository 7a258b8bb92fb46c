from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from beam_actors.peers.places import Places, source_of
from beam_actors.values import TcpAddress


def test_an_ipv6_household_is_one_source():
    one, two, other = (TcpAddress(ip, 1) for ip in ("2001:db8::1", "2001:db8::ffff", "2001:db8:0:1::1"))
    assert source_of(one) == source_of(two) != source_of(other)
    assert source_of(TcpAddress("192.0.2.1", 1)) != source_of(TcpAddress("192.0.2.2", 1))


def test_a_newcomer_takes_the_oldest_place_of_the_busiest_source():
    places, evicted = Places(total=3, per_source=2), []
    for number, source in enumerate(["a", "b", "b"]):
        place = places.take(source)
        place.evict = lambda number=number: evicted.append(number)
    assert places.take("c") is not None
    assert evicted == [1]
    assert len(places) == 3


def test_a_source_with_its_share_gets_no_more_and_evicts_nobody():
    places = Places(total=10, per_source=2)
    assert [places.take("a") is not None for _ in range(3)] == [True, True, False]
    assert len(places) == 2


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans()), max_size=80))
def test_the_bounds_hold_and_a_new_source_always_gets_in(steps):
    places, held = Places(total=5, per_source=3), []
    for source, leave in steps:
        if leave and held:
            place = held.pop(0)
            places.give_back(place)
            places.give_back(place)
            continue
        before = Counter(place.source for place in held)
        place = places.take(source)
        if place is not None:
            place.evict = lambda place=place: held.remove(place)
            held.append(place)
        counts = Counter(item.source for item in held)
        assert len(places) == len(held) <= 5
        assert max(counts.values(), default=0) <= 3
        if not before[source]:
            assert place is not None
