from hypothesis import given
from hypothesis import strategies as st

from beam_actors.testing.entropy import SeededEntropy


def test_the_stream_is_the_same_for_ever():
    # A change here changes every recorded simulation.
    entropy = SeededEntropy(1, "node")
    assert entropy.token(16).hex() == "4587ebb6a620e5923c13db0eabc3da57"
    assert entropy.uniform() == 0.8691495025992301
    assert entropy.fork("peer").token(8).hex() == "37b49994f2b9a3f6"


@given(st.integers(-(2**127), 2**127 - 1), st.text(max_size=10), st.lists(st.integers(0, 200), max_size=6))
def test_sizes_of_draws_do_not_change_the_stream(seed, label, sizes):
    whole = SeededEntropy(seed, label).token(sum(sizes))
    entropy = SeededEntropy(seed, label)
    assert b"".join(entropy.token(size) for size in sizes) == whole


def test_seeds_labels_and_forks_are_independent():
    streams = [SeededEntropy(seed, label) for seed in (1, 2) for label in ("a", "b")]
    streams += [stream.fork(label) for stream in streams for label in ("a", "b")]
    assert len({stream.token(32) for stream in streams}) == 12
    drawn, fresh = SeededEntropy(5), SeededEntropy(5)
    drawn.token(100)
    assert drawn.fork("x").token(32) == fresh.fork("x").token(32)
