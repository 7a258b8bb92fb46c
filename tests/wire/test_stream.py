import itertools

import pytest

from beam_actors.wire.limits import INITIAL_WINDOW
from beam_actors.wire.stream import LIVES, Life, Step, Stream


def test_every_way_through_a_life():
    ends = {(steps, Life.GONE) for steps in itertools.permutations([Step.SEND_FIN, Step.GET_FIN])}
    ends |= {((step, Step.RESET), Life.GONE) for step in (Step.SEND_FIN, Step.GET_FIN)}
    for steps, end in ends:
        stream = Stream(1, outbound=True)
        assert [stream.step(step) for step in steps] == [False, True]
        assert stream.life is end


@pytest.mark.parametrize("step", list(Step))
def test_nothing_follows_the_end(step):
    assert (Life.GONE, step) not in LIVES
    stream = Stream(1, outbound=True)
    stream.step(Step.RESET)
    with pytest.raises(KeyError):
        stream.step(step)


def test_the_books_balance():
    stream = Stream(1, outbound=False)
    stream.granted -= 1000
    stream.taken += 300
    assert stream.held == 700
    assert stream.granted + stream.held + stream.taken == stream.window == INITIAL_WINDOW
    stream.enqueue(b"x" * 10_000, 9_000)
    parts = []
    stream.dequeue(4_000, parts)
    assert (stream.credit, stream.queued, b"".join(parts)) == (INITIAL_WINDOW - 9_000, 5_000, b"x" * 4_000)
    assert stream.drop_queue() == 5_000
    assert "queued=0" in repr(stream)
