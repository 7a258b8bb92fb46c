"""Rows of the store that can't be read, or are another owner's: each costs itself, and what is lost fails closed."""

import pytest

from beam_actors.errors import NameNotFound, NotAllowed
from beam_actors.naming import Kind, claim_rows, records
from beam_actors.naming.grammar import Query
from beam_actors.naming.limits import HOUR
from beam_actors.naming.messages import (
    DropPetname,
    DropPin,
    ListHeld,
    Resolve,
    SetPetname,
    SetPin,
    Taken,
)
from beam_actors.naming.records import Own
from beam_actors.naming.tending import Publish, Reserve
from beam_actors.ports import Change
from beam_actors.testing.disk import MemoryDisk
from beam_actors.values import Name, cbor
from tests.naming.bench import ALICE, bench, ids_at, submit
from tests.naming.builders import NOW, claim, owner_id, revocation
from tests.naming.lab import lab, settle
from tests.naming.tables import Tables, knowledge

BOB = Name("bob")
RUBBISH = b"rubbish"


async def held(one):
    return [(row.name, row.relation, row.since) for row in await one.registrar.ask(ListHeld())]


async def test_a_pin_that_cannot_be_read_fails_closed_until_it_is_made_again_or_let_go(autojump_clock):
    disk = MemoryDisk()
    async with bench(disk) as one:
        await one.registrar.ask(submit(claim(0), claim(1, "bob"), claim(2, "carol")))
        for name in (ALICE, BOB):
            await one.registrar.ask(SetPin(name, owner_id(2)))
            await one.store.commit([Change(records.PINS, name.label.encode(), RUBBISH)])
    for _ in range(2):  # it is left where it is: a second start knows of it too
        async with bench(disk) as one:
            for name in (ALICE, BOB):
                with pytest.raises(NameNotFound, match=f"`beam pin {name} OWNER`.*`beam unpin {name}`"):
                    await one.registrar.ask(Resolve(Query(name)))
            assert (await one.registrar.ask(Resolve(Query(ALICE, owner_id(0))))).owner == owner_id(0)
            assert (await one.registrar.ask(Resolve(Query(Name("carol"))))).owner == owner_id(2)
            assert one.registrar.incarnation == 1
    async with bench(disk) as one:
        await one.registrar.ask(SetPin(ALICE, owner_id(0)))
        await one.registrar.ask(DropPin(BOB))
        with pytest.raises(NameNotFound, match="not pinned"):
            await one.registrar.ask(DropPin(BOB))
    async with bench(disk) as one:
        assert (await one.registrar.ask(Resolve(Query(ALICE)))).source == "pin"
        assert (await one.registrar.ask(Resolve(Query(BOB)))).owner == owner_id(1)


async def test_a_petname_that_cannot_be_read_leads_nowhere(autojump_clock):
    disk = MemoryDisk()
    async with bench(disk) as one:
        await one.registrar.ask(submit(claim(0), claim(1, "anna")))
        await one.registrar.ask(SetPetname(Name("anna"), ALICE, owner_id(0)))
        await one.store.commit([Change(records.PETNAMES, b"anna", RUBBISH), Change(records.PETNAMES, b"\xff", RUBBISH)])
    for _ in range(2):
        async with bench(disk) as one:
            with pytest.raises(NameNotFound, match=r"`beam petname anna NAME\.OWNER`.*`beam petname --forget anna`"):
                await one.registrar.ask(Resolve(Query(Name("anna"))))
            with pytest.raises(NotAllowed):
                await one.registrar.ask(Reserve(Name("anna"), contest=True))
    async with bench(disk) as one:
        await one.registrar.ask(DropPetname(Name("anna")))
        assert (await one.registrar.ask(Resolve(Query(Name("anna"))))).owner == owner_id(1)


async def test_an_owner_whose_revocation_cannot_be_read_stays_revoked(autojump_clock):
    disk = MemoryDisk()
    async with bench(disk) as one:
        await one.registrar.ask(submit(revocation(0), revocation(1)))
        await one.store.commit([Change(claim_rows.REVOKED, owner_id(0).digest, RUBBISH)])
        await one.store.commit([Change(claim_rows.REVOKED, b"no owner", RUBBISH)])
    for ids in ({revocation(1).id}, {revocation(0).id, revocation(1).id}):
        async with bench(disk) as one:
            assert await ids_at(one.registrar) == ids
            assert await one.registrar.ask(submit(claim(0, era=3))) == Taken(0)
            with pytest.raises(NameNotFound):
                await one.registrar.ask(Resolve(Query(ALICE, owner_id(0))))
            await one.registrar.ask(submit(revocation(0)))  # a peer tells it again: then it can be passed on again
            assert revocation(0).id in await ids_at(one.registrar)
            assert one.registrar.incarnation == 1


