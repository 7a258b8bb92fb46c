import pytest

from beam_actors.errors import InvalidValue
from beam_actors.testing.network import Conditions


@pytest.mark.parametrize(
    "wrong",
    [
        {"latency": -0.1},
        {"latency": float("inf")},
        {"jitter": float("nan")},
        {"loss": 1.01},
        {"duplicate": -0.1},
        {"reorder": 2},
        {"bandwidth": 0},
        {"burst": 0},
        {"queue": -1},
    ],
)
def test_what_no_network_has_is_refused(wrong):
    with pytest.raises(InvalidValue, match=next(iter(wrong))):
        Conditions(**wrong)


def test_the_extremes_are_conditions():
    assert Conditions(latency=0, loss=1, duplicate=1, reorder=1, bandwidth=0.1).loss == 1
