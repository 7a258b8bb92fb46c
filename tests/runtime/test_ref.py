import pytest
import trio
import trio.testing

from beam_actors.errors import ActorCrashed, ActorDead, AskCycle, AskTimeout
from beam_actors.runtime import Actor, ChildSpec, Restart, Supervisor, receives
from tests.runtime.rig import AskOther, Echo, Say, Slow, run_with, system


async def test_tell_and_ask_reach_the_handler_of_the_type(autojump_clock):
    log = []

    async def body(here):
        ref = here.ref("node/echo")
        ref.tell(Say("one"))
        assert await ref.ask(Say("two")) == "two"
        assert log == ["start", "one", "two"]

    await run_with(body, ChildSpec("echo", lambda: Echo(log)))
    assert log[-1] == "stop shutdown"


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


async def test_a_second_stop_waits_for_the_end_as_the_first(autojump_clock):
    class Slowly(Actor):
        async def on_stop(self, _reason):
            await trio.sleep(2)

    async def body(here):
        ref = here.ref("node/slowly")
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ref.stop)
            await trio.sleep(0.5)
            await ref.stop()
            assert trio.current_time() == began + 2

    await run_with(body, ChildSpec("slowly", Slowly, restart=Restart.TEMPORARY))


@pytest.mark.parametrize("whom", ["node/outer/inner", "node/outer"])
async def test_an_actor_that_stops_itself_or_its_supervisor_waits_for_no_end_of_its_own(autojump_clock, whom):
    class Inner(Actor):
        @receives(Say)
        async def say(self, message):
            await self.system.ref(message.text).stop()

        async def on_stop(self, _reason):
            await self.system.ref(whom).stop()

    async def body(here):
        began = trio.current_time()
        outer, inner = here.ref("node/outer"), here.ref("node/outer/inner")
        inner.tell(Say(whom))
        await trio.testing.wait_all_tasks_blocked()
        assert not (outer if whom == outer.path else inner).alive
        assert trio.current_time() == began

    inner = ChildSpec("inner", Inner, restart=Restart.TEMPORARY)
    await run_with(body, ChildSpec("outer", lambda: Supervisor([inner]), restart=Restart.TEMPORARY))
