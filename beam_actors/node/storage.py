"""The store as an actor: it owns the open database, and everybody else holds a handle that outlives it.

Invariant: while the actor runs, the handle leads to its database; between two incarnations every call fails at once
with `StorageError`, and nothing is acknowledged that was not handed to a database.
"""

from collections.abc import Awaitable, Callable, Sequence

from beam_actors.errors import StorageError
from beam_actors.ports import Change, Store
from beam_actors.runtime import Actor, ExitReason


class StoreHandle:
    """A `Store` that stays the same over restarts of the actor behind it."""

    def __init__(self) -> None:
        self._store: Store | None = None

    def attach(self, store: Store | None) -> None:
        """Lead to this database from now on; None while there is none."""
        self._store = store

    async def get(self, table: str, key: bytes) -> bytes | None:
        """As the port says."""
        return await self._open.get(table, key)

    async def scan(self, table: str, prefix: bytes = b"") -> list[tuple[bytes, bytes]]:
        """As the port says."""
        return await self._open.scan(table, prefix)

    async def commit(self, changes: Sequence[Change]) -> None:
        """As the port says."""
        await self._open.commit(changes)

    async def close(self) -> None:
        """Nothing: the actor closes what it opened."""

    @property
    def _open(self) -> Store:
        if self._store is None:
            raise StorageError("The database is being opened; try again in a moment.")
        return self._store

    def __repr__(self) -> str:
        return f"<StoreHandle of {self._store!r}>"


class StoreActor(Actor):
    """Opens the database when it starts and closes it, after everything that was asked, when it ends."""

    def __init__(self, handle: StoreHandle, opener: Callable[[], Awaitable[Store]]) -> None:
        super().__init__()
        self._handle = handle
        self._opener = opener
        self._store: Store | None = None

    async def on_start(self) -> None:
        """Open it; raises `StoreDamaged`, `StoreTooNew` and other `StorageError`s."""
        self._store = await self._opener()
        self._handle.attach(self._store)

    async def on_stop(self, reason: ExitReason) -> None:  # noqa: ARG002 (the database is closed whatever the reason)
        """Close it."""
        self._handle.attach(None)
        if self._store is not None:
            await self._store.close()
