"""When a trace ends, and what it leaves out."""

import trio

from beam_actors.runtime import ChildSpec, Restart, Supervisor, System, TraceLimits
from beam_actors.runtime.trace import GRACE
from tests.runtime.rig import Fail, Say, run_with, system
from tests.runtime.traced import collect, many, rest


async def test_it_ends_at_its_limit_and_costs_nothing_more(autojump_clock):
    async def body(here):
        a = here.ref("node/a")
        trace = here.trace("node/a", limit=3)
        for _ in range(10):
            await a.ask(Say("x"))
        assert len(await rest(trace)) == 3
        assert trace.ended == "limit"
        assert (here.tracing.traces, here.cell("node/a").tracer) == ([], None)
        trace.close()
        assert trace.ended == "limit"

    await run_with(body, many())


async def test_beyond_its_rate_messages_are_counted(autojump_clock):
    async def body(here):
        a = here.ref("node/a")
        with here.trace("node/a", rate=5) as trace:
            for _ in range(105):
                await a.ask(Say("x"))
            await trio.sleep(1)
            await a.ask(Say("y"))
            records = await collect(trace, 6)
            assert (trace.recorded, trace.missed) == (6, 100)
        assert [record.missed for record in records] == [0, 0, 0, 0, 0, 100]

    await run_with(body, many())


async def test_no_rate_leaves_out_the_end_of_an_incarnation(autojump_clock):
    async def body(here):
        a = here.ref("node/a")
        with here.trace("node/a", rate=1) as trace:
            await a.ask(Say("x"))
            a.tell(Fail(ValueError("boom")))
            await trio.sleep(0.5)
            records = await collect(trace, 3)
        assert [(record.kind, record.missed) for record in records] == [("message", 0), ("exited", 1), ("started", 0)]

    await run_with(body, many())


async def test_a_slow_reader_costs_records_and_no_memory(autojump_clock):
    here = System("test", clock=trio.current_time, trace_limits=TraceLimits(waiting=10))
    async with here.run(ChildSpec("node", lambda: Supervisor([many()]))):
        with here.trace("node/a", limit=1000, rate=1000) as trace:
            for _ in range(100):
                await here.ref("node/a").ask(Say("x"))
            assert len(await collect(trace, 10)) == 10
            await here.ref("node/a").ask(Say("y"))
            assert (await anext(trace)).missed == 90


async def test_it_ends_when_its_actor_is_gone_for_good(autojump_clock):
    async def body(here):
        trace = here.trace("node/a")
        here.ref("node/a").crash(ValueError("boom"))
        began = trio.current_time()
        (exited,) = await rest(trace)
        assert (exited.kind, trace.ended, trio.current_time() - began) == ("exited", "gone", GRACE)
        nobody = here.trace("node/nobody")
        assert await rest(nobody) == []
        assert nobody.ended == "gone"

    await run_with(body, many(restart=Restart.TEMPORARY))


async def test_it_outlives_a_restart_of_its_supervisor(autojump_clock):
    async def body(here):
        with here.trace("node/mid/a") as trace:
            here.ref("node/mid").crash(ValueError("boom"))
            await trio.sleep(GRACE + 1)
            await here.ref("node/mid/a").ask(Say("x"))
            records = await collect(trace, 3)
            assert trace.ended is None
        assert [record.kind for record in records] == ["exited", "started", "message"]

    await run_with(body, ChildSpec("mid", lambda: Supervisor([many()])))


async def test_the_end_of_the_system_ends_it(autojump_clock):
    here = system()
    async with here.run(ChildSpec("node", lambda: Supervisor([many()]))):
        trace = here.trace("node")
        await trio.sleep(1)
    assert [record.kind for record in await rest(trace)] == ["exited"]
    assert trace.ended == "gone"
