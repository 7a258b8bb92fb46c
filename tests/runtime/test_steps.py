import attrs
import pytest
import trio
import trio.testing

from beam_actors.runtime import Actor, ChildSpec, Event, Restart, StepLimit, Supervisor, System, receives
from beam_actors.runtime.steps import REMEMBERED
from beam_actors.testing.holding import LoopHeld, no_actor_holds_the_loop


class Clock:
    """Moves only when somebody computes."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@attrs.frozen
class Compute:
    seconds: float


@attrs.frozen
class Both:
    seconds: float


@attrs.frozen
class InWorker:
    seconds: float


@attrs.frozen
class ThenCrash:
    seconds: float


class Busy(Actor):
    def __init__(self, clock):
        super().__init__()
        self.clock = clock

    @receives(Compute)
    def compute(self, message):
        self.clock.now += message.seconds

    @receives(ThenCrash)
    def then_crash(self, message):
        self.clock.now += message.seconds
        raise ValueError("as asked")

    @receives(Both)
    async def both(self, message):
        self.clock.now += message.seconds
        await trio.sleep(1)
        self.clock.now += message.seconds

    @receives(InWorker)
    def in_worker(self, message):
        self.spawn(self.work, message.seconds, name="sum")

    async def work(self, seconds):
        self.clock.now += seconds
        await trio.lowlevel.checkpoint()


async def with_busy(body, names=("a",), limit=0.05):
    steps = Clock()
    here = System("test", clock=trio.current_time, step_limit=StepLimit(limit, steps))
    events = []
    here.observe(lambda event: events.append(event) if event.kind == "held" else None)
    children = [ChildSpec(name, lambda: Busy(steps), restart=Restart.TEMPORARY) for name in names]
    async with here.run(ChildSpec("node", lambda: Supervisor(children))):
        await body(here, events, *(here.ref(f"node/{name}") for name in names))


async def test_a_step_beyond_the_limit_is_an_event_with_path_message_and_duration(autojump_clock):
    async def body(here, events, a):
        await a.ask(Compute(0.05))
        await a.ask(Compute(0.08))
        assert [(e.kind, e.path, e.incarnation, e.message, round(e.seconds, 6)) for e in events] == [
            ("held", "node/a", 1, "Compute", 0.08)
        ]
        assert "Compute held the loop for 80 ms" in events[0].detail

    await with_busy(body)


async def test_the_message_that_took_most_of_a_step_is_named(autojump_clock):
    async def body(here, events, a):
        for message in (Compute(0.01), Both(0.06), Compute(0.02), Compute(0.06)):
            a.tell(message)
        await trio.sleep(5)
        assert [(e.message, round(e.seconds, 6)) for e in events] == [("Both", 0.07), ("Both", 0.14)]

    await with_busy(body)


async def test_a_worker_is_named_by_its_task(autojump_clock):
    async def body(here, events, a):
        a.tell(InWorker(0.3))
        await trio.sleep(1)
        assert [(e.path, e.message) for e in events] == [("node/a", "node/a:sum")]

    await with_busy(body)


class Hooks(Actor):
    def __init__(self, clock):
        super().__init__()
        self.clock = clock

    async def on_start(self):
        self.clock.now += 1

    async def on_stop(self, reason):
        await trio.sleep(1)
        self.clock.now += 2


async def test_the_hooks_of_an_actor_are_named(autojump_clock):
    steps, events = Clock(), []
    here = System("test", clock=trio.current_time, step_limit=StepLimit(0.05, steps, pause=0))
    here.observe(lambda event: events.append(event) if event.kind == "held" else None)
    async with here.run(ChildSpec("node", lambda: Supervisor([ChildSpec("a", lambda: Hooks(steps))]))):
        await trio.sleep(1)
    assert [(e.path, e.message, e.seconds) for e in events] == [("node/a", "on_start", 1), ("node/a", "on_stop", 2)]


async def test_the_message_that_a_crash_came_from_is_named(autojump_clock):
    async def body(here, events, a):
        a.tell(ThenCrash(1))
        await trio.sleep(1)
        assert [(e.path, e.message) for e in events] == [("node/a", "ThenCrash")]

    await with_busy(body)


async def test_reports_are_limited_for_each_actor_alone_and_the_rest_is_counted(autojump_clock):
    async def body(here, events, a, b):
        for _ in range(10):
            await a.ask(Compute(1))
        await b.ask(Compute(1))
        assert [e.path for e in events] == ["node/a", "node/b"]
        await trio.sleep(1.5)
        await a.ask(Compute(1))
        assert len(events) == 3
        assert "9 more" in events[2].detail

    await with_busy(body, ("a", "b"))


async def test_what_is_remembered_of_reports_is_bounded(autojump_clock):
    names = [str(n) for n in range(REMEMBERED + 20)]

    async def body(here, events, *refs):
        for ref in refs:
            await ref.ask(Compute(1))
        assert len(events) == len(refs)
        assert len(here.steps._quiet_until) == len(here.steps._unreported) == REMEMBERED

    await with_busy(body, names)


async def test_tasks_of_others_are_not_reported(autojump_clock):
    steps = Clock()
    one = System("one", clock=trio.current_time, step_limit=StepLimit(0.05, steps))
    two = System("two", clock=trio.current_time)
    events: list[Event] = []
    one.observe(events.append)
    async with (
        one.run(ChildSpec("node", Supervisor)),
        two.run(ChildSpec("node", lambda: Supervisor([ChildSpec("a", lambda: Busy(steps))]))),
    ):
        await two.ref("node/a").ask(Compute(1))
        steps.now += 1
        await trio.sleep(1)
    assert not [event for event in events if event.kind == "held"]


async def test_without_a_limit_nothing_is_timed(autojump_clock):
    here = System("test", clock=trio.current_time)
    assert here.steps is None
    with pytest.raises(ValueError, match="step_limit"), no_actor_holds_the_loop(here):
        pass


async def test_a_test_fails_on_an_actor_that_holds_the_loop(autojump_clock):
    async def body(here, events, a):
        with no_actor_holds_the_loop(here):
            await a.ask(Compute(0.01))
        with pytest.raises(LoopHeld, match="node/a#1: Compute held the loop for 90 ms"), no_actor_holds_the_loop(here):
            await a.ask(Compute(0.09))
        with pytest.raises(LoopHeld, match="1 steps took too long"), no_actor_holds_the_loop(here):
            await a.ask(Compute(0.09))  # too soon for another report
        with no_actor_holds_the_loop(here):
            await a.ask(Compute(0.01))

    await with_busy(body)
