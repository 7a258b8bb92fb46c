"""When packets arrive, by the numbers, and how often the dice are thrown for them."""

from random import Random

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.testing.network.conditions import Conditions
from beam_actors.testing.network.link import Link
from beam_actors.testing.network.realm import Realm, Site


class Dice(Random):
    thrown = 0

    def random(self) -> float:
        self.thrown += 1
        return super().random()


def link(seed: int = 1, **conditions: float) -> tuple[Link, Dice]:
    dice, realm = Dice(seed), Realm()
    made = Link(Site("a", None, realm), Site("b", None, realm), dice)
    made.conditions = Conditions(**conditions)
    return made, dice


def test_a_link_without_uncertainty_throws_no_dice() -> None:
    made, dice = link(latency=0.05, bandwidth=1000.0)
    assert made.carry(10.0, 100) == pytest.approx(10.15)
    assert made.cast(10.0, 50) == [pytest.approx(10.2)]  # behind the stream's bytes
    assert dice.thrown == 0
    repr(made)


def test_bandwidth_serialises_and_a_long_queue_drops_datagrams_only() -> None:
    made, _dice = link(latency=0.0, bandwidth=1000.0, queue=0.2)
    assert [made.cast(0.0, 100) for _ in range(4)] == [[pytest.approx(0.1 * n)] for n in (1, 2, 3)] + [[]]
    assert made.carry(0.0, 100) == pytest.approx(0.4)
    assert made.cast(1.0, 100) == [pytest.approx(1.1)]  # the queue has drained


def test_jitter_spreads_evenly_above_the_latency() -> None:
    made, _dice = link(latency=0.1, jitter=0.02)
    times = [made.cast(0.0, 1)[0] for _ in range(2000)]
    assert 0.1 <= min(times) < 0.1015
    assert 0.119 < max(times) < 0.121
    assert sum(times) / len(times) == pytest.approx(0.1105, abs=0.0005)
    assert all(time * 1024 == int(time * 1024) for time in times), "at ticks, so that many arrive together"


@pytest.mark.parametrize("burst", [1.0, 8.0])
def test_datagrams_are_lost_at_the_rate_and_in_bursts_of_the_length_that_were_asked_for(burst: float) -> None:
    made, _dice = link(loss=0.2, burst=burst)
    lost = [not made.cast(0.0, 1) for _ in range(40_000)]
    assert sum(lost) / len(lost) == pytest.approx(0.2, abs=0.02)
    bursts = sum(here and not before for before, here in zip([False, *lost], lost, strict=False))
    expected = 1 / 0.8 if burst == 1.0 else burst  # independent losses have runs, too
    assert sum(lost) / bursts == pytest.approx(expected, rel=0.1)


def test_datagrams_are_doubled_and_overtaken() -> None:
    made, _dice = link(latency=0.1, duplicate=0.1, reorder=0.3)
    arrivals = [made.cast(0.0, 1) for _ in range(10_000)]
    assert sum(len(each) == 2 for each in arrivals) / 10_000 == pytest.approx(0.1, abs=0.01)
    late = [each[0] for each in arrivals if each[0] > 0.1]
    assert len(late) / 10_000 == pytest.approx(0.3, abs=0.02)
    assert max(late) <= 0.3


def test_loss_makes_a_stream_late_and_total_loss_ends_it() -> None:
    made, _dice = link(latency=0.05, loss=0.1)
    times = [made.carry(0.0, 1) for _ in range(5000)]
    assert min(times) == pytest.approx(0.05)
    assert sum(time > 0.1 for time in times) / 5000 == pytest.approx(0.1, abs=0.02)
    assert min(time for time in times if time > 0.1) == pytest.approx(0.05 + 0.3)  # one retransmission time-out
    long = [time for _ in range(2000) if (time := made.carry(0.0, 40_000)) > 0.06]
    assert min(long) == pytest.approx(0.05 + 0.1)  # three that follow tell of it within a round trip
    assert link(loss=1.0)[0].carry(0.0, 1) is None


def test_tcp_tries_again_at_doubling_intervals() -> None:
    made, _dice = link(latency=0.0)
    tries = sorted({round(made.resend(now / 100, 0.0), 3) for now in range(2000)})
    assert tries == pytest.approx([0.2, 0.6, 1.4, 3.0, 6.2, 12.6, 25.4])
    assert made.resend(1000.0, 0.0) - 1000.0 <= 120.0


def test_a_clogged_link_lets_go_at_its_time() -> None:
    made, _dice = link(latency=0.1)
    made.clogged_until = 5.0
    assert made.cast(1.0, 1) == [pytest.approx(5.1)]
    assert made.carry(1.0, 1) == pytest.approx(5.1)
    assert made.resend(1.0, 0.0) >= 5.1
    assert made.carry(6.0, 1) == pytest.approx(6.1)


probabilities = st.floats(0, 1)
conditions = st.builds(
    Conditions,
    latency=st.floats(0, 2),
    jitter=st.floats(0, 1),
    loss=probabilities,
    duplicate=probabilities,
    reorder=probabilities,
    bandwidth=st.none() | st.floats(1, 1e9),
    burst=st.floats(1, 50),
    queue=st.floats(0, 1),
)


@given(
    conditions, st.lists(st.tuples(st.floats(0, 10), st.integers(0, 65507), st.booleans()), max_size=20), st.integers(0)
)
def test_nothing_arrives_before_its_time_or_more_than_twice(given_conditions, sends, seed) -> None:
    made, twin = (link(seed, **attrs.asdict(given_conditions))[0] for _ in range(2))
    now = 0.0
    for pause, size, is_stream in sends:
        now += pause
        arrivals = [made.carry(now, size)] if is_stream else made.cast(now, size)
        assert arrivals == ([twin.carry(now, size)] if is_stream else twin.cast(now, size))
        assert len(arrivals) <= 2
        for arrival in arrivals:
            assert arrival is None or arrival >= now + made.conditions.latency - 1e-9
