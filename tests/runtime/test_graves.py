import pytest
import trio
import trio.testing
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from beam_actors.errors import StartFailed
from beam_actors.runtime import (
    ChildSpec,
    Grave,
    GraveLimits,
    Pool,
    Restart,
    StartMember,
    StopMember,
    Supervisor,
    System,
)
from beam_actors.runtime.graves import Graves
from tests.runtime.rig import Echo, End, Fail, Say, specs, system


def pool_of(factory, **options):
    template = lambda key: ChildSpec(key, factory, **options)  # noqa: E731
    return ChildSpec("node", lambda: Supervisor([ChildSpec("pool", lambda: Pool(template))]))


async def test_the_tree_keeps_path_reason_and_last_messages_of_who_ended_for_good(autojump_clock):
    here = system()
    async with here.run(pool_of(Echo, restart=Restart.TEMPORARY)):
        member = await here.ref("node/pool").ask(StartMember("m"))
        await member.ask(Say("x"))
        member.tell(Fail(ValueError("boom")))
        await trio.sleep(1)
        (grave,) = here.tree().dead
        assert (grave.path, grave.kind, grave.incarnation) == ("node/pool/m", "Echo", 1)
        assert grave.reason == "crashed; ValueError: boom"
        assert grave.last_messages == ("Say", "Fail")
        assert all(child.dead == () for child in here.tree().children)
        await trio.sleep(60)
        assert here.tree().dead == ()
        assert len(here.graves) == 0


async def test_who_will_be_back_is_not_dead(autojump_clock):
    here = system()
    async with here.run(ChildSpec("node", lambda: Supervisor([*specs(None, "a")]))):
        here.ref("node/a").crash(ValueError())
        await trio.sleep(1)
        here.ref("node/a").tell(End())
        await trio.sleep(0.05)
        assert not here.ref("node/a").alive
        assert here.tree().dead == ()


async def test_a_path_that_lives_again_has_no_grave(autojump_clock):
    here = system()
    async with here.run(pool_of(Echo)):
        pool = here.ref("node/pool")
        await pool.ask(StartMember("m"))
        await pool.ask(StopMember("m"))
        assert [grave.reason for grave in here.recently_dead()] == ["shutdown"]
        await pool.ask(StartMember("m"))
        assert here.recently_dead() == ()
        pool.crash(ValueError())  # takes its member along, and a new pool is empty
        await trio.sleep(1)
        assert [grave.path for grave in here.recently_dead()] == ["node/pool/m"]


async def test_a_child_whose_first_start_failed_is_among_the_dead(autojump_clock):
    class Broken(Echo):
        async def on_start(self):
            raise OSError("no")

    here = system()
    async with here.run(pool_of(Broken)):
        with pytest.raises(StartFailed):
            await here.ref("node/pool").ask(StartMember("m"))
        assert [(grave.path, grave.reason) for grave in here.recently_dead()] == [
            ("node/pool/m", "crashed; OSError: no")
        ]


async def test_a_flood_of_ends_stays_within_the_number(autojump_clock):
    here = System("test", clock=trio.current_time, grave_limits=GraveLimits(number=5, seconds=1000))
    async with here.run(pool_of(Echo, restart=Restart.TEMPORARY)):
        for n in range(50):
            await (await here.ref("node/pool").ask(StartMember(str(n)))).stop()
        await trio.sleep(1)
        assert [grave.path for grave in here.recently_dead()] == [f"node/pool/{n}" for n in (49, 48, 47, 46, 45)]


class Yards(RuleBasedStateMachine):
    """The graves against a list of all who ever died."""

    def __init__(self):
        super().__init__()
        self.graves = Graves(GraveLimits(number=3, seconds=10))
        self.now, self.died, self.living = 0.0, [], set()

    @rule(seconds=st.integers(0, 6))
    def wait(self, seconds):
        self.now += seconds

    @rule(path=st.sampled_from("abcde"))
    def die(self, path):
        self.living.discard(path)
        grave = Grave(path=path, kind="", incarnation=1, reason="", last_messages=(), at=self.now)
        self.graves.bury(grave)
        self.died = [other for other in self.died if other.path != path] + [grave]

    @rule(path=st.sampled_from("abcde"))
    def live(self, path):
        self.living.add(path)

    @invariant()
    def the_latest_are_known(self):
        known = [grave for grave in self.died if grave.at + 10 > self.now][-3:]
        shown = tuple(grave for grave in reversed(known) if grave.path not in self.living)
        assert self.graves.recent(self.now, self.living.__contains__) == shown
        assert len(self.graves) == len(known)


TestYards = Yards.TestCase
TestYards.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)
