"""A home: the private folder of one daemon, its lock, and the short path of its control socket.

Owns these invariants: a home and the runtime folder are 0700 and belong to this user; at most one daemon holds a
home's lock; a control socket's path has at most 100 bytes however long the home's is, and is found again through a
pointer file in the home; a socket is removed only under the lock and only when nobody answers there.
It must stay quick to import, and knows nothing of what a daemon does.
"""

import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path

import attrs

from beam_actors.errors import BeamError, DaemonNotRunning, HomeInUse, NotAllowed, StorageError, UsageError
from beam_actors.world.home_lock import LOCK, is_locked

MAX_SOCKET_BYTES = 100
POINTER = "control-socket"
LOG = "beam.log"
CONSOLE = "console.log"
DATABASE = "beam.sqlite"
PHRASE = "recovery-phrase.txt"
LIMITS = "limits.toml"
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
            NotAllowed: it belongs to somebody else.
            UsageError: it is no folder, or it is open to others and holds other things than a home.
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
                raise UsageError(
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
        """Where this home's control socket goes: a short runtime folder, made ready, and a name of the home's own."""
        digest = hashlib.blake2b(os.fsencode(os.path.realpath(self.path)), digest_size=10).hexdigest()
        return str(_runtime_folder(environment) / f"{digest}.sock")

    def check_free(self) -> None:
        """Raise `HomeInUse` when a daemon holds the home (the lock itself decides; this is for a better sentence)."""
        if self.in_use():
            raise HomeInUse(
                f"A daemon already runs on the home {self.path}: stop it with `beam stop`, or choose another --home."
            )


def clear_stale_socket(path: str) -> None:
    """Remove a dead daemon's control socket, so that a new one can be bound. Call with the home's lock held.

    Raises:
        HomeInUse: somebody answers there although the home is not locked.
        StorageError: what is there is not a socket.
    """
    from beam_actors.world.control_client import is_answered  # noqa: PLC0415 (only a starting daemon needs it)

    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise StorageError(f"{path} should be the control socket and is something else; remove it.")
    if is_answered(path):
        raise HomeInUse(f"Something answers at {path} already; stop it first.")
    Path(path).unlink(missing_ok=True)


def _runtime_folder(environment: Mapping[str, str]) -> Path:
    """`$XDG_RUNTIME_DIR/beam` when that is this user's and short, else `/tmp/beam-UID`; 0700 and this user's."""
    offered = environment.get("XDG_RUNTIME_DIR", "")
    if offered.startswith("/") and len(os.fsencode(offered)) <= 60 and _is_private_folder(Path(offered)):
        folder = Path(offered) / "beam"
    else:
        folder = Path(f"/tmp/beam-{os.getuid()}")  # noqa: S108 (a fixed place: its owner and mode are checked below)
    try:
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            status = folder.lstat()
            if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
                raise NotAllowed(f"{folder} is not a folder of this user; remove it or set XDG_RUNTIME_DIR.") from None
        folder.chmod(0o700)
    except BeamError:
        raise
    except OSError as error:
        raise _refused(folder, error) from error
    return folder


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
