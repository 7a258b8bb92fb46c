import attrs
import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_actors.errors import ActorError, MailboxFull
from beam_actors.runtime import Actor, ChildSpec, Mailbox, Overflow, Restart, Supervisor, System, receives


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


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from([Newest, Oldest]),
    st.lists(st.sampled_from(["tell", "ask", "send", "crash", "open", "block", "yield"]), max_size=40),
)
def test_the_bound_holds_and_each_message_is_handled_or_disposed_of_once(kind, steps):
    parcels = []

    def parcel():
        parcels.append(Parcel())
        return parcels[-1]

    async def main():
        here = System("test", clock=trio.current_time)
        gates = [trio.Event()]

        async def quietly(awaitable):
            try:
                await awaitable
            except ActorError:
                pass

        async def send(ref, item):
            await quietly(ref.send(item))

        top = ChildSpec("node", lambda: Supervisor([ChildSpec("a", kind, restart=Restart.TEMPORARY)]))
        async with here.run(top), trio.open_nursery() as nursery:
            ref = here.ref("node/a")
            for step in steps:
                if step == "tell":
                    ref.tell(parcel())
                elif step == "ask":
                    nursery.start_soon(quietly, ref.ask(parcel()))
                elif step == "send":
                    nursery.start_soon(send, ref, parcel())
                elif step == "crash":
                    ref.crash(ValueError())
                elif step == "open":
                    gates[-1].set()
                    gates.append(trio.Event())
                elif step == "block":
                    ref.tell(Block(gates[-1]))
                else:
                    await trio.sleep(0.1)
                assert len(ref.actor_inbox) <= 3
            for gate in gates:
                gate.set()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
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
