import attrs
import pytest
import trio

from beam_actors.errors import ActorError, ClaimRefused, NameTaken, StorageError
from beam_actors.naming import Kind, records
from beam_actors.naming.grammar import Query
from beam_actors.naming.limits import DAY, HOUR, RETENTION
from beam_actors.naming.messages import (
    Changed,
    Compare,
    Confirm,
    GetAbout,
    GetClaims,
    GetHolding,
    GetIds,
    GetStatistics,
    ListHeld,
    Publish,
    Reserve,
    Resolve,
    SetPin,
    Submit,
)
from beam_actors.naming.registrar import Registrar
from beam_actors.ports import Change
from beam_actors.runtime import Actor, ChildSpec, Intensity, Supervisor, System, receives
from beam_actors.testing.clock import SimClock
from beam_actors.testing.disk import MemoryDisk
from beam_actors.testing.store import MemoryStore
from beam_actors.values import Name
from tests.naming.builders import NETWORK, NOW, claim, owner_id, peer, revocation

ALICE = Name("alice")


class Onlooker(Actor):
    """Stands where `spread` would, and remembers whether what it hears of is durable already."""

    def __init__(self, heard: list, disk: MemoryDisk) -> None:
        super().__init__()
        self.heard, self.disk = heard, disk

    @receives(Changed)
    def note(self, message):
        self.heard.append(message)


@attrs.define
class Bench:
    registrar: object
    heard: list
    clock: SimClock
    store: MemoryStore
    system: System


class bench:  # noqa: N801 - used like a function
    """A registrar alone, on a store whose syncs take ten milliseconds."""

    def __init__(self, disk=None, clock=None):
        self.disk = disk or MemoryDisk()
        self.clock = clock

    async def __aenter__(self):
        clock = self.clock or SimClock()
        store = await MemoryStore.open(self.disk, sync_seconds=0.01)
        system = System("bench", clock=clock.monotonic)
        spread, heard = system.ref("root/spread"), []
        specs = [
            ChildSpec("registry", lambda: Registrar(store, clock, spread, network=NETWORK, owner=owner_id(3))),
            ChildSpec("spread", lambda: Onlooker(heard, self.disk)),
        ]
        self.running = system.run(ChildSpec("root", lambda: Supervisor(specs, intensity=Intensity(restarts=10))))
        await self.running.__aenter__()
        return Bench(system.ref("root/registry"), heard, clock, store, system)

    async def __aexit__(self, *args):
        await self.running.__aexit__(*args)


def submit(*claims):
    return Submit(tuple(one.encoded for one in claims), peer(9))


async def test_nothing_is_acknowledged_or_spread_before_it_is_durable(autojump_clock):
    disk = MemoryDisk()
    async with bench(disk) as one:
        began = trio.current_time()
        assert await one.registrar.ask(submit(claim(0), claim(0), claim(1))) == 2
        assert trio.current_time() >= began + 0.01
        await trio.sleep(0.001)
        (changed,) = one.heard
        assert set(changed.claims) == {claim(0), claim(1)}
        assert changed.source == peer(9)
        disk.crash()  # the power fails: what was not synced is lost
    async with bench(disk) as one:
        assert set(await one.registrar.ask(GetIds())) == {claim(0).id, claim(1).id}


async def test_commits_that_come_together_share_one_sync(autojump_clock):
    async with bench() as one:
        began = trio.current_time()
        futures = [one.registrar.ask(submit(claim(0, f"n{number}"))) for number in range(16)]
        assert [await future for future in futures] == [1] * 16
        assert trio.current_time() - began < 0.05


async def test_own_names_and_pins_survive(autojump_clock):
    disk = MemoryDisk()
    async with bench(disk) as one:
        await one.registrar.ask(Reserve(ALICE, contest=False))
        await one.registrar.ask(Publish(claim(3)))
        await one.registrar.ask(submit(claim(1, "bob"), revocation(2)))
        pin = await one.registrar.ask(SetPin(Name("bob"), None))
        assert (pin.owner, pin.mark) == (owner_id(1), claim(1, "bob").id)
        before = await one.registrar.ask(ListHeld())
        disk.crash()
    async with bench(disk) as one:
        assert await one.registrar.ask(ListHeld()) == before
        holding = await one.registrar.ask(GetHolding(ALICE))
        assert (holding.entry.claim, holding.own.since, holding.revoked) == (claim(3), NOW, False)
        assert revocation(2).id in await one.registrar.ask(GetIds())


async def test_an_answer_that_is_an_error_crashes_nobody(autojump_clock):
    async with bench() as one:
        await one.registrar.ask(submit(claim(0)))
        with pytest.raises(NameTaken):
            await one.registrar.ask(Reserve(ALICE, contest=False))
        with pytest.raises(ClaimRefused):
            await one.registrar.ask(Publish(claim(3, issued=NOW - 40 * DAY)))
        await one.registrar.ask(submit(revocation(3)))
        with pytest.raises(ClaimRefused, match="revoked"):
            await one.registrar.ask(Publish(claim(3)))
        assert (await one.registrar.ask(GetHolding(ALICE))).revoked
        assert one.registrar.incarnation == 1


