"""How a listing becomes a table that fits a terminal, if it can (pure).

    what gives way, in this order                   what never does
    columns that no row fills                       names, addresses and numbers
    a part of the gap between columns               columns that the caller keeps whole, such as commands
    the middle of ids                               the first 8 and the last 12 characters of an id
    the width of the last column, if it is prose    its words
    columns that the caller can spare

Invariant: no line of a table is longer than the terminal is wide. An id is told from a name by its length, since no
name is as long. What is left of one is too much for anybody to find a second key for: of a machine's the first eight
are all alike, and the last twelve some 70 bits.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import NamedTuple

NOTHING = "-"
"""The cell of a row that has no such value."""
_GAPS = "   ", "  "
_ID = re.compile(r"[0-9A-Za-z]{46,}")
"""An owner's has 52 characters and a machine's as many; a name has at most 40."""
_WHOLE_ID = 52
_HEAD = 8
_SHORT_ID = 21
_MIN_PROSE = 24
_TO_PASTE = re.compile(r'`[^`]*`|"beam [^"]*"')
_NO_BREAK = "\N{NO-BREAK SPACE}"
"""No clean text has one: it is not printable, as Python sees it."""
_ON_THE_LAST = {"Mn", "Me"}
"""Categories of characters that stand on the one before. What shows nothing at all is in no clean text."""
CUT = "…"
"""In the place of an id's middle."""


class Table(NamedTuple):
    """A listing as it is printed."""

    headings: str
    lines: list[str]
    hidden: tuple[str, ...] = ()
    """The columns that there was no room for."""


def lay_out(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int,
    *,
    whole: Sequence[str] = (),
    spare: Sequence[str] = (),
    prose: str | None = None,
) -> Table | None:
    """The rows as a table of at most `width` characters a line; None if it can't be made to fit.

    Ids in the columns `whole` are not shortened; those of `spare` are left out one by one, the first one first; `prose`
    is the last column if it may be broken at spaces.
    """
    columns, rows = _only(columns, rows, lambda number: any(row[number] != NOTHING for row in rows))
    for gap in _GAPS:
        if _total(columns, rows, gap) <= width:
            return _table(columns, rows, gap)
    hidden: list[str] = []
    for column in (None, *spare):
        if column is not None:
            if column not in columns:
                continue
            columns, rows = _only(columns, rows, columns.index(column).__ne__)
            hidden.append(column)
        table = _squeezed(columns, rows, width, whole, prose)
        if table is not None:
            return table._replace(hidden=tuple(hidden))
    return None


def _only(
    columns: Sequence[str], rows: Sequence[Sequence[str]], wanted: Callable[[int], bool]
) -> tuple[list[str], list[list[str]]]:
    kept = [number for number in range(len(columns)) if wanted(number)]
    return [columns[number] for number in kept], [[row[number] for number in kept] for row in rows]


def _squeezed(
    columns: Sequence[str], rows: Sequence[Sequence[str]], width: int, whole: Sequence[str], prose: str | None
) -> Table | None:
    """With as much of the ids as there is room for, else with the least and the last column broken."""
    gap = _GAPS[-1]
    short = rows
    for length in range(_WHOLE_ID, _SHORT_ID - 1, -1):
        short = [_shortened(columns, row, length, whole) for row in rows]
        if _total(columns, short, gap) <= width:
            return _table(columns, short, gap)
    if prose is None or columns[-1] != prose:
        return None
    room = width - _total(columns[:-1], [row[:-1] for row in short], gap) - len(gap)
    return _with_prose(columns, short, gap, room) if room >= _MIN_PROSE else None


def cells(text: str) -> int:
    """How many columns of a terminal a clean text takes: a wide character two, a combining one none (UAX #11)."""
    if text.isascii():
        return len(text)
    return sum(map(_width, text))


def _width(char: str) -> int:
    if unicodedata.category(char) in _ON_THE_LAST:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def padded(text: str, width: int) -> str:
    """The text and as many spaces as make it `width` columns."""
    return text + " " * (width - cells(text))


def wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """Prose in lines of `width` columns, broken at spaces alone; `indent` goes before each line but the first."""
    first, *words = text.replace("\n", " ").split(" ")
    lines = [first]
    for word in words:
        longer = f"{lines[-1]} {word}"
        if cells(longer.rstrip()) <= width or not lines[-1].strip():
            lines[-1] = longer
        else:
            lines.append(indent + word)
    return [line.rstrip() for line in lines]


def fitted(text: str, width: int) -> str:
    """The lines of a clean text, each broken at spaces if it is too long for a terminal so wide.

    A command, in backticks or (for another machine) in quotes, is never broken, since it is to be pasted: the terminal
    does it, which pastes as one line.
    """
    return "\n".join(_fitted(line, width) for line in text.split("\n"))


def _fitted(line: str, width: int) -> str:
    if cells(line) <= width or width < _MIN_PROSE:
        return line
    indent = line[: len(line) - len(line.lstrip())]
    kept = _TO_PASTE.sub(lambda found: found.group().replace(" ", _NO_BREAK), line)
    return "\n".join(wrapped(kept, width, indent)).replace(_NO_BREAK, " ")


def shorten_ids(text: str, length: int = _SHORT_ID) -> str:
    """The text with the middle of each id left out, so that `length` characters of it stand there."""

    def short(found: re.Match[str]) -> str:
        word = found.group()
        return word if len(word) <= length else f"{word[:_HEAD]}{CUT}{word[_HEAD + 1 - length :]}"

    return _ID.sub(short, text)


def _shortened(columns: Sequence[str], row: Sequence[str], length: int, whole: Sequence[str]) -> list[str]:
    return [cell if column in whole else shorten_ids(cell, length) for column, cell in zip(columns, row, strict=True)]


def _widths(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(cells, column)) for column in zip(columns, *rows, strict=True)]


def _total(columns: Sequence[str], rows: Sequence[Sequence[str]], gap: str) -> int:
    widths = _widths(columns, rows)
    return sum(widths) + len(gap) * (len(widths) - 1)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], gap: str) -> Table:
    widths = _widths(columns, rows)
    return Table(_joined(columns, widths, gap), [_joined(row, widths, gap) for row in rows])


def _joined(row: Sequence[str], widths: Sequence[int], gap: str) -> str:
    return gap.join(padded(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _with_prose(columns: Sequence[str], rows: Sequence[Sequence[str]], gap: str, room: int) -> Table | None:
    """With the last column broken under its heading; None if a word of it is wider than there is room."""
    parts = [wrapped(row[-1], room) for row in rows]
    if any(cells(line) > room for lines in parts for line in lines):
        return None
    widths = [*_widths(columns[:-1], [row[:-1] for row in rows]), 0]
    below = []
    for row, (first, *more) in zip(rows, parts, strict=True):
        below.append(_joined([*row[:-1], first], widths, gap))
        below += [_joined([*[""] * (len(row) - 1), line], widths, gap) for line in more]
    return Table(_joined(columns, widths, gap), below)
