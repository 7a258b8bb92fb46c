"""What a spec decides about the crashes of its child."""

import pytest
import trio
import trio.testing

from beam_actors.errors import ActorDead
from beam_actors.runtime import (
    ChildSpec,
    Decision,
    Escalated,
    ExitKind,
    Intensity,
    Restart,
    Strategy,
    Supervisor,
)
from tests.runtime.rig import Child, Hang, Say, system


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


@pytest.mark.parametrize("strategy", [Strategy.REST_FOR_ONE, Strategy.ONE_FOR_ALL])
async def test_what_rests_on_a_child_whose_restart_fails_is_started_after_it(autojump_clock, strategy):
    starts = []

    class Fragile(Child):
        async def on_start(self):
            starts.append("below")
            if len(starts) in {3, 4}:
                raise OSError("not yet")

    class Above(Child):
        async def on_start(self):
            starts.append("above")

    here = system()
    children = [ChildSpec("below", Fragile), ChildSpec("above", Above)]
    async with here.run(ChildSpec("node", lambda: Supervisor(children, strategy=strategy))):
        here.ref("node/below").crash(ValueError())
        await trio.sleep(1)
        assert starts == ["below", "above", "below", "below", "below", "above"]


async def test_what_rests_on_a_child_that_is_given_up_goes_on_without_it(autojump_clock):
    starts = []

    class Fragile(Child):
        async def on_start(self):
            starts.append("below")
            if len(starts) > 1:
                raise FileNotFoundError

    here = system()
    children = [ChildSpec("below", Fragile, decisions={OSError: Decision.STOP}), ChildSpec("above", Child)]
    async with here.run(ChildSpec("node", lambda: Supervisor(children, strategy=Strategy.REST_FOR_ONE))):
        here.ref("node/below").crash(ValueError())
        await trio.sleep(1)
        assert starts == ["below", "below"]
        assert here.ref("node/above").incarnation == 2
        assert here.ref("node/above").alive


@pytest.mark.parametrize("decisions", [{"OSError": Decision.STOP}, {OSError: "stop"}, {int: Decision.STOP}])
def test_what_is_no_decision_is_refused(decisions):
    with pytest.raises(TypeError, match="no decision"):
        ChildSpec("a", Child, decisions=decisions)
