"""What a command prints: data on stdout (text, or JSON with `schema`), words for people on stderr where they would mix.

Owns five invariants: nothing that came from another machine reaches a terminal with its control characters, colour
appears only on a terminal whose user did not set NO_COLOR, no value in a pipe is ever cut or broken over two lines,
prose on a terminal is broken between words, and values and commands, which are to be pasted, by the terminal alone, and
a command of this program that is shown in backticks works as pasted, for the home that is spoken of.
"""

import io
import json
import os
import re
import select
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import click

from beam_actors.cli.tables import NOTHING, fitted, lay_out
from beam_actors.errors import BeamError

SCHEMA = 1
PROGRAM = "beam"
_OURS = re.compile(rf"`{PROGRAM} (?!--)")
"""How a command begins that is to be typed on this machine. One for another machine stands in quotes."""


class OutputLost(BeamError):
    """What a command had to print could not be printed."""

    code = "output-lost"


class Output:
    """The two streams of one command; `program` is how this one was called, and how its hints begin."""

    def __init__(self, *, as_json: bool, program: str = PROGRAM) -> None:
        self.as_json = as_json
        self.program = program

    def __repr__(self) -> str:
        return f"Output({'json' if self.as_json else 'text'})"

    def data(self, content: Mapping[str, Any]) -> None:
        """Print one JSON object with `schema`."""
        write(json.dumps({"schema": SCHEMA, **content}))

    def error(self, code: str, message: str, exit_code: int) -> None:
        """With `--json` the object that says what went wrong; if nobody gets it, the exit code says enough."""
        if not self.as_json:
            return
        with suppress(OutputLost, BrokenPipeError):
            self.data({"error": {"code": code, "message": message, "exit_code": exit_code}})

    def hinted(self, text: str) -> str:
        """The text with its commands of this program (`beam …` in backticks) as they work when they are pasted here.

        One that is for another machine stands in quotes ("beam …") and stays as it is, and so does one that is about
        no home (`beam --help`).
        """
        return text if self.program == PROGRAM else _OURS.sub(lambda _: f"`{self.program} ", text)

    def line(self, text: str = "") -> None:
        """A line of a command's result, on stdout, whole."""
        write(clean(self.hinted(text)))

    def prose(self, text: str) -> None:
        """Like `line`, of words for people: on a terminal it is broken where it is too long."""
        write(to_fit(clean(self.hinted(text)), sys.stdout))

    def styled(self, text: str, **style: Any) -> None:
        """Like `prose`, in a colour where the terminal shows them."""
        text = to_fit(clean(self.hinted(text)), sys.stdout)
        write(click.style(text, **style) if is_colourful() else text)

    def note(self, text: str) -> None:
        """A remark for people, on stderr."""
        try:
            click.echo(to_fit(clean(self.hinted(text)), sys.stderr), err=True)
        except OSError:  # a remark that nobody can hear must not end what it is about
            discard(sys.stderr)

    def facts(self, facts: Sequence[tuple[str, str]]) -> None:
        """What is known of one thing, a fact a line."""
        width = max(len(key) for key, _ in facts)
        for key, value in facts:
            self.line(f"{key:<{width}}  {value}")

    def table(
        self,
        columns: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        empty: str,
        whole: Sequence[str] = (),
        spare: Sequence[str] = (),
        prose: str | None = None,
    ) -> None:
        """Rows under headings, or a block of `facts` for each where the terminal is too narrow for a table of them.

        In a pipe they are tab-separated and whole, without headings (for `cut` and `awk`); a person who looks on finds
        these on stderr. `whole`, `spare` and `prose` are as in `lay_out`.
        """
        if not rows:
            self.note(empty)
            return
        cleaned = [[clean(self.hinted(cell)) for cell in row] for row in rows]
        if not is_terminal():
            if sys.stderr.isatty():
                self.note("   ".join(columns))
            for row in cleaned:
                write("\t".join(row))
            return
        width = shutil.get_terminal_size().columns
        table = lay_out(columns, cleaned, width, whole=whole, spare=spare, prose=prose)
        if table is not None:
            self.styled(table.headings, bold=True)
            for line in table.lines:
                write(line)
            if table.hidden:
                self.note(f"Left out for want of width: {', '.join(table.hidden)} (a pipe shows all).")
            return
        for number, cells in enumerate(rows):
            if number:
                self.line()
            self.facts([(column, cell) for column, cell in zip(columns, cells, strict=True) if cell != NOTHING])


