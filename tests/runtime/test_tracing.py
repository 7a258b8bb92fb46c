"""Whom a trace covers, and how many there may be."""

from collections import Counter

import pytest

from beam_actors.runtime import ChildSpec, Pool, Restart, StartMember, StopMember, TracesFull
from tests.runtime.rig import Echo, Say, run_with
from tests.runtime.traced import collect, many


async def test_a_subtree_covers_what_starts_later(autojump_clock):
    pool = ChildSpec("pool", lambda: Pool(lambda key: ChildSpec(key, Echo, restart=Restart.TEMPORARY)))

    async def body(here):
        with here.trace("node/pool", subtree=True) as trace, here.trace("node/pool") as alone:
            one = await here.ref("node/pool").ask(StartMember("one"))
            await one.ask(Say("hello"))
            await here.ref("node/pool").ask(StopMember("one"))
            records = await collect(trace, 5)
            assert len(await collect(alone, 2)) == 2
            assert alone.recorded == 2
        assert [(r.path, r.kind, r.message) for r in records] == [
            ("node/pool/one", "started", ""),
            ("node/pool", "message", "StartMember"),
            ("node/pool/one", "message", "Say"),
            ("node/pool/one", "exited", ""),
            ("node/pool", "message", "StopMember"),
        ]
        assert "key='one'" in records[1].shown

    await run_with(body, pool, many("poolside"))


async def test_traces_are_bounded_and_so_is_what_they_may_ask_for(autojump_clock):
    async def body(here):
        open_ones = [here.trace("node/a") for _ in range(8)]
        with pytest.raises(TracesFull):
            here.trace("node/a")
        open_ones.pop().close()
        here.trace("node/a").close()
        for wrong in ({"limit": 0}, {"rate": 0}, {"limit": 100_001}, {"rate": 1_001}):
            with pytest.raises(ValueError, match="1 to"):
                here.trace("node/a", **wrong)
        await here.ref("node/a").ask(Say("x"))
        counts = Counter([len(await collect(trace, 1)) for trace in open_ones])
        assert counts == {1: 7}
        for trace in open_ones:
            trace.close()
        assert here.cell("node/a").tracer is None
        assert "closed" in repr(open_ones[0])

    await run_with(body, many())
