import itertools

import attrs
import pytest
import trio
import trio.lowlevel
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_actors.runtime import (
    NORMAL,
    Actor,
    Backoff,
    ChildSpec,
    ExitKind,
    Intensity,
    Pool,
    Restart,
    StartMember,
    StopMember,
    Strategy,
    Supervisor,
    System,
    SystemFailed,
    receives,
)


@attrs.frozen
class End:
    reason: object = NORMAL


@attrs.frozen
class Hang:
    pass


class Child(Actor):
    def __init__(self, log=None):
        super().__init__()
        self.log = log

    async def on_start(self):
        if self.log is not None:
            self.log.append(("start", self.path.rpartition("/")[2]))

    async def on_stop(self, reason):
        if self.log is not None:
            self.log.append(("stop", self.path.rpartition("/")[2]))

    @receives(End)
    def end(self, message):
        self.stop(message.reason)

    @receives(Hang)
    async def hang(self, _message):
        await trio.sleep_forever()


def system():
    return System("test", clock=trio.current_time)


def specs(log, *names, **options):
    return [ChildSpec(name, lambda: Child(log), **options) for name in names]


def incarnations(here, *names):
    return [here.ref(f"node/{name}").incarnation for name in names]


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [(Strategy.ONE_FOR_ONE, [1, 2, 1]), (Strategy.REST_FOR_ONE, [1, 2, 2]), (Strategy.ONE_FOR_ALL, [2, 2, 2])],
)
async def test_each_strategy_restarts_whom_it_concerns_in_order(autojump_clock, strategy, expected):
    log = []
    here = system()
    spec = ChildSpec("node", lambda: Supervisor(specs(log, "a", "b", "c"), strategy=strategy))
    async with here.run(spec):
        del log[:]
        here.ref("node/b").crash(ValueError("chaos"))
        await trio.sleep(1)
        assert incarnations(here, "a", "b", "c") == expected
        stops = [name for what, name in log if what == "stop" and name != "b"]
        starts = [name for what, name in log if what == "start"]
        assert stops == sorted(stops, reverse=True)
        assert starts == sorted(starts)


async def test_shutdown_is_in_the_reverse_order_even_when_the_body_is_cancelled(autojump_clock):
    log = []
    here = system()
    with trio.move_on_after(1):
        async with here.run(ChildSpec("node", lambda: Supervisor(specs(log, "a", "b", "c")))):
            await trio.sleep_forever()
    assert [name for what, name in log if what == "stop"] == ["c", "b", "a"]


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


async def test_a_crash_loop_escalates_and_ends_without_spinning(autojump_clock):
    starts = []

    class Crashing(Actor):
        async def on_start(self):
            starts.append(trio.current_time())
            self.spawn(self.fail)

        async def fail(self):
            await trio.sleep(0.1)
            raise ValueError("again")

    def middle():
        return Supervisor([ChildSpec("crashing", Crashing)], intensity=Intensity(3, 5))

    here = system()
    with pytest.raises(SystemFailed) as failure:
        async with here.run(ChildSpec("node", lambda: Supervisor([ChildSpec("middle", middle)]))):
            await trio.sleep_forever()
    assert len(starts) == 16  # four lives of the child in each of the four lives of its supervisor
    assert "more than 3 times" in str(failure.value)


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

    class Crashing(Actor):
        async def on_start(self):
            starts.append(trio.current_time())
            self.crash_now(ValueError())

    spec = ChildSpec("c", Crashing, backoff=Backoff(first=1, jitter=0), restart=Restart.PERMANENT)

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


async def test_fifty_normal_exits_restart_nothing(autojump_clock):
    here = system()
    template = lambda key: ChildSpec(key, Child, restart=Restart.TEMPORARY)  # noqa: E731
    spec = ChildSpec("node", lambda: Supervisor([ChildSpec("pool", lambda: Pool(template))]))
    async with here.run(spec):
        pool = here.ref("node/pool")
        members = [await pool.ask(StartMember(str(n))) for n in range(50)]
        for member in members:
            member.tell(End())
        await trio.sleep(1)
        assert pool.incarnation == 1
        assert here.ref("node").incarnation == 1
        assert here.tree().children[0].children == ()


async def test_a_pool_counts_restarts_for_each_child_alone(autojump_clock):
    here = system()
    template = lambda key: ChildSpec(key, Child)  # noqa: E731
    spec = ChildSpec("node", lambda: Supervisor([ChildSpec("pool", lambda: Pool(template))]))
    async with here.run(spec):
        pool = here.ref("node/pool")
        members = [await pool.ask(StartMember(str(n))) for n in range(20)]
        for member in members:
            member.crash(ValueError())
        await trio.sleep(1)
        assert pool.incarnation == 1
        assert [member.incarnation for member in members] == [2] * 20
        assert await pool.ask(StartMember("3")) == members[3]
        await pool.ask(StopMember("3"))
        assert not members[3].alive


async def test_a_significant_child_takes_its_supervisor_along(autojump_clock):
    here = system()
    inner = lambda: Supervisor(  # noqa: E731
        [
            ChildSpec("main", Child, restart=Restart.TRANSIENT, significant=True),
            ChildSpec("helper", Child),
        ]
    )
    outer = ChildSpec("inner", inner, restart=Restart.TRANSIENT)
    async with here.run(ChildSpec("node", lambda: Supervisor([outer]))):
        here.ref("node/inner/main").tell(End())
        await trio.sleep(1)
        assert not here.ref("node/inner").alive
        assert not here.ref("node/inner/helper").alive
        assert here.ref("node").alive


async def test_the_tree_tells_of_restarts_and_reasons(autojump_clock):
    here = system()
    async with here.run(ChildSpec("node", lambda: Supervisor(specs(None, "a", "b")))):
        here.ref("node/a").crash(ValueError("for the record"))
        await trio.sleep(3)
        here.ref("node/b").tell(Hang())
        await trio.sleep(4)
        one, two = here.tree().children
        assert (one.restarts, one.incarnation, one.state) == (1, 2, "running")
        assert "ValueError: for the record" in one.last_exit
        assert one.uptime == 7
        assert (two.message, two.busy) == ("Hang", 4)


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
