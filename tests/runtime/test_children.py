import itertools

import pytest
import trio

from beam_actors.errors import ActorDead
from beam_actors.runtime import (
    Actor,
    Backoff,
    ChildSpec,
    Decision,
    Escalated,
    ExitKind,
    Intensity,
    Restart,
    Strategy,
    Supervisor,
)
from tests.runtime.rig import Adopt, Child, Hang, Say, system


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


async def test_each_failed_restart_counts_once_and_takes_one_step_of_the_backoff(autojump_clock):
    starts = []

    class Fragile(Child):
        async def on_start(self):
            starts.append(trio.current_time())
            if len(starts) in {2, 3, 4}:
                raise OSError("not yet")

    here = system()
    child = ChildSpec("fragile", Fragile, backoff=Backoff(first=0.5, jitter=0))
    async with here.run(ChildSpec("node", lambda: Supervisor([child], intensity=Intensity(4, 1000)))):
        here.ref("node/fragile").crash(ValueError())
        await trio.sleep(30)
        assert [after - before for before, after in itertools.pairwise(starts)] == [0.5, 1, 2, 4]
        assert here.ref("node/fragile").alive
        assert here.ref("node").incarnation == 1


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


async def test_a_restart_that_fails_is_retried_within_the_intensity(autojump_clock):
    attempts = []

    class Fragile(Actor):
        async def on_start(self):
            attempts.append(1)
            if len(attempts) in {2, 3}:
                raise OSError("not yet")

    here = system()
    async with here.run(ChildSpec("node", lambda: Supervisor([ChildSpec("fragile", Fragile)]))):
        here.ref("node/fragile").crash(ValueError())
        await trio.sleep(1)
        assert len(attempts) == 4
        assert here.ref("node/fragile").alive


async def test_backoff_delays_restarts_and_grows(autojump_clock):
    starts = []

    class Late(Actor):
        async def on_start(self):
            starts.append(trio.current_time())
            self.spawn(self.fail)

        async def fail(self):
            await trio.lowlevel.checkpoint()
            raise ValueError

    spec = ChildSpec("c", Late, backoff=Backoff(first=1, jitter=0))
    here = system()
    async with here.run(ChildSpec("node", lambda: Supervisor([spec], intensity=Intensity(10, 1000)))):
        await trio.sleep(20)
    waits = [round(b - a) for a, b in itertools.pairwise(starts)]
    assert waits[:4] == [1, 2, 4, 8]


def deciding(name="a", **options):
    return ChildSpec(name, Child, decisions={OSError: Decision.STOP, ConnectionError: Decision.ESCALATE}, **options)


async def test_a_crash_that_stops_is_an_end_for_good(autojump_clock):
    here = system()
    async with here.run(ChildSpec("node", lambda: Supervisor([deciding(), ChildSpec("b", Child)]))):
        ref = here.ref("node/a")
        ref.tell(Hang())
        waiting = ref.ask(Say("x"))
        await trio.testing.wait_all_tasks_blocked()
        ref.crash(FileNotFoundError())
        with pytest.raises(ActorDead):
            await waiting
        await trio.sleep(100)
        assert (ref.alive, ref.incarnation) == (False, 1)
        assert [child.path for child in here.tree().children] == ["node/b"]
        assert here.ref("node").incarnation == 1


async def test_a_crash_that_nobody_decided_about_restarts(autojump_clock):
    here = system()
    async with here.run(ChildSpec("node", lambda: Supervisor([deciding()]))):
        here.ref("node/a").crash(ValueError())
        await trio.sleep(1)
        assert here.ref("node/a").incarnation == 2


async def test_ends_that_stop_do_not_count_towards_the_intensity(autojump_clock):
    here = system()
    children = [deciding(str(n)) for n in range(20)]
    async with here.run(ChildSpec("node", lambda: Supervisor(children, intensity=Intensity(0, 1000)))):
        for n in range(20):
            here.ref(f"node/{n}").crash(OSError())
        await trio.sleep(1)
        assert here.ref("node").alive
        assert here.tree().children == ()


@pytest.mark.parametrize("restart", list(Restart))
async def test_a_crash_that_escalates_crashes_the_supervisor_at_once(autojump_clock, restart):
    here = system()
    inner = lambda: Supervisor([deciding(restart=restart), ChildSpec("b", Child)], intensity=Intensity(100, 1))  # noqa: E731
    async with here.run(ChildSpec("node", lambda: Supervisor([ChildSpec("inner", inner)]))):
        here.ref("node/inner/a").crash(ConnectionResetError("far"))
        await trio.sleep(1)
        inner_cell = here.ref("node/inner")._cell
        assert inner_cell.incarnation == 2
        assert inner_cell.last_exit.kind is ExitKind.CRASHED
        assert isinstance(inner_cell.last_exit.error, Escalated)
        assert isinstance(inner_cell.last_exit.error.__cause__, ConnectionResetError)
        assert here.ref("node/inner/a").alive
        assert here.ref("node/inner/b").alive


async def test_a_restart_whose_start_fails_is_decided_about_as_any_crash(autojump_clock):
    starts = []

    class Fragile(Child):
        async def on_start(self):
            starts.append(1)
            if len(starts) > 1:
                raise FileNotFoundError

    here = system()
    child = ChildSpec("a", Fragile, decisions={OSError: Decision.STOP})
    async with here.run(ChildSpec("node", lambda: Supervisor([child]))):
        here.ref("node/a").crash(ValueError())
        await trio.sleep(100)
        assert len(starts) == 2
        assert here.tree().children == ()


@pytest.mark.parametrize("decisions", [{"OSError": Decision.STOP}, {OSError: "stop"}, {int: Decision.STOP}])
def test_what_is_no_decision_is_refused(decisions):
    with pytest.raises(TypeError, match="no decision"):
        ChildSpec("a", Child, decisions=decisions)
