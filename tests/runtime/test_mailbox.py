import contextlib

import attrs
import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_actors.errors import ActorError, MailboxFull
from beam_actors.runtime import Actor, ChildSpec, Mailbox, Overflow, Restart, Supervisor, System, receives
from tests.runtime.rig import Echo, Say, Slow, run_with


@attrs.define(eq=False)
class Parcel:
    """Carries a handle; must be either handled or disposed of, once."""

    handled: int = 0
    disposed: int = 0

    def dispose(self):
        self.disposed += 1


@attrs.frozen
class Block:
    gate: trio.Event


class Taker(Actor):
    @receives(Parcel)
    def take(self, message):
        message.handled += 1

    @receives(Block)
    async def block(self, message):
        await message.gate.wait()


class Newest(Taker):
    mailbox = Mailbox(capacity=3, overflow=Overflow.DROP_NEWEST)


class Oldest(Taker):
    mailbox = Mailbox(capacity=3, overflow=Overflow.DROP_OLDEST)


async def quietly(ask):
    with contextlib.suppress(ActorError):
        await ask


async def send_quietly(ref, item):
    with contextlib.suppress(ActorError):
        await ref.send(item)


class Sender:
    """Sends to one actor in every way there is, and remembers what it sent."""

    def __init__(self, ref, nursery):
        self.ref = ref
        self.nursery = nursery
        self.parcels = []
        self.gates = [trio.Event()]

    def parcel(self):
        self.parcels.append(Parcel())
        return self.parcels[-1]

    def tell(self):
        self.ref.tell(self.parcel())

    def ask(self):
        self.nursery.start_soon(quietly, self.ref.ask(self.parcel()))

    def send(self):
        self.nursery.start_soon(send_quietly, self.ref, self.parcel())

    def crash(self):
        self.ref.crash(ValueError())

    def block(self):
        self.ref.tell(Block(self.gates[-1]))

    def open(self):
        self.gates[-1].set()
        self.gates.append(trio.Event())


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from([Newest, Oldest]),
    st.lists(st.sampled_from(["tell", "ask", "send", "crash", "open", "block", "pause"]), max_size=40),
)
def test_the_bound_holds_and_each_message_is_handled_or_disposed_of_once(kind, steps):
    async def main():
        here = System("test", clock=trio.current_time)
        top = ChildSpec("node", lambda: Supervisor([ChildSpec("a", kind, restart=Restart.TEMPORARY)]))
        async with here.run(top), trio.open_nursery() as nursery:
            sender = Sender(here.ref("node/a"), nursery)
            for step in steps:
                if step == "pause":
                    await trio.sleep(0.1)
                else:
                    getattr(sender, step)()
                assert len(sender.ref.actor_inbox) <= kind.mailbox.capacity
            for gate in sender.gates:
                gate.set()
        return sender.parcels

    parcels = trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert [p.handled + p.disposed for p in parcels] == [1] * len(parcels)


async def test_the_rule_says_which_messages_survive_a_flood(autojump_clock):
    here = System("test", clock=trio.current_time)
    children = [ChildSpec("newest", Newest), ChildSpec("oldest", Oldest)]
    async with here.run(ChildSpec("node", lambda: Supervisor(children))):
        for name, survivors in (("newest", [0, 1, 2]), ("oldest", [7, 8, 9])):
            ref, gate = here.ref(f"node/{name}"), trio.Event()
            ref.tell(Block(gate))
            await trio.testing.wait_all_tasks_blocked()
            parcels = [Parcel() for _ in range(10)]
            for item in parcels:
                ref.tell(item)
            with pytest.raises(MailboxFull):
                await ref.ask(Parcel())
            gate.set()
            await trio.sleep(1)
            assert [number for number, item in enumerate(parcels) if item.handled] == survivors
            assert here.dead_letters[ref.path] == 7


async def test_mailboxes_that_are_flooded_a_million_times_stay_within_their_bound(autojump_clock):
    here = System("test", clock=trio.current_time)
    children = [ChildSpec("newest", Newest), ChildSpec("oldest", Oldest)]
    async with here.run(ChildSpec("node", lambda: Supervisor(children))):
        refs, gate = [here.ref(f"node/{child.name}") for child in children], trio.Event()
        for ref in refs:
            ref.tell(Block(gate))
        await trio.testing.wait_all_tasks_blocked()
        flood, last = Parcel(), [Parcel() for _ in range(3)]
        newest, oldest = refs
        for number in range(500_000):
            newest.tell(flood)
            oldest.tell(flood if number < 499_997 else last[number - 499_997])
            if number % 1000 == 0:
                assert max(len(ref.actor_inbox) for ref in refs) <= 3
        assert [len(ref.actor_inbox) for ref in refs] == [3, 3]
        assert [here.dead_letters[ref.path] for ref in refs] == [499_997, 499_997]
        gate.set()
        await trio.sleep(1)
        assert flood.handled == 3
        assert [parcel.handled for parcel in last] == [1, 1, 1]


async def test_a_crash_overtakes_a_full_mailbox(autojump_clock):
    here = System("test", clock=trio.current_time)
    async with here.run(ChildSpec("node", lambda: Supervisor([ChildSpec("a", Newest)]))):
        ref, waiting = here.ref("node/a"), [Parcel() for _ in range(3)]
        ref.tell(Block(trio.Event()))
        await trio.testing.wait_all_tasks_blocked()
        for item in waiting:
            ref.tell(item)
        ref.crash(ValueError())
        await trio.sleep(1)
        assert ref.incarnation == 2
        assert [(item.handled, item.disposed) for item in waiting] == [(0, 1)] * 3


class Urgent(Say):
    pass


class Hasty(Echo):
    mailbox = Mailbox(capacity=5)
    priority = (Urgent,)


async def test_what_has_priority_overtakes_user_messages_and_no_system_message(autojump_clock):
    log = []

    async def body(here):
        ref = here.ref("node/hasty")
        ref.tell(Slow(5))
        await trio.testing.wait_all_tasks_blocked()
        for message in (Say("1"), Urgent("a"), Say("2"), Urgent("b")):
            ref.tell(message)
        asked = ref.ask(Urgent("c"))
        assert here.tree().children[0].mailbox == 5
        with pytest.raises(MailboxFull):
            await ref.ask(Urgent("one more than the bound"))
        assert await asked == "c"
        await trio.sleep(1)
        assert log == ["start", "a", "b", "c", "1", "2"]
        ref.tell(Slow(5))
        await trio.testing.wait_all_tasks_blocked()
        ref.tell(Urgent("never"))
        await ref.stop()
        assert log[-1] == "stop shutdown"

    await run_with(body, ChildSpec("hasty", lambda: Hasty(log), restart=Restart.TEMPORARY))


async def test_what_waits_for_room_is_woken_by_an_urgent_message_that_is_taken(autojump_clock):
    log = []

    async def body(here):
        ref = here.ref("node/hasty")
        ref.tell(Slow(5))
        await trio.testing.wait_all_tasks_blocked()
        for n in range(5):
            ref.tell(Urgent(str(n)))
        await ref.send(Say("last"))
        await trio.sleep(1)
        assert log == ["start", *"01234", "last"]

    await run_with(body, ChildSpec("hasty", lambda: Hasty(log)))
