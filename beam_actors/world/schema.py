"""The database's schema: which versions there are, how a file is checked when it is opened, how it is migrated.

Invariant: `prepare` returns a connection to a sound database of exactly the present version, or raises and has changed
nothing: an older database is copied beside itself, durably, before the first step, and all steps are one transaction.
"""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import attrs

from beam_actors.errors import StorageError, StoreDamaged, StoreTooNew
from beam_actors.world.files import sync_folder

APPLICATION_ID = 0x4245414D  # "BEAM"
MIGRATION_POINTS = ("store:before-backup", "store:after-backup", "store:before-migrated")
BUSY_MS = 5000
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}

STEPS = (
    """
    CREATE TABLE entries (
        tbl TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (tbl, key)
    ) WITHOUT ROWID
    """,
)


@attrs.frozen(slots=True)
class Schema:
    """The SQL statement that leads from each version to the next; the version is their number."""

    steps: tuple[str, ...] = STEPS

    @property
    def version(self) -> int:
        """What stands in the database's `user_version`."""
        return len(self.steps)


def prepare(path: Path, schema: Schema, on_point: Callable[[str], None]) -> sqlite3.Connection:
    """Open, check, create or migrate; raises as `SqliteStore.open` says, and `sqlite3.Error` for it to map."""
    # The connection is the one thread's own; transactions are begun by hand.
    connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_MS / 1000)
    try:
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        version = _check(connection, path, schema)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        if version < schema.version:
            if version > 0:
                on_point("store:before-backup")
                _back_up(connection, path, version)
                on_point("store:after-backup")
            _migrate(connection, version, schema, on_point)
    except BaseException:
        connection.close()
        raise
    return connection


def mapped(error: sqlite3.Error | OSError, path: Path) -> StorageError:
    """The error of the hierarchy that says the same."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _DAMAGE:
        return _damaged(path, str(error))
    if code == sqlite3.SQLITE_FULL:
        return StorageError(f"The disk that holds {path} is full: free some space and try again.")
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return StorageError(f"Another program holds {path}: end it and try again.")
    return StorageError(f"The disk refused {path}: {error}.")


def _damaged(path: Path, what: str) -> StoreDamaged:
    return StoreDamaged(
        f"The database {path} is damaged ({what}): while no daemon runs, move the file and those that begin with its "
        "name aside, and put a backup in its place or start without one. Keys are kept elsewhere, so the names stay "
        "yours: without a backup, register and expose each again."
    )


def _check(connection: sqlite3.Connection, path: Path, schema: Schema) -> int:
    """The version found, 0 for a database that was never filled."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if empty and application == 0 and version == 0:
        return 0
    if application != APPLICATION_ID:
        raise StoreDamaged(f"{path} is a database of another program: move it aside.")
    if version > schema.version:
        raise StoreTooNew(
            f"A newer version of the program wrote {path} (schema {version}, not {schema.version}): use that version."
        )
    findings = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if findings != "ok" or version < 1:
        raise _damaged(path, str(findings))
    return version


def _back_up(connection: sqlite3.Connection, path: Path, version: int) -> None:
    final = path.with_name(f"{path.name}.v{version}.backup")
    part = final.with_name(final.name + ".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        connection.execute("VACUUM INTO ?", (str(part),))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    part.replace(final)
    sync_folder(path.parent)


def _migrate(connection: sqlite3.Connection, version: int, schema: Schema, on_point: Callable[[str], None]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in schema.steps[version:]:
            connection.execute(step)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {schema.version}")
        on_point("store:before-migrated")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
