from math import inf

from hypothesis import given
from hypothesis import strategies as st

from beam_actors.naming.outbox import Outbox

ID = st.integers(0, 9).map(lambda number: bytes([number]))
CLAIM = st.tuples(ID, st.sampled_from([b"", b"encoded"])).map(lambda both: (both[0], both[1] and both[1] + both[0]))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.lists(CLAIM, max_size=6), st.floats(0, 100)),
        st.tuples(st.just("drop"), st.lists(ID, max_size=6)),
        st.tuples(st.just("take"), st.integers(1, 4)),
    ),
    max_size=30,
)


def split(claims):
    return [encoded for _, encoded in claims if encoded], tuple(one for one, encoded in claims if not encoded)


@given(steps=STEPS, room=st.integers(1, 5))
def test_it_is_a_bounded_queue_of_distinct_claims(steps, room):
    outbox, model, due = Outbox(room), {}, inf
    for step in steps:
        match step:
            case "put", claims, when:
                for one, encoded in claims:
                    model[one] = model.get(one) or encoded
                assert outbox.put(claims, when) == (len(model) <= room)
                model = dict(list(model.items())[-room:])
                due = min(due, when) if model else inf
            case "drop", ids:
                outbox.drop(ids)
                model = {one: encoded for one, encoded in model.items() if one not in ids}
            case "take", most:
                assert outbox.take(most) == split(list(model.items())[:most])
                model = dict(list(model.items())[most:])
        due = due if model else inf
        assert (len(outbox), outbox.due) == (len(model), due)
    assert outbox.take(100) == split(model.items())


def test_what_has_to_go_for_want_of_room_is_the_oldest():
    outbox = Outbox(2)
    assert outbox.put([(b"1", b"one"), (b"2", b"")], 5.0)
    assert not outbox.put([(b"3", b"three")], 7.0)
    assert outbox.due == 5.0
    assert outbox.take(9) == ([b"three"], (b"2",))
    assert outbox.due == inf
