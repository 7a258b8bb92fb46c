import attrs
import pytest
import trio

from beam_actors.errors import ActorError
from beam_actors.runtime import Actor, ChildSpec, Supervisor, System, receives


@attrs.frozen
class Arm:
    seconds: float
    message: object
    cancel: bool = False


class Handle:
    def __init__(self):
        self.disposed = 0

    def dispose(self):
        self.disposed += 1


class Refused(Exception):
    pass


@attrs.frozen
class Refuse:
    pass


class Armed(Actor):
    reply_errors = (Refused,)

    @receives(Arm)
    def arm(self, message):
        timer = self.send_after(message.seconds, message.message)
        if message.cancel:
            timer.cancel()
            timer.cancel()

    @receives(Refuse)
    def refuse(self, _message):
        raise Refused


async def with_armed(body):
    here = System("test", clock=trio.current_time)
    async with here.run(ChildSpec("node", lambda: Supervisor([ChildSpec("a", Armed)]))):
        await body(here, here.ref("node/a"))


async def test_a_timer_disposes_once_of_what_it_never_delivers(autojump_clock):
    cancelled, orphaned = Handle(), Handle()

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


async def test_a_declared_error_after_a_tell_crashes_nobody(autojump_clock):
    async def body(here, ref):
        ref.tell(Refuse())
        await trio.sleep(1)
        assert ref.incarnation == 1

    await with_armed(body)


async def test_an_ask_that_nobody_understands_says_so(autojump_clock):
    async def body(here, ref):
        with pytest.raises(ActorError, match="takes no str"):
            await ref.ask("gibberish")
        assert ref.incarnation == 1
        assert here.dead_letters["node/a"] == 1

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

        @receives(Refuse)
        def keep_waiting(self, _message):
            self.defer()

    here = System("test", clock=trio.current_time)
    async with here.run(ChildSpec("node", lambda: Supervisor([ChildSpec("a", Clumsy)]))):
        ref = here.ref("node/a")
        waiting = ref.ask(Refuse())
        await trio.testing.wait_all_tasks_blocked()
        ref.crash(ValueError())
        with pytest.raises(ActorError):
            await waiting
        await trio.sleep(1)
        assert ref.incarnation == 2
