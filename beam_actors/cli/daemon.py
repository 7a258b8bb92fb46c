"""Starting a detached daemon from a command, and waiting until it answers or says why it cannot.

The child is this program in a session of its own. Until it is ready it prints to a pipe that its parent hears, since
a full disk may be what there is to say; then to a file of the home. The parent waits with a deadline: ready means that
the control socket answers a status; an early end means that the last line heard is the reason and the exit code the
child's.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from beam_actors import __version__
from beam_actors.cli.home import CONSOLE, READY, Home
from beam_actors.cli.output import PROGRAM, program_at
from beam_actors.errors import BeamError, DaemonNotRunning, NotAllowed, StorageError, TimedOut, UsageError
from beam_actors.world.polling import poll
from beam_actors.world.process import is_alive

COMMAND = (sys.executable, "-m", "beam_actors")
START_SECONDS = 30.0
_PROGRESS_AFTER = 0.5
_MAX_CONSOLE = 64 * 1024


_CODES = {error.exit_code: error.code for error in (UsageError, NotAllowed, TimedOut)}
"""For a daemon that ended without naming a code."""


class DaemonFailed(BeamError):
    """A started daemon ended before it was ready; the message is its own, and so are the code and the exit code."""

    code = "daemon-failed"

    def __init__(self, message: str, exit_code: int, code: str | None = None) -> None:
        super().__init__(message)
        self.remote_code = code or _CODES.get(exit_code, self.code)
        self.remote_exit_code = exit_code


def is_running(home: Home) -> bool:
    """Whether a daemon of this home answers, if only by an error."""
    from beam_actors.world.control_client import CommandFailed, ControlClient  # noqa: PLC0415 (only when asked)

    try:
        ControlClient(home.socket_path(), version=__version__).call("GET", "/v1/id", timeout=5.0)
    except DaemonNotRunning:
        return False
    except CommandFailed:
        return True
    return True


def ensure_daemon(home: Home, say: Callable[[str], None], *, check: Callable[[], object]) -> bool:
    """Start a detached daemon unless one answers; whether one was started.

    `check` is called before one is started, and raises for a request that no daemon would grant. Raises like
    `start_detached`.
    """
    if is_running(home):
        return False
    check()
    start_detached(home, (), say)
    return True


def start_detached(home: Home, options: Sequence[str], say: Callable[[str], None], secret: str | None = None) -> int:
    """Start a daemon in the background and return its process id once it answers; `say` what it said meanwhile.

    `secret` is a passphrase for it, handed over in a pipe, so that it is in no argument list and no file.

    Raises:
        StorageError: the home refuses the file that it would print to.
        DaemonFailed: it ended, with its own sentence and exit code.
        TimedOut: it was not ready after 30 seconds (it is left running, and its log says more).
    """
    home.prepare()
    command = [*COMMAND, "start", "--home", str(home.path), "--json", *options]  # which names the code of an error
    inherited: list[int] = []
    if secret is not None:
        reader, writer = os.pipe()
        inherited.append(reader)
        with os.fdopen(writer, "wb") as pipe:  # 1 KiB at most (see read_passphrase), less than a pipe holds
            pipe.write(secret.encode())
        command += ["--passphrase-file", f"/dev/fd/{reader}"]
    try:
        console = _new_console(home.file(CONSOLE))
        inherited.append(console)
        with Words(console, program_at(home.path)) as words:
            process = subprocess.Popen(  # noqa: S603 (our own program, by the interpreter that runs this one)
                [*command, "--console-fd", str(console)],
                stdin=subprocess.DEVNULL,
                stdout=words.writer,
                stderr=words.writer,
                start_new_session=True,
                pass_fds=inherited,
                cwd="/",  # holds no mount of somebody's project
            )
            words.close_writer()
            try:
                _wait_until_ready(home, process, words, say)
            finally:
                if process.returncode is None:
                    process.returncode = 0  # it lives on its own: no warning about a child that still runs
    finally:
        for descriptor in inherited:
            os.close(descriptor)
    for line in words.lines():
        if line.startswith(READY):
            break
        say(line)
    return process.pid


def _wait_until_ready(
    home: Home, process: "subprocess.Popen[bytes]", words: "Words", say: Callable[[str], None]
) -> None:
    def decided() -> bool:
        words.hear()
        return process.poll() is not None or is_running(home)

    if not poll(decided, seconds=_PROGRESS_AFTER):
        say("Starting the daemon…")
        if not poll(decided, seconds=START_SECONDS):
            raise TimedOut(f"The daemon was not ready after {START_SECONDS:g} seconds; `beam logs` may say why.")
    words.hear()
    exit_code = process.poll()
    if exit_code is not None:
        raise DaemonFailed(words.last(), exit_code if 0 < exit_code < 128 else 1, words.error_code())


def _json_in(line: str) -> dict[str, Any] | None:
    """The object that a line for programs is."""
    with suppress(ValueError):
        content = json.loads(line) if line.startswith("{") else None
        return content if isinstance(content, dict) else None
    return None


def _new_console(path: Path) -> int:
    """A new file for what the daemon prints, open to append to it."""
    try:
        path.unlink(missing_ok=True)
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageError(
            f"{path}, for what the daemon prints, can't be made anew ({error.strerror}): move what is there aside, and "
            "make sure that the folder can be written to."
        ) from None


class Words:
    """What a starting daemon prints: heard through a pipe, which no full disk silences, and kept in the console file.

    A context manager that holds the pipe; `console` is the file's descriptor, and `program` how the daemon calls the
    program in its hints.
    """

    def __init__(self, console: int, program: str) -> None:
        self._console = console
        self._program = program
        self._heard = b""
        self._reader, self.writer = os.pipe()
        os.set_blocking(self._reader, False)

    def __repr__(self) -> str:
        return f"Words({len(self._heard)} bytes)"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close_writer()
        os.close(self._reader)

    def close_writer(self) -> None:
        """Leave the writing end to the daemon alone."""
        if self.writer >= 0:
            os.close(self.writer)
            self.writer = -1

    def hear(self) -> None:
        """Take what was printed so far."""
        with suppress(BlockingIOError):
            while data := os.read(self._reader, _MAX_CONSOLE):
                self._heard = (self._heard + data)[-_MAX_CONSOLE:]
                with suppress(OSError):  # the disk is full: it is heard all the same
                    os.write(self._console, data)

    def lines(self) -> list[str]:
        """The last of what was heard for people, its hints as of a program that was called without `--home`."""
        return [line.replace(f"`{self._program} ", f"`{PROGRAM} ") for line in self._all() if _json_in(line) is None]

    def error_code(self) -> str | None:
        """The code of the error with which it ended, if it named one."""
        for line in reversed(self._all()):
            match _json_in(line):
                case {"error": {"code": str() as code}}:
                    return code
        return None

    def _all(self) -> list[str]:
        lines = map(str.strip, self._heard.decode("utf-8", "replace").splitlines())
        return [line for line in lines if line]

    def last(self) -> str:
        """The last line, without its prefix."""
        lines = self.lines()
        last = lines[-1] if lines else "The daemon ended without a word; `beam logs` may say why."
        return last.removeprefix("Error: ")


def wait_until_gone(home: Home, timeout: float, processes: Collection[int] = ()) -> None:
    """Return once no daemon holds the home and the processes have ended; `TimedOut` after `timeout` seconds."""
    others = [pid for pid in processes if pid != os.getpid()]
    if not poll(lambda: not (home.in_use() or any(map(is_alive, others))), seconds=timeout):
        raise TimedOut(f"The daemon is still stopping after {timeout:g} seconds; `beam logs` may say why.")
