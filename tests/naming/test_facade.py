from contextlib import suppress

import attrs
import pytest
import trio

from beam_actors.errors import InvalidName, NameContested, NameNotFound, NameTaken, NotAllowed
from beam_actors.naming import Kind, Limits
from beam_actors.naming.limits import DAY, HOUR
from beam_actors.naming.messages import GetHolding, Submit
from beam_actors.naming.precedence import place_of
from beam_actors.naming.tending import Unreserve
from beam_actors.values import Name
from tests.naming.builders import FIRST, NOW, claim, crowd, owner_id, peer
from tests.naming.lab import give, ids, lab, settle


async def test_a_registered_name_resolves_at_home_and_at_a_peer(autojump_clock):
    async with lab(2) as (wires, (one, other)):
        wires.connect(one, other)
        await settle()
        made = await one.naming.register("Alice.local.")
        assert (str(made.name), made.owner, made.peers, made.told) == ("alice", one.owner, (one.me,), 1)
        at_home = await one.naming.resolve("alice")
        assert (at_home.source, at_home.owner, at_home.peers, at_home.age_s) == ("own", one.owner, (one.me,), 0)
        await settle(0.5)
        there = await other.naming.resolve("alice.local")
        assert (there.source, there.owner, there.peers) == ("registry", one.owner, (one.me,))
        assert (await other.naming.resolve(f"alice.{one.owner}.local")).peers == (one.me,)


async def test_an_unknown_name_is_asked_of_peers_and_not_found_at_once_afterwards(autojump_clock):
    async with lab(2) as (wires, (one, other)):
        with pytest.raises(NameNotFound, match="Nobody"):
            await one.naming.resolve("alice")
        wires.connect(one, other)
        await settle(10)
        with pytest.raises(NameNotFound):
            await one.naming.resolve("alice")
        asked = len(wires.opened)
        with pytest.raises(NameNotFound):
            await one.naming.resolve("alice")
        assert len(wires.opened) == asked


async def test_registering_again_does_no_harm(autojump_clock):
    async with lab(1) as (_, (one,)):
        first = await one.naming.register("alice")
        assert await one.naming.register("alice") == attrs.evolve(first, new=False)
        entry = (await one.registrar.ask(GetHolding(first.name))).entry
        assert entry.claim.terms.seq == FIRST


async def test_a_name_that_a_peer_knows_to_be_held_is_refused(autojump_clock):
    """Nothing was exchanged yet: the register itself asks."""
    async with lab(3) as (wires, (one, other, third)):
        await one.naming.register("alice")
        wires.links.add(frozenset((one.me, other.me)))  # connected, but spread wasn't told
        with pytest.raises(NameTaken, match=f"{one.owner.short}.*since 2027-01-15.*--contest"):
            await other.naming.register("alice")
        assert await other.naming.names() == ()
        wires.links.add(frozenset((third.me, other.me)))
        await other.naming.register("alice", contest=True)
        await settle(6)
        wires.links.add(frozenset((third.me, one.me)))
        with pytest.raises(NameContested, match=str(other.owner)):
            await third.naming.resolve("alice")
        (conflict,) = await third.naming.conflicts()
        assert {choice.owner for choice in conflict.choices} == {one.owner, other.owner}
        assert (await other.naming.resolve("alice")).source == "own"
        pin = await third.naming.pin("alice", one.owner)
        assert pin.owner == one.owner
        assert (await third.naming.resolve("alice")).source == "pin"
        (conflict,) = await third.naming.conflicts("alice.local")
        assert conflict.settled_by == "pin"
        await third.naming.unpin("alice")
        with pytest.raises(NameContested):
            await third.naming.pin("alice")
        assert (await third.naming.pin(f"alice.{other.owner}")).owner == other.owner


async def test_a_use_that_a_person_sees_pins_a_name_and_a_rival_changes_nothing(autojump_clock):
    async with lab(3) as (wires, (one, rival, visitor)):
        wires.connect(one, visitor)
        for name in ("alice", "bob", "carol"):
            await one.naming.register(name)
        await visitor.naming.register("mine")
        await settle()
        await visitor.naming.petname("anna", f"carol.{one.owner}")
        for text in ("alice.local", "bob", "mine", "anna", "nobody", f"carol.{one.owner}"):
            visitor.naming.used(text, one.owner, "forward" if text == "bob" else "navigation")
        visitor.naming.used("carol", rival.owner, "navigation")  # it led to somebody else a moment ago
        await settle()
        held = {str(row.name): (row.relation, row.how) for row in await visitor.naming.names()}
        assert held == {
            "alice": ("pin", "navigation"),
            "bob": ("pin", "forward"),
            "anna": ("petname", None),
            "mine": ("own", None),
        }
        assert visitor.system.whereis("services/names/alice") is not None  # a pin is looked after
        wires.connect(rival, visitor)
        for name in ("alice", "carol"):
            await rival.naming.register(name, contest=True)
        await settle()
        assert (await visitor.naming.resolve("alice")).owner == one.owner
        with pytest.raises(NameContested):
            await visitor.naming.resolve("carol")
        visitor.naming.used("carol", one.owner, "navigation")  # its page lists the choices; it chooses none
        await settle()
        assert "carol" not in {str(row.name) for row in await visitor.naming.names()}
    async with visitor.run():
        found = await visitor.naming.resolve("alice")
        assert (found.owner, found.source) == (one.owner, "pin")


