"""The files port: a few small private files of one home (keystore, CA, recovery phrase), each written atomically."""

from typing import Protocol


class Files(Protocol):
    """Files of one home, by plain name (no separators). All are 0600 in a folder of 0700."""

    def read(self, name: str, *, limit: int = 1 << 20) -> bytes | None:
        """The content, or None if there is no such file.

        Raises:
            StorageError: it cannot be read, is longer than `limit` bytes, or is not a regular file.
        """
        ...

    def write(self, name: str, content: bytes) -> None:
        """Replace the file durably: O_EXCL temporary, fsync, rename, fsync of the folder; or raise `StorageError`."""
        ...

    def remove(self, name: str) -> None:
        """Remove the file durably; nothing happens if there is none."""
        ...

    def path(self, name: str) -> str:
        """The absolute path, to show to people and to hand to other programs."""
        ...
