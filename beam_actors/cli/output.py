"""What a command prints: data on stdout (text, or JSON with `schema`), words for people on stderr where they would mix.

Owns two invariants: nothing that came from another machine reaches a terminal with its control characters, and
colour appears only on a terminal whose user did not set NO_COLOR. `rich` is imported only to write to a terminal.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

SCHEMA = 1


class Output:
    """The two streams of one command."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def __repr__(self) -> str:
        return f"Output({'json' if self.as_json else 'text'})"

    def data(self, content: Mapping[str, Any]) -> None:
        """Print one JSON object with `schema`."""
        click.echo(json.dumps({"schema": SCHEMA, **content}))

    def line(self, text: str = "") -> None:
        """A line of a command's result, on stdout."""
        click.echo(clean(text))

    def styled(self, text: str, **style: Any) -> None:
        """Like `line`, in a colour where the terminal shows them."""
        click.echo(click.style(clean(text), **style) if is_colourful() else clean(text))

    def note(self, text: str) -> None:
        """A remark for people, on stderr."""
        click.echo(clean(text), err=True)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str) -> None:
        """Rows under headings: drawn on a terminal, tab-separated without headings in a pipe (for `cut` and `awk`)."""
        if not rows:
            self.note(empty)
            return
        cleaned = [[clean(cell) for cell in row] for row in rows]
        if not is_terminal():
            for row in cleaned:
                click.echo("\t".join(row))
            return
        import rich.box  # noqa: PLC0415 (60 ms that only a terminal needs)
        import rich.console  # noqa: PLC0415
        import rich.table  # noqa: PLC0415
        import rich.text  # noqa: PLC0415

        table = rich.table.Table(box=rich.box.SIMPLE_HEAD, pad_edge=False)
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in cleaned:
            table.add_row(*(rich.text.Text(cell) for cell in row))
        rich.console.Console(no_color=not is_colourful(), highlight=False).print(table)


def clean(text: str) -> str:
    """`text` without control and direction characters (a peer's agent string must not steer a terminal)."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\n" else "\ufffd" for char in text)


def is_terminal() -> bool:
    """Whether stdout is read by a person."""
    return sys.stdout.isatty()


def is_colourful() -> bool:
    """Whether colour is wanted (no-color.org; TERM=dumb)."""
    return is_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def duration(seconds: float) -> str:
    """`seconds` for people: 42 s, 12 min, 5 h, 3 d."""
    for limit, size, unit in ((120, 1, "s"), (7200, 60, "min"), (172800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86400:.0f} d"


def counted(number: int, noun: str) -> str:
    """`1 peer`, `3 peers`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
