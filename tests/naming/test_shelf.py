from hypothesis import given
from hypothesis import strategies as st

from beam_actors.naming.shelf import Shelf

KEYS = st.tuples(st.integers(0, 2), st.integers(0, 2))


@given(st.lists(st.tuples(st.sampled_from(["put", "pop"]), KEYS), max_size=40))
def test_it_is_a_dictionary_of_dictionaries(steps):
    shelf, model = Shelf(lambda value: value[0]), {}
    for number, (step, (group, member)) in enumerate(steps):
        if step == "put":
            assert shelf.put(group, (member, number)) == (member not in model.get(group, {}))
            model.setdefault(group, {})[member] = (member, number)
        else:
            assert shelf.pop(group, member) == model.get(group, {}).pop(member, None)
            if not model.get(group, True):
                del model[group]
        assert (len(shelf), list(shelf.groups())) == (len(model), list(model))
        assert list(shelf.values()) == [value for here in model.values() for value in here.values()]
        for one in range(3):
            assert list(shelf.of(one)) == list(model.get(one, {}).values())
            assert (one in shelf) == (one in model)
            assert [shelf.get(one, other) for other in range(3)] == [
                model.get(one, {}).get(other) for other in range(3)
            ]


def test_a_group_of_one_is_no_dictionary():
    shelf = Shelf(lambda value: value)
    shelf.put("one", "a")
    assert shelf._groups == {"one": "a"}
    shelf.put("one", "b")
    shelf.pop("one", "a")
    assert shelf._groups == {"one": "b"}
    assert repr(shelf) == "<Shelf of 1 groups>"
