import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.naming import deposits as module
from beam_actors.naming.deposits import Deposits
from beam_actors.naming.ranges import hold_key
from beam_actors.values import Name, OwnerId
from tests.naming.builders import NETWORK, owner_id

KEYS = [(Name(f"n{number}"), owner_id(number % 3)) for number in range(9)]
PLACE = bytes(range(32))


def distance(key):
    return int.from_bytes(hold_key(NETWORK, *key), "big") ^ int.from_bytes(PLACE, "big")


@given(st.lists(st.tuples(st.sampled_from(KEYS), st.booleans()), max_size=30))
def test_the_nearest_are_kept_and_found_under_their_keys(steps):
    deposits, model, stored = Deposits(NETWORK, PLACE, 4), set(), set()
    for key, comes in steps:
        if comes:
            fits = key in model or len(model) < 4 or distance(key) < max(map(distance, model))
            assert deposits.has_room(key) is fits
            gone = deposits.add(key)
            model.add(key)
            assert gone == (max(model, key=distance) if len(model) > 4 else None)
            model.discard(gone)
        else:
            deposits.discard(key)
            model.discard(key)
        assert len(deposits) == len(model)
        for one in deposits.touched():
            (stored.add if one in deposits else stored.discard)(one)
        assert stored == model
        for one in KEYS:
            assert (one in deposits) is (one in model)
            assert deposits.under(hold_key(NETWORK, *one)) == (one if one in model else None)


@given(st.permutations(range(9)))
def test_of_one_name_there_are_few(order):
    deposits = Deposits(NETWORK, PLACE, 8)
    keys = [(Name("alice"), OwnerId(bytes([number]) * 32)) for number in range(9)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "OF_ONE_NAME", 3)
        for number in order:
            room = deposits.has_room(keys[number])
            assert (deposits.add(keys[number]) != keys[number]) is room
        assert {key for key in keys if key in deposits} == set(sorted(keys, key=distance)[:3])


def test_what_is_taken_back_is_not_written_again():
    deposits = Deposits(NETWORK, PLACE, 2)
    for key in KEYS[:3]:
        deposits.load(key)
    gone = max(KEYS[:3], key=distance)
    assert deposits.touched() == [gone]
    assert gone not in deposits
    assert len(deposits) == 2


def test_where_nothing_may_be_kept_nothing_is():
    deposits = Deposits(NETWORK, PLACE, 0)
    assert not deposits.has_room(KEYS[0])
    assert deposits.add(KEYS[0]) == KEYS[0]
    assert deposits.under(hold_key(NETWORK, *KEYS[0])) is None
