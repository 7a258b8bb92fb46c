"""A disk in memory that knows the difference between written and durable.

Invariant: what was synced is there after `crash`; of what was not, a crash keeps nothing, or, when it is given random
numbers, any prefix of the folder's operations in their order and any prefix of each file's bytes, the last sector
perhaps of zeroes. Handles die with the crash, or with `detach`: a process that was killed writes nothing more. Knows
no file's content.
"""

import hashlib
from collections.abc import Mapping

import attrs

from beam_actors.errors import StorageError
from beam_actors.ports import Entropy

_SECTOR = 512


@attrs.define(slots=True, eq=False)
class _File:
    content: bytearray = attrs.field(factory=bytearray)
    durable: int = 0  # how many bytes of `content` survive; files only grow here, and are replaced by a rename


class MemoryDisk:
    """The one disk of a simulated node; it outlives the node's crashes.

    `capacity` bounds the bytes of all files together; `broken` makes every operation fail. Both may be set at any time.
    """

    def __init__(self, *, capacity: int | None = None) -> None:
        self.capacity = capacity
        self.broken = False
        self.life = 0
        self.syncs = 0
        self._files: dict[str, _File] = {}
        self._pending: list[tuple[str, _File | None]] = []  # entries not yet durable: (name, file or removed)
        self._durable: dict[str, _File] = {}

    def read(self, name: str) -> bytes | None:
        """The content as a running process sees it, or None."""
        self._check()
        file = self._files.get(name)
        return None if file is None else bytes(file.content)

    def append(self, name: str, data: bytes) -> None:
        """Add to the end of the file, creating it if there is none."""
        self._check()
        if self.capacity is not None and self.used + len(data) > self.capacity:
            raise StorageError("The disk is full: free some space and try again.")
        if name not in self._files:
            self._enter(name, _File())
        self._files[name].content += data

    def truncate(self, name: str, size: int) -> None:
        """Cut the file down to `size` bytes, durably."""
        self._check()
        file = self._files[name]
        del file.content[size:]
        file.durable = min(file.durable, size)

    def sync(self, name: str) -> None:
        """Make the file's bytes durable; its name needs `sync_folder`."""
        self._check()
        self.syncs += 1
        file = self._files[name]
        file.durable = len(file.content)

    def rename(self, old: str, new: str) -> None:
        """Give the file another name, replacing what had it."""
        self._check()
        self._enter(new, self._files[old])
        self._enter(old, None)

    def remove(self, name: str) -> None:
        """Remove the name; nothing happens if there is none."""
        self._check()
        if name in self._files:
            self._enter(name, None)

    def sync_folder(self) -> None:
        """Make all names durable."""
        self._check()
        self.syncs += 1
        self._durable = dict(self._files)
        self._pending.clear()

    def crash(self, entropy: Entropy | None = None) -> None:
        """Lose the power. Without `entropy` all that was not synced is gone; with it, what survives is drawn."""
        kept = _draw(entropy, len(self._pending))
        for name, file in self._pending[:kept]:
            _put(self._durable, name, file)
        for file in self._durable.values():
            unsynced = len(file.content) - file.durable
            kept = _draw(entropy, unsynced)
            del file.content[file.durable + kept :]
            if 0 < kept < unsynced and entropy is not None and entropy.uniform() < 0.5:
                file.content += bytes(min(unsynced - kept, _SECTOR))
            file.durable = len(file.content)
        self._files = dict(self._durable)
        self._pending.clear()
        self.life += 1

    def detach(self) -> None:
        """The process that used it was killed: its handles are dead, and what it wrote is with the system, whole."""
        self.life += 1

    def snapshot(self) -> dict[str, bytes]:
        """All files as a running process sees them now: what a backup of this instant holds."""
        return {name: bytes(file.content) for name, file in self._files.items()}

    def restore(self, snapshot: Mapping[str, bytes]) -> None:
        """Hold durably what a backup holds, and nothing else; handles die."""
        self._files = {name: _File(bytearray(content), len(content)) for name, content in snapshot.items()}
        self._durable = dict(self._files)
        self._pending.clear()
        self.life += 1

    def rot(self, name: str, at: int) -> None:
        """Flip one bit of a file, as an ageing disk does."""
        self._files[name].content[at] ^= 1

    @property
    def used(self) -> int:
        """Bytes in all files."""
        return sum(len(file.content) for file in self._files.values())

    @property
    def names(self) -> list[str]:
        """All files, sorted."""
        return sorted(self._files)

    @property
    def digest(self) -> str:
        """A digest of all files, as a running process sees them."""
        found = hashlib.blake2b(digest_size=8)
        for name in self.names:
            content = self._files[name].content
            found.update(f"{name} {len(content)}\n".encode() + content)
        return found.hexdigest()

    def __repr__(self) -> str:
        return f"MemoryDisk({len(self._files)} files, {self.used} bytes, life {self.life})"

    def _check(self) -> None:
        if self.broken:
            raise StorageError("The disk answers with an input/output error.")

    def _enter(self, name: str, file: _File | None) -> None:
        self._pending.append((name, file))
        _put(self._files, name, file)


def _put(entries: dict[str, _File], name: str, file: _File | None) -> None:
    if file is None:
        entries.pop(name, None)
    else:
        entries[name] = file


def _draw(entropy: Entropy | None, most: int) -> int:
    return 0 if entropy is None else int(entropy.uniform() * (most + 1))
