"""The store on SQLite: one thread owns the connection and commits whatever waits for it in one transaction.

Invariant: nothing is acknowledged, and no read is answered, before what it rests on is durable (WAL with
`synchronous=FULL`), and a batch is applied in the order of the calls. A commit that fails leaves nothing of its batch
behind. The thread never touches the loop except by `run_sync_soon`. This module knows no table and no encoding.

The write-ahead log is folded into the database when it is opened, when it has rested for a while after a change, and
from time to time when it never does, so that what a damaged or lost log would take is a moment's changes. A fold that
fails costs nothing and is tried again.

`on_point` is called in the thread with each of `POINTS` as it passes; the crash tests kill the process there.
"""

import contextlib
import os
import queue
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs
import trio

from beam_actors.errors import BeamError, StorageError
from beam_actors.ports import Change
from beam_actors.world.files import sync_folder
from beam_actors.world.schema import BUSY_MS, Schema, mapped, prepare

POINTS = ("store:before-apply", "store:before-commit", "store:after-commit-before-ack", "store:before-close")
CHECKPOINT_POINTS = ("store:before-checkpoint", "store:after-checkpoint")
_BATCH = 1024  # requests in one transaction: bounds how long an early one waits for the late ones
_PUT = "INSERT INTO entries VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET value = ?3"
_DELETE = "DELETE FROM entries WHERE tbl = ?1 AND key = ?2"
_GET = "SELECT value FROM entries WHERE tbl = ?1 AND key = ?2"
_SCAN = "SELECT key, value FROM entries WHERE tbl = ?1 AND key >= ?2 AND (?3 IS NULL OR key < ?3) ORDER BY key"

_CHECKPOINT = "PRAGMA wal_checkpoint(TRUNCATE)"

Result = bytes | list[tuple[bytes, bytes]] | Exception | None


@attrs.frozen(slots=True, kw_only=True)
class Rhythm:
    """When the write-ahead log is folded into the database: seconds of rest after a change, and at the longest."""

    idle: float = 10.0
    longest: float = 600.0


@attrs.define(slots=True, eq=False)
class _Request:
    """One call on its way through the thread. `work` runs inside the batch's transaction."""

    work: Callable[[sqlite3.Connection], Result]
    writes: bool = False
    last: bool = False
    done: trio.Event = attrs.field(factory=trio.Event)
    result: Result = None

    def deliver(self, result: Result) -> None:
        self.result = result
        self.done.set()

    async def wait(self) -> Result:
        await self.done.wait()
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


