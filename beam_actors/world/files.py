"""The files port on one folder, the home: a few private files, each replaced as a whole or not at all.

Invariant: after `write` returns the new content survives a loss of power, and at no moment does the name hold
anything but the old content or the new. Nothing is followed or trusted that somebody else could have put there: the
folder is held open by a descriptor, symbolic links are refused, and so are files that others may read or write.

`on_point` is called with each of `POINTS` as a write passes it; the crash tests kill the process there.
"""

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Self

from beam_actors.errors import InvalidValue, StorageError

POINTS = ("files:before-write", "files:before-fsync", "files:before-rename", "files:before-folder-fsync", "files:done")
_NAME = re.compile(r"[a-zA-Z0-9_-][a-zA-Z0-9._-]{0,99}", re.ASCII)
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def check_file_name(name: str) -> str:
    """Return a plain file name of 1 to 100 characters, not hidden and without separators; or raise `InvalidValue`."""
    if not _NAME.fullmatch(name):
        raise InvalidValue(f"{name[:100]!r} is not a plain file name.")
    return name


def sync_folder(folder: str | Path) -> None:
    """Make the folder's entries durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class HomeFiles:
    """The files port over one folder. `close` releases its descriptor; leaving it as a context manager does too."""

    def __init__(self, home: str | Path, *, on_point: Callable[[str], None] | None = None) -> None:
        """Open the home, creating it 0700 if it is not there.

        Raises:
            StorageError: it is a symbolic link, no folder, or open to others.
        """
        self.home = Path(os.path.abspath(home))  # noqa: PTH100 - `resolve` would follow the link that is refused below
        self._on_point = on_point or (lambda _point: None)
        try:
            if not self.home.is_symlink():
                self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
                sync_folder(self.home.parent)
            self._folder = os.open(self.home, _FOLDER)
        except OSError as error:
            if self.home.is_symlink():
                raise StorageError(
                    f"The home {self.home} is a symbolic link: name the folder that it leads to."
                ) from None
            raise StorageError(f"The home {self.home} cannot be used: {error.strerror}.") from None
        found = os.fstat(self._folder)
        if found.st_uid != os.geteuid() or found.st_mode & 0o077:
            os.close(self._folder)
            raise StorageError(f"The home {self.home} must be yours alone: check its owner and run `chmod 700` on it.")

    def read(self, name: str, *, limit: int = 1 << 20) -> bytes | None:
        """See `ports.Files`."""
        try:
            # Non-blocking, or a FIFO of that name would hold the loop.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(check_file_name(name), flags, dir_fd=self._folder)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._refused(name, error) from None
        try:
            self._check(name, os.fstat(descriptor))
            with open(descriptor, "rb", closefd=False) as file:
                content = file.read(limit + 1)
        except OSError as error:
            raise self._refused(name, error) from None
        finally:
            os.close(descriptor)
        if len(content) > limit:
            raise StorageError(f"{self.path(name)} is longer than {limit} bytes, so it is not what this program wrote.")
        return content

    def write(self, name: str, content: bytes) -> None:
        """See `ports.Files`."""
        check_file_name(name)
        part = f".{name}.part"  # one writer per home, so what is there was left by a crash
        try:
            self._unlink(part)
            self._on_point("files:before-write")
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(part, flags, 0o600, dir_fd=self._folder)
            try:
                os.fchmod(descriptor, 0o600)  # a umask may have taken bits away
                view = memoryview(content)
                while view:
                    view = view[os.write(descriptor, view) :]
                self._on_point("files:before-fsync")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            self._on_point("files:before-rename")
            os.rename(part, name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
            self._on_point("files:before-folder-fsync")
            os.fsync(self._folder)
        except OSError as error:
            raise self._refused(name, error) from None
        self._on_point("files:done")

    def remove(self, name: str) -> None:
        """See `ports.Files`."""
        try:
            if self._unlink(check_file_name(name)):
                os.fsync(self._folder)
        except OSError as error:
            raise self._refused(name, error) from None

    def path(self, name: str) -> str:
        """See `ports.Files`."""
        return str(self.home / check_file_name(name))

    def close(self) -> None:
        """Release the folder's descriptor; idempotent. Every call but `path` after it raises `StorageError`."""
        if self._folder >= 0:
            os.close(self._folder)
            self._folder = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"HomeFiles({self.home})"

    def _unlink(self, name: str) -> bool:
        try:
            os.unlink(name, dir_fd=self._folder)
        except FileNotFoundError:
            return False
        return True

    def _check(self, name: str, found: os.stat_result) -> None:
        if not stat.S_ISREG(found.st_mode):
            raise StorageError(f"{self.path(name)} is not a regular file: move it aside.")
        if found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise StorageError(f"{self.path(name)} must be yours alone: check its owner and run `chmod 600` on it.")

    def _refused(self, name: str, error: OSError) -> StorageError:
        path = self.path(name)
        if (self.home / name).is_symlink():
            return StorageError(f"{path} is a symbolic link: move it aside.")
        return StorageError(f"The disk refused {path}: {error.strerror}.")
