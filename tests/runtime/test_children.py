import attrs
import pytest
import trio

from beam_actors.errors import ActorUnavailable
from beam_actors.runtime import (
    NORMAL,
    Actor,
    Backoff,
    ChildSpec,
    Intensity,
    Restart,
    Strategy,
    Supervisor,
    System,
    SystemFailed,
    receives,
)


@attrs.frozen
class End:
    pass


@attrs.frozen
class Hang:
    pass


@attrs.frozen
class Adopt:
    spec: ChildSpec


class Child(Actor):
    @receives(End)
    def end(self, _message):
        self.stop(NORMAL)

    @receives(Hang)
    async def hang(self, _message):
        await trio.sleep_forever()

    @receives(Adopt)
    async def adopt(self, message):
        return await self.start_child(message.spec)


def system():
    return System("test", clock=trio.current_time)


async def test_a_sibling_that_is_temporary_is_stopped_with_the_group_and_not_started_again(autojump_clock):
    here = system()
    children = [
        ChildSpec("first", Child),
        ChildSpec("temporary", Child, restart=Restart.TEMPORARY),
        ChildSpec("last", Child),
    ]
    async with here.run(ChildSpec("node", lambda: Supervisor(children, strategy=Strategy.ONE_FOR_ALL))):
        temporary = here.ref("node/temporary")
        here.ref("node/first").crash(ValueError())
        await trio.sleep(1)
        assert not temporary.alive
        assert temporary.incarnation == 1
        assert here.ref("node/last").incarnation == 2
        assert [child.path for child in here.tree().children] == ["node/first", "node/last"]


async def test_normal_exits_of_a_permanent_child_never_escalate_and_never_spin(autojump_clock):
    here = system()

    class Brief(Actor):
        async def on_start(self):
            self.stop()

    top = ChildSpec("node", lambda: Supervisor([ChildSpec("brief", Brief)], intensity=Intensity(2, 1000)))
    async with here.run(top):
        await trio.sleep(10)
        assert here.ref("node").incarnation == 1
        assert 10 < here.ref("node/brief").incarnation <= 102


async def test_a_crash_between_the_start_and_the_first_step_of_a_child_leaves_no_task(autojump_clock):
    # Whether the parent or its new child runs first is the scheduler's choice, so it is tried often.
    for _ in range(30):
        here = system()
        with trio.fail_after(1000):
            async with here.run(ChildSpec("node", lambda: Supervisor([ChildSpec("parent", Child)]))):
                parent = here.ref("node/parent")
                parent.tell(Adopt(ChildSpec("late", Child)))
                await trio.lowlevel.checkpoint()
                parent.crash(ValueError("before it ran"))
                await trio.sleep(1)
                assert parent.incarnation == 2
                assert not here.ref("node/parent/late").alive


async def test_leaving_ends_a_root_whose_child_never_finishes_its_start(autojump_clock):
    class Stuck(Actor):
        async def on_start(self):
            if self.ref.incarnation > 1:
                await trio.sleep_forever()

    here = system()
    with trio.fail_after(1000):
        async with here.run(ChildSpec("node", lambda: Supervisor([ChildSpec("stuck", Stuck), ChildSpec("b", Child)]))):
            here.ref("node/stuck").crash(ValueError())
            await trio.sleep(1)
    assert not here.ref("node/stuck").alive
    assert not here.ref("node/b").alive


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
async def test_an_interrupt_inside_a_handler_ends_the_system_in_order(autojump_clock, error):
    class Interrupted(Child):
        @receives(End)
        def end(self, _message):
            raise error

    stopped = []

    class Sibling(Child):
        async def on_stop(self, _reason):
            stopped.append(self.path)

    here = system()
    children = [ChildSpec("sibling", Sibling), ChildSpec("interrupted", Interrupted)]

    async def run():
        async with here.run(ChildSpec("node", lambda: Supervisor(children))):
            here.ref("node/interrupted").tell(End())
            await trio.sleep_forever()

    with pytest.raises(error):
        await run()
    assert stopped == ["node/sibling"]


async def test_what_waits_when_an_actor_crashes_is_told_that_it_will_be_back(autojump_clock):
    here = system()
    async with here.run(ChildSpec("node", lambda: Supervisor([ChildSpec("a", Child)]))):
        ref = here.ref("node/a")
        ref.tell(Hang())
        waiting = ref.ask(End())
        await trio.testing.wait_all_tasks_blocked()
        ref.crash(ValueError())
        with pytest.raises(ActorUnavailable):
            await waiting


async def test_a_backoff_that_was_overtaken_restarts_nobody_early(autojump_clock):
    starts = []

    class Crashing(Child):
        async def on_start(self):
            starts.append(trio.current_time())

    here = system()
    children = [ChildSpec("other", Child), ChildSpec("slow", Crashing, backoff=Backoff(first=10, jitter=0))]
    top = lambda: Supervisor(children, strategy=Strategy.ONE_FOR_ALL, intensity=Intensity(9, 1000))  # noqa: E731
    async with here.run(ChildSpec("node", top)):
        begin = trio.current_time()
        here.ref("node/slow").crash(ValueError())  # would be back after 10 s
        await trio.sleep(1)
        assert not here.ref("node/other").alive
        await trio.sleep(10)
        here.ref("node/slow").crash(ValueError())  # back after 20 s more
        await trio.sleep(1)
        await trio.sleep(30)
    assert [round(at - begin) for at in starts] == [0, 10, 31]


async def test_a_flood_of_crashes_from_outside_ends_in_one_clear_error(autojump_clock):
    here = system()

    async def run():
        async with here.run(ChildSpec("node", lambda: Supervisor([ChildSpec("a", Child)]))):
            while True:
                here.ref("node/a").crash(ValueError())
                await trio.sleep(0.01)

    with pytest.raises(SystemFailed, match="more than 3 times"):
        await run()
