"""Attacks on names, each against whole nodes: what the table in docs/threat-model.md says comes of it."""

import pytest

from beam_actors.errors import InvalidName, NameContested, NameNotFound, NameTaken
from beam_actors.naming import Kind, Limits
from beam_actors.naming.limits import DAY, HOUR, MAX_CLAIM, MAX_VALIDITY
from beam_actors.naming.messages import Submit, Taken
from beam_actors.values import cbor
from tests.naming.builders import CHEAP, NOW, claim, crowd, owner_id, peer, revocation, solved, stolen
from tests.naming.lab import give, ids, lab, settle
from tests.naming.test_claim import bent

YEAR = 365 * DAY
GOOD = claim(0)
BAD = {
    "wrongly signed": ("signature", cbor.encode([GOOD.body, bytes(64)])),
    "signed by another owner": ("signature", cbor.encode([GOOD.body, claim(1).signature])),
    "another name under one's signature": ("signature", bent(GOOD, name="bob")),
    "of another network": ("network", claim(0, network="other").encoded),
    "far in the future": ("future", claim(0, issued=NOW + 10 * YEAR).encoded),
    "expired": ("expired", claim(0, issued=NOW - MAX_VALIDITY - 1).encoded),
    "a mebibyte": ("size", bytes(1 << 20)),
    "a byte too long": ("size", bytes(MAX_CLAIM + 1)),
    "not canonical": ("form", GOOD.encoded + b"\0"),
    "the greatest number there is": ("seq", bent(GOOD, seq=(1 << 64) - 1)),
    "a name that looks like another": ("name", bent(GOOD, name="\u0430lice")),  # a Cyrillic a
    "a name in capitals": ("name", bent(GOOD, name="Alice")),
    "a name in punycode": ("name", bent(GOOD, name="xn--lice-43d")),
    "a name with a dot at its end": ("name", bent(GOOD, name="alice.")),
}


async def refused(node):
    return (await node.naming.statistics()).refused


@pytest.mark.parametrize("what", BAD)
async def test_bad_input_is_refused_by_the_cheapest_check_counted_and_leaves_nothing(autojump_clock, what):
    reason, data = BAD[what]
    async with lab(1) as (_, (node,)):
        assert await node.registrar.ask(Submit((data,), peer(99))) == Taken(0)
        assert await refused(node) == {reason: 1}
        assert await ids(node) == set()
        await give(node, GOOD)  # whoever was named in it is not locked out
        assert (await node.naming.resolve("alice")).owner == owner_id(0)
    async with node.run():
        assert await ids(node) == {GOOD.id}


async def test_names_are_claimed_without_their_work_or_with_anothers(autojump_clock):
    """Each costs what it costs: a name that was squatted, given up or copied is refused by every node."""
    async with lab(1, difficulty=CHEAP) as (_, (node,)):
        await give(node, claim(1), claim(2, kind=Kind.TOMBSTONE), stolen(1, "alice"), stolen(2, "bob"))
        assert await refused(node) == {"work": 4}
        assert await ids(node) == set()
        await give(node, solved(claim(1)))
        assert (await node.naming.resolve("alice")).owner == owner_id(1)


async def test_a_thief_shows_less_work_than_the_owner_did(autojump_clock):
    much, less = solved(claim(0), 8), solved(claim(0, seq=9, variant=3))
    async with lab(1, difficulty=CHEAP) as (_, (node,)):
        await give(node, much, less, solved(claim(2)))
        assert (await node.naming.resolve("alice")).owner == owner_id(0)


async def test_one_key_claims_thousands_of_names(autojump_clock):
    async with lab(1) as (_, (node,)):
        await give(node, *(claim(1, f"name{number}") for number in range(400)))
        kept = await ids(node)
        assert len(kept) == 80
        await give(node, *(claim(1, f"name{number}", 2, kind=Kind.TOMBSTONE) for number in reversed(range(400))))
        names = {f"name{number}" for number in range(400) if claim(1, f"name{number}").id in kept}
        released = {claim(1, name, 2, kind=Kind.TOMBSTONE).id for name in names}
        assert await ids(node) == released  # of the same names, whatever came first
        assert (await refused(node)).keys() == {"quota"}
        await give(node, claim(2))
        assert (await node.naming.resolve("alice")).owner == owner_id(2)


async def test_forty_keys_crowd_one_name(autojump_clock):
    """Whoever does more work for it is not crowded out, and for its full form no work is needed."""
    cheap, holder, poor = crowd(40), solved(claim(0), 6), solved(claim(1))
    async with lab(2, difficulty=CHEAP) as (wires, (node, other)):
        await give(node, *cheap)
        assert len(await ids(node)) == 32
        await give(node, holder, poor)
        assert len(await ids(node)) == 32
        assert (await node.naming.resolve("alice")).owner == owner_id(0)
        kept = await ids(node)
        crowded_out = next(one for one in (poor, *cheap) if one.id not in kept)
        with pytest.raises(NameNotFound):
            await node.naming.resolve(f"alice.{crowded_out.owner}")
        await other.naming.pin("alice", crowded_out.owner)
        await give(other, *cheap, poor, holder)
        assert len(await ids(other)) == 33
        wires.connect(node, other)
        await settle()
        assert len(await ids(node)) == 33  # it was asked for
        assert (await node.naming.resolve(f"alice.{crowded_out.owner}")).owner == crowded_out.owner


