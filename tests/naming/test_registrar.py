import pytest
import trio

from beam_actors.errors import ClaimRefused, NameTaken
from beam_actors.naming import Kind, claim_rows
from beam_actors.naming.grammar import Query
from beam_actors.naming.limits import DAY, HOUR, RETENTION
from beam_actors.naming.messages import (
    Confirm,
    GetHolding,
    GetItems,
    GetStatistics,
    ListHeld,
    Resolve,
    Revoke,
    SetPin,
    Taken,
)
from beam_actors.naming.tending import Publish, Reserve
from beam_actors.testing.disk import MemoryDisk
from beam_actors.values import Name
from tests.naming.bench import ALICE, bench, ids_at, submit
from tests.naming.builders import NOW, claim, owner_id, revocation
from tests.naming.lab import lab


async def test_what_was_handed_over_is_kept_for_its_heir(autojump_clock):
    """Whoever comes first would take it with no warning, and the heir would have to contest it."""
    gift = claim(0, kind=Kind.TRANSFER, era=1, to=1)
    async with bench() as stranger:
        await stranger.registrar.ask(submit(gift))
        with pytest.raises(NameTaken, match=r"goes to .* who has not registered it yet"):
            await stranger.registrar.ask(Reserve(ALICE, contest=False))
        assert await stranger.registrar.ask(Reserve(ALICE, contest=True))
        assert not await stranger.registrar.ask(Reserve(ALICE, contest=False))
    async with bench() as heir:
        await heir.registrar.ask(submit(claim(0, kind=Kind.TRANSFER, era=1, to=3), claim(2)))
        assert await heir.registrar.ask(Reserve(ALICE, contest=False))  # though somebody came before
    async with bench() as late:
        await late.registrar.ask(submit(gift, claim(1)))
        with pytest.raises(NameTaken, match="is held by"):
            await late.registrar.ask(Reserve(ALICE, contest=False))
    async with bench() as giver:
        await giver.registrar.ask(submit(claim(3, kind=Kind.TRANSFER, era=1, to=1)))
        assert await giver.registrar.ask(Reserve(ALICE, contest=False))  # until the heir registers it


async def test_own_names_and_pins_survive(autojump_clock):
    disk = MemoryDisk()
    async with bench(disk) as one:
        await one.registrar.ask(Reserve(ALICE, contest=False))
        await one.registrar.ask(Publish((claim(3),)))
        await one.registrar.ask(submit(claim(1, "bob"), revocation(2)))
        pin = await one.registrar.ask(SetPin(Name("bob"), owner_id(1)))
        assert (pin.owner, pin.mark) == (owner_id(1), claim(1, "bob").id)
        before = await one.registrar.ask(ListHeld())
        disk.crash()
    async with bench(disk) as one:
        assert await one.registrar.ask(ListHeld()) == before
        holding = await one.registrar.ask(GetHolding(ALICE))
        assert (holding.entry.claim, holding.own.since, holding.revoked) == (claim(3), NOW, False)
        assert revocation(2).id in await ids_at(one.registrar)


async def test_an_answer_that_is_an_error_crashes_nobody(autojump_clock):
    async with bench() as one:
        await one.registrar.ask(submit(claim(0)))
        with pytest.raises(NameTaken):
            await one.registrar.ask(Reserve(ALICE, contest=False))
        with pytest.raises(ClaimRefused):
            await one.registrar.ask(Publish((claim(3, issued=NOW - 40 * DAY),)))
        await one.registrar.ask(submit(revocation(3)))
        with pytest.raises(ClaimRefused, match="revoked"):
            await one.registrar.ask(Publish((claim(3),)))
        assert (await one.registrar.ask(GetHolding(ALICE))).revoked
        assert one.registrar.incarnation == 1


async def test_old_claims_are_forgotten_hourly_but_not_by_a_clock_that_jumps(autojump_clock):
    disk = MemoryDisk()
    async with bench(disk) as one:
        await one.registrar.ask(submit(claim(0)))
        one.clock.step(RETENTION)
        await one.registrar.ask(submit(claim(1, issued=NOW + RETENTION)))
        await trio.sleep(HOUR + 60)
        counts = await one.registrar.ask(GetStatistics())
        assert (counts.claims, counts.clock_jumps) == (2, 1)
        await trio.sleep(HOUR)
        assert (await one.registrar.ask(GetStatistics())).claims == 1
        one.clock.step(-RETENTION)
        assert await one.registrar.ask(submit(claim(0))) == Taken(0)
        assert (await one.registrar.ask(GetStatistics())).refused == {"expired": 1}
    async with bench(disk) as one:  # a restart, and a clock that is wrong, bring nothing back either
        assert await one.registrar.ask(submit(claim(0))) == Taken(0)


