from hypothesis import given
from hypothesis import strategies as st

from beam_actors.peers.backoff import DialBackoff

USUAL = DialBackoff(first=0.5, most=60.0, alone=15.0)


@given(st.integers(-5, 10**9), st.floats(0, 1, exclude_max=True))
def test_every_delay_lies_in_the_upper_half_of_its_ceiling(failures, uniform):
    delay = USUAL.delay(failures, uniform)
    assert 0.25 <= delay <= 60.0


@given(st.floats(0, 60), st.floats(0, 1, exclude_max=True))
def test_a_delay_is_waited_for_in_parts(rest, uniform):
    assert min(rest, 7.5) <= USUAL.part(rest, uniform) <= min(rest, 15)


def test_delays_double_until_the_cap():
    delays = [DialBackoff(first=1.0, most=60.0, alone=15.0).delay(n, 0.0) for n in range(1, 10)]
    assert delays == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_two_peers_that_failed_together_do_not_retry_together():
    backoff = USUAL
    assert backoff.delay(8, 0.1) != backoff.delay(8, 0.9)