async def test_what_a_person_opened_or_resolved_by_its_full_form_outlives_what_pages_load(autojump_clock):
    few = Limits(owners_per_name=1, asked=2, chosen=2)
    async with lab(1, limits=few) as (_, (one,)):
        ranked = sorted(crowd(8), key=place_of)
        opened, resolved, loaded, *more = ranked[1:]
        await give(one, ranked[0])

        async def resolve(claim, **options):
            with suppress(NameNotFound):
                await one.naming.resolve(f"alice.{claim.owner}", **options)

        await resolve(resolved, chosen=True)
        await resolve(opened)
        one.naming.used(f"alice.{opened.owner}", opened.owner, "navigation")
        for claim in (loaded, *more):
            await resolve(claim)
        await give(one, opened, resolved, loaded)
        assert await ids(one) == {ranked[0].id, opened.id, resolved.id}


async def test_to_register_a_name_that_is_given_to_another_in_that_moment_says_so(autojump_clock):
    """It was claimed, and the owner's other machine handed it over before that was told: it leads to the heir now."""
    async with lab(1) as (_, (one,)):
        given = claim(0, "alice", 2**21, era=1, kind=Kind.TRANSFER, to=2)
        names = one.naming._names

        class HandedOver:
            async def ask(self, message):
                done = await names.ask(message)
                await give(one, given, claim(2, "alice", inherits=given.id))
                await one.registrar.ask(Unreserve(Name("alice")))
                return done

        one.naming._names = HandedOver()
        with pytest.raises(NameTaken, match="no longer yours"):
            await one.naming.register("alice")
        one.naming._names = names
        assert (await one.naming.resolve("alice")).owner == owner_id(2)


async def test_a_use_while_the_disk_refuses_is_none(autojump_clock):
    async with lab(1) as (_, (one,)):
        await give(one, claim(2))
        one.disk.capacity = 1
        one.naming.used("alice", owner_id(2), "navigation")
        await settle()
        one.disk.capacity = None
        one.naming.used("alice", owner_id(2), "navigation")  # it was read back, and the disk is left alone for a while
        await settle(1)
        assert await one.naming.names() == ()
        await settle(10)
        one.naming.used("alice", owner_id(2), "navigation")
        await settle()
        assert [row.how for row in await one.naming.names()] == ["navigation"]


async def test_a_petname_leads_to_one_owner_and_no_peer_hears_of_it(autojump_clock):
    async with lab(3) as (wires, (one, other, third)):
        await one.naming.register("cottage")
        await other.naming.register("cottage")
        wires.connect(one, third)
        await third.naming.petname("Anna.local", f"cottage.{other.owner}")
        with pytest.raises(NameNotFound, match="no present claim"):
            await third.naming.resolve("anna")
        await settle(10)
        wires.links.add(frozenset((other.me, third.me)))  # connected, but spread wasn't told: who is asked, knows
        found = await third.naming.resolve("anna.local")
        assert (str(found.name), found.owner, found.source) == ("cottage", other.owner, "petname")
        assert third.system.whereis("services/names/cottage") is not None  # it is looked after like a pin
        asked = b"".join(wires.sent)
        assert b"cottage" in asked
        assert b"anna" not in asked
        for label in ("anna", "cottage"):
            await third.naming.petname(label, f"cottage.{one.owner}")
            assert (await third.naming.resolve(label)).owner == one.owner
        (conflict,) = await third.naming.conflicts("cottage")
        assert (conflict.settled_by, [choice.used for choice in conflict.choices]) == ("petname", [False, False])
        for refused in (third.naming.register("anna"), third.naming.pin("anna"), third.naming.pin("anna", one.owner)):
            with pytest.raises(NotAllowed, match="--forget anna"):
                await refused
        await third.naming.register("mine")
        with pytest.raises(NotAllowed, match="your own name"):
            await third.naming.petname("mine", f"cottage.{one.owner}")
        with pytest.raises(InvalidName):
            await third.naming.petname(f"anna.{one.owner}", "cottage")
        assert [(str(held.name), held.relation, str(held.target)) for held in await third.naming.names()] == [
            ("anna", "petname", "cottage"),
            ("cottage", "petname", "cottage"),
            ("mine", "own", "mine"),
        ]
        for label in ("anna", "cottage"):
            await third.naming.forget_petname(label)
        with pytest.raises(NameContested):
            await third.naming.resolve("cottage")
        with pytest.raises(NameNotFound, match="not one of your petnames"):
            await third.naming.forget_petname("anna")


