import attrs
import pytest
import trio
import trio.testing
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from beam_actors.errors import ActorCrashed, ActorDead
from beam_actors.runtime import (
    Actor,
    ChildSpec,
    GroupChanged,
    GroupFull,
    GroupLimits,
    Intensity,
    Restart,
    Supervisor,
    System,
    receives,
)
from beam_actors.runtime.groups import GroupNotice, Groups
from tests.runtime.rig import system


@attrs.frozen
class Call:
    method: str
    group: str


@attrs.frozen
class Sleep:
    seconds: float


class Member(Actor):
    def __init__(self, at_start=(), changes=None):
        super().__init__()
        self.at_start = at_start
        self.changes = changes

    async def on_start(self):
        for group in self.at_start:
            self.join(group)

    @receives(Call)
    def call(self, message):
        return getattr(self, message.method)(message.group)

    @receives(Sleep)
    async def sleep(self, message):
        await trio.sleep(message.seconds)

    @receives(GroupChanged)
    def changed(self, message):
        if self.changes is not None:
            self.changes.append(message)


def top(*children):
    return ChildSpec("node", lambda: Supervisor(children, intensity=Intensity(1000, 1)))


async def test_members_stand_in_the_order_of_joining_and_only_while_they_live(autojump_clock):
    here = system()
    children = [ChildSpec(name, Member, restart=Restart.TEMPORARY) for name in "abc"]
    async with here.run(top(*children)):
        refs = [here.ref(f"node/{name}") for name in "cab"]
        for ref in refs:
            await ref.ask(Call("join", "g"))
            await ref.ask(Call("join", "g"))
        assert here.members("g") == refs
        await refs[1].ask(Call("leave", "g"))
        await refs[1].ask(Call("leave", "g"))
        assert here.members("g") == [refs[0], refs[2]]
        await refs[1].ask(Call("join", "g"))
        refs[2].crash(ValueError())
        await trio.sleep(1)
        assert here.members("g") == [refs[0], refs[1]]
    assert here.groups.names() == []


async def test_a_member_that_joins_at_its_start_is_back_after_a_restart(autojump_clock):
    here = system()
    async with here.run(top(ChildSpec("a", lambda: Member(["g"])), ChildSpec("b", lambda: Member(["g"])))):
        a, b = here.ref("node/a"), here.ref("node/b")
        a.crash(ValueError())
        await trio.sleep(1)
        assert here.members("g") == [b, a]


async def test_a_subscriber_learns_of_changes_and_many_are_one_message(autojump_clock):
    changes = []
    here = system()
    children = [ChildSpec(n, lambda n=n: Member(["g"] if n != "c" else [])) for n in "abc"]
    async with here.run(top(*children, ChildSpec("ear", lambda: Member(changes=changes)))):
        a, b, c, ear = (here.ref(f"node/{name}") for name in ("a", "b", "c", "ear"))
        assert await ear.ask(Call("subscribe", "g")) == [a, b]
        await c.ask(Call("join", "g"))
        await trio.sleep(1)
        assert changes == [GroupChanged("g", (c,), (), (a, b, c))]
        ear.tell(Sleep(10))
        await trio.sleep(1)
        a.crash(ValueError())
        for _ in range(100):
            await c.ask(Call("leave", "g"))
            await c.ask(Call("join", "g"))
        await b.ask(Call("leave", "g"))
        assert len(ear.actor_inbox.system) <= 1
        await trio.sleep(20)
        assert changes[1:] == [GroupChanged("g", (a,), (a, b), (a, c))]
        await ear.ask(Call("unsubscribe", "g"))
        await b.ask(Call("join", "g"))
        await trio.sleep(1)
        assert len(changes) == 2


async def test_a_subscription_ends_with_its_incarnation(autojump_clock):
    changes = []
    here = system()
    async with here.run(top(ChildSpec("a", Member), ChildSpec("ear", lambda: Member(changes=changes)))):
        a, ear = here.ref("node/a"), here.ref("node/ear")
        await ear.ask(Call("subscribe", "g"))
        ear.crash(ValueError())
        await trio.sleep(1)
        assert here.groups.names() == []
        await a.ask(Call("join", "g"))
        await trio.sleep(1)
        assert changes == []


