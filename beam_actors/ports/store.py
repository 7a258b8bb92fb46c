"""The store port: durable tables of bytes to bytes. Rooms own their encodings; the store knows none of them."""

from collections.abc import Sequence
from typing import Protocol

import attrs

from beam_actors.errors import InvalidValue

MAX_TABLE = 64
MAX_KEY = 1 << 10
MAX_VALUE = 1 << 20


@attrs.frozen(slots=True)
class Change:
    """Put `value` under `key` in `table`, or delete the key when `value` is None.

    Raises:
        InvalidValue: the table's name has not 1 to 64 characters of ASCII, the key is longer than 1 KiB, or the value
            than 1 MiB. So no batch of changes is refused for its sizes after it was built.
    """

    table: str
    key: bytes
    value: bytes | None

    def __attrs_post_init__(self) -> None:
        if not 0 < len(self.table) <= MAX_TABLE or not self.table.isascii():
            raise InvalidValue(f"A table's name has 1 to {MAX_TABLE} characters of ASCII.")
        if len(self.key) > MAX_KEY:
            raise InvalidValue(f"A key in the store has at most {MAX_KEY} bytes, not {len(self.key)}.")
        if self.value is not None and len(self.value) > MAX_VALUE:
            raise InvalidValue(f"A value in the store has at most {MAX_VALUE} bytes, not {len(self.value)}.")


class Store(Protocol):
    """Transactions over tables. Keys are at most 1 KiB and values at most 1 MiB; a scan is in the order of keys.

    A read answers after every commit that was asked for before it, and never with what a crash could still take back.

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
        """Wait for what was asked, even if cancelled, and release the database; idempotent.

        Every other call after it raises `StorageError`.
        """
        ...
