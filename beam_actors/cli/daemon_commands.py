"""`start`, `stop` and `phrase`: the daemon itself, and the owner's recovery phrase."""

import gc
import os
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from beam_actors.cli.context import App, beam_command
from beam_actors.cli.daemon import start_detached, wait_until_gone
from beam_actors.cli.home import PHRASE
from beam_actors.cli.output import is_terminal
from beam_actors.errors import BeamError, DaemonNotRunning, UsageError
from beam_actors.world.home_lock import holder_of

if TYPE_CHECKING:
    from beam_actors.world.files import HomeFiles

_MAX_PASSPHRASE = 1024
_WORDS_A_LINE = 4
_STOP_SECONDS = 20.0


class PhraseNotKept(BeamError):
    """The recovery phrase is not on this machine (any more)."""

    code = "phrase-not-kept"
    exit_code = 6


@click.command
@click.option("--detach", is_flag=True, help="Return once the daemon is ready, or say why it is not.")
@click.option("--listen", metavar="MULTIADDR", multiple=True, help="Listen for peers here (repeat).")
@click.option("--bootstrap", metavar="MULTIADDR", multiple=True, help="Meet this peer, always (repeat).")
@click.option("--dns", metavar="HOST:PORT", help="Answer DNS here, or 'off'.")
@click.option("--https", metavar="HOST:PORT", help="Serve names over HTTPS here, or 'off'.")
@click.option("--http", metavar="HOST:PORT", help="Serve names over HTTP here, or 'off'.")
@click.option(
    "--network",
    metavar="ID",
    help="Live in another network than 'beam', with other names; a home that holds names stays in its own.",
)
@click.option("--no-mdns", is_flag=True, help="Ask no device of the LAN for its name.")
@click.option("--chaos", is_flag=True, help="Allow `beam crash`.")
@click.option("--kill-at", metavar="POINT:COUNT", hidden=True)  # for the soak: die where data becomes durable
@click.option("--console-fd", type=int, hidden=True)  # from --detach: where to print once the daemon is ready
@click.option("--passphrase-file", metavar="FILE", help="The keystore's passphrase is this file's first line.")
@beam_command
def start(
    app: App,
    listen: tuple[str, ...],
    bootstrap: tuple[str, ...],
    dns: str | None,
    https: str | None,
    http: str | None,
    network: str | None,
    kill_at: str | None,
    console_fd: int | None,
    passphrase_file: str | None,
    *,
    detach: bool,
    no_mdns: bool,
    chaos: bool,
) -> None:
    """Run the daemon of this home."""
    from beam_actors.cli.options import StartOptions  # noqa: PLC0415 (20 ms of value types)

    options = StartOptions(
        listen=listen,
        bootstrap=bootstrap,
        dns=dns,
        https=https,
        http=http,
        network=network,
        mdns=not no_mdns,
        chaos=chaos,
        kill_at=kill_at,
    )
    options.check()
    secret = None if passphrase_file is None else read_passphrase(passphrase_file)
    if detach:
        _detach(app, options.arguments(), secret)
        return
    # What modules make is never garbage: not to look for some saves an eighth of the start, and to set it aside spares
    # each later collection from going through it.
    gc.disable()
    from beam_actors.cli.start import run_daemon  # noqa: PLC0415 (trio and all rooms: only the daemon pays for them)

    gc.freeze()
    gc.enable()
    run_daemon(app.home, options, secret, app.out, console_fd)


def _detach(app: App, arguments: Sequence[str], secret: str | None) -> None:
    app.home.prepare()
    app.home.check_free()
    pid = start_detached(app.home, arguments, app.out.note, secret)
    answer = app.ask("GET", "/v1/status")
    if app.out.as_json:
        app.out.data({**answer, "pid": pid})
        return
    app.out.prose(f"⚡ Beam runs in the background (process {pid}); `beam status` says more.")
    app.out.line(f"🌐 Peer: {answer['peer_id']}")


