"""The daemon's log: one JSON object a line, in a private file of the home that is rotated before it grows too big.

Owns two invariants: the log never takes more than `MAX_BYTES` times two of the disk (three while it can't be rotated),
and a value whose key names a secret, or that is raw bytes, is never written. A log that cannot be written never hurts
the daemon.
"""

import os
import stat
from collections.abc import MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from beam_actors.errors import StorageError
from beam_actors.ports import Clock

MAX_BYTES = 5 << 20
MAX_LINE = 16 * 1024
_SECRETS = ("passphrase", "phrase", "seed", "secret", "private", "password", "keyring")


class LogFile:
    """An append-only file for structlog, with one older file beside it (`.1`).

    Raises:
        StorageError: there is something else than a regular file in its place, or the disk refuses.
    """

    def __init__(self, path: Path, *, limit: int = MAX_BYTES) -> None:
        self._path = path
        self._limit = limit
        try:
            self._descriptor = self._open(path, 0)
        except OSError as error:
            if path.is_symlink():
                raise StorageError(f"The log {path} is a symbolic link: move it aside.") from None
            if path.exists() and not path.is_file():
                raise _irregular(path) from None
            raise StorageError(f"The log {path} can't be opened: {error.strerror}.") from None
        found = os.fstat(self._descriptor)
        if not stat.S_ISREG(found.st_mode):
            self.close()
            raise _irregular(path)
        self._size = found.st_size

    def __repr__(self) -> str:
        return f"LogFile({self._path}, {self._size} bytes)"

    def _open(self, path: Path, flags: int) -> int:
        # Non-blocking, or a FIFO of that name would hold the start.
        flags |= os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        return os.open(path, flags, 0o600)

    def msg(self, line: str) -> None:
        """Append a line."""
        data = line.encode("utf-8", "replace")[:MAX_LINE] + b"\n"
        if self._size and self._size + len(data) > self._limit:
            with suppress(OSError):
                self._rotate()
        if self._descriptor < 0 or (self._size and self._size + len(data) > 2 * self._limit):
            return
        with suppress(OSError):  # a full disk costs the log, not the daemon
            self._size += os.write(self._descriptor, data)

    debug = info = warning = error = critical = exception = log = fatal = msg

    def _rotate(self) -> None:
        """Begin a new file. What can fail comes first, so that after a failure everything is as before."""
        new = self._path.with_name(self._path.name + ".new")
        descriptor = self._open(new, os.O_TRUNC)
        try:
            with suppress(FileNotFoundError):  # somebody removed it
                self._path.replace(self._path.with_name(self._path.name + ".1"))
            new.replace(self._path)
            os.dup2(descriptor, self._descriptor, inheritable=False)
            self._size = 0
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Write nothing any more; idempotent."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def _irregular(path: Path) -> StorageError:
    return StorageError(f"The log {path} is not a regular file: move it aside.")


def configure_logging(file: LogFile, clock: Clock) -> None:
    """Send every structlog logger of this process to `file`."""

    def timestamp(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["timestamp"] = datetime.fromtimestamp(clock.wall(), UTC).isoformat(timespec="milliseconds")
        return event

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            timestamp,
            structlog.processors.format_exc_info,
            without_secrets,
            structlog.processors.JSONRenderer(default=_as_text),
        ],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        logger_factory=lambda *_: file,
        cache_logger_on_first_use=False,
    )


def without_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: hide values by their key, and all raw bytes."""
    for key, value in event.items():
        if key != "event" and any(word in key.lower() for word in _SECRETS):
            event[key] = "(hidden)"
        elif isinstance(value, (bytes, bytearray, memoryview)):
            event[key] = f"({len(value)} bytes)"
    return event


def _as_text(value: Any) -> str:
    return f"({len(value)} bytes)" if isinstance(value, (bytes, bytearray, memoryview)) else repr(value)
