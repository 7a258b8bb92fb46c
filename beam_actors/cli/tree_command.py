"""`tree`: the live supervision tree, once or again and again in its place.

Invariants: on a terminal a watched tree never takes more lines than there are, nor a line more columns; what is
printed once, or into a pipe, is whole. A daemon that goes away while it is watched is waited for a little: a restart
is what one watches for. Ctrl-C is how watching is meant to end.
"""

import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol, Self

import click

from beam_actors.cli.absence import WENT_AWAY, Absence
from beam_actors.cli.context import App, beam_command
from beam_actors.cli.output import can_rewrite, clean, counted, is_colourful, is_terminal, printing, write
from beam_actors.cli.tree_view import count, describe, describe_dead, find, fit, name_of, style_of, walk
from beam_actors.errors import BeamError
from beam_actors.world.polling import pause

if TYPE_CHECKING:
    import rich.console

    Show = rich.console.RenderableType

_ASK_SECONDS = 10.0
_DEAD_LINES = 5


@click.command
@click.argument("path", required=False)
@click.option("-w", "--watch", is_flag=True, help="Show it again and again until Ctrl-C.")
@click.option(
    "--interval",
    type=click.FloatRange(0.1, 3600),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="Between two looks of --watch.",
)
@beam_command
def tree(app: App, path: str | None, interval: float, *, watch: bool) -> None:
    """The live supervision tree, with restarts and why they happened; of PATH (or the end of it) that part alone."""
    if watch:
        try:
            _watch(app, path, interval)
        except KeyboardInterrupt:
            return
        return
    answer = _part(app.ask("GET", "/v1/tree"), path)
    if app.out.as_json:
        app.out.data(answer)
    elif is_terminal():
        with printing():
            _console().print(_drawing(answer))
    else:
        _write_plain(answer)


def _part(answer: Mapping[str, Any], path: str | None) -> Mapping[str, Any]:
    return answer if path is None else find(answer, path)


def _write_plain(answer: Mapping[str, Any]) -> None:
    for indent, node in walk(answer):
        write("  " * indent + clean(describe(node)))
    dead = answer.get("dead") or ()
    if dead:
        write("recently dead")
    for row in dead:
        write("  " + clean(describe_dead(row)))


# --- watching ---


class _Screen(Protocol):
    def show(self, answer: Mapping[str, Any], note: str) -> None:
        """The tree as it is now."""

    def away(self, note: str) -> None:
        """The daemon does not answer."""


def _watch(app: App, path: str | None, interval: float) -> None:
    with _screen(app, interval) as screen:
        note, absence, shown = "", Absence(), False
        process: int | None = None
        while True:
            try:
                answer = app.ask("GET", "/v1/tree", timeout=_ASK_SECONDS)
                part = _part(answer, path)
            except BeamError as error:
                if not shown:
                    raise
                absence.bear(error, interval)
                note = WENT_AWAY
                screen.away(note)
            else:
                if shown and app.daemon_pid != process:
                    note = "The daemon was restarted."
                elif absence:
                    note = ""
                absence.end()
                shown, process = True, app.daemon_pid
                screen.show(part, note)
            pause(interval)


def _screen(app: App, interval: float) -> AbstractContextManager[_Screen]:
    if not app.out.as_json and can_rewrite():
        return _Redrawn(interval)
    return nullcontext(_Printed(app))


