from collections import Counter

import attrs
import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_actors.errors import ActorCrashed, ActorDead
from beam_actors.runtime import (
    Actor,
    ChildSpec,
    Down,
    ExitKind,
    Intensity,
    LinkedExit,
    LinkRefused,
    Restart,
    Supervisor,
    receives,
)
from tests.runtime.rig import End, system


@attrs.frozen
class Link:
    ref: object


@attrs.frozen
class Unlink:
    ref: object


@attrs.frozen
class Crash:
    error: Exception


class Bound(Actor):
    def __init__(self, downs=None):
        super().__init__()
        self.downs = downs
        self.trap_exits = downs is not None

    @receives(Link)
    def do_link(self, message):
        self.link(message.ref)

    @receives(Unlink)
    def do_unlink(self, message):
        self.unlink(message.ref)

    @receives(Crash)
    def crash(self, message):
        raise message.error

    @receives(End)
    def end(self, message):
        self.stop(message.reason)

    @receives(Down)
    def down(self, message):
        self.downs.append(message)


def top(*children):
    return ChildSpec("node", lambda: Supervisor(children, intensity=Intensity(1000, 1)))


async def test_an_abnormal_exit_crashes_the_linked_with_a_reason_that_names_the_origin(autojump_clock):
    here = system()
    async with here.run(top(*(ChildSpec(name, Bound) for name in "abcd"))):
        a, b, c, d = (here.ref(f"node/{name}") for name in "abcd")
        await b.ask(Link(a))
        await b.ask(Link(c))
        c.tell(Crash(ValueError("boom")))
        await trio.sleep(1)
        assert [ref.incarnation for ref in (a, b, c, d)] == [2, 2, 2, 1]
        last = a._cell.last_exit
        assert last.kind is ExitKind.CRASHED
        assert isinstance(last.error, LinkedExit)
        assert last.error.origin == "node/c#1"
        assert "node/b#1" in str(last.error)
        assert isinstance(last.error.__cause__.__cause__, ValueError)
        assert [ref._cell.links for ref in (a, b, c)] == [None] * 3
        c.tell(Crash(ValueError("the next incarnations are not linked")))
        await trio.sleep(1)
        assert [ref.incarnation for ref in (a, b, c)] == [2, 2, 3]


@pytest.mark.parametrize("reason", [None, "shutdown"])
async def test_an_exit_that_is_not_abnormal_crashes_nobody(autojump_clock, reason):
    here = system()
    child = ChildSpec("b", Bound, restart=Restart.TEMPORARY)
    async with here.run(top(ChildSpec("a", Bound), child)):
        a, b = here.ref("node/a"), here.ref("node/b")
        await a.ask(Link(b))
        if reason is None:
            b.tell(End())
        else:
            await b.stop()
        await trio.sleep(1)
        assert (a.incarnation, b.alive) == (1, False)
        assert a._cell.links is None


async def test_whoever_traps_exits_gets_a_message_of_every_exit_instead(autojump_clock):
    downs = []
    here = system()
    async with here.run(top(ChildSpec("a", lambda: Bound(downs)), ChildSpec("b", Bound))):
        a, b = here.ref("node/a"), here.ref("node/b")
        await a.ask(Link(b))
        b.tell(Crash(ValueError("boom")))
        await trio.sleep(1)
        await a.ask(Link(b))
        b.tell(End())
        await trio.sleep(1)
        assert a.incarnation == 1
        assert [(d.ref, d.incarnation, d.reason.kind, d.linked) for d in downs] == [
            (b, 1, ExitKind.CRASHED, True),
            (b, 2, ExitKind.NORMAL, True),
        ]


async def test_a_link_to_the_dead_is_an_exit_at_once(autojump_clock):
    downs = []
    here = system()
    async with here.run(top(ChildSpec("a", Bound), ChildSpec("trap", lambda: Bound(downs)))):
        a, nobody = here.ref("node/a"), here.ref("node/nobody")
        with pytest.raises(ActorCrashed) as crash:
            await a.ask(Link(nobody))
        assert isinstance(crash.value.__cause__, LinkedExit)
        assert crash.value.__cause__.origin == "node/nobody#0"
        await here.ref("node/trap").ask(Link(nobody))
        await trio.sleep(1)
        assert here.ref("node/trap").incarnation == 1
        (down,) = downs
        assert (down.path, down.linked, down.reason.abnormal) == ("node/nobody", True, True)
        assert isinstance(down.reason.error, ActorDead)
        assert nobody._cell.links is None


