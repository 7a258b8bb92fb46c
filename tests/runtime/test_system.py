import pytest
import trio
import trio.lowlevel
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_actors.runtime import (
    Actor,
    ChildSpec,
    Intensity,
    Pool,
    Restart,
    StartMember,
    StopMember,
    Strategy,
    Supervisor,
    SystemFailed,
    receives,
)
from beam_actors.testing.seeded import run_seeded
from tests.runtime.rig import Child, End, Hang, specs, system


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


@pytest.mark.parametrize("where", ["handler", "worker", "on_stop"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
async def test_an_interrupt_inside_an_actor_ends_the_system_in_order(autojump_clock, error, where):
    class Interrupted(Child):
        @receives(End)
        def end(self, _message):
            raise error

    class Working(Child):
        @receives(End)
        def end(self, _message):
            self.spawn(self.work)

        async def work(self):
            raise error

    class Leaving(Child):
        async def on_stop(self, _reason):
            raise error

    stopped = []

    class Sibling(Child):
        async def on_stop(self, _reason):
            await trio.sleep(0.5)
            stopped.append(self.path)

    here = system()
    children = [
        ChildSpec("a", Sibling),
        ChildSpec("b", lambda: Supervisor([ChildSpec("c", Sibling), ChildSpec("interrupted", interrupted)])),
        ChildSpec("d", Sibling),
    ]
    interrupted = {"handler": Interrupted, "worker": Working, "on_stop": Leaving}[where]
    supervisor = here.ref("node/b")

    async def run():
        async with here.run(ChildSpec("node", lambda: Supervisor(children))):
            here.ref("node/b/interrupted").tell(End())
            await trio.sleep_forever()

    with pytest.raises(error):
        await run()
    assert stopped == ["node/d", "node/b/c", "node/a"]
    assert here.ref("node/b/interrupted").incarnation == 1
    assert supervisor.incarnation == 1


async def test_an_interrupt_in_a_handlers_own_nursery_is_raised_without_the_nursery(autojump_clock):
    class Busy(Child):
        @receives(End)
        async def end(self, _message):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep_forever)
                raise KeyboardInterrupt

    here = system()

    async def run():
        async with here.run(ChildSpec("node", lambda: Supervisor([ChildSpec("busy", Busy)]))):
            here.ref("node/busy").tell(End())
            await trio.sleep_forever()

    with pytest.raises(KeyboardInterrupt):
        await run()


async def test_an_observer_that_raises_ends_the_system_with_its_error_and_no_wait(autojump_clock):
    here = system()

    def observer(event):
        if event.kind == "exited" and event.path == "node/a":
            raise LookupError("the observer's own")

    here.observe(observer)

    async def run():
        async with here.run(ChildSpec("node", lambda: Supervisor(specs(None, "a", "b")))):
            here.ref("node/a").crash(ValueError())
            await trio.sleep_forever()

    with trio.fail_after(1000), pytest.raises(LookupError):
        await run()


async def test_a_flood_of_crashes_from_outside_ends_in_one_clear_error(autojump_clock):
    here = system()

    async def run():
        async with here.run(ChildSpec("node", lambda: Supervisor([ChildSpec("a", Child)]))):
            while True:
                here.ref("node/a").crash(ValueError())
                await trio.sleep(0.01)

    with pytest.raises(SystemFailed, match="more than 3 times"):
        await run()


async def test_shutdown_is_in_the_reverse_order_even_when_the_body_is_cancelled(autojump_clock):
    log = []
    here = system()
    with trio.move_on_after(1):
        async with here.run(ChildSpec("node", lambda: Supervisor(specs(log, "a", "b", "c")))):
            await trio.sleep_forever()
    assert [name for what, name in log if what == "stop"] == ["c", "b", "a"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["crash", "end", "hang", "wait"])), max_size=12),
    st.sampled_from(list(Strategy)),
    st.sampled_from(list(Restart)),
)
def test_no_task_outlives_the_system_whatever_happened(steps, strategy, restart):
    alive = [0]

    class Counted(Child):
        async def on_start(self):
            self.spawn(self.work)

        async def work(self):
            alive[0] += 1
            try:
                await trio.sleep_forever()
            finally:
                alive[0] -= 1

    async def main():
        here = system()
        children = [ChildSpec(name, Counted, restart=restart, shutdown=1) for name in "abcd"]
        top = lambda: Supervisor(children, strategy=strategy, intensity=Intensity(4, 1000))  # noqa: E731
        try:
            async with here.run(ChildSpec("node", top)):
                for name, what in steps:
                    ref = here.ref(f"node/{name}")
                    if what == "crash":
                        ref.crash(ValueError())
                    elif what == "end":
                        ref.tell(End())
                    elif what == "hang":
                        ref.tell(Hang())
                    else:
                        await trio.sleep(0.5)
                await trio.sleep(1)
        except SystemFailed:
            pass
        assert alive[0] == 0
        root = trio.lowlevel.current_task()
        assert all(not nursery.child_tasks for nursery in root.child_nurseries)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