class _Printed:
    """One tree after the other, for a pipe or a terminal that can't rewrite; with --json an object a line."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._first = True
        self._note = ""

    def show(self, answer: Mapping[str, Any], note: str) -> None:
        if self._app.out.as_json:
            self._app.out.data(answer)
        else:
            if not self._first:
                write("")
            _write_plain(answer)
        self._first = False
        self._say(note)

    def away(self, note: str) -> None:
        self._say(note)

    def _say(self, note: str) -> None:
        if note and note != self._note:
            self._app.out.note(note)
        self._note = note


class _Redrawn(AbstractContextManager["_Redrawn"]):
    """The tree in its place on a terminal."""

    def __init__(self, interval: float) -> None:
        import rich.live  # noqa: PLC0415 (60 ms that only a terminal needs)

        self._interval = interval
        self._console = _console()
        self._live = rich.live.Live(console=self._console, auto_refresh=False, vertical_overflow="crop")
        self._answer: Mapping[str, Any] | None = None

    def __enter__(self) -> Self:
        with printing():
            self._live.start()
        return self

    def __exit__(self, *_error: object) -> None:
        with printing():
            self._live.stop()

    def show(self, answer: Mapping[str, Any], note: str) -> None:
        self._answer = answer
        self._draw(note)

    def away(self, note: str) -> None:
        self._draw(note)

    def _draw(self, note: str) -> None:
        if self._answer is None:
            return
        lines = shutil.get_terminal_size().lines - 1  # the cursor's own line, else the terminal scrolls
        with printing():
            self._live.update(_frame(self._answer, note, self._interval, lines), refresh=True)


def _frame(answer: Mapping[str, Any], note: str, interval: float, lines: int) -> "Show":
    """A tree with a line about it above and the dead below, in at most so many lines."""
    import rich.console  # noqa: PLC0415 (as above)

    numbers = count(answer)
    facts = [counted(numbers.actors, "actor"), counted(numbers.restarts, "restart"), f"{numbers.waiting} waiting"]
    if numbers.not_running:
        facts.append(f"{numbers.not_running} not running")
    facts.append(f"every {interval:g} s, Ctrl-C ends it")
    head = [_line(" · ".join(facts), "dim")]
    if note:
        head.append(_line(note, "yellow"))
    dead = answer.get("dead") or ()
    room = max(1, lines - len(head))
    shown_dead = min(len(dead), _DEAD_LINES, max(0, room // 3 - 2))
    below = [_line(describe_dead(row), "dim") for row in dead[:shown_dead]]
    if below:
        more = f"recently dead, {shown_dead} of {len(dead)}:" if len(dead) > shown_dead else "recently dead:"
        below.insert(0, _line(more, "dim"))
    drawing = _drawing({**answer, "dead": ()}, room - len(below))
    return rich.console.Group(*head, drawing, *below)


def _drawing(answer: Mapping[str, Any], lines: int | None = None) -> "Show":
    """The tree with its branches: whole and wrapped, or in so many lines, each cut to the width of the terminal."""
    import rich.console  # noqa: PLC0415 (as above)
    import rich.text  # noqa: PLC0415
    import rich.tree  # noqa: PLC0415

    left_out = None if lines is None else fit(answer, lines)

    def label(node: Mapping[str, Any]) -> rich.text.Text:
        text = rich.text.Text(clean(describe(node)))
        if left_out is not None:
            text.no_wrap, text.overflow = True, "ellipsis"
        text.stylize(style_of(node), 0, len(clean(name_of(node))))
        return text

    def grow(branch: rich.tree.Tree, node: Mapping[str, Any]) -> None:
        for child in node["children"]:
            if left_out is None or child["path"] in left_out:
                grow(branch.add(label(child)), child)
        hidden = 0 if left_out is None else left_out[node["path"]]
        if hidden:
            branch.add(_line(f"… {hidden} more", "dim"))

    drawn = rich.tree.Tree(label(answer))
    grow(drawn, answer)
    dead = answer.get("dead") or ()
    if not dead:
        return drawn
    graves = rich.tree.Tree(rich.text.Text("recently dead"))
    for row in dead:
        graves.add(rich.text.Text(clean(describe_dead(row))))
    return rich.console.Group(drawn, graves)


def _line(text: str, style: str) -> "Show":
    import rich.text  # noqa: PLC0415 (as above)

    return rich.text.Text(clean(text), style=style, no_wrap=True, overflow="ellipsis")


def _console() -> "rich.console.Console":
    import rich.console  # noqa: PLC0415 (as above)

    return rich.console.Console(color_system="auto" if is_colourful() else None, highlight=False)
