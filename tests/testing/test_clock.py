import trio

from beam_actors.testing.clock import EPOCH, SimClock


async def test_time_is_trios_and_the_wall_may_be_wrong(autojump_clock):
    right, wrong = SimClock(), SimClock(offset=-3600, drift=0.01)
    start = right.monotonic()
    assert right.wall() == EPOCH
    await trio.sleep(100)
    assert right.monotonic() - start == wrong.monotonic() - start == 100
    assert right.wall() == EPOCH + 100
    assert wrong.wall() == EPOCH - 3600 + 101
    wrong.step(3600)
    assert wrong.wall() == EPOCH + 101
    assert wrong.monotonic() - start == 100
