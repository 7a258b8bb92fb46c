import threading

import trio

from beam_actors.world.compute import ThreadCompute


async def test_at_most_so_many_run_at_once_and_cancelling_abandons_the_result():
    compute = ThreadCompute(workers=2)
    release, running, most = threading.Event(), [], []

    def work():
        running.append(1)
        most.append(len(running))
        release.wait(30)
        running.pop()

    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(compute.run, work)
            while len(running) < 2:
                await trio.lowlevel.checkpoint()
            assert "2 of 2" in repr(compute)
            scope.cancel()
    assert scope.cancelled_caught
    release.set()
    assert await compute.run(pow, 2, 3) == 8
    assert max(most) == 2
