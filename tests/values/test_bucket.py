from hypothesis import given
from hypothesis import strategies as st

from beam_actors.values import Bucket


def test_a_burst_is_free_and_then_the_rate_holds():
    bucket = Bucket(10, 20, 0.0)
    assert bucket.take(20, 0.0) == 0
    assert bucket.take(5, 0.0) == 0.5
    assert bucket.take(0, 0.5) == 0
    assert bucket.take(20, 100.0) == 0


@given(st.lists(st.tuples(st.integers(1, 50), st.floats(0, 3)), max_size=30))
def test_whoever_waits_as_told_never_exceeds_the_rate(steps):
    bucket, now, taken = Bucket(10, 20, 0.0), 0.0, 0
    for count, idle in steps:
        now += idle
        now += bucket.take(count, now)
        taken += count
        assert taken <= 20 + 10 * now + 1e-6
    assert "of 20" in repr(bucket)


@given(st.lists(st.tuples(st.sampled_from(["take", "charge"]), st.integers(0, 50), st.floats(0, 3)), max_size=30))
def test_what_is_charged_makes_no_more_debt_than_the_burst_and_forgives_none(steps):
    bucket, now = Bucket(10, 20, 0.0), 0.0
    for kind, count, idle in steps:
        now += idle
        before = bucket.take(0, now)
        if kind == "take":
            bucket.take(count, now)
        else:
            bucket.charge(count, now)
            after = bucket.take(0, now)
            assert before <= after <= max(before, 2.0)
            assert count < 40 or after >= 2.0


def test_what_must_not_wait_is_refused_and_costs_nothing():
    bucket = Bucket(10, 2, 0.0)
    assert [bucket.try_take(0.0) for _ in range(5)] == [True, True, False, False, False]
    assert [bucket.try_take(0.1) for _ in range(2)] == [True, False]
