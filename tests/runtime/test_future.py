import pytest
import trio

from beam_actors.errors import ActorError
from beam_actors.runtime import ChildSpec, Future, WouldBlock
from tests.runtime.rig import Disposable, Echo, Slow, run_with


class Handle:
    def __init__(self):
        self.disposed = 0

    def dispose(self):
        self.disposed += 1


async def test_all_who_wait_get_the_reply(autojump_clock):
    future, got = Future(), []

    async def wait():
        got.append(await future)

    with trio.move_on_after(1):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            future.set(7)
    assert got == [7, 7]
    assert future.get() == 7


@pytest.mark.parametrize("leaver", range(3))
async def test_who_stops_waiting_takes_the_reply_from_nobody_else(autojump_clock, leaver):
    future, got, scopes = Future(), [], [trio.CancelScope() for _ in range(3)]

    async def wait(number):
        with scopes[number]:
            got.append((number, await future))

    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(wait, number)
            await trio.testing.wait_all_tasks_blocked()
        scopes[leaver].cancel()
        await trio.testing.wait_all_tasks_blocked()
        future.set(7)
        nursery.cancel_scope.deadline = trio.current_time() + 1
    assert sorted(got) == [(number, 7) for number in range(3) if number != leaver]


def test_reading_it_too_early_raises_instead_of_blocking():
    with pytest.raises(WouldBlock):
        Future().get(timeout=5)


async def test_a_reply_for_a_cancelled_asker_is_disposed_of(autojump_clock):
    future, late = Future(), Handle()
    with trio.move_on_after(1):
        await future
    future.set(late)
    assert late.disposed == 1


def test_a_second_reply_is_disposed_of_and_changes_nothing():
    future, second = Future(), Handle()
    future.set(1)
    future.set(second)
    future.set_exception(ValueError())
    assert future.get() == 1
    assert second.disposed == 1


def test_pykkas_lazy_combinators_are_refused():
    with pytest.raises(NotImplementedError):
        Future().map(str)


async def test_who_stopped_waiting_may_wait_again(autojump_clock):
    async def body(here):
        echo = here.ref("node/echo")
        early, late = echo.ask(Slow(2)), echo.ask(Slow(1))
        for future in (early, late):
            with trio.move_on_after(0.5):
                await future
        assert await early == "slept"
        await trio.sleep(5)
        assert await late == "slept"

    await run_with(body, ChildSpec("echo", Echo))


async def test_who_waits_again_for_a_reply_that_was_given_up_meanwhile_learns_of_it(autojump_clock):
    future, reply = Future(), Disposable()
    with trio.move_on_after(1):
        await future
    future.set(reply)
    assert reply.disposed == 1
    with trio.fail_after(1), pytest.raises(ActorError, match="given up"):
        await future
