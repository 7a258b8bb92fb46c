import pytest
import trio

from beam_actors.errors import ActorCrashed, ActorError, AskTimeout, StartFailed
from beam_actors.runtime import Actor, ChildSpec, Mailbox, Supervisor, receives
from tests.runtime.rig import Disposable, Echo, Fail, Later, Refused, Say, run_with, system


async def test_a_declared_error_is_a_reply_and_any_other_crashes(autojump_clock):
    async def body(here):
        ref = here.ref("node/echo")
        with pytest.raises(Refused):
            await ref.ask(Fail(Refused()))
        assert ref.incarnation == 1
        with pytest.raises(ActorCrashed) as crash:
            await ref.ask(Fail(KeyError("x")))
        assert isinstance(crash.value.__cause__, KeyError)
        await trio.testing.wait_all_tasks_blocked()
        assert ref.incarnation == 2
        assert await ref.ask(Say("again")) == "again"

    await run_with(body, ChildSpec("echo", Echo))


async def test_a_declared_error_after_a_deferral_is_the_reply(autojump_clock):
    late = Disposable()

    class Undecided(Actor):
        reply_errors = (Refused,)

        @receives(Later)
        def later(self, _message):
            self.spawn(self.answer, self.defer())
            raise Refused

        async def answer(self, reply):
            await trio.sleep(1)
            assert not reply.wanted
            reply.set(late)

    async def body(here):
        ref = here.ref("node/undecided")
        with pytest.raises(Refused):
            await ref.ask(Later(), timeout=5)
        ref.tell(Later())
        await trio.sleep(2)
        assert ref.incarnation == 1
        assert late.disposed == 2

    await run_with(body, ChildSpec("undecided", Undecided))


async def test_an_unknown_message_is_a_dead_letter_and_not_a_crash(autojump_clock):
    async def body(here):
        ref = here.ref("node/echo")
        item = Disposable()
        ref.tell(item)
        assert await ref.ask(Say("alive")) == "alive"
        assert item.disposed == 1
        assert here.dead_letters["node/echo"] == 1

    await run_with(body, ChildSpec("echo", Echo))


async def test_a_reply_that_comes_too_late_is_disposed_of(autojump_clock):
    late = Disposable()

    class Slowly(Actor):
        @receives(Say)
        async def say(self, _message):
            await trio.sleep(10)
            return late

    async def body(here):
        with pytest.raises(AskTimeout):
            await here.ref("node/slowly").ask(Say("x"), timeout=1)
        await trio.sleep(20)
        assert late.disposed == 1

    await run_with(body, ChildSpec("slowly", Slowly))


async def test_a_declared_error_after_a_tell_crashes_nobody(autojump_clock):
    async def body(here):
        ref = here.ref("node/echo")
        ref.tell(Fail(Refused()))
        await trio.sleep(1)
        assert ref.incarnation == 1

    await run_with(body, ChildSpec("echo", Echo))


async def test_an_ask_that_nobody_understands_says_so(autojump_clock):
    async def body(here):
        ref = here.ref("node/echo")
        with pytest.raises(ActorError, match="takes no str"):
            await ref.ask("gibberish")
        assert ref.incarnation == 1
        assert here.dead_letters["node/echo"] == 1

    await run_with(body, ChildSpec("echo", Echo))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mailbox", 5),
        ("mailbox", Mailbox),
        ("priority", Say),
        ("priority", [Say]),
        ("priority", ("Say",)),
        ("reply_errors", ValueError),
        ("reply_errors", (ValueError("an instance"),)),
        ("reply_errors", (KeyboardInterrupt,)),
        ("trap_exits", "yes"),
        ("linkable", None),
        ("strategy", "one_for_one"),
        ("intensity", 3),
        ("auto_shutdown", False),
        ("count_per_child", 1),
    ],
)
def test_what_a_class_says_is_checked_when_it_is_made(name, value):
    mixin = type("Mixin", (), {name: value})
    for bases, names in (((Actor,), {name: value}), ((mixin, Actor), {})):
        with pytest.raises(TypeError, match=rf"^Wrong\.{name} is an? .*, not .*\.$"):
            type("Wrong", bases, names)


@pytest.mark.parametrize("alone", [True, False])
async def test_what_a_class_says_later_fails_the_start_and_hangs_nobody(autojump_clock, alone):
    class Wrong(Actor):
        pass

    Wrong.mailbox = 5
    here = system()
    spec = ChildSpec("wrong", Wrong)
    with trio.fail_after(100), pytest.raises(StartFailed, match="wrong did not start: AttributeError"):
        async with here.run(spec if alone else ChildSpec("node", lambda: Supervisor([spec]))):
            pytest.fail("It started.")