async def test_a_petname_may_stand_for_another_petname(autojump_clock):
    async with lab(2) as (wires, (one, other)):
        wires.connect(one, other)
        await one.naming.register("cottage")
        await settle()
        await other.naming.petname("anna", "cottage")
        await other.naming.petname("sister", "anna")
        await other.naming.forget_petname("anna")
        assert str((await other.naming.resolve("sister")).name) == "cottage"


async def test_a_released_name_is_gone_everywhere(autojump_clock):
    async with lab(2) as (wires, (one, other)):
        wires.connect(one, other)
        await one.naming.register("alice")
        await settle()
        assert (await other.naming.resolve("alice")).owner == one.owner
        await one.naming.release("alice")
        await settle()
        assert await one.naming.names() == ()
        for node in (one, other):
            with pytest.raises(NameNotFound):
                await node.naming.resolve("alice")
        with pytest.raises(NameNotFound, match="not one of your names"):
            await one.naming.release("alice")
        await other.naming.register("alice")
        assert (await other.naming.resolve("alice")).owner == other.owner
        await settle()
        assert one.system.whereis("services/names/alice") is None


async def test_what_is_no_name_is_refused_at_the_door(autojump_clock):
    async with lab(1) as (_, (one,)):
        for text in ("", "a.b.local", "localhost", "x" * 300):
            with pytest.raises(InvalidName):
                await one.naming.resolve(text)
        with pytest.raises(InvalidName, match="a name alone"):
            await one.naming.register(f"alice.{owner_id(2)}")


async def test_look_alikes_are_reported(autojump_clock):
    async with lab(1) as (_, (one,)):
        await one.naming.pin("paypal", owner_id(3))
        made = await one.naming.register("paypa1")
        assert [str(name) for name in made.look_alikes] == ["paypal"]
        assert (await one.naming.register("other")).look_alikes == ()


async def test_what_a_peer_holds_too_stays_fresh(autojump_clock):
    async with lab(2) as (wires, (one, other)):
        wires.connect(one, other)
        await one.naming.register("alice")
        await trio.sleep(3 * HOUR)
        fresh = await other.naming.resolve("alice")
        assert (fresh.source, fresh.age_s < 120) == ("registry", True)


async def test_an_old_answer_is_marked_and_refreshed(autojump_clock):
    async with lab(2, limits=Limits(exchange_interval=DAY)) as (wires, (one, other)):
        wires.connect(one, other)
        await one.naming.register("alice")
        await settle()
        await trio.sleep(2 * HOUR)
        stale = await other.naming.resolve("alice")
        assert stale.source == "cache"
        assert stale.age_s > HOUR
        await settle()
        fresh = await other.naming.resolve("alice")
        assert (fresh.source, fresh.age_s < 10) == ("registry", True)


async def test_a_cold_start_without_a_network_still_resolves(autojump_clock):
    async with lab(1) as (_, (one,)):
        await one.registrar.ask(Submit((claim(3, valid=DAY).encoded,), peer(9)))
        assert (await one.naming.resolve("alice")).source == "registry"
    async with one.run():
        assert (await one.naming.resolve("alice")).owner == owner_id(3)
        one.clock.step(2 * DAY)
        stale = await one.naming.resolve("alice")
        assert (stale.source, stale.owner) == ("cache", owner_id(3))
        one.clock.step(3 * DAY)
        with pytest.raises(NameNotFound):
            await one.naming.resolve("alice")


async def test_what_is_a_petname_can_not_be_claimed(autojump_clock):
    async with lab(1) as (_, (one,)):
        await one.naming.register("alice")
        await one.naming.pin("bob", owner_id(2))
        await one.naming.petname("anna", f"cottage.{owner_id(2)}")
        texts = ("anna.local", "cottage", "alice", "bob", f"anna.{owner_id(2)}")
        assert [await one.naming.is_petname(text) for text in texts] == [True, False, False, False, False]
        with pytest.raises(NotAllowed, match="petname"):
            await one.naming.register("anna")


async def test_held_names_are_listed(autojump_clock):
    async with lab(1) as (_, (one,)):
        await one.naming.register("alice")
        await one.naming.pin("bob", owner_id(2))
        alice, bob = await one.naming.names()
        assert (str(alice.name), alice.relation, alice.peers, alice.expires > NOW + 29 * DAY) == (
            "alice",
            "own",
            (one.me,),
            True,
        )
        assert (str(bob.name), bob.relation, bob.peers, bob.expires) == ("bob", "pin", (), None)
        counts = await one.naming.statistics()
        assert (counts.names, counts.claims, counts.admitted, counts.refused) == (1, 1, 1, {})
        assert claim().kind is Kind.LIVE


async def test_a_question_waits_for_a_registrar_that_restarts(autojump_clock):
    async with lab(1) as (_, (one,)):
        await one.naming.register("alice")
        for _round in range(2):  # the second restart waits a while
            one.registrar.crash(RuntimeError("on purpose"))
            assert (await one.naming.resolve("alice")).source == "own"
        assert one.registrar.incarnation == 3
        assert str((await one.naming.register("bob")).name) == "bob"
