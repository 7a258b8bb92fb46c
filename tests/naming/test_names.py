import attrs
import pytest
import trio
from structlog.testing import capture_logs

from beam_actors.errors import ActorUnavailable, NameNotFound, NameTaken, NotAllowed, QuotaExceeded
from beam_actors.naming import Claim, Handing, Kind, answering, hand_over
from beam_actors.naming.limits import DAY, HOUR
from beam_actors.naming.messages import (
    GetHolding,
    ListHeld,
    Submit,
    Taken,
)
from beam_actors.naming.names import Names
from beam_actors.naming.solving import Solver
from beam_actors.naming.tending import GiveUp, Keep, ListFormer, Publish, Reserve, Spoken, Unreserve
from beam_actors.naming.work import Levels
from beam_actors.runtime import Actor, ChildSpec, ListMembers, Supervisor, System, receives
from beam_actors.testing.clock import SimClock
from beam_actors.testing.compute import InlineCompute
from beam_actors.testing.store import MemoryStore
from beam_actors.values import Name
from tests.naming.builders import FIRST, NETWORK, NOW, claim, owner_id, owner_key, peer, revocation
from tests.naming.lab import Node, Wires, give, ids, lab, settle
from tests.naming.tables import knowledge

ALICE = Name("alice")


async def entry(node, name=ALICE):
    return (await node.registrar.ask(GetHolding(name))).entry


def said_by(node, owner):
    """What the node holds that this owner said."""
    held = node.system.cell("services/registry").actor._known.registry.names_of(owner_id(owner))
    return [(str(claim.name), claim.kind, claim.era) for entry in held for claim in entry.claims]


async def members(node):
    return set(await node.system.ref("services/names").ask(ListMembers()))


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


async def test_two_machines_of_one_owner_share_a_name_and_heal_an_equivocation(autojump_clock):
    wires = Wires()
    laptop, phone = Node(wires, 0, owner=1), Node(wires, 5, owner=1)
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
    wires = Wires()
    laptop, phone = Node(wires, 0, owner=1), Node(wires, 5, owner=1)
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
    wires = Wires()
    laptop, phone = Node(wires, 0, owner=1), Node(wires, 5, owner=1)
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


async def test_the_revoked_hold_nothing(autojump_clock):
    async with lab(1) as (_, (one,)):
        await one.naming.register("alice")
        await one.registrar.ask(Submit((revocation(0).encoded,), peer(9)))
        with pytest.raises(NotAllowed, match="revoked"):
            await one.naming.register("bob")
        assert [str(held.name) for held in await one.naming.names()] == ["alice"]
        with pytest.raises(NameNotFound):
            await one.naming.resolve("alice")
        assert [held.revoked for held in await one.naming.names()] == [True]


async def test_the_revoked_hear_of_it_once_and_may_forget_their_names(autojump_clock):
    async with lab(1) as (_, (one,)):
        await one.naming.register("alice")
        assert not await one.naming.is_revoked()
        await one.registrar.ask(Submit((revocation(0).encoded,), peer(9)))
        assert await one.naming.is_revoked()
        with capture_logs() as logged:
            await trio.sleep(5 * HOUR)  # it is looked after once an hour
            with pytest.raises(NotAllowed, match="another --home"):
                await one.naming.register("alice")
        assert [line["event"] for line in logged].count("a name could not be looked after") == 1
        assert await one.naming.release("alice") is False
        assert await one.naming.names() == ()
        with pytest.raises(NameNotFound, match="not one of your names"):
            await one.naming.release("alice")
    async with one.run():
        assert await one.naming.names() == ()


async def test_an_outdated_key_says_so(autojump_clock):
    async with lab(1) as (_, (one,)):
        await one.naming.register("alice")
        await one.registrar.ask(Submit((claim(0, "alice", 1, era=1).encoded,), peer(9)))
        with pytest.raises(NotAllowed, match="recover"):
            await one.system.ref("services/names/alice").ask(GiveUp())
        assert (await entry(one)).claim.era == 1
        with pytest.raises(NotAllowed, match="recover"):
            await one.naming.register("bob")
        with pytest.raises(NotAllowed, match="recover"):
            await one.naming.register("alice")
        assert [str(held.name) for held in await one.naming.names()] == ["alice"]  # `recover` claims it again


async def test_another_machine_hears_of_a_transfer_before_it_claims_its_names_anew(autojump_clock):
    wires = Wires()
    laptop, phone, heir = Node(wires, 0, owner=0), Node(wires, 1, owner=0), Node(wires, 2)
    async with laptop.run(), phone.run():
        wires.connect(laptop, phone)
        for node in (laptop, phone):
            await node.naming.register("alice")
            await settle()
    store = await MemoryStore.open(laptop.disk)
    await hand_over(store, laptop.owner, ALICE, Handing(heir.owner, 1))
    await store.close()
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


