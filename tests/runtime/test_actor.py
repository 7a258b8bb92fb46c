import attrs
import pytest
import trio

from beam_actors.errors import ActorCrashed, ActorDead, AskCycle, AskTimeout, MailboxFull, StartFailed
from beam_actors.runtime import (
    Actor,
    ChildSpec,
    Down,
    ExitKind,
    Mailbox,
    Overflow,
    Restart,
    Supervisor,
    System,
    receives,
)


@attrs.frozen
class Say:
    text: str


@attrs.frozen
class Fail:
    error: Exception


@attrs.frozen
class Slow:
    seconds: float


@attrs.frozen
class Later:
    pass


@attrs.frozen
class AskOther:
    other: object


class Refused(Exception):
    pass


class Echo(Actor):
    reply_errors = (Refused,)

    def __init__(self, log=None):
        super().__init__()
        self.log = log if log is not None else []
        self.reply = None

    async def on_start(self):
        self.log.append("start")

    async def on_stop(self, reason):
        self.log.append(f"stop {reason.kind.value}")

    @receives(Say)
    def say(self, message):
        self.log.append(message.text)
        return message.text

    @receives(Fail)
    def fail(self, message):
        raise message.error

    @receives(Slow)
    async def slow(self, message):
        await trio.sleep(message.seconds)
        return "slept"

    @receives(Later)
    def later(self, _message):
        self.reply = self.defer()

    @receives(AskOther)
    async def ask_other(self, message):
        return await message.other.ask(AskOther(self.ref))

    @receives(Down)
    def down(self, message):
        self.log.append(message)


def system():
    return System("test", clock=trio.current_time)


async def run_with(body, *specs, **kwargs):
    here = system()
    with trio.fail_after(1000):
        async with here.run(ChildSpec("node", lambda: Supervisor(specs, **kwargs))):
            await body(here)
    return here


async def test_tell_and_ask_reach_the_handler_of_the_type(autojump_clock):
    log = []

    async def body(here):
        ref = here.ref("node/echo")
        ref.tell(Say("one"))
        assert await ref.ask(Say("two")) == "two"
        assert log == ["start", "one", "two"]

    await run_with(body, ChildSpec("echo", lambda: Echo(log)))
    assert log[-1] == "stop shutdown"


async def test_a_declared_error_is_a_reply_and_any_other_crashes(autojump_clock):
    async def body(here):
        ref = here.ref("node/echo")
        with pytest.raises(Refused):
            await ref.ask(Fail(Refused()))
        assert ref.incarnation == 1
        with pytest.raises(ActorCrashed) as crash:
            await ref.ask(Fail(KeyError("x")))
        assert isinstance(crash.value.__cause__, KeyError)
        await trio.testing.wait_all_tasks_blocked()
        assert ref.incarnation == 2
        assert await ref.ask(Say("again")) == "again"

    await run_with(body, ChildSpec("echo", Echo))


async def test_an_ask_fails_at_once_when_the_callee_dies(autojump_clock):
    async def body(here):
        ref = here.ref("node/echo")
        start = trio.current_time()

        async def crash():
            await trio.sleep(1)
            ref.crash(ValueError("chaos"))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(crash)
            with pytest.raises(ActorCrashed):
                await ref.ask(Slow(1000), timeout=500)
        assert trio.current_time() - start == 1

    await run_with(body, ChildSpec("echo", Echo))


async def test_ask_times_out(autojump_clock):
    async def body(here):
        with pytest.raises(AskTimeout):
            await here.ref("node/echo").ask(Slow(10), timeout=1)

    await run_with(body, ChildSpec("echo", Echo))


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


async def test_a_cycle_of_asks_is_raised_at_the_call_with_its_path(autojump_clock):
    async def body(here):
        one, two = here.ref("node/one"), here.ref("node/two")
        one_cell_asks_two = one.ask(AskOther(two))
        with pytest.raises(ActorCrashed):
            await one_cell_asks_two
        event = next(e for e in events if e.kind == "exited" and isinstance(e.reason.error, AskCycle))
        assert event.reason.error.path == ("node/two", "node/one", "node/two")

    events = []
    here = system()
    here.observe(events.append)
    async with here.run(ChildSpec("node", lambda: Supervisor([ChildSpec("one", Echo), ChildSpec("two", Echo)]))):
        await body(here)


