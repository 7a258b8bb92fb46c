"""The program `beam`: its commands in a newcomer's order, the `beam 3000` shorthand, and its exit codes.

Exit codes (one table for all commands, docs/cli.md): 0 done, 1 failed, 2 usage, 3 daemon not running, 4 refused,
5 timed out, 6 not found; 130 when Ctrl-C ended a command that was not meant to be ended so, or a person answered no.
"""

import errno
import sys
from collections.abc import Sequence

import click

from beam_actors import __version__
from beam_actors.cli.commands import COMMANDS, SECTIONS, SHARE, looks_like_target
from beam_actors.cli.output import Output, cannot_print, discard, open_missing_streams, to_fit, wait_for_readers

_TARGET = "PORT | HOST:PORT"
_UNPRINTED = {errno.EBADF, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


class Beam(click.Group):
    """The top level: `beam 3000` means `beam share 3000`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the options before the command; one that belongs to a target is told where that is."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            for param in SHARE.load().params:
                if error.option_name in param.opts and isinstance(param, click.Option):
                    value = "" if param.is_flag else f" {param.make_metavar(ctx)}"
                    raise click.UsageError(
                        f"{error.option_name} belongs after the port: `beam 3000 {error.option_name}{value}`.", ctx
                    ) from None
            raise

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names, in a newcomer's order."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of that name."""
        del ctx
        entry = COMMANDS.get(cmd_name)
        return None if entry is None else entry.load()

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands, section by section."""
        del ctx
        for title, section in SECTIONS.items():
            rows = [(_TARGET, SHARE.summary)] if "expose" in section else []
            rows += [(f"{word:<{len(_TARGET)}}", entry.summary) for word, entry in section.items()]
            with formatter.section(title):
                formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first argument names, or take the argument for a target."""
        if looks_like_target(args[0]):
            return args[0], SHARE.load(), args  # so that its usage shows what was typed
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            from beam_actors.cli.slips import did_you_mean  # noqa: PLC0415 (a slip of the finger need not be quick)

            meant = did_you_mean(args, [word for word in COMMANDS if COMMANDS[word] is not SHARE])
            raise click.UsageError(f"Beam {__version__} has no command {args[0]!r}: {meant}", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    cls=Beam,
    no_args_is_help=True,
    subcommand_metavar="COMMAND | PORT | HOST:PORT",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="`beam COMMAND --help` says more of each, `beam 3000 --help` of the first (in full: `beam share 3000`).",
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
    wait_for_readers()
    exit_code = _run(arguments)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        discard(sys.stdout)
        exit_code = exit_code or 1
    except OSError as error:
        exit_code = _unprinted(error) if exit_code == 0 else exit_code
    return exit_code


def _run(arguments: Sequence[str]) -> int:
    try:
        result = beam.main(list(arguments), prog_name="beam", standalone_mode=False)
    except click.ClickException as error:
        Output(as_json="--json" in arguments).error("usage", error.format_message(), error.exit_code)
        _with_hints(error).show()
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


def _with_hints(error: click.ClickException) -> click.ClickException:
    """The same error, its hints with the `--home` before the command; what click itself says has none."""
    if type(error) is not click.UsageError or error.ctx is None:
        return error
    from beam_actors.cli.context import program_for  # noqa: PLC0415 (`--help` needs no home)

    # A word that is no command is met before the command above it has run and said which home it is.
    program = program_for(error.ctx.params.get("home_option") or error.ctx.find_root().params.get("home"))
    message = Output(as_json=False, program=program).hinted(error.message)
    return click.UsageError(to_fit(f"Error: {message}", sys.stderr).removeprefix("Error: "), error.ctx)


def _unprinted(error: OSError) -> int:
    discard(sys.stdout)
    Output(as_json=False).note(f"Error: {cannot_print(error)}")
    return 1