class SqliteStore:
    """The store port over one database file. Made by `open`; one store for one file at a time (see `home`)."""

    def __init__(self, path: Path, schema: Schema, on_point: Callable[[str], None], rhythm: Rhythm) -> None:
        self._path = path
        self._schema = schema
        self._on_point = on_point
        self._rhythm = rhythm
        self._unfolded_since: float | None = None
        self._token = trio.lowlevel.current_trio_token()
        self._queue: queue.SimpleQueue[_Request] = queue.SimpleQueue()
        self._closing: _Request | None = None
        self._commits = self._transactions = 0
        self._thread = threading.Thread(target=self._run, name=f"store {path.name}", daemon=True)

    @classmethod
    async def open(
        cls,
        path: str | Path,
        *,
        schema: Schema | None = None,
        on_point: Callable[[str], None] | None = None,
        rhythm: Rhythm | None = None,
    ) -> "SqliteStore":
        """Open or create the database, check it, and migrate an older one after a backup beside it.

        Raises:
            StoreTooNew: a newer version of the program wrote it.
            StoreDamaged: it is no database of this program, or fails SQLite's quick check.
            StorageError: it cannot be opened, or somebody else could write to it.
        """
        store = cls(Path(path), schema or Schema(), on_point or (lambda _point: None), rhythm or Rhythm())
        first = _Request(lambda _connection: None)
        store._queue.put(first)
        store._thread.start()
        try:
            await first.wait()
        except BaseException:
            await store.close()
            raise
        return store

    async def get(self, table: str, key: bytes) -> bytes | None:
        """See `ports.Store`."""

        def work(connection: sqlite3.Connection) -> bytes | None:
            row = connection.execute(_GET, (table, key)).fetchone()
            return None if row is None else row[0]

        result = await self._ask(_Request(work))
        assert result is None or isinstance(result, bytes)  # noqa: S101 - narrows the type; `work` returns nothing else
        return result

    async def scan(self, table: str, prefix: bytes = b"") -> list[tuple[bytes, bytes]]:
        """See `ports.Store`."""
        result = await self._ask(
            _Request(lambda connection: connection.execute(_SCAN, (table, prefix, _after(prefix))).fetchall())
        )
        assert isinstance(result, list)  # noqa: S101 - narrows the type; `work` returns nothing else
        return result

    async def commit(self, changes: Sequence[Change]) -> None:
        """See `ports.Store`."""
        puts = tuple(changes)

        def work(connection: sqlite3.Connection) -> None:
            for change in puts:
                if change.value is None:
                    connection.execute(_DELETE, (change.table, change.key))
                else:
                    connection.execute(_PUT, (change.table, change.key, change.value))

        self._commits += 1
        await self._ask(_Request(work, writes=True))

    async def close(self) -> None:
        """See `ports.Store`."""
        if self._closing is None:
            self._closing = _Request(lambda _connection: None, last=True)
            self._queue.put(self._closing)
        with trio.CancelScope(shield=True):
            await self._closing.done.wait()
        self._thread.join()  # its last act was to set `done`

    def statistics(self) -> dict[str, int]:
        """How many commits were asked for, and in how many transactions they went to the disk."""
        return {"commits": self._commits, "transactions": self._transactions}

    def __repr__(self) -> str:
        return f"SqliteStore({self._path.name}, {self._commits} commits in {self._transactions} transactions)"

    async def _ask(self, request: _Request) -> Result:
        if self._closing is not None:
            raise StorageError("The store is closed.")
        self._queue.put(request)
        return await request.wait()

    # --- in the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        failure: BeamError | None = None
        connection: sqlite3.Connection | None = None
        try:
            _own_file(self._path)
            connection = prepare(self._path, self._schema, self._on_point)
            self._fold(connection)
        except (sqlite3.Error, OSError) as error:
            failure = mapped(error, self._path)
        except BeamError as error:
            failure = error
        while True:
            batch = self._next_batch(connection)
            results: list[Result] = [failure] * len(batch) if connection is None else self._perform(connection, batch)
            if not batch[-1].last:
                self._deliver(batch, results)
                del batch, results  # or a large answer would be in memory until the next question
                if connection is not None and self._is_overdue():
                    self._fold(connection)
                continue
            if connection is not None:
                self._on_point("store:before-close")
                connection.close()  # folds the WAL into the database
            self._deliver(batch, results)
            return

    def _next_batch(self, connection: sqlite3.Connection | None) -> list[_Request]:
        try:
            batch = [self._queue.get(timeout=None if self._unfolded_since is None else self._rhythm.idle)]
        except queue.Empty:
            if connection is not None:
                self._fold(connection)
            batch = [self._queue.get()]
        while len(batch) < _BATCH and not batch[-1].last:
            try:
                batch.append(self._queue.get_nowait())
            except queue.Empty:
                break
        return batch

    def _perform(self, connection: sqlite3.Connection, batch: list[_Request]) -> list[Result]:
        if not any(request.writes for request in batch):
            return [self._alone(connection, request) for request in batch]
        try:
            self._on_point("store:before-apply")
            connection.execute("BEGIN IMMEDIATE")
            results = [request.work(connection) for request in batch]
            self._on_point("store:before-commit")
            connection.execute("COMMIT")
            self._transactions += 1
            if self._unfolded_since is None:
                self._unfolded_since = time.monotonic()
            self._on_point("store:after-commit-before-ack")
        except Exception as error:  # noqa: BLE001 - whoever asked gets it; the thread must live
            if connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):  # the next BEGIN will fail and say why
                    connection.execute("ROLLBACK")
            failure = mapped(error, self._path) if isinstance(error, sqlite3.Error) else error
            # A full disk stops writing, not reading: names that are known still resolve.
            return [failure if request.writes else self._alone(connection, request) for request in batch]
        return results

    def _is_overdue(self) -> bool:
        return self._unfolded_since is not None and time.monotonic() - self._unfolded_since >= self._rhythm.longest

    def _fold(self, connection: sqlite3.Connection) -> None:
        self._on_point("store:before-checkpoint")
        connection.execute("PRAGMA busy_timeout = 0")  # requests don't wait until another program has read its fill
        with contextlib.suppress(sqlite3.Error):  # such a program, a full disk: what was acknowledged stays in the log
            connection.execute(_CHECKPOINT).fetchone()
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        self._unfolded_since = None
        self._on_point("store:after-checkpoint")

    def _alone(self, connection: sqlite3.Connection, request: _Request) -> Result:
        try:
            return request.work(connection)
        except Exception as error:  # noqa: BLE001 - as above
            return mapped(error, self._path) if isinstance(error, sqlite3.Error) else error

    def _deliver(self, batch: list[_Request], results: list[Result]) -> None:
        def deliver() -> None:
            for request, result in zip(batch, results, strict=True):
                request.deliver(result)

        with contextlib.suppress(trio.RunFinishedError):  # the loop ended without `close`: nobody waits
            self._token.run_sync_soon(deliver)


def _after(prefix: bytes) -> bytes | None:
    """The least key that is greater than every key with the prefix; None when there is none."""
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes([stripped[-1] + 1]) if stripped else None


def _own_file(path: Path) -> None:
    """Create the file 0600 if there is none, and refuse one that others could have prepared or can change."""
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
        sync_folder(path.parent)
    except FileExistsError:
        if path.is_symlink():
            raise StorageError(f"{path} is a symbolic link; the database must be a file of its own.") from None
        descriptor = os.open(path, flags)
    try:
        found = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise StorageError(f"{path} is not a regular file, so it cannot be the database.")
    if found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise StorageError(f"{path} must belong to you alone: check its owner and run `chmod 600` on it.")
