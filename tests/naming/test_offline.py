"""What a command asks of a store on which no node runs."""

from contextlib import asynccontextmanager

import pytest

from beam_actors.errors import NameNotFound, NotAllowed
from beam_actors.naming import (
    Acquaintance,
    EraNames,
    Handing,
    acquaintance,
    check_heir,
    claim_rows,
    hand_over,
    names_in_era,
    owned,
    records,
    spoken_era,
)
from beam_actors.naming.claim import Kind
from beam_actors.naming.entry import Entry
from beam_actors.naming.holds import Seen
from beam_actors.naming.pins import Pin
from beam_actors.naming.records import Own
from beam_actors.ports import Change
from beam_actors.testing.disk import MemoryDisk
from beam_actors.testing.store import MemoryStore
from beam_actors.values import Name, cbor
from tests.naming.builders import NOW, claim, owner_id, revocation

ALICE, BOB = Name("alice"), Name("bob")


@asynccontextmanager
async def store_with(*changes):
    store = await MemoryStore.open(MemoryDisk())
    await store.commit(changes)
    yield store
    await store.close()


def heard(*claims):
    return [claim_rows.put_entry(Entry(one), Seen(NOW, NOW)) for one in claims]


def damaged_claims(owner):
    values = (b"rubbish", cbor.encode([2, b"", b"", 1, 1, 1, 0]), cbor.encode([1]))
    return [Change(claim_rows.CLAIMS, b"n%d\0" % n + owner_id(owner).digest, value) for n, value in enumerate(values)]


async def test_the_latest_era_of_an_owner_is_found_in_a_store_among_damage_and_other_networks():
    claims = heard(claim(0, era=1), claim(0, "bob", era=2, network="other"), claim(1, era=3))
    async with store_with(*claims, *damaged_claims(0)) as store:
        assert [await spoken_era(store, owner_id(owner)) for owner in (0, 1, 2)] == [2, 3, 0]


GONE = claim(0, "gone", seq=2, kind=Kind.TOMBSTONE, issued=NOW + 9, previous=b"x" * 32)
GIVEN = claim(0, "given", seq=2, era=1, kind=Kind.TRANSFER, to=2, issued=NOW + 9)


async def test_what_a_later_era_claims_is_what_is_held_here_and_what_was_given_up_elsewhere():
    own = [Own(Name(one), NOW, owner_id(0)) for one in ("gone", "held", "given", "new")]
    other = Own(ALICE, NOW, owner_id(1))
    handed = Own(BOB, NOW, owner_id(0), handing=Handing(owner_id(1), 2))
    rows = [records.put_own(one) for one in (*own, other, handed)]
    async with store_with(*rows, *heard(GONE, GIVEN, claim(0, "held")), *damaged_claims(0)) as store:
        found = await names_in_era(store, owner_id(0), 2)
        assert found == EraNames(tuple(map(Name, ("given", "gone", "held", "new"))), (Name("given"), Name("gone")))
        assert found.without(Name("gone")) == EraNames(tuple(map(Name, ("given", "held", "new"))), (Name("given"),))
        later = await names_in_era(store, owner_id(0), 1)  # which the transfer opened, so it stands
        assert later == EraNames(tuple(map(Name, ("gone", "held", "new"))), (Name("gone"),))
        assert await names_in_era(store, owner_id(3), 1) == EraNames()


async def test_a_later_era_of_whoever_was_revoked_claims_nothing():
    own = records.put_own(Own(ALICE, NOW, owner_id(0)))
    async with store_with(own, *heard(claim(0)), claim_rows.put_revocation(revocation(0))) as store:
        assert await names_in_era(store, owner_id(0), 1) == EraNames()


async def test_a_name_of_ones_own_is_to_be_handed_over_and_nobody_elses():
    async with store_with(records.put_own(Own(ALICE, NOW, owner_id(0), contest=True))) as store:
        handing = Handing(owner_id(1), 2)
        await hand_over(store, owner_id(0), ALICE, handing)
        assert await owned(store, owner_id(0), ALICE) == Own(ALICE, NOW, owner_id(0), contest=True, handing=handing)
        before = await store.scan(records.OWN)
        for owner, name in ((1, ALICE), (0, BOB)):
            with pytest.raises(NameNotFound, match="`beam names` lists them"):
                await hand_over(store, owner_id(owner), name, handing)
        assert await store.scan(records.OWN) == before


async def test_a_registration_that_cannot_be_read_is_none():
    async with store_with(Change(records.OWN, b"alice", b"rubbish")) as store:
        with pytest.raises(NameNotFound):
            await owned(store, owner_id(0), ALICE)


async def test_an_owner_is_known_by_claims_pins_and_petnames():
    changes = [
        *heard(claim(0, "bob"), claim(0, "alice"), claim(1, "carol")),
        records.put_pin(Pin(Name("dave"), owner_id(0), NOW)),
        records.put_pin(Pin(Name("erin"), owner_id(2), NOW)),
        records.put_petname(Name("anna"), Pin(BOB, owner_id(0), NOW)),
        Change(claim_rows.CLAIMS, b"\xff\0" + owner_id(3).digest, b"rubbish"),
        Change(records.PINS, b"frank", b"rubbish"),
        Change(records.PETNAMES, b"grace", b"rubbish"),
    ]
    async with store_with(*changes) as store:
        assert await acquaintance(store, owner_id(0)) == Acquaintance((ALICE, BOB), (Name("anna"), Name("dave")))
        assert await acquaintance(store, owner_id(2)) == Acquaintance((), (Name("erin"),))
        assert await acquaintance(store, owner_id(3)) == Acquaintance((), ())
        assert [(await acquaintance(store, owner_id(owner))).is_known for owner in (0, 2, 3)] == [True, True, False]


async def test_whoever_revoked_all_keys_is_no_heir_even_if_the_revocation_cannot_be_read():
    damaged = Change(claim_rows.REVOKED, owner_id(1).digest, b"rubbish")
    async with store_with(claim_rows.put_revocation(revocation(0)), damaged) as store:
        for owner in (0, 1):
            with pytest.raises(NotAllowed, match="revoked all keys"):
                await check_heir(store, owner_id(owner))
        await check_heir(store, owner_id(2))