async def test_a_long_list_that_is_confirmed_holds_up_nobody(autojump_clock):
    many = [claim(owner, f"n{number}") for owner in range(3) for number in range(16)]
    async with bench() as one:
        await one.registrar.ask(submit(*many, claim(3)))
        one.clock.step(HOUR)
        strange = tuple(number.to_bytes(32, "big") for number in range(20_000))
        for _ in range(3):
            one.registrar.tell(Confirm((*strange, claim(3).id)))
        resolved = await one.registrar.ask(Resolve(Query(ALICE)))
        assert resolved.owner == owner_id(3)
        assert resolved.age_s >= HOUR  # it was not confirmed yet
        await trio.sleep(1)
        assert (await one.registrar.ask(Resolve(Query(ALICE)))).age_s < 2


async def test_a_long_list_is_walked_once_in_ten_minutes_unless_a_longer_one_comes(autojump_clock):
    strange = tuple(number.to_bytes(32, "big") for number in range(2000))
    async with bench() as one:
        await one.registrar.ask(submit(claim(3)))
        for pause, extra, age in ((0, 0, 1), (300, 0, 301), (1, 1, 1), (300, 0, 301), (301, 0, 1), (70, -1500, 1)):
            await trio.sleep(pause)
            one.registrar.tell(Confirm((*strange[: 1900 + extra], claim(3).id)))
            await trio.sleep(1)
            assert (await one.registrar.ask(Resolve(Query(ALICE)))).age_s < age + 2


async def test_the_items_are_those_of_the_claims_that_are_here(autojump_clock):
    async with bench() as one:
        await one.registrar.ask(submit(claim(0), claim(1), revocation(2)))
        before = await one.registrar.ask(GetItems())
        assert before is await one.registrar.ask(GetItems())
        await one.registrar.ask(submit(claim(0, seq=2), revocation(1)))
        assert await ids_at(one.registrar) == {claim(0, seq=2).id, revocation(1).id, revocation(2).id}
        assert len(before) == 3


async def test_what_a_peer_holds_too_was_heard_of_again_and_is_written_bit_by_bit(autojump_clock):
    many = [
        claim(owner, f"{word}{number}", kind=kind)
        for owner in range(4)
        for word, count, kind in (("n", 16, Kind.LIVE), ("t", 60, Kind.TOMBSTONE))
        for number in range(count)
    ]
    async with bench() as one:
        await one.registrar.ask(submit(*many))
        one.clock.step(7 * HOUR)
        for written in (256, len(many) - 256, 0):
            before = dict(await one.store.scan(claim_rows.CLAIMS))
            one.registrar.tell(Confirm(tuple(one.id for one in many)))
            await trio.sleep(0.1)
            after = dict(await one.store.scan(claim_rows.CLAIMS))
            assert sum(before[key] != value for key, value in after.items()) == written
            one.clock.step(60)


async def test_names_are_looked_after_within_a_minute_of_a_clock_that_was_set(autojump_clock):
    async with bench() as one:
        await one.registrar.ask(Reserve(ALICE, contest=False))
        await one.registrar.ask(SetPin(Name("bob"), owner_id(1)))
        await trio.sleep(HOUR)
        assert one.kept == []
        for step in (400 * DAY, -400 * DAY, 2 * 60):
            one.clock.step(step)
            await trio.sleep(61)
            assert sorted(one.kept) == [ALICE, Name("bob")]
            one.kept.clear()
        one.clock.step(30)
        await trio.sleep(HOUR)
        assert one.kept == []


async def test_an_own_name_resolves_again_soon_after_the_clock_was_a_year_ahead(autojump_clock):
    async with lab(1) as (_, (one,)):
        await one.naming.register("alice")
        for step in (366 * DAY, -366 * DAY):
            one.clock.step(step)
            await trio.sleep(61)
            assert (await one.naming.resolve("alice")).source == "own"


async def test_a_revocation_that_a_person_brings_is_kept_told_and_nothing_else_is_taken(autojump_clock):
    async with bench() as one:
        await one.registrar.ask(submit(claim(0), claim(0, "bob"), claim(1)))
        await trio.sleep(0.1)
        one.heard.clear()
        for wrong in (claim(2).encoded, revocation(0).encoded[:-1] + b"\x00", b""):
            with pytest.raises(ClaimRefused):
                await one.registrar.ask(Revoke(wrong))
        assert await one.registrar.ask(Revoke(revocation(0).encoded)) == owner_id(0)
        await trio.sleep(0.1)
        (changed,) = one.heard
        assert (changed.claims, set(changed.elsewhere)) == ((revocation(0),), {ALICE, Name("bob")})
        assert await one.registrar.ask(Revoke(revocation(0).encoded)) == owner_id(0)
        assert await one.store.get(claim_rows.REVOKED, owner_id(0).digest) is not None
