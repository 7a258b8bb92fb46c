import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import threading

import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beam_actors.errors import StorageError, StoreDamaged
from beam_actors.ports import Change
from beam_actors.world.store import Rhythm, SqliteStore


async def filled(path, *values):
    store = await SqliteStore.open(path)
    for value in values:
        await store.commit([Change("t", value, value)])
    await store.close()


async def test_an_answer_is_not_kept_until_the_next_question(tmp_path):
    await filled(tmp_path / "db", b"1", b"2")
    store = await SqliteStore.open(tmp_path / "db")
    rows = await store.scan("t")
    with trio.fail_after(30):
        while sys.getrefcount(rows) > 2:  # this name, and the call
            await trio.lowlevel.checkpoint()
    assert len(rows) == 2
    await store.close()


async def test_concurrent_commits_share_a_transaction(tmp_path):
    queued, held = threading.Event(), []

    def on_point(point):
        if point == "store:before-commit" and not held:
            held.append(point)
            queued.wait(30)  # the disk is slow: everything else queues up behind the first commit

    store = await SqliteStore.open(tmp_path / "db", on_point=on_point)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(store.commit, [Change("t", b"first", b"")])
        while not held:
            await trio.lowlevel.checkpoint()
        for number in range(50):
            nursery.start_soon(store.commit, [Change("t", b"%d" % number, b"")])
        await trio.testing.wait_all_tasks_blocked()
        queued.set()
    assert len(await store.scan("t")) == 51
    assert store.statistics() == {"commits": 51, "transactions": 2}
    await store.close()


async def test_settings_and_modes(tmp_path):
    path = tmp_path / "db"
    await filled(path, b"x")
    assert path.stat().st_mode & 0o777 == 0o600
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA application_id").fetchone()[0] == 0x4245414D
    assert connection.execute("PRAGMA user_version").fetchone()[0] == 1
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    connection.close()


async def test_damaged_pages_are_found_when_it_is_opened(tmp_path):
    path = tmp_path / "db"
    store = await SqliteStore.open(path)
    await store.commit([Change("t", b"%04d" % number, bytes(200)) for number in range(2000)])
    await store.close()
    data = bytearray(path.read_bytes())
    assert len(data) > 40 * 4096
    data[20 * 4096 : 21 * 4096] = b"\xa5" * 4096
    path.write_bytes(data)
    with pytest.raises(StoreDamaged, match="damaged"):
        await SqliteStore.open(path)


async def test_files_that_others_prepared_are_refused(tmp_path):
    real = tmp_path / "real"
    await filled(real, b"x")
    (tmp_path / "link").symlink_to(real)
    with pytest.raises(StorageError, match="symbolic link"):
        await SqliteStore.open(tmp_path / "link")
    real.chmod(0o644)
    with pytest.raises(StorageError, match="chmod 600"):
        await SqliteStore.open(real)
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError):
        await SqliteStore.open(tmp_path / "folder")
    with pytest.raises(StorageError):
        await SqliteStore.open(tmp_path / "missing" / "db")


async def test_a_failing_commit_takes_nothing_and_nobody_with_it(tmp_path):
    store = await SqliteStore.open(tmp_path / "db")
    await store.commit([Change("t", b"k", b"1")])
    with pytest.raises(StorageError):
        await store.commit([Change("t", b"k", b"2"), Change("t", b"x", _Odd())])
    assert await store.scan("t") == [(b"k", b"1")]
    await store.commit([Change("t", b"k", b"3")])
    assert await store.get("t", b"k") == b"3"
    await store.close()


class _Odd(list):
    """A value that SQLite cannot bind."""


async def test_a_copy_taken_at_any_commit_holds_what_was_acknowledged(tmp_path):
    # The thread stands still in the hook, so that the copy is what a loss of power at that moment would leave.
    acknowledged, copies = [], []
    path = tmp_path / "db"

    def on_point(point):
        if point == "store:after-commit-before-ack":
            folder = tmp_path / f"copy{len(copies)}"
            folder.mkdir(mode=0o700)
            for suffix in ("", "-wal"):
                shutil.copy2(f"{path}{suffix}", folder / f"db{suffix}")
            copies.append((folder, len(acknowledged)))

    store = await SqliteStore.open(path, on_point=on_point)
    for number in range(12):
        await store.commit([Change("t", b"%02d" % number, bytes(700))])
        acknowledged.append(number)
    await store.close()
    assert len(copies) == 12
    for folder, count in copies:
        copy = await SqliteStore.open(folder / "db")
        assert [key for key, _ in await copy.scan("t")] == [b"%02d" % number for number in range(count + 1)]
        await copy.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 60_000))
