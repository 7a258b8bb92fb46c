"""What of a message becomes a record, and that the actor handles it as if nobody looked."""

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import ActorCrashed, ActorError
from beam_actors.runtime import (
    Actor,
    ChildSpec,
    Down,
    Intensity,
    Mailbox,
    Supervisor,
    receives,
)
from beam_actors.testing.seeded import run_seeded
from tests.runtime.rig import Disposable, Echo, Fail, Hang, Later, Refused, Say, Slow, run_with, specs, system
from tests.runtime.traced import Aside, Back, Serve, Via, Watch, collect, many


async def test_a_handled_message_is_a_record(autojump_clock):
    async def body(here):
        a = here.ref("node/a")
        with here.trace("node/a") as trace:
            a.tell(Slow(2))
            a.tell(Say("secret"))
            one, two = await collect(trace, 2)
        assert (one.path, one.incarnation, one.kind, one.message, one.shown) == (
            "node/a", 1, "message", "Slow", "seconds=2",
        )  # fmt: skip
        assert (one.took, one.waited, one.asked, one.outcome, one.missed) == (2, 0, False, "handled", 0)
        assert (two.took, two.waited, two.shown, two.at - one.at) == (0, 2, "text=str[6]", 2)

    await run_with(body, many())


async def test_an_ask_shows_its_reply_by_what_may_be_shown(autojump_clock):
    async def body(here):
        a = here.ref("node/a")
        with here.trace("node/a") as trace:
            await a.ask(Say("secret"))
            with pytest.raises(Refused):
                await a.ask(Fail(Refused("taken")))
            one, two = await collect(trace, 2)
        assert (one.asked, one.outcome, one.detail) == (True, "replied", "str[6]")
        assert (two.outcome, two.detail) == ("refused", "Refused: taken")

    await run_with(body, many())


async def test_a_crash_and_the_restart_are_records(autojump_clock):
    async def body(here):
        a = here.ref("node/a")
        with here.trace("node/a") as trace:
            with pytest.raises(ActorCrashed):
                await a.ask(Fail(ValueError("boom")))
            crash, exited, started = await collect(trace, 3)
        assert (crash.outcome, crash.detail) == ("crashed", "ValueError: boom")
        assert (exited.kind, exited.incarnation, exited.detail) == ("exited", 1, "crashed; ValueError: boom")
        assert (started.kind, started.incarnation) == ("started", 2)

    await run_with(body, many())


async def test_a_handler_that_is_cancelled_was_cut(autojump_clock):
    async def body(here):
        with here.trace("node/a") as trace:
            here.ref("node/a").tell(Hang())
            await trio.sleep(1)
            here.ref("node/a").crash(ValueError("by hand"))
            cut, exited = await collect(trace, 2)
        assert (cut.outcome, cut.took) == ("cut", 1)
        assert "by hand" in exited.detail

    await run_with(body, *specs(None, "a"))


async def test_a_deferred_reply_is_a_record_of_its_own_with_the_whole_duration(autojump_clock):
    async def body(here):
        a = here.ref("node/a")
        with here.trace("node/a") as trace:
            assert await a.ask(Serve(5)) == 41
            deferred, answer = await collect(trace, 2)
        assert (deferred.kind, deferred.outcome, deferred.took) == ("message", "deferred", 0)
        assert (answer.kind, answer.message, answer.outcome, answer.detail, answer.took) == (
            "answer", "Serve", "replied", "41", 5,
        )  # fmt: skip
        assert answer.at - deferred.at == 5

    await run_with(body, many())


async def test_a_deferred_reply_that_the_crash_failed_is_told(autojump_clock):
    async def body(here):
        a = here.ref("node/a")
        with here.trace("node/a") as trace:
            async with trio.open_nursery() as nursery:

                @nursery.start_soon
                async def ask():
                    with pytest.raises(ActorCrashed):
                        await a.ask(Later())

                await trio.sleep(1)
                a.crash(ValueError("boom"))
            records = await collect(trace, 4)
        assert [(record.kind, record.outcome) for record in records] == [
            ("message", "deferred"),
            ("answer", "refused"),
            ("exited", ""),
            ("started", ""),
        ]

    await run_with(body, many())


async def test_a_reply_that_nobody_waits_for_is_told(autojump_clock):
    async def body(here):
        with here.trace("node/a") as trace:
            with trio.move_on_after(1):
                await here.ref("node/a").ask(Serve(5))
            records = await collect(trace, 2)
        assert records[1].detail == "nobody waited for the reply any longer"

    await run_with(body, many())