async def test_a_new_era_claims_the_own_names_at_once_and_nothing_that_a_thief_said(autojump_clock):
    """The thief of the machine signed with its key: other names, other machines, a transfer, a tombstone."""
    async with lab(3) as (wires, (one, _, stranger)):
        wires.connect(one, stranger)
        for name in ("alice", "bob", "carol"):
            await one.naming.register(name)
        await one.naming.release("carol")
        stolen = one.key
        said = [
            claim(0, "alice", FIRST + 50, variant=7),
            claim(0, "bob", FIRST + 50, kind=Kind.TOMBSTONE),
            claim(0, "evil", FIRST + 50, variant=7),
        ]
        await stranger.registrar.ask(Submit(tuple(one.encoded for one in said), peer(9)))
        await settle(15)
    one.key = owner_key(0, 1)
    async with one.run(), stranger.run():
        wires.connect(one, stranger)
        await settle(15)
        for node in (one, stranger):
            entries = node.system.cell("services/registry").actor._known.registry.names_of(one.owner)
            assert [(str(entry.claim.name), entry.claim.era, entry.claim.peers) for entry in entries] == [
                ("alice", 1, (one.me,)), ("bob", 1, (one.me,)),
            ]  # fmt: skip
        thief = Claim.sign(attrs.evolve(said[2].terms, name=Name("eve"), seq=FIRST + 90), stolen)
        assert await stranger.registrar.ask(Submit((thief.encoded,), peer(9))) == Taken(0)
        with pytest.raises(NameNotFound):
            await stranger.naming.resolve("eve")
        assert (await one.naming.register("frank")).owner == one.owner
    one.key = stolen
    async with one.run():  # a backup of before
        await settle(15)
        with pytest.raises(NotAllowed, match="recover --era 1"):
            await one.naming.register("grace")


@pytest.mark.parametrize("how", ["released", "handed over"])
async def test_an_era_is_opened_though_no_name_is_held_so_that_the_key_before_is_worth_nothing(autojump_clock, how):
    """Nobody would hear of the era otherwise, and the thief of the machine's key would go on in the owner's name."""
    async with lab(2) as (wires, (one, other)):
        wires.connect(one, other)
        await one.naming.register("alice")
        await settle(15)
        if how == "released":
            await one.naming.release("alice")
            await settle(15)
    if how == "handed over":
        store = await MemoryStore.open(one.disk)
        await hand_over(store, one.owner, ALICE, Handing(owner_id(2), 1))
        await store.close()
        one.key = owner_key(0, 1)
        async with one.run(), other.run():
            wires.connect(one, other)
            await settle(15)
    stolen, one.key = one.key, owner_key(0, one.key.era + 1)
    async with one.run(), other.run():
        wires.connect(one, other)
        await settle(15)
        evil = claim(0, "evil", FIRST + 50, variant=7)
        said = Claim.sign(attrs.evolve(evil.terms, keyset=stolen.keyset), stolen)
        assert await other.registrar.ask(Submit((said.encoded,), peer(9))) == Taken(0)
        with pytest.raises(NameNotFound):
            await other.naming.resolve("evil")
        assert (await one.naming.register("alice")).owner == one.owner
        await settle(15)
        assert (await other.naming.resolve("alice")).peers == (one.me,)


async def test_an_era_is_opened_as_soon_as_anything_of_before_is_heard_where_nothing_was_known(autojump_clock):
    """The disk was lost, and the key of the next era was taken from the phrase before the daemon heard of anything."""
    wires = Wires()
    laptop, stranger = Node(wires, 0), Node(wires, 1)
    async with laptop.run(), stranger.run():
        wires.connect(laptop, stranger)
        await laptop.naming.register("alice")
        await settle(15)
    fresh = Node(wires, 2, owner=0)
    fresh.key = owner_key(0, 1)
    async with fresh.run(), stranger.run():
        await settle(60)
        assert await ids(fresh) == set()
        wires.connect(fresh, stranger)
        await settle(15)
        for node in (fresh, stranger):
            assert said_by(node, 0) == [("alice", Kind.TOMBSTONE, 1)]
            with pytest.raises(NameNotFound):
                await node.naming.resolve("alice")
        thief = claim(0, "evil", FIRST + 50, variant=7)
        assert await stranger.registrar.ask(Submit((thief.encoded,), peer(9))) == Taken(0)
        assert await fresh.naming.names() == ()


async def test_what_is_held_when_something_of_before_is_heard_is_claimed_anew_and_nothing_given_up(autojump_clock):
    fresh = Node(Wires(), 0)
    fresh.key = owner_key(0, 1)
    async with fresh.run():
        assert await fresh.registrar.ask(Reserve(ALICE, contest=False))
        await give(fresh, claim(0, "alice", FIRST + 5), claim(0, "bob", FIRST + 5))
        await settle(15)
        assert said_by(fresh, 0) == [("alice", Kind.LIVE, 1)]
        assert await members(fresh) == {"alice"}


