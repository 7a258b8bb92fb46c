import contextlib
import itertools
import random

import pytest
import trio
import trio.testing

from beam_actors.errors import StartFailed
from beam_actors.runtime import (
    Actor,
    Backoff,
    ChildSpec,
    ExitKind,
    Intensity,
    Restart,
    Strategy,
    Supervisor,
    receives,
)
from beam_actors.testing.seeded import run_seeded
from tests.runtime.rig import Adopt, Child, system


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


async def test_an_actor_has_ended_when_its_children_have(autojump_clock):
    here, ended = system(), []
    parent = ChildSpec("parent", lambda: Supervisor([ChildSpec("child", Child)]), restart=Restart.TEMPORARY)
    async with here.run(ChildSpec("node", lambda: Supervisor([parent]))):
        here.observe(lambda event: ended.append(event.path) if event.kind == "exited" else None)
        child = here.ref("node/parent/child")
        await here.ref("node/parent").stop()
        left_behind = child.alive
        await child.stop()  # or the system would wait for it
    assert not left_behind
    assert ended == ["node/parent/child", "node/parent", "node"]


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


@pytest.mark.parametrize("where", ["worker", "on_stop"])
async def test_who_is_ending_starts_no_children(autojump_clock, where):
    refused = []

    class Slow(Actor):
        async def on_stop(self, _reason):
            await trio.sleep(2)

    class Parent(Actor):
        async def on_start(self):
            await self.start_child(ChildSpec("slow", Slow))
            if where == "worker":
                self.spawn(self.work)

        async def on_stop(self, _reason):
            if where == "on_stop":
                await self.adopt()

        async def work(self):
            await trio.sleep(2)  # by then the child is being stopped
            await self.adopt()
            await trio.sleep_forever()

        async def adopt(self):
            try:
                await self.start_child(ChildSpec("late", Child))
            except StartFailed as error:
                refused.append(str(error))

    here = system()
    with trio.fail_after(1000):
        async with here.run(ChildSpec("node", lambda: Supervisor([ChildSpec("parent", Parent)]))):
            await trio.sleep(1)
    assert refused == ["node/parent is ending or over, so it starts no children."]


async def test_the_time_of_a_stop_is_for_all_of_it_and_what_is_cut_short_is_killed(autojump_clock):
    ends = {}

    class Lengthy(Child):
        async def on_stop(self, reason):
            name = self.path.rpartition("/")[2]
            try:
                await trio.sleep(4)
            finally:
                ends[name] = (trio.current_time(), reason.kind)

    def with_children():
        return Supervisor([ChildSpec(name, Lengthy) for name in "cde"])

    here = system()
    children = [ChildSpec("a", Lengthy, shutdown=1), ChildSpec("b", with_children, shutdown=6)]
    a, b = here.ref("node/a"), here.ref("node/b")
    async with here.run(ChildSpec("node", lambda: Supervisor(children), shutdown=30)):
        pass
    # `e` takes its four seconds, `d` is cut short in the middle, and `c` is killed.
    assert ends == {
        "e": (4, ExitKind.SHUTDOWN),
        "d": (6, ExitKind.SHUTDOWN),
        "c": (7, ExitKind.KILLED),
        "a": (8, ExitKind.SHUTDOWN),
    }
    assert [str(ref._cell.last_exit) for ref in (a, b)] == [
        "killed; its on_stop took too long",
        "killed; it did not stop in time",
    ]


def test_children_are_never_lost_or_doubled_whoever_starts_and_stops_them():
    for seed in range(30):
        run_seeded(seed, lambda seed=seed: _fight_over_children(seed))


class _Kid(Actor):
    def __init__(self, draw):
        super().__init__()
        self.draw = draw

    async def on_start(self):
        await trio.sleep(self.draw.choice([0, 0, 0, 0.1, 0.2]))
        if self.draw.random() < 0.1:
            raise ValueError("at its start")

    async def on_stop(self, _reason):
        await trio.sleep(self.draw.choice([0, 0, 0, 0.1, 3]))


class _Fought(Actor):
    """Its loop and its workers start, stop and crash the same three children; sometimes they are cancelled at it."""

    def __init__(self, draw):
        super().__init__()
        self.draw = draw
        self.strategy = draw.choice(list(Strategy))
        self.intensity = Intensity(10_000, 1)

    async def on_start(self):
        for _ in range(3):
            self.spawn(self.work)

    async def work(self):
        while True:
            await trio.sleep(self.draw.choice([0, 0.1, 0.2]))
            await self.act("")

    @receives(str)
    async def act(self, _word):
        do = self.draw.choice([self.start_one, self.start_one, self.stop_child, self.crash_one, self.end_one])
        with trio.move_on_after(self.draw.choice([0.05, 100, 100, 100])):
            await do(self.system.ref(f"{self.path}/{self.draw.choice('abc')}"))

    async def start_one(self, ref):
        name, restart = ref.path.rpartition("/")[2], self.draw.choice(list(Restart))
        pause, seconds = Backoff(self.draw.choice([0, 0.1])), self.draw.choice([0.05, 1])
        spec = ChildSpec(name, lambda: _Kid(self.draw), restart=restart, shutdown=seconds, backoff=pause)
        with contextlib.suppress(StartFailed):
            await self.start_child(spec)

    async def crash_one(self, ref):
        ref.crash(ValueError("by hand"))

    async def end_one(self, ref):
        if ref._cell.actor is not None:
            ref._cell.actor.stop()


async def _fight_over_children(seed):
    draw, here = random.Random(seed), system()
    with trio.fail_after(1000):
        async with here.run(ChildSpec("node", lambda: Supervisor([ChildSpec("p", lambda: _Fought(draw))]))):
            parent = here.ref("node/p")
            for turn in range(60):
                parent.tell("act")
                await trio.sleep(draw.choice([0, 0.1, 0.3]))
                if turn % 25 == 24:
                    parent.crash(ValueError("the parent"))
                lives = [task.name for task in here.home.child_tasks if task.name.startswith("node/p/")]
                assert sorted(lives) == sorted(set(lives)), "two lives at one path"
                assert set(lives) <= {child.path for child in parent._cell.children.values()}, "a child was lost"
    assert not [cell.path for cell in here.cells() if cell.occupied]
