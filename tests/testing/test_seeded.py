import functools
import os
import subprocess
import sys

import pytest
import trio
from trio import _core

from beam_actors.testing.seeded import OWNER, SchedulerChanged, Stops, Trace, run_seeded, schedule_so_far, sleep_through

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


@functools.cache  # a process each
def digest(seed, hash_seed, program=PROGRAM):
    done = subprocess.run(
        [sys.executable, "-c", program, str(seed)],
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


@pytest.mark.parametrize("name", ["_r", "_ALLOW_DETERMINISTIC_SCHEDULING"])
def test_a_trio_that_renames_what_replay_needs_is_told_loudly(monkeypatch, name):
    monkeypatch.delattr(_core._run, name)
    with pytest.raises(SchedulerChanged, match=trio.__version__):
        run_seeded(1, trio.lowlevel.checkpoint)


def test_a_trio_that_renames_its_queue_is_told_loudly(monkeypatch):
    async def scenario():
        context = _core._run.GLOBAL_RUN_CONTEXT
        with monkeypatch.context() as patch:
            patch.setattr(_core._run, "GLOBAL_RUN_CONTEXT", object())
            with pytest.raises(SchedulerChanged, match="runner"):
                Stops().stop("anybody")
        assert _core._run.GLOBAL_RUN_CONTEXT is context

    run_seeded(1, scenario)


def test_the_program_above_would_notice_a_flag_that_does_nothing():
    """Sorted and shuffled, or only turned round: its history must depend on it, or its replay would prove nothing."""
    without = PROGRAM.replace("import sys, trio\n", "import sys, trio\nfrom trio import _core\n").replace(
        "    trace = Trace()\n", "    trace = Trace()\n    _core._run._ALLOW_DETERMINISTIC_SCHEDULING = False\n"
    )
    assert without.count("_ALLOW") == 1
    assert digest(7, "1", without) != digest(7, "1")


def test_the_schedule_has_a_digest_of_its_own():
    async def scenario(extra):
        async with trio.open_nursery() as nursery:
            for _ in range(5 + extra):
                nursery.start_soon(trio.lowlevel.checkpoint)
        return schedule_so_far()

    assert (
        run_seeded(1, lambda: scenario(0)) == run_seeded(1, lambda: scenario(0)) != run_seeded(1, lambda: scenario(1))
    )


# --- processes that get no CPU ----------------------------------------------------------------------------------------


async def ticker(owner, name, ticks, times=1000):
    OWNER.set(owner)
    for _ in range(times):
        ticks.append((name, trio.current_time()))
        await trio.sleep(1)


def test_a_stopped_owner_runs_nothing_and_then_all_that_is_due():
    ticks, stops = [], Stops()

    async def scenario():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ticker, "a", "a", ticks)
            nursery.start_soon(ticker, "b", "b", ticks)
            await trio.sleep(2.5)
            stops.stop("a")
            stops.stop("a")
            assert stops.is_stopped("a")
            ticks.clear()
            await trio.sleep(10)
            assert [name for name, _ in ticks] == ["b"] * 10
            stops.go_on("a")
            stops.go_on("a")
            ticks.clear()
            await trio.sleep(0.1)
            assert ticks == [("a", 12.5)]
            await trio.sleep(1)
            assert ("a", 13.5) in ticks
            nursery.cancel_scope.cancel()
        assert not stops.is_stopped("a")

    run_seeded(1, scenario)


def test_what_is_started_cancelled_or_told_while_it_is_stopped_waits_in_order():
    ran, stops = [], Stops()

    async def child():
        ran.append("child")

    async def process(told):
        OWNER.set("a")
        async with trio.open_nursery() as nursery:
            await told.wait()
            ran.append("told")
            nursery.start_soon(child)
            with trio.move_on_after(1):
                await trio.sleep_forever()
            ran.append("late")

    async def scenario():
        told = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(process, told)
            await trio.sleep(1)
            stops.stop("a")
            told.set()
            await trio.sleep(1)
            assert ran == []
            stops.turn("a")
            await trio.sleep(5)
            assert ran == ["told"]  # the deadline has passed, and nobody could act on it
            stops.turn("a")
            await trio.sleep(1)
            assert sorted(ran[1:]) == ["child", "late"]
            stops.go_on("a")

    run_seeded(1, scenario)


def test_a_task_that_is_runnable_already_is_stopped_too():
    ran, stops = [], Stops()

    async def process():
        OWNER.set("a")
        await trio.lowlevel.checkpoint()
        while True:
            ran.append(trio.current_time())
            await trio.lowlevel.checkpoint()

    async def scenario():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(process)
            for _ in range(5):
                await trio.lowlevel.checkpoint()
            stops.stop("a")
            count = len(ran)
            await trio.sleep(1)
            assert count > 0
            assert len(ran) <= count + 1
            stops.go_on("a")
            for _ in range(5):
                await trio.lowlevel.checkpoint()
            assert len(ran) >= count + 3
            nursery.cancel_scope.cancel()

    run_seeded(1, scenario)


async def test_a_sleep_through_has_its_time_whoever_cancels_it(autojump_clock):
    with trio.move_on_after(1.0) as scope:
        await sleep_through(3.0)
        await trio.lowlevel.checkpoint()
    assert scope.cancelled_caught
    assert trio.current_time() == pytest.approx(3.0)


def test_a_sleep_through_takes_the_same_time_in_a_run():
    async def main():
        with trio.move_on_after(1.0) as scope:
            await sleep_through(3.0)
            await trio.lowlevel.checkpoint()
        return scope.cancelled_caught, trio.current_time()

    assert run_seeded(1, main) == (True, 3.0)
