"""What every command has: `--home`, `--json`, a client of the daemon, and one way to end with an error.

`beam_command` makes a function a command of the program: it gets an `App` first. A `BeamError` becomes one sentence
on stderr (with `--json` also an object on stdout) and the exit code that its class, or the daemon, names.
"""

import functools
import os
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click

from beam_actors import __version__
from beam_actors.cli.home import Home, find_home
from beam_actors.cli.output import PROGRAM, Output, program_at
from beam_actors.errors import BeamError

Command = Callable[..., Any]


class App:
    """One run of one command: its home, its output, and the daemon (asked when first needed)."""

    def __init__(self, home: Home, output: Output) -> None:
        self.home = home
        self.out = output
        self.daemon_pid: int | None = None
        """The process that was asked last, where the system tells."""
        self._noted = False

    def __repr__(self) -> str:
        return f"App({self.home.path})"

    def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        timeout: float = 40.0,
        at: str | None = None,
    ) -> dict[str, Any]:
        """The daemon's answer without `version`; raises as `ControlClient.call`, and notes another version.

        `at` is the control socket, if it is not the one that the home's pointer names.
        """
        from beam_actors.world.control_client import ControlClient  # noqa: PLC0415 (`--help` needs no client)

        client = ControlClient(at or self.home.socket_path(), version=__version__)
        try:
            return client.call(method, path, body, timeout=timeout)
        finally:
            self.daemon_pid = client.daemon_pid
            self.note_version(client.daemon_version)

    def lines(self, path: str, body: Mapping[str, Any], *, patience: float) -> Generator[dict[str, Any], None, None]:
        """The lines of the daemon's streamed answer."""
        from beam_actors.world.control_client import ControlClient  # noqa: PLC0415

        client = ControlClient(self.home.socket_path(), version=__version__)
        for line in client.lines(path, body, patience=patience):
            self.note_version(client.daemon_version)
            yield line

    def note_version(self, daemon: str | None) -> None:
        """Say so, once, when the daemon is of another version than this program."""
        if daemon is not None and daemon != __version__ and not self._noted:
            self._noted = True
            self.out.note(
                f"The running daemon is version {daemon} and this program is {__version__}: "
                "restart it with `beam stop`, then `beam start --detach`."
            )


def beam_command(function: Command) -> Command:
    """Add `--home` and `--json`, hand over an `App`, and end with the right exit code."""

    def run(*args: Any, as_json: bool, home_option: str | None, **kwargs: Any) -> Any:
        ctx = click.get_current_context()
        above = ctx.obj if isinstance(ctx.obj, dict) else {}
        as_json = as_json or bool(above.get("as_json"))
        home_option = home_option or above.get("home")
        ctx.obj = {"as_json": as_json, "home": home_option}  # for the commands below a group
        home = find_home(home_option, os.environ)
        output = Output(as_json=as_json, program=program_for(home_option))
        with errors_as_exit_codes(output):
            return function(App(home, output), *args, **kwargs)

    functools.update_wrapper(run, function)
    with_home = click.option("--home", "home_option", metavar="DIR", help="The daemon's folder (else BEAM_HOME).")(run)
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")(with_home)


def program_for(home_option: str | None) -> str:
    """How hints call the program: with the home, unless it is the platform's, so that they work in any shell."""
    if not home_option and not os.environ.get("BEAM_HOME"):
        return PROGRAM
    return program_at(find_home(home_option, os.environ).path)


@contextmanager
def errors_as_exit_codes(output: Output) -> Iterator[None]:
    """Turn a `BeamError` into its sentence and exit code."""
    try:
        yield
    except BeamError as error:
        code, exit_code = _named(error)
        message = str(error) or type(error).__name__
        output.error(code, message, exit_code)
        output.note(f"Error: {message}")
        sys.exit(exit_code)
    except BrokenPipeError:  # `beam tree | head`: the reader has what it wanted
        sys.exit(1)


def _named(error: BeamError) -> tuple[str, int]:
    remote = getattr(error, "remote_code", None)
    if isinstance(remote, str):
        return remote, getattr(error, "remote_exit_code", 1)
    return error.code, error.exit_code
