import pytest
import trio

from beam_actors.runtime import ChildSpec, Down, ExitKind, Restart, Supervisor, receives
from tests.runtime.rig import Echo, End, Hang, run_with, specs, system


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


async def test_a_child_that_hangs_is_killed_after_its_shutdown_time(autojump_clock):
    log = []
    here = system()
    start = trio.current_time()
    async with here.run(ChildSpec("node", lambda: Supervisor(specs(log, "a", shutdown=3)))):
        here.ref("node/a").tell(Hang())
        await trio.sleep(1)
    assert trio.current_time() - start == 4
    assert here.ref("node/a")._cell.last_exit.kind is ExitKind.KILLED


@pytest.mark.parametrize(
    ("restart", "reason_crash", "expected"),
    [
        (Restart.PERMANENT, False, 2),
        (Restart.TRANSIENT, False, 1),
        (Restart.TRANSIENT, True, 2),
        (Restart.TEMPORARY, True, 1),
    ],
)
async def test_restart_types(autojump_clock, restart, reason_crash, expected):
    here = system()
    async with here.run(ChildSpec("node", lambda: Supervisor(specs(None, "a", restart=restart)))):
        ref = here.ref("node/a")
        if reason_crash:
            ref.crash(ValueError())
        else:
            ref.tell(End())
        await trio.sleep(1)
        assert ref.incarnation == expected
        assert ref.alive == (expected == 2)
