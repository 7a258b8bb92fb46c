import weakref

import pytest
import trio

from beam_actors.errors import ActorCrashed, StartFailed
from beam_actors.runtime import Actor, ChildSpec, receives
from tests.runtime.rig import Echo, End, Fail, Hang, Later, Say, Slow, run_with


async def test_a_deferred_reply_fails_when_the_actor_dies(autojump_clock):
    async def body(here):
        ref = here.ref("node/echo")

        async def crash():
            await trio.sleep(1)
            ref.tell(Fail(ValueError()))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(crash)
            with pytest.raises(ActorCrashed):
                await ref.ask(Later())

    await run_with(body, ChildSpec("echo", Echo))


async def test_a_failing_start_is_raised_at_the_parent(autojump_clock):
    class Broken(Actor):
        async def on_start(self):
            raise ValueError("no")

    with pytest.raises(StartFailed) as failure:
        await run_with(None, ChildSpec("broken", Broken))
    assert str(failure.value) == "node did not start: node/broken did not start: ValueError: no."
    assert isinstance(failure.value.__cause__.__cause__, ValueError)


@pytest.mark.parametrize("first", [None, Slow(1)], ids=["never awaited", "awaited before"])
async def test_a_fate_is_met_before_the_next_message(autojump_clock, first):
    log = []

    class Doomed(Echo):
        @receives(End)
        def end(self, _message):
            self.ref.crash(ValueError("now"))

    async def body(here):
        ref = here.ref("node/doomed")
        if first is not None:
            await ref.ask(first)
        del log[:]
        for message in (Say("before"), End(), Say("after"), Say("after")):
            ref.tell(message)
        await trio.sleep(1)
        assert log == ["before", "stop crashed", "start"]
        assert here.dead_letters["node/doomed"] == 2

    await run_with(body, ChildSpec("doomed", lambda: Doomed(log)))


@pytest.mark.parametrize("kind", [Say, Slow])
async def test_an_actor_with_nothing_to_do_holds_no_message_and_no_cancel_scope(autojump_clock, kind):
    async def body(here):
        ref = here.ref("node/echo")
        before = here.cell("node/echo").task._cancel_status
        message = kind(1)
        held = weakref.ref(message)
        ref.tell(message)
        del message
        await trio.sleep(2)
        assert held() is None
        assert here.cell("node/echo").task._cancel_status is before

    await run_with(body, ChildSpec("echo", Echo))


@pytest.mark.parametrize("message", [Slow(9), Later()], ids=["awaits", "deferred"])
async def test_who_asked_after_another_message_was_awaited_hears_of_a_crash(autojump_clock, message):
    async def body(here):
        ref = here.ref("node/echo")
        ref.tell(Slow(1))
        asked = ref.ask(message)
        await trio.sleep(2)
        ref.crash(ValueError("now"))
        with pytest.raises(ActorCrashed):
            await asked

    await run_with(body, ChildSpec("echo", Echo))


async def test_a_crash_reaches_an_actor_that_waits_for_messages_or_for_something_else(autojump_clock):
    async def body(here):
        ref = here.ref("node/echo")
        for number, message in enumerate((None, Say("sync"), Slow(1), Slow(1000), Hang()), 1):
            if message is not None:
                ref.tell(message)
            await trio.sleep(10)
            ref.crash(ValueError())
            await trio.sleep(10)
            assert ref.incarnation == number + 1
            assert ref.alive

    class Hanging(Echo):
        @receives(Hang)
        async def hang(self, _message):
            await trio.sleep_forever()

    await run_with(body, ChildSpec("echo", Hanging))


async def test_an_incarnation_that_is_over_takes_no_other_along(autojump_clock):
    async def body(here):
        ref = here.ref("node/echo")
        old = ref._cell.actor
        ref.crash(ValueError())
        await trio.sleep(1)
        old.crash_now(ValueError("late"))
        old.stop()
        await trio.sleep(1)
        assert ref.incarnation == 2

    await run_with(body, ChildSpec("echo", Echo))


async def test_what_a_worker_raises_when_its_actor_is_over_changes_nothing(autojump_clock):
    class Clumsy(Actor):
        async def on_start(self):
            self.spawn(self.work)
            self.spawn(self.work_that_spawns)

        async def work(self):
            try:
                await trio.sleep_forever()
            finally:
                raise OSError("clean-up failed")

        async def work_that_spawns(self):
            try:
                await trio.sleep_forever()
            finally:
                self.spawn(self.work)

        @receives(End)
        def end(self, _message):
            self.stop()

    async def body(here):
        ref = here.ref("node/clumsy")
        ref.tell(End())
        await trio.sleep(1)
        assert str(ref._cell.last_exit) == "normal"
        assert (ref.incarnation, ref._cell.actor.worker_count) == (2, 2)

    await run_with(body, ChildSpec("clumsy", Clumsy))