async def test_a_last_word_that_cannot_be_read_is_told_again(autojump_clock):
    disk, last = MemoryDisk(), claim(0, era=2)
    async with bench(disk) as one:
        for owner, data in ((owner_id(0).digest, RUBBISH), (b"no owner", RUBBISH), (owner_id(1).digest, b"")):
            await one.store.commit([Change(claim_rows.LAST, owner, data)])
        word = claim_rows.put_last_word(owner_id(2).digest, claim(2, era=2))
        await one.store.commit([word, claim_rows.put_last_word(owner_id(1).digest, last)])
    for _ in range(2):
        async with bench(disk) as one:
            assert await ids_at(one.registrar) == {claim(2, era=2).id}
            assert one.registrar.incarnation == 1
    async with bench(disk) as one:
        assert await one.registrar.ask(submit(claim(2, era=1), last)) == Taken(1)
        assert await ids_at(one.registrar) == {claim(2, era=2).id, last.id}


async def test_an_own_name_whose_row_cannot_be_read_is_held_if_this_owner_claims_it(autojump_clock):
    disk = MemoryDisk()
    async with bench(disk) as one:
        for name in (ALICE, BOB):
            await one.registrar.ask(Reserve(name, contest=False))
            await one.store.commit([Change(records.OWN, name.label.encode(), RUBBISH)])
        await one.registrar.ask(Publish((claim(3),)))
        await one.registrar.ask(submit(claim(1, "carol")))
        await one.store.commit([Change(records.OWN, b"\xff", RUBBISH)])
    for _ in range(2):
        async with bench(disk) as one:
            assert await held(one) == [(ALICE, "own", NOW)]
            await one.registrar.ask(Reserve(Name("dave"), contest=False))
            assert (await one.registrar.ask(Resolve(Query(Name("carol"))))).owner == owner_id(1)
            await one.registrar.ask(Publish((claim(3, "dave", kind=Kind.TOMBSTONE),)))
            assert one.registrar.incarnation == 1
    async with bench(disk) as one:
        await one.registrar.ask(Reserve(BOB, contest=False))
        assert [name for name, *_ in await held(one)] == [ALICE, BOB]


async def test_a_floor_that_cannot_be_read_stops_nobody(autojump_clock):
    disk = MemoryDisk()
    async with bench(disk) as one:
        await one.registrar.ask(submit(claim(0)))
        await one.store.commit([Change(records.META, records.FLOOR, RUBBISH)])
    async with bench(disk) as one:
        assert await ids_at(one.registrar) == {claim(0).id}


async def test_an_own_claim_that_cannot_be_read_is_followed_by_a_greater_one(autojump_clock):
    """The number that was lost may be the present one of every other node: it must not be signed a second time."""
    async with lab(2) as (wires, (one, other)):
        wires.connect(one, other)
        await one.naming.register("alice")
        await settle()
        assert (await other.naming.resolve("alice")).owner == one.owner
        wires.cut(one, other)
    one.clock.step(2 * HOUR)
    other.clock.step(2 * HOUR)
    async with one.run():
        await one.store.commit([Change(claim_rows.CLAIMS, b"alice\x00" + one.owner.digest, RUBBISH)])
    async with one.run(), other.run():
        await settle()
        wires.connect(one, other)
        await settle(100)
        assert await other.naming.conflicts("alice") == ()
        assert (await other.naming.statistics()).admitted == 1  # what was signed anew replaced what was lost
        assert (await other.naming.resolve("alice")).peers == (one.me,)


def test_names_of_another_owner_are_set_aside_and_come_back_with_the_key():
    known, tables = knowledge(), Tables()
    known.reserve(ALICE, contest=False, now=NOW)
    tables.apply(known)
    stranger = tables.load(owner=2)
    assert stranger.own == {}
    assert str(owner_id(3)) in stranger.remarks[0]
    assert "`beam register alice`" in stranger.remarks[0]
    tables.apply(stranger)
    assert tables.load().own == known.own
    assert tables.load().remarks == []
    stranger.reserve(ALICE, contest=False, now=NOW + 5)
    tables.apply(stranger)
    assert tables.load(owner=2).own == {ALICE: Own(ALICE, NOW + 5, owner_id(2))}
    assert tables.load().own == {}


def test_a_row_of_the_first_format_belongs_to_whoever_claims_the_name():
    known, tables = knowledge(claim(3)), Tables()
    tables.apply(known)
    tables.rows[records.OWN] = {name: cbor.encode([1, NOW - 9, 1]) for name in (b"alice", b"bob")}
    again = tables.load()
    assert again.own == {ALICE: Own(ALICE, NOW - 9, owner_id(3), contest=True)}
    assert len(again.remarks) == 1
    tables.apply(again)
    assert tables.rows[records.OWN][b"alice"] == records.put_own(again.own[ALICE]).value
    assert tables.load(owner=2).own == {}