@click.command
@beam_command
def stop(app: App) -> None:
    """Stop the daemon in order, and return when it has ended; that none runs is no error."""
    holder = holder_of(app.home.path)
    try:
        _ask_to_stop(app)
    except DaemonNotRunning:
        if not app.home.in_use():
            _say_stopped(app, was_running=False)
            return
        # It is stopping already, or went before it could say so.
    wait_until_gone(app.home, _STOP_SECONDS, {pid for pid in (holder, app.daemon_pid) if pid is not None})
    _say_stopped(app, was_running=True)


def _say_stopped(app: App, *, was_running: bool) -> None:
    if app.out.as_json:
        app.out.data({"stopped": True, "was_running": was_running})
        return
    app.out.prose("Stopped." if was_running else "No daemon was running for this home, so there is nothing to stop.")


def _ask_to_stop(app: App) -> None:
    try:
        app.ask("POST", "/v1/stop")
    except DaemonNotRunning:
        for socket in app.home.sockets_without_pointer(os.environ):
            with suppress(DaemonNotRunning):
                app.ask("POST", "/v1/stop", at=socket)
                return
        raise


@click.command
@click.option("--forget", is_flag=True, help="Remove it from this machine, once you wrote it down.")
@beam_command
def phrase(app: App, *, forget: bool) -> None:
    """The owner's recovery phrase, which brings your names back on another machine."""
    from beam_actors.world.files import HomeFiles  # noqa: PLC0415 (only this command reads private files)

    if not app.home.file(PHRASE).exists():
        from beam_actors.node import KEYSTORE  # noqa: PLC0415 (a quarter of a second that only this answer needs)

        if not app.home.file(KEYSTORE).exists():
            raise PhraseNotKept("There is no recovery phrase yet: the first `beam start` makes one.")
        raise PhraseNotKept(
            "The recovery phrase is not on this machine: it was forgotten, or this home was recovered by it, and does "
            "not keep it."
        )
    with HomeFiles(app.home.path) as files:
        _phrase(app, files, forget=forget)


def _phrase(app: App, files: "HomeFiles", *, forget: bool) -> None:
    if not forget:
        words = (files.read(PHRASE, limit=4096) or b"").decode("utf-8", "replace").strip()
        if app.out.as_json:
            app.out.data({"phrase": words, "path": files.path(PHRASE)})
            return
        if is_terminal():
            for line in numbered(words.split()):
                app.out.line(line)
            app.out.note("Write it down, then `beam phrase --forget` removes it from this machine.")
        else:
            app.out.line(words)
        return
    if is_terminal() and not app.out.as_json:
        app.out.prose("Without this phrase a lost machine means lost names.")
        click.confirm("Is it written down?", abort=True)
    files.remove(PHRASE)
    if app.out.as_json:
        app.out.data({"forgotten": True})
        return
    app.out.prose("Forgotten: the phrase is no longer on this machine.")


def numbered(words: Sequence[str]) -> list[str]:
    """A phrase as it is written down: four numbered words a line, in columns."""
    width = max(map(len, words), default=0)
    cells = [f"{number:>2}. {word:<{width}}" for number, word in enumerate(words, start=1)]
    return ["  ".join(cells[at : at + _WORDS_A_LINE]).rstrip() for at in range(0, len(cells), _WORDS_A_LINE)]


def read_passphrase(path: str) -> str:
    """The first line of a file (or of a pipe such as /dev/fd/3), 1 to 1024 bytes; raise `UsageError`."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 (pathlib has no bounded read)
            data = file.read(_MAX_PASSPHRASE + 2)
        text = data.decode("utf-8").splitlines()[0] if data else ""
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UsageError(f"The passphrase file {path} cannot be used: {reason}.") from None
    if not 0 < len(text.encode()) <= _MAX_PASSPHRASE:
        raise UsageError(f"The first line of the passphrase file {path} has no 1 to {_MAX_PASSPHRASE} bytes.")
    return text
