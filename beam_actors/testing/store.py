"""The store port on a `MemoryDisk`: a log of checked records, replayed when it is opened.

Invariant: as of the real store, nothing is acknowledged, and no read answered, before what it rests on is synced; a
torn end of the log is cut off as a whole commit, a damaged record before the end is `StoreDamaged`. One sync serves
all commits that were asked for before it began. Time passes by trio's clock only.

    log = "beam-log" ‖ version u16 ‖ records      record = length u32 ‖ checksum 16 ‖ changes
    change = table u8-length ‖ key u16-length ‖ 0, or 1 and value u32-length
"""

import hashlib
import struct
from collections.abc import Sequence

import trio

from beam_actors.errors import StorageError, StoreDamaged, StoreTooNew
from beam_actors.ports import Change
from beam_actors.testing.disk import MemoryDisk
from beam_actors.testing.seeded import sleep_through

_MAGIC = b"beam-log"
_HEAD = struct.Struct(">8sH")
_RECORD = struct.Struct(">I16s")
VERSION = 1
LOG = "store.log"


class MemoryStore:
    """The store of a simulated node. `sync_seconds` is how long one sync takes, in virtual time."""

    def __init__(self, disk: MemoryDisk, name: str, sync_seconds: float) -> None:
        self._disk = disk
        self._name = name
        self._seconds = sync_seconds
        self._life = disk.life
        self._tables: dict[str, dict[bytes, bytes]] = {}
        self._size = self._durable = 0
        self._syncing: trio.Event | None = None
        self._closed = False

    @classmethod
    async def open(cls, disk: MemoryDisk, name: str = LOG, *, sync_seconds: float = 0.0) -> "MemoryStore":
        """Open or create the log; raises `StoreTooNew`, `StoreDamaged` and `StorageError` as the real store does."""
        store = cls(disk, name, sync_seconds)
        await trio.lowlevel.checkpoint()
        store._replay()
        return store

    async def get(self, table: str, key: bytes) -> bytes | None:
        """See `ports.Store`."""
        self._check()
        value = self._tables.get(table, {}).get(bytes(key))
        await self._settled()
        return value

    async def scan(self, table: str, prefix: bytes = b"") -> list[tuple[bytes, bytes]]:
        """See `ports.Store`."""
        self._check()
        entries = self._tables.get(table, {})
        found = [(key, entries[key]) for key in sorted(entries) if key.startswith(prefix)]
        await self._settled()
        return found

    async def commit(self, changes: Sequence[Change]) -> None:
        """See `ports.Store`."""
        self._check()
        record = b"".join(_encode(change) for change in changes)
        self._disk.append(self._name, _RECORD.pack(len(record), _sum(record)) + record)
        self._size += _RECORD.size + len(record)
        for change in changes:
            self._apply(change)
        await self._settled()

    async def close(self) -> None:
        """See `ports.Store`."""
        with trio.CancelScope(shield=True):
            if not self._closed:
                self._closed = True
                if self._life == self._disk.life:
                    await self._settled()
            await trio.lowlevel.checkpoint()

    def __repr__(self) -> str:
        return f"MemoryStore({self._name}, {self._durable} of {self._size} bytes durable)"

    async def _settled(self) -> None:
        """Return when everything written before the call is durable; one caller syncs for all who wait."""
        target = self._size
        await trio.lowlevel.cancel_shielded_checkpoint()
        try:
            while self._durable < target:
                self._alive()
                if self._syncing is None:
                    await self._sync()
                else:
                    await self._syncing.wait()
        except StorageError:
            await trio.lowlevel.checkpoint_if_cancelled()  # whoever dies with the machine hears of nothing else
            raise
        await trio.lowlevel.checkpoint_if_cancelled()

    async def _sync(self) -> None:
        self._syncing = done = trio.Event()
        covers = self._size
        try:
            await sleep_through(self._seconds)
            self._alive()
            self._disk.sync(self._name)
            self._durable = covers
        finally:
            self._syncing = None
            done.set()

    def _check(self) -> None:
        if self._closed:
            raise StorageError("The store is closed.")
        self._alive()

    def _alive(self) -> None:
        if self._life != self._disk.life:
            raise StorageError("The machine lost its power; this store belongs to its former life.")

    def _apply(self, change: Change) -> None:
        table = self._tables.setdefault(change.table, {})
        if change.value is None:
            table.pop(bytes(change.key), None)
        else:
            table[bytes(change.key)] = bytes(change.value)

    def _replay(self) -> None:
        data = self._disk.read(self._name) or b""
        if len(data) < _HEAD.size:  # never filled, or torn before its first sync
            self._disk.remove(self._name)
            self._disk.append(self._name, _HEAD.pack(_MAGIC, VERSION))
            self._disk.sync(self._name)
            self._disk.sync_folder()
            self._size = self._durable = _HEAD.size
            return
        magic, version = _HEAD.unpack_from(data)
        if magic != _MAGIC:
            raise StoreDamaged(f"{self._name} is no store of this program: move it aside.")
        if version > VERSION:
            raise StoreTooNew(f"A newer version of the program wrote {self._name}: use that version.")
        at = _HEAD.size
        while (record := _record_at(data, at)) is not None:
            for change in _decode(record):
                self._apply(change)
            at += _RECORD.size + len(record)
        if _follows(data, at):
            raise StoreDamaged(f"{self._name} is damaged before its end: put a backup in its place.")
        self._disk.truncate(self._name, at)
        self._size = self._durable = at


def _sum(record: bytes) -> bytes:
    return hashlib.blake2b(record, digest_size=16, person=b"beam-log-record").digest()


def _record_at(data: bytes, at: int) -> bytes | None:
    if at + _RECORD.size > len(data):
        return None
    size, checksum = _RECORD.unpack_from(data, at)
    record = data[at + _RECORD.size : at + _RECORD.size + size]
    return record if len(record) == size and _sum(record) == checksum else None


def _follows(data: bytes, at: int) -> bool:
    """Whether a sound record begins after the unsound one at `at`: then that one is damaged, not torn."""
    if at + _RECORD.size > len(data):
        return False
    size = _RECORD.unpack_from(data, at)[0]
    return _record_at(data, at + _RECORD.size + size) is not None


def _encode(change: Change) -> bytes:
    table = change.table.encode("ascii")
    head = struct.pack(">B", len(table)) + table + struct.pack(">H", len(change.key)) + change.key
    return head + b"\0" if change.value is None else head + b"\1" + struct.pack(">I", len(change.value)) + change.value


def _decode(record: bytes) -> list[Change]:
    changes: list[Change] = []
    at = 0

    def take(size: int) -> bytes:
        nonlocal at
        at += size
        return record[at - size : at]

    while at < len(record):
        table = take(take(1)[0]).decode("ascii")
        key = take(int.from_bytes(take(2), "big"))
        value = take(int.from_bytes(take(4), "big")) if take(1) == b"\1" else None
        changes.append(Change(table, key, value))
    return changes
