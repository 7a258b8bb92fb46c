import sys

import trio

from beam_actors.runtime import Actor, ChildSpec, Intensity, Mailbox, Supervisor, receives
from beam_actors.runtime.exits import LONGEST_REASON
from beam_actors.runtime.shown import LONGEST
from tests.runtime.rig import Hang, specs, system


async def test_the_tree_tells_of_restarts_and_reasons(autojump_clock):
    here = system()
    async with here.run(ChildSpec("node", lambda: Supervisor(specs(None, "a", "b")))):
        here.ref("node/a").crash(ValueError("for the record"))
        await trio.sleep(3)
        here.ref("node/b").tell(Hang())
        await trio.sleep(4)
        one, two = here.tree().children
        assert (one.restarts, one.incarnation, one.state) == (1, 2, "running")
        assert "ValueError: for the record" in one.last_exit
        assert one.uptime == 7
        assert (two.message, two.busy) == ("Hang", 4)


async def test_how_it_ended_is_told_in_few_words_and_a_few_times(autojump_clock):
    here = system()
    async with here.run(ChildSpec("node", lambda: Supervisor(specs(None, "a"), intensity=Intensity(100, 1.0)))):
        for number in range(8):
            here.ref("node/a").crash(ValueError(f"{number} " + "x" * 100_000))
            await trio.sleep(1)
        (row,) = here.tree().children
    assert len(row.last_exit) == LONGEST_REASON
    assert [past.incarnation for past in row.exits] == [4, 5, 6, 7, 8]
    assert {len(past.reason) for past in row.exits} == {LONGEST}
    assert here.clock() - row.exits[-1].at == 1


async def test_links_groups_stash_and_bounds_are_told(autojump_clock):
    class One(Actor):
        mailbox = Mailbox(capacity=10)

        async def on_start(self):
            self.join("ones")
            self.subscribe("others")

        @receives(str)
        def tie(self, other):
            self.link(self.system.ref(other))

        @receives(int)
        def aside(self, _number):
            self.stash()

    here = system()
    children = [ChildSpec(name, One) for name in "ab"]
    async with here.run(ChildSpec("node", lambda: Supervisor(children))):
        here.ref("node/a").tell("node/b")
        here.ref("node/a").tell(1)
        await trio.sleep(1)
        a, b = here.tree().children
    assert (a.links, b.links, a.groups) == (("node/b",), ("node/a",), ("ones",))
    assert (a.stashed, a.mailbox, a.capacity) == (1, 0, 10)


async def test_a_tree_deeper_than_pythons_stack_is_seen_whole_and_stops(autojump_clock):
    depth = sys.getrecursionlimit()

    class Level(Actor):
        def __init__(self, below):
            super().__init__()
            self.below = below

        async def on_start(self):
            if self.below:
                await self.start_child(ChildSpec("x", lambda: Level(self.below - 1)))

    here = system()
    with trio.fail_after(1000):
        async with here.run(ChildSpec("node", lambda: Level(depth))):
            row, seen = here.tree(), 0
            while row.children:
                (row,), seen = row.children, seen + 1
            assert (seen, row.state) == (depth, "running")
    assert not here.home