async def test_an_era_that_the_disk_refused_is_opened_when_it_takes_again_though_no_name_is_held(autojump_clock):
    fresh = Node(Wires(), 0)
    fresh.key = owner_key(0, 1)
    async with fresh.run():
        await give(fresh, claim(0, "alice", FIRST + 5))
        fresh.disk.broken = True
        await settle(60)
        fresh.disk.broken = False
        await settle(60)
        assert (await entry(fresh)).claim.era == 1


async def test_a_name_that_is_registered_as_the_era_is_opened_is_not_given_up_for_that(autojump_clock):
    one = Node(Wires(), 0)
    one.key = owner_key(0, 1)
    async with one.run():
        opens = Publish((claim(0, "alice", era=1, kind=Kind.TOMBSTONE, issued=int(one.clock.wall())),), opens=True)
        await one.registrar.ask(Reserve(ALICE, contest=False))
        with pytest.raises(NotAllowed, match="alice is held here"):
            await one.registrar.ask(opens)
        await one.registrar.ask(Unreserve(ALICE))
        await one.registrar.ask(opens)
        with pytest.raises(NotAllowed, match="Era 1 is open"):
            await one.registrar.ask(opens)
        assert (await entry(one)).claim.kind is Kind.TOMBSTONE


async def test_another_machine_of_the_owner_serves_its_names_again_with_the_key_of_the_era(autojump_clock):
    wires = Wires()
    laptop, phone = Node(wires, 0, owner=0), Node(wires, 1, owner=0)
    async with laptop.run(), phone.run():
        wires.connect(laptop, phone)
        await laptop.naming.register("alice")
        await settle(15)
        await phone.naming.register("alice")
        await phone.naming.register("bob")
        await settle(15)
        await laptop.naming.register("gone")
        await settle(15)
        await laptop.naming.release("gone")
        await settle(15)
    laptop.key = owner_key(0, 1)
    async with laptop.run(), phone.run():
        wires.connect(laptop, phone)
        await settle(15)
        assert (await laptop.naming.resolve("alice")).peers == (laptop.me,)
        with pytest.raises(NotAllowed, match="recover --era 1"):
            await phone.naming.register("carol")
    phone.key = owner_key(0, 1)
    async with laptop.run(), phone.run():
        wires.connect(laptop, phone)
        await settle(30)
        for node in (laptop, phone):
            assert set((await node.naming.resolve("alice")).peers) == {laptop.me, phone.me}
            assert (await node.naming.resolve("bob")).peers == (phone.me,)
            with pytest.raises(NameNotFound):
                await node.naming.resolve("gone")


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
    store = await MemoryStore.open(one.disk)
    for nobodys in ("carol", "alice"):
        with pytest.raises(NameNotFound, match="not one of your names"):
            await hand_over(store, heir.owner, Name(nobodys), Handing(one.owner, 2))
    await hand_over(store, one.owner, ALICE, Handing(heir.owner, 2))
    await store.close()
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
    store = await MemoryStore.open(one.disk)
    await hand_over(store, one.owner, ALICE, Handing(heir.owner, 1))
    await store.close()
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


async def test_another_machine_of_the_owner_holds_a_name_no_longer_that_was_handed_over(autojump_clock):
    wires = Wires()
    laptop, phone = Node(wires, 0, owner=0), Node(wires, 1, owner=0)
    async with laptop.run(), phone.run():
        wires.connect(laptop, phone)
        for node in (laptop, phone):
            await node.naming.register("alice")
            await settle(15)
    store = await MemoryStore.open(laptop.disk)
    await hand_over(store, laptop.owner, ALICE, Handing(owner_id(2), 1))
    await store.close()
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


async def test_a_machine_that_claims_before_it_hears_of_a_transfer_hands_the_name_over_again(
    autojump_clock,
):
    wires = Wires()
    laptop, phone, heir = Node(wires, 0, owner=0), Node(wires, 1, owner=0), Node(wires, 2, owner=2)
    async with laptop.run(), phone.run(), heir.run():
        for node in (phone, heir):
            wires.connect(laptop, node)
        for node in (laptop, phone):
            await node.naming.register("alice")
            await settle(15)
    store = await MemoryStore.open(laptop.disk)
    await hand_over(store, laptop.owner, ALICE, Handing(heir.owner, 1))
    await store.close()
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
    wires = Wires()
    laptop, phone = Node(wires, 0, owner=0), Node(wires, 1, owner=0)
    async with laptop.run(), phone.run():
        wires.connect(laptop, phone)
        for node in (laptop, phone):
            await node.naming.register("alice")
            await settle(15)
        await phone.naming.register("bob")
    store = await MemoryStore.open(laptop.disk)
    await hand_over(store, laptop.owner, ALICE, Handing(owner_id(2), 1))
    await store.close()
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
