"""The program `beam`: its commands in a newcomer's order, the `beam 3000` shorthand, and its exit codes.

Exit codes (one table for all commands, design section 10): 0 done, 1 failed, 2 usage, 3 daemon not running, 4 not
allowed, 5 timed out; 130 when Ctrl-C ended a command that was not meant to be ended so.
"""

import errno
import sys
from collections.abc import Sequence

import click

from beam_actors import __version__
from beam_actors.cli.daemon_commands import phrase, start, stop
from beam_actors.cli.inspect_commands import ca, crash, logs
from beam_actors.cli.name_commands import names, pin, register, release, resolve, unpin
from beam_actors.cli.network_commands import connect, peers, ping, show_id, status
from beam_actors.cli.output import Output, cannot_print, discard, open_missing_streams
from beam_actors.cli.share_command import share
from beam_actors.cli.targets import looks_like_target
from beam_actors.cli.trace_command import trace
from beam_actors.cli.tree_command import tree
from beam_actors.cli.tunnel_commands import expose, forward, forwards, tunnels, unexpose, unforward

_SECTIONS = {
    "Offer and reach": (expose, unexpose, tunnels, forward, unforward, forwards),
    "Names": (register, release, names, resolve, pin, unpin),
    "The daemon and its network": (start, stop, status, show_id, peers, connect, ping),
    "Look inside": (tree, trace, logs, crash, ca, phrase),
}
_SHARE_HELP = ("PORT | HOST:PORT", "Offer a local service for as long as this runs.")
_UNPRINTED = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
_NAME_WIDTH = len(_SHARE_HELP[0])


class Beam(click.Group):
    """The top level: `beam 3000` means `beam share 3000`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which they were added."""
        del ctx
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands, section by section."""
        del ctx
        for title, commands in _SECTIONS.items():
            rows = [_SHARE_HELP] if expose in commands else []
            rows += [(f"{command.name:<{_NAME_WIDTH}}", command.get_short_help_str(limit=100)) for command in commands]
            with formatter.section(title):
                formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first argument names, or take the argument for a target."""
        if looks_like_target(args[0]):
            return args[0], share, args  # so that its usage shows what was typed
        if args[0] not in self.commands and not args[0].startswith("-"):
            import difflib  # noqa: PLC0415 (a slip of the finger need not be quick)

            close = difflib.get_close_matches(args[0], self.commands, n=1)
            meant = f"did you mean {close[0]!r}? " if close else ""
            raise click.UsageError(
                f"Beam {__version__} has no command {args[0]!r}; {meant}`beam --help` lists them.", ctx
            )
        return super().resolve_command(ctx, args)


@click.group(
    cls=Beam,
    commands=[share, *(command for commands in _SECTIONS.values() for command in commands)],
    no_args_is_help=True,
    subcommand_metavar="COMMAND | PORT | HOST:PORT",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="`beam COMMAND --help` says more of each, `beam 3000 --help` of the first.",
)
@click.version_option(__version__, prog_name="beam", message="%(prog)s %(version)s")
@click.option("--home", metavar="DIR", help="The daemon's folder (else BEAM_HOME, else the platform's).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.pass_context
def beam(ctx: click.Context, home: str | None, *, as_json: bool) -> None:
    """Give a port on this machine a name that lasts, and open it from any other machine."""
    ctx.obj = {"home": home, "as_json": as_json}


def run(arguments: Sequence[str]) -> int:
    """Run the program; the exit code."""
    open_missing_streams()
    exit_code = _run(arguments)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        discard(sys.stdout)
    except OSError as error:
        exit_code = _unprinted(error) if exit_code == 0 else exit_code
    return exit_code


def _run(arguments: Sequence[str]) -> int:
    try:
        result = beam.main(list(arguments), prog_name="beam", standalone_mode=False)
    except click.ClickException as error:
        if "--json" in arguments:
            message = error.format_message()
            Output(as_json=True).data({"error": {"code": "usage", "message": message, "exit_code": error.exit_code}})
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except SystemExit as error:  # from a command that named its exit code
        return error.code if isinstance(error.code, int) else 1
    except OSError as error:
        if error.filename is not None or error.errno not in _UNPRINTED:
            raise
        return _unprinted(error)  # a help text: commands say so by themselves
    return result if isinstance(result, int) else 0


def _unprinted(error: OSError) -> int:
    discard(sys.stdout)
    Output(as_json=False).note(f"Error: {cannot_print(error)}")
    return 1
