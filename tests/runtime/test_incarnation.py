import pytest
import trio

from beam_actors.errors import ActorCrashed, StartFailed
from beam_actors.runtime import Actor, ChildSpec
from tests.runtime.rig import Echo, Fail, Later, run_with


async def test_a_deferred_reply_fails_when_the_actor_dies(autojump_clock):
    async def body(here):
        ref = here.ref("node/echo")

        async def crash():
            await trio.sleep(1)
            ref.tell(Fail(ValueError()))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(crash)
            with pytest.raises(ActorCrashed):
                await ref.ask(Later())

    await run_with(body, ChildSpec("echo", Echo))


async def test_a_failing_start_is_raised_at_the_parent(autojump_clock):
    class Broken(Actor):
        async def on_start(self):
            raise ValueError("no")

    with pytest.raises(StartFailed) as failure:
        await run_with(None, ChildSpec("broken", Broken))
    assert isinstance(failure.value.__cause__, ValueError)
