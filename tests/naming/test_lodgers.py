from hypothesis import given
from hypothesis import strategies as st

from beam_actors.naming.lodgers import Lodgers, Lodging
from beam_actors.values import Name
from tests.naming.builders import owner_id

PLACE = bytes([7]) * 32
places = st.integers(0, 2**16 - 1).map(lambda number: number.to_bytes(32, "big"))
KEYS = [(Name(f"name-{number}"), owner_id(number % 3)) for number in range(30)]


def distance(at):
    return int.from_bytes(at, "big") ^ int.from_bytes(PLACE, "big")


@given(st.dictionaries(st.sampled_from(KEYS), places, max_size=20), st.integers(0, 5))
def test_the_nearest_are_kept_in_whatever_order_they_come(names, most):
    lodgers = Lodgers(PLACE, kept=most, sought=0)
    gone = {one for key, at in names.items() if (one := lodgers.add(key, at, Lodging.KEPT)) is not None}
    nearest = sorted(names, key=lambda key: (distance(names[key]), key))[:most]
    assert {key for key in names if key in lodgers} == set(nearest)
    assert gone == names.keys() - set(nearest)


@given(st.dictionaries(st.sampled_from(KEYS), places, min_size=1, max_size=20), st.integers(1, 5))
def test_there_is_room_for_the_nearer_only(names, most):
    lodgers = Lodgers(PLACE, kept=most, sought=0)
    for key, at in names.items():
        before = {one: names[one] for one in names if one in lodgers}
        room = lodgers.has_room(at, Lodging.KEPT)
        gone = lodgers.add(key, at, Lodging.KEPT)
        assert room or gone == key or names[gone] == at
        assert len(lodgers) == min(most, len(before) + 1)
    assert not lodgers.has_room(PLACE, Lodging.SOUGHT)


@given(st.lists(st.sampled_from(KEYS), max_size=40), st.integers(1, 5))
def test_those_that_were_sought_go_in_the_order_in_which_they_came(keys, most):
    lodgers = Lodgers(PLACE, kept=0, sought=most)
    for key in keys:
        lodgers.add(key, PLACE, Lodging.SOUGHT)
    last = list(dict.fromkeys(reversed(keys)))[:most]
    assert {key for key in KEYS if key in lodgers} == set(last)


def test_who_is_kept_is_not_pushed_out_by_what_is_sought():
    lodgers = Lodgers(PLACE, kept=1, sought=1)
    lodgers.add(KEYS[0], PLACE, Lodging.SOUGHT)
    lodgers.add(KEYS[0], PLACE, Lodging.KEPT)
    assert lodgers.add(KEYS[1], PLACE, Lodging.SOUGHT) is None
    assert lodgers.add(KEYS[0], PLACE, Lodging.SOUGHT) is None
    assert len(lodgers) == 2
    lodgers.discard(KEYS[0])
    lodgers.discard(KEYS[0])
    assert len(lodgers) == 1
