import pytest
import trio

from beam_actors.errors import ActorUnavailable, NameNotFound
from beam_actors.naming import Kind, answering
from beam_actors.naming.limits import HOUR
from beam_actors.naming.messages import GetHolding, ListHeld
from beam_actors.naming.names import Names
from beam_actors.naming.solving import Solver
from beam_actors.naming.tending import Keep, ListFormer, Publish, Spoken
from beam_actors.naming.work import Levels
from beam_actors.runtime import Actor, ChildSpec, Supervisor, System, receives
from beam_actors.testing.clock import SimClock
from beam_actors.testing.compute import InlineCompute
from beam_actors.values import Name
from tests.naming.builders import FIRST, NETWORK, NOW, claim, owner_id, owner_key, peer
from tests.naming.lab import Node, entry, lab, members, settle
from tests.naming.tables import knowledge

ALICE = Name("alice")


@pytest.mark.parametrize("seconds", [0.001, 0.005, 0.009, 0.011, 0.02, 0.025, 0.04])
async def test_a_crash_while_registering_never_signs_one_seq_twice(autojump_clock, seconds):
    """Power fails at some moment; what any peer heard of is what the disk holds, or older."""
    async with lab(1) as (wires, (other,)):
        one = Node(wires, 1)
        with trio.move_on_after(seconds):
            async with one.run():
                wires.connect(one, other)
                await one.naming.register("alice")
                await trio.sleep_forever()
        one.disk.crash()
        wires.cut(one, other)
        async with one.run():
            wires.connect(one, other)
            await one.naming.register("alice")
            await settle(20)
            for node in (one, other):
                entries = await node.registrar.ask(GetHolding(ALICE))
                assert entries.entry is None or entries.entry.rival is None
            assert (await other.naming.resolve("alice")).owner == one.owner
            assert await other.naming.conflicts() == ()


async def test_releasing_ends_the_actor_and_nothing_claims_the_name_again(autojump_clock):
    async with lab(1) as (_, (one,)):
        await one.naming.register("alice")
        keeper = one.system.ref("services/names/alice")
        await one.naming.release("alice")
        await settle()
        assert not keeper.alive
        assert await members(one) == set()
        await trio.sleep(12 * HOUR)
        assert (await entry(one)).claim.kind is Kind.TOMBSTONE
        with pytest.raises(NameNotFound):
            await one.naming.release("alice")
        await one.naming.register("alice")
        assert (await entry(one)).claim.terms.seq == FIRST + 2


class Fickle(Actor):
    """Stands where the registrar would, and ends a name's actor whenever it asks what it has to do."""

    def __init__(self):
        super().__init__()
        self.asked = 0

    @receives(ListHeld)
    def on_list(self, _message):
        return ()

    @receives(ListFormer)
    def on_list_former(self, _message):
        return ()

    @receives(GetHolding)
    def on_get_holding(self, message):
        self.asked += 1
        self.defer()
        self.spawn(self.system.ref(f"services/names/{message.name}").stop)


class Late(Actor):
    """Stands where the registrar would, and hears after the start what was said of a held name in an era before."""

    def __init__(self):
        super().__init__()
        self.asked = []

    @receives(ListHeld)
    def on_list(self, _message):
        return ()

    @receives(ListFormer, GetHolding, Publish)
    def on_question(self, message):
        self.asked.append(type(message))
        if not isinstance(message, ListFormer):
            self.defer()  # its actor is at it
        elif self.asked.count(ListFormer) > 1:
            known = knowledge(claim(0), owner=0)
            known.reserve(ALICE, contest=False, now=NOW)
            return answering.former(known, 1)
        return ()


async def test_an_era_is_opened_by_the_actor_of_a_held_name_if_there_is_one(autojump_clock):
    """Two of them would sign one number."""
    system = System("test", clock=trio.current_time)
    registrar, lookups = system.ref("services/registry"), system.ref("services/lookups")

    def names():
        solver = Solver(NETWORK, owner_id(0), Levels(NETWORK), InlineCompute())
        return Names(registrar, lookups, SimClock(), key=owner_key(0, 1), me=peer(0), network=NETWORK, solver=solver)

    specs = [ChildSpec("registry", Late), ChildSpec("names", names)]
    async with system.run(ChildSpec("services", lambda: Supervisor(specs))):
        system.ref("services/names").tell(Keep(ALICE))
        await settle(1)
        system.ref("services/names").tell(Spoken(1))  # of the key's own era
        system.ref("services/names").tell(Spoken(0))
        await settle(1)
        asked = system.cell("services/registry").actor.asked
        assert asked.count(ListFormer) == 2
        assert Publish not in asked


async def test_a_keeper_that_ends_twice_is_busy_and_not_dead(autojump_clock):
    system = System("test", clock=trio.current_time)
    registrar, lookups = system.ref("services/registry"), system.ref("services/lookups")

    solver = Solver(NETWORK, owner_id(0), Levels(NETWORK), InlineCompute())

    def names():
        return Names(registrar, lookups, SimClock(), key=owner_key(0), me=peer(0), network=NETWORK, solver=solver)

    specs = [ChildSpec("registry", Fickle), ChildSpec("names", names)]
    async with system.run(ChildSpec("services", lambda: Supervisor(specs))):
        with pytest.raises(ActorUnavailable, match="try again"):
            await system.ref("services/names").ask(Keep(ALICE))
        assert system.cell("services/registry").actor.asked >= 2
