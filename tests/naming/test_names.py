import pytest
import trio

from beam_actors.errors import NameNotFound, NotAllowed
from beam_actors.naming import Kind
from beam_actors.naming.keeping import RENEW_AFTER
from beam_actors.naming.limits import DAY, HOUR
from beam_actors.naming.messages import GetHolding, GiveUp, Submit
from beam_actors.runtime import ListMembers
from beam_actors.values import Name
from tests.naming.builders import NOW, claim, owner_id, peer, revocation
from tests.naming.lab import Node, Wires, lab, settle

ALICE = Name("alice")


async def entry(node, name=ALICE):
    return (await node.registrar.ask(GetHolding(name))).entry


async def members(node):
    return set(await node.system.ref("services/names").ask(ListMembers()))


async def test_a_claim_is_renewed_long_before_it_ends(autojump_clock):
    async with lab(2) as (wires, (one, other)):
        wires.connect(one, other)
        await one.naming.register("alice")
        for node in (one, other):
            node.clock.step(RENEW_AFTER - 3 * HOUR)
        await trio.sleep(2 * HOUR)
        assert (await entry(one)).claim.terms.seq == 1
        await trio.sleep(3 * HOUR)
        renewed = (await entry(one)).claim
        assert renewed.terms.seq == 2
        assert NOW + RENEW_AFTER <= renewed.terms.issued <= NOW + RENEW_AFTER + 2 * HOUR
        assert (await other.naming.resolve("alice")).owner == one.owner


async def test_what_was_due_while_nothing_ran_is_renewed_at_the_start(autojump_clock):
    async with lab(1) as (_, (one,)):
        await one.naming.register("alice")
        await one.naming.pin("bob", owner_id(2))
    async with one.run():
        assert await members(one) == {"alice", "bob"}
        await settle()
        assert (await entry(one)).claim.terms.seq == 1
    one.clock.step(40 * DAY)
    async with one.run():
        await settle()
        kept = (await entry(one)).claim
        assert (kept.terms.seq, kept.terms.issued >= NOW + 40 * DAY) == (2, True)
        assert (await one.naming.resolve("alice")).source == "own"


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
        await phone.naming.register("alice")  # both sign seq 1, not knowing of each other
        wires.connect(laptop, phone)
        await settle()
        assert (await entry(laptop)).rival is not None
        await trio.sleep(3 * HOUR)
        healed = await entry(laptop)
        assert healed == await entry(phone)
        assert healed.rival is None
        assert set(healed.claim.peers) == {laptop.me, phone.me}
        assert healed.claim.terms.seq <= 4


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
        assert (await entry(one)).claim.terms.seq == 3


async def test_a_pinned_name_is_asked_about_when_its_claim_is_old(autojump_clock):
    async with lab(2) as (wires, (one, other)):
        await other.naming.register("alice")
        await one.naming.pin("alice", other.owner)
        wires.links.add(frozenset((one.me, other.me)))  # connected, but spread wasn't told
        await trio.sleep(2 * HOUR)
        assert (await one.naming.resolve("alice")).source == "pin"
        assert (await one.naming.resolve("alice")).age_s <= HOUR + 10
        await one.naming.unpin("alice")
        await trio.sleep(2 * HOUR)
        assert await members(one) == set()


async def test_a_crashed_keeper_comes_back(autojump_clock):
    async with lab(1) as (_, (one,)):
        await one.naming.register("alice")
        keeper = one.system.ref("services/names/alice")
        keeper.crash(RuntimeError("on purpose"))
        await settle()
        assert (keeper.alive, keeper.incarnation) == (True, 2)
        one.system.ref("services/names").crash(RuntimeError("on purpose"))
        await settle()
        assert await members(one) == {"alice"}
        assert one.registrar.incarnation == 1


async def test_the_revoked_hold_nothing(autojump_clock):
    async with lab(1) as (_, (one,)):
        await one.naming.register("alice")
        await one.registrar.ask(Submit((revocation(0).encoded,), peer(9)))
        with pytest.raises(NotAllowed, match="revoked"):
            await one.naming.register("bob")
        assert [str(held.name) for held in await one.naming.names()] == ["alice"]
        with pytest.raises(NameNotFound):
            await one.naming.resolve("alice")


async def test_an_outdated_key_says_so(autojump_clock):
    async with lab(1) as (_, (one,)):
        await one.naming.register("alice")
        await one.registrar.ask(Submit((claim(0, "alice", 1, era=1).encoded,), peer(9)))
        with pytest.raises(NotAllowed, match="recover"):
            await one.system.ref("services/names/alice").ask(GiveUp())
        assert (await entry(one)).claim.era == 1
