from math import inf

from hypothesis import given
from hypothesis import strategies as st

from beam_actors.naming.outbox import Outbox

CLAIM = st.integers(0, 9).map(lambda number: bytes([number]))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.lists(CLAIM, max_size=6), st.floats(0, 100)),
        st.tuples(st.just("drop"), st.lists(CLAIM, max_size=6)),
        st.tuples(st.just("take"), st.integers(1, 4)),
    ),
    max_size=30,
)


@given(steps=STEPS, room=st.integers(1, 5))
def test_it_is_a_bounded_queue_of_distinct_claims(steps, room):
    outbox, model, due = Outbox(room), [], inf
    for step in steps:
        match step:
            case "put", claims, when:
                model += [claim for claim in dict.fromkeys(claims) if claim not in model]
                assert outbox.put(claims, when) == (len(model) <= room)
                model = model[-room:]
                due = min(due, when) if model else inf
            case "drop", claims:
                outbox.drop(claims)
                model = [claim for claim in model if claim not in claims]
            case "take", most:
                assert outbox.take(most) == model[:most]
                model = model[most:]
        due = due if model else inf
        assert (len(outbox), outbox.due) == (len(model), due)
    assert outbox.take(100) == model


def test_what_has_to_go_for_want_of_room_is_the_oldest():
    outbox = Outbox(2)
    assert outbox.put([b"1", b"2"], 5.0)
    assert not outbox.put([b"3"], 7.0)
    assert outbox.due == 5.0
    assert outbox.take(9) == [b"2", b"3"]
    assert outbox.due == inf
