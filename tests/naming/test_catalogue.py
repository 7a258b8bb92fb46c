import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.naming.catalogue import Catalogue
from beam_actors.naming.ranges import FOR_OWNERS, item_of, name_key
from beam_actors.naming.registry import Registry
from tests.naming.builders import NAMES, NETWORK, claim, pool, revocation


def items(snapshot):
    return [snapshot[place] for place in range(len(snapshot))]


def test_claims_are_found_by_their_ids_and_lie_where_their_names_do():
    one = Catalogue()
    one.add(claim(0))
    one.add(revocation(1))
    assert (one[claim(0).id], one.get(bytes(32))) == (claim(0), None)
    assert (len(one), list(one.values()), claim(0).id in one) == (2, [claim(0), revocation(1)], True)
    assert items(one.snapshot()) == [
        FOR_OWNERS + revocation(1).id,
        item_of(claim(0).id, name_key(NETWORK, NAMES[0])),
    ]
    one.remove(claim(0))
    assert (len(one), list(one.values())) == (1, [revocation(1)])
    assert items(one.snapshot()) == [FOR_OWNERS + revocation(1).id]


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(pool())), max_size=40), st.sampled_from([1, 2, 1 << 60]))
def test_claims_that_share_a_number_are_told_apart_by_their_ids(steps, numbers):
    one, model = Catalogue(lambda claim_id: hash(claim_id) % numbers), {}
    for comes, step in steps:
        if comes:
            one.add(step)
            model[step.id] = step
        elif model.pop(step.id, None) is not None:
            one.remove(step)
        else:
            with pytest.raises(KeyError):
                one.remove(step)
            with pytest.raises(KeyError):
                one[step.id]
    assert (len(one), sorted(held.id for held in one.values())) == (len(model), sorted(model))
    assert [one.get(other.id) for other in pool()] == [model.get(other.id) for other in pool()]
    assert sorted(one.snapshot().ids(range(len(model)))) == sorted(model)


@given(st.lists(st.sampled_from([None, *pool()]), max_size=40))
def test_a_registrys_snapshot_holds_what_the_registry_holds(steps):
    one = Registry()
    for step in steps:
        if step is None:
            one.snapshot()
        else:
            one.merge(step)
    snapshot = one.snapshot()
    assert sorted(snapshot.ids(range(len(snapshot)))) == sorted(held.id for held in one)