async def test_a_dead_ref_swallows_tells_as_dead_letters_and_raises_for_asks(autojump_clock):
    async def body(here):
        nobody = here.ref("node/nobody")
        nobody.tell(Say("x"))
        assert here.dead_letters["node/nobody"] == 1
        with pytest.raises(ActorDead):
            await nobody.ask(Say("x"))

    await run_with(body)


class Tiny(Echo):
    mailbox = Mailbox(capacity=3, overflow=Overflow.DROP_OLDEST)


class Disposable:
    def __init__(self):
        self.disposed = 0

    def dispose(self):
        self.disposed += 1


async def test_a_bounded_mailbox_stays_within_its_bound_and_disposes_of_what_it_drops(autojump_clock):
    async def body(here):
        ref = here.ref("node/tiny")
        ref.tell(Slow(5))
        await trio.testing.wait_all_tasks_blocked()
        dropped = [Disposable() for _ in range(100)]
        for item in dropped:
            ref.tell(item)
        assert len(ref.actor_inbox) == 3
        assert sum(item.disposed for item in dropped) == 97
        with pytest.raises(MailboxFull):
            await ref.ask(Say("full"))
        await ref.send(Say("waited for room"))
        assert trio.current_time() - start >= 5

    start = trio.current_time()
    await run_with(body, ChildSpec("tiny", Tiny))


async def test_a_failing_start_is_raised_at_the_parent(autojump_clock):
    class Broken(Actor):
        async def on_start(self):
            raise ValueError("no")

    with pytest.raises(StartFailed) as failure:
        await run_with(None, ChildSpec("broken", Broken))
    assert isinstance(failure.value.__cause__, ValueError)


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


async def test_a_monitor_hears_of_each_exit_and_at_once_of_the_dead(autojump_clock):
    log = []

    class Watcher(Echo):
        async def on_start(self):
            self.monitor(self.system.ref("node/echo"))
            self.monitor(self.system.ref("node/nobody"))

    async def body(here):
        await trio.testing.wait_all_tasks_blocked()
        here.ref("node/echo").crash(ValueError("one"))
        await trio.sleep(1)
        here.ref("node/echo").crash(ValueError("two"))
        await trio.sleep(1)
        assert [(d.path, d.incarnation, d.reason.kind) for d in log] == [
            ("node/nobody", 0, ExitKind.NORMAL),
            ("node/echo", 1, ExitKind.CRASHED),
            ("node/echo", 2, ExitKind.CRASHED),
        ]

    class Quiet(Watcher):
        @receives(Down)
        def down(self, message):
            log.append(message)

    await run_with(body, ChildSpec("echo", Echo), ChildSpec("watch", Quiet))


async def test_an_unknown_message_is_a_dead_letter_and_not_a_crash(autojump_clock):
    async def body(here):
        ref = here.ref("node/echo")
        item = Disposable()
        ref.tell(item)
        assert await ref.ask(Say("alive")) == "alive"
        assert item.disposed == 1
        assert here.dead_letters["node/echo"] == 1

    await run_with(body, ChildSpec("echo", Echo))


async def test_a_reply_that_comes_too_late_is_disposed_of(autojump_clock):
    late = Disposable()

    class Slowly(Actor):
        @receives(Say)
        async def say(self, _message):
            await trio.sleep(10)
            return late

    async def body(here):
        with pytest.raises(AskTimeout):
            await here.ref("node/slowly").ask(Say("x"), timeout=1)
        await trio.sleep(20)
        assert late.disposed == 1

    await run_with(body, ChildSpec("slowly", Slowly))


async def test_pykkas_proxy_works_with_awaited_futures(autojump_clock):
    class Counter(Actor):
        def __init__(self):
            super().__init__()
            self.count = 0

        def add(self, number):
            self.count += number
            return self.count

        async def add_slowly(self, number):
            await trio.sleep(1)
            return self.add(number)

    async def body(here):
        proxy = here.ref("node/counter").proxy()
        assert await proxy.add(2) == 2
        assert await proxy.add_slowly(3) == 5
        assert await proxy.count == 5

    await run_with(body, ChildSpec("counter", Counter, restart=Restart.PERMANENT))
