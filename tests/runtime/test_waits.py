import contextlib

import attrs
import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_actors.errors import ActorCrashed, ActorDead, ActorError, AskCycle, AskTimeout
from beam_actors.runtime import Actor, ChildSpec, Intensity, Strategy, Supervisor, receives
from tests.runtime.rig import Say, system


@attrs.frozen
class Ask:
    """In the loop: ask `ref` this and answer with its answer."""

    ref: object
    message: object


@attrs.frozen
class Hand:
    """Defer, and hand to a worker that asks `ref` this."""

    ref: object
    message: object
    how: str = "argument"


@attrs.frozen
class Beside:
    """Spawn a worker that asks `ref` this, and serves nobody; answered at once."""

    ref: object
    message: object


@attrs.frozen
class Keep:
    """Defer, and answer never."""


class Node(Actor):
    reply_errors = (AskTimeout,)

    def __init__(self, seen):
        super().__init__()
        self.seen = seen

    @receives(Say)
    def say(self, message):
        return message.text

    @receives(Ask)
    async def ask(self, message):
        return await message.ref.ask(message.message, timeout=50)

    @receives(Hand)
    def hand(self, message):
        reply = self.defer()
        if message.how == "argument":
            self.spawn(self.work, message, reply)
        elif message.how == "in hand":
            self.spawn(self.work, message, None)
        else:
            self.spawn(self.delegate, message, reply)

    async def delegate(self, message, _reply):
        self.spawn(self.work, message, None)
        await trio.sleep_forever()

    async def work(self, message, reply):
        await trio.sleep(1)
        try:
            value = await message.ref.ask(message.message, timeout=50)
        except ActorError as error:
            self.seen.append((self.path, error))
            if reply is not None:
                reply.fail(AskTimeout("no"))
            return
        self.seen.append((self.path, value))
        if reply is not None:
            reply.set(value)

    @receives(Beside)
    def beside(self, message):
        self.spawn(self.work, message, None)

    @receives(Keep)
    def keep(self, _message):
        self.defer()


async def with_nodes(body, names="abc"):
    seen = []
    here = system()
    children = [ChildSpec(name, lambda: Node(seen)) for name in names]
    async with here.run(ChildSpec("node", lambda: Supervisor(children, intensity=Intensity(100, 1)))):
        await body(here, seen, *(here.ref(f"node/{name}") for name in names))


@pytest.mark.parametrize("how", ["argument", "in hand", "inherited"])
async def test_a_worker_that_asks_who_waits_for_its_reply_is_told_at_the_call(autojump_clock, how):
    async def body(here, seen, a, b, c):
        a.tell(Ask(b, Hand(a, Say("x"), how)))
        await trio.sleep(2)
        ((where, error),) = seen
        assert where == "node/b"
        assert isinstance(error, AskCycle)
        assert error.path == ("node/b", "node/a", "node/b")

    await with_nodes(body)


async def test_a_circle_through_further_waits_names_them_all(autojump_clock):
    async def body(here, seen, a, b, c, d):
        a.tell(Ask(b, Hand(c, Ask(d, Hand(a, Say("x"))))))
        await trio.sleep(3)
        where, error = seen[0]
        assert where == "node/d"
        assert error.path == ("node/d", "node/a", "node/b", "node/c", "node/d")

    await with_nodes(body, "abcd")


async def test_a_worker_that_asks_its_own_loop_which_waits_for_the_asker_closes_a_circle(autojump_clock):
    async def body(here, seen, a, b, c):
        a.tell(Ask(b, Hand(b, Say("x"))))
        await trio.testing.wait_all_tasks_blocked()
        b.tell(Ask(a, Say("y")))  # its loop may ask the asker meanwhile, since a worker serves that one
        await trio.sleep(2)
        ((_, error),) = seen
        assert error.path == ("node/b", "node/b", "node/a", "node/b")

    await with_nodes(body)


async def test_a_worker_that_serves_nobody_closes_no_circle(autojump_clock):
    async def body(here, seen, a, b, c):
        a.tell(Ask(c, Keep()))
        await trio.testing.wait_all_tasks_blocked()
        c.tell(Beside(a, Say("late")))  # a waits for a reply of c's, but not for this worker
        await trio.sleep(60)
        assert seen == [("node/c", "late")]  # after a gave up waiting

    await with_nodes(body)


async def test_a_worker_of_another_reply_closes_no_circle(autojump_clock):
    async def body(here, seen, a, b, c):
        a.tell(Ask(b, Keep()))  # a waits for b, whose loop is free
        await trio.testing.wait_all_tasks_blocked()
        assert await b.ask(Hand(a, Say("x")), timeout=100) == "x"

    await with_nodes(body)


async def test_what_was_answered_is_served_no_more(autojump_clock):
    class Early(Node):
        @receives(Keep)
        def keep(self, _message):
            self.spawn(self.answer_and_ask, self.defer())

        async def answer_and_ask(self, reply):
            reply.set("early")
            await trio.sleep(1)
            self.seen.append(await self.system.ref("node/a").ask(Say("after"), timeout=5))

    seen = []
    here = system()
    children = [ChildSpec("a", lambda: Node(seen)), ChildSpec("b", lambda: Early(seen))]
    async with here.run(ChildSpec("node", lambda: Supervisor(children))):
        assert await here.ref("node/a").ask(Ask(here.ref("node/b"), Keep())) == "early"
        await trio.sleep(2)
        assert seen == ["after"]


