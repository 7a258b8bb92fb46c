import pytest
import trio

from beam_actors.errors import ActorCrashed, ActorUnavailable
from beam_actors.runtime import ChildSpec, Down, ExitKind, LinkedExit, Restart, Supervisor, crashed, receives
from beam_actors.runtime.exits import LONGEST_REASON, sentence
from tests.runtime.rig import Echo, End, Fail, Hang, Say, Slow, run_with, specs, system


class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError("no words")

    __repr__ = __str__


@pytest.mark.parametrize("where", ["handler", "on_start", "on_stop"])
async def test_an_error_that_has_no_words_is_a_crash_as_any_other(autojump_clock, where):
    class Mute(Echo):
        async def on_start(self):
            if where == "on_start" and self.ref.incarnation == 2:
                raise Unspeakable

        async def on_stop(self, reason):
            if where == "on_stop":
                raise Unspeakable

    async def body(here):
        mute = here.ref("node/mute")
        with pytest.raises(ActorCrashed):
            await mute.ask(Fail(Unspeakable()))
        await trio.sleep(1)
        assert mute.incarnation == (3 if where == "on_start" else 2)
        assert "Unspeakable" in here.tree().children[0].last_exit
        assert here.ref("node/other").incarnation == 1

    await run_with(body, ChildSpec("mute", Mute), ChildSpec("other", Echo))


async def test_the_words_of_a_long_chain_of_links_are_bounded(autojump_clock):
    class Tied(Echo):
        async def on_start(self):
            number = int(self.path.rpartition("/")[2])
            if number:
                self.link(self.system.ref(f"node/{number - 1}"))

    async def body(here):
        end_of_chain = here.ref("node/199")
        here.ref("node/0").crash(ValueError("the first"))
        await trio.sleep(1)
        last = end_of_chain._cell.last_exit
        assert isinstance(last.error, LinkedExit)
        assert last.error.origin == "node/0#1"
        assert len(str(last)) < 2 * LONGEST_REASON

    await run_with(body, *(ChildSpec(str(number), Tied, restart=Restart.TEMPORARY) for number in range(200)))


def test_an_error_that_says_nothing_is_named_by_its_type():
    assert str(crashed(ValueError())) == "crashed; ValueError"


class Stubborn:
    def dispose(self):
        raise RuntimeError("it stays")


async def test_a_message_whose_dispose_fails_harms_neither_its_sender_nor_who_ends_with_it(autojump_clock, caplog):
    async def body(here):
        echo = here.ref("node/echo")
        here.ref("node/nobody").tell(Stubborn())
        echo.tell(Slow(1))
        await trio.sleep(0.5)
        echo.tell(Stubborn())
        behind = echo.ask(Say("behind it"))
        echo.crash(ValueError())
        with pytest.raises(ActorUnavailable):
            await behind
        await trio.sleep(1)
        assert echo.incarnation == 2

    await run_with(body, ChildSpec("echo", Echo))
    assert [record.getMessage() for record in caplog.records] == ["The dispose of a Stubborn failed."] * 2


async def test_a_monitor_hears_of_each_exit_and_at_once_of_the_dead(autojump_clock):
    log = []

    class Watcher(Echo):
        async def on_start(self):
            self.monitor(self.system.ref("node/echo"))
            self.monitor(self.system.ref("node/nobody"))

    async def body(here):
        await trio.testing.wait_all_tasks_blocked()
        here.ref("node/echo").crash(ValueError("one"))
        await trio.sleep(1)
        here.ref("node/echo").crash(ValueError("two"))
        await trio.sleep(1)
        assert [(d.path, d.incarnation, d.reason.kind) for d in log] == [
            ("node/nobody", 0, ExitKind.NORMAL),
            ("node/echo", 1, ExitKind.CRASHED),
            ("node/echo", 2, ExitKind.CRASHED),
        ]

    class Quiet(Watcher):
        @receives(Down)
        def down(self, message):
            log.append(message)

    await run_with(body, ChildSpec("echo", Echo), ChildSpec("watch", Quiet))


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


async def test_a_monitor_of_one_that_is_ending_hears_of_that_end_alone(autojump_clock):
    log = []

    class Slowly(Echo):
        async def on_stop(self, _reason):
            await trio.sleep(2)

    class Watcher(Echo):
        @receives(Say)
        def say(self, message):
            self.monitor(self.system.ref(message.text))

        @receives(Down)
        def down(self, message):
            log.append((message.incarnation, message.reason.kind, trio.current_time()))

    async def body(here):
        here.ref("node/slowly").crash(ValueError())
        await trio.sleep(1)
        here.ref("node/watcher").tell(Say("node/slowly"))
        await trio.sleep(4)
        assert log == [(1, ExitKind.CRASHED, 2)]

    await run_with(body, ChildSpec("slowly", Slowly, restart=Restart.TEMPORARY), ChildSpec("watcher", Watcher))


@pytest.mark.parametrize(
    ("text", "said"), [("no", "no."), ("No.", "No."), ("Why?", "Why?"), ("cut…", "cut…"), ("", "."), (3, "3.")]
)
def test_a_sentence_has_one_full_stop(text, said):
    assert sentence(text) == said