async def test_the_book_of_dead_letters_is_bounded_by_the_tree_however_many_branches_it_has_had(autojump_clock):
    class Branch(Child):
        async def on_start(self):
            await self.start_child(ChildSpec("leaf", Child, restart=Restart.TEMPORARY))

    here = system()
    pool = ChildSpec("pool", lambda: Pool(lambda key: ChildSpec(key, Branch)))
    async with here.run(ChildSpec("node", lambda: Supervisor([pool]))):
        pool = here.ref("node/pool")
        for number in range(20):
            member = await pool.ask(StartMember(str(number)))
            (leaf,) = member._cell.actor.children()
            await leaf.stop()
            await trio.testing.wait_all_tasks_blocked()
            leaf.tell("late")
            assert here.dead_letters[f"{member.path}/*"] == 1
            await pool.ask(StopMember(str(number)))
            leaf.tell("later")
        assert here.dead_letters == {"node/pool/*": 40}


async def test_an_observer_may_leave_while_it_is_told_and_the_others_miss_nothing(autojump_clock):
    here, seen = system(), []
    leave = here.observe(lambda _event: leave())
    here.observe(lambda event: seen.append(event.kind))
    async with here.run(ChildSpec("node", Supervisor)):
        pass
    assert seen == ["started", "exited"]


class _Canceller(trio.abc.Instrument):
    """Cancels a scope after so many steps of tasks."""

    def __init__(self, scope, steps):
        self.scope = scope
        self.left = steps

    def after_task_step(self, _task):
        self.left -= 1
        if self.left == 0:
            self.scope.cancel()


class _Parent(Child):
    async def on_start(self):
        await super().on_start()
        await trio.sleep(0.1)
        await self.start_child(ChildSpec("child", lambda: Child(self.log)))
        self.spawn(trio.sleep, 0.1)

    async def on_stop(self, reason):
        await trio.sleep(0.1)
        await super().on_stop(reason)


def test_a_cancellation_at_any_step_stops_in_order_whatever_was_started():
    async def run(steps):
        log, here = [], system()
        with trio.CancelScope() as scope:
            canceller = _Canceller(scope, steps)
            trio.lowlevel.add_instrument(canceller)
            children = [ChildSpec(name, lambda: _Parent(log)) for name in "ab"]
            with trio.fail_after(100):  # no scope of ours: it is the system that must end
                async with here.run(ChildSpec("node", lambda: Supervisor(children, strategy=Strategy.ONE_FOR_ALL))):
                    here.ref("node/a").crash(ValueError())
                    await trio.sleep(0.5)
                    await here.ref("node/b").stop()
        assert not [cell for cell in here.cells() if cell.occupied]
        assert here.home is None
        assert sorted(name for what, name in log if what == "start") == sorted(n for what, n in log if what == "stop")
        return canceller.left > 0

    steps = 1
    while not run_seeded(1, lambda: run(steps)):  # noqa: B023 (it is called before the next turn)
        steps += 1
    assert steps > 50


async def test_an_observer_that_raises_at_an_end_is_heard_and_hangs_nobody(autojump_clock):
    class Broken(Child):
        async def on_start(self):
            raise OSError("no start")

    def observer(event):
        if event.kind == "exited" and event.path == "node/broken":
            raise ZeroDivisionError("an observer's bug")

    here = system()
    here.observe(observer)
    with trio.fail_after(100), pytest.raises(ZeroDivisionError):
        async with here.run(ChildSpec("node", lambda: Supervisor([ChildSpec("broken", Broken)]))):
            pytest.fail("It started.")
