import trio

from beam_actors.naming.keeping import RENEW_AFTER
from beam_actors.naming.limits import DAY, HOUR
from beam_actors.values import Name
from tests.naming.builders import FIRST, NOW, owner_id
from tests.naming.lab import Node, Wires, entry, lab, members, settle

ALICE = Name("alice")


async def test_a_claim_is_renewed_long_before_it_ends(autojump_clock):
    async with lab(2) as (wires, (one, other)):
        wires.connect(one, other)
        await one.naming.register("alice")
        for node in (one, other):
            node.clock.step(RENEW_AFTER - 3 * HOUR)
        await trio.sleep(2 * HOUR)
        assert (await entry(one)).claim.terms.seq == FIRST
        await trio.sleep(3 * HOUR)
        renewed = (await entry(one)).claim
        assert renewed.terms.seq == FIRST + 1
        assert NOW + RENEW_AFTER <= renewed.terms.issued <= NOW + RENEW_AFTER + 2 * HOUR
        assert (await other.naming.resolve("alice")).owner == one.owner


async def test_what_was_due_while_nothing_ran_is_renewed_at_the_start(autojump_clock):
    async with lab(1) as (_, (one,)):
        await one.naming.register("alice")
        await one.naming.pin("bob", owner_id(2))
    async with one.run():
        assert await members(one) == {"alice", "bob"}
        await settle()
        assert (await entry(one)).claim.terms.seq == FIRST
    one.clock.step(40 * DAY)
    async with one.run():
        await settle()
        assert (await entry(one)).claim.terms.seq == FIRST  # peers may know what this disk doesn't
        await settle(30)
        kept = (await entry(one)).claim
        assert (kept.terms.seq, kept.terms.issued >= NOW + 40 * DAY) == (FIRST + 1, True)
        assert (await one.naming.resolve("alice")).source == "own"


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


async def test_a_machine_that_was_set_back_asks_before_it_signs(autojump_clock):
    wires = Wires()
    one, other = Node(wires, 0), Node(wires, 1)
    async with one.run(), other.run():
        wires.connect(one, other)
        await one.naming.register("alice")
        await settle()
    backup = one.disk.snapshot()
    for node in (one, other):
        node.clock.step(11 * DAY)
    async with one.run(), other.run():
        wires.connect(one, other)
        await settle(60)
        renewed = (await entry(one)).claim
        assert renewed.seq == FIRST + 1
    one.disk.restore(backup)
    async with one.run(), other.run():
        await one.naming.register("alice", patient=False)  # as `expose` does, before any peer is there
        wires.connect(one, other)
        await settle(60)
        assert (await entry(one)).claim.id == renewed.id
        for node in (one, other):
            assert await node.naming.conflicts() == ()  # no number was signed twice