async def test_a_damaged_row_is_dropped_and_costs_only_itself(autojump_clock):
    disk = MemoryDisk()
    async with bench(disk) as one:
        await one.registrar.ask(submit(claim(0), claim(1)))
        await one.store.commit([Change(records.CLAIMS, b"alice\x00" + owner_id(0).digest, b"rubbish")])
    async with bench(disk) as one:
        assert await one.registrar.ask(GetIds()) == (claim(1).id,)
        assert len(await one.store.scan(records.CLAIMS)) == 1


async def refuse(*_):
    await trio.sleep(0.01)
    raise StorageError("The disk is full.")


async def test_a_disk_that_refuses_makes_it_read_again(autojump_clock):
    async with bench() as one:
        await one.registrar.ask(submit(claim(0)))
        real, one.store.commit = one.store.commit, refuse
        early = one.registrar.ask(submit(claim(2, issued=NOW + HOUR)))
        first, second = one.registrar.ask(submit(claim(1))), one.registrar.ask(Reserve(Name("bob"), contest=False))
        for asked in (first, second):
            with pytest.raises(StorageError, match="full"):
                await asked
        assert await early == 0  # nothing of it goes to the disk
        one.store.commit = real
        await trio.sleep(0.1)
        assert await one.registrar.ask(GetIds()) == (claim(0).id,)  # what was not durable is not known
        assert await one.registrar.ask(ListHeld()) == ()
        with pytest.raises(StorageError):  # nor is the disk tried again at once
            await one.registrar.ask(submit(claim(1)))
        await trio.sleep(6)
        assert await one.registrar.ask(submit(claim(1))) == 1
        await trio.sleep(HOUR)
        assert [one for changed in one.heard for one in changed.claims] == [
            claim(0),
            claim(1),
            claim(2, issued=NOW + HOUR),
        ]
        assert one.registrar.incarnation == 1


async def test_a_disk_that_stays_silent_is_asked_again_and_peers_hear_of_nothing_meanwhile(autojump_clock):
    async with bench() as one:
        await one.registrar.ask(submit(claim(0)))
        real = one.store.commit, one.store.scan
        one.store.commit = one.store.scan = refuse
        with pytest.raises(StorageError):
            await one.registrar.ask(Publish(claim(3, "bob")))
        await trio.sleep(60)
        for question in (GetIds(), GetAbout(Name("bob")), GetClaims((claim(0).id,)), Compare(())):
            with pytest.raises(StorageError):
                await one.registrar.ask(question)
        assert (await one.registrar.ask(Resolve(Query(ALICE)))).owner == owner_id(0)
        one.registrar.tell(Confirm((claim(0).id,)))
        one.store.commit, one.store.scan = real
        await trio.sleep(11)
        assert await one.registrar.ask(GetIds()) == (claim(0).id,)
        await one.registrar.ask(Publish(claim(3, "bob")))
        assert one.registrar.incarnation == 1


async def test_a_damaged_row_that_the_full_disk_keeps_stops_nobody(autojump_clock):
    disk = MemoryDisk()
    async with bench(disk) as one:
        await one.registrar.ask(submit(claim(0)))
        await one.store.commit([Change(records.CLAIMS, b"bob\x00" + owner_id(0).digest, b"rubbish")])
        one.store.commit = refuse
        one.registrar.crash(RuntimeError("on purpose"))
        await trio.sleep(5)
        assert await one.registrar.ask(GetIds()) == (claim(0).id,)
        assert one.registrar.incarnation == 2


async def test_old_claims_are_forgotten_hourly_but_not_by_a_clock_that_jumps(autojump_clock):
    disk = MemoryDisk()
    async with bench(disk) as one:
        await one.registrar.ask(submit(claim(0)))
        one.clock.step(RETENTION)
        await trio.sleep(HOUR + 60)
        counts = await one.registrar.ask(GetStatistics())
        assert (counts.claims, counts.clock_jumps) == (1, 1)
        await trio.sleep(HOUR)
        assert (await one.registrar.ask(GetStatistics())).claims == 0
        one.clock.step(-RETENTION)
        assert await one.registrar.ask(submit(claim(0))) == 0
        assert (await one.registrar.ask(GetStatistics())).refused == {"expired": 1}
    async with bench(disk) as one:  # a restart, and a clock that is wrong, bring nothing back either
        assert await one.registrar.ask(submit(claim(0))) == 0


async def test_a_crash_in_the_middle_fails_whoever_waits(autojump_clock):
    async with bench() as one:
        future = one.registrar.ask(submit(claim(0)))
        await trio.sleep(0.005)
        one.registrar.crash(RuntimeError("on purpose"))
        with pytest.raises(ActorError):
            await future
        await trio.sleep(5)
        assert await one.registrar.ask(submit(claim(0), claim(1, kind=Kind.TOMBSTONE))) in {1, 2}
