"""Starting a detached daemon from a command, and waiting until it answers or says why it cannot.

The child is this program in a session of its own, with its console in a file of the home. Its parent waits with a
deadline: ready means that the control socket answers a status; an early end means that the last line of the console
is the reason and the exit code the child's.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from beam_actors import __version__
from beam_actors.cli.home import CONSOLE, READY, Home
from beam_actors.cli.output import PROGRAM, program_at
from beam_actors.errors import BeamError, DaemonNotRunning, TimedOut
from beam_actors.world.polling import poll
from beam_actors.world.process import is_alive

COMMAND = (sys.executable, "-m", "beam_actors")
START_SECONDS = 30.0
_PROGRESS_AFTER = 0.5
_MAX_CONSOLE = 64 * 1024


class DaemonFailed(BeamError):
    """A started daemon ended before it was ready; the message is its own, and so is the exit code."""

    code = "daemon-failed"

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.remote_code = self.code
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
        DaemonFailed: it ended, with its own sentence and exit code.
        TimedOut: it was not ready after 30 seconds (it is left running, and its log says more).
    """
    home.prepare()
    console = home.file(CONSOLE)
    console.unlink(missing_ok=True)
    command = [*COMMAND, "start", "--home", str(home.path), *options]
    inherited: tuple[int, ...] = ()
    if secret is not None:
        reader, writer = os.pipe()
        with os.fdopen(writer, "wb") as pipe:  # 1 KiB at most (see read_passphrase), less than a pipe holds
            pipe.write(secret.encode())
        inherited = (reader,)
        command += ["--passphrase-file", f"/dev/fd/{reader}"]
    try:
        with os.fdopen(os.open(console, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            process = subprocess.Popen(  # noqa: S603 (our own program, by the interpreter that runs this one)
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                pass_fds=inherited,
                cwd="/",  # holds no mount of somebody's project
            )
    finally:
        for descriptor in inherited:
            os.close(descriptor)
    try:
        _wait_until_ready(home, process, say)
    finally:
        if process.returncode is None:
            process.returncode = 0  # it lives on its own: no warning about a child that still runs
    for line in _lines(console):
        if line.startswith(READY):
            break
        say(line)
    return process.pid


def _wait_until_ready(home: Home, process: "subprocess.Popen[bytes]", say: Callable[[str], None]) -> None:
    def decided() -> bool:
        return process.poll() is not None or is_running(home)

    if not poll(decided, seconds=_PROGRESS_AFTER):
        say("Starting the daemon…")
        if not poll(decided, seconds=START_SECONDS):
            raise TimedOut(f"The daemon was not ready after {START_SECONDS:g} seconds; `beam logs` may say why.")
    exit_code = process.poll()
    if exit_code is not None:
        raise DaemonFailed(_last_words(home.file(CONSOLE)), exit_code if 0 < exit_code < 128 else 1)


def _last_words(console: Path) -> str:
    """The last line that the daemon printed, without its prefix."""
    lines = _lines(console)
    return lines[-1].removeprefix("Error: ") if lines else "The daemon ended without a word; `beam logs` may say why."


def _lines(console: Path) -> list[str]:
    """What the daemon printed last, within a bound; its hints as of a program that was called without `--home`."""
    try:
        with console.open("rb") as file:
            file.seek(max(0, console.stat().st_size - _MAX_CONSOLE))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    text = text.replace(f"`{program_at(console.parent)} ", f"`{PROGRAM} ")
    return [line.strip() for line in text.splitlines() if line.strip()]


def wait_until_gone(home: Home, timeout: float, processes: Collection[int] = ()) -> None:
    """Return once no daemon holds the home and the processes have ended; `TimedOut` after `timeout` seconds."""
    others = [pid for pid in processes if pid != os.getpid()]
    if not poll(lambda: not (home.in_use() or any(map(is_alive, others))), seconds=timeout):
        raise TimedOut(f"The daemon is still stopping after {timeout:g} seconds; `beam logs` may say why.")