def write(text: str, *, nl: bool = True) -> None:
    """Print on stdout as it is; raises like `printing`."""
    with printing():
        click.echo(text, nl=nl)


@contextmanager
def printing() -> Iterator[None]:
    """Around everything that writes to stdout.

    Raises:
        OutputLost: it can't be written, such as on a full disk; nothing more is tried.
        BrokenPipeError: nobody reads it any more.
    """
    try:
        yield
    except BrokenPipeError:
        discard(sys.stdout)
        raise
    except OSError as error:
        discard(sys.stdout)
        raise OutputLost(cannot_print(error)) from None


def cannot_print(error: OSError) -> str:
    """Why nothing was printed, in a sentence."""
    return f"The output can't be written ({error.strerror or error}): send it elsewhere, or free some space."


def discard(stream: TextIO) -> None:
    """Lead a stream that fails to nowhere, with what waits in it, or the interpreter would complain at its end."""
    with suppress(OSError, ValueError):  # a stream without a descriptor, in a test
        descriptor = stream.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)


def open_missing_streams() -> None:
    """Give a program that was started without some of its three streams the null device in their place.

    Otherwise the next file that is opened takes the number, and gets what is meant for a terminal. In the place of
    stdout it can only be read: data that nobody can get are lost, and that is an error.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDONLY if descriptor == 1 else os.O_RDWR)  # the lowest number that is free: this
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            setattr(sys, name, open(descriptor, "w", encoding="utf-8", closefd=False))  # noqa: SIM115 (for good)


class _Patient(io.FileIO):
    """A descriptor that may say "later", written to until it took everything: who made it so is another program."""

    def write(self, data: Any) -> int:
        """See `io.RawIOBase`."""
        while (written := super().write(data)) is None:
            select.select((), (self,), ())
        return written


def wait_for_readers() -> None:
    """Wait where a stream was made non-blocking, as programs with an event loop do to the pipes that they hand out.

    The flag belongs to everybody who shares the pipe or the terminal, so it is not taken back.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        with suppress(OSError, ValueError):  # a stream without a descriptor, in a test
            if not os.get_blocking(stream.fileno()):
                raw = io.BufferedWriter(_Patient(stream.fileno(), "w", closefd=False))
                patient = io.TextIOWrapper(raw, stream.encoding, stream.errors, line_buffering=stream.line_buffering)
                setattr(sys, name, patient)


def program_at(home: Path) -> str:
    """How the program is called for a home that no environment variable names."""
    return f"{PROGRAM} --home {shlex.quote(str(home))}"


def clean(text: str) -> str:
    """`text` without control and direction characters (a peer's agent string must not steer a terminal)."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\n" else "\ufffd" for char in text)


def to_fit(text: str, stream: TextIO) -> str:
    """The clean text in lines that fit the terminal that the stream is, if it is one."""
    if not stream.isatty():
        return text
    chosen = os.environ.get("COLUMNS", "")
    with suppress(OSError, ValueError):  # a stream without a descriptor, or a terminal that knows no size
        return fitted(text, int(chosen) if chosen.isdigit() else os.get_terminal_size(stream.fileno()).columns)
    return text


def is_terminal() -> bool:
    """Whether stdout is read by a person."""
    return sys.stdout.isatty()


def can_rewrite() -> bool:
    """Whether a line on stdout can be written over."""
    return is_terminal() and os.environ.get("TERM") != "dumb"


def is_colourful() -> bool:
    """Whether colour is wanted (no-color.org; TERM=dumb)."""
    return can_rewrite() and not os.environ.get("NO_COLOR")


def duration(seconds: float) -> str:
    """`seconds` for people: 42 s, 12 min, 5 h, 3 d."""
    for limit, size, unit in ((120, 1, "s"), (7200, 60, "min"), (172800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86400:.0f} d"


def moment(at: float) -> str:
    """A time (since 1970) for people: 2026-11-29 08:15:30Z."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}Z"


def amount(size: int) -> str:
    """`size` bytes for people: 900 B, 12 kB, 3.4 MB; rich has this, but no command that only asks may wait for rich."""
    if size < 1000:
        return f"{size} B"
    value = float(size)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 999.5:
            return f"{value:.1f} {unit}" if value < 9.95 else f"{value:.0f} {unit}"
    return f"{value / 1000:.1f} TB"


def counted(number: int, noun: str) -> str:
    """`1 peer`, `3 peers`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
