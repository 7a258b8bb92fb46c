import attrs
import pytest
import trio

from beam_actors.errors import ActorError
from beam_actors.runtime import Actor, ChildSpec, Restart, Supervisor, System, receives
from tests.runtime.rig import Disposable, Echo, Later, Say, run_with


@attrs.frozen
class Arm:
    seconds: float
    message: object
    cancel: bool = False


class Armed(Actor):
    @receives(Arm)
    def arm(self, message):
        timer = self.send_after(message.seconds, message.message)
        if message.cancel:
            timer.cancel()
            timer.cancel()


async def with_armed(body):
    here = System("test", clock=trio.current_time)
    async with here.run(ChildSpec("node", lambda: Supervisor([ChildSpec("a", Armed)]))):
        await body(here, here.ref("node/a"))


async def test_no_worker_goes_on_when_its_actor_has_ended(autojump_clock):
    went_on = []

    class Working(Actor):
        async def on_start(self):
            self.spawn(self.work)

        async def work(self):
            await trio.sleep(10)
            went_on.append(trio.current_time())

    here = System("test", clock=trio.current_time)
    child = ChildSpec("a", Working, restart=Restart.TEMPORARY)
    async with here.run(ChildSpec("node", lambda: Supervisor([child]))):
        await here.ref("node/a").stop()
        await trio.sleep(20)
    assert not went_on


async def test_a_timer_disposes_once_of_what_it_never_delivers(autojump_clock):
    cancelled, orphaned = Disposable(), Disposable()

    async def body(here, ref):
        ref.tell(Arm(5, cancelled, cancel=True))
        await trio.sleep(1)
        assert cancelled.disposed == 1
        ref.tell(Arm(5, orphaned))
        await trio.sleep(1)
        ref.crash(ValueError())
        await trio.sleep(10)
        assert (cancelled.disposed, orphaned.disposed) == (1, 1)

    await with_armed(body)


async def test_a_worker_that_fails_while_it_is_cancelled_loses_no_reply(autojump_clock):
    class Clumsy(Actor):
        async def on_start(self):
            self.spawn(self.work)

        async def work(self):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep_forever)
                try:
                    await trio.sleep_forever()
                finally:
                    raise OSError("clean-up failed")

        @receives(Later)
        def keep_waiting(self, _message):
            self.defer()

    here = System("test", clock=trio.current_time)
    async with here.run(ChildSpec("node", lambda: Supervisor([ChildSpec("a", Clumsy)]))):
        ref = here.ref("node/a")
        waiting = ref.ask(Later())
        await trio.testing.wait_all_tasks_blocked()
        ref.crash(ValueError())
        with pytest.raises(ActorError):
            await waiting
        await trio.sleep(1)
        assert ref.incarnation == 2


class Working(Echo):
    @receives(Later)
    def later(self, _message):
        self.spawn(self.work)

    async def work(self):
        await trio.sleep(1)
        raise OSError("worker")


async def test_a_failing_worker_crashes_its_actor(autojump_clock):
    async def body(here):
        ref = here.ref("node/working")
        ref.tell(Later())
        await trio.sleep(2)
        assert ref.incarnation == 2
        assert "OSError" in here.tree().children[0].last_exit

    await run_with(body, ChildSpec("working", Working))


async def test_workers_end_with_their_actor(autojump_clock):
    ended = []

    class Host(Actor):
        async def on_start(self):
            self.spawn(self.forever)

        async def forever(self):
            try:
                await trio.sleep_forever()
            finally:
                ended.append(True)

    async def body(here):
        here.ref("node/host").crash(ValueError())
        await trio.sleep(1)
        assert ended == [True]

    await run_with(body, ChildSpec("host", Host))
    assert ended == [True, True]


async def test_timers_tell_and_die_with_the_incarnation(autojump_clock):
    log = []

    class Clocked(Echo):
        @receives(Later)
        def later(self, _message):
            self.send_after(5, Say("tick"))
            self.send_after(6, Say("never")).cancel()

    async def body(here):
        ref = here.ref("node/clocked")
        ref.tell(Later())
        await trio.sleep(10)
        assert log == ["start", "tick"]
        ref.tell(Later())
        await trio.sleep(1)
        ref.crash(ValueError())
        await trio.sleep(10)
        assert log == ["start", "tick", "stop crashed", "start"]

    await run_with(body, ChildSpec("clocked", lambda: Clocked(log)))
