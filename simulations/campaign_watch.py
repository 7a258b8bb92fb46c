"""What a person sees of a campaign: a bar while it runs, and what failed when it is over."""

import os
import shlex
import time
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from simulations.campaign import Campaign, Result, Task, dask_executor, local_executor


def watch(
    campaign: Campaign, tasks: Sequence[Task], processes: int | None, dask: str | None, minutes: float | None
) -> int:
    """Run the campaign with a bar on stderr; 0 if nothing failed, 1 if something did, 130 when it was interrupted."""
    console = Console(stderr=True)
    at_once = processes or os.cpu_count() or 1
    if dask is None:
        executor = local_executor(at_once)
    else:
        try:
            executor, at_once = dask_executor(dask)
        except (ImportError, OSError, ValueError) as error:
            _say(console, f"The Dask cluster at {dask} can't be used: {error}")
            return 2
    until = None if minutes is None else time.monotonic() + minutes * 60
    before = _say_what_is_known(console, campaign, tasks)
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    stopped = False
    with Progress(*columns, console=console) as bar:
        line = bar.add_task("no failure", total=len(tasks), completed=before)

        def tell(result: Result) -> None:
            kinds = len(campaign.failures)
            said = "no failure" if not kinds else f"[red]{_several(kinds, 'kind')} of failure[/red]"
            bar.update(line, advance=1, description=said)
            if not result.passed:
                _say(console, f"{result.key}: {result.message or result.signature}")

        try:
            campaign.run(
                tasks, executor, at_once=at_once, tell=tell,
                go_on=lambda: until is None or time.monotonic() < until,
            )  # fmt: skip
        except KeyboardInterrupt:
            stopped = True
        finally:
            executor.shutdown(wait=not stopped, cancel_futures=True)
    _say_what_came_of_it(console, campaign, tasks, "Interrupted" if stopped else "The time ran out")
    if stopped:
        return 130
    return int(any(task.key in campaign.done and not campaign.done[task.key].passed for task in tasks))


def _say_what_is_known(console: Console, campaign: Campaign, tasks: Sequence[Task]) -> int:
    """How many runs need not be done."""
    before = sum(task.key in campaign.done for task in tasks)
    if before:
        _say(console, f"{before} of {_several(len(tasks), 'run')} stand in {campaign.results} already.")
    if campaign.outdated:
        _say(console, f"Not counted: {_several(campaign.outdated, 'run')} of other code in {campaign.results}.")
    return before


def _say_what_came_of_it(console: Console, campaign: Campaign, tasks: Sequence[Task], why: str) -> None:
    missing = sum(task.key not in campaign.done for task in tasks)
    if missing:
        _say(console, f"{why}: {_several(missing, 'run')} not done.")
    for text in _summary(campaign, tasks):
        _say(console, text)


def _say(console: Console, text: str) -> None:
    """One line, however long: a command in it must stay one."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _several(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _summary(campaign: Campaign, tasks: Sequence[Task]) -> list[str]:
    done = [campaign.done[task.key] for task in tasks if task.key in campaign.done]
    virtual, wall = sum(result.virtual_s for result in done), sum(result.wall_s for result in done)
    histories = len({result.trace for result in done})
    hours = f"{virtual / 3600:.1f} simulated hours in {wall / 3600:.2f} hours of processors"
    many = "history" if histories == 1 else "different histories"
    lines = [f"{len(done)} of {_several(len(tasks), 'run')}, {histories} {many}, {hours}"]
    for signature, results in sorted(campaign.failures.items()):
        kept = next((result.kept for result in results if result.kept), "")
        lines.append(f"  {_several(len(results), 'time')}: {signature}")
        lines.append(f"    first {results[0].key}: {results[0].message[:300]}")
        if kept:
            lines.append(f"    python -m simulations replay {shlex.quote(kept)}")
    return lines