async def test_groups_members_and_subscribers_are_bounded(autojump_clock):
    here = System("test", clock=trio.current_time, group_limits=GroupLimits(groups=2, members=1, subscribers=1))
    children = [ChildSpec(name, Member) for name in "abcde"]
    async with here.run(top(*children)):
        a, b, c, d, e = (here.ref(f"node/{name}") for name in "abcde")
        await a.ask(Call("join", "one"))
        await b.ask(Call("subscribe", "two"))
        for ref, method, group in ((c, "join", "one"), (d, "subscribe", "two"), (e, "join", "three")):
            with pytest.raises(ActorCrashed) as crash:
                await ref.ask(Call(method, group))
            assert isinstance(crash.value.__cause__, GroupFull)
        assert here.groups.names() == ["one", "two"]


async def test_an_incarnation_that_is_over_joins_nothing(autojump_clock):
    here = system()
    async with here.run(top(ChildSpec("a", Member, restart=Restart.TEMPORARY))):
        a = here.ref("node/a")
        old = a._cell.actor
        await a.stop()
        with pytest.raises(ActorDead):
            old.join("g")
        with pytest.raises(ActorDead):
            old.subscribe("g")


class Books(RuleBasedStateMachine):
    """The groups of four cells against plain lists; each notice is handled at some later time."""

    def __init__(self):
        super().__init__()
        self.system = System("test", clock=lambda: 0.0)
        self.groups: Groups = self.system.groups
        self.cells = [self.system.cell(name) for name in "abcd"]
        self.joined = {group: [] for group in "xy"}  # (cell, incarnation)
        self.heard = {}  # (cell, group) -> what the subscriber knows

    one = st.integers(0, 3)
    group = st.sampled_from("xy")

    @rule(one=one, group=group)
    def join(self, one, group):
        cell = self.cells[one]
        self.groups.join(cell, group)
        if (cell, cell.incarnation) not in self.joined[group]:
            self.joined[group].append((cell, cell.incarnation))

    @rule(one=one, group=group)
    def leave(self, one, group):
        cell = self.cells[one]
        self.groups.leave(cell, group)
        self.joined[group] = [member for member in self.joined[group] if member[0] is not cell]

    @rule(one=one, group=group)
    def subscribe(self, one, group):
        cell = self.cells[one]
        assert self.groups.subscribe(cell, group) == [member.ref for member, _ in self.joined[group]]
        self.heard.setdefault((cell, group), list(self.joined[group]))

    @rule(one=one, group=group)
    def unsubscribe(self, one, group):
        self.groups.unsubscribe(self.cells[one], group)
        self.heard.pop((self.cells[one], group), None)

    @rule(one=one)
    def restart(self, one):
        cell = self.cells[one]
        self.groups.forget(cell)
        cell.inbox.system.clear()
        cell.incarnation += 1
        for group in "xy":
            self.joined[group] = [member for member in self.joined[group] if member[0] is not cell]
            self.heard.pop((cell, group), None)

    @rule(one=one)
    def listen(self, one):
        cell = self.cells[one]
        assert len(cell.inbox.system) <= sum(who is cell for who, _ in self.heard)
        while cell.inbox.system:
            notice = cell.inbox.system.popleft()
            assert isinstance(notice, GroupNotice)
            news = notice.news()
            if news is None:
                continue
            before, now = self.heard[cell, news.group], self.joined[news.group]
            assert list(news.joined) == [member[0].ref for member in now if member not in before]
            assert list(news.left) == [member[0].ref for member in before if member not in now]
            assert list(news.members) == [member.ref for member, _ in now]
            self.heard[cell, news.group] = list(now)
        for (who, group), known in self.heard.items():
            if who is cell:
                assert set(known) == set(self.joined[group])

    @invariant()
    def what_is_empty_is_forgotten(self):
        for group in "xy":
            assert self.groups.members(group) == [cell.ref for cell, _ in self.joined[group]]
            wanted = bool(self.joined[group]) or any(name == group for _, name in self.heard)
            assert (group in self.groups.names()) == wanted
        taking_part = {cell for members in self.joined.values() for cell, _ in members} | {c for c, _ in self.heard}
        assert set(self.groups._of) == taking_part


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
