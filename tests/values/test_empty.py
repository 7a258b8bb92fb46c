import pytest

from beam_actors.values import EMPTY


@pytest.mark.parametrize(
    "put",
    [
        lambda: EMPTY.append(1),
        lambda: EMPTY.appendleft(1),
        lambda: EMPTY.extend([1]),
        lambda: EMPTY.extendleft([1]),
        lambda: EMPTY.insert(0, 1),
    ],
)
def test_nothing_is_lost_in_it(put):
    with pytest.raises(TypeError, match="make a deque"):
        put()
    assert not EMPTY
    assert list(EMPTY) == []