async def test_backdating_gains_nothing(autojump_clock):
    async with lab(1) as (_, (node,)):
        await give(node, claim(1))
        await give(node, claim(2, issued=NOW - 29 * DAY))
        with pytest.raises(NameContested):
            await node.naming.resolve("alice")


async def test_what_was_replaced_is_replayed(autojump_clock):
    async with lab(2) as (_, (node, other)):
        await give(node, claim(0, seq=1), claim(0, seq=2, kind=Kind.TOMBSTONE))
        await give(node, claim(0, seq=1))
        await node.naming.pin("bob", owner_id(1))
        await give(node, claim(1, "bob", seq=5))
        await give(node, claim(1, "bob", seq=4, variant=3))
        assert (await node.naming.resolve("bob")).peers == (peer(0),)
        with pytest.raises(NameNotFound):
            await node.naming.resolve("alice")
        node.clock.step(31 * DAY + HOUR)
        await settle(2 * HOUR)  # it is forgotten
        await give(node, claim(0, seq=1))
        assert claim(0, seq=1).id not in await ids(node)
        # Who never heard of the tombstone believes what was replaced, until it ends.
        await give(other, claim(0, seq=1))
        assert (await other.naming.resolve("alice")).owner == owner_id(0)


async def test_two_register_one_name_in_a_partition(autojump_clock):
    async with lab(4) as (wires, (left, right, friend_of_left, friend_of_right)):
        wires.connect(left, friend_of_left)
        wires.connect(right, friend_of_right)
        for one, friend in ((left, friend_of_left), (right, friend_of_right)):
            await one.naming.register("alice")
            await settle()
            await friend.naming.pin("alice")
        wires.connect(left, right)
        wires.connect(friend_of_left, friend_of_right)
        await settle()
        for node in (left, right, friend_of_left, friend_of_right):
            (conflict,) = await node.naming.conflicts()
            assert {choice.owner for choice in conflict.choices} == {left.owner, right.owner}
            for one in (left, right):
                found = await node.naming.resolve(f"alice.{one.owner}")
                assert (found.owner, found.peers) == (one.owner, (one.me,))
        for one, friend in ((left, friend_of_left), (right, friend_of_right)):
            assert (await one.naming.resolve("alice")).owner == one.owner
            assert (await friend.naming.resolve("alice")).owner == one.owner  # no pin moved
            assert [event.what.value for event in await one.naming.events()] == ["contested"]


async def test_an_owner_says_two_things_at_once(autojump_clock):
    async with lab(2) as (wires, (one, other)):
        lies = [claim(0, variant=number) for number in (1, 2, 3)]
        await give(one, *lies)
        await give(other, *reversed(lies))
        wires.connect(one, other)
        await settle()
        assert await ids(one) == await ids(other)
        found = [await node.naming.resolve("alice") for node in (one, other)]
        assert found[0].peers == found[1].peers
        for node in (one, other):
            (conflict,) = await node.naming.conflicts("alice")
            assert [choice.equivocates for choice in conflict.choices] == [True]


async def test_names_that_look_alike_or_are_somebody_elses_business(autojump_clock):
    async with lab(1) as (_, (node,)):
        for bad in ("\u0430lice", "xn--lice-43d", "wpad", "isatap", "localhost", "12345", "a_b", "-a", "gateway"):
            with pytest.raises(InvalidName):
                await node.naming.register(bad)
        await give(node, claim(1, "paypal"))
        await node.naming.pin("paypal")
        assert [str(name) for name in (await node.naming.register("PAYPA1.local.")).look_alikes] == ["paypal"]
        with pytest.raises(NameTaken):
            await node.naming.register("PayPal")


@pytest.mark.parametrize("years", [10, -10])
async def test_a_clock_that_is_years_off_believes_nothing_wrong_and_loses_nothing(autojump_clock, years):
    async with lab(1) as (_, (node,)):
        await give(node, claim(2), claim(1, "bob"))
        await node.naming.pin("bob")
        known = await ids(node)
        node.clock.step(years * YEAR)
        await settle(20 * HOUR)
        for name in ("alice", "bob"):
            with pytest.raises(NameNotFound):
                await node.naming.resolve(name)
        await give(node, claim(0))  # which is as far off, seen from here
        node.clock.step(-years * YEAR)
        await settle(2 * HOUR)
        assert await ids(node) == known
        for name, owner in (("alice", 2), ("bob", 1)):
            assert (await node.naming.resolve(name)).owner == owner_id(owner)


async def test_a_flood_of_released_names_by_many_owners_leaves_room_for_those_that_matter(autojump_clock):
    """The bound on all claims is reached; own and pinned names are kept beside it."""
    async with lab(1, limits=Limits(claims=40)) as (_, (node,)):
        await node.naming.pin("bob", owner_id(1))
        for seq in (1, 2):
            kind = Kind.LIVE if seq == 1 else Kind.TOMBSTONE
            await give(node, *(claim(2, f"name{number}", seq, kind=kind) for number in range(80)))
        await give(node, *(claim(2, f"more{number}") for number in range(80)))
        await node.naming.register("mine")
        await give(node, claim(1, "bob"))
        assert (await node.naming.resolve("bob")).owner == owner_id(1)
        assert (await node.naming.resolve("mine")).source == "own"
        assert len(await ids(node)) <= 40 + 2


async def test_the_dead_stay_dead(autojump_clock):
    async with lab(1) as (_, (node,)):
        await give(node, claim(1), revocation(1))
        await give(node, claim(1, seq=9), claim(1, era=7), claim(1, "bob"))
        assert await ids(node) == {revocation(1).id}
        assert (await refused(node))["revoked"] == 3
