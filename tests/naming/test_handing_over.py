"""A name goes from one owner to the next, and all machines of both know it."""

import pytest

from beam_actors.errors import NameNotFound, NameTaken
from beam_actors.naming import Kind
from beam_actors.naming.limits import DAY, HOUR
from beam_actors.naming.messages import Submit
from beam_actors.values import Name
from tests.naming.builders import FIRST, claim, owner_id, owner_key, peer
from tests.naming.lab import Node, Wires, entry, lab, settle, two_machines

ALICE = Name("alice")


async def two_that_hold_alice():
    """Two machines of one owner that hold one name and know it of each other; they do not run any more."""
    wires, laptop, phone = two_machines()
    async with laptop.run(), phone.run():
        wires.connect(laptop, phone)
        for node in (laptop, phone):
            await node.naming.register("alice")
            await settle(15)
    return wires, laptop, phone


async def heard_of(node, name="alice"):
    held = node.system.cell("services/registry").actor._known.registry.names_of(node.owner)
    return [entry.claim.kind for entry in held if str(entry.claim.name) == name]


async def test_a_name_is_handed_over_to_its_next_owner_and_a_pin_goes_along(autojump_clock):
    async with lab(3) as (wires, (one, heir, friend)):
        for other in (heir, friend):
            wires.connect(one, other)
        wires.connect(heir, friend)
        for name in ("alice", "bob"):
            await one.naming.register(name)
        await settle(15)
        await friend.naming.pin("alice", one.owner)
        await friend.naming.petname("anna", f"alice.{one.owner}")
    for nobodys in ("carol", "alice"):
        with pytest.raises(NameNotFound, match="not one of your names"):
            await one.hand_over(Name(nobodys), one.owner, era=2, by=heir.owner)
    await one.hand_over(ALICE, heir.owner, era=2)
    for era in (0, 1):
        one.key = owner_key(0, era)
        async with one.run():  # the key of the era was not written: nothing is handed over
            await settle(15)
            assert (await one.naming.resolve("alice")).source == "own"
            assert (await entry(one)).claim.kind is Kind.LIVE
    one.key = owner_key(0, 2)
    async with one.run(), heir.run(), friend.run():
        for other in (heir, friend):
            wires.connect(one, other)
        wires.connect(heir, friend)
        await settle(15)
        assert [str(held.name) for held in await one.naming.names()] == ["bob"]
        with pytest.raises(NameNotFound, match="handed it over"):
            await friend.naming.resolve("alice")
        await heir.naming.register("alice")
        await settle(15)
        for label, source in (("alice", "pin"), ("anna", "petname")):
            found = await friend.naming.resolve(label)
            assert (found.owner, found.source, found.peers) == (heir.owner, source, (heir.me,))
        passed = (await entry(one)).claim
        assert (await entry(heir)).claim.terms.inherits == passed.id
        assert (passed.kind, passed.era, passed.terms.successor) == (Kind.TRANSFER, 2, heir.owner)
        assert (await one.naming.resolve("bob")).source == "own"
        heir.clock.step(11 * DAY)
        await settle(2 * HOUR)  # the heir renews, and still says from whom it has the name
        assert (await entry(heir)).claim.terms.seq > FIRST
        assert (await entry(heir)).claim.terms.inherits == passed.id


async def test_a_name_can_be_taken_back_until_the_heir_registers_it(autojump_clock):
    async with lab(3) as (wires, (one, heir, friend)):
        wires.connect(one, friend)
        await one.naming.register("alice")
        await settle(15)
    await one.hand_over(ALICE, heir.owner, era=1)
    one.key = owner_key(0, 1)
    async with one.run(), heir.run(), friend.run():
        for other in (heir, friend):
            wires.connect(one, other)
        wires.connect(heir, friend)
        await settle(15)
        with pytest.raises(NameNotFound, match="goes to"):
            await friend.naming.resolve("alice")
        await one.naming.register("alice")
        await settle(15)
        assert (await friend.naming.resolve("alice")).owner == one.owner
        with pytest.raises(NameTaken):
            await heir.naming.register("alice")


