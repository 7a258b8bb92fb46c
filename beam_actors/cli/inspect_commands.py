"""`crash`, `logs` and `ca`: an actor's end, the daemon's log, and its certificate."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from beam_actors.cli.context import App, beam_command
from beam_actors.cli.home import LOG
from beam_actors.cli.output import is_terminal, write
from beam_actors.world.polling import pause

_FOLLOW_SECONDS = 0.25


@click.command
@click.argument("path")
@beam_command
def crash(app: App, path: str) -> None:
    """Crash the actor at PATH, such as node/core/services/registry; only under `start --chaos`."""
    answer = app.ask("POST", "/v1/crash", {"path": path})
    if app.out.as_json:
        app.out.data(answer)
        return
    app.out.line(f"Crashed: {answer['path']}")


@click.command
@beam_command
def ca(app: App) -> None:
    """The path of the local CA's root certificate, for `curl --cacert "$(beam ca)"`."""
    answer = app.ask("GET", "/v1/ca")
    if app.out.as_json:
        app.out.data(answer)
        return
    app.out.line(answer["path"])
    if is_terminal():
        app.out.note(f"It may sign only {', '.join(answer['permitted'])}; SHA-256 {answer['sha256']}.")


@click.command
@click.option("-f", "--follow", is_flag=True, help="Wait for more lines until Ctrl-C.")
@click.option(
    "-n",
    "--lines",
    "count",
    type=click.IntRange(0, 100_000),
    default=200,
    show_default=True,
    metavar="N",
    help="The last so many.",
)
@beam_command
def logs(app: App, count: int, *, follow: bool) -> None:
    """The daemon's log, also while none runs; --json prints its lines as they are stored."""
    path = app.home.file(LOG)
    show: Callable[[str], None] = write if app.out.as_json else lambda line: app.out.line(log_line_for_people(line))
    lines, position = _tail(path, count)
    for line in lines:
        show(line)
    if count and not lines and not follow:
        app.out.note(f"The log {path} is empty or not there yet.")
    if follow:
        try:
            for line in _follow(path, position):
                show(line)
        except KeyboardInterrupt:
            return


def _tail(path: Path, count: int) -> tuple[list[str], int]:
    """The last `count` lines of the log and of the one rotated before it, and where the log ended."""
    lines: list[str] = []
    position = 0
    for part in (path.with_name(path.name + ".1"), path):
        try:
            content = part.read_bytes()
        except OSError:
            continue
        lines += content.decode("utf-8", "replace").splitlines()
        position = len(content) if part is path else 0
    return lines[len(lines) - count :] if count < len(lines) else lines, position


def _follow(path: Path, position: int) -> Iterator[str]:
    rest = b""
    while True:
        try:
            size = path.stat().st_size
            if size < position:  # rotated: a new file has begun
                position, rest = 0, b""
            with path.open("rb") as file:
                file.seek(position)
                content = file.read()
        except OSError:
            content = b""
        position += len(content)
        *lines, rest = (rest + content).split(b"\n")
        for line in lines:
            yield line.decode("utf-8", "replace")
        pause(_FOLLOW_SECONDS)


def log_line_for_people(line: str) -> str:
    """`time level event key=value …` from a line of JSON, values with spaces in quotes; anything else as it is."""
    try:
        record = json.loads(line)
    except ValueError:
        return line
    if not isinstance(record, dict):
        return line
    head = f"{record.pop('timestamp', '-')} {record.pop('level', '-'):<8} {record.pop('event', '')}"
    trace = record.pop("exception", None)
    fields = "".join(f" {key}={_field(value)}" for key, value in record.items())
    return f"{head}{fields}" + (f"\n{trace}" if trace else "")


def _field(value: Any) -> str:
    if isinstance(value, str) and value and not any(char.isspace() or char == '"' for char in value):
        return value
    return json.dumps(value, ensure_ascii=False)
