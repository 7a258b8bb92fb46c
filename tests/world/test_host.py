import select
import socket
import threading
import time
from contextlib import contextmanager

import pytest
import trio

from beam_actors.world.clock import SystemClock
from beam_actors.world.epoll import EpollDriver
from beam_actors.world.host import Host
from beam_actors.world.pollable import READ
from tests.world.sockets import LOOPBACK

FOREVER = float("inf")


class Echo:
    """A guest with one end of a pair of sockets, which it answers; `turned` is called after each turn."""

    def __init__(self):
        self.sockets = select.epoll()
        self.mine, self.theirs = socket.socketpair()
        self.sockets.register(self.mine.fileno(), select.EPOLLIN)
        self.turns = 0
        self.due = FOREVER
        self.turned = lambda: None

    def next_at(self):
        return self.due

    def turn(self, events):
        self.turns += 1
        self.due = FOREVER
        if events:
            self.mine.send(self.mine.recv(1 << 16))
        self.turned()

    def close(self):
        for one in (self.mine, self.theirs, self.sockets):
            one.close()


class Steps(trio.abc.Instrument):
    def __init__(self):
        self.tasks = []

    def before_task_step(self, task):
        self.tasks.append(task)


def run(main, *instruments):
    host = Host()
    return trio.run(main, host, clock=host, instruments=[host, *instruments])


@contextmanager
def served(host):
    echo = Echo()
    assert host.enter(echo, trio.lowlevel.current_task())
    try:
        yield echo
    finally:
        host.leave(echo)
        echo.close()


def ask(echo, times):
    """From a thread that is a stranger to trio: the guest must answer while no task runs."""
    for _ in range(times):
        echo.theirs.send(b"?")
        assert echo.theirs.recv(10) == b"?"


def test_sockets_are_served_without_a_step_of_any_task_but_the_one_that_waits():
    steps = Steps()

    async def main(host):
        await trio.testing.wait_all_tasks_blocked()  # trio's own have begun
        with served(host) as echo:
            stranger = threading.Thread(target=ask, args=(echo, 100))
            done = trio.Event()
            echo.turned = lambda: done.set() if echo.turns == 100 else None
            before = len(steps.tasks)
            stranger.start()
            await done.wait()
            stranger.join()
            mine = trio.lowlevel.current_task()
            assert set(steps.tasks[before:]) == {mine}  # each turn counts as one of its steps
            assert 100 <= len(steps.tasks) - before <= 110

    run(main, steps)


def test_what_a_turn_wakes_runs_at_once_and_deadlines_come_beside_busy_sockets():
    async def main(host):
        with served(host) as echo:
            echo.turned = lambda: echo.theirs.send(echo.theirs.recv(100))  # never at rest
            echo.theirs.send(b"again")
            start = trio.current_time()
            await trio.sleep(0.05)
            assert 0.05 <= trio.current_time() - start < 5
            woken = trio.Event()
            echo.turned = lambda: (echo.theirs.send(echo.theirs.recv(100)), woken.set())
            await woken.wait()
            assert await trio.to_thread.run_sync(lambda: 7) == 7

    run(main)


def test_sockets_have_their_turn_while_tasks_never_rest():
    async def main(host):
        with served(host) as echo:
            stranger = threading.Thread(target=ask, args=(echo, 20))
            stranger.start()
            while stranger.is_alive():
                await trio.lowlevel.checkpoint()
            assert echo.turns == 20

    run(main)


def test_its_own_time_comes():
    async def main(host):
        with served(host) as echo:
            came = trio.Event()
            echo.turned = came.set
            echo.due = time.monotonic() + 0.02
            await came.wait()
            assert echo.turns == 1

    run(main)


def test_who_waits_until_nothing_happens_is_told():
    async def main(host):
        with served(host):
            await trio.testing.wait_all_tasks_blocked(0.01)

    run(main)


def test_it_serves_one_guest():
    async def main(host):
        with served(host):
            other = Echo()
            assert not host.enter(other, trio.lowlevel.current_task())
            host.leave(other)
            other.close()
        with served(host):
            pass
        assert repr(host) == "<Host of None>"

    run(main)


def test_with_a_trio_that_it_does_not_know_it_serves_nobody(monkeypatch):
    class Renamed:
        runner = object()

    host, echo = Host(), Echo()
    monkeypatch.setattr("beam_actors.world.host._core._run.GLOBAL_RUN_CONTEXT", Renamed)
    host.start_clock()
    assert not host.enter(echo, None)
    echo.close()


# --- the driver as its guest ------------------------------------------------------------------------------------------


def test_a_driver_is_called_with_batches_until_it_is_closed():
    async def main(host):
        driver = EpollDriver(SystemClock(), host=host)
        batches = []

        def turn(batch):
            batches.append(batch)
            if batch:
                listener.want(read=False, write=False)
            else:
                driver.close()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(driver.wait, None, turn)
            await trio.testing.wait_all_tasks_blocked()
            listener = driver.listen(LOOPBACK)
            listener.want(read=True, write=False)
            driver.dial(listener.local)
            while not batches:
                await trio.sleep(0.001)
            driver.wake()
        assert batches == [[(listener, READ)], []]

    run(main)


def test_a_turn_that_fails_fails_who_waits():
    async def main(host):
        driver = EpollDriver(SystemClock(), host=host)

        def turn(_batch):
            raise ValueError("on purpose")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.lowlevel.checkpoint)
            with pytest.raises(ValueError, match="on purpose"):
                await driver.wait(time.monotonic() + 0.01, turn)
        with trio.move_on_after(0.01) as scope:
            await driver.wait(None, turn)
        assert scope.cancelled_caught
        driver.close()

    run(main)


def test_a_driver_that_once_waited_as_a_task_goes_on_to():
    """Trio's epoll object holds the driver's ever after, so that the driver's can't hold trio's."""

    async def main(host):
        with served(host):
            driver = EpollDriver(SystemClock(), host=host)
            assert await driver.wait(time.monotonic() + 0.01, lambda _batch: None) == []
        listener = driver.listen(LOOPBACK)
        listener.want(read=True, write=False)
        driver.dial(listener.local)
        while not (batch := await driver.wait(None, lambda _batch: None)):
            pass
        assert batch == [(listener, READ)]
        driver.close()

    run(main)


def test_whatever_a_turn_raises_ends_the_wait_and_not_trio():
    async def main(host):
        driver = EpollDriver(SystemClock(), host=host)

        def turn(_batch):
            raise SystemExit(3)

        with pytest.raises(SystemExit):
            await driver.wait(time.monotonic() + 0.01, turn)
        driver.close()

    run(main)


def test_an_instrument_that_fails_in_a_turn_is_called_no_more_and_nothing_else_ends():
    class Failing(trio.abc.Instrument):
        calls = 0

        def after_task_step(self, task):
            if self.armed:
                self.calls += 1
                raise ValueError("as asked")

        armed = False

    failing = Failing()

    async def main(host):
        await trio.testing.wait_all_tasks_blocked()
        with served(host) as echo:
            stranger = threading.Thread(target=ask, args=(echo, 10))
            done = trio.Event()
            echo.turned = lambda: done.set() if echo.turns == 10 else setattr(failing, "armed", True)
            stranger.start()
            await done.wait()
            stranger.join()

    run(main, failing)
    assert failing.calls == 1