async def test_another_machine_hears_of_a_transfer_before_it_claims_its_names_anew(autojump_clock):
    wires, laptop, phone = await two_that_hold_alice()
    heir = Node(wires, 2)
    await laptop.hand_over(ALICE, heir.owner, era=1)
    laptop.key = phone.key = owner_key(0, 1)
    async with laptop.run(), heir.run():  # the phone is off
        wires.connect(laptop, heir)
        await settle(15)
        await heir.naming.register("alice")
        await settle()
    async with laptop.run(), phone.run(), heir.run():
        await settle(1)
        for other in (laptop, heir):
            wires.connect(phone, other)
        await settle(15)
        assert await phone.naming.names() == ()
        for node in (laptop, phone, heir):
            assert (await node.naming.resolve("alice")).owner == heir.owner
            assert await node.naming.conflicts() == ()


async def test_another_machine_of_the_owner_holds_a_name_no_longer_that_was_handed_over(autojump_clock):
    wires, laptop, phone = await two_that_hold_alice()
    await laptop.hand_over(ALICE, owner_id(2), era=1)
    laptop.key = owner_key(0, 1)
    async with laptop.run(), phone.run():
        await settle(15)
        wires.connect(laptop, phone)
        await settle(15)
        assert await phone.naming.names() == ()  # for which it needs no key
    phone.key = owner_key(0, 1)
    async with laptop.run(), phone.run():
        wires.connect(laptop, phone)
        await settle(15)
        for node in (laptop, phone):
            assert await heard_of(node) == [Kind.TRANSFER]
            assert await node.naming.names() == ()
        await phone.naming.register("alice")  # a person may want it back, as long as nobody holds it
        await settle(15)
        assert await heard_of(laptop) == [Kind.LIVE]


async def test_a_machine_that_claims_before_it_hears_of_a_transfer_hands_the_name_over_again(autojump_clock):
    wires, laptop, phone = await two_that_hold_alice()
    heir = Node(wires, 2)
    await laptop.hand_over(ALICE, heir.owner, era=1)
    laptop.key = phone.key = owner_key(0, 1)
    wires.cut(laptop, phone)
    async with laptop.run(), heir.run():
        wires.connect(laptop, heir)
        await settle(15)
        await heir.naming.register("alice")
        async with phone.run():  # alone
            await settle(30)
            assert await heard_of(phone) == [Kind.LIVE]
            wires.connect(laptop, phone)
            await settle(30)
            for node in (laptop, phone, heir):
                assert (await node.naming.resolve("alice")).owner == heir.owner
            for node in (laptop, phone):
                assert await heard_of(node) == [Kind.TRANSFER]
            assert await phone.naming.names() == ()


async def test_who_opens_an_era_as_soon_as_another_machine_handed_a_name_over_does_not_claim_it_again(autojump_clock):
    wires, laptop, phone = await two_that_hold_alice()
    async with phone.run():
        await phone.naming.register("bob")
    await laptop.hand_over(ALICE, owner_id(2), era=1)
    laptop.key = owner_key(0, 1)
    async with laptop.run():
        async with phone.run():
            wires.connect(laptop, phone)
            while await heard_of(phone) != [Kind.TRANSFER]:
                await settle(0.1)
        phone.key = owner_key(0, 2)
        async with phone.run():
            wires.connect(laptop, phone)
            await settle(30)
            for node in (laptop, phone):
                assert await heard_of(node) in ([], [Kind.TOMBSTONE])
                assert await heard_of(node, "bob") == [Kind.LIVE]
            assert [str(held.name) for held in await phone.naming.names()] == ["bob"]


async def test_what_a_thief_handed_over_by_the_key_of_an_era_is_claimed_anew_in_the_next_one(autojump_clock):
    one = Node(Wires(), 0)
    one.key = owner_key(0, 1)
    async with one.run():
        await one.naming.register("alice")
        thief = claim(0, "alice", FIRST + 50, era=1, kind=Kind.TRANSFER, to=2, issued=int(one.clock.wall()) + 1)
        await one.registrar.ask(Submit((thief.encoded,), peer(9)))
        await settle(15)
        assert await one.naming.names() == ()
    one.key = owner_key(0, 2)
    async with one.run():
        await settle(15)
        assert [str(held.name) for held in await one.naming.names()] == ["alice"]
        assert (await entry(one)).claim.era == 2
