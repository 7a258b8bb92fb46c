"""The ledger, below a registrar: what is durable, and a disk that refuses."""

import pytest
import trio

from beam_actors.errors import ActorError, StorageError
from beam_actors.naming import Kind, claim_rows
from beam_actors.naming.grammar import Query
from beam_actors.naming.limits import HOUR
from beam_actors.naming.messages import (
    Confirm,
    GetAbout,
    GetClaims,
    GetItems,
    ListHeld,
    Resolve,
    Taken,
)
from beam_actors.naming.tending import Publish, Reserve
from beam_actors.naming.terms import read_terms
from beam_actors.ports import Change
from beam_actors.testing.disk import MemoryDisk
from beam_actors.values import Name
from tests.naming.bench import ALICE, bench, ids_at, submit
from tests.naming.builders import NOW, claim, owner_id, peer


async def test_nothing_is_acknowledged_or_spread_before_it_is_durable(autojump_clock):
    disk = MemoryDisk()
    async with bench(disk) as one:
        began = trio.current_time()
        assert await one.registrar.ask(submit(claim(0), claim(0), claim(1))) == Taken(2)
        assert trio.current_time() >= began + 0.01
        await trio.sleep(0.001)
        (changed,) = one.heard
        assert set(changed.claims) == {claim(0), claim(1)}
        assert changed.source == peer(9)
        disk.crash()  # the power fails: what was not synced is lost
    async with bench(disk) as one:
        assert await ids_at(one.registrar) == {claim(0).id, claim(1).id}


async def test_commits_that_come_together_share_one_sync(autojump_clock):
    async with bench() as one:
        began = trio.current_time()
        futures = [one.registrar.ask(submit(claim(0, f"n{number}"))) for number in range(16)]
        assert [await future for future in futures] == [Taken(1)] * 16
        assert trio.current_time() - began < 0.05


async def test_a_damaged_row_is_dropped_and_costs_only_itself(autojump_clock):
    disk = MemoryDisk()
    async with bench(disk) as one:
        await one.registrar.ask(submit(claim(0), claim(1)))
        await one.store.commit([Change(claim_rows.CLAIMS, b"alice\x00" + owner_id(0).digest, b"rubbish")])
    async with bench(disk) as one:
        assert await ids_at(one.registrar) == {claim(1).id}
        assert len(await one.store.scan(claim_rows.CLAIMS)) == 1


async def test_a_disk_that_refuses_makes_it_read_again(autojump_clock):
    async with bench() as one:
        await one.registrar.ask(submit(claim(0)))
        one.store.refuses = {"commit"}
        early = one.registrar.ask(submit(claim(2, issued=NOW + HOUR)))
        first, second = one.registrar.ask(submit(claim(1))), one.registrar.ask(Reserve(Name("bob"), contest=False))
        for asked in (first, second):
            with pytest.raises(StorageError, match="full"):
                await asked
        assert await early == Taken(0)  # nothing of it goes to the disk
        one.store.refuses = ()
        await trio.sleep(0.1)
        assert await ids_at(one.registrar) == {claim(0).id}  # what was not durable is not known
        assert await one.registrar.ask(ListHeld()) == ()
        with pytest.raises(StorageError):  # nor is the disk tried again at once
            await one.registrar.ask(submit(claim(1)))
        await trio.sleep(6)
        assert await one.registrar.ask(submit(claim(1))) == Taken(1)
        await trio.sleep(HOUR)
        assert [one for changed in one.heard for one in changed.claims] == [
            claim(0),
            claim(1),
            claim(2, issued=NOW + HOUR),
        ]
        assert one.registrar.incarnation == 1


async def test_what_is_read_back_after_a_refused_commit_is_not_parsed_again(autojump_clock):
    async with bench() as one:
        await one.registrar.ask(submit(claim(0), claim(1, variant=1), claim(1, variant=2)))
        ledger = one.system.cell(one.registrar.path).actor._ledger
        before, ids = ledger.known, {one.id for one in ledger.known.registry}
        one.store.refuses = {"commit"}
        with pytest.raises(StorageError):
            await one.registrar.ask(submit(claim(2)))
        read = read_terms.cache_info()
        await trio.sleep(1)
        assert ledger.known is not before
        assert {one.id for one in ledger.known.registry} == ids
        assert len(ids) == 3
        assert read_terms.cache_info() == read


async def test_a_disk_that_stays_silent_is_asked_again_and_peers_hear_of_nothing_meanwhile(autojump_clock):
    async with bench() as one:
        await one.registrar.ask(submit(claim(0)))
        one.store.refuses = {"commit", "scan"}
        with pytest.raises(StorageError):
            await one.registrar.ask(Publish((claim(3, "bob"),)))
        await trio.sleep(60)
        for question in (GetItems(), GetAbout(Name("bob")), GetClaims((claim(0).id,))):
            with pytest.raises(StorageError):
                await one.registrar.ask(question)
        assert (await one.registrar.ask(Resolve(Query(ALICE)))).owner == owner_id(0)
        one.registrar.tell(Confirm((claim(0).id,)))
        one.store.refuses = ()
        await trio.sleep(11)
        assert await ids_at(one.registrar) == {claim(0).id}
        await one.registrar.ask(Publish((claim(3, "bob"),)))
        assert one.registrar.incarnation == 1


async def test_a_damaged_row_that_the_full_disk_keeps_stops_nobody(autojump_clock):
    disk = MemoryDisk()
    async with bench(disk) as one:
        await one.registrar.ask(submit(claim(0)))
        await one.store.commit([Change(claim_rows.CLAIMS, b"bob\x00" + owner_id(0).digest, b"rubbish")])
        one.store.refuses = {"commit"}
        one.registrar.crash(RuntimeError("on purpose"))
        await trio.sleep(5)
        assert await ids_at(one.registrar) == {claim(0).id}
        assert one.registrar.incarnation == 2


async def test_a_crash_in_the_middle_fails_whoever_waits(autojump_clock):
    async with bench() as one:
        future = one.registrar.ask(submit(claim(0)))
        await trio.sleep(0.005)
        one.registrar.crash(RuntimeError("on purpose"))
        with pytest.raises(ActorError):
            await future
        await trio.sleep(5)
        assert await one.registrar.ask(submit(claim(0), claim(1, kind=Kind.TOMBSTONE))) in {Taken(1), Taken(2)}
