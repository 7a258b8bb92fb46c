import attrs
import pytest
import trio
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from pykka._envelope import Envelope

from beam_actors.errors import ActorCrashed, ActorDead, ActorUnavailable, MailboxFull
from beam_actors.runtime import NORMAL, Actor, ChildSpec, Future, Mailbox, Overflow, System, receives
from beam_actors.runtime.cell import State
from beam_actors.runtime.stash import put_aside
from tests.runtime.rig import Disposable, End, Refused, Say, Slow, run_with


@attrs.frozen
class Open:
    pass


class Item(Disposable):
    pass


class Gate(Actor):
    mailbox = Mailbox(capacity=8)
    reply_errors = (Refused,)

    def __init__(self, log):
        super().__init__()
        self.log = log
        self.open = False

    @receives(Open)
    def open_it(self, _message):
        self.open = True
        self.unstash()

    @receives(Say)
    def say(self, message):
        if not self.open:
            self.stash()
            return "ignored"
        self.log.append(message.text)
        return message.text

    @receives(Item)
    def item(self, _message):
        self.stash()

    @receives(Slow)
    async def slow(self, message):
        self.stash()
        await trio.sleep(message.seconds)

    @receives(End)
    def wrong(self, _message):
        self.stash()
        self.stash()


async def with_gate(body, gate=Gate):
    log = []

    async def run(here):
        await body(here.ref("node/gate"), log, here)

    await run_with(run, ChildSpec("gate", lambda: gate(log)))


async def test_what_was_stashed_is_handled_before_what_waits_and_in_order(autojump_clock):
    async def body(gate, log, here):
        asked = gate.ask(Say("one"))
        gate.tell(Say("two"))
        await trio.testing.wait_all_tasks_blocked()
        assert not asked.done
        assert here.tree().children[0].stashed == 2
        gate.tell(Open())
        gate.tell(Say("three"))
        assert await asked == "one"
        await trio.sleep(1)
        assert log == ["one", "two", "three"]
        assert here.tree().children[0].stashed == 0

    await with_gate(body)


async def test_a_stash_is_flushed_at_an_end_like_the_mailbox(autojump_clock):
    async def body(gate, log, here):
        item = Item()
        gate.tell(item)
        asked = gate.ask(Say("never"))
        await trio.testing.wait_all_tasks_blocked()
        gate.crash(ValueError())
        with pytest.raises(ActorUnavailable):
            await asked
        assert item.disposed == 1
        assert here.dead_letters["node/gate"] == 1
        await trio.sleep(1)
        assert gate.incarnation == 2
        gate.tell(Open())
        await trio.sleep(1)
        assert log == []

    await with_gate(body)


async def test_a_handler_that_crashes_after_it_stashed_gives_the_message_up_once(autojump_clock):
    item = Item()

    class Clumsy(Gate):
        @receives(Item)
        def item(self, _message):
            self.stash()
            raise ValueError

    async def body(gate, log, here):
        gate.tell(item)
        await trio.sleep(1)
        assert (gate.incarnation, item.disposed, here.dead_letters["node/gate"]) == (2, 1, 1)

    await with_gate(body, Clumsy)


async def test_a_declared_error_after_stashing_answers_nothing(autojump_clock):
    class Undecided(Gate):
        @receives(Say)
        def say(self, message):
            if not self.open:
                self.stash()
                raise Refused
            return message.text

    async def body(gate, log, here):
        asked = gate.ask(Say("one"))
        gate.tell(Open())
        assert await asked == "one"

    await with_gate(body, Undecided)


async def test_a_full_stash_refuses_as_a_full_mailbox_does(autojump_clock):
    async def body(gate, log, here):
        for n in range(4):
            gate.tell(Say(str(n)))
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(MailboxFull):
            await gate.ask(Say("ask"))
        gate.tell(Say("tell"))
        await trio.testing.wait_all_tasks_blocked()
        assert here.dead_letters["node/gate"] == 1
        gate.tell(Open())
        await trio.sleep(1)
        assert log == list("0123")

    await with_gate(body)


async def test_what_is_stashed_keeps_its_room(autojump_clock):
    async def body(gate, log, here):
        gate.tell(Slow(5))
        await trio.testing.wait_all_tasks_blocked()
        for n in range(20):
            gate.tell(Say(str(n)))
        assert len(gate.actor_inbox) == 7
        assert here.dead_letters["node/gate"] == 13

    await with_gate(body)


@pytest.mark.parametrize("deferred", [False, True])
async def test_only_a_message_in_hand_that_is_not_promised_can_be_stashed(autojump_clock, deferred):
    class Promising(Gate):
        @receives(End)
        def wrong(self, _message):
            (self.defer if deferred else self.stash)()
            self.stash()

    async def body(gate, log, here):
        with pytest.raises((ActorCrashed, ActorUnavailable, ActorDead)):
            await gate.ask(End())
        await trio.sleep(1)
        assert isinstance(gate._cell.last_exit.error, RuntimeError)

    await with_gate(body, Promising)