async def test_a_stashed_message_is_two_records(autojump_clock):
    async def body(here):
        a = here.ref("node/a")
        with here.trace("node/a") as trace:
            reply = a.ask(Aside())
            await trio.sleep(1)
            a.tell(Back())
            assert await reply == "after all"
            records = await collect(trace, 3)
        assert [(r.message, r.outcome, r.waited) for r in records] == [
            ("Aside", "stashed", 0),
            ("Back", "handled", 0),
            ("Aside", "replied", 1),
        ]

    await run_with(body, many())


async def test_senders_are_named(autojump_clock):
    async def body(here):
        a, b = here.ref("node/a"), here.ref("node/b")
        with here.trace("node/a") as trace:
            b.tell(Via(a, Say("inner")))
            b.tell(Via(a, Later()))
            a.tell(Say("outside"))
            records = await collect(trace, 3)
        assert [(record.shown, record.sender) for record in records] == [
            ("text=str[7]", None),
            ("text=str[5]", "node/b#1"),
            ("", "node/b#1"),
        ]

    await run_with(body, many(), many("b"))


async def test_what_waited_already_has_no_sender_unless_it_was_an_ask(autojump_clock):
    class Asker(Actor):
        @receives(Via)
        async def via(self, message):
            await message.to.ask(message.message)

    async def body(here):
        a, b = here.ref("node/a"), here.ref("node/b")
        a.tell(Slow(5))
        await trio.sleep(1)
        a.tell(Say("x"))
        b.tell(Via(a, Say("y")))
        await trio.sleep(1)
        with here.trace("node/a") as trace:
            one, two = await collect(trace, 2)
        assert (one.sender, one.waited) == (None, None)
        assert (two.sender, two.waited) == ("node/b#1", None)

    await run_with(body, many(), ChildSpec("b", Asker))


async def test_a_down_is_a_notice(autojump_clock):
    async def body(here):
        a = here.ref("node/a")
        a.tell(Watch(here.ref("node/b")))
        await trio.sleep(1)
        with here.trace("node/a") as trace:
            here.ref("node/b").crash(ValueError("boom"))
            (notice,) = await collect(trace, 1)
        assert (notice.kind, notice.message) == ("notice", Down.__name__)

    await run_with(body, many(), many("b"))


async def test_what_a_trace_holds_disposes_of_nothing_and_keeps_no_message(autojump_clock):
    async def body(here):
        handle = Disposable()
        with here.trace("node/a") as trace:
            here.ref("node/a").tell(handle)
            (record,) = await collect(trace, 1)
        assert record.message == "Disposable"
        assert handle.disposed == 1

    await run_with(body, many())


async def test_a_mailbox_keeps_its_bound_and_its_rules_while_it_is_traced(autojump_clock):
    class Small(Echo):
        mailbox = Mailbox(capacity=2)

    async def body(here):
        a = here.ref("node/a")
        with here.trace("node/a") as trace:
            a.tell(Slow(1))
            await trio.sleep(0.5)
            for _ in range(5):
                a.tell(Say("x"))
            assert len(await collect(trace, 3)) == 3
        assert here.dead_letters["node/a"] == 3

    await run_with(body, ChildSpec("a", Small))


SCRIPT = st.lists(
    st.tuples(
        st.sampled_from(
            [Say("x"), Slow(1), Serve(2), Later(), Aside(), Back(), Fail(ValueError("a")), Fail(Refused("b"))]
        ),
        st.booleans(),
        st.sampled_from([0, 0, 0.5, 3]),
    ),
    max_size=12,
)


@given(SCRIPT, st.integers(0, 3), st.sampled_from([1, 2, 1000]))
def test_an_actor_handles_everything_as_if_nobody_looked(script, seed, rate):
    async def alone(here, events):
        await play(here, events)

    async def watched(here, events):
        with here.trace("node", subtree=True, limit=1000, rate=rate):
            await play(here, events)

    async def play(here, events):
        a = here.ref("node/a")

        async def ask(message):
            try:
                events.append(("replied", await a.ask(message, timeout=50)))
            except (ActorError, Refused) as error:
                events.append((type(error).__name__, str(error), trio.current_time()))

        async with trio.open_nursery() as nursery:
            for message, asked, pause in script:
                if asked:
                    nursery.start_soon(ask, message)
                else:
                    a.tell(message)
                await trio.sleep(pause)

    def story(body):
        events = []

        async def main():
            here = system()
            here.observe(lambda event: events.append((event.kind, event.path, event.detail, trio.current_time())))
            async with here.run(ChildSpec("node", lambda: Supervisor([many()], intensity=Intensity(100, 1.0)))):
                await body(here, events)
            events.append(sorted(here.dead_letters.items()))

        run_seeded(seed, main)
        return events

    assert story(watched) == story(alone)
