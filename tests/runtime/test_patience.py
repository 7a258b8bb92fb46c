import pytest
import trio

from beam_actors.errors import ActorCrashed, ActorDead, ActorUnavailable, TimedOut
from beam_actors.runtime import Actor, Backoff, ChildSpec, ask_patiently, persist, receives
from tests.runtime.rig import Echo, Fail, Later, Refused, Say, run_with

SLOW_TO_RETURN = Backoff(first=3.0, most=3.0)


async def test_an_actor_that_restarts_is_asked_again(autojump_clock):
    async def body(here):
        ref = here.ref("node/echo")
        ref.crash(ValueError())
        await trio.testing.wait_all_tasks_blocked()
        assert not ref.alive
        assert await ask_patiently(ref, Say("again"), seconds=10) == "again"
        assert ref.incarnation == 2

    await run_with(body, ChildSpec("echo", Echo, backoff=SLOW_TO_RETURN))


async def test_one_that_is_not_there_yet_is_waited_for(autojump_clock):
    async def body(here):
        late = here.ref("node/echo/late")

        async def start():
            await trio.sleep(1)
            await here.ref("node/echo")._cell.actor.start_child(ChildSpec("late", Echo))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(start)
            assert await ask_patiently(late, Say("here"), seconds=5) == "here"

    await run_with(body, ChildSpec("echo", Echo))


async def test_patience_ends_at_its_deadline(autojump_clock):
    async def body(here):
        began = trio.current_time()
        with pytest.raises(TimedOut, match=r"node/nobody did not answer within 2 s\."):
            await ask_patiently(here.ref("node/nobody"), Say("x"), seconds=2)
        assert trio.current_time() == began + 2

    await run_with(body, ChildSpec("echo", Echo))


async def test_an_actor_that_does_not_answer_is_not_waited_for_longer(autojump_clock):
    class Silent(Actor):
        @receives(Later)
        def later(self, _message):
            self.defer()

    async def body(here):
        began = trio.current_time()
        with pytest.raises(TimedOut):
            await ask_patiently(here.ref("node/silent"), Later(), seconds=2)
        assert trio.current_time() == began + 2

    await run_with(body, ChildSpec("silent", Silent))


async def test_a_crash_over_the_message_and_an_answer_that_is_an_error_are_passed_on(autojump_clock):
    async def body(here):
        ref = here.ref("node/echo")
        with pytest.raises(ActorCrashed):
            await ask_patiently(ref, Fail(ValueError()), seconds=10)
        with pytest.raises(Refused):
            await ask_patiently(ref, Fail(Refused()), seconds=10)
        assert ref.incarnation == 2

    await run_with(body, ChildSpec("echo", Echo))


@pytest.mark.parametrize("error", [ActorDead, ActorUnavailable])
async def test_persisting_goes_over_what_it_is_told_and_nothing_else(autojump_clock, error):
    failures = [error(""), KeyError(), error("")]
    tried = []

    async def attempt():
        tried.append(trio.current_time())
        if failures:
            raise failures.pop()
        return "done"

    with pytest.raises(KeyError):
        await persist(attempt, seconds=1, late="too late")
    assert len(tried) == 2
    assert await persist(attempt, seconds=1, late="too late", over=(KeyError, error)) == "done"
    assert len(tried) == 4
