"""`trace`: what an actor handles, a line for each message, until the limit, Ctrl-C, or the actor's end.

Invariant: nothing is shown of a message but what the daemon sends, which is types, sizes and public values; that goes
to stdout, and what is said about the trace itself to stderr.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime
from typing import Any

import click

from beam_actors.cli.context import App, beam_command
from beam_actors.cli.output import clean, counted, is_colourful, write
from beam_actors.cli.tree_view import one_line, precise

_PATIENCE = 40.0
_MOST_RECORDS = 100_000
_MOST_A_SECOND = 1_000
_STYLES = {"crashed": "red", "cut": "red", "refused": "yellow", "exited": "yellow", "started": "green"}
_WORDS = {"handled": "handled", "deferred": "deferred", "stashed": "stashed", "cut": "cut short"}


def _read_rate(_ctx: click.Context, _param: click.Parameter, value: str) -> int:
    """`50` or `50/s` as a whole number of records a second."""
    digits = value.removesuffix("/s")
    if not digits.isascii() or not digits.isdigit() or not 1 <= int(digits[:9]) <= _MOST_A_SECOND:
        raise click.BadParameter(f"{value!r} is no rate from 1 to {_MOST_A_SECOND}, such as 50 or 50/s.")
    return int(digits)


@click.command
@click.argument("actor")
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(1, _MOST_RECORDS),
    default=100,
    show_default=True,
    metavar="N",
    help="End after so many.",
)
@click.option(
    "--rate", callback=_read_rate, default="50/s", show_default=True, metavar="N/s", help="Only count what is beyond."
)
@click.option("--subtree", is_flag=True, help="All actors at and below it.")
@beam_command
def trace(app: App, actor: str, limit: int, rate: int, *, subtree: bool) -> None:
    """What the actor at ACTOR (a path of `beam tree`, or the end of one) handles, until Ctrl-C.

    Of a message the type is shown, and of its fields types, sizes and public values: no keys, no text, no bytes.
    """
    body = {"actor": actor, "limit": limit, "rate": rate, "subtree": subtree}
    view = _View(app)
    try:
        with closing(app.lines("/v1/trace", body, patience=_PATIENCE)) as lines:
            for line in lines:
                view.show(line)
    except KeyboardInterrupt:
        view.interrupted()


class _View:
    """What was shown so far."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._root = ""
        self._limit = 0
        self._shown = 0

    def show(self, line: Mapping[str, Any]) -> None:
        event, out = line.get("event"), self._app.out
        self._shown += event == "record"
        if event == "tracing":
            self._root, self._limit = str(line["actor"]), line["limit"]
        if out.as_json:
            if event != "beat":  # it only says that the daemon is there
                out.data(line)
        elif event == "tracing":
            what = f"{self._root} and all below it" if line["subtree"] else self._root
            out.note(f"Tracing {what}: {line['limit']} records, {line['rate']} a second at most. Press Ctrl+C to stop")
        elif event == "record":
            write(_paint(line, self._root))
        elif event == "ended":
            out.note(self._end(line))

    def interrupted(self) -> None:
        if not self._app.out.as_json:
            self._app.out.note(f"\n{counted(self._shown, 'record')} shown.")

    def _end(self, line: Mapping[str, Any]) -> str:
        left_out = f" {line['missed']} more were left out." if line["missed"] else ""
        if line["why"] == "limit":
            return f"The limit of {self._limit} is reached; --limit raises it.{left_out}"
        if line["why"] == "gone":
            return f"{self._root} has ended for good.{left_out}"
        return f"The daemon ended the trace.{left_out}"


def _paint(record: Mapping[str, Any], root: str) -> str:
    text = clean(describe(record, root))
    style = _STYLES.get(record["outcome"]) or _STYLES.get(record["kind"])
    if not is_colourful():
        return text
    time, _, rest = text.partition("  ")
    return f"{click.style(time, dim=True)}  {click.style(rest, fg=style)}"


def describe(record: Mapping[str, Any], root: str) -> str:
    """One record in a line; actors below `root` by the rest of their path."""
    moment = datetime.fromtimestamp(record["time"]).astimezone()
    parts = [f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03}", *_who(record, root), " · ".join(_what(record))]
    return "  ".join(map(one_line, parts))


def _who(record: Mapping[str, Any], root: str) -> Iterator[str]:
    path = str(record["path"])
    if path != root:
        yield path.removeprefix(f"{root}/")


def _what(record: Mapping[str, Any]) -> Iterator[str]:
    kind, outcome, detail = record["kind"], record["outcome"], record["detail"]
    message = f"{record['message']}({record['shown']})"
    if kind == "started":
        yield f"started (incarnation {record['incarnation']})"
    elif kind == "exited":
        yield f"ended (incarnation {record['incarnation']}): {detail}"
    elif kind == "notice":
        yield message
    else:
        yield f"answer to {message}" if kind == "answer" else message
        if record["sender"] and kind == "message":
            yield f"from {record['sender']}"
        if outcome in {"replied", "refused", "crashed"}:
            yield f"{outcome} {detail}"
        else:
            yield " ".join(filter(None, (_WORDS.get(outcome, outcome), detail)))
        waited = record["waited_s"]
        yield precise(record["took_s"]) + (f" after waiting {precise(waited)}" if (waited or 0) >= 0.001 else "")
    if record["missed"]:
        yield f"{record['missed']} before it left out"