class Hurry(Item):
    pass


class Boxes(RuleBasedStateMachine):
    """A cell's lanes and stash against lists: the order, the bounds, and that each message has one fate."""

    overflow = Overflow.DROP_NEWEST
    priority = ()

    def __init__(self):
        super().__init__()
        self.system = System("test", clock=lambda: 0.0)
        self.cell = self.system.cell("box")
        self.cell.inbox.bind(Mailbox(capacity=6, overflow=self.overflow, stash=2), self.priority)
        self.cell.state = State.RUNNING
        self.urgent, self.waiting, self.aside, self.hand = [], [], [], None
        self.refused, self.letters, self.given_up, self.all = [], 0, [], []

    def lane(self, envelope):
        return self.urgent if isinstance(envelope.message, self.priority) else self.waiting

    @property
    def full(self):
        return len(self.urgent) + len(self.waiting) + len(self.aside) >= 6

    def give_up(self, envelope):
        self.given_up.append(envelope.message)
        if envelope.reply_to is not None:
            self.refused.append(envelope.reply_to)
        else:
            self.letters += 1

    @rule(ask=st.booleans(), kind=st.sampled_from([Item, Hurry]))
    def deliver(self, ask, kind):
        envelope = Envelope(kind(), reply_to=Future() if ask else None)
        yielding = self.waiting or (self.urgent if self.lane(envelope) is self.urgent else [])
        refused = self.full and (ask or self.overflow is Overflow.DROP_NEWEST or not yielding)
        assert self.cell.deliver(envelope) == (not refused)
        if refused:
            return
        if self.full:
            self.give_up(yielding.pop(0))
        self.lane(envelope).append(envelope)
        self.all.append(envelope)

    @precondition(lambda self: self.hand is None and (self.waiting or self.urgent))
    @rule()
    def take(self):
        self.hand = self.cell.inbox.get()
        assert self.hand is (self.urgent or self.waiting).pop(0)

    @precondition(lambda self: self.hand is not None)
    @rule()
    def handle(self):
        self.all.remove(self.hand)
        self.hand = None

    @precondition(lambda self: self.hand is not None)
    @rule()
    def stash(self):
        envelope, self.hand = self.hand, None
        put_aside(self.cell, envelope)
        if len(self.aside) >= 2 or self.full:
            if envelope.reply_to is not None or self.overflow is Overflow.DROP_NEWEST or not self.aside:
                self.give_up(envelope)
                return
            self.give_up(self.aside.pop(0))
        self.aside.append(envelope)

    @rule()
    def unstash(self):
        self.cell.inbox.put_back()
        for envelope in reversed(self.aside):
            self.lane(envelope).insert(0, envelope)
        self.aside = []

    @precondition(lambda self: self.hand is None)
    @rule()
    def end(self):
        for lane in (self.aside, self.urgent, self.waiting):
            for envelope in lane:
                self.give_up(envelope)
            lane.clear()
        self.cell.ended(NORMAL)

    @invariant()
    def each_message_has_one_fate(self):
        inbox = self.cell.inbox
        assert list(inbox.urgent or ()) == self.urgent
        assert list(inbox.user) == self.waiting
        assert list(inbox.aside or ()) == self.aside
        assert len(inbox) == len(self.urgent) + len(self.waiting)
        assert inbox.empty() == (not self.urgent and not self.waiting)
        assert inbox.full == self.full
        assert self.system.dead_letters.total() == self.letters
        assert all(future.done for future in self.refused)
        assert all(envelope.message.disposed == (envelope.message in self.given_up) for envelope in self.all)


class DroppingBoxes(Boxes):
    overflow = Overflow.DROP_OLDEST


class UrgentBoxes(Boxes):
    priority = (Hurry,)


class UrgentDroppingBoxes(DroppingBoxes):
    priority = (Hurry,)


TestBoxes = Boxes.TestCase
TestDroppingBoxes = DroppingBoxes.TestCase
TestUrgentBoxes = UrgentBoxes.TestCase
TestUrgentDroppingBoxes = UrgentDroppingBoxes.TestCase
for case in (TestBoxes, TestDroppingBoxes, TestUrgentBoxes, TestUrgentDroppingBoxes):
    case.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


async def test_a_worker_that_puts_the_stash_back_wakes_the_actor(autojump_clock):
    done = []

    class Patient(Actor):
        ready = False

        @receives(Say)
        def say(self, message):
            if self.ready:
                done.append((message.text, trio.current_time()))
            else:
                self.stash()
                self.spawn(self.prepare)

        async def prepare(self):
            await trio.sleep(1)
            self.ready = True
            self.unstash()

    async def body(here):
        here.ref("node/patient").tell(Say("hello"))
        await trio.sleep(5)
        assert done == [("hello", 1)]

    await run_with(body, ChildSpec("patient", Patient))
