"""Children whose end is their supervisor's."""

import attrs
import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_actors.errors import StartFailed
from beam_actors.runtime import (
    AutoShutdown,
    Backoff,
    ChildSpec,
    Intensity,
    Restart,
    Strategy,
    Supervisor,
    receives,
)
from tests.runtime.rig import Child, End, system

KIND = st.tuples(st.sampled_from([Restart.TRANSIENT, Restart.TEMPORARY]), st.booleans())


@attrs.frozen
class Dismiss:
    ref: object


class Guided(Supervisor):
    @receives(Dismiss)
    async def dismiss(self, message):
        await self.stop_child(message.ref)


def left_of(mode, kinds, steps):
    """The model: who is left after the steps, or None when the supervisor has shut down."""
    left = set(kinds)
    for name, what in steps:
        restart, significant = kinds[name]
        if name not in left or (what == "crash" and restart is Restart.TRANSIENT):
            continue
        left.discard(name)
        others = any(kinds[other][1] for other in left)
        if what != "stop" and significant and (mode is AutoShutdown.ANY_SIGNIFICANT or not others):
            return None
    return left


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from([AutoShutdown.ANY_SIGNIFICANT, AutoShutdown.ALL_SIGNIFICANT]),
    st.fixed_dictionaries(dict.fromkeys("abcd", KIND)),
    st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["crash", "end", "stop"])), max_size=8),
)
def test_a_supervisor_shuts_down_with_its_significant_children_as_a_model_says(mode, kinds, steps):
    async def play():
        here = system()
        children = [ChildSpec(n, Child, restart=r, significant=s) for n, (r, s) in kinds.items()]
        inner = lambda: Guided(children, auto_shutdown=mode, intensity=Intensity(1000, 1))  # noqa: E731
        top = lambda: Supervisor([ChildSpec("inner", inner, restart=Restart.TEMPORARY)])  # noqa: E731
        async with here.run(ChildSpec("node", top)):
            inner_ref = here.ref("node/inner")
            for name, what in steps:
                ref = here.ref(f"node/inner/{name}")
                if what == "crash":
                    ref.crash(ValueError())
                elif what == "end":
                    ref.tell(End())
                elif inner_ref.alive:
                    await inner_ref.ask(Dismiss(ref))
                await trio.sleep(1)
            left = left_of(mode, kinds, steps)
            assert inner_ref.alive == (left is not None)
            assert {leaf.path[-1] for child in here.tree().children for leaf in child.children} == (left or set())

    trio.run(play, clock=trio.testing.MockClock(autojump_threshold=0))


async def test_a_significant_sibling_that_a_restart_took_down_does_not_count(autojump_clock):
    here = system()
    children = [
        ChildSpec("a", Child),
        ChildSpec("b", Child, restart=Restart.TEMPORARY, significant=True),
    ]
    async with here.run(ChildSpec("node", lambda: Supervisor(children, strategy=Strategy.ONE_FOR_ALL))):
        here.ref("node/a").crash(ValueError())
        await trio.sleep(1)
        assert here.ref("node").alive
        assert not here.ref("node/b").alive


async def test_a_significant_child_that_waits_for_its_restart_has_not_ended(autojump_clock):
    here = system()
    options = {"restart": Restart.TRANSIENT, "significant": True}
    children = [ChildSpec("a", Child, backoff=Backoff(first=10, jitter=0), **options), ChildSpec("b", Child, **options)]
    async with here.run(ChildSpec("node", lambda: Supervisor(children, auto_shutdown=AutoShutdown.ALL_SIGNIFICANT))):
        here.ref("node/a").crash(ValueError())
        await trio.sleep(1)
        here.ref("node/b").tell(End())
        await trio.sleep(20)
        assert here.ref("node").alive
        assert here.ref("node/a").alive
        here.ref("node/a").tell(End())
        await trio.sleep(1)
        assert not here.ref("node").alive


async def test_a_supervisor_that_never_shuts_down_refuses_significant_children(autojump_clock):
    here = system()
    child = ChildSpec("a", Child, restart=Restart.TEMPORARY, significant=True)
    with pytest.raises(StartFailed, match="never shuts down"):
        async with here.run(ChildSpec("node", lambda: Supervisor([child], auto_shutdown=AutoShutdown.NEVER))):
            pass


def test_a_permanent_child_cannot_be_significant():
    with pytest.raises(ValueError, match="significant"):
        ChildSpec("a", Child, significant=True)
