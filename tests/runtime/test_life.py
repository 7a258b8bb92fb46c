import pytest
import trio

from beam_actors.errors import ActorCrashed, StartFailed
from beam_actors.runtime import Actor, ChildSpec, Decision, Restart, Supervisor, receives
from tests.runtime.rig import Adopt, Child, Echo, Fail, Later, Say, run_with, system


class Uninitialised(Actor):
    def __init__(self):
        pass


HERE_ALREADY = []


@pytest.mark.parametrize("made", [lambda: None, lambda: 3, Uninitialised, lambda: HERE_ALREADY[0]])
async def test_what_is_no_new_actor_fails_its_start_and_nothing_else(autojump_clock, made):
    here = system()
    async with here.run(ChildSpec("node", lambda: Supervisor([ChildSpec("parent", Child)]))):
        HERE_ALREADY[:] = [here.ref("node/parent")._cell.actor]
        with pytest.raises(ActorCrashed, match="made no new actor"):
            await here.ref("node/parent").ask(Adopt(ChildSpec("odd", made)))
        await trio.sleep(1)
        assert here.ref("node").incarnation == 1
        assert here.ref("node/parent").incarnation == 2


class Forgetful(Actor):
    def __init__(self):
        self.name = "forgotten"


class Reused(Actor):
    @receives(Say)
    def say(self, _message): ...


@pytest.mark.parametrize(
    ("factory", "words"),
    [
        (Forgetful, r"Forgetful\.__init__ did not call super\(\)\.__init__\(\)\."),
        (lambda: 3, r"3 is no Actor\."),
        (lambda: Child, r"<class '.*\.Child'> is no Actor\."),
        (lambda: None, r"None is no Actor\."),
    ],
)
async def test_what_is_no_actor_fails_its_start_in_words(autojump_clock, factory, words):
    with pytest.raises(StartFailed, match=rf"^node did not start: node/odd did not start: TypeError: .*{words}$"):
        await run_with(None, ChildSpec("odd", factory))


async def test_an_actor_has_one_life(autojump_clock):
    made = []

    def factory():
        made.extend([] if made else [Reused()])
        return made[0]

    events = []

    async def body(here):
        here.observe(lambda event: events.append(event.detail))
        here.ref("node/reused").crash(ValueError())
        await trio.sleep(1)
        assert here.ref("node").incarnation == 1
        assert not here.ref("node/reused").alive

    await run_with(body, ChildSpec("reused", factory, restart=Restart.TRANSIENT, decisions={TypeError: Decision.STOP}))
    assert any("this Reused was made before, as node/reused#1." in detail for detail in events)


async def test_an_actor_is_not_made_by_hand(autojump_clock):
    class Making(Child):
        @receives(Say)
        def say(self, _message):
            Echo()

    async def body(here):
        for make in (Echo, Supervisor):
            with pytest.raises(RuntimeError, match=rf"{make.__name__}'> is made by the factory of a ChildSpec"):
                make()
        with pytest.raises(ActorCrashed, match="Echo'> is made by the factory of a ChildSpec"):
            await here.ref("node/making").ask(Say(""))

    await run_with(body, ChildSpec("making", Making))


@pytest.mark.parametrize("later", [False, True])
async def test_a_crash_is_told_with_one_full_stop(autojump_clock, later):
    async def body(here):
        echo = here.ref("node/echo")
        future = echo.ask(Later()) if later else echo.ask(Fail(ValueError("A sentence.")))
        if later:
            echo.tell(Fail(ValueError("A sentence.")))
        with pytest.raises(ActorCrashed, match=r"ValueError: A sentence\.$"):
            await future

    await run_with(body, ChildSpec("echo", Echo))


async def test_a_failed_start_names_who_failed_and_of_what(autojump_clock):
    class Broken(Child):
        async def on_start(self):
            raise OSError("No disk.") from KeyError("why")

    nested = ChildSpec("in", lambda: Supervisor([ChildSpec("broken", Broken)]))
    with pytest.raises(StartFailed) as failure:
        async with system().run(ChildSpec("node", lambda: Supervisor([nested]))):
            pytest.fail("It started.")
    told = "node did not start: node/in did not start: node/in/broken did not start: OSError: No disk."
    assert str(failure.value) == told
    causes = [error := failure.value] + [error := error.__cause__ for _ in range(4)]
    assert [type(error) for error in causes] == [StartFailed, StartFailed, StartFailed, OSError, KeyError]