async def test_a_loop_may_ask_who_waits_for_its_worker(autojump_clock):
    async def body(here, seen, a, b, c):
        asked = a.ask(Ask(b, Hand(c, Say("x"))))
        await trio.testing.wait_all_tasks_blocked()
        assert await b.ask(Ask(a, Say("y"))) == "y"
        assert await asked == "x"

    await with_nodes(body)


async def test_a_reply_that_no_worker_serves_waits_for_the_loop(autojump_clock):
    async def body(here, seen, a, b, c):
        a.tell(Ask(b, Keep()))
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(ActorCrashed) as crash:
            await b.ask(Ask(a, Say("y")))
        assert crash.value.__cause__.path == ("node/b", "node/a", "node/b")

    await with_nodes(body)


async def test_the_tree_shows_for_whom_loops_and_workers_wait(autojump_clock):
    async def body(here, seen, a, b, c):
        a.tell(Ask(b, Hand(c, Keep())))
        await trio.sleep(2)
        one, two, three = here.tree().children
        assert (one.waits_for, two.waits_for, three.waits_for) == ("node/b", None, None)
        assert (one.workers_wait_for, two.workers_wait_for, three.workers_wait_for) == ((), ("node/c",), ())
        await trio.sleep(60)
        assert all(leaf.waits_for is None and leaf.workers_wait_for == () for leaf in here.tree().children)
        assert all(ref._cell.waiting_workers == {} for ref in (a, b, c))

    await with_nodes(body)


PLAN = st.recursive(
    st.builds(Say, st.just("end")),
    lambda inner: st.builds(
        lambda kind, name, message: (kind, name, message), st.sampled_from([Ask, Hand]), st.sampled_from("abcd"), inner
    ),
    max_leaves=4,
)


def circle(first, plan):
    """The model: an ask closes a circle when it goes to a loop that a chain of asks has blocked."""
    blocked, at = set(), first
    while not isinstance(plan, Say):
        kind, name, plan = plan
        if kind is Ask:
            blocked.add(at)  # its loop waits; a handed one is free
        if name in blocked:
            return True
        at = name
    return False


@settings(max_examples=100, deadline=None)
@given(st.sampled_from("abcd"), PLAN)
def test_a_chain_of_asks_raises_exactly_when_it_would_wait_for_itself(first, plan):
    async def play():
        async def body(here, seen, *refs):
            by_name = dict(zip("abcd", refs, strict=True))

            def message(plan):
                return plan if isinstance(plan, Say) else plan[0](by_name[plan[1]], message(plan[2]))

            raised = []
            here.observe(lambda event: raised.append(event.reason.error) if event.kind == "exited" else None)
            begin = trio.current_time()
            with contextlib.suppress(ActorError):
                await by_name[first].ask(message(plan), timeout=45)
            await trio.sleep(1)
            cycles = [e for e in [*raised, *(value for _, value in seen)] if isinstance(e, AskCycle)]
            assert bool(cycles) == circle(first, plan)
            assert trio.current_time() - begin < 20  # nobody waited for a time-out

        await with_nodes(body, "abcd")

    trio.run(play, clock=trio.testing.MockClock(autojump_threshold=0))


@pytest.mark.parametrize(
    ("when", "whom", "circle"),
    [
        ("start", "node/outer", "node/outer/inner -> node/outer -> node/outer/inner"),
        ("start", "node", "node/outer/inner -> node -> node/outer -> node/outer/inner"),
        ("restart", "node/outer", "node/outer/inner -> node/outer -> node/outer/inner"),
        ("stop", "node/outer", "node/outer/inner -> node/outer -> node/outer/inner"),
    ],
)
async def test_a_hook_that_asks_who_waits_for_it_gets_the_circle_and_no_deadlock(autojump_clock, when, whom, circle):
    circles = []

    class Inner(Actor):
        async def on_start(self):
            if when == ("start" if self.ref.incarnation == 1 else "restart"):
                await self.try_asking()

        async def on_stop(self, _reason):
            if when == "stop":
                await self.try_asking()

        async def try_asking(self):
            with contextlib.suppress(ActorDead):  # the whole tree stops: nobody waits for that one's answer
                try:
                    await self.system.ref(whom).ask("anything")
                except AskCycle as error:
                    circles.append(str(error))

    children = [ChildSpec("first", Actor), ChildSpec("inner", Inner)]
    outer = ChildSpec("outer", lambda: Supervisor(children, strategy=Strategy.ONE_FOR_ALL))
    here = system()
    with trio.fail_after(1):
        async with here.run(ChildSpec("node", lambda: Supervisor([outer]))):
            if when != "start":
                here.ref("node/outer/first").crash(ValueError())
            await trio.testing.wait_all_tasks_blocked()
            assert circles == [f"An ask would wait for itself: {circle}."]
