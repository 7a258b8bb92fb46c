import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.naming.ranges import FOR_OWNERS, ITEM, PREFIX, TOP, Items, Snapshot, item_of, name_key
from beam_actors.values import Name

# Few different bytes, so that items share long beginnings.
items = st.binary(min_size=ITEM, max_size=ITEM) | st.lists(
    st.sampled_from(b"\x00\x01\xff"), min_size=ITEM, max_size=ITEM
).map(bytes)
sets = st.frozensets(items, max_size=30)
bounds = st.binary(max_size=ITEM) | items.map(lambda item: item[:9])


def test_a_known_place():
    key = hashlib.blake2b(b"beam\0byronwade", digest_size=32, person=b"beam-name-key-1").digest()
    assert name_key("beam", Name("byronwade")) == key
    assert item_of(bytes(32), key) == key[:8] + bytes(32)
    assert item_of(b"r" * 32, None) == FOR_OWNERS + b"r" * 32


def test_a_known_fingerprint():
    data = bytes(range(ITEM)) + bytes(range(1, ITEM + 1))
    print_ = hashlib.blake2b(data, digest_size=16, key=b"s" * 16, person=b"beam-ranges-1").digest()
    assert Snapshot([data[ITEM:], data[:ITEM]]).fingerprint(b"s" * 16, range(2)) == print_


@given(sets, bounds)
def test_a_snapshot_is_its_items_in_order(some, bound):
    one, ordered = Snapshot(tuple(some)), sorted(some)
    assert [one[place] for place in range(len(one))] == ordered
    assert (
        list(one.ids(range(len(one))))
        == [item[PREFIX:] for item in ordered]
        == [one.id(place) for place in range(len(one))]
    )
    assert one.place(bound) == sum(item < bound for item in some)
    with pytest.raises(IndexError):
        one[len(one)]


@given(sets.filter(lambda some: len(some) > 1), st.data())
def test_a_border_is_the_shortest_bound_between_two_items(some, data):
    one = Snapshot(tuple(some))
    place = data.draw(st.integers(1, len(one) - 1))
    border = one.border(place)
    assert one.place(border) == place
    assert not one[place - 1] < border[:-1] <= one[place]


@given(sets, sets, st.binary(min_size=16, max_size=16), st.data())
def test_fingerprints_are_equal_for_equal_items_only(some, others, salt, data):
    one, other = Snapshot(tuple(some)), Snapshot(tuple(others))
    bound = data.draw(bounds)
    below, above = range(one.place(bound)), range(one.place(bound), len(one))
    lower, upper = range(other.place(bound)), range(other.place(bound), len(other))
    for mine, theirs, same in (
        (below, lower, {item for item in some if item < bound} == {item for item in others if item < bound}),
        (above, upper, {item for item in some if item >= bound} == {item for item in others if item >= bound}),
    ):
        assert (one.fingerprint(salt, mine) == other.fingerprint(salt, theirs)) == same


def test_another_salt_gives_another_fingerprint():
    one = Snapshot([bytes(ITEM)])
    assert one.fingerprint(bytes(16), range(1)) != one.fingerprint(b"\1" + bytes(15), range(1))


@given(sets, st.binary(min_size=8, max_size=8), st.just(TOP) | st.binary(min_size=8, max_size=8))
def test_a_region_is_what_lies_in_it_and_what_concerns_owners(some, lower, upper):
    inside = {
        item for item in some if item[:8] == FOR_OWNERS or (lower <= item[:8] and (upper == TOP or item[:8] < upper))
    }
    one = Snapshot(tuple(some)).within(lower, upper)
    assert {one[place] for place in range(len(one))} == inside


@given(sets, sets, sets)
def test_what_changed_is_put_in_and_taken_out(some, new, gone):
    after = Snapshot(tuple(some)).changed(new, gone - new)
    assert [after[place] for place in range(len(after))] == sorted((some | new) - (gone - new))


@given(st.lists(st.tuples(st.sampled_from(["add", "discard", "look"]), st.integers(0, 6)), max_size=60))
def test_items_are_a_set_that_changes(steps):
    one, model = Items(), set()
    for what, number in steps:
        item = bytes([number]) * ITEM
        if what == "look":
            before = one.snapshot()
            assert before is one.snapshot()
        else:
            getattr(one, what)(item)
            getattr(model, what)(item)
    now = one.snapshot()
    assert [now[place] for place in range(len(now))] == sorted(model)


def test_a_snapshot_stays_as_it_was():
    one = Items()
    one.add(bytes(ITEM))
    before = one.snapshot()
    one.discard(bytes(ITEM))
    assert len(before) == 1
    assert len(one.snapshot()) == 0