def test_a_torn_log_loses_whole_commits_from_the_end(tmp_path, cut):
    async def run():
        source = tmp_path / "source"
        if not source.exists():
            source.mkdir()
            store = await SqliteStore.open(source / "db", on_point=lambda point: keep(point, source))
            for number in range(8):
                await store.commit([Change("t", b"%02d%s" % (number, half), bytes(700)) for half in (b"a", b"b")])
            await store.close()
        target = tmp_path / "target"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source / "kept", target)
        size = (target / "db-wal").stat().st_size
        os.truncate(target / "db-wal", max(0, size - cut))
        store = await SqliteStore.open(target / "db")
        keys = [key for key, _ in await store.scan("t")]
        await store.close()
        whole = len(keys) // 2
        assert keys == [b"%02d%s" % (number, half) for number in range(whole) for half in (b"a", b"b")]
        assert (whole == 8) == (cut == 0)

    def keep(point, source):
        if point == "store:before-close":
            (source / "kept").mkdir()
            for name in ("db", "db-wal"):
                shutil.copy2(source / name, source / "kept" / name)

    trio.run(run)


FULL_DISK = """
import resource, sys, trio
from beam_actors.errors import StorageError
from beam_actors.ports import Change
from beam_actors.world.store import Rhythm, SqliteStore

async def main(path):
    store = await SqliteStore.open(path)
    await store.commit([Change("t", b"first", b"kept")])
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    try:
        await store.commit([Change("t", b"big", bytes(900_000))])
    except StorageError as error:
        print(type(error).__name__)
    print(await store.get("t", b"first"), await store.get("t", b"big"))
    await store.commit([Change("t", b"small", b"fits")])
    print(await store.get("t", b"small"))
    await store.close()

trio.run(main, sys.argv[1])
"""


@pytest.mark.skipif(resource.RLIM_INFINITY != -1, reason="the limit stands for a full disk on Linux")
def test_a_full_disk_stops_the_commit_and_nothing_else(tmp_path):
    child = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tmp_path / "db"], capture_output=True, text=True, timeout=50, check=False
    )
    assert child.stderr == ""
    assert child.stdout.split("\n") == ["StorageError", "b'kept' None", "b'fits'", ""]


def alone(path, copy):
    """What the database's main file holds when the rest is lost."""
    copy.mkdir(mode=0o700)
    shutil.copy2(path, copy / "db")
    connection = sqlite3.connect(copy / "db")
    try:
        return [row[0] for row in connection.execute("SELECT key FROM entries ORDER BY key")]
    finally:
        connection.close()


class Checkpoints:
    """A hook that counts the checkpoints, for a test that waits for one."""

    def __init__(self):
        self.count = 0
        self._passed = threading.Condition()

    def __call__(self, point):
        if point == "store:after-checkpoint":
            with self._passed:
                self.count += 1
                self._passed.notify_all()

    async def reach(self, count):
        def wait():
            with self._passed:
                return self._passed.wait_for(lambda: self.count >= count, 30)

        assert await trio.to_thread.run_sync(wait)


async def test_a_database_that_rests_after_a_change_is_whole_without_its_wal(tmp_path):
    passed = Checkpoints()
    store = await SqliteStore.open(tmp_path / "db", on_point=passed, rhythm=Rhythm(idle=0.0, longest=3600.0))
    await store.commit([Change("t", b"k", b"v")])
    await passed.reach(2)  # the first is that of the start
    assert alone(tmp_path / "db", tmp_path / "copy") == [b"k"]
    assert (tmp_path / "db-wal").stat().st_size == 0
    assert await store.get("t", b"k") == b"v"
    await store.close()
    assert passed.count == 2  # and closing is one by itself


async def test_a_database_that_never_rests_is_folded_all_the_same(tmp_path):
    passed = Checkpoints()
    store = await SqliteStore.open(tmp_path / "db", on_point=passed, rhythm=Rhythm(idle=3600.0, longest=0.0))
    for number in range(3):
        await store.commit([Change("t", b"%d" % number, b"v")])
    await passed.reach(4)
    assert alone(tmp_path / "db", tmp_path / "copy") == [b"0", b"1", b"2"]
    await store.close()


async def test_a_new_database_is_whole_from_its_start(tmp_path):
    store = await SqliteStore.open(tmp_path / "db")
    assert alone(tmp_path / "db", tmp_path / "copy") == []
    await store.close()


async def test_what_a_killed_process_left_in_the_wal_is_folded_at_the_next_start(tmp_path):
    left = tmp_path / "left"
    left.mkdir(mode=0o700)
    store = await SqliteStore.open(tmp_path / "db", rhythm=Rhythm(idle=3600.0, longest=3600.0))
    await store.commit([Change("t", b"k", b"v")])
    for suffix in ("", "-wal"):
        shutil.copy2(f"{tmp_path / 'db'}{suffix}", f"{left / 'db'}{suffix}")
    await store.close()
    again = await SqliteStore.open(left / "db", rhythm=Rhythm(idle=3600.0, longest=3600.0))
    assert alone(left / "db", tmp_path / "copy") == [b"k"]
    await again.close()


async def test_a_checkpoint_that_another_program_holds_up_hurts_nobody(tmp_path):
    store = await SqliteStore.open(tmp_path / "db", rhythm=Rhythm(idle=3600.0, longest=0.0))
    await store.commit([Change("t", b"a", b"v")])
    reader = sqlite3.connect(tmp_path / "db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM entries").fetchall()
    await store.commit([Change("t", b"b", b"v")])
    await store.commit([Change("t", b"c", b"v")])
    assert len(await store.scan("t")) == 3
    reader.close()
    await store.close()
