"""Several machines of one owner: what one says of a name, the others take up."""

import pytest
import trio

from beam_actors.errors import NameNotFound, QuotaExceeded
from beam_actors.naming.limits import HOUR
from beam_actors.naming.messages import Submit
from beam_actors.values import Name
from tests.naming.builders import FIRST, claim, owner_id, peer
from tests.naming.lab import entry, lab, members, settle, two_machines

ALICE = Name("alice")


async def test_two_machines_of_one_owner_share_a_name_and_heal_an_equivocation(autojump_clock):
    wires, laptop, phone = two_machines()
    async with laptop.run(), phone.run():
        await laptop.naming.register("alice")
        await phone.naming.register("alice")  # both sign one seq, not knowing of each other
        wires.connect(laptop, phone)
        await settle()
        assert (await entry(laptop)).rival is not None
        await trio.sleep(10)
        healed = await entry(laptop)
        assert healed == await entry(phone)
        assert healed.rival is None
        assert set(healed.claim.peers) == {laptop.me, phone.me}
        assert healed.claim.terms.seq <= FIRST + 3


async def test_what_another_machine_of_the_owner_keeps_is_listed_and_given_up_from_here(autojump_clock):
    wires, laptop, phone = two_machines()
    async with laptop.run(), phone.run():
        wires.connect(laptop, phone)
        for name in ("alice", "bob", "carol"):
            await laptop.naming.register(name)
        await phone.naming.register("carol")
        await phone.naming.pin("bob", owner_id(2))  # which says nothing of whose claim is given up
        await settle()
        assert [str(held.name) for held in await phone.naming.names()] == ["bob", "carol"]
        alice, bob = await phone.naming.elsewhere()
        assert (str(alice.name), str(bob.name)) == ("alice", "bob")
        assert (alice.relation, alice.owner, alice.peers) == ("own", phone.owner, (laptop.me,))
        assert await phone.naming.release("bob")
        assert [str(held.name) for held in await phone.naming.elsewhere()] == ["alice"]
        with pytest.raises(NameNotFound, match="not one of your names"):
            await phone.naming.release("bob")


async def test_a_name_that_another_machine_of_the_owner_gave_up_is_held_here_no_longer(autojump_clock):
    wires, laptop, phone = two_machines()
    limits = 16
    async with laptop.run(), phone.run():
        wires.connect(laptop, phone)
        for number in range(limits):
            await laptop.naming.register(f"name{number}")
        await settle()
        await phone.naming.release("name0")
        await settle()
        assert len(await laptop.naming.names()) == limits - 1
        assert await laptop.naming.elsewhere() == ()
        assert [(event.what.value, str(event.name)) for event in await laptop.naming.events()] == [
            ("released", "name0")
        ]
        await trio.sleep(12 * HOUR)
        assert "name0" not in await members(laptop)
        for node in (laptop, phone):
            with pytest.raises(NameNotFound):
                await node.naming.resolve("name0")
        await phone.naming.register("new")
        await settle()
        with pytest.raises(QuotaExceeded, match="`beam names` lists them"):
            await laptop.naming.register("name0")
    async with laptop.run():
        assert len(await laptop.naming.names()) == limits - 1


async def test_who_speaks_as_the_owner_again_and_again_is_answered_each_few_seconds_at_most(autojump_clock):
    """A copy of the key: each claim of its own would else be one more for this machine to sign."""
    async with lab(1) as (_, (one,)):
        await one.naming.register("alice")
        ours = 0
        for _ in range(100):
            before = (await entry(one)).claim
            ours += one.me in before.peers
            other = claim(0, seq=before.seq + 1, variant=9, issued=max(int(one.clock.wall()), before.issued))
            await one.registrar.ask(Submit((other.encoded,), peer(9)))
            await trio.sleep(0.1)
        await settle(20)
        assert one.me in (await entry(one)).claim.peers
        assert 2 <= ours <= 4
