"""The simulated disk and what is kept on it, across losses of power."""

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import StorageError, StoreDamaged, StoreTooNew
from beam_actors.ports import Change
from beam_actors.testing.disk import MemoryDisk
from beam_actors.testing.entropy import SeededEntropy
from beam_actors.testing.files import SimFiles
from beam_actors.testing.store import MemoryStore
from beam_actors.world.files import POINTS


def test_a_crash_keeps_what_was_synced_and_nothing_else():
    disk = MemoryDisk()
    disk.append("a", b"one")
    disk.sync("a")
    disk.sync_folder()
    disk.append("a", b"two")
    disk.append("b", b"never named")
    disk.sync("b")
    assert disk.read("a") == b"onetwo"
    disk.crash()
    assert disk.names == ["a"]
    assert disk.read("a") == b"one"
    disk.rename("a", "c")
    disk.crash()
    assert disk.names == ["a"]
    disk.rename("a", "c")
    disk.sync_folder()
    disk.crash()
    assert disk.names == ["c"]
    disk.remove("c")
    disk.crash()
    assert disk.read("c") == b"one"


@given(st.integers(0, 2**64))
def test_a_drawn_crash_keeps_a_prefix(seed):
    disk = MemoryDisk()
    disk.append("a", b"durable ")
    disk.sync("a")
    disk.sync_folder()
    disk.append("a", bytes(range(1, 200)))
    disk.crash(SeededEntropy(seed))
    content = disk.read("a").removeprefix(b"durable ")
    kept = content.rstrip(b"\0")
    assert bytes(range(1, 200)).startswith(kept)
    assert len(content) <= 199


def test_faults():
    disk = MemoryDisk(capacity=10)
    disk.append("a", b"0123456789")
    with pytest.raises(StorageError, match="full"):
        disk.append("a", b"x")
    disk.broken = True
    for call in (lambda: disk.read("a"), lambda: disk.sync("a"), disk.sync_folder, lambda: disk.append("a", b"")):
        with pytest.raises(StorageError, match="input/output"):
            call()


class PowerLoss(Exception):
    pass


@given(st.sampled_from(POINTS), st.none() | st.integers(0, 2**64))
def test_files_survive_a_crash_at_every_point_as_old_or_new(point, seed):
    disk = MemoryDisk()
    armed = False

    def on_point(passed):
        if armed and passed == point:
            disk.crash(None if seed is None else SeededEntropy(seed))
            raise PowerLoss

    files = SimFiles(disk, on_point=on_point)
    files.write("keys", b"old" * 100)
    armed = True
    with pytest.raises(PowerLoss):
        files.write("keys", b"new" * 100)
    found = SimFiles(disk).read("keys")
    assert found == b"new" * 100 if point == "files:done" else found in {b"old" * 100, b"new" * 100}


@given(st.integers(0, 20), st.none() | st.integers(0, 2**64), st.floats(0, 3))
def test_a_store_survives_a_crash_at_any_time_with_all_that_it_acknowledged(commits, seed, when):
    async def main():
        disk = MemoryDisk()
        acknowledged = []
        store = await MemoryStore.open(disk, sync_seconds=0.2)

        async def commit(number):
            await store.commit([Change("t", b"%02d%s" % (number, half), b"v" * 40) for half in (b"a", b"b")])
            acknowledged.append(number)

        async with trio.open_nursery() as nursery:
            for number in range(commits):
                nursery.start_soon(_later, number * 0.1, commit, number)
            await trio.sleep(when)
            disk.crash(None if seed is None else SeededEntropy(seed))
            nursery.cancel_scope.cancel()
        with pytest.raises(StorageError, match="former life"):
            await store.get("t", b"k")
        after = await MemoryStore.open(disk)
        keys = {key for key, _ in await after.scan("t")}
        assert keys >= {b"%02da" % number for number in acknowledged}
        whole = {key[:2] for key in keys}
        assert keys == {number + half for number in whole for half in (b"a", b"b")}
        assert whole == {b"%02d" % number for number in range(len(whole))}
        await after.close()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


async def _later(seconds, function, *args):
    await trio.sleep(seconds)
    await function(*args)


async def test_one_sync_serves_all_who_wait(autojump_clock):
    disk = MemoryDisk()
    store = await MemoryStore.open(disk, sync_seconds=1)
    before = disk.syncs
    async with trio.open_nursery() as nursery:
        for number in range(50):
            nursery.start_soon(store.commit, [Change("t", b"%d" % number, b"")])
    assert disk.syncs - before <= 2
    assert trio.current_time() <= 2


async def test_a_full_disk_fails_the_commit_and_reads_go_on():
    disk = MemoryDisk(capacity=200)
    store = await MemoryStore.open(disk)
    await store.commit([Change("t", b"k", b"v")])
    with pytest.raises(StorageError, match="full"):
        await store.commit([Change("t", b"big", bytes(300))])
    assert await store.scan("t") == [(b"k", b"v")]


async def test_damage_and_versions_are_told_apart():
    disk = MemoryDisk()
    store = await MemoryStore.open(disk)
    for number in range(3):
        await store.commit([Change("t", b"%d" % number, bytes(50))])
    await store.close()
    disk.rot("store.log", 60)
    with pytest.raises(StoreDamaged, match="before its end"):
        await MemoryStore.open(disk)
    disk.rot("store.log", 60)
    await (await MemoryStore.open(disk)).close()
    disk.rot("store.log", 8)
    with pytest.raises(StoreTooNew):
        await MemoryStore.open(disk)
    disk.rot("store.log", 0)
    with pytest.raises(StoreDamaged, match="no store"):
        await MemoryStore.open(disk)
