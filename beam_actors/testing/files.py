"""The files port on a `MemoryDisk`, by the same steps as the real one: temporary, sync, rename, sync of the folder.

Invariant: a crash between any two steps leaves the old content or the new, and who died with it does nothing more.
`on_point` is called where the real side calls it, so that a scenario can lose the power there.
"""

from collections.abc import Callable

from beam_actors.errors import InvalidValue, StorageError
from beam_actors.testing.disk import MemoryDisk

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


class SimFiles:
    """The home of a simulated node. It shares the disk with the node's store: names must not meet."""

    def __init__(self, disk: MemoryDisk, *, on_point: Callable[[str], None] | None = None) -> None:
        self._disk = disk
        self._life = disk.life
        self._on_point = on_point or (lambda _point: None)

    def read(self, name: str, *, limit: int = 1 << 20) -> bytes | None:
        """See `ports.Files`."""
        self._alive()
        content = self._disk.read(_checked(name))
        if content is not None and len(content) > limit:
            raise StorageError(f"{self.path(name)} is longer than {limit} bytes, so it is not what this program wrote.")
        return content

    def write(self, name: str, content: bytes) -> None:
        """See `ports.Files`."""
        part = f".{_checked(name)}.part"
        self._alive()
        self._disk.remove(part)
        self._reach("files:before-write")
        self._disk.append(part, content)
        self._reach("files:before-fsync")
        self._disk.sync(part)
        self._reach("files:before-rename")
        self._disk.rename(part, name)
        self._reach("files:before-folder-fsync")
        self._disk.sync_folder()
        self._reach("files:done")

    def remove(self, name: str) -> None:
        """See `ports.Files`."""
        self._alive()
        self._disk.remove(_checked(name))
        self._disk.sync_folder()

    def path(self, name: str) -> str:
        """See `ports.Files`; the path exists in the simulated world only."""
        return f"/simulated/{_checked(name)}"

    def _reach(self, point: str) -> None:
        self._on_point(point)
        self._alive()

    def _alive(self) -> None:
        if self._life != self._disk.life:
            raise StorageError("The machine lost its power; these files belong to its former life.")

    def __repr__(self) -> str:
        return f"SimFiles({self._disk!r})"


def _checked(name: str) -> str:
    if not 0 < len(name) <= 100 or name.startswith(".") or not _PLAIN.issuperset(name):
        raise InvalidValue(f"{name[:100]!r} is not a plain file name.")
    return name
