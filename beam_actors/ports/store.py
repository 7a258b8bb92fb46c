"""The store port: durable tables of bytes to bytes. Rooms own their encodings; the store knows none of them."""

from collections.abc import Sequence
from typing import Protocol

import attrs


@attrs.frozen(slots=True)
class Change:
    """Put `value` under `key` in `table`, or delete the key when `value` is None."""

    table: str
    key: bytes
    value: bytes | None


class Store(Protocol):
    """Transactions over tables. Keys are at most 1 KiB and values at most 1 MiB; a scan is in the order of keys.

    Raises:
        StorageError: and its subclasses, from every method, when the disk refuses or the database is damaged.
    """

    async def get(self, table: str, key: bytes) -> bytes | None:
        """The value under `key`, including what was committed a moment ago."""
        ...

    async def scan(self, table: str, prefix: bytes = b"") -> list[tuple[bytes, bytes]]:
        """All (key, value) pairs whose key starts with `prefix`, in the order of keys."""
        ...

    async def commit(self, changes: Sequence[Change]) -> None:
        """Apply all changes or none; return when they would survive a loss of power.

        Concurrent commits may share one sync, and are applied in the order of their calls.
        Cancelling the caller doesn't undo the commit.
        """
        ...

    async def close(self) -> None:
        """Wait for what was asked and release the database. Calls after it raise `StorageError`."""
        ...
