"""One daemon per home: an advisory lock on a file that names the process that holds it.

Invariant: whoever holds a `HomeLock` is alone, and a crash releases it, since the kernel does. The file is never
removed: between an unlink and the next lock two daemons could each hold a file of their own.
"""

import fcntl
import os
from pathlib import Path
from typing import Self

from beam_actors.errors import HomeInUse, StorageError

LOCK = "lock"


class HomeLock:
    """The lock of one home, held until `release` or the end of the process. A context manager.

    Raises:
        HomeInUse: another process holds it; the message names it.
        StorageError: the lock's file cannot be used.
    """

    def __init__(self, home: str | Path) -> None:
        path = Path(home) / LOCK
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StorageError(
                f"The lock {path} cannot be used ({error.strerror}): move what is there aside, and make sure that the "
                "folder can be written to."
            ) from None
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(self._descriptor)
            os.close(self._descriptor)
            raise HomeInUse(
                f"A daemon ({holder}) runs in {home}: end it with `beam stop`, or be somebody else with another --home."
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, b"%d\n" % os.getpid(), 0)

    def release(self) -> None:
        """Give the home up; idempotent."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def is_lost(self) -> bool:
        """Whether the lock's file was removed (perhaps with the home), so that it keeps nobody out any more."""
        return self._descriptor >= 0 and os.fstat(self._descriptor).st_nlink == 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def __repr__(self) -> str:
        return f"HomeLock({'held' if self._descriptor >= 0 else 'released'})"


def is_locked(home: str | Path) -> bool:
    """Whether somebody holds the lock of `home`. The look itself takes it, shared, for an instant."""
    try:
        descriptor = os.open(Path(home) / LOCK, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def holder_of(home: str | Path) -> int | None:
    """The process that holds the lock of `home`, or None."""
    if not is_locked(home):
        return None
    try:
        descriptor = os.open(Path(home) / LOCK, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return _process(descriptor)
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> str:
    pid = _process(descriptor)
    return f"process {pid}" if pid is not None else "its process id is not known yet"


def _process(descriptor: int) -> int | None:
    text = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
    return int(text) if text.isdigit() else None
