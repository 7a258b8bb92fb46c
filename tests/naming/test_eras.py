"""The eras of an owner's keys, as its machines live through them, and their end by a revocation."""

import attrs
import pytest
import trio
from structlog.testing import capture_logs

from beam_actors.errors import NameNotFound, NotAllowed
from beam_actors.naming import NO_WORK, Claim, Kind, names_in_era
from beam_actors.naming.grammar import Query
from beam_actors.naming.limits import HOUR, Limits
from beam_actors.naming.messages import Submit, Taken
from beam_actors.naming.tending import GiveUp, Publish, Reserve, Unreserve
from beam_actors.testing.store import MemoryStore
from beam_actors.values import Name
from tests.naming.builders import CHEAP, FIRST, claim, owner_id, owner_key, peer, revocation
from tests.naming.lab import Node, Wires, entry, give, ids, lab, members, settle, two_machines

ALICE = Name("alice")


def said_by(node, owner):
    """What the node holds that this owner said."""
    held = node.system.cell("services/registry").actor._known.registry.names_of(owner_id(owner))
    return [(str(claim.name), claim.kind, claim.era) for entry in held for claim in entry.claims]


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
        assert not (await one.naming.owner_state()).revoked
        await one.registrar.ask(Submit((revocation(0).encoded,), peer(9)))
        assert (await one.naming.owner_state()).revoked
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


async def test_a_name_is_bound_whether_or_not_the_key_signs_for_it(autojump_clock):
    async with lab(1) as (_, (one,)):
        await one.naming.register("alice")
        await one.naming.register("bob")
        await give(one, claim(0, "bob", 1, era=1, variant=7))
        for name in ("alice", "bob"):
            assert (await one.naming.pin(name, one.owner)).owner == one.owner
            assert await one.naming.petname(f"my{name}", f"{name}.{one.owner}") == Query(Name(name), one.owner)
        for name in ("bob", "mybob"):
            assert (await one.naming.pin("bob")).owner == (await one.naming.resolve(name)).owner == one.owner
        for name in ("alice", "myalice"):
            with pytest.raises(NameNotFound):
                await one.naming.resolve(name)
        held = [(str(one.name), one.relation) for one in await one.naming.names()]
        with pytest.raises(NameNotFound):
            await one.naming.petname("another", "alice")
        assert [(str(one.name), one.relation) for one in await one.naming.names()] == held


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
        await one.hand_over(ALICE, owner_id(2), era=1)
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
    wires, laptop, phone = two_machines()
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


@pytest.mark.parametrize("work", [NO_WORK, CHEAP])
async def test_what_is_to_be_taken_back_is_so_though_another_machine_opens_the_era_first(autojump_clock, work):
    """Its claims end what said that the names were given up; what it gives up in the era itself stays so."""
    wires, laptop, phone = two_machines(difficulty=work)
    async with laptop.run(), phone.run():
        wires.connect(laptop, phone)
        await laptop.naming.register("xray")
        await laptop.naming.register("yoke")
        await settle(30)
        await phone.naming.register("keep")
        for name in ("xray", "yoke"):
            await phone.naming.release(name)
        await settle(15)
        assert await laptop.naming.names() == ()
    store = await MemoryStore.open(laptop.disk)
    promised = await names_in_era(store, laptop.owner, 1)
    await store.close()
    assert list(map(str, promised.taken_back)) == ["xray", "yoke"]
    laptop.key = phone.key = owner_key(0, 1)
    async with phone.run():
        await settle(15)
        await phone.naming.register("yoke")
        await phone.naming.release("yoke")
        async with laptop.run():
            wires.connect(laptop, phone)
            await settle(30)
            assert (await phone.naming.resolve("xray")).peers == (laptop.me,)
            assert [str(held.name) for held in await laptop.naming.names()] == ["xray"]
            with pytest.raises(NameNotFound):
                await laptop.naming.resolve("yoke")


async def test_what_there_is_no_room_for_in_the_era_is_said_to_be_left(autojump_clock):
    wires, laptop, phone = two_machines(limits=Limits(names_per_owner=2))
    async with laptop.run(), phone.run():
        wires.connect(laptop, phone)
        await laptop.naming.register("keep")
        await settle(15)
        await phone.naming.register("keep")
        for name in ("xray", "yoke"):
            await laptop.naming.register(name)
            await settle(15)
            await phone.naming.release(name)
            await settle(15)
    laptop.key = phone.key = owner_key(0, 1)
    with capture_logs() as logged:
        async with phone.run():
            await settle(15)
            async with laptop.run():
                wires.connect(laptop, phone)
                await settle(30)
                assert [str(held.name) for held in await laptop.naming.names()] == ["keep", "xray"]
    (line,) = (line for line in logged if line["event"] == "a name is not taken back")
    assert (line["name"], line["again"]) == ("yoke", "`beam register yoke` takes it back")


@pytest.mark.parametrize(("era", "claimed"), [(1, {"held", "given", "handed"}), (2, {"held"})])
async def test_a_node_claims_in_an_era_what_a_command_says_before_it_runs(autojump_clock, era, claimed):
    """Another machine gave a name up and handed one over, in the era before (so it may be a thief's) or in this one."""
    one = Node(Wires(), 0)
    one.key = owner_key(0, 1)
    async with one.run():
        for name in ("held", "given", "handed", "leaving"):
            await one.naming.register(name)
        said = {"era": era, "issued": int(one.clock.wall()) + 1}
        gone = claim(0, "given", FIRST + 50, kind=Kind.TOMBSTONE, previous=bytes(range(32)), **said)
        await give(one, gone, claim(0, "handed", FIRST + 50, kind=Kind.TRANSFER, to=2, **said))
        await settle(15)
    await one.hand_over(Name("leaving"), owner_id(3), era=2)
    store = await MemoryStore.open(one.disk)
    told = await names_in_era(store, one.owner, 2)
    await store.close()
    one.key = owner_key(0, 2)
    async with one.run():
        await settle(30)
        live = {name for name, kind, era in said_by(one, 0) if (kind, era) == (Kind.LIVE, 2)}
    assert set(map(str, told.names)) == live == claimed
    assert set(map(str, told.taken_back)) == claimed - {"held"}
