"""A database of another version, of another program or of none: what becomes of it."""

import sqlite3

import pytest

from beam_actors.errors import StorageError, StoreDamaged, StoreTooNew
from beam_actors.world.schema import MIGRATION_POINTS, STEPS, Schema
from beam_actors.world.store import SqliteStore
from tests.world.test_store import filled

NEXT = Schema((*STEPS, "ALTER TABLE entries ADD COLUMN note TEXT"))


async def test_a_newer_database_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "db"
    await filled(path, b"x")
    store = await SqliteStore.open(path, schema=NEXT)
    await store.close()
    before = path.read_bytes()
    with pytest.raises(StoreTooNew, match="schema 2, not 1"):
        await SqliteStore.open(path)
    assert path.read_bytes() == before


async def test_an_older_database_is_migrated_after_a_backup(tmp_path):
    path, backup = tmp_path / "db", tmp_path / "db.v1.backup"
    await filled(path, b"x", b"y")
    store = await SqliteStore.open(path, schema=NEXT)
    assert await store.scan("t") == [(b"x", b"x"), (b"y", b"y")]
    await store.close()
    assert backup.stat().st_mode & 0o777 == 0o600
    old = await SqliteStore.open(backup)
    assert await old.scan("t") == [(b"x", b"x"), (b"y", b"y")]
    await old.close()


@pytest.mark.parametrize("point", MIGRATION_POINTS)
async def test_a_migration_that_is_interrupted_begins_again(tmp_path, point):
    class Stop(StorageError):
        pass

    def stop(passed):
        if passed == point:
            raise Stop(passed)

    path = tmp_path / "db"
    await filled(path, b"x")
    with pytest.raises(Stop):
        await SqliteStore.open(path, schema=NEXT, on_point=stop)
    old = await SqliteStore.open(path)
    assert await old.get("t", b"x") == b"x"
    await old.close()
    new = await SqliteStore.open(path, schema=NEXT)
    assert await new.get("t", b"x") == b"x"
    await new.close()


async def test_a_broken_step_changes_nothing(tmp_path):
    path = tmp_path / "db"
    await filled(path, b"x")
    with pytest.raises(StorageError):
        await SqliteStore.open(path, schema=Schema((*STEPS, "DELETE FROM entries", "NO SQL")))
    store = await SqliteStore.open(path)
    assert await store.get("t", b"x") == b"x"
    await store.close()


@pytest.mark.parametrize(
    "content", [b"not a database, but longer than a header of SQLite's would be" * 50, b"x" * 5000]
)
async def test_a_file_that_is_no_database(tmp_path, content):
    path = tmp_path / "db"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(StoreDamaged, match=r"while no daemon runs.*without a backup, register and expose each again"):
        await SqliteStore.open(path)
    assert path.read_bytes() == content


async def test_a_database_of_another_program(tmp_path):
    path = tmp_path / "db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    path.chmod(0o600)
    with pytest.raises(StoreDamaged, match="another program"):
        await SqliteStore.open(path)