async def test_supervisors_and_relatives_are_not_linked(autojump_clock):
    here = system()
    inner = ChildSpec("inner", lambda: Supervisor([ChildSpec("leaf", Bound)]))
    async with here.run(top(ChildSpec("a", Bound), inner)):
        for mine, other in (("node/a", "node/inner"), ("node/inner/leaf", "node"), ("node/a", "node")):
            with pytest.raises(ActorCrashed) as crash:
                await here.ref(mine).ask(Link(here.ref(other)))
            assert isinstance(crash.value.__cause__, LinkRefused)
            await trio.sleep(1)
        assert here.ref("node/inner").incarnation == here.ref("node").incarnation == 1
        here.ref("node/inner/leaf").tell(Crash(ValueError("a child's crash is no exit signal")))
        await trio.sleep(1)
        assert here.ref("node/inner").incarnation == 1


async def test_a_supervisor_may_say_that_it_can_be_linked(autojump_clock):
    class Fated(Supervisor):
        linkable = True

    here = system()
    async with here.run(top(ChildSpec("a", Bound), ChildSpec("fated", Fated))):
        await here.ref("node/a").ask(Link(here.ref("node/fated")))
        here.ref("node/a").tell(Crash(ValueError()))
        await trio.sleep(1)
        assert here.ref("node/fated").incarnation == 2


async def test_an_incarnation_that_is_over_links_nothing(autojump_clock):
    here = system()
    async with here.run(top(ChildSpec("a", Bound, restart=Restart.TEMPORARY), ChildSpec("b", Bound))):
        a, b = here.ref("node/a"), here.ref("node/b")
        old = a._cell.actor
        await a.stop()
        with pytest.raises(ActorDead):
            old.link(b)
        assert b._cell.links is None


NAMES = "abcde"
STEP = st.tuples(st.sampled_from(["link", "unlink", "crash", "end"]), st.sampled_from(NAMES), st.sampled_from(NAMES))


class Model:
    """Who is linked, who traps, how often each has begun and heard of an exit."""

    def __init__(self, trapping):
        self.trapping = trapping
        self.links = {name: set() for name in NAMES}
        self.incarnations = dict.fromkeys(NAMES, 1)
        self.downs = Counter()

    def step(self, what, one, two):
        if what == "link" and one != two:
            self.links[one].add(two)
            self.links[two].add(one)
        elif what == "unlink":
            self.links[one].discard(two)
            self.links[two].discard(one)
        elif what in {"crash", "end"}:
            ended, queue = {one}, [one]
            while queue:
                name = queue.pop()
                for other in self.links[name]:
                    self.links[other].discard(name)
                    if other in self.trapping and other not in ended:
                        self.downs[other] += 1
                    elif what == "crash" and other not in ended:
                        ended.add(other)
                        queue.append(other)
                self.links[name] = set()
            for name in ended:
                self.incarnations[name] += 1


@settings(max_examples=100, deadline=None)
@given(st.sets(st.sampled_from(NAMES)), st.lists(STEP, max_size=12))
def test_links_are_symmetric_and_end_with_an_incarnation_as_a_model_says(trapping, steps):
    async def play():
        downs = {name: [] for name in NAMES}
        here, model = system(), Model(trapping)
        children = [
            ChildSpec(name, lambda name=name: Bound(downs[name] if name in trapping else None)) for name in NAMES
        ]
        async with here.run(top(*children)):
            refs = {name: here.ref(f"node/{name}") for name in NAMES}
            for what, one, two in steps:
                message = {"link": Link, "unlink": Unlink}.get(what)
                if message is not None:
                    await refs[one].ask(message(refs[two]))
                else:
                    refs[one].tell(End() if what == "end" else Crash(ValueError()))
                model.step(what, one, two)
                await trio.sleep(1)
                cells = {name: ref._cell for name, ref in refs.items()}
                assert {n: {c.path[-1] for c in cell.links or ()} for n, cell in cells.items()} == model.links
                assert {n: cell.incarnation for n, cell in cells.items()} == model.incarnations
                assert Counter({n: len(heard) for n, heard in downs.items()}) == model.downs

    trio.run(play, clock=trio.testing.MockClock(autojump_threshold=0))
