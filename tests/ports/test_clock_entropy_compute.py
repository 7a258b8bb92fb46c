"""The contracts of the three smallest ports, held by both sides."""

import pytest
import trio

from beam_actors.testing.clock import SimClock
from beam_actors.testing.compute import InlineCompute
from beam_actors.testing.entropy import SeededEntropy
from beam_actors.world.clock import SystemClock
from beam_actors.world.compute import ThreadCompute
from beam_actors.world.entropy import OsEntropy


@pytest.fixture(params=[SystemClock, SimClock])
async def clock(request):
    return request.param()


async def test_clock_never_goes_back_and_its_wall_is_of_this_age(clock):
    before = clock.monotonic()
    await trio.lowlevel.checkpoint()
    assert clock.monotonic() >= before
    assert clock.wall() > 1_700_000_000


@pytest.fixture(params=[OsEntropy, lambda: SeededEntropy(1, "node")], ids=["real", "simulated"])
def entropy(request):
    return request.param()


def test_tokens_have_their_size_and_do_not_repeat(entropy):
    for size in (0, 1, 31, 32, 64, 65, 1000):
        assert len(entropy.token(size)) == size
    assert len({entropy.token(16) for _ in range(500)}) == 500


def test_uniform_covers_its_range(entropy):
    drawn = [entropy.uniform() for _ in range(2000)]
    assert all(0 <= value < 1 for value in drawn)
    # Each tenth expects 200 with a deviation of 13; 100 is more than seven deviations away.
    assert all(sum(tenth <= value * 10 < tenth + 1 for value in drawn) > 100 for tenth in range(10))


@pytest.fixture(params=[ThreadCompute, InlineCompute])
async def compute(request):
    return request.param()


async def test_compute_returns_or_raises_what_the_function_does(compute):
    assert await compute.run(divmod, 17, 5) == (3, 2)
    with pytest.raises(ZeroDivisionError):
        await compute.run(divmod, 1, 0)


async def test_many_at_once(compute):
    results = {}

    async def one(number):
        results[number] = await compute.run(pow, number, 2)

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(one, number)
    assert results == {number: number**2 for number in range(20)}


async def test_a_cancelled_caller_is_cancelled(compute):
    with trio.CancelScope() as scope:
        scope.cancel()
        await compute.run(pow, 2, 2)
        pytest.fail("the cancelled caller went on")
    assert scope.cancelled_caught
