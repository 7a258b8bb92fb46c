import os
import subprocess
import sys

import trio
from trio import _core

from beam_actors.testing.seeded import Trace, run_seeded

PROGRAM = """
import sys, trio
from beam_actors.testing.seeded import Trace, run_seeded

async def scenario():
    trace = Trace()
    send, receive = trio.open_memory_channel(5)

    async def one(number):
        for turn in range(5):
            with trio.move_on_after(1 + (number * 7 + turn) % 3):  # many deadlines tie
                await trio.sleep((number * 3 + turn) % 5)
            trace.add("woke", number, turn)
            with trio.move_on_after(0.5):
                await send.send(number)
            try:
                trace.add("got", number, receive.receive_nowait())
            except trio.WouldBlock:
                pass

    async with trio.open_nursery() as nursery:
        for number in range(100):
            nursery.start_soon(one, number)
        await trio.sleep(7)
        nursery.cancel_scope.cancel()
    return trace.digest

print(run_seeded(int(sys.argv[1]), scenario))
"""


def digest(seed, hash_seed):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(seed)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_a_seed_replays_in_another_process_with_another_hash_seed_and_tied_deadlines():
    assert digest(7, "1") == digest(7, "2")


def test_another_seed_gives_another_history():
    assert digest(7, "1") != digest(8, "1")


def test_the_schedulers_state_is_put_back():
    before = _core._run._r.getstate(), _core._run._ALLOW_DETERMINISTIC_SCHEDULING

    async def nothing():
        await trio.sleep(1000)

    run_seeded(3, nothing)
    assert (_core._run._r.getstate(), _core._run._ALLOW_DETERMINISTIC_SCHEDULING) == before


def test_a_trace_hashes_every_line_in_order():
    def of(*words):
        async def scenario():
            trace = Trace(keep=1)
            for word in words:
                trace.add(word)
            return trace.digest

        return run_seeded(1, scenario)

    assert of("a", "b", "c") == of("a", "b", "c") != of("b", "a", "c")
