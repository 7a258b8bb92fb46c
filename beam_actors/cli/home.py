"""A home: the private folder of one daemon, its lock, and the short path of its control socket.

Owns these invariants: a home and the runtime folder are 0700 and belong to this user; at most one daemon holds a
home's lock; a control socket's path has at most 100 bytes however long the home's is, and is found again through a
pointer file in the home; a socket is removed only under the lock and only when nobody answers there.
It must stay quick to import, and knows nothing of what a daemon does.
"""

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

from beam_actors.errors import BeamError, DaemonNotRunning, HomeInUse, NotAllowed, StorageError, UsageError
from beam_actors.world.home_lock import LOCK, is_locked
from beam_actors.world.polling import poll

MAX_SOCKET_BYTES = 100
POINTER = "control-socket"
LOG = "beam.log"
CONSOLE = "console.log"
DATABASE = "beam.sqlite"
PHRASE = "recovery-phrase.txt"
LIMITS = "limits.toml"
_ORPHAN_SECONDS = 5.0
READY = "⚡ Beam"
"""How the line begins by which a daemon says that it is ready, after everything else that it says of its start."""


def find_home(option: str | None, environment: Mapping[str, str]) -> "Home":
    """The home that `--home`, else BEAM_HOME, else the platform's data folder names."""
    chosen = option or environment.get("BEAM_HOME")
    if chosen:
        return Home(Path(os.path.abspath(os.path.expanduser(chosen))))  # noqa: PTH100, PTH111 (no symlink is followed)
    import platformdirs  # noqa: PLC0415 (28 ms that most scripts, which name a home, need not pay)

    return Home(Path(platformdirs.user_data_dir("beam-actors")))


@attrs.frozen(slots=True)
class Home:
    """Paths of one home; nothing is created before `prepare`."""

    path: Path

    def file(self, name: str) -> Path:
        """The path of a file in the home."""
        return self.path / name

    def prepare(self) -> None:
        """Create the folder, 0700, or make sure that the one that is there is this user's own.

        Raises:
            NotAllowed: it belongs to somebody else, or is open to others and holds other things than a home.
            UsageError: it is no folder.
            StorageError: the disk refuses.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self.path.mkdir(mode=0o700)
            except FileExistsError:
                self._check_existing()
            else:
                self.path.chmod(0o700)  # whatever the umask was
        except BeamError:
            raise
        except OSError as error:
            raise _refused(self.path, error) from error

    def _check_existing(self) -> None:
        if not self.path.is_dir():
            raise UsageError(f"{self.path} is not a folder; choose another --home.")
        status = self.path.stat()
        if status.st_uid != os.getuid():
            raise NotAllowed(f"The home {self.path} belongs to another user; choose another --home.")
        if stat.S_IMODE(status.st_mode) & 0o077:
            if any(self.path.iterdir()) and not self.file(LOCK).exists():
                raise NotAllowed(
                    f"{self.path} is open to others and holds other files: choose an empty folder or `chmod 700` it."
                )
            self.path.chmod(0o700)

    def in_use(self) -> bool:
        """Whether a daemon holds the home's lock."""
        return is_locked(self.path)

    def socket_path(self) -> str:
        """The control socket that the pointer names; raise `DaemonNotRunning` when there is none or it is not ours."""
        try:
            text = self.file(POINTER).read_text("utf-8")[: MAX_SOCKET_BYTES + 1].strip()
            folder = Path(text).parent
            status = folder.lstat()
        except (OSError, ValueError):
            raise _not_running() from None
        if not Path(text).is_absolute() or len(os.fsencode(text)) > MAX_SOCKET_BYTES:
            raise _not_running()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
            raise NotAllowed(f"The folder of the control socket, {folder}, belongs to another user.")
        return text

    def choose_socket(self, environment: Mapping[str, str]) -> str:
        """Where this home's control socket goes: a short runtime folder, made ready, and a name of the home's own.

        Raises:
            NotAllowed: somebody else holds the folder that it would be in, and the home's own path is too long.
            StorageError: the disk refuses.
        """
        folder = next(_runtime_folders(environment))
        if _is_anothers(folder):
            if len(os.fsencode(self.path / self._socket_name)) > MAX_SOCKET_BYTES:
                raise NotAllowed(
                    f"{folder} belongs to somebody else, and the control socket would be there: set XDG_RUNTIME_DIR to "
                    "a folder of yours, or choose a --home with a shorter path."
                )
            return str(self.path / self._socket_name)
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            folder.chmod(0o700)
        except OSError as error:
            raise _refused(folder, error) from error
        return str(folder / self._socket_name)

    def sockets_without_pointer(self, environment: Mapping[str, str]) -> list[str]:
        """Where a daemon of this home may answer still when the home was removed, and the pointer with it."""
        folders = (folder for folder in _runtime_folders(environment) if folder.is_dir() and not _is_anothers(folder))
        return [str(folder / self._socket_name) for folder in folders if (folder / self._socket_name).is_socket()]

    @property
    def _socket_name(self) -> str:
        digest = hashlib.blake2b(os.fsencode(os.path.realpath(self.path)), digest_size=10).hexdigest()
        return f"{digest}.sock"

    def check_free(self) -> None:
        """Raise `HomeInUse` when a daemon holds the home (the lock itself decides; this is for a better sentence)."""
        if self.in_use():
            raise HomeInUse(
                f"A daemon already runs on the home {self.path}: stop it with `beam stop`, or choose another --home."
            )


def clear_stale_socket(path: str, *, patience: float = _ORPHAN_SECONDS) -> None:
    """Remove a dead daemon's control socket, so that a new one can be bound. Call with the home's lock held.

    A daemon that still answers has lost its home, and is given `patience` seconds to notice and to end.

    Raises:
        HomeInUse: somebody answers there although the home is not locked.
        StorageError: what is there is not a socket.
    """
    from beam_actors.world.control_client import is_answered, process_behind  # noqa: PLC0415 (only a start needs it)

    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise StorageError(f"{path} should be the control socket and is something else; remove it.")
    if not poll(lambda: not is_answered(path), seconds=patience):
        pid = process_behind(path)
        who, way = (f"Process {pid}", f" or `kill {pid}`") if pid else ("A program", "")
        raise HomeInUse(
            f"{who} answers at {path} and does not hold this home, which was removed or replaced under it: end it with "
            f"`beam stop`{way}, then start again."
        )
    Path(path).unlink(missing_ok=True)


def _runtime_folders(environment: Mapping[str, str]) -> Iterator[Path]:
    """`$XDG_RUNTIME_DIR/beam` when that is this user's and short, then `/tmp/beam-UID`."""
    offered = environment.get("XDG_RUNTIME_DIR", "")
    if offered.startswith("/") and len(os.fsencode(offered)) <= 60 and _is_private_folder(Path(offered)):
        yield Path(offered) / "beam"
    yield Path(f"/tmp/beam-{os.getuid()}")  # noqa: S108 (a fixed place: its owner is checked before it is used)


def _is_anothers(folder: Path) -> bool:
    """Whether something else than a folder of this user's is there."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    return not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid()


def _is_private_folder(path: Path) -> bool:
    try:
        status = path.stat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o022


def _refused(path: Path, error: OSError) -> StorageError:
    return StorageError(f"{path} cannot be used: {error.strerror or error}.")


def _not_running() -> DaemonNotRunning:
    return DaemonNotRunning("No daemon is running for this home; start it with `beam start --detach`.")
